//! What a producer's user asks of its transactions, and what it is told.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::ByteStr;

use super::PreparedState;

/// What makes a producer transactional.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionalConfig {
    /// `transactional.id`: who the producer is beyond its process's life. A new producer of the same id fences the older one.
    pub id: ByteStr,
    /// `transaction.timeout.ms`: the coordinator aborts a transaction that is open for longer, and fences its producer. 60 s. Brokers refuse more than their
    /// `transaction.max.timeout.ms` (15 minutes).
    pub timeout: Duration,
    /// `transaction.two.phase.commit.enable` (KIP-939, unstable): transactions have no time-out, and can be prepared. Takes brokers that speak version 6 of
    /// InitProducerId (`unstable.api.versions.enable`) and allow it (`transaction.two.phase.commit.enable`, and TwoPhaseCommit on the resource TransactionalId).
    pub two_phase_commit: bool,
}

impl TransactionalConfig {
    /// This transactional id, and Java's time-out.
    pub const fn new(id: ByteStr) -> Self {
        Self { id, timeout: Duration::from_secs(60), two_phase_commit: false }
    }
}

/// What to do about transactions. Each is answered once ([`Output::Transaction`](crate::Output::Transaction)): when it is done, when it has failed, or when its
/// deadline passes, whatever is first; with the deadline nothing but the waiting ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionCall {
    /// Become the one producer of the transactional id: its older instances are fenced, and what they left open is aborted. Answered by
    /// [`Done`](TransactionAnswer::Done), at once where it was done before.
    Init,
    /// Open a transaction, once the last one has ended. Answered by [`Done`](TransactionAnswer::Done).
    ///
    /// An error ([`OutOfTurn`](crate::TransactionErrorKind::OutOfTurn)) while the outcome of a commit was told to nobody, because its call timed out or was cancelled:
    /// [`Commit`](Self::Commit) or [`Settle`](Self::Settle) tells it.
    Begin,
    /// Commit a consumer group's offsets with the transaction (KIP-98, KIP-447). Answered by [`Done`](TransactionAnswer::Done) when the group's coordinator
    /// has them; they count when the transaction is committed. May be called several times, before other calls are answered too.
    SendOffsets {
        /// The group.
        group: GroupMetadata,
        /// The offsets. None at all is nothing to do.
        offsets: Vec<OffsetOf>,
    },
    /// The transaction lacks a record that its user wanted in it, for a reason that the engine does not see (a record too large, a serializer's error): it must not be
    /// committed any more. Answered by [`Done`](TransactionAnswer::Done). Where there was a cause already, that one is kept.
    Spoil {
        /// The reason, in words, as the commit will tell it.
        cause: String,
    },
    /// Deliver what was opened before this input, and make it visible, all or nothing. Answered by [`Committed`](TransactionAnswer::Committed).
    ///
    /// Whoever calls it says that all of the transaction's batches came before it ([`Opened`](crate::Input::Opened) or [`Sealed`](crate::Input::Sealed)), and that none is opened
    /// until the next `Begin` is answered. If it fails with [`Remedy::Abort`](crate::Remedy::Abort), the transaction is being aborted already.
    Commit,
    /// Make sure that nothing of the transaction is ever visible. Batches that were not sent yet end as [`Aborted`](crate::DeliveryErrorKind::Aborted).
    /// Answered by [`Aborted`](TransactionAnswer::Aborted), at once where no transaction is open.
    Abort,
    /// Wait until no transaction is ending, and tell how the last one ended: [`Committed`](TransactionAnswer::Committed) or [`Aborted`](TransactionAnswer::Aborted), or
    /// the error that its `Commit` would have told, where nobody was told yet; else [`Done`](TransactionAnswer::Done).
    Settle,
    /// As [`Init`](Self::Init), but what an older instance left open is kept, as it was prepared (KIP-939): answered by [`Prepared`](TransactionAnswer::Prepared), and then
    /// [`Commit`](Self::Commit) or [`Abort`](Self::Abort) ends it; or by [`Done`](TransactionAnswer::Done), where nothing was left open. Of a producer that is initialised already it
    /// tells the same. Takes [`TransactionalConfig::two_phase_commit`].
    InitKeeping,
    /// Deliver what was opened before this input, with the offsets, and leave it to [`Commit`](Self::Commit) or [`Abort`](Self::Abort) (KIP-939). Answered by
    /// [`Prepared`](TransactionAnswer::Prepared): from then on no failure keeps it from being committed, and nothing but these calls ends it, not the end of this process either.
    /// Until then [`Abort`](Self::Abort) gives it up.
    ///
    /// If it fails with [`Remedy::Abort`](crate::Remedy::Abort), the transaction is being aborted already. Takes [`TransactionalConfig::two_phase_commit`], and version 2.
    Prepare,
}

impl TransactionCall {
    /// Its name, as the one who calls the producer knows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Begin => "begin",
            Self::SendOffsets { .. } => "send_offsets",
            Self::Spoil { .. } => "spoil",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Settle => "resume",
            Self::InitKeeping => "init keeping what is prepared",
            Self::Prepare => "prepare",
        }
    }
}

/// How a [`TransactionCall`] went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionAnswer {
    /// It is done.
    Done,
    /// The transaction is committed.
    Committed,
    /// The transaction is aborted.
    Aborted,
    /// The transaction waits to be committed or aborted.
    Prepared(PreparedState),
}

/// Who commits offsets: a consumer group, and as which of its members (KIP-447).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    /// `group.id`.
    pub group_id: ByteStr,
    /// The group's generation, or the member's epoch (KIP-848); -1: not told, so that the group's coordinator cannot fence old members.
    pub generation_id: i32,
    /// The member's id; empty: not told.
    pub member_id: ByteStr,
    /// `group.instance.id`, where the member is a static one.
    pub group_instance_id: Option<ByteStr>,
}

impl GroupMetadata {
    /// A group, without saying which member commits: for consumers whose partitions are assigned by hand.
    pub fn new(group_id: ByteStr) -> Self {
        let member_id = ByteStr::from_static("");
        Self { group_id, generation_id: -1, member_id, group_instance_id: None }
    }

    /// Whether the group's coordinator can tell by it which member commits.
    pub fn names_member(&self) -> bool {
        self.generation_id >= 0 || !self.member_id.is_empty() || self.group_instance_id.is_some()
    }
}

/// An offset to commit: that of the next record to consume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetOf {
    /// The topic.
    pub topic: ByteStr,
    /// The partition's number within the topic.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The leader's epoch of the last record consumed, where it is known.
    pub leader_epoch: Option<i32>,
    /// Whatever the application wants to keep with it.
    pub metadata: Option<ByteStr>,
}
