//! [`Stats`]: what a cluster counts.

use std::collections::BTreeMap;

use rohrpost_codec::ApiKey;

/// What a cluster has counted since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests by their API, faulted ones included.
    pub requests: BTreeMap<ApiKey, u64>,
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that are open.
    pub open_connections: u64,
    /// Batches that were appended.
    pub batches: u64,
    /// Records that were appended.
    pub records: u64,
    /// Bytes of the batches that were appended.
    pub bytes: u64,
    /// Batches that were found to be appended already.
    pub duplicates: u64,
    /// Batches that were refused.
    pub refused: u64,
    /// Transactions that were committed, all their markers written.
    pub transactions_committed: u64,
    /// Transactions that were aborted, all their markers written.
    pub transactions_aborted: u64,
    /// Transactions that the coordinator gave up, as they took too long.
    pub transactions_timed_out: u64,
    /// Records that were acknowledged to nobody and lost, or with acks=1 or acks=0, when a leader changed.
    pub lost_records: u64,
    /// Answers that asked for a pause because of a quota.
    pub throttled: u64,
    /// Clients that were let in by SASL.
    pub authentications: u64,
    /// Times that one authenticated again on its connection (KIP-368).
    pub reauthentications: u64,
    /// Clients that were not let in, or sent something else than authentication.
    pub failed_authentications: u64,
    /// Connections that were closed as their time was up.
    pub expired_connections: u64,
    /// Faults that struck.
    pub faults: u64,
}

impl Stats {
    /// The requests of an API.
    #[must_use]
    pub fn requests_of(&self, api: ApiKey) -> u64 {
        self.requests.get(&api).copied().unwrap_or_default()
    }
}
