//! What an engine is configured with. Property names and cross-checks are the facade's business.

use alloc::collections::BTreeMap;
use core::time::Duration;

use rohrpost_cluster::ClusterConfig;
use rohrpost_codec::ByteStr;
use rohrpost_records::Compression;

use crate::overrides::TopicOverrides;
use crate::plants::Planted;
use crate::transaction::TransactionalConfig;

/// When a broker acknowledges a batch (`acks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acks {
    /// Never: a batch is done once its bytes are with the socket. Offsets are unknown, losses unnoticed.
    None,
    /// When the leader has appended it; a failover can lose it.
    Leader,
    /// When all in-sync replicas have it.
    #[default]
    All,
}

impl Acks {
    /// The number in a Produce request: 0, 1 or -1.
    pub const fn wire(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// An engine's configuration. [`Default`] has Java's values.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Bootstrap, connections, metadata and their time-outs, `request.timeout.ms`, `retry.backoff.ms` and
    /// `max.in.flight.requests.per.connection` among them, and the seed of all chance.
    pub cluster: ClusterConfig,
    /// `acks`.
    pub acks: Acks,
    /// `enable.idempotence`. Holds for topics with [`Acks::All`] only; below that, batches carry no producer id whatever stands here.
    pub enable_idempotence: bool,
    /// `batch.size`, bytes after compression: 16384.
    pub batch_size: usize,
    /// `linger.ms`: 5 ms.
    pub linger: Duration,
    /// `max.request.size`, bytes: 1048576. The largest record (uncompressed, by its upper bound) and the largest request; a batch
    /// that is larger still goes alone.
    pub max_request_size: usize,
    /// `buffer.memory`, bytes: 33554432. The engine only refuses what could never fit; the [`Budget`](crate::Budget) keeps the count.
    pub buffer_memory: usize,
    /// `compression.type` and its level: none.
    pub compression: Compression,
    /// `delivery.timeout.ms`, from the creation of a batch: 120 s.
    pub delivery_timeout: Duration,
    /// How long a broker may wait for the replicas before it answers: `None`, as long as for the answer (`request.timeout.ms`), as Java.
    pub ack_timeout: Option<Duration>,
    /// `retries`: 2147483647. How often a batch is sent again at most.
    pub retries: u32,
    /// What some topics have otherwise, by name: none.
    pub topics: BTreeMap<ByteStr, TopicOverrides>,
    /// `transactional.id` and what belongs to it: none. With it, every topic has [`Acks::All`] and idempotence, whatever else is said.
    pub transactional: Option<TransactionalConfig>,
    pub(crate) planted: Planted,
}

impl EngineConfig {
    /// The defaults, over this cluster.
    pub fn new(cluster: ClusterConfig) -> Self {
        Self {
            cluster,
            acks: Acks::All,
            enable_idempotence: true,
            batch_size: 16_384,
            linger: Duration::from_millis(5),
            max_request_size: 1_048_576,
            buffer_memory: 33_554_432,
            compression: Compression::NONE,
            delivery_timeout: Duration::from_secs(120),
            ack_timeout: None,
            retries: i32::MAX as u32,
            topics: BTreeMap::new(),
            transactional: None,
            planted: Planted::NONE,
        }
    }

    /// Has the engine behave as naive clients do, in one respect or none.
    #[cfg(feature = "plants")]
    pub fn plant(&mut self, plant: Option<crate::Plant>) {
        self.planted.set(plant);
    }

    /// Has the first epoch of each partition begin at this sequence instead of 0, so that it comes to an end soon.
    #[cfg(feature = "plants")]
    pub fn begin_at_sequence(&mut self, sequence: i32) {
        self.planted.begin_at(sequence);
    }

    pub(crate) fn effective_ack_timeout(&self) -> Duration {
        self.ack_timeout.unwrap_or(self.cluster.request_timeout)
    }

    /// Whether batches carry a producer id and sequences, those of topics with acks of their own aside.
    pub fn is_idempotent(&self) -> bool {
        self.transactional.is_some() || self.enable_idempotence && self.acks == Acks::All
    }
}
