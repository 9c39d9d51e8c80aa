//! What several settings mean together.

use super::{Acks, Compression, ConfigError, ConfigMistake, ProducerConfig, choices, told};
use crate::error::Error;

impl ProducerConfig {
    /// Bytes that a request's header can carry.
    const MAX_CLIENT_ID: usize = i16::MAX as usize;
    /// What brokers remember of each producer and partition.
    const MAX_IN_FLIGHT_IDEMPOTENT: usize = 5;

    /// Checks what several settings mean together, as Java's producer does when it is made.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), with all that is wrong ([`Error::config_errors`]).
    pub fn validate(&self) -> Result<(), Error> {
        told(self.check())
    }

    pub(crate) fn check(&self) -> Vec<ConfigMistake> {
        let mut mistakes = Vec::new();
        if self.bootstrap_servers.is_empty() {
            mistakes.push(ConfigError::Missing { name: "bootstrap.servers" }.into());
        }
        mistakes.extend(self.check_what_is_there());
        mistakes
    }

    /// All but that nothing is missing.
    pub(crate) fn check_what_is_there(&self) -> Vec<ConfigMistake> {
        let own = self.check_without_topics();
        let of_topics = self.check_topics(&own);
        own.into_iter().chain(of_topics).collect()
    }

    /// What holds for the producer, or for a topic ([`for_topic`](Self::for_topic)).
    pub(super) fn check_without_topics(&self) -> Vec<ConfigMistake> {
        let mut errors = self.contradictions();
        if let Some(id) = self.client_id.as_ref().filter(|id| id.len() > Self::MAX_CLIENT_ID) {
            errors.push(self.providers.hide(ConfigError::InvalidValue {
                name: "client.id",
                value: Some(format!("{}...", id.chars().take(20).collect::<String>())),
                accepted: format!("at most {} bytes, not {}", Self::MAX_CLIENT_ID, id.len()),
            }));
        }
        errors.extend(self.each_bootstrap_address().filter_map(Result::err));
        errors.extend(self.check_security());
        errors.extend(self.record_compression().err());
        errors.into_iter().map(|error| self.locate(error)).collect()
    }

    /// Settings that exclude each other.
    fn contradictions(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut contradiction = |first, second, reason: String| {
            errors.push(ConfigError::Contradiction { first, second, reason });
        };
        if self.idempotence == Some(true) && self.retries == 0 {
            contradiction(
                "enable.idempotence",
                "retries",
                "an idempotent producer must be able to retry: set retries above 0, or enable.idempotence=false".into(),
            );
        }
        if self.idempotence == Some(true) && self.acks != Acks::All {
            contradiction(
                "enable.idempotence",
                "acks",
                format!(
                    "idempotence needs acks=all, not {}: set acks=all, or enable.idempotence=false",
                    self.acks
                ),
            );
        }
        if self.transactional_id.is_some() {
            let reason = "transactions are idempotent writes to all in-sync replicas";
            let cure = "leave transactional.id out";
            if self.idempotence == Some(false) {
                let reason = format!("{reason}: set enable.idempotence=true, or {cure}");
                contradiction("transactional.id", "enable.idempotence", reason);
            }
            if self.acks != Acks::All {
                let reason = format!("{reason}: set acks=all, not {}, or {cure}", self.acks);
                contradiction("transactional.id", "acks", reason);
            }
            if self.retries == 0 {
                let reason = format!(
                    "{reason}, which must be able to retry: set retries above 0, or {cure}"
                );
                contradiction("transactional.id", "retries", reason);
            }
        }
        if self.two_phase_commit && self.has_transaction_timeout {
            contradiction(
                "transaction.two.phase.commit.enable",
                "transaction.timeout.ms",
                "transactions of two-phase commit have no time-out: leave transaction.timeout.ms out".into(),
            );
        }
        if self.two_phase_commit && self.transactional_id.is_none() {
            contradiction(
                "transaction.two.phase.commit.enable",
                "transactional.id",
                "there are no transactions without transactional.id: set it, or leave two-phase commit out".into(),
            );
        }
        // As in Java, also where acks or retries exclude idempotence: it has to be said that it is not wanted.
        if self.idempotence != Some(false) && self.max_in_flight > Self::MAX_IN_FLIGHT_IDEMPOTENT {
            contradiction(
                "enable.idempotence",
                "max.in.flight.requests.per.connection",
                format!(
                    "brokers recognise duplicates among the last 5 batches, not {}: set at most 5, or enable.idempotence=false",
                    self.max_in_flight
                ),
            );
        }
        if self.partitioner.is_some() && self.ignore_keys {
            contradiction(
                "partitioner.class",
                "partitioner.ignore.keys",
                "a partitioner of one's own decides what keys mean: leave partitioner.ignore.keys false".into(),
            );
        }
        if self.rack_aware && self.rack.is_none() {
            contradiction(
                "partitioner.rack.aware",
                "client.rack",
                "which leaders are near depends on where the producer is: set client.rack, or partitioner.rack.aware=false".into(),
            );
        }
        let least = self.least_delivery_timeout();
        if self.delivery_timeout.is_some_and(|timeout| timeout < least) {
            contradiction(
                "delivery.timeout.ms",
                "request.timeout.ms",
                format!(
                    "delivery.timeout.ms must be at least linger.ms + request.timeout.ms, which is {} here",
                    least.as_millis()
                ),
            );
        }
        errors
    }

    /// That it is for transactions, or that it is not: what is sent outside of one would be refused.
    pub(crate) fn check_transactional(&self, is_wanted: bool) -> Option<ConfigError> {
        const NAME: &str = "transactional.id";
        match (&self.transactional_id, is_wanted) {
            (Some(_), true) | (None, false) => None,
            (None, true) => Some(ConfigError::Missing { name: NAME }),
            (Some(id), false) => Some(ConfigError::NotSupported {
                name: NAME,
                value: Some(id.clone()),
                reason: "a Producer sends outside of transactions: make a TransactionalProducer (ProducerBuilder::build_transactional), or remove it",
            }),
        }
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
