//! Settings that topics may have of their own.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::providers::{self, Value};
use super::{
    Acks, Compression, ConfigError, ConfigMistake, Dialect, ProducerConfig, java, names, told,
};
use crate::error::Error;

/// What a topic has otherwise than its producer: [`ProducerBuilder::topic`](crate::ProducerBuilder::topic) sets it. What is not set is as the producer has it.
///
/// One producer can so serve topics that need different things: what must not be lost, and what may be. The cheaper topics take nothing from the others: those
/// stay idempotent, each record of theirs is written once and in order, whatever the cheaper ones lose.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::{Acks, Compression, Producer, TopicConfig};
///
/// let config = Producer::builder()
///     .bootstrap_servers("broker:9092")
///     .topic("page-views", TopicConfig::new().acks(Acks::Leader).linger(Duration::from_millis(100)))
///     .topic("archive", TopicConfig::new().compression_with_level(Compression::Gzip, 9))
///     .into_config()?;
///
/// assert!(config.is_idempotent());
/// assert!(!config.for_topic("page-views").is_idempotent());
/// assert!(config.for_topic("archive").is_idempotent());
/// # Ok::<(), rohrpost::Error>(())
/// ```
///
/// # What follows from acks of its own
///
/// Batches of a topic below [`Acks::All`] carry no producer id: retries may write twice, and with more than one request in flight in another order, as they do for a
/// whole producer with such acks. They travel in requests of their own, since a request has one `acks`. A topic of [`Acks::All`] is idempotent even where the producer's
/// own acks are less, unless `enable.idempotence=false`.
///
/// Someone who has asked for idempotence by name (`enable.idempotence=true`, [`idempotence(true)`](crate::ProducerBuilder::idempotence)) gets an error for a topic below
/// [`Acks::All`], as for a producer below it.
#[derive(Clone, Default, PartialEq)]
#[must_use = "it does nothing until it is given to a builder's `topic`"]
pub struct TopicConfig {
    acks: Option<Acks>,
    compression: Option<Compression>,
    gzip_level: Option<i32>,
    lz4_level: Option<i32>,
    zstd_level: Option<i32>,
    linger: Option<Duration>,
    delivery_timeout: Option<Duration>,
    /// The first Java name that was used.
    named: Option<String>,
    /// Names, and values that refer to elsewhere: only a producer knows what they mean.
    referring: Vec<(String, String)>,
    /// The properties whose values stood elsewhere: nobody is to see them.
    referred: BTreeSet<&'static str>,
    mistakes: Vec<ConfigError>,
}

const NOT_OF_TOPIC: &str = "it is the whole producer's: a topic can have acks, compression.type and its level, linger.ms and delivery.timeout.ms of its own";

impl TopicConfig {
    /// Everything as the producer has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has to happen before a record counts as acknowledged (`acks`).
    pub fn acks(mut self, acks: Acks) -> Self {
        self.acks = Some(acks);
        self.forget("acks");
        self
    }

    /// How batches are compressed (`compression.type`), at the level that the producer has for this codec.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self.forget("compression.type");
        self
    }

    /// How batches are compressed, at this level (`compression.type` and `compression.gzip.level`, `.lz4.level` or `.zstd.level`).
    pub fn compression_with_level(mut self, compression: Compression, level: i32) -> Self {
        self.compression = Some(compression);
        self.forget("compression.type");
        let set = match compression.level_property() {
            Ok(name) => {
                self.forget(name);
                self.set(name, &level.to_string())
            }
            Err(error) => Err(error),
        };
        self.note(set)
    }

    /// How long a batch that is not full waits for more records (`linger.ms`).
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = Some(linger);
        self.forget("linger.ms");
        self
    }

    /// From the send until a record is acknowledged or failed, at most (`delivery.timeout.ms`): at least the topic's linger and the producer's
    /// `request.timeout.ms`.
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.delivery_timeout = Some(timeout);
        self.forget("delivery.timeout.ms");
        self
    }

    /// Sets one of them by its Java name: `acks`, `compression.type`, `compression.gzip.level`, `compression.lz4.level`, `compression.zstd.level`, `linger.ms`,
    /// `delivery.timeout.ms`. For settings that a program reads from a file of its own. Java's producer has no settings of topics, and librdkafka
    /// no names for them in a file, so no property names a topic.
    ///
    /// A value may refer to elsewhere (`${env:LINGER}`) by the providers of the producer (`config.providers`) that the topic is given to: it is looked up then, so the providers are to
    /// be set before.
    ///
    /// ```
    /// use rohrpost::{Producer, TopicConfig};
    ///
    /// let of_file = [("acks", "1"), ("linger.ms", "50")];
    /// let topic = of_file.into_iter().fold(TopicConfig::new(), |topic, (name, value)| topic.property(name, value));
    /// assert!(Producer::builder().topic("page-views", topic).into_config().is_ok());
    ///
    /// let error = Producer::builder()
    ///     .topic("page-views", TopicConfig::new().property("batch.size", "100000"))
    ///     .into_config()
    ///     .unwrap_err();
    /// assert!(error.to_string().starts_with(r#"topic "page-views": batch.size is not supported"#));
    /// ```
    pub fn property(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = name.as_ref().trim();
        let value = value.as_ref();
        self.named.get_or_insert_with(|| name.to_owned());
        self.forget(name);
        if providers::refers(value) {
            self.referring.push((name.to_owned(), value.to_owned()));
            return self;
        }
        let set = self.set(name, value);
        self.note(set)
    }

    /// What this property referred to is of no account any more.
    fn forget(&mut self, name: &str) {
        self.referring.retain(|(referring, _)| referring != name);
        self.referred.remove(name);
    }

    /// Looks up what values refer to.
    fn resolve(&mut self, of: &ProducerConfig) {
        for (name, value) in std::mem::take(&mut self.referring) {
            let set = match of.providers.resolve(&name, &value) {
                Ok(Value::Literal(text)) => self.set(&name, text),
                Ok(Value::Referred(text)) => {
                    self.referred.extend(names(java()).find(|known| *known == name));
                    self.set(&name, &text).map_err(providers::without_value)
                }
                Err(error) => Err(error),
            };
            self.mistakes.extend(set.err());
        }
    }

    /// By the producer's own rules for the value.
    fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let mut of = ProducerConfig::new();
        let mut set = || of.set_in_java(name, value);
        match name {
            "acks" => set().map(|()| self.acks = Some(of.acks)),
            "compression.type" => set().map(|()| self.compression = Some(of.compression)),
            "compression.gzip.level" => set().map(|()| self.gzip_level = Some(of.gzip_level)),
            "compression.lz4.level" => set().map(|()| self.lz4_level = Some(of.lz4_level)),
            "compression.zstd.level" => set().map(|()| self.zstd_level = Some(of.zstd_level)),
            "linger.ms" => set().map(|()| self.linger = Some(of.linger)),
            "delivery.timeout.ms" => set().map(|()| self.delivery_timeout = of.delivery_timeout),
            _ => match names(java()).find(|known| *known == name) {
                Some(name) => {
                    let reason = NOT_OF_TOPIC;
                    Err(ConfigError::NotSupported { name, value: None, reason })
                }
                // It says what is meant.
                None => set(),
            },
        }
    }

    fn note(mut self, result: Result<(), ConfigError>) -> Self {
        self.mistakes.extend(result.err());
        self
    }
}

/// Values that stood elsewhere are not shown.
impl fmt::Debug for TopicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acks,
            compression,
            gzip_level,
            lz4_level,
            zstd_level,
            linger,
            delivery_timeout,
            named: _,
            referring,
            referred,
            mistakes,
        } = self;
        let fields: [(&str, &str, &dyn fmt::Debug); 7] = [
            ("acks", "acks", acks),
            ("compression", "compression.type", compression),
            ("gzip_level", "compression.gzip.level", gzip_level),
            ("lz4_level", "compression.lz4.level", lz4_level),
            ("zstd_level", "compression.zstd.level", zstd_level),
            ("linger", "linger.ms", linger),
            ("delivery_timeout", "delivery.timeout.ms", delivery_timeout),
        ];
        let mut shown = f.debug_struct("TopicConfig");
        for (field, property, value) in fields {
            if referred.contains(property) {
                shown.field(field, &format_args!("[hidden]"));
            } else {
                shown.field(field, value);
            }
        }
        shown.field("referring", referring).field("mistakes", mistakes).finish()
    }
}

impl ProducerConfig {
    /// Gives a topic settings of its own, instead of those that it had before.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): a mistake in the settings ([`TopicConfig::property`]), or a name that no topic can have.
    /// [`validate`](Self::validate) tells what they mean together with the producer's.
    pub fn set_topic(&mut self, name: impl Into<String>, config: TopicConfig) -> Result<(), Error> {
        told(self.try_set_topic(name.into(), config))
    }

    pub(crate) fn try_set_topic(
        &mut self,
        name: String,
        mut config: TopicConfig,
    ) -> Vec<ConfigMistake> {
        if !is_topic_name(&name) {
            let accepted =
                "1 to 249 letters, digits, dots, underscores and hyphens, but not . or ..";
            let accepted = accepted.to_owned();
            let value = Some(name.chars().take(260).collect());
            return vec![ConfigError::InvalidValue { name: "topic", value, accepted }.into()];
        }
        config.resolve(self);
        let foreign = config.named.as_ref().filter(|_| self.dialect == Dialect::Librdkafka);
        let foreign = foreign.map(|name| ConfigError::OtherDialect { name: name.clone() });
        let mistakes = if config.mistakes.is_empty() {
            foreign.into_iter().collect()
        } else {
            config.mistakes.clone()
        };
        if mistakes.is_empty() {
            self.topics.insert(name, config);
            return Vec::new();
        }
        mistakes.into_iter().map(|error| error.of_topic(&name).into()).collect()
    }

    /// What holds for a topic: this configuration, with the topic's own settings instead of the producer's.
    pub fn for_topic(&self, name: &str) -> Self {
        let mut of = self.clone();
        of.topics.clear();
        let Some(topic) = self.topics.get(name) else { return of };
        for name in &topic.referred {
            of.providers.remember(name, true);
        }
        of.acks = topic.acks.unwrap_or(of.acks);
        of.compression = topic.compression.unwrap_or(of.compression);
        of.gzip_level = topic.gzip_level.unwrap_or(of.gzip_level);
        of.lz4_level = topic.lz4_level.unwrap_or(of.lz4_level);
        of.zstd_level = topic.zstd_level.unwrap_or(of.zstd_level);
        of.linger = topic.linger.unwrap_or(of.linger);
        of.delivery_timeout = topic.delivery_timeout.or(of.delivery_timeout);
        of
    }

    /// The topics that have settings of their own, each with what holds for it.
    pub(super) fn of_topics(&self) -> impl Iterator<Item = (&str, Self)> {
        self.topics.keys().map(|name| (name.as_str(), self.for_topic(name)))
    }

    /// Checks each topic's settings, together with the producer's, by the producer's rules. What is wrong with the producer's own is told for the producer.
    pub(super) fn check_topics(&self, own: &[ConfigMistake]) -> Vec<ConfigMistake> {
        let mut mistakes = Vec::new();
        for (name, of) in self.of_topics() {
            let mut found = Vec::new();
            let has_acks = self.topics.get(name).is_some_and(|topic| topic.acks.is_some());
            if self.transactional_id.is_some() && has_acks && of.acks != Acks::All {
                let reason = format!(
                    "transactions write to all in-sync replicas: leave the topic acks=all, not {}, or leave transactional.id out",
                    of.acks
                );
                let (first, second) = ("transactional.id", "acks");
                found.push(of.locate(ConfigError::Contradiction { first, second, reason }));
            } else if self.idempotence == Some(true) && has_acks && of.acks != Acks::All {
                let reason = format!(
                    "idempotence was asked for by name, and needs acks=all, not {}: leave the topic acks=all, or leave enable.idempotence out, \
                     which keeps the other topics idempotent",
                    of.acks
                );
                let (first, second) = ("enable.idempotence", "acks");
                found.push(of.locate(ConfigError::Contradiction { first, second, reason }));
            }
            let of_both = of.check_without_topics().into_iter();
            let is_new = |mistake: &ConfigMistake| {
                let error = mistake.error();
                !own.iter().any(|told| told.error() == error)
                    && !found.iter().any(|told| told.error().properties() == error.properties())
            };
            let new: Vec<_> = of_both.filter(is_new).collect();
            mistakes.extend(found.into_iter().chain(new).map(|mistake| mistake.of_topic(name)));
        }
        mistakes
    }
}

/// What Kafka takes for a topic's name.
fn is_topic_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(is_legal) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests;
