//! Reading back what was appended.

use super::{LoggedBatch, LoggedRecord, Model};

impl Model {
    /// Every batch of a partition as it is stored, the oldest first; none where there is no such partition.
    pub fn batches(&self, topic: &str, partition: i32) -> impl Iterator<Item = &LoggedBatch> {
        self.partition(topic, partition).into_iter().flat_map(|found| found.log.batches())
    }

    /// Every record of a partition by its offset, those that consumers do not see yet or never will too, but no markers of
    /// transactions; none where there is no such partition.
    pub fn records(&self, topic: &str, partition: i32) -> impl Iterator<Item = LoggedRecord> {
        self.batches(topic, partition).flat_map(LoggedBatch::records)
    }

    /// The records of a partition that a consumer sees with `isolation.level=read_committed`: below the last stable offset, and not of
    /// transactions that were aborted; none where there is no such partition.
    pub fn committed_records(
        &self,
        topic: &str,
        partition: i32,
    ) -> impl Iterator<Item = LoggedRecord> {
        let found = self.partition(topic, partition).into_iter();
        found.flat_map(|found| found.log.committed_batches()).flat_map(LoggedBatch::records)
    }
}
