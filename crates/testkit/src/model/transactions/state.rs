//! What the coordinator knows of a transactional id, and how each request changes it: KIP-98, KIP-360, KIP-890.

use core::fmt;
use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_records::{ProducerEpoch, ProducerId};

/// The last epoch that a client is given: one more is left to fence it with.
const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

/// What stands for no timeout, in two-phase commit: Kafka's largest (KIP-939).
pub(super) const NO_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Where a transactional id's transaction is, by Kafka's names.
///
/// ```text
///            InitProducerId          partitions, offsets
/// (unknown) ----------------> Empty --------------------> Ongoing <-----------------+
///                               ^                          |  |                      |
///                               |                   commit |  | abort, time-out,     | partitions,
///                               |                          v  v fencing              | offsets
///                               |              PrepareCommit  PrepareAbort           |
///                               |                          |  | every marker written |
///                               | InitProducerId           v  v                      |
///                               +------------ CompleteCommit  CompleteAbort ---------+
/// ```
///
/// Under transaction version 2 an abort is also taken where nothing is ongoing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TransactionState {
    /// There has been none since the producer was initialised.
    Empty,
    /// Partitions or offsets are part of it.
    Ongoing,
    /// It will be committed: not every marker is written.
    PrepareCommit,
    /// It will be aborted: not every marker is written.
    PrepareAbort,
    /// It was committed.
    CompleteCommit,
    /// It was aborted.
    CompleteAbort,
}

/// A producer, as a request says that it is: its id and epoch.
pub(crate) type Identity = (ProducerId, ProducerEpoch);

/// What the coordinator knows of a transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionMetadata {
    pub(super) state: TransactionState,
    pub(super) producer_id: ProducerId,
    /// The one before, whose epochs are used up.
    previous_producer_id: ProducerId,
    /// The one that follows when the markers are written, as the epochs are used up.
    next_producer_id: ProducerId,
    pub(super) epoch: ProducerEpoch,
    /// Who the producer is that may end the ongoing transaction, where that was kept for it: the transaction goes on under the identity above (KIP-939).
    successor: Option<Identity>,
    /// The one that has ended it so.
    heir: Option<Identity>,
    /// The epoch before the last bump, if that producer asked for it.
    last_epoch: ProducerEpoch,
    pub(super) timeout: Duration,
    /// When the transaction began: the time since the start, and the wall clock, ms; -1 before the first.
    pub(super) began: (Duration, i64),
    /// What is part of the transaction and has no marker yet.
    pub(super) partitions: BTreeMap<Place, Marking>,
    /// When the coordinator writes the markers, at the earliest.
    pub(super) markers_at: Duration,
    /// The broker that has coordinated it, and how often that was another one than before.
    pub(super) coordinator: Option<(super::BrokerId, i32)>,
    /// The broker that could not write a change of it down, and as its coordinator refuses everything until it reads what was written.
    pub(super) wedged_at: Option<super::BrokerId>,
}

/// A topic's partition; of `__consumer_offsets`, for the offsets of groups.
pub(crate) type Place = (String, i32);

/// What has become of a partition's marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marking {
    Unwritten,
    /// Not every replica in sync has it.
    Written {
        leader_epoch: i32,
        offset: i64,
    },
}

/// What InitProducerId comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initialised {
    /// The producer has this identity.
    As(ProducerId, ProducerEpoch),
    /// A transaction is in the way, that must be aborted.
    Fences,
}

/// What EndTxn comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It has ended, as it should: the answer was lost.
    Ended,
    /// It ends now.
    Ends,
}

impl TransactionMetadata {
    pub(super) fn new(producer_id: ProducerId) -> Self {
        Self {
            state: TransactionState::Empty,
            producer_id,
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            epoch: ProducerEpoch::NONE,
            successor: None,
            heir: None,
            last_epoch: ProducerEpoch::NONE,
            timeout: Duration::ZERO,
            began: (Duration::ZERO, -1),
            partitions: BTreeMap::new(),
            markers_at: Duration::ZERO,
            coordinator: None,
            wedged_at: None,
        }
    }

    /// Where its transaction is.
    #[must_use]
    pub fn state(&self) -> TransactionState {
        self.state
    }

    /// The producer's id.
    #[must_use]
    pub fn producer_id(&self) -> ProducerId {
        self.producer_id
    }

    /// The producer's epoch.
    #[must_use]
    pub fn producer_epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// How long a transaction may be ongoing (`transaction.timeout.ms`).
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The partitions that are part of the transaction and have no marker yet, by topic and index; the groups' offsets are
    /// partitions of `__consumer_offsets`.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        self.partitions.keys().map(|(topic, index)| (topic.as_str(), *index))
    }

    /// When the transaction began, ms since the epoch; -1 before the first, and after InitProducerId.
    #[must_use]
    pub fn started_ms(&self) -> i64 {
        self.began.1
    }

    /// Whether its coordinator could not write a change of it down and answers CONCURRENT_TRANSACTIONS to everything, until it is loaded again: what transaction version 2 asks of a
    /// cluster that was downgraded to 0 (seen on Kafka 4.3.1).
    #[must_use]
    pub fn is_wedged(&self) -> bool {
        self.wedged_at.is_some()
    }

    pub(crate) fn identity(&self) -> Identity {
        (self.producer_id, self.epoch)
    }

    /// Whether its markers are being written.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.state, TransactionState::PrepareCommit | TransactionState::PrepareAbort)
    }

    /// When the coordinator gives an ongoing transaction up.
    pub(super) fn times_out_at(&self) -> Option<Duration> {
        let expires = self.state == TransactionState::Ongoing
            && self.timeout != NO_TIMEOUT
            && self.wedged_at.is_none();
        expires.then(|| self.began.0.saturating_add(self.timeout))
    }

    /// Gives a producer its identity: the next epoch, or a new id where the epochs are used up; again the one that it was given,
    /// if it says that it has the one before (KIP-360).
    pub(super) fn init(
        &mut self,
        expected: Option<Identity>,
        timeout: Duration,
        new_id: impl FnOnce() -> ProducerId,
    ) -> Result<Initialised, ErrorCode> {
        if self.wedged_at.is_some() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let is_exhausted = |epoch| epoch >= LAST_EPOCH;
        let is_ours = |(id, epoch): Identity| {
            self.epoch == ProducerEpoch::NONE
                || id == self.producer_id
                || (id == self.previous_producer_id && is_exhausted(epoch))
        };
        if !expected.is_none_or(is_ours) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match self.state {
            _ if self.is_ending() => return Err(ErrorCode::CONCURRENT_TRANSACTIONS),
            TransactionState::Ongoing => return Ok(Initialised::Fences),
            _ => {}
        }
        let said = expected.map(|(_, epoch)| epoch);
        let next = ProducerEpoch(self.epoch.0.saturating_add(1));
        if is_exhausted(self.epoch) && said.is_none_or(|epoch| epoch == self.epoch) {
            self.last_epoch = if said.is_some() { self.epoch } else { ProducerEpoch::NONE };
            self.previous_producer_id = std::mem::replace(&mut self.producer_id, new_id());
            self.epoch = ProducerEpoch(0);
        } else {
            match said {
                None => (self.epoch, self.last_epoch) = (next, ProducerEpoch::NONE),
                Some(said) if said == self.epoch || self.epoch == ProducerEpoch::NONE => {
                    (self.epoch, self.last_epoch) = (next, self.epoch);
                }
                Some(said) if said == self.last_epoch => {}
                Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
            }
            self.previous_producer_id = self.producer_id;
        }
        self.timeout = timeout;
        self.heir = None;
        self.state = TransactionState::Empty;
        self.began.1 = -1;
        Ok(Initialised::As(self.producer_id, self.epoch))
    }

    /// Adds partitions to the transaction, or begins one with them.
    pub(super) fn add(
        &mut self,
        who: Identity,
        places: impl IntoIterator<Item = Place>,
        now: (Duration, i64),
    ) -> Result<(), ErrorCode> {
        self.check(who)?;
        let is_ongoing = self.state == TransactionState::Ongoing;
        if !is_ongoing {
            (self.began, self.heir) = (now, None);
        }
        for place in places {
            self.partitions.entry(place).or_insert(Marking::Unwritten);
        }
        self.state = TransactionState::Ongoing;
        Ok(())
    }

    /// Whether a partition is part of the producer's transaction.
    pub(super) fn verify(&self, who: Identity, place: &Place) -> Result<(), ErrorCode> {
        self.check(who)?;
        match self.partitions.contains_key(place) {
            true => Ok(()),
            false => Err(ErrorCode::TRANSACTION_ABORTABLE),
        }
    }

    fn check(&self, (id, epoch): Identity) -> Result<(), ErrorCode> {
        if self.wedged_at.is_some() {
            Err(ErrorCode::CONCURRENT_TRANSACTIONS)
        } else if self.successor.is_some() {
            // It is prepared: nobody adds to it, and who is not its heir is fenced.
            Err(match self.successor == Some((id, epoch)) {
                true => ErrorCode::INVALID_TXN_STATE,
                false => ErrorCode::PRODUCER_FENCED,
            })
        } else if id != self.producer_id {
            Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
        } else if epoch != self.epoch {
            Err(ErrorCode::PRODUCER_FENCED)
        } else if self.is_ending() {
            Err(ErrorCode::CONCURRENT_TRANSACTIONS)
        } else {
            Ok(())
        }
    }

    /// Ends the transaction for a client of version 1, which keeps its epoch.
    pub(super) fn end(
        &mut self,
        (id, epoch): Identity,
        committed: bool,
    ) -> Result<Ending, ErrorCode> {
        if self.wedged_at.is_some() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let (id, epoch) = self.known_as((id, epoch));
        if id != self.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if epoch != self.epoch || self.successor.is_some() {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match (self.state, committed) {
            (TransactionState::Ongoing, _) => {
                self.prepare(committed);
                Ok(Ending::Ends)
            }
            (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false) => {
                Ok(Ending::Ended)
            }
            (TransactionState::PrepareCommit, true) | (TransactionState::PrepareAbort, false) => {
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// Ends the transaction for a client of version 2, which gets the next epoch by it (KIP-890).
    pub(super) fn end_and_bump(
        &mut self,
        (id, epoch): Identity,
        committed: bool,
        now: (Duration, i64),
        new_id: impl FnOnce() -> ProducerId,
    ) -> Result<Ending, ErrorCode> {
        use TransactionState as S;
        if self.wedged_at.is_some() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let (id, epoch) = self.known_as((id, epoch));
        // Whatever bumped it, as on Kafka 4.3.1.
        let was_bumped = epoch.0.checked_add(1) == Some(self.epoch.0);
        let was_replaced = id == self.previous_producer_id
            && epoch == LAST_EPOCH
            && self.epoch == ProducerEpoch(0);
        let is_again = was_bumped || was_replaced;
        let is_current = epoch == self.epoch;
        let is_valid = match self.state {
            S::Ongoing | S::Empty => is_current && self.successor.is_none(),
            S::PrepareCommit | S::PrepareAbort => was_bumped,
            S::CompleteCommit | S::CompleteAbort => is_again || is_current,
        };
        if id != self.producer_id && !was_replaced {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if !is_valid {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match (self.state, committed) {
            (S::Ongoing, _) => {}
            // There is nothing to abort, but the epoch is bumped all the same.
            (S::Empty, false) => self.began = now,
            (S::CompleteCommit | S::CompleteAbort, false) if !is_again => self.began = now,
            (S::CompleteCommit, true) | (S::CompleteAbort, false) if is_again => {
                return Ok(Ending::Ended);
            }
            (S::PrepareCommit, true) | (S::PrepareAbort, false) => {
                return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
            }
            _ => return Err(ErrorCode::INVALID_TXN_STATE),
        }
        if self.epoch >= LAST_EPOCH {
            self.next_producer_id = new_id();
        }
        self.bump();
        self.prepare(committed);
        Ok(Ending::Ends)
    }

    /// Aborts the ongoing transaction for the coordinator's own reasons: the producer is fenced by an epoch that no one is given.
    pub(super) fn fence(&mut self, is_version_2: bool) {
        if let Some(successor) = self.successor {
            self.known_as(successor);
        }
        self.bump();
        if !is_version_2 {
            self.last_epoch = ProducerEpoch::NONE;
        }
        self.prepare(false);
    }

    /// Whether there is a transaction to be kept for a producer, and it may have it.
    pub(super) fn may_keep(&self, expected: Option<Identity>) -> bool {
        let is_ongoing = self.state == TransactionState::Ongoing && self.wedged_at.is_none();
        is_ongoing && expected.is_none()
    }

    /// Gives a new producer its identity, and keeps the ongoing transaction for it (KIP-939): who it is, and whose the transaction is.
    pub(super) fn keep(&mut self, new_id: impl FnOnce() -> ProducerId) -> (Identity, Identity) {
        let (id, epoch) = self.successor.unwrap_or(self.identity());
        let successor = match epoch >= LAST_EPOCH {
            true => (new_id(), ProducerEpoch(0)),
            false => (id, ProducerEpoch(epoch.0.saturating_add(1))),
        };
        self.successor = Some(successor);
        (successor, self.identity())
    }

    /// The identity by which a producer is known: the one that the transaction was kept for ends it under the transaction's id, with its own epoch, or, where its id is a new one, with the
    /// last epoch, which gets it another.
    fn known_as(&mut self, who: Identity) -> Identity {
        if self.successor == Some(who) {
            (self.successor, self.heir) = (None, Some(who));
            self.epoch = if who.0 == self.producer_id { who.1 } else { LAST_EPOCH };
            return self.identity();
        }
        match self.state {
            TransactionState::Empty | TransactionState::Ongoing => who,
            _ if self.heir != Some(who) || who.0 == self.producer_id => who,
            _ if self.is_ending() => {
                (self.producer_id, ProducerEpoch(self.epoch.0.saturating_sub(1)))
            }
            _ => (self.previous_producer_id, LAST_EPOCH),
        }
    }

    /// Every marker is written.
    pub(super) fn complete(&mut self) {
        self.state = match self.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            TransactionState::PrepareAbort => TransactionState::CompleteAbort,
            other => other,
        };
        self.partitions.clear();
        if self.next_producer_id.is_some() {
            let next = std::mem::replace(&mut self.next_producer_id, ProducerId::NONE);
            self.previous_producer_id = std::mem::replace(&mut self.producer_id, next);
            (self.last_epoch, self.epoch) = (self.epoch, ProducerEpoch(0));
        }
    }

    /// Who the producer is when the transaction has ended: what EndTxn answers with from version 5 on.
    pub(super) fn identity_after(&self) -> Identity {
        match self.next_producer_id.is_some() {
            true => (self.next_producer_id, ProducerEpoch(0)),
            false => self.identity(),
        }
    }

    fn bump(&mut self) {
        self.last_epoch = self.epoch;
        self.epoch = ProducerEpoch(self.epoch.0.saturating_add(1));
    }

    fn prepare(&mut self, committed: bool) {
        self.state = match committed {
            true => TransactionState::PrepareCommit,
            false => TransactionState::PrepareAbort,
        };
    }
}

impl TransactionState {
    pub(crate) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// Kafka's name for it, as DescribeTransactions and ListTransactions tell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
