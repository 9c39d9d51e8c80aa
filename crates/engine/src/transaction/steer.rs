//! What moves the transactions on: looked at whenever anything has happened.

use rohrpost_cluster::Time;
use rohrpost_codec::{ApiKey, ErrorCode};

use super::calls::{Kind, closed};
use super::state::{Ending, Resolving, State, Version};
use super::{Remedy, TransactionAnswer, TransactionError, TransactionErrorKind};
use crate::engine::Engine;
use crate::error::{DeliveryError, DeliveryErrorKind, Outcome};
use crate::ids::PartitionIndex;
use crate::lifecycle::Lifecycle;
use crate::plants::Plant;

/// The cluster's feature that says which version of transactions it has.
const FEATURE: &str = "transaction.version";
/// The level from which on that is version 2.
const FEATURE_V2: i16 = 2;

/// Which batches that were sent, and wait to be sent again, are given up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GivenUp {
    None,
    /// Those that were certainly not appended.
    Certain,
    All,
}

impl Engine {
    /// Moves the transactions on as far as they go now.
    pub(crate) fn steer_transactions(&mut self, now: Time) {
        self.expire_calls(now);
        self.face_failure(now);
        self.abort_for_close(now);
        self.resolve(now);
        self.end_if_drained(now);
        self.begin_waiting(now);
        self.ask_next(now);
    }

    pub(super) fn begin_commit(&mut self) {
        let before = self.pending.hurry();
        if let Some(of) = &mut self.transactions {
            of.commit(before);
        }
        self.mark_pending();
    }

    /// Looks at every partition again, if any batch is open: of ten thousand partitions most transactions have to do with a few.
    pub(super) fn mark_pending(&mut self) {
        if self.pending.open() > 0 {
            self.mark_all();
        }
    }

    pub(super) fn begin_abort(&mut self, cause: Option<TransactionError>) {
        let before = self.pending.next();
        let Some(of) = &mut self.transactions else { return };
        of.abort(before, cause.clone());
        let aborted = || TransactionError::new(TransactionErrorKind::Aborted, Remedy::Abort);
        let told = Err(cause.unwrap_or_else(aborted));
        self.tell_all(Kind::Offsets, &told);
        self.tell_all(Kind::Prepare, &told);
        self.mark_all();
    }

    /// The producer cannot go on.
    pub(super) fn doom_transactions(&mut self, now: Time, error: TransactionError) {
        let is_unknown = self.may_be_committed();
        self.tell_everybody(&error, is_unknown);
        let Some(of) = &mut self.transactions else { return };
        of.doom(error.clone());
        of.not_before = now;
        if is_unknown {
            of.calls.keep(Err(error.with_unknown_outcome(true)));
        }
        self.mark_all();
    }

    /// Nothing is waited for any more.
    pub(crate) fn close_transactions(&mut self) {
        let is_unknown = self.may_be_committed();
        self.tell_everybody(&closed(false), is_unknown);
        if let Some(of) = &mut self.transactions {
            of.close();
        }
    }

    /// A close has begun: nothing new is.
    pub(crate) fn refuse_transactions(&mut self) {
        self.tell_all(Kind::Init, &Err(closed(false)));
        self.tell_all(Kind::Begin, &Err(closed(false)));
    }

    /// A record's delivery ended in an error: the transaction lacks it.
    pub(crate) fn record_failed(&mut self, index: PartitionIndex, error: &DeliveryError) {
        let Some(of) = self.transactions.as_mut().filter(|of| of.is_whole()) else { return };
        if self.config.planted.is(Plant::CommitDespiteFailures) {
            return;
        }
        let is_of_end = matches!(
            error.kind(),
            DeliveryErrorKind::Aborted { .. }
                | DeliveryErrorKind::OutsideTransaction
                | DeliveryErrorKind::Closed
        );
        if is_of_end {
            return;
        }
        let api = ApiKey::Produce;
        let (kind, remedy) = match error.code() {
            Some(code @ ErrorCode::PRODUCER_FENCED) => {
                (TransactionErrorKind::Fenced { api, code }, Remedy::NewProducer)
            }
            Some(
                code @ (ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
            ) => {
                let resources = alloc::vec![of.config.id.clone()];
                let kind = TransactionErrorKind::Unauthorized { api, code, resources };
                (kind, Remedy::NewProducer)
            }
            code => {
                let partition = &self.partitions[index.at()];
                let topic = self.topics.get(partition.topic).name.clone();
                let (partition, error) = (partition.number, error.clone());
                let is_fatal = *error.kind() == DeliveryErrorKind::Unsupported
                    || matches!(
                        code,
                        Some(
                            ErrorCode::UNSUPPORTED_VERSION | ErrorCode::INVALID_PRODUCER_ID_MAPPING
                        )
                    );
                let remedy = if is_fatal { Remedy::NewProducer } else { Remedy::Abort };
                (TransactionErrorKind::RecordFailed { topic, partition, error }, remedy)
            }
        };
        of.fail(TransactionError::new(kind, remedy));
    }

    /// Something went wrong since this was looked at last.
    fn face_failure(&mut self, now: Time) {
        let Some(of) = &mut self.transactions else { return };
        let Some(error) = of.failure.take() else { return };
        if error.remedy() == Remedy::NewProducer {
            return self.doom_transactions(now, error);
        }
        match &of.state {
            State::Open => {
                of.spoil(error.clone());
                of.offsets.clear();
                self.tell_all(Kind::Offsets, &Err(error));
                self.mark_all();
            }
            State::Ending(Ending { prepares: true, .. }) => self.begin_abort(Some(error)),
            // Whoever decides is told, and decides.
            State::Ending(Ending { was_prepared: Some(state), maybe_done, .. }) => {
                let (state, told) = (*state, error.with_unknown_outcome(*maybe_done));
                of.state = State::Prepared(state);
                self.tell_commit(&Err(told));
            }
            State::Ending(Ending { is_commit: true, maybe_done, .. }) => {
                let told = error.clone().with_unknown_outcome(*maybe_done);
                self.tell_commit(&Err(told));
                self.begin_abort(Some(error));
            }
            _ => {}
        }
    }

    /// While closing, an open transaction is aborted once its records are delivered (which costs nothing and tells their senders where they are), or at once if it
    /// failed.
    fn abort_for_close(&mut self, now: Time) {
        if !matches!(self.lifecycle, Lifecycle::Closing { .. }) {
            return;
        }
        let is_drained = self.pending.open() == 0;
        let Some(of) = &mut self.transactions else { return };
        match &of.state {
            State::Open if is_drained => self.begin_abort(None),
            State::Spoiled(error) => {
                let cause = Some(error.clone());
                self.begin_abort(cause);
            }
            State::Ending(_) => {
                // After that the coordinator aborts by itself.
                let timeout = of.config.timeout;
                let until = *of.closing_until.get_or_insert(now + timeout);
                if until <= now || self.is_cut_off {
                    self.close_transactions();
                }
            }
            _ => {}
        }
    }

    /// What is in doubt gets a while to be settled, beginning when nothing is in flight any more. Not long: after `transaction.timeout.ms` the
    /// coordinator aborts by itself, and fences the producer.
    fn resolve(&mut self, now: Time) {
        let limit = self.config.cluster.request_timeout;
        let Some(of) = &mut self.transactions else { return };
        let limit = limit.min(of.config.timeout / 4);
        let Some(ending) = of.ending_mut() else { return };
        match ending.resolving {
            Resolving::Soon if self.requests.is_empty() => {
                ending.resolving = Resolving::Until(now + limit);
            }
            Resolving::Until(until) if until <= now => {
                ending.resolving = Resolving::Over;
                self.mark_all();
            }
            _ => {}
        }
    }

    /// Goes on with the end once every batch has its own.
    fn end_if_drained(&mut self, now: Time) {
        let Some(of) = &mut self.transactions else { return };
        let Some(ending) = of.ending() else { return };
        let (is_commit, prepares) = (ending.is_commit, ending.prepares);
        let is_drained = self.pending.is_done_before(ending.before) && self.requests.is_empty();
        let planted = self.config.planted.is(Plant::ProduceWhileEnding);
        if ending.is_asking || of.asked.is_some() || !(is_drained || planted) {
            return;
        }
        if is_commit && (of.failure.is_some() || !of.offsets.is_empty()) {
            return;
        }
        of.wanted.clear();
        if prepares {
            return self.transaction_prepared();
        }
        if of.may_have_begun() {
            if let Some(ending) = of.ending_mut() {
                ending.is_asking = true;
            }
            of.not_before = of.not_before.min(now);
        } else {
            self.transaction_ended(now, is_commit, None);
        }
    }

    /// Whether the cluster has version 2, as far as is known.
    pub(super) fn has_version_2(&self) -> bool {
        self.cluster.finalized_feature(FEATURE) >= Some(FEATURE_V2)
    }

    /// Opens the transaction that somebody waits for.
    fn begin_waiting(&mut self, now: Time) {
        let Some(of) = &mut self.transactions else { return };
        if of.state != State::Ready || !of.calls.has(Kind::Begin) {
            return;
        }
        let version = match self.cluster.finalized_feature(FEATURE) >= Some(FEATURE_V2) {
            true => Version::V2,
            false => Version::V1,
        };
        if version == Version::V2 && of.version == Version::V1 && of.is_worn {
            of.renew();
            of.not_before = now;
            return;
        }
        if version == Version::V2 && now < of.begins_from {
            return;
        }
        of.open(version);
        self.tell_first(Kind::Begin, Ok(TransactionAnswer::Done));
        let Some(of) = &self.transactions else { return };
        let error = of.out_of_turn("begin", None, Remedy::Abort);
        self.tell_all(Kind::Begin, &Err(error));
    }

    /// Ends what a partition has and no transaction takes.
    pub(crate) fn turn_down(&mut self, index: PartitionIndex) {
        let Some(of) = &self.transactions else { return };
        let partition = &self.partitions[index.at()];
        if partition.is_idle() {
            return;
        }
        let aborted =
            |cause: Option<&TransactionError>| DeliveryErrorKind::Aborted { cause: cause.cloned() };
        let (kind, given_up) = match &of.state {
            State::Open | State::Ending(Ending { is_commit: true, is_asking: false, .. }) => {
                return;
            }
            State::Spoiled(error) => (aborted(Some(error)), GivenUp::None),
            State::Ending(Ending { is_commit: false, cause, resolving, .. }) => {
                let is_over = *resolving == Resolving::Over;
                let given_up = if is_over { GivenUp::All } else { GivenUp::Certain };
                (aborted(cause.as_ref()), given_up)
            }
            State::Fatal(error) => (aborted(Some(error)), GivenUp::All),
            _ => (DeliveryErrorKind::OutsideTransaction, GivenUp::None),
        };
        if self.config.planted.is(Plant::ProduceWhileEnding) && of.ending().is_some() {
            return;
        }
        let error = DeliveryError::new(kind, Outcome::NotWritten);
        self.give_up_waiting(index, given_up, &error);
        self.doom_unsent(index, &error);
    }

    fn give_up_waiting(&mut self, index: PartitionIndex, which: GivenUp, error: &DeliveryError) {
        let is_given_up = |engine: &Self| {
            let mut window = engine.partitions[index.at()].window.iter();
            window.position(|sent| match which {
                GivenUp::None => false,
                GivenUp::Certain => sent.is_waiting() && !sent.ambiguous,
                GivenUp::All => sent.is_waiting(),
            })
        };
        while let Some(at) = is_given_up(self) {
            let sent = self.partitions[index.at()].window.get(at);
            let error = match sent.is_some_and(|sent| sent.ambiguous) {
                true => error.clone().with_outcome(Outcome::MaybeWritten),
                false => error.clone(),
            };
            self.give_up(index, at, &error);
        }
    }

    /// A partition cannot go on with its sequences. Within a transaction there is no new epoch: it has failed, unless the partition does not belong to it yet and
    /// nothing is known of its log, which takes any sequence first.
    pub(crate) fn renew_in_transaction(&mut self, index: PartitionIndex) {
        let Some(of) = &mut self.transactions else { return };
        let partition = &mut self.partitions[index.at()];
        if self.config.planted.is(Plant::RenewInTransaction) && of.is_open() {
            of.renews_while_open = true;
            return;
        }
        if of.is_whole() {
            if partition.enrolled == of.number || !partition.window.is_empty() {
                let topic = self.topics.get(partition.topic).name.clone();
                let kind = TransactionErrorKind::Recreated { topic };
                of.fail(TransactionError::new(kind, Remedy::Abort));
            } else {
                partition.must_renew = false;
                partition.is_forgotten = false;
                partition.established = None;
                self.mark(index);
            }
            return;
        }
        let cause = match &of.state {
            State::Spoiled(error) | State::Fatal(error) => Some(error.clone()),
            State::Ending(ending) => ending.cause.clone(),
            // What has failed is looked at soon.
            _ => return,
        };
        let kind = DeliveryErrorKind::Aborted { cause };
        let error = DeliveryError::new(kind, Outcome::NotWritten);
        self.give_up_waiting(index, GivenUp::All, &error);
    }
}
