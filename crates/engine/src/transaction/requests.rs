//! Asking the coordinators: one request at a time, and what to do when there is no answer.

use alloc::vec::Vec;

use rohrpost_cluster::{Answer, NodeId, NodeState, SendOptions, Time};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode, Request, Response, VersionRange};

use super::state::{Asked, Begun, Question, State, Version, Work};
use super::verdict::{Circumstances, Verdict, Why, judge};
use super::{Remedy, TransactionError, TransactionErrorKind};
use crate::engine::Engine;
use crate::error::AttemptFailure;
use crate::identity::Current;
use crate::identity::Epoch;
use crate::plants::Plant;

/// A request, and what is to be known to send it.
pub(super) struct Sending<'a, R> {
    pub(super) request: &'a R,
    pub(super) node: NodeId,
    pub(super) version: i16,
    pub(super) what: Question,
}

/// What a broker says when it refuses.
pub(super) struct Refusal {
    pub(super) api: ApiKey,
    pub(super) code: ErrorCode,
    pub(super) message: Option<ByteStr>,
    pub(super) what: Vec<ByteStr>,
}

impl Engine {
    /// Asks what is to be asked next, if it can be asked now.
    pub(super) fn ask_next(&mut self, now: Time) {
        let Some(of) = &self.transactions else { return };
        if of.asked.is_some() || of.not_before > now {
            return;
        }
        // No broker takes this client for who it says it is: nothing is tried for nobody.
        if self.is_cut_off && of.calls.is_empty() && self.pending.open() == 0 {
            return;
        }
        match of.work() {
            Work::Nothing => {}
            Work::Find(group) => self.find_coordinator(now, group),
            Work::Identity { renews } => self.ask_for_epoch(now, renews),
            Work::Partitions => self.add_partitions(now),
            Work::Group => self.add_group(now),
            Work::Offsets => self.commit_offsets(now),
            Work::End { is_commit } => self.end_transaction(now, is_commit),
        }
    }

    /// The transaction's coordinator, if it takes a request now.
    pub(super) fn ready_coordinator(&mut self, now: Time) -> Option<NodeId> {
        let node = self.transactions.as_ref()?.coordinator?;
        self.is_ready(now, node).then_some(node)
    }

    /// Whether a coordinator takes a request now. One that is gone is to be looked up again.
    pub(super) fn is_ready(&mut self, now: Time, node: NodeId) -> bool {
        match self.cluster.ensure_connected(now, node) {
            NodeState::Ready => self.cluster.can_send(node, now),
            NodeState::Connecting => false,
            NodeState::BackingOff { .. } | NodeState::Unknown => {
                self.cluster.request_update(now);
                self.coordinator_lost(now, node);
                false
            }
        }
    }

    /// A node's connection ended. If it is a coordinator, another one may be that by now.
    pub(crate) fn coordinator_lost(&mut self, now: Time, node: NodeId) {
        let Some(of) = &mut self.transactions else { return };
        let is_ours = of.coordinator == Some(node);
        let is_groups = of.group.as_ref().is_some_and(|(_, at)| *at == node);
        // While a request is out, its failure tells.
        if of.asked.as_ref().is_some_and(|asked| asked.node == node) || !(is_ours || is_groups) {
            return;
        }
        of.coordinator = of.coordinator.filter(|_| !is_ours);
        of.group = of.group.take().filter(|_| !is_groups);
        self.pause_transaction(now);
    }

    /// The best version that a node and `ours` agree on. Without one the producer cannot go on.
    pub(super) fn agreed_version<R: Request>(
        &mut self,
        now: Time,
        node: NodeId,
        ours: VersionRange,
        needed_for: &'static str,
    ) -> Option<i16> {
        let version = self.cluster.api_version(node, R::API_KEY, ours);
        if version.is_none() {
            let kind = TransactionErrorKind::Unsupported { api: R::API_KEY, needed_for };
            self.doom_transactions(now, TransactionError::new(kind, Remedy::NewProducer));
        }
        version
    }

    pub(super) fn ask<R: Request>(&mut self, now: Time, sending: Sending<'_, R>) {
        let Sending { request, node, version, what } = sending;
        let timeout = self.config.cluster.request_timeout;
        let options = SendOptions { expects_answer: true, timeout };
        match self.cluster.send(now, node, request, version, options) {
            Ok(request) => {
                self.stats.transactional_requests += 1;
                if let Some(of) = &mut self.transactions {
                    of.asked = Some(Asked { request, node, what });
                }
            }
            // It is as before, and tried again a little later.
            Err(_) => {
                if let (Some(of), Question::Partitions(partitions)) = (&mut self.transactions, what)
                {
                    of.wanted.extend(partitions);
                }
                self.pause_transaction(now);
            }
        }
    }

    pub(crate) fn transaction_answered(&mut self, now: Time, answer: &Answer) {
        let Some(asked) = self.transactions.as_mut().and_then(|of| of.asked.take()) else { return };
        match asked.what {
            Question::Find(group) => self.coordinator_found(now, answer, group),
            Question::Identity { renews } => self.epoch_answered(now, answer, renews),
            Question::Partitions(partitions) => self.partitions_added(now, answer, partitions),
            Question::Group => self.group_added(now, answer),
            Question::Offsets => self.offsets_committed(now, answer),
            Question::End { is_commit } => self.end_answered(now, answer, is_commit),
        }
    }

    /// A request will not be answered.
    pub(crate) fn transaction_unanswered(&mut self, now: Time, how: AttemptFailure, maybe: bool) {
        let Some(asked) = self.transactions.as_mut().and_then(|of| of.asked.take()) else { return };
        self.was_unanswered(now, asked.what, how, maybe);
    }

    /// Reads an answer. One that makes no sense is none.
    pub(super) fn read<R: Response>(
        &mut self,
        now: Time,
        answer: &Answer,
        what: &Question,
        throttle_of: impl Fn(&R) -> i32,
    ) -> Option<R> {
        match answer.decode::<R>() {
            Ok(read) => {
                let (node, api_key, version) = (answer.node, answer.api_key, answer.version);
                self.cluster.throttle(now, node, api_key, version, throttle_of(&read));
                Some(read)
            }
            Err(error) => {
                self.cluster.reject(now, answer.connection, error);
                self.was_misanswered(now, what.clone());
                None
            }
        }
    }

    pub(super) fn was_misanswered(&mut self, now: Time, what: Question) {
        self.stats.misanswers += 1;
        self.was_unanswered(now, what, AttemptFailure::Misanswered, true);
    }

    /// Without an answer nobody knows what was done. It is asked again, of whoever is the coordinator by then.
    fn was_unanswered(&mut self, now: Time, what: Question, how: AttemptFailure, maybe: bool) {
        let Some(of) = &mut self.transactions else { return };
        of.last = Some(how);
        match &what {
            Question::Find(_) => {}
            Question::Offsets => of.group = None,
            _ => of.coordinator = None,
        }
        if maybe && what.changes_transaction() {
            of.in_doubt = true;
            if of.begun == Begun::No {
                of.begun = Begun::Maybe;
            }
        }
        match what {
            Question::Partitions(partitions) => self.want_again(partitions),
            Question::End { is_commit } if self.config.planted.is(Plant::BeginBeforeTheEnd) => {
                return self.transaction_ended(now, is_commit, None);
            }
            Question::End { .. } if maybe => {
                if let Some(ending) = of.ending_mut() {
                    ending.maybe_done = true;
                }
            }
            _ => {}
        }
        self.pause_transaction(now);
    }

    /// The next request has to wait a little.
    pub(super) fn pause_transaction(&mut self, now: Time) {
        let Some(of) = &mut self.transactions else { return };
        of.failures = of.failures.saturating_add(1);
        let failures = of.failures;
        let not_before = self.pause(now, failures);
        if let Some(of) = &mut self.transactions {
            of.not_before = not_before;
        }
    }

    /// A request had the answer that it should have.
    pub(super) fn transaction_goes_well(&mut self, now: Time) {
        if let Some(of) = &mut self.transactions {
            of.failures = 0;
            of.not_before = now;
            of.last = None;
        }
    }

    /// What a code means. What is to be done about it is done, but for what was refused: that is returned as an error, with what it is about.
    pub(super) fn judge_answer(
        &mut self,
        now: Time,
        node: NodeId,
        is_commit: bool,
        refusal: Refusal,
    ) -> Result<Verdict, TransactionError> {
        let versions = self.cluster.api_versions(node, ApiKey::InitProducerId);
        let Some(of) = &mut self.transactions else { return Ok(Verdict::Retry) };
        let around = Circumstances {
            can_renew: of.version == Version::V2
                || versions.is_some_and(|versions| versions.max >= 3),
            is_commit,
            maybe_unknown: of.begun == Begun::Maybe,
        };
        let Refusal { api, code, message, what } = refusal;
        let verdict = judge(api, code, around);
        let (why, remedy) = match verdict {
            // To know who is asked is not yet an answer: the pauses go on growing.
            Verdict::Done if api == ApiKey::FindCoordinator => return Ok(verdict),
            Verdict::Done => {
                self.transaction_goes_well(now);
                return Ok(verdict);
            }
            Verdict::Retry | Verdict::Relocate => {
                of.last = Some(AttemptFailure::Refused(code));
                if verdict == Verdict::Relocate && api == ApiKey::TxnOffsetCommit {
                    of.group = None;
                } else if verdict == Verdict::Relocate {
                    of.coordinator = None;
                }
                if api == ApiKey::EndTxn && may_have_ended(code) {
                    if let Some(ending) = of.ending_mut() {
                        ending.maybe_done = true;
                    }
                }
                self.pause_transaction(now);
                return Ok(verdict);
            }
            Verdict::Abortable(why) => (why, Remedy::Abort),
            Verdict::Fatal(why) => (why, Remedy::NewProducer),
        };
        let kind = match why {
            Why::Fenced => TransactionErrorKind::Fenced { api, code },
            Why::Refused => TransactionErrorKind::Refused { api, code, message, what },
            Why::Unauthorized => TransactionErrorKind::Unauthorized { api, code, resources: what },
        };
        Err(TransactionError::new(kind, remedy))
    }

    /// A broker has refused something. What that means depends on what is going on.
    pub(super) fn was_refused(&mut self, now: Time, error: TransactionError) {
        self.transaction_goes_well(now);
        let Some(of) = &mut self.transactions else { return };
        if error.remedy() == Remedy::NewProducer {
            return self.doom_transactions(now, error);
        }
        match of.state {
            State::Initializing => {
                of.uninitialize();
                let error = error.with_remedy(Remedy::Retry);
                self.tell_all(super::calls::Kind::Init, &Err(error));
            }
            // There is nothing to abort.
            State::Renewing => {
                self.doom_transactions(now, error.with_remedy(Remedy::NewProducer));
            }
            State::Open | State::Ending(_) => of.fail(error),
            _ => {}
        }
    }

    /// The producer's identity as the coordinator knows it.
    pub(super) fn present_epoch(&self) -> Option<Epoch> {
        match self.identity.current() {
            Current::Ready(epoch) => Some(epoch),
            _ => None,
        }
    }
}

/// Whether a coordinator that answers EndTxn so may have decided the transaction's end all the same: one that lost its office, or its replicas, while it wrote the
/// decision down answers NOT_COORDINATOR or COORDINATOR_NOT_AVAILABLE, and the decision may stand.
fn may_have_ended(code: ErrorCode) -> bool {
    !matches!(code, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS | ErrorCode::CONCURRENT_TRANSACTIONS)
}
