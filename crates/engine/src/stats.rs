//! Counters over an engine's life.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::NodeId;

/// What an engine has done so far, and what is under way. Counters only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineStats {
    /// Records that were acknowledged (with acks=0: written).
    pub records_delivered: u64,
    /// Records whose delivery ended in an error.
    pub records_failed: u64,
    /// Batches that were acknowledged.
    pub batches_delivered: u64,
    /// Batches that came in sealed.
    pub batches_sealed: u64,
    /// Records in them.
    pub records_sealed: u64,
    /// Bytes of those batches as sent, headers included.
    pub bytes_sealed: u64,
    /// Bytes of those batches before compression.
    pub bytes_uncompressed: u64,
    /// Bytes of the largest of them, as sent.
    pub batch_bytes_max: u64,
    /// Produce requests sent.
    pub produce_requests: u64,
    /// Bytes of batches in them, retries included.
    pub bytes_sent: u64,
    /// Times that a batch was sent again.
    pub retries: u64,
    /// Records in those batches, as often as they were sent again.
    pub records_retried: u64,
    /// The longest that a batch waited from its first record until it was first sent.
    pub queue_time_max: Duration,
    /// The longest that a Produce request waited for its answer, from when it was handed out.
    pub latency_max: Duration,
    /// Batches that were divided because the broker found them too large.
    pub splits: u64,
    /// Batches that passed `delivery.timeout.ms`.
    pub expired: u64,
    /// Transactions that were committed.
    pub transactions_committed: u64,
    /// Transactions that were aborted.
    pub transactions_aborted: u64,
    /// Requests to coordinators, and to find them, that were sent.
    pub transactional_requests: u64,
    /// New producer epochs that were begun.
    pub epoch_bumps: u64,
    /// Producer ids that the cluster assigned.
    pub producer_ids: u64,
    /// Answers that lacked a partition, named one that was not asked for, or contradicted themselves.
    pub misanswers: u64,
    /// Produce requests that wait for their answers.
    pub requests_in_flight: usize,
    /// Batches that are not done: open, sealed, in flight, or to be sent again.
    pub batches_pending: usize,
    /// Per node.
    pub nodes: Vec<NodeStats>,
}

impl EngineStats {
    /// Sealed by uncompressed bytes: below 1 where compression gains; 1 before the first batch.
    pub fn compression_ratio(&self) -> f64 {
        if self.bytes_uncompressed == 0 {
            1.0
        } else {
            self.bytes_sealed as f64 / self.bytes_uncompressed as f64
        }
    }
}

/// Produce requests to one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// The node.
    pub node: NodeId,
    /// Answered requests.
    pub answers: u64,
    /// Requests that wait for their answers.
    pub in_flight: usize,
    /// From handing a request out to its answer, summed over the answered requests.
    pub latency_sum: Duration,
    /// The longest of them.
    pub latency_max: Duration,
    /// The last of them.
    pub latency_last: Duration,
}

impl NodeStats {
    pub(crate) const fn new(node: NodeId) -> Self {
        Self {
            node,
            answers: 0,
            in_flight: 0,
            latency_sum: Duration::ZERO,
            latency_max: Duration::ZERO,
            latency_last: Duration::ZERO,
        }
    }

    pub(crate) fn answered(&mut self, latency: Duration) {
        self.answers += 1;
        self.latency_sum = self.latency_sum.saturating_add(latency);
        self.latency_max = self.latency_max.max(latency);
        self.latency_last = latency;
    }

    /// The mean of them; zero before the first answer.
    pub fn latency_mean(&self) -> Duration {
        match u32::try_from(self.answers) {
            Ok(0) | Err(_) => Duration::ZERO,
            Ok(answers) => self.latency_sum / answers,
        }
    }
}
