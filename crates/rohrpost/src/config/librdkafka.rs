//! librdkafka's dialect: its names, units, ranges and defaults, and what several of them mean together.

mod refused;
mod security;
mod table;
#[cfg(test)]
mod tests;
mod tokens;

use std::time::Duration;

use super::property::{Property, Target};
use super::{
    Acks, Compression, ConfigError, Dialect, MetadataRecovery, Partitioning, ProducerConfig,
};

/// Every property of librdkafka's that a producer takes, and those that only its consumers take.
pub(super) fn all() -> impl Iterator<Item = &'static Property<Draft>> + Clone {
    let honoured = table::PROPERTIES.iter().chain(security::PROPERTIES);
    honoured.chain(tokens::PROPERTIES).chain(refused::PROPERTIES)
}

/// A configuration in librdkafka's terms, while it is being read. Some settings only mean something once all are known.
pub(super) struct Draft {
    config: ProducerConfig,
    /// `None`: not said.
    idempotence: Option<bool>,
    acks: Option<Acks>,
    retries: Option<u32>,
    max_in_flight: Option<usize>,
    /// Was it said, or is it the default?
    linger: Option<Duration>,
    /// `None`: not said.
    message_timeout: Option<Duration>,
    /// `None`: not said.
    socket_timeout: Option<Duration>,
    level: i32,
}

impl Target for Draft {
    const DIALECT: Dialect = Dialect::Librdkafka;
}

impl Draft {
    const MESSAGE_TIMEOUT: Duration = Duration::from_secs(300);
    const SOCKET_TIMEOUT: Duration = Duration::from_secs(60);
    /// For ever, as far as a clock can tell.
    const FOR_EVER: Duration = Duration::from_millis(u64::MAX);
    const LINGER: Duration = Duration::from_millis(5);
    const RETRIES: u32 = i32::MAX as u32;
    const MAX_IN_FLIGHT: usize = 1_000_000;
    const MAX_IN_FLIGHT_IDEMPOTENT: usize = 5;
    /// The codec's own.
    const DEFAULT_LEVEL: i32 = -1;

    /// librdkafka's defaults.
    pub(super) fn new() -> Self {
        let millis = Duration::from_millis;
        let config = ProducerConfig {
            dialect: Dialect::Librdkafka,
            client_id: Some("rdkafka".to_owned()),
            request_timeout: millis(60_000),
            ack_timeout: Some(millis(30_000)),
            retry_backoff: millis(100),
            retry_backoff_max: millis(1_000),
            batch_size: 1_000_000,
            compression: Compression::None,
            buffer_memory: 1_048_576 * 1024,
            max_request_size: 1_000_000,
            partitioning: Partitioning::ConsistentRandom,
            metadata_max_age: millis(300_000),
            metadata_recovery: MetadataRecovery::Rebootstrap,
            rebootstrap_trigger: millis(300_000),
            reconnect_backoff: Some(millis(100)),
            reconnect_backoff_max: Some(millis(10_000)),
            connection_setup_timeout: millis(30_000),
            connection_setup_timeout_max: millis(30_000),
            connections_max_idle: None,
            send_buffer: None,
            receive_buffer: None,
            keepalive: false,
            receive_message_max: 100_000_000,
            ..ProducerConfig::default()
        };
        Self {
            config,
            idempotence: None,
            acks: None,
            retries: None,
            max_in_flight: None,
            linger: None,
            message_timeout: None,
            socket_timeout: None,
            level: Self::DEFAULT_LEVEL,
        }
    }

    /// Sets one property.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        super::set(all(), self, name, value)
    }

    /// What it all means together, as librdkafka sees it when a producer is made.
    pub(super) fn finish(mut self) -> (ProducerConfig, Vec<ConfigError>) {
        let together = [self.idempotence(), self.times(), self.compression_level()];
        let mut errors: Vec<ConfigError> = together.into_iter().filter_map(Result::err).collect();
        // A batch is bounded by the request that it goes in.
        let config = &mut self.config;
        config.batch_size = config.batch_size.min(config.max_request_size);
        errors.extend(config.check_security());
        (self.config, errors)
    }

    fn idempotence(&mut self) -> Result<(), ConfigError> {
        let is_transactional = self.config.transactional_id.is_some();
        if is_transactional && self.idempotence == Some(false) {
            return Err(ConfigError::Contradiction {
                first: "transactional.id",
                second: "enable.idempotence",
                reason: "transactions are idempotent writes: set enable.idempotence=true, or leave one of the two out".to_owned(),
            });
        }
        let is_idempotent = self.idempotence.unwrap_or(is_transactional);
        let most = if is_idempotent { Self::MAX_IN_FLIGHT_IDEMPOTENT } else { Self::MAX_IN_FLIGHT };
        if is_idempotent {
            let contradiction = |second, reason: &str| {
                let first = "enable.idempotence";
                Err(ConfigError::Contradiction { first, second, reason: reason.to_owned() })
            };
            if self.max_in_flight.is_some_and(|requests| requests > most) {
                return contradiction(
                    "max.in.flight.requests.per.connection",
                    "brokers recognise duplicates among the last 5 batches: set at most 5, or enable.idempotence=false",
                );
            }
            if self.retries == Some(0) {
                return contradiction(
                    "message.send.max.retries",
                    "an idempotent producer must be able to retry: set it above 0, or enable.idempotence=false",
                );
            }
            if self.acks.is_some_and(|acks| acks != Acks::All) {
                return contradiction(
                    "request.required.acks",
                    "idempotence needs all: set it to all, or enable.idempotence=false",
                );
            }
        }
        let config = &mut self.config;
        config.idempotence = Some(is_idempotent);
        config.max_in_flight = self.max_in_flight.unwrap_or(most);
        config.retries = self.retries.unwrap_or(Self::RETRIES);
        config.acks = self.acks.unwrap_or_default();
        Ok(())
    }

    fn times(&mut self) -> Result<(), ConfigError> {
        let (message_timeout, socket_timeout) = self.timeouts()?;
        let config = &mut self.config;
        let linger = self.linger.unwrap_or(Self::LINGER);
        config.linger = match message_timeout {
            timeout if timeout <= linger => {
                if self.linger.is_some() {
                    return Err(ConfigError::Contradiction {
                        first: "message.timeout.ms",
                        second: "queue.buffering.max.ms",
                        reason: format!(
                            "a message must live longer than the {} ms that its batch waits: set message.timeout.ms above, or \
                             queue.buffering.max.ms (linger.ms) below",
                            linger.as_millis()
                        ),
                    });
                }
                timeout.saturating_sub(Duration::from_micros(100))
            }
            _ => linger,
        };
        config.delivery_timeout = Some(message_timeout);
        // No request outlasts its messages.
        config.request_timeout = socket_timeout.min(message_timeout.saturating_sub(config.linger));
        let (first, max) = config.effective_reconnect_backoff();
        if max < first {
            return Err(ConfigError::Contradiction {
                first: "reconnect.backoff.max.ms",
                second: "reconnect.backoff.ms",
                reason: format!(
                    "the longest pause cannot be shorter than the first, of {} ms",
                    first.as_millis()
                ),
            });
        }
        Ok(())
    }

    /// `message.timeout.ms` and `socket.timeout.ms`: no message, and no request, outlasts its transaction.
    fn timeouts(&self) -> Result<(Duration, Duration), ConfigError> {
        let (message, socket) = (self.message_timeout, self.socket_timeout);
        if self.config.transactional_id.is_none() {
            return Ok((
                message.unwrap_or(Self::MESSAGE_TIMEOUT),
                socket.unwrap_or(Self::SOCKET_TIMEOUT),
            ));
        }
        let transaction = self.config.transaction_timeout;
        let contradiction = |first, most: Duration| {
            let second = "transaction.timeout.ms";
            let reason = format!(
                "it cannot outlast its transaction: set it to {} at most",
                most.as_millis()
            );
            Err(ConfigError::Contradiction { first, second, reason })
        };
        if message.is_some_and(|timeout| timeout != Self::FOR_EVER && timeout > transaction) {
            return contradiction("message.timeout.ms", transaction);
        }
        let hundred = Duration::from_millis(100);
        if socket.is_some_and(|timeout| timeout > transaction + hundred) {
            return contradiction("socket.timeout.ms", transaction + hundred);
        }
        let least = Duration::from_millis(900);
        let socket = socket.unwrap_or((transaction.saturating_sub(hundred)).max(least));
        Ok((message.unwrap_or(transaction), socket))
    }

    /// `compression.level`, whose meaning is the codec's.
    fn compression_level(&mut self) -> Result<(), ConfigError> {
        const NAME: &str = "compression.level";
        let (config, level) = (&mut self.config, self.level);
        let shown = Some(level.to_string());
        let invalid = |accepted: &str| {
            let accepted = format!("{accepted}, with this codec");
            Err(ConfigError::InvalidValue { name: NAME, value: shown.clone(), accepted })
        };
        let unsupported =
            |reason| Err(ConfigError::NotSupported { name: NAME, value: shown.clone(), reason });
        match (config.compression, level) {
            (Compression::None, _) | (_, Self::DEFAULT_LEVEL) => {}
            (Compression::Snappy, 0) => {}
            (Compression::Snappy, _) => return invalid("0 or -1"),
            (Compression::Gzip, 1..=9) => config.gzip_level = level,
            (Compression::Gzip, 0) => {
                return unsupported(
                    "gzip without compressing is not to be had: use compression.codec=none",
                );
            }
            (Compression::Gzip, _) => return invalid("a number from 1 to 9, or -1"),
            // Zstandard takes 0 for its default.
            (Compression::Zstd, 0) => {}
            (Compression::Zstd, _) => config.zstd_level = level,
            // Below 3 it is the fast mode, which is the default.
            (Compression::Lz4, 0..=2) => {}
            (Compression::Lz4, 9) => {
                return unsupported("9 is the name of the fast mode here, as in Java: use 8 or 10");
            }
            (Compression::Lz4, _) => config.lz4_level = level,
        }
        config.record_compression().map(drop).map_err(|error| match error {
            ConfigError::InvalidValue { name, value, accepted } if name != "compression.type" => {
                ConfigError::InvalidValue { name: NAME, value, accepted }
            }
            other => other,
        })
    }
}

/// 9092, where an address has no port.
fn with_port(server: String) -> String {
    let host = server.rsplit("://").next().unwrap_or(&server);
    let has_none = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    if has_none { server + ":9092" } else { server }
}
