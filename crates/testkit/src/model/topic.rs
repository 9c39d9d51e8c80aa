//! Topics and their partitions: who leads, who is in sync, what they allow.

use std::time::Duration;

use rohrpost_codec::Uuid;

use super::BrokerId;
use super::log::Log;

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
    pub(crate) retention_bytes: Option<u64>,
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
            "message.timestamp.type" => {
                config.timestamp_type = match value {
                    "CreateTime" => TimestampType::CreateTime,
                    "LogAppendTime" => TimestampType::LogAppendTime,
                    _ => return Err(format!("{name}: {value:?} is no value for it")),
                }
            }
            "cleanup.policy" => {
                config.is_compacted = match value {
                    "delete" => false,
                    "compact" | "compact,delete" | "delete,compact" => true,
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
        self.config.is_compacted = true;
        self
    }

    /// Removes the oldest batches of a partition above this many bytes (`retention.bytes`). Without it, everything stays.
    #[must_use]
    pub fn retention_bytes(mut self, bytes: u64) -> Self {
        self.config.retention_bytes = Some(bytes);
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
        let policy = |config: &Self| if config.is_compacted { "compact" } else { "delete" };
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
            retention_bytes: None,
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

/// A partition.
#[derive(Clone, Debug)]
pub struct Partition {
    /// The broker that takes appends; none while every replica in sync is down.
    pub leader: Option<BrokerId>,
    /// Rises with every change of the leader.
    pub leader_epoch: i32,
    /// The brokers that have a copy, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The replicas that are in sync, in the order of `replicas`.
    pub isr: Vec<BrokerId>,
    /// What was appended.
    pub log: Log,
    /// Whether followers have stopped to fetch, while they count as in sync.
    pub(crate) is_replication_held: bool,
}

impl Partition {
    pub(crate) fn new(replicas: Vec<BrokerId>, alive: impl Fn(BrokerId) -> bool) -> Self {
        let up: Vec<_> = replicas.iter().copied().filter(|&broker| alive(broker)).collect();
        let mut log = Log::default();
        log.begin_epoch(0);
        Self {
            leader: up.first().copied(),
            leader_epoch: 0,
            // With every replica down, whichever comes up first may lead: there is nothing to lose.
            isr: if up.is_empty() { replicas.clone() } else { up },
            replicas,
            log,
            is_replication_held: false,
        }
    }

    /// Lets followers catch up with what was appended at least `lag` ago. Says whether more is visible now.
    pub(crate) fn replicate(&mut self, now: Duration, lag: Duration) -> bool {
        if self.isr.len() <= 1 || (lag.is_zero() && !self.is_replication_held) {
            return self.log.replicate(None);
        }
        if self.is_replication_held {
            return false;
        }
        match now.checked_sub(lag) {
            Some(until) => self.log.replicate(Some(until)),
            None => false,
        }
    }

    /// When the followers have the oldest batch that they lack, if that is only a question of time.
    pub(crate) fn next_replication(&self, lag: Duration) -> Option<Duration> {
        if self.is_replication_held {
            return None;
        }
        self.log.unreplicated().next().map(|batch| batch.appended_at + lag)
    }

    /// A replica goes. If it led, the next one in sync leads, without what only the old leader had: the records that are lost.
    pub(crate) fn broker_down(&mut self, broker: BrokerId) -> u64 {
        if self.isr.len() > 1 {
            self.isr.retain(|&replica| replica != broker);
        }
        if self.leader == Some(broker) {
            let heir = self.isr.first().copied().filter(|&heir| heir != broker);
            return self.elect(heir);
        }
        if self.isr.len() == 1 && self.leader.is_some() {
            // Nobody is left to wait for.
            self.log.replicate(None);
        }
        0
    }

    /// A replica comes back and catches up.
    pub(crate) fn broker_up(&mut self, broker: BrokerId) -> u64 {
        if !self.replicas.contains(&broker) {
            return 0;
        }
        match self.leader {
            // Only a replica in sync may lead again.
            None if self.isr.contains(&broker) => return self.elect(Some(broker)),
            None => {}
            Some(_) => {
                let isr = std::mem::take(&mut self.isr);
                let is_in = |replica: &BrokerId| *replica == broker || isr.contains(replica);
                self.isr = self.replicas.iter().copied().filter(is_in).collect();
            }
        }
        0
    }

    /// Makes a broker the leader, or none: the records that are lost by it.
    pub(crate) fn elect(&mut self, leader: Option<BrokerId>) -> u64 {
        if leader == self.leader {
            return 0;
        }
        // A leader that comes back to its own log loses nothing; any other has what was replicated.
        let is_new = self.leader.is_some() && leader.is_some();
        let lost = if is_new { self.log.truncate_to_high_watermark() } else { 0 };
        self.leader = leader;
        self.leader_epoch += 1;
        if leader.is_some() {
            self.log.begin_epoch(self.leader_epoch);
        }
        lost
    }
}
