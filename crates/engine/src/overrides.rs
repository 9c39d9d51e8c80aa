//! What a topic may have otherwise than its producer, and what it has in all.
//!
//! A topic's settings are found once, when it is first seen, and its partitions keep them: what is asked for each batch or request is in the partition.
//! Three things follow from differing acks, and no more:
//!
//! - A Produce request carries one `acks`, so a request holds batches of topics with the same acks alone ([`sender`](crate::sender)).
//! - Batches of topics below [`Acks::All`] carry no producer id, whatever the rest of the producer does: their partitions have no epoch, no
//!   sequence and no window of five, and keep their order as those of a producer without idempotence do ([`partition`](crate::partition)).
//! - An answer is judged by the acks that its batch was sent with ([`classify`](crate::classify)).

use core::time::Duration;

use rohrpost_records::Compression;

use crate::config::{Acks, EngineConfig};

/// What a topic has otherwise than its producer ([`EngineConfig::topics`]). `None`: as the producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicOverrides {
    /// `acks`.
    pub acks: Option<Acks>,
    /// `compression.type` and its level.
    pub compression: Option<Compression>,
    /// `linger.ms`.
    pub linger: Option<Duration>,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Option<Duration>,
}

/// What holds for the batches of a topic, whether it is the topic's own or the producer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicSettings {
    /// `acks`.
    pub acks: Acks,
    /// Whether its batches carry a producer id and sequences.
    pub is_idempotent: bool,
    /// `compression.type` and its level.
    pub compression: Compression,
    /// `linger.ms`.
    pub linger: Duration,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
}

impl EngineConfig {
    /// What holds for a topic of this name.
    pub fn settings_of(&self, topic: &str) -> TopicSettings {
        self.settings_with(self.topics.get(topic).copied().unwrap_or_default())
    }

    /// Whether any topic's batches carry a producer id.
    pub(crate) fn needs_producer_id(&self) -> bool {
        let mut of_topics = self.topics.values().map(|overrides| self.settings_with(*overrides));
        self.is_idempotent() || of_topics.any(|settings| settings.is_idempotent)
    }

    fn settings_with(&self, overrides: TopicOverrides) -> TopicSettings {
        // A transaction is nothing without the replicas' word.
        let is_transactional = self.transactional.is_some();
        let acks = match is_transactional {
            true => Acks::All,
            false => overrides.acks.unwrap_or(self.acks),
        };
        TopicSettings {
            acks,
            is_idempotent: is_transactional || self.enable_idempotence && acks == Acks::All,
            compression: overrides.compression.unwrap_or(self.compression),
            linger: overrides.linger.unwrap_or(self.linger),
            delivery_timeout: overrides.delivery_timeout.unwrap_or(self.delivery_timeout),
        }
    }
}
