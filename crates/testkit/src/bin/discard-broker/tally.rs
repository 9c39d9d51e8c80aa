//! What came in, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts over all connections.
#[derive(Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    batches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    largest_batch: AtomicU64,
}

impl Tally {
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn batch(&self, records: u64, bytes: u64) {
        self.batches.fetch_add(1, Relaxed);
        self.records.fetch_add(records, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.largest_batch.fetch_max(bytes, Relaxed);
    }

    /// One line: Produce requests, batches, records, bytes of the batches as sent, and the batches' largest and mean sizes.
    pub(crate) fn to_json(&self) -> String {
        let [requests, batches, records, bytes, largest] =
            [&self.requests, &self.batches, &self.records, &self.bytes, &self.largest_batch]
                .map(|count| count.load(Relaxed));
        let mean = bytes.checked_div(batches).unwrap_or(0);
        format!(
            r#"{{"requests":{requests},"batches":{batches},"records":{records},"bytes":{bytes},"largest_batch":{largest},"mean_batch":{mean}}}"#
        )
    }
}
