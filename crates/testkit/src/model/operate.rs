//! What an operator, or a test, does to a cluster.

use core::fmt;

use rohrpost_codec::Uuid;

use super::topic::{Partition, Topic, TopicConfig};
use super::{BrokerId, Fault, FaultId, Model, Session, SessionId, TopicSpec};

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
    /// Tells clients where a broker is.
    pub fn set_address(&mut self, broker: impl Into<BrokerId>, host: impl Into<String>, port: u16) {
        if let Some(broker) = self.brokers.get_mut(&broker.into()) {
            broker.host = host.into();
            broker.port = port;
        }
    }

    /// Puts a broker into a rack.
    pub fn set_rack(&mut self, broker: impl Into<BrokerId>, rack: Option<String>) {
        if let Some(broker) = self.brokers.get_mut(&broker.into()) {
            broker.rack = rack;
        }
    }

    /// Opens a connection to a broker; `None` if it is down, or there is none.
    pub fn connect(&mut self, broker: impl Into<BrokerId>) -> Option<SessionId> {
        let broker = broker.into();
        if !self.is_up(broker) {
            return None;
        }
        self.last_session += 1;
        self.stats.connections += 1;
        self.stats.open_connections += 1;
        let session = SessionId(self.last_session);
        self.sessions.insert(session, Session { broker, muted_until: None });
        Some(session)
    }

    /// Closes a connection. What waits on it is forgotten, what was appended stays.
    pub fn disconnect(&mut self, session: SessionId) {
        if self.sessions.remove(&session).is_some() {
            self.stats.open_connections -= 1;
        }
    }

    /// Whether a connection is open: it is not any more once its broker has stopped.
    #[must_use]
    pub fn is_connected(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

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
        let new = |replicas| Partition::new(replicas, |broker| self.is_up(broker));
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
        let new = |replicas| Partition::new(replicas, |broker| self.is_up(broker));
        let added: Vec<_> = replicas.into_iter().map(new).collect();
        if let Some(topic) = self.topics.get_mut(name) {
            topic.partitions.extend(added);
            self.changes += 1;
        }
    }

    /// Stops a broker: its connections close, and the next replica in sync leads what it led. Says whether it was up.
    pub fn stop_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let id = broker.into();
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| broker.is_up) else {
            return false;
        };
        (broker.is_up, broker.is_paused) = (false, false);
        let before = self.sessions.len();
        self.sessions.retain(|_, session| session.broker != id);
        self.stats.open_connections -= (before - self.sessions.len()) as u64;
        self.each_partition(|partition| partition.broker_down(id));
        true
    }

    /// Starts a broker that is down: it catches up, and leads nothing that another leads. Says whether it was down.
    pub fn start_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let id = broker.into();
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| !broker.is_up) else {
            return false;
        };
        broker.is_up = true;
        self.each_partition(|partition| partition.broker_up(id));
        true
    }

    /// Freezes a broker: connections stay, requests wait, nobody takes over. Says whether there is such a broker, up.
    pub fn pause_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        self.set_paused(broker.into(), true)
    }

    /// Lets a frozen broker go on with the requests that wait.
    pub fn resume_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        self.set_paused(broker.into(), false)
    }

    /// Makes a replica in sync the leader. What only the old leader had is lost.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not, and for a broker that is not in sync.
    pub fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        to: impl Into<BrokerId>,
    ) -> Result<(), TopicError> {
        let to = to.into();
        let is_up = self.is_up(to);
        let found = self.checked_partition(topic, partition)?;
        if !found.isr.contains(&to) || !is_up {
            return Err(TopicError::NotInSync(to));
        }
        let lost = found.elect(Some(to));
        self.stats.lost_records += lost;
        self.changes += 1;
        Ok(())
    }

    /// Keeps followers from copying a partition, while they count as in sync: appends with acks=all wait, those with acks=1 do
    /// not, and are lost if the leader goes.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn hold_replication(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.is_replication_held = true;
        Ok(())
    }

    /// Lets followers copy again.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn release_replication(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        let partition = self.checked_partition(topic, partition)?;
        partition.is_replication_held = false;
        partition.log.replicate(None);
        self.changes += 1;
        Ok(())
    }

    /// Makes a partition forget its producers, as `producer.id.expiration.ms` does.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn forget_producers(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.log.forget_producers();
        Ok(())
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

    fn set_paused(&mut self, broker: BrokerId, is_paused: bool) -> bool {
        let Some(broker) = self.brokers.get_mut(&broker).filter(|broker| broker.is_up) else {
            return false;
        };
        broker.is_paused = is_paused;
        self.changes += 1;
        true
    }

    fn each_partition(&mut self, change: impl FnMut(&mut Partition) -> u64) {
        let partitions = self.topics.values_mut().flat_map(|topic| &mut topic.partitions);
        self.stats.lost_records += partitions.map(change).sum::<u64>();
        self.changes += 1;
    }

    fn checked_partition(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> Result<&mut Partition, TopicError> {
        if !self.topics.contains_key(topic) {
            return Err(TopicError::Unknown(topic.into()));
        }
        let unknown = || TopicError::UnknownPartition { topic: topic.into(), partition };
        self.partition_mut(topic, partition).ok_or_else(unknown)
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
