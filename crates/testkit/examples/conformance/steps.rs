//! What a sequence is made of.

use std::time::Duration;

use crate::asks::Ask;
use crate::batches::{Batch, Producer};

/// One request, or what amounts to one, in terms that both sides understand.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Produce(Produce),
    Init(Init),
    /// Something about transactions or groups.
    Ask(Ask),
    /// Advances a log's start, as retention does.
    DeleteRecords {
        topic: usize,
        partition: i32,
        offset: i64,
    },
    /// Adds partitions.
    Grow {
        topic: usize,
        count: i32,
    },
    /// Deletes a topic and creates it again.
    Recreate {
        topic: usize,
    },
    /// The versions that are spoken.
    Versions {
        version: i16,
    },
    /// What a client is told of a topic.
    Metadata {
        version: i16,
        topic: TopicRef,
    },
    /// Another replica leads.
    MoveLeader {
        topic: usize,
        partition: i32,
        to: i32,
    },
    /// Time passes.
    Wait(Duration),
    /// From now on, clients may send so many bytes a second.
    Limit(u64),
    /// From now on, clients may not.
    Deny(Denial),
    /// What is left in every partition.
    ReadBack,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    Write(usize),
    Describe(usize),
    TransactionalId(String),
    Group(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Produce {
    /// Whom it is sent to.
    pub(crate) broker: i32,
    pub(crate) version: i16,
    pub(crate) acks: i16,
    pub(crate) transactional_id: Option<String>,
    pub(crate) entries: Vec<Entry>,
}

/// A partition's part in a Produce request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) topic: TopicRef,
    pub(crate) partition: i32,
    pub(crate) batch: Batch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicRef {
    Known(usize),
    /// The id that a topic had before it was created again, or its name.
    Former(usize),
    Nowhere,
}

#[derive(Clone, Debug)]
pub(crate) struct Init {
    pub(crate) version: i16,
    pub(crate) transactional_id: Option<String>,
    pub(crate) producer: Option<Producer>,
    pub(crate) epoch: i16,
    pub(crate) timeout_ms: i32,
}

/// A topic of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// How many replicas each partition has.
    pub(crate) replicas: i32,
    /// Who leads each partition.
    pub(crate) leaders: Vec<i32>,
    pub(crate) configs: &'static [(&'static str, &'static str)],
    /// Whether clients may not hear of it, not where its log ends either.
    pub(crate) is_hidden: bool,
}

impl Topic {
    /// Replicas of a partition, the first of which leads it in the beginning.
    pub(crate) fn replicas_of(&self, partition: i32, brokers: i32) -> Vec<i32> {
        (0..self.replicas).map(|replica| (partition + replica) % brokers + 1).collect()
    }

    pub(crate) fn leader(&self, partition: i32) -> i32 {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        self.leaders.get(index).copied().unwrap_or(1)
    }
    /// Whether the broker writes the time: then the two sides' times, and so their CRCs, are different.
    pub(crate) fn has_broker_time(&self) -> bool {
        self.configs.contains(&("message.timestamp.type", "LogAppendTime"))
    }
}
