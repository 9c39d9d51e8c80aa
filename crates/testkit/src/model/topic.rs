//! Topics, and what they allow.

use std::time::Duration;

use rohrpost_codec::Uuid;

use super::Partition;

/// A topic that is to be created.
///
/// ```
/// use rohrpost_testkit::TopicSpec;
///
/// let payments = TopicSpec::new("payments").partitions(6).replication_factor(3).min_insync_replicas(2);
/// # let _ = payments;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub(crate) name: String,
    pub(crate) partitions: Option<i32>,
    pub(crate) replication_factor: Option<i16>,
    pub(crate) config: TopicConfig,
}

/// Whose timestamps a topic's records have (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The broker's, at the append.
    LogAppendTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicConfig {
    pub(crate) min_insync_replicas: i32,
    pub(crate) max_message_bytes: i32,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) is_compacted: bool,
    /// Whether records can be deleted, by retention or by request.
    pub(crate) is_deleted: bool,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) retention: Option<Duration>,
}

impl TopicSpec {
    /// A topic with the cluster's number of partitions and replicas, and Kafka's own defaults for the rest.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: None,
            replication_factor: None,
            config: TopicConfig::default(),
        }
    }

    /// Sets a topic configuration by Kafka's name for it, as CreateTopics carries it.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        fn parse<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
            value.trim().parse().map_err(|_| format!("{name}: {value:?} is no value for it"))
        }
        let config = &mut self.config;
        match name {
            "min.insync.replicas" => config.min_insync_replicas = parse(name, value)?,
            "max.message.bytes" => config.max_message_bytes = parse(name, value)?,
            "retention.bytes" => {
                let bytes: i64 = parse(name, value)?;
                // -1 is for ever.
                config.retention_bytes = u64::try_from(bytes).ok();
            }
            "retention.ms" => {
                let ms: i64 = parse(name, value)?;
                config.retention = u64::try_from(ms).ok().map(Duration::from_millis);
            }
            "message.timestamp.type" => {
                config.timestamp_type = match value {
                    "CreateTime" => TimestampType::CreateTime,
                    "LogAppendTime" => TimestampType::LogAppendTime,
                    _ => return Err(format!("{name}: {value:?} is no value for it")),
                }
            }
            "cleanup.policy" => {
                (config.is_compacted, config.is_deleted) = match value {
                    "delete" => (false, true),
                    "compact" => (true, false),
                    "compact,delete" | "delete,compact" => (true, true),
                    _ => return Err(format!("{name}: {value:?} is no value for it")),
                }
            }
            _ => return Err(format!("{name}: these brokers have no such configuration")),
        }
        Ok(())
    }

    /// The number of partitions.
    #[must_use]
    pub fn partitions(mut self, count: i32) -> Self {
        self.partitions = Some(count);
        self
    }

    /// The number of replicas of each partition, at most one for each broker.
    #[must_use]
    pub fn replication_factor(mut self, count: i16) -> Self {
        self.replication_factor = Some(count);
        self
    }

    /// How many replicas must be in sync for an append with acks=all (`min.insync.replicas`).
    #[must_use]
    pub fn min_insync_replicas(mut self, count: i32) -> Self {
        self.config.min_insync_replicas = count;
        self
    }

    /// The bytes of the largest batch (`max.message.bytes`).
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: i32) -> Self {
        self.config.max_message_bytes = bytes;
        self
    }

    /// Whose timestamps the records have (`message.timestamp.type`).
    #[must_use]
    pub fn timestamp_type(mut self, kind: TimestampType) -> Self {
        self.config.timestamp_type = kind;
        self
    }

    /// Refuses records without a key, as a topic with `cleanup.policy=compact` does. Nothing is ever compacted.
    #[must_use]
    pub fn compacted(mut self) -> Self {
        (self.config.is_compacted, self.config.is_deleted) = (true, false);
        self
    }

    /// Removes the oldest batches of a partition above this many bytes (`retention.bytes`). Without it, everything stays.
    #[must_use]
    pub fn retention_bytes(mut self, bytes: u64) -> Self {
        self.config.retention_bytes = Some(bytes);
        self
    }

    /// Removes batches whose newest record is older than this (`retention.ms`), by the wall clock and whole batches, where Kafka
    /// removes whole segments. Without it, everything stays.
    #[must_use]
    pub fn retention(mut self, age: Duration) -> Self {
        self.config.retention = Some(age);
        self
    }
}

/// A configuration of a topic, as DescribeConfigs tells it.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) kind: SettingKind,
    pub(crate) is_default: bool,
}

/// The protocol's numbers for the types of configurations.
#[derive(Clone, Copy)]
pub(crate) enum SettingKind {
    String = 2,
    Int = 3,
    Long = 5,
    List = 7,
}

impl TopicConfig {
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let default = Self::default();
        let retention = |config: &Self| config.retention_bytes.map_or(-1, |bytes| bytes as i64);
        let policy = |config: &Self| match (config.is_compacted, config.is_deleted) {
            (true, true) => "compact,delete",
            (true, false) => "compact",
            (false, _) => "delete",
        };
        let time = |config: &Self| match config.timestamp_type {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        };
        let setting = |name, kind, value: &dyn Fn(&Self) -> String| Setting {
            name,
            kind,
            value: value(self),
            is_default: value(self) == value(&default),
        };
        vec![
            setting("cleanup.policy", SettingKind::List, &|c| policy(c).to_owned()),
            setting("max.message.bytes", SettingKind::Int, &|c| c.max_message_bytes.to_string()),
            setting("message.timestamp.type", SettingKind::String, &|c| time(c).to_owned()),
            setting("min.insync.replicas", SettingKind::Int, &|c| {
                c.min_insync_replicas.to_string()
            }),
            setting("retention.bytes", SettingKind::Long, &|c| retention(c).to_string()),
            setting("retention.ms", SettingKind::Long, &|c| {
                c.retention.map_or(-1, |age| age.as_millis() as i64).to_string()
            }),
        ]
    }
}

impl Default for TopicConfig {
    /// Kafka's own.
    fn default() -> Self {
        Self {
            min_insync_replicas: 1,
            // 1 MiB and the overhead of a log entry, as Kafka's `message.max.bytes`.
            max_message_bytes: (1 << 20) + 12,
            timestamp_type: TimestampType::CreateTime,
            is_compacted: false,
            is_deleted: true,
            retention_bytes: None,
            retention: None,
        }
    }
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its id, which a topic of the same name that is created later does not have.
    pub id: Uuid,
    pub(crate) config: TopicConfig,
    pub(crate) replication_factor: usize,
    /// Its partitions, by their index.
    pub partitions: Vec<Partition>,
}
