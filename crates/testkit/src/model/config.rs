//! [`ModelConfig`].

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_codec::{ApiKey, VersionRange};

/// What a cluster is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// The number of brokers; at least 1.
    pub brokers: i32,
    /// The partitions of a topic that does not say (`num.partitions`).
    pub default_partitions: i32,
    /// The replicas of a topic that does not say (`default.replication.factor`); at most one a broker.
    pub default_replication_factor: i16,
    /// Whether a Metadata request creates topics (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Bytes that each partition keeps in a topic that does not say; everything with `None`.
    pub retention_bytes: Option<u64>,
    /// How long followers take to copy a batch. With acks=1 an answer does not wait for them, with acks=all it does; what they
    /// lack is lost when the leader changes.
    pub replication_lag: Duration,
    /// Versions that the brokers do not go beyond, to stand for older brokers; empty for an API that they lack.
    pub versions: BTreeMap<ApiKey, VersionRange>,
    /// What all randomness comes from: the topic ids.
    pub seed: u64,
    /// The first producer id that is given out.
    pub first_producer_id: i64,
    /// The cluster's id.
    pub cluster_id: String,
}

impl Default for ModelConfig {
    /// Three brokers, topics of one partition with three replicas, no automatic creation, followers that are never behind.
    fn default() -> Self {
        Self {
            brokers: 3,
            default_partitions: 1,
            default_replication_factor: 3,
            auto_create_topics: false,
            retention_bytes: None,
            replication_lag: Duration::ZERO,
            versions: BTreeMap::new(),
            seed: 0,
            first_producer_id: 1000,
            cluster_id: "rohrpost-testkit-clstr".into(),
        }
    }
}
