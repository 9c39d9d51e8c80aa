//! What a transaction commits for a consumer group.

use rohrpost_codec::ByteStr;
use rohrpost_engine::{GroupMetadata, OffsetOf};

/// Who consumed what a transaction's records were made of (KIP-447): Java's `ConsumerGroupMetadata`.
///
/// A consumer that is a member of its group tells its generation and its member id, so that the group refuses the offsets of one that it has replaced meanwhile. With the group's id alone nothing is checked:
/// for consumers with partitions of their own choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerGroupMetadata {
    group_id: String,
    generation_id: i32,
    member_id: String,
    group_instance_id: Option<String>,
}

impl ConsumerGroupMetadata {
    /// The group alone.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
        }
    }

    /// The group's generation, of which the member is; its epoch, of a group of the newer protocol (KIP-848). -1: unknown.
    #[must_use]
    pub fn generation(mut self, generation: i32) -> Self {
        self.generation_id = generation;
        self
    }

    /// The member's id, which the group's coordinator gave it.
    #[must_use]
    pub fn member_id(mut self, member_id: impl Into<String>) -> Self {
        self.member_id = member_id.into();
        self
    }

    /// The consumer's `group.instance.id`, of a static member (KIP-345).
    #[must_use]
    pub fn instance_id(mut self, instance_id: impl Into<String>) -> Self {
        self.group_instance_id = Some(instance_id.into());
        self
    }

    /// The group's id.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    pub(super) fn to_engine(&self) -> GroupMetadata {
        GroupMetadata {
            group_id: ByteStr::copy_from(&self.group_id),
            generation_id: self.generation_id,
            member_id: ByteStr::copy_from(&self.member_id),
            group_instance_id: self.group_instance_id.as_deref().map(ByteStr::copy_from),
        }
    }
}

/// How far a group has come in a partition: the offset of the next record that it is to read.
///
/// ```
/// use rohrpost::TopicOffset;
///
/// let plain = TopicOffset::from(("orders", 3, 4711));
/// assert_eq!(plain, TopicOffset::new("orders", 3, 4711));
/// let more = plain.leader_epoch(7).metadata("by worker 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicOffset {
    topic: String,
    partition: i32,
    offset: i64,
    leader_epoch: Option<i32>,
    metadata: Option<String>,
}

impl TopicOffset {
    /// The offset of the next record to be read: the last one's that was consumed, plus one.
    pub fn new(topic: impl Into<String>, partition: i32, offset: i64) -> Self {
        Self { topic: topic.into(), partition, offset, leader_epoch: None, metadata: None }
    }

    /// The leader epoch of the last record that was consumed, by which consumers find out that the log was truncated (KIP-320).
    #[must_use]
    pub fn leader_epoch(mut self, epoch: i32) -> Self {
        self.leader_epoch = Some(epoch);
        self
    }

    /// Words that the group keeps beside the offset.
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = Some(metadata.into());
        self
    }

    pub(super) fn into_engine(self) -> OffsetOf {
        OffsetOf {
            topic: ByteStr::from(self.topic),
            partition: self.partition,
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.map(ByteStr::from),
        }
    }
}

impl<T: Into<String>> From<(T, i32, i64)> for TopicOffset {
    fn from((topic, partition, offset): (T, i32, i64)) -> Self {
        Self::new(topic, partition, offset)
    }
}
