//! Counters.

use std::time::Duration;

use rohrpost_engine::EngineStats;

/// What the driver and its engine have done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "documented where users see them, in the facade's `Stats`")]
pub struct Stats {
    pub records: u64,
    pub batches: u64,
    pub uncompressed_bytes: u64,
    pub batch_bytes: u64,
    pub batch_bytes_max: u64,
    pub records_acknowledged: u64,
    pub records_failed: u64,
    pub batches_completed: u64,
    pub retries: u64,
    pub records_retried: u64,
    pub queue_time_max: Duration,
    pub latency_max: Duration,
    pub splits: u64,
    pub requests: u64,
    pub requests_in_flight: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub connections_opened: u64,
    pub connections_failed: u64,
    pub buffered_bytes: u64,
    pub buffer_memory: u64,
    pub senders_waiting: u64,
    pub senders_held: u64,
    pub sends_out_of_memory: u64,
}

impl Stats {
    /// Takes over what the engine counts.
    pub(crate) fn take_engine(&mut self, engine: &EngineStats) {
        self.records = engine.records_sealed;
        self.batches = engine.batches_sealed;
        self.uncompressed_bytes = engine.bytes_uncompressed;
        self.batch_bytes = engine.bytes_sealed;
        self.batch_bytes_max = engine.batch_bytes_max;
        self.records_acknowledged = engine.records_delivered;
        self.records_failed = engine.records_failed;
        self.retries = engine.retries;
        self.records_retried = engine.records_retried;
        self.queue_time_max = engine.queue_time_max;
        self.latency_max = engine.latency_max;
        self.splits = engine.splits;
        self.requests = engine.produce_requests;
        self.requests_in_flight = engine.requests_in_flight as u64;
    }
}
