//! The manager's state, and its edges: one method each. Nothing here sends anything.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use rohrpost_cluster::{NodeId, RequestId, Time};
use rohrpost_codec::{ApiKey, ByteStr};

use super::calls::{Calls, Kind};
use super::{
    GroupMetadata, OffsetOf, PreparedState, Remedy, TransactionError, TransactionErrorKind,
    TransactionalConfig,
};
use crate::error::AttemptFailure;
use crate::ids::{CallId, PartitionIndex};
use crate::plants::{Plant, Planted};

/// See the module's picture.
#[derive(Debug)]
pub(crate) struct Transactions {
    pub(super) config: TransactionalConfig,
    pub(super) state: State,
    pub(super) calls: Calls,
    /// The open transaction's number, or the last one's. Partitions that belong to it carry it; none carries 0.
    pub(crate) number: u64,
    /// That transaction's.
    pub(super) version: Version,
    /// Whether the coordinator knows of that transaction.
    pub(super) begun: Begun,
    /// A partition has joined it by AddPartitionsToTxn.
    pub(super) has_partition: bool,
    /// The first thing that went wrong in it, until that is looked at.
    pub(super) failure: Option<TransactionError>,
    /// Partitions that have something to send and do not belong to it yet (version 1).
    pub(super) wanted: BTreeSet<PartitionIndex>,
    /// Offsets to commit with it, in the order of the calls.
    pub(super) offsets: VecDeque<Offsets>,
    /// A request of version 1 went without an answer: a copy of it may come late.
    pub(super) in_doubt: bool,
    /// The epoch has been used in a transaction of version 1.
    pub(super) is_worn: bool,
    /// Only a new epoch can go on: sequences of the present one are spent.
    pub(super) has_spent: bool,
    pub(super) coordinator: Option<NodeId>,
    /// The group whose coordinator was looked up last.
    pub(super) group: Option<(ByteStr, NodeId)>,
    /// The one transactional request that is out.
    pub(super) asked: Option<Asked>,
    /// Requests that failed in a row, for the back-off.
    pub(super) failures: u32,
    pub(super) not_before: Time,
    /// The next transaction of version 2 does not begin before: see [`MARKERS_PAUSE`](super::end::MARKERS_PAUSE).
    pub(super) begins_from: Time,
    pub(super) last: Option<AttemptFailure>,
    /// A plant's: a new identity is asked for within the transaction.
    pub(super) renews_while_open: bool,
    /// The first identity is asked for in such a way that what is prepared is kept.
    pub(super) keeps_prepared: bool,
    planted: Planted,
    /// When closing stops to wait for an abort, for the coordinator has done it by then.
    pub(super) closing_until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Uninitialized,
    Initializing,
    /// Between transactions, while a new epoch is got.
    Renewing,
    Ready,
    Open,
    Spoiled(TransactionError),
    Ending(Ending),
    /// All of it is where it should be; another coordinator decides.
    Prepared(PreparedState),
    Fatal(TransactionError),
    Closed,
}

/// A transaction on its way to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) is_commit: bool,
    /// It is only brought so far that it could be committed.
    pub(super) prepares: bool,
    /// It was prepared: nothing but a call aborts it.
    pub(super) was_prepared: Option<PreparedState>,
    /// EndTxn is to be sent, or is out; before that, batches are awaited.
    pub(super) is_asking: bool,
    /// An attempt of EndTxn went without an answer, or had one that leaves open whether it was done.
    pub(super) maybe_done: bool,
    /// The transaction's batches were born before this number.
    pub(super) before: u64,
    /// Why it is aborted; `None`: it was asked for.
    pub(super) cause: Option<TransactionError>,
    /// Whether batches in doubt are sent again meanwhile.
    pub(super) resolving: Resolving,
}

/// Whether batches in doubt are sent again during an abort, so that copies of them which are still on their way are duplicates (version 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolving {
    /// They are, once nothing is in flight.
    Soon,
    Until(Time),
    /// They are given up.
    Over,
}

/// Which rules a transaction follows; see the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// Whether the coordinator knows of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    No,
    /// What would have told it was not answered.
    Maybe,
    Yes,
}

/// Offsets of one call.
#[derive(Debug)]
pub(super) struct Offsets {
    pub(super) call: CallId,
    pub(super) group: GroupMetadata,
    /// Those that the group's coordinator does not have yet.
    pub(super) offsets: Vec<OffsetOf>,
    /// The group has joined the transaction.
    pub(super) has_joined: bool,
}

/// A transactional request that is out.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: RequestId,
    pub(super) node: NodeId,
    pub(super) what: Question,
}

/// What it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Where the coordinator is: of a group, or of the transaction.
    Find(Option<ByteStr>),
    /// For the first identity, or for the next.
    Identity {
        renews: bool,
    },
    Partitions(Vec<PartitionIndex>),
    Group,
    Offsets,
    End {
        is_commit: bool,
    },
}

impl Question {
    pub(super) const fn api(&self) -> ApiKey {
        match self {
            Self::Find(_) => ApiKey::FindCoordinator,
            Self::Identity { .. } => ApiKey::InitProducerId,
            Self::Partitions(_) => ApiKey::AddPartitionsToTxn,
            Self::Group => ApiKey::AddOffsetsToTxn,
            Self::Offsets => ApiKey::TxnOffsetCommit,
            Self::End { .. } => ApiKey::EndTxn,
        }
    }

    /// Whether a late copy of it could do something to a later transaction.
    pub(super) const fn changes_transaction(&self) -> bool {
        !matches!(self, Self::Find(_) | Self::Identity { .. })
    }
}

/// What is to be asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Nothing,
    Find(Option<ByteStr>),
    Identity { renews: bool },
    Partitions,
    Group,
    Offsets,
    End { is_commit: bool },
}

/// Whether a partition may send a new batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The producer is not transactional.
    Free,
    /// No transaction takes anything.
    Shut,
    /// Batches born before that number, of partitions that belong to the transaction of this one.
    Members { number: u64, before: u64 },
    /// Batches born before that number.
    Open { before: u64 },
}

impl Transactions {
    pub(crate) fn new(config: TransactionalConfig, planted: Planted) -> Self {
        Self {
            config,
            state: State::Uninitialized,
            calls: Calls::default(),
            number: 0,
            version: Version::V1,
            begun: Begun::No,
            has_partition: false,
            failure: None,
            wanted: BTreeSet::new(),
            offsets: VecDeque::new(),
            in_doubt: false,
            is_worn: false,
            has_spent: false,
            coordinator: None,
            group: None,
            asked: None,
            failures: 0,
            not_before: Time::ZERO,
            begins_from: Time::ZERO,
            last: None,
            renews_while_open: false,
            keeps_prepared: false,
            planted,
            closing_until: None,
        }
    }

    // Views.

    pub(crate) fn gate(&self) -> Gate {
        let before = match &self.state {
            State::Open => u64::MAX,
            State::Ending(Ending { is_commit: true, is_asking, before, .. })
                if !is_asking || self.planted.is(Plant::ProduceWhileEnding) =>
            {
                *before
            }
            _ => return Gate::Shut,
        };
        match self.version {
            Version::V1 => Gate::Members { number: self.number, before },
            Version::V2 => Gate::Open { before },
        }
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    pub(crate) const fn id(&self) -> &ByteStr {
        &self.config.id
    }

    /// Whether what fails now keeps the transaction from being committed.
    pub(crate) fn is_whole(&self) -> bool {
        let may_commit = match &self.state {
            State::Open => true,
            State::Ending(ending) => ending.is_commit && !ending.is_asking,
            _ => false,
        };
        may_commit && self.failure.is_none()
    }

    /// Whether no transaction is open, and none is ending: whether nothing has to be awaited before the end of all.
    pub(crate) const fn is_over(&self) -> bool {
        !matches!(self.state, State::Open | State::Spoiled(_) | State::Ending(_))
    }

    pub(crate) fn is_asked(&self, request: RequestId) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.request == request)
    }

    pub(super) const fn ending(&self) -> Option<&Ending> {
        match &self.state {
            State::Ending(ending) => Some(ending),
            _ => None,
        }
    }

    pub(super) const fn ending_mut(&mut self) -> Option<&mut Ending> {
        match &mut self.state {
            State::Ending(ending) => Some(ending),
            _ => None,
        }
    }

    /// What to ask next, were nothing out and no pause to be kept.
    pub(super) fn work(&self) -> Work {
        let with_coordinator = |work: Work| match self.coordinator {
            Some(_) => work,
            None => Work::Find(None),
        };
        match &self.state {
            State::Initializing => with_coordinator(Work::Identity { renews: false }),
            State::Open if self.renews_while_open => {
                with_coordinator(Work::Identity { renews: false })
            }
            State::Renewing => with_coordinator(Work::Identity { renews: true }),
            State::Ending(Ending { is_asking: true, is_commit, .. }) => {
                with_coordinator(Work::End { is_commit: *is_commit })
            }
            State::Open | State::Ending(Ending { is_commit: true, .. })
                if self.failure.is_none() =>
            {
                if self.version == Version::V1 && !self.wanted.is_empty() {
                    return with_coordinator(Work::Partitions);
                }
                let Some(next) = self.offsets.front() else { return Work::Nothing };
                if self.version == Version::V1 && !next.has_joined {
                    return with_coordinator(Work::Group);
                }
                match &self.group {
                    Some((group, _)) if *group == next.group.group_id => Work::Offsets,
                    _ => Work::Find(Some(next.group.group_id.clone())),
                }
            }
            _ => Work::Nothing,
        }
    }

    /// When something happens by itself.
    pub(crate) fn next_deadline(&self, now: Time) -> Option<Time> {
        let retries = self.asked.is_none() && self.work() != Work::Nothing;
        let pause = (retries && self.not_before > now).then_some(self.not_before);
        let begins = self.state == State::Ready && self.calls.has(Kind::Begin);
        let begin = (begins && self.begins_from > now).then_some(self.begins_from);
        let resolve = self.ending().and_then(|ending| match ending.resolving {
            Resolving::Until(until) => Some(until),
            Resolving::Soon | Resolving::Over => None,
        });
        let closing = self.closing_until.filter(|until| *until > now);
        [pause, begin, resolve, closing, self.calls.next_deadline()].into_iter().flatten().min()
    }

    // Edges.

    /// Init, InitKeeping.
    pub(super) fn initialize(&mut self, keeps_prepared: bool) {
        self.keeps_prepared = keeps_prepared;
        self.state = State::Initializing;
    }

    /// The cluster does not let it be initialised: it may be tried again.
    pub(super) fn uninitialize(&mut self) {
        self.state = State::Uninitialized;
    }

    /// Begin.
    pub(super) fn open(&mut self, version: Version) {
        self.state = State::Open;
        self.number += 1;
        self.version = version;
        self.begun = Begun::No;
        self.has_partition = false;
        self.failure = None;
    }

    /// Something went wrong: the transaction cannot be committed. The first cause is kept.
    pub(crate) fn fail(&mut self, error: TransactionError) {
        let is_fatal = error.remedy() == Remedy::NewProducer;
        let was_fatal = self.failure.as_ref().is_some_and(|of| of.remedy() == Remedy::NewProducer);
        if self.failure.is_none() || is_fatal && !was_fatal {
            self.failure = Some(error);
        }
    }

    /// The open transaction takes nothing more.
    pub(super) fn spoil(&mut self, error: TransactionError) {
        self.state = State::Spoiled(error);
        self.wanted.clear();
    }

    /// Commit.
    pub(super) fn commit(&mut self, before: u64) {
        let was_prepared = match self.state {
            State::Prepared(state) => Some(state),
            _ => None,
        };
        self.state = State::Ending(Ending {
            is_commit: true,
            prepares: false,
            was_prepared,
            is_asking: false,
            maybe_done: false,
            before,
            cause: None,
            resolving: Resolving::Over,
        });
    }

    /// Abort, or a commit that failed.
    pub(super) fn abort(&mut self, before: u64, cause: Option<TransactionError>) {
        let resolving = match self.version {
            Version::V1 => Resolving::Soon,
            Version::V2 => Resolving::Over,
        };
        self.state = State::Ending(Ending {
            is_commit: false,
            prepares: false,
            was_prepared: None,
            is_asking: false,
            maybe_done: false,
            before,
            cause,
            resolving,
        });
        self.failure = None;
        self.wanted.clear();
        self.offsets.clear();
    }

    /// What makes the coordinator know of it is sent (version 2: by whoever gets the first batch).
    pub(crate) fn may_begin(&mut self) {
        if self.begun == Begun::No {
            self.begun = Begun::Maybe;
        }
    }

    /// The coordinator knows of it: a batch of it was appended.
    pub(crate) fn has_begun(&mut self) {
        self.begun = Begun::Yes;
    }

    /// The coordinator has ended the transaction, or never knew of it. `needs_epoch`: the next one needs a new epoch.
    pub(super) fn ended(&mut self, needs_epoch: bool) {
        self.state = if needs_epoch { State::Renewing } else { State::Ready };
        self.begun = Begun::No;
        self.failure = None;
        self.wanted.clear();
        self.offsets.clear();
    }

    /// A new epoch is to be begun before the next transaction.
    pub(super) fn renew(&mut self) {
        self.state = State::Renewing;
    }

    /// There is a new identity, that nothing was sent under.
    pub(super) fn identified(&mut self) {
        if matches!(self.state, State::Initializing | State::Renewing) {
            self.state = State::Ready;
        }
        self.in_doubt = false;
        self.is_worn = false;
        self.has_spent = false;
    }

    /// Nothing will ever go on.
    pub(super) fn doom(&mut self, error: TransactionError) {
        self.state = State::Fatal(error);
        self.failure = None;
        self.wanted.clear();
        self.offsets.clear();
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
        self.asked = None;
        self.wanted.clear();
        self.offsets.clear();
        self.closing_until = None;
    }

    // What is said of the state.

    /// For an error of a call that does not fit.
    pub(super) const fn described(&self) -> &'static str {
        match &self.state {
            State::Uninitialized => "the producer is not initialised",
            State::Initializing => "the producer is being initialised",
            State::Renewing | State::Ready => "no transaction is open",
            State::Open => "a transaction is open",
            State::Spoiled(_) => "the transaction has failed",
            State::Ending(Ending { prepares: true, .. }) => "the transaction is being prepared",
            State::Ending(Ending { is_commit: true, .. }) => "the transaction is being committed",
            State::Prepared(_) => "the transaction is prepared: commit or abort it, as was decided",
            State::Ending(_) => "the transaction is being aborted",
            State::Fatal(_) => "the producer cannot go on",
            State::Closed => "the producer is closed",
        }
    }

    pub(super) fn out_of_turn(
        &self,
        call: &'static str,
        state: Option<&'static str>,
        remedy: Remedy,
    ) -> TransactionError {
        let state = state.unwrap_or_else(|| self.described());
        TransactionError::new(TransactionErrorKind::OutOfTurn { call, state }, remedy)
    }
}
