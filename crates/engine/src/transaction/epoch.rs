//! The producer's identity: InitProducerId with a transactional id, at first and for a new epoch (KIP-360).

use alloc::vec;
use core::time::Duration;

use rohrpost_cluster::{Answer, Time};
use rohrpost_codec::messages::{InitProducerIdRequest, InitProducerIdResponse};
use rohrpost_codec::{ApiKey, VersionRange};
use rohrpost_records::{ProducerEpoch, ProducerId};

use super::calls::Kind;
use super::requests::{Refusal, Sending};
use super::state::{Question, Version};
use super::verdict::Verdict;
use super::{PreparedState, Remedy, TransactionAnswer, TransactionError, TransactionErrorKind};
use crate::engine::Engine;
use crate::identity::Epoch;
use crate::partition::Partition;
use crate::window;

const INIT_PRODUCER_ID: VersionRange = VersionRange::new(0, 5);
/// The one version that says that a producer takes part in two-phase commit (KIP-939), which is not stable yet.
const INIT_TWO_PHASE: VersionRange = VersionRange::new(6, 6);
/// The first version that takes the present identity, so that whoever was fenced learns it.
const RENEWS_FROM: i16 = 3;

impl Engine {
    /// Asks for an identity: the first, or the next epoch of the present one.
    pub(super) fn ask_for_epoch(&mut self, now: Time, renews: bool) {
        let Some(node) = self.ready_coordinator(now) else { return };
        let Some(of) = &self.transactions else { return };
        let (ours, needed_for) = match of.config.two_phase_commit {
            false => (INIT_PRODUCER_ID, "give a transactional producer its id"),
            true => (
                INIT_TWO_PHASE,
                "take part in two-phase commit (version 6, which brokers offer with unstable.api.versions.enable=true)",
            ),
        };
        let version = self.agreed_version::<InitProducerIdRequest>(now, node, ours, needed_for);
        let Some(version) = version else { return };
        if renews && version < RENEWS_FROM {
            return self.cannot_renew(now);
        }
        let Some(of) = &self.transactions else { return };
        let present = self.present_epoch().filter(|_| renews);
        let request = InitProducerIdRequest {
            transactional_id: Some(of.config.id.clone()),
            transaction_timeout_ms: i32::try_from(of.config.timeout.as_millis())
                .unwrap_or(i32::MAX),
            producer_id: present.map_or(ProducerId::NONE, |of| of.producer_id).0,
            producer_epoch: present.map_or(ProducerEpoch::NONE, |of| of.epoch).0,
            enable_2pc: of.config.two_phase_commit,
            keep_prepared_txn: of.keeps_prepared && !renews,
            ..InitProducerIdRequest::default()
        };
        let what = Question::Identity { renews };
        self.ask(now, Sending { request: &request, node, version, what });
    }

    /// The coordinator is older than KIP-360. What was only to be on the safe side is left; where sequences are spent, nothing can go on.
    fn cannot_renew(&mut self, now: Time) {
        let Some(of) = &mut self.transactions else { return };
        if of.has_spent {
            let kind = TransactionErrorKind::Unsupported {
                api: ApiKey::InitProducerId,
                needed_for: "begin a new epoch after a failed batch",
            };
            return self.doom_transactions(now, TransactionError::new(kind, Remedy::NewProducer));
        }
        of.identified();
    }

    pub(super) fn epoch_answered(&mut self, now: Time, answer: &Answer, renews: bool) {
        let what = Question::Identity { renews };
        let throttle = |read: &InitProducerIdResponse| read.throttle_time_ms;
        let Some(read) = self.read(now, answer, &what, throttle) else { return };
        let Some(of) = &self.transactions else { return };
        let keeps = of.keeps_prepared && !renews;
        let refusal = Refusal {
            api: ApiKey::InitProducerId,
            code: read.error_code,
            message: None,
            what: vec![of.config.id.clone()],
        };
        match self.judge_answer(now, answer.node, false, refusal) {
            Ok(Verdict::Done) if read.producer_id < 0 || read.producer_epoch < 0 => {
                self.was_misanswered(now, what);
            }
            Ok(Verdict::Done) => {
                let kept = PreparedState::new(
                    read.ongoing_txn_producer_id,
                    read.ongoing_txn_producer_epoch,
                );
                self.stats.producer_ids += u64::from(!renews);
                self.stats.epoch_bumps += u64::from(renews);
                self.take_epoch(
                    now,
                    Epoch {
                        producer_id: ProducerId(read.producer_id),
                        epoch: ProducerEpoch(read.producer_epoch),
                    },
                    true,
                );
                let version = if self.has_version_2() { Version::V2 } else { Version::V1 };
                let mut answer = TransactionAnswer::Done;
                if let (Some(state), Some(of)) = (kept.filter(|_| keeps), &mut self.transactions) {
                    of.recover(state, version);
                    answer = TransactionAnswer::Prepared(state);
                }
                self.tell_all(Kind::Init, &Ok(answer));
            }
            Ok(_) => {}
            Err(error) => self.was_refused(now, error),
        }
    }

    /// [`Plant::RenewInTransaction`](crate::plants::Plant::RenewInTransaction).
    fn renew_while_open(&mut self, now: Time, epoch: Epoch) {
        if let Some(of) = &mut self.transactions {
            of.renews_while_open = false;
            of.number += 1;
        }
        for partition in &mut self.partitions {
            partition.begin_epoch(epoch);
            if let Some(of) = self.transactions.as_mut().filter(|_| !partition.is_idle()) {
                of.wanted.insert(partition.index);
            }
            // It joins first.
            let not_before = now + Duration::from_millis(500);
            let waiting = partition.window.iter_mut().filter(|sent| sent.is_waiting());
            waiting.for_each(|sent| sent.state = window::State::Waiting { not_before });
        }
        self.mark_all();
    }

    /// From now on this is the producer's identity. No batch is out under another one. A partition that owes nothing takes it up by itself; others are told.
    pub(super) fn take_epoch(&mut self, now: Time, epoch: Epoch, tells_all: bool) {
        self.identity.assigned(epoch);
        if self.transactions.as_ref().is_some_and(|of| of.renews_while_open) {
            self.renew_while_open(now, epoch);
        } else if tells_all {
            self.partitions.iter_mut().for_each(Partition::retire_epoch);
        }
        if let Some(of) = &mut self.transactions {
            of.identified();
        }
    }
}
