//! What several settings mean together.

use super::{Acks, Compression, ConfigError, ProducerConfig, choices};
use crate::error::Error;

impl ProducerConfig {
    /// Bytes that a request's header can carry.
    const MAX_CLIENT_ID: usize = i16::MAX as usize;
    /// What brokers remember of each producer and partition.
    const MAX_IN_FLIGHT_IDEMPOTENT: usize = 5;

    /// Checks what several settings mean together, as Java's producer does when it is made.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    pub fn validate(&self) -> Result<(), Error> {
        Ok(self.check()?)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.bootstrap_servers.is_empty() {
            return Err(ConfigError::Missing { name: "bootstrap.servers" });
        }
        self.check_what_is_there()
    }

    /// All but that nothing is missing.
    pub(crate) fn check_what_is_there(&self) -> Result<(), ConfigError> {
        let contradiction = |first, second, reason: String| {
            Err(ConfigError::Contradiction { first, second, reason })
        };
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
        // As in Java, also where acks or retries exclude idempotence: it has to be said that it is not wanted.
        if self.idempotence != Some(false) && self.max_in_flight > Self::MAX_IN_FLIGHT_IDEMPOTENT {
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
        if self.rack_aware && self.rack.is_none() {
            return contradiction(
                "partitioner.rack.aware",
                "client.rack",
                "which leaders are near depends on where the producer is: set client.rack, or partitioner.rack.aware=false".into(),
            );
        }
        let least = self.least_delivery_timeout();
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
        self.check_security()?;
        self.record_compression()?;
        self.check_topics()
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
}
