//! [`ClusterConfig`].

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::ByteStr;

use crate::HostPort;

/// How a cluster is found and kept in touch with. [`new`](Self::new) has the defaults of Kafka's Java client; the names are its
/// properties'.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// `bootstrap.servers`. Without any, nothing is ever connected to.
    pub bootstrap_servers: Vec<HostPort>,
    /// `client.id`, as it stands in brokers' logs and quotas: `rohrpost`.
    pub client_id: ByteStr,
    /// The software's name that brokers count by (KIP-511): `rohrpost`. Letters, digits, `.` and `-` only.
    pub client_software_name: ByteStr,
    /// The software's version that brokers count by (KIP-511). Letters, digits, `.` and `-` only.
    pub client_software_version: ByteStr,
    /// `request.timeout.ms`, for ApiVersions and Metadata; other requests bring their own: 30 s.
    pub request_timeout: Duration,
    /// `retry.backoff.ms`, between attempts to get metadata: 100 ms.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`: 1 s.
    pub retry_backoff_max: Duration,
    /// `reconnect.backoff.ms`, between attempts to connect to one node: 50 ms.
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`: 1 s.
    pub reconnect_backoff_max: Duration,
    /// `socket.connection.setup.timeout.ms`, for one address, and for one look-up of a name: 10 s.
    pub socket_connection_setup_timeout: Duration,
    /// `socket.connection.setup.timeout.max.ms`: 30 s.
    pub socket_connection_setup_timeout_max: Duration,
    /// `connections.max.idle.ms`: 9 min. `None` never closes an idle connection.
    pub connections_max_idle: Option<Duration>,
    /// `metadata.max.age.ms`: 5 min.
    pub metadata_max_age: Duration,
    /// `metadata.max.idle.ms`, after which a topic that nobody wanted is no longer asked for: 5 min.
    pub metadata_max_idle: Duration,
    /// `metadata.recovery.strategy`: rebootstrap.
    pub metadata_recovery: MetadataRecovery,
    /// `metadata.recovery.rebootstrap.trigger.ms`: 5 min without a metadata update that was due lead to rebootstrap.
    pub metadata_recovery_rebootstrap_trigger: Duration,
    /// `metadata.cluster.check.enable`: tell brokers which cluster and which node this client believes to talk to, where they
    /// speak ApiVersions 5, so that a misrouted connection is found: true.
    pub metadata_cluster_check: bool,
    /// Whether asking for a topic may create it, where the brokers allow that (`auto.create.topics.enable`): true.
    pub allow_auto_topic_creation: bool,
    /// `max.in.flight.requests.per.connection`: 5. Metadata requests do not count.
    pub max_in_flight: usize,
    /// `sasl.mechanism`, where connections are to be authenticated, such as `SCRAM-SHA-512`: none. Each connection then asks for credentials by
    /// [`NetworkOutput::Authenticate`](crate::NetworkOutput::Authenticate).
    pub sasl_mechanism: Option<ByteStr>,
    /// The seed of all chance: jitter, and which of several equal nodes is asked.
    pub seed: u64,
}

/// What to do when no known node can be reached (`metadata.recovery.strategy`, KIP-899).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetadataRecovery {
    /// Forget them and ask the bootstrap servers again.
    #[default]
    Rebootstrap,
    /// Keep trying the known nodes.
    None,
}

impl ClusterConfig {
    /// The defaults, with these bootstrap servers.
    #[must_use]
    pub fn new(bootstrap_servers: Vec<HostPort>) -> Self {
        Self {
            bootstrap_servers,
            client_id: ByteStr::from_static("rohrpost"),
            client_software_name: ByteStr::from_static("rohrpost"),
            client_software_version: ByteStr::from_static(env!("CARGO_PKG_VERSION")),
            request_timeout: Duration::from_secs(30),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            socket_connection_setup_timeout: Duration::from_secs(10),
            socket_connection_setup_timeout_max: Duration::from_secs(30),
            connections_max_idle: Some(Duration::from_secs(540)),
            metadata_max_age: Duration::from_secs(300),
            metadata_max_idle: Duration::from_secs(300),
            metadata_recovery: MetadataRecovery::Rebootstrap,
            metadata_recovery_rebootstrap_trigger: Duration::from_secs(300),
            metadata_cluster_check: true,
            allow_auto_topic_creation: true,
            max_in_flight: 5,
            sasl_mechanism: None,
            seed: 0,
        }
    }
}
