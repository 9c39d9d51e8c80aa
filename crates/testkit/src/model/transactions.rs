//! The transaction coordinator: what it knows, and what it is asked (KIP-98, KIP-360, KIP-890).
//!
//! What it knows is never lost: it stands for the topic `__transaction_state`. Which broker answers for a transactional id is
//! [`Model::coordinator_of`]'s.

mod markers;
mod state;
mod timeouts;

pub(super) use state::{Identity, Place};
pub use state::{TransactionMetadata, TransactionState};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_records::{ProducerEpoch, ProducerId};

use self::state::{Ending, Initialised, NO_TIMEOUT};
use super::{BrokerId, Model, Now};

/// The topic that the offsets of groups are in.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The feature that says which version of transactions a cluster does.
pub(crate) const FEATURE: &str = "transaction.version";

/// All transactional ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transactions {
    ids: BTreeMap<String, TransactionMetadata>,
    /// Those whose markers are not all written.
    ending: BTreeSet<String>,
    /// Whether no markers are written for the time being.
    are_markers_held: bool,
    /// What the brokers do about two-phase commit.
    two_phase: TwoPhaseCommit,
    /// Whether any transactional id is wedged.
    has_wedged: bool,
    /// When the coordinators look for transactions that took too long.
    next_check: Duration,
}

/// What brokers do about two-phase commit (KIP-939), which is not stable yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TwoPhaseCommit {
    /// They do not speak version 6 of InitProducerId: as they do without `unstable.api.versions.enable`.
    #[default]
    Unknown,
    /// They do, and let nobody take part: as without `transaction.two.phase.commit.enable`.
    Refused,
    /// Transactions can be prepared, but are not kept for a new producer, which is answered UNSUPPORTED_VERSION: as Kafka 4.3.1.
    WithoutRecovery,
    /// All of the KIP.
    Whole,
}

/// What InitProducerId asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Who the producer says that it is.
    pub(crate) expected: Option<Identity>,
    /// How long a transaction may take; `None` in two-phase commit.
    pub(crate) timeout: Option<Duration>,
    /// Whether an ongoing transaction is kept.
    pub(crate) keeps: bool,
}

/// Who a producer is, and whose transaction was kept for it.
pub(crate) type Welcome = (Identity, Option<Identity>);

impl Model {
    /// Has the brokers treat two-phase commit in another way.
    pub fn set_two_phase_commit(&mut self, two_phase: TwoPhaseCommit) {
        self.transactions.two_phase = two_phase;
    }

    /// How the brokers treat two-phase commit.
    #[must_use]
    pub fn two_phase_commit(&self) -> TwoPhaseCommit {
        self.transactions.two_phase
    }

    /// What the coordinator knows of a transactional id.
    #[must_use]
    pub fn transaction(&self, transactional_id: &str) -> Option<&TransactionMetadata> {
        self.transactions.ids.get(transactional_id)
    }

    /// All transactional ids that were ever initialised, with what the coordinators know of them.
    pub fn transactions(&self) -> impl Iterator<Item = (&str, &TransactionMetadata)> {
        self.transactions.ids.iter().map(|(id, metadata)| (id.as_str(), metadata))
    }

    /// Which version of transactions the cluster has agreed on: the finalized feature `transaction.version`, 0 without it.
    #[must_use]
    pub fn transaction_version(&self) -> i16 {
        self.config.features.get(FEATURE).map_or(0, |feature| feature.finalized)
    }

    /// Fences whoever has a transactional id, and aborts its transaction, as `Admin.fenceProducers` does. Says whether there is such a
    /// transactional id.
    pub fn fence_producer(&mut self, transactional_id: &str) -> bool {
        if self.transaction(transactional_id).is_none() {
            return false;
        }
        let timeout = self.transaction(transactional_id).map_or(Duration::ZERO, |t| t.timeout());
        // With markers that cannot be written yet the first one fences it, and no more is to be had.
        for _ in 0..2 {
            let wish = Wish { expected: None, timeout: Some(timeout), keeps: false };
            if self.init_producer(transactional_id, wish).is_ok() {
                break;
            }
        }
        true
    }

    /// InitProducerId of a transactional id.
    pub(crate) fn init_producer(
        &mut self,
        transactional_id: &str,
        wish: Wish,
    ) -> Result<Welcome, ErrorCode> {
        if !self.transactions.ids.contains_key(transactional_id) {
            let id = self.new_producer_id();
            self.transactions.ids.insert(transactional_id.into(), TransactionMetadata::new(id));
        }
        let next = self.next_producer_id;
        let mut is_taken = false;
        let metadata = self.transactions.ids.get_mut(transactional_id);
        let metadata = metadata.ok_or(ErrorCode::UNKNOWN_SERVER_ERROR)?;
        let new_id = || {
            is_taken = true;
            ProducerId(next)
        };
        if wish.keeps && metadata.may_keep(wish.expected) {
            let (who, kept) = metadata.keep(new_id);
            self.next_producer_id += i64::from(is_taken);
            return Ok((who, Some(kept)));
        }
        let timeout = wish.timeout.unwrap_or(NO_TIMEOUT);
        let initialised = metadata.init(wish.expected, timeout, new_id);
        self.next_producer_id += i64::from(is_taken);
        match initialised? {
            Initialised::As(id, epoch) => Ok(((id, epoch), None)),
            Initialised::Fences => {
                self.abort_and_fence(transactional_id);
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
        }
    }

    /// Adds a partition to the transaction of a producer for a broker that it sent to, as version 2 has it. A cluster that has agreed on
    /// version 1 does so too, one of version 0 cannot write it down, and the transactional id is wedged (seen on Kafka 4.3.1).
    pub(crate) fn add_implicitly(
        &mut self,
        transactional_id: &str,
        who: Identity,
        place: Place,
        now: Now,
    ) -> Result<(), ErrorCode> {
        if self.transaction_version() < 1 {
            let mut after = self.transaction_mut(transactional_id)?.clone();
            let is_there = after.verify(who, &place).is_ok();
            after.add(who, [place], (now.elapsed, now.wall_ms))?;
            return if is_there { Ok(()) } else { Err(self.wedge(transactional_id)) };
        }
        self.add_to_transaction(transactional_id, who, [place], now)
    }

    /// Adds partitions to the transaction of a producer.
    pub(crate) fn add_to_transaction(
        &mut self,
        transactional_id: &str,
        who: Identity,
        places: impl IntoIterator<Item = Place>,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let metadata = self.transaction_mut(transactional_id)?;
        metadata.add(who, places, (now.elapsed, now.wall_ms))
    }

    /// Whether a partition is part of the transaction of a producer.
    pub(crate) fn verify_in_transaction(
        &self,
        transactional_id: &str,
        who: Identity,
        place: &Place,
    ) -> Result<(), ErrorCode> {
        let metadata = self.transaction(transactional_id);
        metadata.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?.verify(who, place)
    }

    /// EndTxn: who the producer is from now on.
    pub(crate) fn end_transaction(
        &mut self,
        transactional_id: &str,
        who: Identity,
        committed: bool,
        is_version_2: bool,
        now: Now,
    ) -> Result<Identity, ErrorCode> {
        let next = self.next_producer_id;
        let mut is_taken = false;
        let cannot_write = is_version_2 && self.transaction_version() < 1;
        let metadata = self.transaction_mut(transactional_id)?;
        if cannot_write {
            let mut after = metadata.clone();
            let now = (now.elapsed, now.wall_ms);
            if after.end_and_bump(who, committed, now, || ProducerId(next)) == Ok(Ending::Ends) {
                return Err(self.wedge(transactional_id));
            }
        }
        let metadata = self.transaction_mut(transactional_id)?;
        let ending = match is_version_2 {
            false => metadata.end(who, committed),
            true => metadata.end_and_bump(who, committed, (now.elapsed, now.wall_ms), || {
                is_taken = true;
                ProducerId(next)
            }),
        };
        self.next_producer_id += i64::from(is_taken);
        if ending? == Ending::Ends {
            self.begin_markers(transactional_id);
        }
        let metadata = self.transaction_mut(transactional_id)?;
        Ok(metadata.identity_after())
    }

    /// Whether a broker can ask the coordinator of a transactional id.
    pub(crate) fn reach_coordinator(
        &self,
        from: BrokerId,
        transactional_id: &str,
    ) -> Result<(), ErrorCode> {
        let coordinator = self.coordinator_of(transactional_id);
        let coordinator = coordinator.ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)?;
        let is_reached = coordinator == from || (self.is_here(coordinator) && self.is_here(from));
        if !is_reached {
            return Err(ErrorCode::NETWORK_EXCEPTION);
        }
        self.check_coordinator(coordinator, transactional_id)
    }

    pub(crate) fn new_producer_id(&mut self) -> ProducerId {
        let id = ProducerId(self.next_producer_id);
        self.next_producer_id += 1;
        id
    }

    /// A coordinator could not write a change of transaction version 2 down, since the cluster is one of version 0: it answers UNSUPPORTED_VERSION, takes the change for one that is under
    /// way, and refuses everything else about the transactional id until it is loaded again (seen on Kafka 4.3.1).
    fn wedge(&mut self, transactional_id: &str) -> ErrorCode {
        let at = self.coordinator_of(transactional_id);
        self.transactions.has_wedged = true;
        if let Ok(metadata) = self.transaction_mut(transactional_id) {
            metadata.wedged_at = at;
        }
        ErrorCode::UNSUPPORTED_VERSION
    }

    /// Coordinators that have what is written down anew have forgotten what could not be written: those of other brokers than before, and of `loading`.
    pub(in crate::model) fn unwedge(&mut self, loading: Option<BrokerId>) {
        if !self.transactions.has_wedged {
            return;
        }
        let wedged = self.transactions.ids.iter();
        let wedged = wedged.filter_map(|(id, of)| Some((id.clone(), of.wedged_at?)));
        let wedged: Vec<_> = wedged.collect();
        self.transactions.has_wedged = false;
        for (id, at) in wedged {
            let is_loaded = loading == Some(at) || self.coordinator_of(&id) != Some(at);
            self.transactions.has_wedged |= !is_loaded;
            if let Ok(metadata) = self.transaction_mut(&id) {
                metadata.wedged_at = metadata.wedged_at.filter(|_| !is_loaded);
            }
        }
    }

    fn transaction_mut(&mut self, id: &str) -> Result<&mut TransactionMetadata, ErrorCode> {
        self.transactions.ids.get_mut(id).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    }

    /// Aborts an ongoing transaction, and fences its producer.
    fn abort_and_fence(&mut self, transactional_id: &str) {
        let is_version_2 = self.transaction_version() >= 2;
        if let Ok(metadata) = self.transaction_mut(transactional_id) {
            metadata.fence(is_version_2);
            self.begin_markers(transactional_id);
        }
    }
}

/// The producer that a request says: none, or one with an epoch.
///
/// # Errors
///
/// INVALID_REQUEST for half of one.
pub(crate) fn identity_of(id: i64, epoch: i16) -> Result<Option<Identity>, ErrorCode> {
    let identity = (ProducerId(id), ProducerEpoch(epoch));
    match (identity.0 == ProducerId::NONE, identity.1 == ProducerEpoch::NONE) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(identity)),
        _ => Err(ErrorCode::INVALID_REQUEST),
    }
}
