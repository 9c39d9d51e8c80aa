//! Transactions and the offsets of groups, as a test sees and disturbs them.

use std::collections::BTreeMap;

use super::Cluster;
use crate::model::{
    BrokerId, CommittedOffset, GroupMember, LoggedBatch, LoggedRecord, TransactionMetadata,
    TransactionState, TwoPhaseCommit,
};

impl Cluster {
    /// The records of a partition that a consumer sees with `isolation.level=read_committed`, by their offsets: those of transactions
    /// that were committed, or of none; none where there is no such partition.
    #[must_use]
    pub fn committed_log(&self, topic: &str, partition: i32) -> Vec<LoggedRecord> {
        let batches: Vec<LoggedBatch> = self.shared.with(|model| {
            let found = model.partition(topic, partition).into_iter();
            found.flat_map(|found| found.log.committed_batches()).cloned().collect()
        });
        batches.iter().flat_map(LoggedBatch::records).collect()
    }

    /// [`Cluster::committed_log`] of all partitions of a topic, one after the other, as they are at one moment. What a transaction
    /// wrote is there whole, or not at all, unless it is among [`Cluster::ongoing_transactions`] as one whose markers are being written.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cluster = rohrpost_testkit::Cluster::builder().start().await?;
    /// cluster.create_topic("transfers", 3)?;
    /// // ... the code to be tested produces in transactions ...
    /// assert!(cluster.committed_records("transfers").is_empty());
    /// assert!(cluster.ongoing_transactions().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn committed_records(&self, topic: &str) -> Vec<LoggedRecord> {
        let batches: Vec<LoggedBatch> = self.shared.with(|model| {
            let partitions = model.topic(topic).into_iter().flat_map(|topic| &topic.partitions);
            partitions.flat_map(|found| found.log.committed_batches()).cloned().collect()
        });
        batches.iter().flat_map(LoggedBatch::records).collect()
    }

    /// The offsets that a group has committed, by topic and partition; those of open transactions are not among them.
    #[must_use]
    pub fn group_offsets(&self, group: &str) -> BTreeMap<(String, i32), CommittedOffset> {
        self.shared.with(|model| model.group_offsets(group))
    }

    /// The offsets that open transactions will commit for a group, by topic and partition.
    #[must_use]
    pub fn pending_group_offsets(&self, group: &str) -> BTreeMap<(String, i32), CommittedOffset> {
        self.shared.with(|model| model.pending_group_offsets(group))
    }

    /// Commits an offset for a group without a member, as an operator does: where a consumer is to begin.
    pub fn commit_offset(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        self.shared.change(|model| model.commit_offset(group, topic, partition, offset));
    }

    /// Gives a group a generation and members, or takes them all away: from then on only those may commit its offsets, in that
    /// generation. Groups do not form by themselves here.
    pub fn set_group(
        &self,
        group: &str,
        generation: i32,
        members: impl IntoIterator<Item = GroupMember>,
    ) {
        self.shared.change(|model| model.set_group(group, generation, members));
    }

    /// What the coordinator knows of a transactional id; `None` for one that no producer was initialised with.
    #[must_use]
    pub fn transaction(&self, transactional_id: &str) -> Option<TransactionMetadata> {
        self.shared.with(|model| model.transaction(transactional_id).cloned())
    }

    /// The transactional ids whose transaction is ongoing, or has been decided and not yet marked everywhere, with its state.
    #[must_use]
    pub fn ongoing_transactions(&self) -> BTreeMap<String, TransactionState> {
        self.shared.with(|model| {
            let all = model.transactions().map(|(id, metadata)| (id.to_owned(), metadata.state()));
            let is_open = |state| {
                matches!(
                    state,
                    TransactionState::Ongoing
                        | TransactionState::PrepareCommit
                        | TransactionState::PrepareAbort
                )
            };
            all.filter(|&(_, state)| is_open(state)).collect()
        })
    }

    /// Fences whoever has a transactional id, and aborts its transaction, as another producer of the same id does. Says whether there
    /// is such a transactional id.
    pub fn fence_producer(&self, transactional_id: &str) -> bool {
        self.shared.change(|model| model.fence_producer(transactional_id))
    }

    /// Aborts a transaction now, as the brokers do when its producer's timeout is over. Says whether there was one to abort.
    pub fn time_out_transaction(&self, transactional_id: &str) -> bool {
        self.shared.change(|model| model.time_out_transaction(transactional_id))
    }

    /// Has the cluster agree on another version of transactions, as an upgrade or a downgrade does in mid-life: 2 is that of Kafka 4
    /// (KIP-890), 0 and 1 are the one before.
    pub fn set_transaction_version(&self, version: i16) {
        self.shared.change(|model| model.set_transaction_version(version));
    }

    /// Has the brokers treat two-phase commit (KIP-939) in another way; at first they do not know of it.
    pub fn set_two_phase_commit(&self, two_phase: TwoPhaseCommit) {
        self.shared.change(|model| model.set_two_phase_commit(two_phase));
    }

    /// The broker that coordinates a group or a transactional id; `None` while no broker is up.
    #[must_use]
    pub fn coordinator_of(&self, key: &str) -> Option<BrokerId> {
        self.shared.with(|model| model.coordinator_of(key))
    }

    /// Makes a broker the coordinator of a group or a transactional id, as long as it is up.
    pub fn move_coordinator(&self, key: &str, to: impl Into<BrokerId>) {
        self.shared.change(|model| model.move_coordinator(key, to));
    }

    /// Has a broker answer COORDINATOR_LOAD_IN_PROGRESS as a coordinator, until [`Cluster::release_coordinator`].
    pub fn hold_coordinator(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.hold_coordinator(broker));
    }

    /// Ends what [`Cluster::hold_coordinator`] began.
    pub fn release_coordinator(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.release_coordinator(broker));
    }

    /// Has the coordinators write no markers until [`Cluster::release_markers`]: transactions that end are stuck in between, and the next
    /// ones are told CONCURRENT_TRANSACTIONS.
    pub fn hold_markers(&self) {
        self.shared.change(crate::model::Model::hold_markers);
    }

    /// Ends what [`Cluster::hold_markers`] began.
    pub fn release_markers(&self) {
        self.shared.change(crate::model::Model::release_markers);
    }
}
