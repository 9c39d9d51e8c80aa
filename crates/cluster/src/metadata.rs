//! [`Metadata`]: what the brokers said of the cluster and of the topics wanted.

pub(crate) mod update;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use crate::{HostPort, NodeId};

/// A snapshot of the cluster: its brokers, and the topics that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    revision: u64,
    cluster_id: Option<ByteStr>,
    controller: Option<NodeId>,
    brokers: BTreeMap<NodeId, Broker>,
    topics: BTreeMap<ByteStr, TopicMetadata>,
    names: BTreeMap<Uuid, ByteStr>,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: NodeId,
    /// Where it listens.
    pub address: HostPort,
    /// Its rack or zone, where it has one (`broker.rack`).
    pub rack: Option<ByteStr>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// Its name.
    pub name: ByteStr,
    /// Its id (KIP-516); nil where it is not known, as from brokers before 2.8.
    pub id: Uuid,
    /// What the brokers said last; the partitions may be known all the same, from before.
    pub error: ErrorCode,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Its partitions by [`index`](PartitionMetadata::index). Empty while the topic is not known to exist.
    pub partitions: Vec<PartitionMetadata>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// Its number within the topic.
    pub index: i32,
    /// What the brokers said of it last.
    pub error: ErrorCode,
    /// Its leader, where there is one whose address is known.
    pub leader: Option<NodeId>,
    /// How often its leadership has changed (KIP-320); `None` where it is not known, as from brokers before 2.4.
    pub leader_epoch: Option<i32>,
    /// The brokers that have a copy.
    pub replicas: Vec<NodeId>,
    /// Those whose copy is complete.
    pub in_sync: Vec<NodeId>,
    /// Those that are not there.
    pub offline: Vec<NodeId>,
}

impl Metadata {
    /// Grows with every change, so that a cheap comparison tells whether there is something new.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The cluster's id, once known.
    #[must_use]
    pub const fn cluster_id(&self) -> Option<&ByteStr> {
        self.cluster_id.as_ref()
    }

    /// The controller, or any broker in its stead: a KRaft cluster names one at random.
    #[must_use]
    pub const fn controller(&self) -> Option<NodeId> {
        self.controller
    }

    /// A broker.
    #[must_use]
    pub fn broker(&self, id: NodeId) -> Option<&Broker> {
        self.brokers.get(&id)
    }

    /// The brokers, by id.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &Broker> + Clone {
        self.brokers.values()
    }

    /// A topic; `None` until an answer named it.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&TopicMetadata> {
        self.topics.get(name)
    }

    /// A topic by its id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&TopicMetadata> {
        self.topics.get(self.names.get(&id)?)
    }

    /// The topics, by name.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &TopicMetadata> + Clone {
        self.topics.values()
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, topic: &str, index: i32) -> Option<&PartitionMetadata> {
        self.topic(topic)?.partition(index)
    }
}

impl TopicMetadata {
    /// A partition.
    #[must_use]
    pub fn partition(&self, index: i32) -> Option<&PartitionMetadata> {
        // Nearly always the partitions are 0, 1, 2, …
        let guess = usize::try_from(index).ok().and_then(|guess| self.partitions.get(guess));
        if guess.is_some_and(|found| found.index == index) {
            return guess;
        }
        let place = self.partitions.binary_search_by_key(&index, |found| found.index).ok()?;
        self.partitions.get(place)
    }

    fn partition_mut(&mut self, index: i32) -> Option<&mut PartitionMetadata> {
        let place = self.partitions.binary_search_by_key(&index, |found| found.index).ok()?;
        self.partitions.get_mut(place)
    }
}
