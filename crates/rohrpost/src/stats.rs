//! Counters of a producer.

/// What a producer has done so far, as one snapshot: see [`Producer::stats`](crate::Producer::stats). Counters only grow; the fields
/// named `…_now` are present levels.
///
/// Records are counted a batch at a time: a record shows up when its batch is sealed, that is full, lingered or flushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records in the batches that were sealed.
    pub records: u64,
    /// Batches that were sealed.
    pub batches: u64,
    /// Bytes of those batches before compression, their headers (61 bytes each) included.
    pub uncompressed_bytes: u64,
    /// Bytes of those batches as they are sent.
    pub batch_bytes: u64,
    /// Records that the brokers acknowledged (with `acks=0`: that were written to a socket).
    pub records_acknowledged: u64,
    /// Records whose delivery failed.
    pub records_failed: u64,
    /// Batches whose records are all acknowledged or failed.
    pub batches_completed: u64,
    /// Batches that were sent again.
    pub retries: u64,
    /// Batches that were split because the broker found them too large.
    pub splits: u64,
    /// Produce requests sent.
    pub requests: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// Connections opened, failed attempts included.
    pub connections_opened: u64,
    /// Connections that were lost or could not be opened.
    pub connections_failed: u64,
    /// Records in sealed batches that are neither acknowledged nor failed.
    pub records_in_flight_now: u64,
    /// Sealed batches that are neither acknowledged nor failed.
    pub batches_in_flight_now: u64,
    /// Produce requests that wait for their answer.
    pub requests_in_flight_now: u64,
    /// Bytes of `buffer.memory` in use.
    pub buffered_bytes_now: u64,
    /// `buffer.memory`.
    pub buffer_memory: u64,
    /// Sends that wait for room.
    pub senders_waiting_now: u64,
}

impl Stats {
    /// Bytes sent by bytes before compression, over all batches: 1.0 without a codec, smaller with a good one. `None` before the first batch.
    pub fn compression_ratio(&self) -> Option<f64> {
        (self.uncompressed_bytes > 0)
            .then(|| self.batch_bytes as f64 / self.uncompressed_bytes as f64)
    }

    /// Mean records of a batch. `None` before the first batch.
    pub fn records_per_batch(&self) -> Option<f64> {
        (self.batches > 0).then(|| self.records as f64 / self.batches as f64)
    }
}

/// A partition of a topic, as the brokers describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionInfo {
    /// The partition: 0, 1, …
    pub partition: i32,
    /// The broker that leads it; `None` while an election is under way.
    pub leader: Option<i32>,
}
