//! Configuration: typed, or by the names of the Java producer's properties.

mod check;
mod choices;
mod custom;
mod debug;
mod driver;
mod error;
mod info;
mod librdkafka;
mod mistakes;
mod nearest;
mod others;
mod password;
mod place;
mod property;
mod providers;
mod read;
mod reasons;
mod refused;
mod security;
mod serializing;
mod sources;
mod table;
mod text;
mod topic;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use choices::{
    Acks, AddressFamily, Compression, DnsLookup, MetadataRecovery, Partitioning, SerializerClass,
};
pub(crate) use custom::Custom;
pub use error::ConfigError;
pub use info::{PropertyInfo, librdkafka_properties, properties};
pub use mistakes::{ConfigErrors, ConfigMistake};
pub(crate) use mistakes::{add_unless_they_follow, told};
pub use place::ConfigPlace;
use place::Places;
pub use property::PropertyType;
use property::{Property, Target};
use providers::Value;
pub(crate) use providers::providers_first;
use security::Security;
pub use security::SecurityProtocol;
pub use topic::TopicConfig;

use crate::error::Error;
#[cfg(any(doc, test))]
use crate::error::ErrorKind;
use crate::interceptor::Interceptors;

/// Everything that can be set on a producer. Starts with the defaults of Java's producer (4.4); only the bootstrap servers have none.
///
/// Most programs use [`Producer::builder`](crate::Producer::builder), which has a typed method for each setting; this is the form for
/// configurations that come as text: pairs of names and values ([`from_java`](Self::from_java)), a `.properties` file
/// ([`from_file`](Self::from_file)), the environment ([`from_env`](Self::from_env)). [`properties`] lists every name. librdkafka's names are
/// another dialect, which [`from_librdkafka`](Self::from_librdkafka) reads whole; the two never mix, since many names mean different things.
///
/// ```
/// use rohrpost::ProducerConfig;
///
/// let mut config = ProducerConfig::from_properties("bootstrap.servers=localhost:9092\nlinger.ms=20\n")?;
/// config.set("compression.type", "zstd")?;
/// let error = config.set("linger.sm", "20").unwrap_err();
/// assert_eq!(error.to_string(), r#"there is no producer property "linger.sm": did you mean "linger.ms"?"#);
/// # Ok::<(), rohrpost::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ProducerConfig {
    pub(crate) bootstrap_servers: Vec<String>,
    pub(crate) bootstrap_resolve_timeout: Duration,
    pub(crate) dns_lookup: DnsLookup,
    /// `None`: a name of our own, numbered.
    pub(crate) client_id: Option<String>,

    pub(crate) acks: Acks,
    /// `None`: on, unless `acks` or `retries` exclude it.
    pub(crate) idempotence: Option<bool>,
    pub(crate) retries: u32,
    pub(crate) max_in_flight: usize,
    /// `None`: the default, raised to linger + request timeout.
    pub(crate) delivery_timeout: Option<Duration>,
    pub(crate) request_timeout: Duration,
    /// `None`: no transactions.
    pub(crate) transactional_id: Option<String>,
    pub(crate) transaction_timeout: Duration,
    /// Whether it was set, if only to its default.
    pub(crate) has_transaction_timeout: bool,
    pub(crate) two_phase_commit: bool,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,

    pub(crate) batch_size: usize,
    pub(crate) linger: Duration,
    pub(crate) compression: Compression,
    pub(crate) gzip_level: i32,
    pub(crate) lz4_level: i32,
    pub(crate) zstd_level: i32,
    pub(crate) buffer_memory: usize,
    pub(crate) max_block: Duration,
    pub(crate) max_request_size: usize,

    pub(crate) partitioning: Partitioning,
    /// The program's own, instead of `partitioning`.
    pub(crate) partitioner: Option<Custom>,
    pub(crate) interceptors: Interceptors,
    pub(crate) ignore_keys: bool,
    pub(crate) adaptive_partitioning: bool,
    pub(crate) availability_timeout: Duration,
    pub(crate) rack_aware: bool,
    /// `None`: not said.
    pub(crate) rack: Option<String>,

    pub(crate) metadata_max_age: Duration,
    pub(crate) metadata_max_idle: Duration,
    pub(crate) metadata_recovery: MetadataRecovery,
    pub(crate) rebootstrap_trigger: Duration,
    pub(crate) cluster_check: bool,

    pub(crate) reconnect_backoff: Option<Duration>,
    pub(crate) reconnect_backoff_max: Option<Duration>,
    pub(crate) connection_setup_timeout: Duration,
    pub(crate) connection_setup_timeout_max: Duration,
    /// `None`: never closed.
    pub(crate) connections_max_idle: Option<Duration>,
    /// `None`: the system's default.
    pub(crate) send_buffer: Option<u32>,
    /// `None`: the system's default.
    pub(crate) receive_buffer: Option<u32>,

    pub(crate) keepalive: bool,
    pub(crate) nodelay: bool,
    pub(crate) address_family: AddressFamily,
    /// Bytes of the largest answer that is taken.
    pub(crate) receive_message_max: usize,
    /// How long brokers wait for the replicas; `None`: `request_timeout`.
    pub(crate) ack_timeout: Option<Duration>,
    pub(crate) auto_create_topics: bool,

    pub(crate) security: Security,

    /// What some topics have of their own.
    pub(crate) topics: BTreeMap<String, TopicConfig>,

    /// `None`: not said.
    pub(crate) encodings: serializing::Encodings,
    pub(crate) key_serializer: Option<SerializerClass>,
    /// `None`: not said.
    pub(crate) value_serializer: Option<SerializerClass>,

    /// Where values stand that are referred to.
    pub(crate) providers: providers::Providers,
    /// The names that it was read by.
    pub(crate) dialect: Dialect,
    /// Run the driver on a thread of its own even where a runtime is at hand.
    pub(crate) own_thread: bool,

    /// Where they were said.
    places: Places,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            bootstrap_servers: Vec::new(),
            bootstrap_resolve_timeout: Duration::ZERO,
            dns_lookup: DnsLookup::UseAllDnsIps,
            client_id: None,
            acks: Acks::All,
            idempotence: None,
            retries: i32::MAX as u32,
            max_in_flight: 5,
            delivery_timeout: None,
            request_timeout: millis(30_000),
            transactional_id: None,
            transaction_timeout: millis(60_000),
            has_transaction_timeout: false,
            two_phase_commit: false,
            retry_backoff: millis(100),
            retry_backoff_max: millis(1_000),
            batch_size: 16_384,
            linger: millis(5),
            compression: Compression::None,
            gzip_level: -1,
            lz4_level: 9,
            zstd_level: 3,
            buffer_memory: 33_554_432,
            max_block: millis(60_000),
            max_request_size: 1_048_576,
            partitioning: Partitioning::Default,
            partitioner: None,
            interceptors: Interceptors::default(),
            ignore_keys: false,
            adaptive_partitioning: true,
            availability_timeout: Duration::ZERO,
            rack_aware: false,
            rack: None,
            metadata_max_age: millis(300_000),
            metadata_max_idle: millis(300_000),
            metadata_recovery: MetadataRecovery::Rebootstrap,
            rebootstrap_trigger: millis(300_000),
            cluster_check: true,
            reconnect_backoff: None,
            reconnect_backoff_max: None,
            connection_setup_timeout: millis(10_000),
            connection_setup_timeout_max: millis(30_000),
            connections_max_idle: Some(millis(540_000)),
            send_buffer: Some(131_072),
            receive_buffer: Some(32_768),
            keepalive: true,
            nodelay: true,
            address_family: AddressFamily::Any,
            receive_message_max: 128 * 1024 * 1024,
            ack_timeout: None,
            auto_create_topics: true,
            security: Security::default(),
            topics: BTreeMap::new(),
            encodings: serializing::Encodings::default(),
            key_serializer: None,
            value_serializer: None,
            providers: providers::Providers::default(),
            dialect: Dialect::Java,
            own_thread: false,
            places: Places::default(),
        }
    }
}

/// Whose names a configuration is written in. The same name may mean different things in each, in other units and with another default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Apache Kafka's own producer, in Java: version 4.4's names, defaults and rules.
    #[default]
    Java,
    /// librdkafka, and with it the clients that are built on it: rdkafka, confluent-kafka-python, confluent-kafka-go and others.
    Librdkafka,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Java => "Java",
            Self::Librdkafka => "librdkafka",
        })
    }
}

impl Target for ProducerConfig {
    const DIALECT: Dialect = Dialect::Java;
}

impl ProducerConfig {
    const DELIVERY_TIMEOUT: Duration = Duration::from_millis(120_000);
    const RECONNECT_BACKOFF: Duration = Duration::from_millis(50);
    const RECONNECT_BACKOFF_MAX: Duration = Duration::from_millis(1_000);

    /// Java's defaults, and no bootstrap servers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one property by its Java name. A value may refer to one that stands elsewhere, as `${env:NAME}`, if `config.providers` was set before.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the property is unknown (the message names the nearest one), its value is not valid, or it is not supported (the
    /// message says why and what to do), or this configuration came from [`from_librdkafka`](Self::from_librdkafka).
    /// [`Error::config_error`] has it in parts.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        Ok(self.try_set(None, name, value)?)
    }

    /// As [`set`](Self::set), for a value that comes from somewhere: errors name the place, those too that only show when all settings are known.
    ///
    /// ```
    /// use rohrpost::{ConfigPlace, Producer, ProducerBuilder, ProducerConfig};
    ///
    /// let mut config = ProducerConfig::new();
    /// config.set_from(&ConfigPlace::Named("the option --acks".into()), "acks", "1")?;
    /// let builder = ProducerBuilder::from_config(config).idempotence(true);
    /// let error = builder.into_config().unwrap_err().to_string();
    /// assert!(error.starts_with("enable.idempotence and acks (the option --acks) contradict each other"));
    /// # Ok::<(), rohrpost::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_from(&mut self, place: &ConfigPlace, name: &str, value: &str) -> Result<(), Error> {
        Ok(self.try_set(Some(place), name, value)?)
    }

    pub(crate) fn try_set(
        &mut self,
        place: Option<&ConfigPlace>,
        name: &str,
        value: &str,
    ) -> Result<(), ConfigMistake> {
        let name = name.trim();
        self.set_typed(name, value).map_err(|error| ConfigMistake::at(error, name, place))?;
        let mut all = java().chain(serializing::PROPERTIES);
        if let Some(name) = all.find_map(|property| property.named(name)) {
            self.places.note(name, place, value);
        }
        Ok(())
    }

    pub(crate) fn set_typed(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        match self.dialect {
            Dialect::Java => self.set_or_refer(name, value),
            Dialect::Librdkafka => Err(ConfigError::OtherDialect { name: name.trim().to_owned() }),
        }
    }

    /// What a value refers to (`config.providers`) is looked up at once.
    fn set_or_refer(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        if let Some(defined) = self.providers.define(name, value) {
            return defined;
        }
        match self.providers.resolve(name, value)? {
            Value::Literal(text) => {
                self.set_in_java(name, text)?;
                self.providers.remember(name, false);
            }
            Value::Referred(text) => {
                self.set_in_java(name, &text).map_err(providers::without_value)?;
                self.providers.remember(name, true);
            }
        }
        Ok(())
    }

    /// For those who do not speak of names.
    pub(crate) fn set_in_java(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        set(java().chain(serializing::PROPERTIES), self, name, value)
    }

    /// Whether the producer will be idempotent: unless `enable.idempotence` switches it off, or does not say and `acks` is not `all` or `retries` is 0
    /// (Java's rule). Topics may have acks of their own: [`for_topic`](Self::for_topic) tells for each.
    pub fn is_idempotent(&self) -> bool {
        self.idempotence.unwrap_or(self.acks == Acks::All && self.retries > 0)
    }

    /// `delivery.timeout.ms`; its default gives way to a longer linger and request timeout.
    pub(crate) fn effective_delivery_timeout(&self) -> Duration {
        self.delivery_timeout
            .unwrap_or_else(|| Self::DELIVERY_TIMEOUT.max(self.least_delivery_timeout()))
    }

    /// What a delivery takes at least. Java counts in 32 bits here.
    pub(crate) fn least_delivery_timeout(&self) -> Duration {
        const INT_MAX: Duration = Duration::from_millis(i32::MAX as u64);
        self.linger.saturating_add(self.request_timeout).min(INT_MAX)
    }

    /// The first and the largest reconnect back-off. A first one without a largest one does not grow.
    pub(crate) fn effective_reconnect_backoff(&self) -> (Duration, Duration) {
        let first = self.reconnect_backoff.unwrap_or(Self::RECONNECT_BACKOFF);
        let max = self.reconnect_backoff_max.or(self.reconnect_backoff);
        (first, max.unwrap_or(Self::RECONNECT_BACKOFF_MAX))
    }
}

/// Java's properties.
fn java() -> impl Iterator<Item = &'static Property<ProducerConfig>> + Clone {
    let honoured = table::PROPERTIES.iter().chain(security::PROPERTIES);
    honoured.chain(security::TOKEN_PROPERTIES).chain(refused::PROPERTIES)
}

/// Every name of a dialect.
fn names<C: Target>(
    properties: impl Iterator<Item = &'static Property<C>> + Clone,
) -> impl Iterator<Item = &'static str> + Clone {
    properties.flat_map(|property| property.names.iter().copied())
}

/// Sets one property of a dialect.
fn set<C: Target>(
    all: impl Iterator<Item = &'static Property<C>> + Clone,
    target: &mut C,
    name: &str,
    value: &str,
) -> Result<(), ConfigError> {
    let name = name.trim();
    let found = all.clone().find_map(|property| Some((property, property.named(name)?)));
    if let Some((property, name)) = found {
        return property.set(name, target, value);
    }
    if let Some(whose) = others::whose(name) {
        let name = nearest::shown(name).to_owned();
        return Err(ConfigError::OfOtherClient { name, whose });
    }
    let (foreign, counterpart) = match C::DIALECT {
        Dialect::Java => nearest::in_java(name),
        Dialect::Librdkafka => nearest::in_librdkafka(name),
    };
    Err(ConfigError::UnknownProperty {
        dialect: C::DIALECT,
        name: nearest::shown(name).to_owned(),
        nearest: if foreign { counterpart } else { nearest::meant(name, names(all)) },
        is_foreign: foreign,
    })
}

#[cfg(test)]
mod tests;
