//! [`ModelConfig`].

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_codec::{ApiKey, VersionRange};

/// Name, supported from and to, finalized (seen on 4.3.1).
const FEATURES: [(&str, i16, i16, i16); 7] = [
    ("eligible.leader.replicas.version", 0, 1, 1),
    ("group.version", 0, 1, 1),
    ("kraft.version", 0, 1, 0),
    ("metadata.version", 7, 30, 30),
    ("share.version", 0, 1, 1),
    ("streams.version", 0, 1, 1),
    ("transaction.version", 0, 2, 2),
];

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
    /// How long a follower may be behind and count as in sync (`replica.lag.time.max.ms`).
    pub replica_lag_time_max: Duration,
    /// How long a broker that is paused or isolated stays in office (`broker.session.timeout.ms`); for ever with `None`.
    pub broker_session_timeout: Option<Duration>,
    /// How long a broker that was replaced while it was paused goes on as the leader that it was, once it is resumed, until it hears of
    /// it: what waited for it is served meanwhile, and lost (seen with acks=1 on Kafka 4.3.1).
    pub zombie_time: Duration,
    /// How long after their last record producers are remembered (`producer.id.expiration.ms`), by the wall clock and the records'
    /// own timestamps; for ever with `None`.
    pub producer_id_expiration: Option<Duration>,
    /// How often brokers look for producers to forget (`producer.id.expiration.check.interval.ms`).
    pub producer_id_expiration_check: Duration,
    /// The bytes of Produce requests that each client may send to each broker in a second (the quota `producer_byte_rate`); no
    /// limit with `None`.
    pub producer_byte_rate: Option<u64>,
    /// The longest timeout that a transactional producer may ask for (`transaction.max.timeout.ms`).
    pub transaction_max_timeout: Duration,
    /// How often coordinators look for transactions that take too long (`transaction.abort.timed.out.transaction.cleanup.interval.ms`).
    pub transaction_timeout_check: Duration,
    /// How long after the decision a coordinator writes the markers that end a transaction.
    pub marker_delay: Duration,
    /// Whether leaders ask the coordinator if a partition is part of a transaction that they do not know
    /// (`transaction.partition.verification.enable`, KIP-890). Brokers before 3.6 do not; with clients of transaction version 2 all do.
    pub transaction_partition_verification: bool,
    /// How many partitions the topic has that the offsets of groups are in (`offsets.topic.num.partitions`).
    pub offsets_partitions: i32,
    /// How clients authenticate; `None` for brokers that take anybody.
    #[cfg(feature = "sasl")]
    pub sasl: Option<super::Sasl>,
    /// The features that ApiVersions tells, by their names. `transaction.version` decides on the version of transactions.
    pub features: BTreeMap<String, Feature>,
    /// Versions that the brokers do not go beyond, to stand for older brokers; empty for an API that they lack.
    pub versions: BTreeMap<ApiKey, VersionRange>,
    /// What all randomness comes from: the topic ids.
    pub seed: u64,
    /// The first producer id that is given out.
    pub first_producer_id: i64,
    /// The cluster's id.
    pub cluster_id: String,
}

/// The versions of a feature (KIP-584).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Those that the brokers can do.
    pub supported: VersionRange,
    /// The one that the cluster has agreed on; 0 for none.
    pub finalized: i16,
}

impl ModelConfig {
    /// How often brokers look for records that are too old (`log.retention.check.interval.ms`).
    pub const RETENTION_CHECK: Duration = Duration::from_secs(300);

    /// The features of Apache Kafka 4.3.1, as a new cluster has them.
    #[must_use]
    pub fn default_features() -> BTreeMap<String, Feature> {
        let feature = |(name, min, max, finalized): (&str, i16, i16, i16)| {
            (name.to_owned(), Feature { supported: VersionRange::new(min, max), finalized })
        };
        FEATURES.into_iter().map(feature).collect()
    }
}

impl Default for ModelConfig {
    /// Three brokers, topics of one partition with three replicas, no automatic creation, followers that are never behind, no quota;
    /// producers are remembered for ever.
    fn default() -> Self {
        Self {
            brokers: 3,
            default_partitions: 1,
            default_replication_factor: 3,
            auto_create_topics: false,
            retention_bytes: None,
            replication_lag: Duration::ZERO,
            replica_lag_time_max: Duration::from_secs(30),
            broker_session_timeout: None,
            zombie_time: Duration::ZERO,
            producer_id_expiration: None,
            producer_id_expiration_check: Duration::from_secs(600),
            producer_byte_rate: None,
            transaction_max_timeout: Duration::from_secs(15 * 60),
            transaction_timeout_check: Duration::from_secs(10),
            marker_delay: Duration::ZERO,
            transaction_partition_verification: true,
            offsets_partitions: 50,
            #[cfg(feature = "sasl")]
            sasl: None,
            features: Self::default_features(),
            versions: BTreeMap::new(),
            seed: 0,
            first_producer_id: 1000,
            cluster_id: "rohrpost-testkit-clstr".into(),
        }
    }
}
