//! What an operator, or a test, does to a cluster: topics and faults here, brokers and partitions in the files below.

mod brokers;
mod partitions;

use core::fmt;

use rohrpost_codec::Uuid;

use super::topic::{Topic, TopicConfig};
use super::{BrokerId, Fault, FaultId, Model, Partition, TopicSpec};

/// The most partitions of a topic that the model makes.
const MAX_PARTITIONS: i32 = 100_000;

/// Why a topic, or a partition of it, is not as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// There is a topic of this name.
    Exists(String),
    /// There is no topic of this name.
    Unknown(String),
    /// There is no such partition.
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition that it does not have.
        partition: i32,
    },
    /// A topic's name has 1 to 249 letters, digits, dots, underscores and dashes, and is not `.` or `..`.
    InvalidName(String),
    /// A topic has 1 to 100,000 partitions here.
    InvalidPartitions(i32),
    /// A partition has one replica at least, and at most one for each broker.
    InvalidReplicationFactor(i16),
    /// The broker has no replica of the partition that is in sync.
    NotInSync(BrokerId),
}

impl Model {
    /// Creates a topic, and gives its id. The replicas of partition n begin with the n-th broker.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a name that is taken or none, and for numbers that the cluster cannot do.
    pub fn create_topic(&mut self, spec: &TopicSpec) -> Result<Uuid, TopicError> {
        let replicas = self.plan(spec)?;
        Ok(self.insert_topic(&spec.name, spec.config, replicas))
    }

    /// The replicas of each partition of a topic that could be created.
    pub(super) fn plan(&self, spec: &TopicSpec) -> Result<Vec<Vec<BrokerId>>, TopicError> {
        if !is_topic_name(&spec.name) {
            return Err(TopicError::InvalidName(spec.name.clone()));
        }
        if self.topics.contains_key(&spec.name) {
            return Err(TopicError::Exists(spec.name.clone()));
        }
        let (count, factor) = self.shape(spec)?;
        Ok((0..count as usize).map(|index| self.assign(index, factor)).collect())
    }

    /// Creates a topic whose partitions have these replicas.
    pub(super) fn insert_topic(
        &mut self,
        name: &str,
        config: TopicConfig,
        replicas: Vec<Vec<BrokerId>>,
    ) -> Uuid {
        let replication_factor = replicas.first().map_or(1, Vec::len);
        let new = |replicas| Partition::new(replicas, |broker| self.is_here(broker));
        let partitions = replicas.into_iter().map(new).collect();
        let id = self.new_topic_id();
        let topic = Topic { id, config, replication_factor, partitions };
        self.topics.insert(name.into(), topic);
        self.changes += 1;
        id
    }

    /// Deletes a topic and what is in it.
    ///
    /// # Errors
    ///
    /// [`TopicError::Unknown`].
    pub fn delete_topic(&mut self, name: &str) -> Result<(), TopicError> {
        self.topics.remove(name).ok_or_else(|| TopicError::Unknown(name.into()))?;
        self.changes += 1;
        Ok(())
    }

    /// Adds partitions, so that the topic has `count`.
    ///
    /// # Errors
    ///
    /// [`TopicError::Unknown`]; [`TopicError::InvalidPartitions`] if it has as many already.
    pub fn add_partitions(&mut self, name: &str, count: i32) -> Result<(), TopicError> {
        let added = self.plan_partitions(name, count)?;
        self.extend_topic(name, added);
        Ok(())
    }

    /// The replicas of the partitions that a topic lacks, to have `count`.
    pub(super) fn plan_partitions(
        &self,
        name: &str,
        count: i32,
    ) -> Result<Vec<Vec<BrokerId>>, TopicError> {
        let topic = self.topics.get(name).ok_or_else(|| TopicError::Unknown(name.into()))?;
        let present = topic.partitions.len();
        if count <= present as i32 || count > MAX_PARTITIONS {
            return Err(TopicError::InvalidPartitions(count));
        }
        let factor = topic.replication_factor;
        Ok((present..count as usize).map(|index| self.assign(index, factor)).collect())
    }

    /// Adds partitions with these replicas to a topic, if there is one.
    pub(super) fn extend_topic(&mut self, name: &str, replicas: Vec<Vec<BrokerId>>) {
        let new = |replicas| Partition::new(replicas, |broker| self.is_here(broker));
        let added: Vec<_> = replicas.into_iter().map(new).collect();
        if let Some(topic) = self.topics.get_mut(name) {
            topic.partitions.extend(added);
            self.changes += 1;
        }
    }

    /// Lets something go wrong.
    pub fn inject(&mut self, fault: Fault) -> FaultId {
        self.faults.inject(fault)
    }

    /// Takes a fault back. Says whether it was still waiting.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        self.faults.remove(id)
    }

    /// Takes all faults back.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    fn shape(&self, spec: &TopicSpec) -> Result<(i32, usize), TopicError> {
        let count = spec.partitions.unwrap_or(self.config.default_partitions);
        if !(1..=MAX_PARTITIONS).contains(&count) {
            return Err(TopicError::InvalidPartitions(count));
        }
        let brokers = i16::try_from(self.brokers.len()).unwrap_or(i16::MAX);
        let default = self.config.default_replication_factor.min(brokers);
        let factor = spec.replication_factor.unwrap_or(default);
        if !(1..=brokers).contains(&factor) {
            return Err(TopicError::InvalidReplicationFactor(factor));
        }
        Ok((count, factor as usize))
    }

    /// The replicas of a partition: the brokers in turn, from that of its index on.
    fn assign(&self, partition: usize, factor: usize) -> Vec<BrokerId> {
        let from = self.brokers.keys().cycle().skip(partition % self.brokers.len().max(1));
        from.copied().take(factor).collect()
    }

    fn new_topic_id(&mut self) -> Uuid {
        let high = u128::from(self.random());
        // Never zero, which means no id.
        Uuid::from_u128(high << 64 | u128::from(self.random() | 1))
    }
}

/// Whether Kafka takes a topic's name.
pub(super) fn is_topic_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(is_inner)
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(name) => write!(f, "there is a topic {name} already"),
            Self::Unknown(name) => write!(f, "there is no topic {name}"),
            Self::UnknownPartition { topic, partition } => {
                write!(f, "the topic {topic} has no partition {partition}")
            }
            Self::InvalidName(name) => write!(
                f,
                "{name:?} is no name of a topic: 1 to 249 letters, digits, dots, underscores and dashes"
            ),
            Self::InvalidPartitions(count) => {
                write!(f, "the topic cannot have {count} partitions")
            }
            Self::InvalidReplicationFactor(factor) => {
                write!(f, "the cluster cannot keep {factor} replicas: at most one a broker")
            }
            Self::NotInSync(broker) => write!(f, "broker {broker} is not in sync"),
        }
    }
}

impl core::error::Error for TopicError {}
