//! What the configuration means for the driver, the engine and the cluster.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rohrpost_cluster::{self as cluster, ClusterConfig, HostPort};
use rohrpost_codec::ByteStr;
use rohrpost_driver::{self as driver, ChooserConfig, DriverConfig};
use rohrpost_engine::{self as engine, EngineConfig, TopicOverrides, TransactionalConfig};

use rohrpost_partitioner::{Hashed, Partitioner, Random};

use super::{Acks, AddressFamily, ConfigError, MetadataRecovery, Partitioning, ProducerConfig};

impl ProducerConfig {
    /// The bootstrap servers' addresses.
    pub(crate) fn bootstrap_addresses(&self) -> Result<Vec<HostPort>, ConfigError> {
        self.each_bootstrap_address().collect()
    }

    pub(super) fn each_bootstrap_address(
        &self,
    ) -> impl Iterator<Item = Result<HostPort, ConfigError>> + '_ {
        self.bootstrap_servers.iter().map(|server| {
            server.parse().map_err(|error| {
                self.providers.hide(ConfigError::InvalidValue {
                    name: "bootstrap.servers",
                    value: Some(server.clone()),
                    accepted: format!("host:port, separated by commas ({error})"),
                })
            })
        })
    }

    /// Everything below the facade. Reads the files of TLS.
    pub(crate) fn to_driver(&self) -> Result<DriverConfig, ConfigError> {
        let mut engine = EngineConfig::new(self.to_cluster()?);
        engine.acks = to_engine(self.acks);
        // Of topics with acks=all; the engine leaves it off where acks are less.
        engine.enable_idempotence = self.idempotence.unwrap_or(self.retries > 0);
        engine.batch_size = self.batch_size.max(1);
        engine.linger = self.linger;
        engine.max_request_size = self.max_request_size;
        engine.buffer_memory = self.buffer_memory;
        engine.compression = self.record_compression()?;
        engine.delivery_timeout = self.effective_delivery_timeout();
        engine.retries = self.retries;
        engine.ack_timeout = self.ack_timeout;
        engine.transactional = self.transactional_id.as_ref().map(|id| {
            let mut transactional = TransactionalConfig::new(ByteStr::copy_from(id));
            transactional.timeout = self.transaction_timeout;
            transactional.two_phase_commit = self.two_phase_commit;
            transactional
        });
        for (name, of) in self.of_topics() {
            engine.topics.insert(ByteStr::copy_from(name), of.to_overrides()?);
        }

        let mut driver = DriverConfig::new(engine);
        driver.partitioner = ChooserConfig {
            custom: self.effective_partitioner(),
            keys: self.hashed(),
            round_robin: self.partitioning == Partitioning::RoundRobin,
            // Java's matter, and its default partitioner's.
            ignore_keys: self.ignore_keys && self.partitioning == Partitioning::Default,
            adaptive: self.adaptive_partitioning,
            availability_timeout: self.availability_timeout,
            rack: self.rack.as_deref().filter(|_| self.rack_aware).map(Into::into),
            batch_size: self.batch_size.max(1),
            seed: seed(),
        };
        driver.max_block = self.max_block;
        driver.sockets.send_buffer = self.send_buffer;
        driver.sockets.receive_buffer = self.receive_buffer;
        driver.sockets.keepalive = self.keepalive;
        driver.sockets.nodelay = self.nodelay;
        driver.sockets.max_answer = self.receive_message_max;
        driver.sockets.address_family = match self.address_family {
            AddressFamily::Any => driver::AddressFamily::Any,
            AddressFamily::V4 => driver::AddressFamily::V4,
            AddressFamily::V6 => driver::AddressFamily::V6,
        };
        #[cfg(feature = "sasl")]
        if let Some(sasl) = self.security.authentication(self.dialect, true)? {
            let (mechanism, credentials) = sasl.into_parts();
            driver.engine.cluster.sasl_mechanism = Some(mechanism.into());
            driver.credentials = credentials;
        }
        #[cfg(feature = "_tls")]
        {
            driver.sockets.tls = self.security.tls_client()?;
        }
        driver.own_thread = self.own_thread;
        Ok(driver)
    }

    /// What holds for a topic, for the engine.
    fn to_overrides(&self) -> Result<TopicOverrides, ConfigError> {
        let mut overrides = TopicOverrides::default();
        overrides.acks = Some(to_engine(self.acks));
        overrides.compression = Some(self.record_compression()?);
        overrides.linger = Some(self.linger);
        overrides.delivery_timeout = Some(self.effective_delivery_timeout());
        Ok(overrides)
    }

    /// The program's own partitioner, or one that asks for every record. The driver has the others.
    fn effective_partitioner(&self) -> Option<Arc<dyn Partitioner>> {
        match &self.partitioner {
            Some(custom) => Some(custom.0.clone()),
            None if self.partitioning == Partitioning::Random => {
                Some(Arc::new(Random::new(seed())))
            }
            None => None,
        }
    }

    /// How keys decide, where they do.
    const fn hashed(&self) -> Hashed {
        match self.partitioning {
            Partitioning::Default | Partitioning::RoundRobin | Partitioning::Random => Hashed::JAVA,
            Partitioning::Murmur2 => Hashed::MURMUR2,
            Partitioning::Consistent => Hashed::CONSISTENT,
            Partitioning::ConsistentRandom => Hashed::CONSISTENT_RANDOM,
            Partitioning::Fnv1a => Hashed::FNV1A,
            Partitioning::Fnv1aRandom => Hashed::FNV1A_RANDOM,
            Partitioning::SaramaReference => Hashed::SARAMA_REFERENCE,
            Partitioning::SaramaCrc32 => Hashed::SARAMA_CRC32,
        }
    }

    fn to_cluster(&self) -> Result<ClusterConfig, ConfigError> {
        let (reconnect_backoff, reconnect_backoff_max) = self.effective_reconnect_backoff();
        let mut cluster = ClusterConfig::new(self.bootstrap_addresses()?);
        cluster.client_id = self.effective_client_id().into();
        cluster.client_software_version = ByteStr::from_static(env!("CARGO_PKG_VERSION"));
        cluster.request_timeout = self.request_timeout;
        cluster.retry_backoff = self.retry_backoff;
        cluster.retry_backoff_max = self.retry_backoff_max;
        cluster.reconnect_backoff = reconnect_backoff;
        cluster.reconnect_backoff_max = reconnect_backoff_max;
        cluster.socket_connection_setup_timeout = self.connection_setup_timeout;
        cluster.socket_connection_setup_timeout_max = self.connection_setup_timeout_max;
        cluster.connections_max_idle = self.connections_max_idle;
        cluster.metadata_max_age = self.metadata_max_age;
        cluster.metadata_max_idle = self.metadata_max_idle;
        cluster.metadata_recovery = match self.metadata_recovery {
            MetadataRecovery::Rebootstrap => cluster::MetadataRecovery::Rebootstrap,
            MetadataRecovery::None => cluster::MetadataRecovery::None,
        };
        cluster.metadata_recovery_rebootstrap_trigger = self.rebootstrap_trigger;
        cluster.metadata_cluster_check = self.cluster_check;
        cluster.allow_auto_topic_creation = self.auto_create_topics;
        cluster.max_in_flight = self.max_in_flight;
        cluster.seed = seed();
        Ok(cluster)
    }

    /// The one that was set, or a name for each producer of the process, as Java's has it.
    fn effective_client_id(&self) -> String {
        static PRODUCERS: AtomicU32 = AtomicU32::new(1);
        self.client_id.clone().unwrap_or_else(|| {
            format!("rohrpost-producer-{}", PRODUCERS.fetch_add(1, Ordering::Relaxed))
        })
    }
}

const fn to_engine(acks: Acks) -> engine::Acks {
    match acks {
        Acks::None => engine::Acks::None,
        Acks::Leader => engine::Acks::Leader,
        Acks::All => engine::Acks::All,
    }
}

/// Chance for jitter and partition choice: nothing that a secret depends on. The standard library seeds each hasher's state from the system.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
