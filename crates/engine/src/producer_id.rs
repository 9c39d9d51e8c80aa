//! Getting a producer id, and moving partitions into new epochs.

use rohrpost_cluster::{Answer, NodeState, SendOptions, Time};
use rohrpost_codec::messages::{InitProducerIdRequest, InitProducerIdResponse};
use rohrpost_codec::{ApiKey, ErrorCode, VersionRange};
use rohrpost_records::{ProducerEpoch, ProducerId};

use crate::engine::Engine;
use crate::error::{AttemptFailure, DeliveryError, DeliveryErrorKind, Outcome};
use crate::identity::{Current, Epoch};
use crate::ids::PartitionIndex;
use crate::partition::Partition;
use crate::plants::Plant;

/// Versions of InitProducerId that an idempotent producer needs: version 6 is unstable.
const INIT_PRODUCER_ID: VersionRange = VersionRange::new(0, 5);

impl Engine {
    /// Sends InitProducerId if an id is needed and a node can be asked. Any node can.
    pub(crate) fn ask_for_identity(&mut self, now: Time) {
        // The transactions' coordinator gives those.
        if self.transactions.is_some() {
            return;
        }
        if (!self.lifecycle.is_running() || self.is_cut_off) && self.pending.open() == 0 {
            return;
        }
        if !self.identity.wants_request(now) {
            return;
        }
        let Some(node) = self.cluster.least_loaded(now) else { return };
        if self.cluster.ensure_connected(now, node) != NodeState::Ready
            || !self.cluster.can_send(node, now)
        {
            return;
        }
        let version = self.cluster.api_version(node, ApiKey::InitProducerId, INIT_PRODUCER_ID);
        let Some(version) = version else {
            self.deny_identity(now, AttemptFailure::Unsupported);
            return;
        };
        let request = InitProducerIdRequest {
            transactional_id: None,
            // Means nothing without a transactional id; what Java sends.
            transaction_timeout_ms: i32::MAX,
            producer_id: ProducerId::NONE.0,
            producer_epoch: ProducerEpoch::NONE.0,
            ..InitProducerIdRequest::default()
        };
        let options =
            SendOptions { expects_answer: true, timeout: self.config.cluster.request_timeout };
        match self.cluster.send(now, node, &request, version, options) {
            Ok(request) => self.identity.asked(request),
            Err(_) => self.identity_failed(now, AttemptFailure::NotSent),
        }
    }

    pub(crate) fn identity_answered(&mut self, now: Time, answer: &Answer) {
        let (node, api_key, version) = (answer.node, answer.api_key, answer.version);
        let answer = match answer.decode::<InitProducerIdResponse>() {
            Ok(answer) => answer,
            Err(error) => {
                self.stats.misanswers += 1;
                self.cluster.reject(now, answer.connection, error);
                self.identity_failed(now, AttemptFailure::Misanswered);
                return;
            }
        };
        self.cluster.throttle(now, node, api_key, version, answer.throttle_time_ms);
        match answer.error_code {
            ErrorCode::NONE if answer.producer_id >= 0 && answer.producer_epoch >= 0 => {
                self.stats.producer_ids += 1;
                self.identity.assigned(Epoch {
                    producer_id: ProducerId(answer.producer_id),
                    epoch: ProducerEpoch(answer.producer_epoch),
                });
                self.mark_all();
            }
            ErrorCode::NONE => {
                self.stats.misanswers += 1;
                self.identity_failed(now, AttemptFailure::Misanswered);
            }
            code if code.is_retriable() => {
                self.identity_failed(now, AttemptFailure::Refused(code));
            }
            code => self.deny_identity(now, AttemptFailure::Refused(code)),
        }
    }

    /// There was no usable answer: the cluster is asked again after a pause.
    pub(crate) fn identity_failed(&mut self, now: Time, how: AttemptFailure) {
        let failures = self.identity.failed(how);
        let not_before = self.pause(now, failures);
        self.identity.retry_at(not_before);
    }

    /// The cluster refuses: what would be sent now fails, and after a pause the cluster is asked again.
    fn deny_identity(&mut self, now: Time, how: AttemptFailure) {
        let failures = self.identity.failed(how);
        let until = self.pause(now, failures);
        self.identity.denied(how, until);
        self.is_stirred = true;
        self.mark_all();
    }

    /// Begins a new epoch for a partition in whose present one a sequence was lost. The current epoch will do if the partition has never
    /// used it; else the next one is begun, or, after the last, a new producer id is asked for.
    pub(crate) fn renew(&mut self, now: Time, index: PartitionIndex) {
        self.give_up_hopeless(index);
        let partition = &mut self.partitions[index.at()];
        match self.identity.current() {
            Current::Ready(current) => {
                let next = if partition.epoch == Some(current) {
                    self.stats.epoch_bumps += 1;
                    self.identity.bump(now, self.config.planted)
                } else {
                    Some(current)
                };
                if let Some(next) = next {
                    partition.begin_epoch(next);
                    if self.config.planted.is(Plant::RestampOthers) {
                        self.restamp_all(next);
                    }
                }
            }
            Current::Denied(last) => {
                let first_owed =
                    |partition: &Partition| partition.window.iter().position(|sent| sent.is_owed());
                while let Some(at) = first_owed(&self.partitions[index.at()]) {
                    let kind = DeliveryErrorKind::NoProducerId { last };
                    self.give_up(index, at, &DeliveryError::new(kind, Outcome::NotWritten));
                }
                let partition = &mut self.partitions[index.at()];
                partition.window.begin_epoch();
                partition.must_renew = false;
                partition.epoch = None;
            }
            Current::Off | Current::None => {}
        }
        self.mark(index);
    }

    /// Ends what may have been appended and nothing that is sent now can tell of.
    fn give_up_hopeless(&mut self, index: PartitionIndex) {
        while let Some(at) = self.partitions[index.at()].first_hopeless() {
            let Some(sent) = self.partitions[index.at()].window.get(at) else { return };
            let kind = DeliveryErrorKind::Forgotten { last: sent.last };
            self.give_up(index, at, &DeliveryError::new(kind, Outcome::MaybeWritten));
        }
    }

    /// Names the identity that new batches get, for the curious.
    pub fn producer_id(&self) -> Option<(ProducerId, ProducerEpoch)> {
        match self.identity.current() {
            Current::Ready(Epoch { producer_id, epoch }) => Some((producer_id, epoch)),
            _ => None,
        }
    }
}
