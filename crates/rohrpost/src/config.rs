//! Configuration: typed, or by the names of the Java producer's properties.

mod choices;
mod custom;
mod driver;
mod error;
mod nearest;
mod property;
mod read;
mod refused;
mod table;
mod text;

use std::time::Duration;

pub use choices::{Acks, Compression, MetadataRecovery, Partitioning};
pub(crate) use custom::Custom;
pub use error::ConfigError;
use property::{Property, Setter};

use crate::error::{Error, ErrorKind};

/// Everything that can be set on a producer. Starts with the defaults of Java's producer (4.4); only the bootstrap servers have none.
///
/// Most programs use [`Producer::builder`](crate::Producer::builder), which has a typed method for each setting; this is the form for
/// configurations that come as text.
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
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    pub(crate) bootstrap_servers: Vec<String>,
    pub(crate) bootstrap_resolve_timeout: Duration,
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
    pub(crate) ignore_keys: bool,
    pub(crate) adaptive_partitioning: bool,
    pub(crate) availability_timeout: Duration,

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

    /// Run the driver on a thread of its own even where a runtime is at hand.
    pub(crate) own_thread: bool,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            bootstrap_servers: Vec::new(),
            bootstrap_resolve_timeout: Duration::ZERO,
            client_id: None,
            acks: Acks::All,
            idempotence: None,
            retries: i32::MAX as u32,
            max_in_flight: 5,
            delivery_timeout: None,
            request_timeout: millis(30_000),
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
            ignore_keys: false,
            adaptive_partitioning: true,
            availability_timeout: Duration::ZERO,
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
            own_thread: false,
        }
    }
}

impl ProducerConfig {
    const DELIVERY_TIMEOUT: Duration = Duration::from_millis(120_000);
    const RECONNECT_BACKOFF: Duration = Duration::from_millis(50);
    const RECONNECT_BACKOFF_MAX: Duration = Duration::from_millis(1_000);
    /// Bytes that a request's header can carry.
    const MAX_CLIENT_ID: usize = i16::MAX as usize;
    /// What brokers remember of each producer and partition.
    const MAX_IN_FLIGHT_IDEMPOTENT: usize = 5;

    /// Java's defaults, and no bootstrap servers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Java's defaults, changed by the text of a `.properties` file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the line in the text.
    pub fn from_properties(text: &str) -> Result<Self, Error> {
        let mut config = Self::new();
        config.set_properties(text)?;
        Ok(config)
    }

    /// Sets all properties of the text of a `.properties` file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the line in the text; the properties before that line are set.
    pub fn set_properties(&mut self, text: &str) -> Result<(), Error> {
        for (line, name, value) in text::parse(text)? {
            self.set_typed(&name, &value).map_err(|error| {
                Error::new(ErrorKind::Config, format!("line {line}: {error}"))
                    .with_config(Some(error))
            })?;
        }
        Ok(())
    }

    /// Sets one property by its Java name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the property is unknown (the message names the nearest one), its value is not valid, or it is not supported (the
    /// message says why and what to do). [`Error::config_error`] has it in parts.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        Ok(self.set_typed(name, value)?)
    }

    pub(crate) fn set_typed(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let name = name.trim();
        match all().find(|property| property.name == name) {
            Some(property) => property.set(self, value),
            None => Err(ConfigError::UnknownProperty {
                name: name.to_owned(),
                nearest: nearest::meant(name, all().map(|property| property.name)),
            }),
        }
    }

    /// Checks what several settings mean together, as Java's producer does when it is made.
    ///
    /// # Errors
    /// [`ErrorKind::Config`].
    pub fn validate(&self) -> Result<(), Error> {
        Ok(self.check()?)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let contradiction = |first, second, reason: String| {
            Err(ConfigError::Contradiction { first, second, reason })
        };
        if self.bootstrap_servers.is_empty() {
            return Err(ConfigError::Missing { name: "bootstrap.servers" });
        }
        if let Some(id) = self.client_id.as_ref().filter(|id| id.len() > Self::MAX_CLIENT_ID) {
            return Err(ConfigError::InvalidValue {
                name: "client.id",
                value: Some(format!("{}...", id.chars().take(20).collect::<String>())),
                accepted: format!("at most {} bytes, not {}", Self::MAX_CLIENT_ID, id.len()),
            });
        }
        if self.idempotence == Some(true) && self.retries == 0 {
            return contradiction(
                "enable.idempotence",
                "retries",
                "an idempotent producer must be able to retry: set retries above 0, or enable.idempotence=false".into(),
            );
        }
        if self.idempotence == Some(true) && self.acks != Acks::All {
            return contradiction(
                "enable.idempotence",
                "acks",
                format!(
                    "idempotence needs acks=all, not {}: set acks=all, or enable.idempotence=false",
                    self.acks
                ),
            );
        }
        if self.is_idempotent() && self.max_in_flight > Self::MAX_IN_FLIGHT_IDEMPOTENT {
            return contradiction(
                "enable.idempotence",
                "max.in.flight.requests.per.connection",
                format!(
                    "brokers recognise duplicates among the last 5 batches, not {}: set at most 5, or enable.idempotence=false",
                    self.max_in_flight
                ),
            );
        }
        if self.partitioner.is_some() && self.ignore_keys {
            return contradiction(
                "partitioner.class",
                "partitioner.ignore.keys",
                "a partitioner of one's own decides what keys mean: leave partitioner.ignore.keys false".into(),
            );
        }
        let least = self.linger.saturating_add(self.request_timeout);
        if self.delivery_timeout.is_some_and(|timeout| timeout < least) {
            return contradiction(
                "delivery.timeout.ms",
                "request.timeout.ms",
                format!(
                    "delivery.timeout.ms must be at least linger.ms + request.timeout.ms, which is {} here",
                    least.as_millis()
                ),
            );
        }
        self.bootstrap_addresses()?;
        self.record_compression().map(drop)
    }

    /// The codec and its level.
    pub(crate) fn record_compression(&self) -> Result<rohrpost_records::Compression, ConfigError> {
        let (name, level) = match self.compression {
            Compression::Gzip => ("compression.gzip.level", Some(self.gzip_level)),
            Compression::Lz4 => ("compression.lz4.level", Some(self.lz4_level)),
            Compression::Zstd => ("compression.zstd.level", Some(self.zstd_level)),
            Compression::None | Compression::Snappy => ("compression.type", None),
        };
        choices::record_compression(self.compression, level).map_err(|error| {
            ConfigError::InvalidValue {
                name,
                value: Some(level.map_or_else(|| self.compression.to_string(), |l| l.to_string())),
                accepted: format!("what this build has ({error})"),
            }
        })
    }

    /// Whether the producer will be idempotent: unless `enable.idempotence` switches it off, or does not say and `acks` is not `all` or `retries` is 0
    /// (Java's rule).
    pub fn is_idempotent(&self) -> bool {
        self.idempotence.unwrap_or(self.acks == Acks::All && self.retries > 0)
    }

    /// `delivery.timeout.ms`; its default gives way to a longer linger and request timeout.
    pub(crate) fn effective_delivery_timeout(&self) -> Duration {
        let least = self.linger.saturating_add(self.request_timeout);
        self.delivery_timeout.unwrap_or_else(|| Self::DELIVERY_TIMEOUT.max(least))
    }

    /// The first and the largest reconnect back-off. A first one without a largest one does not grow.
    pub(crate) fn effective_reconnect_backoff(&self) -> (Duration, Duration) {
        let first = self.reconnect_backoff.unwrap_or(Self::RECONNECT_BACKOFF);
        let max = self.reconnect_backoff_max.or(self.reconnect_backoff);
        (first, max.unwrap_or(Self::RECONNECT_BACKOFF_MAX))
    }
}

/// One property of Kafka's producer, for tables and help texts: see [`properties`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PropertyInfo {
    /// Its name.
    pub name: &'static str,
    /// Its default as text; empty where it has none.
    pub default: &'static str,
    /// What it takes, in words.
    pub accepted: String,
    /// What it means, in one line.
    pub about: &'static str,
    /// Why it is not supported, or only some of its values; `None` if it is.
    pub unsupported: Option<&'static str>,
}

/// Every property of Kafka's producer, by name, those included that this producer does not support.
///
/// ```
/// let linger = rohrpost::properties().find(|property| property.name == "linger.ms");
/// assert_eq!(linger.map(|property| property.default), Some("5"));
/// ```
pub fn properties() -> impl Iterator<Item = PropertyInfo> {
    let mut rows: Vec<&Property> = all().collect();
    rows.sort_by_key(|property| property.name);
    rows.into_iter().map(|property| PropertyInfo {
        name: property.name,
        default: property.default,
        accepted: property.accepted(),
        about: property.about,
        unsupported: match property.setter {
            Setter::Only { reason, .. } | Setter::Refused(reason) => Some(reason),
            _ => None,
        },
    })
}

fn all() -> impl Iterator<Item = &'static Property> + Clone {
    table::PROPERTIES.iter().chain(refused::PROPERTIES)
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::Config, error.to_string()).with_config(Some(error))
    }
}

#[cfg(test)]
mod tests;
