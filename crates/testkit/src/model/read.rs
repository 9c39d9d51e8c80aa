//! Reading back what was appended.

use super::{LoggedBatch, LoggedRecord, Model};

impl Model {
    /// Every batch of a partition as it is stored, the oldest first; none where there is no such partition.
    pub fn batches(&self, topic: &str, partition: i32) -> impl Iterator<Item = &LoggedBatch> {
        self.partition(topic, partition).into_iter().flat_map(|found| found.log.batches())
    }

    /// Every record of a partition by its offset, those that consumers do not see yet too; none where there is no such partition.
    pub fn records(&self, topic: &str, partition: i32) -> impl Iterator<Item = LoggedRecord> {
        self.batches(topic, partition).flat_map(LoggedBatch::records)
    }
}
