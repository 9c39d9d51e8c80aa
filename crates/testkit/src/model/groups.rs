//! Consumer groups as far as a producer meets them: their offsets, and who may commit those (KIP-98, KIP-447).
//!
//! Groups do not form by themselves here: nobody joins. A group has members and a generation when [`Model::set_group`] says so;
//! without, it is the group of consumers that assign their partitions by hand.

use std::collections::{BTreeMap, BTreeSet};

use rohrpost_codec::ErrorCode;
use rohrpost_records::{EndTxnMarker, ProducerEpoch, ProducerId};

use super::Model;
use super::transactions::{Identity, OFFSETS_TOPIC, Place};

/// An offset that a group has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the record before, if the consumer knew it.
    pub leader_epoch: Option<i32>,
    /// What the consumer wrote beside it.
    pub metadata: String,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupMember {
    /// Its id (`member.id`).
    pub member_id: String,
    /// The name that a static member keeps (`group.instance.id`).
    pub group_instance_id: Option<String>,
}

impl GroupMember {
    /// A member without a name that it keeps.
    #[must_use]
    pub fn new(member_id: impl Into<String>) -> Self {
        Self { member_id: member_id.into(), group_instance_id: None }
    }

    /// Makes it a static member.
    #[must_use]
    pub fn instance(mut self, group_instance_id: impl Into<String>) -> Self {
        self.group_instance_id = Some(group_instance_id.into());
        self
    }
}

/// A topic's partition.
pub(crate) type TopicPartition = (String, i32);

/// All groups.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// How many partitions `__consumer_offsets` has.
    partitions: i32,
    groups: BTreeMap<String, Group>,
    /// Who has written what to the partitions of `__consumer_offsets`.
    producers: BTreeMap<(i32, ProducerId), Writer>,
    /// How many offsets were written: a later one is not replaced by an earlier one whose transaction ends later.
    written: u64,
}

#[derive(Clone, Debug, Default)]
struct Group {
    generation: i32,
    members: Vec<GroupMember>,
    offsets: BTreeMap<TopicPartition, Written>,
    /// What open transactions wrote.
    pending: BTreeMap<ProducerId, BTreeMap<TopicPartition, Written>>,
}

#[derive(Clone, Debug)]
struct Written {
    at: u64,
    offset: CommittedOffset,
}

#[derive(Clone, Copy, Debug)]
struct Writer {
    epoch: ProducerEpoch,
    is_in_transaction: bool,
}

/// Who commits offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committer<'a> {
    pub(crate) generation: i32,
    pub(crate) member_id: &'a str,
    pub(crate) group_instance_id: Option<&'a str>,
}

impl Model {
    /// Gives a group a generation and members, or takes them all away: from then on only those may commit its offsets, in that
    /// generation.
    ///
    /// ```
    /// use rohrpost_testkit::model::{GroupMember, Model, ModelConfig};
    ///
    /// let mut model = Model::new(ModelConfig::default());
    /// model.set_group("readers", 3, [GroupMember::new("reader-1").instance("one")]);
    /// ```
    pub fn set_group(
        &mut self,
        group: impl Into<String>,
        generation: i32,
        members: impl IntoIterator<Item = GroupMember>,
    ) {
        let group = self.groups.groups.entry(group.into()).or_default();
        group.generation = generation;
        group.members = members.into_iter().collect();
    }

    /// The offsets that a group has committed, by topic and partition; those of open transactions are not among them.
    #[must_use]
    pub fn group_offsets(&self, group: &str) -> BTreeMap<(String, i32), CommittedOffset> {
        let offsets = self.groups.groups.get(group).into_iter().flat_map(|group| &group.offsets);
        offsets.map(|(place, written)| (place.clone(), written.offset.clone())).collect()
    }

    /// The offsets that open transactions will commit for a group, by topic and partition.
    #[must_use]
    pub fn pending_group_offsets(&self, group: &str) -> BTreeMap<(String, i32), CommittedOffset> {
        let pending = self.groups.groups.get(group).into_iter().flat_map(|group| &group.pending);
        let offsets = pending.flat_map(|(_, offsets)| offsets);
        offsets.map(|(place, written)| (place.clone(), written.offset.clone())).collect()
    }

    /// Commits offsets for a group without a member, as an operator does.
    pub fn commit_offset(
        &mut self,
        group: impl Into<String>,
        topic: impl Into<String>,
        partition: i32,
        offset: i64,
    ) {
        let offset = CommittedOffset { offset, leader_epoch: None, metadata: String::new() };
        self.groups.commit(&group.into(), (topic.into(), partition), offset, None);
    }
}

impl Groups {
    pub(super) fn new(partitions: i32) -> Self {
        let (groups, producers) = (BTreeMap::new(), BTreeMap::new());
        Self { partitions: partitions.max(1), groups, producers, written: 0 }
    }

    /// The place where the offsets of a group are.
    pub(crate) fn place_of(&self, group: &str) -> Place {
        // Java's hash of a string, which is over its UTF-16 units.
        let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
        let hash = group.encode_utf16().fold(0, step);
        (OFFSETS_TOPIC.to_owned(), hash.checked_abs().unwrap_or_default() % self.partitions)
    }

    /// Whether somebody may commit offsets for a group.
    pub(crate) fn check(&self, group: &str, committer: &Committer<'_>) -> Result<(), ErrorCode> {
        let Some(group) = self.groups.get(group) else {
            // The group of consumers that assign their partitions by hand comes with its first offsets.
            return match committer.generation {
                ..0 => Ok(()),
                _ => Err(ErrorCode::GROUP_ID_NOT_FOUND),
            };
        };
        let is_said = committer.generation >= 0
            || !committer.member_id.is_empty()
            || committer.group_instance_id.is_some();
        if committer.generation < 0 && group.members.is_empty() {
            return Ok(());
        }
        if !is_said {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        if let Some(instance) = committer.group_instance_id {
            let is_it =
                |member: &&GroupMember| member.group_instance_id.as_deref() == Some(instance);
            match group.members.iter().find(is_it) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(member) if member.member_id != committer.member_id => {
                    return Err(ErrorCode::FENCED_INSTANCE_ID);
                }
                Some(_) => {}
            }
        }
        if group.members.iter().all(|member| member.member_id != committer.member_id) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        match committer.generation == group.generation {
            true => Ok(()),
            false => Err(ErrorCode::ILLEGAL_GENERATION),
        }
    }

    /// The same for offsets in a transaction: who says nothing of itself may, as clients before KIP-447 do.
    pub(crate) fn check_in_transaction(
        &self,
        group: &str,
        committer: &Committer<'_>,
    ) -> Result<(), ErrorCode> {
        let is_silent = committer.generation < 0
            && committer.member_id.is_empty()
            && committer.group_instance_id.is_none();
        match self.check(group, committer) {
            Err(_) if is_silent => Ok(()),
            Err(ErrorCode::GROUP_ID_NOT_FOUND) => Err(ErrorCode::ILLEGAL_GENERATION),
            checked => checked,
        }
    }

    /// Whether a producer is in a transaction in the partition of `__consumer_offsets` that the group is in.
    ///
    /// # Errors
    ///
    /// INVALID_PRODUCER_EPOCH for one whose successor has been there.
    pub(crate) fn is_in_transaction(
        &self,
        group: &str,
        (id, epoch): Identity,
    ) -> Result<bool, ErrorCode> {
        match self.producers.get(&(self.place_of(group).1, id)) {
            Some(writer) if epoch < writer.epoch => Err(ErrorCode::INVALID_PRODUCER_EPOCH),
            Some(writer) => Ok(writer.is_in_transaction && writer.epoch == epoch),
            None => Ok(false),
        }
    }

    /// Lets a producer write to the partition that the group is in, as part of its transaction.
    pub(crate) fn write(&mut self, group: &str, (id, epoch): Identity) -> Result<(), ErrorCode> {
        let new = Writer { epoch, is_in_transaction: true };
        let place = (self.place_of(group).1, id);
        let writer = self.producers.entry(place).or_insert(new);
        if epoch < writer.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        *writer = new;
        Ok(())
    }

    /// Commits an offset: at once, or when the producer's transaction is committed.
    pub(crate) fn commit(
        &mut self,
        group: &str,
        place: TopicPartition,
        offset: CommittedOffset,
        producer: Option<ProducerId>,
    ) {
        self.written += 1;
        let written = Written { at: self.written, offset };
        let group = self.groups.entry(group.into()).or_default();
        match producer {
            None => drop(group.offsets.insert(place, written)),
            Some(id) => drop(group.pending.entry(id).or_default().insert(place, written)),
        }
    }

    /// The offset of a partition; with `stable`, none while a transaction is about to change it.
    pub(crate) fn offset(
        &self,
        group: &str,
        place: &TopicPartition,
        stable: bool,
    ) -> Result<Option<&CommittedOffset>, ErrorCode> {
        let Some(group) = self.groups.get(group) else { return Ok(None) };
        if stable && group.pending.values().any(|offsets| offsets.contains_key(place)) {
            return Err(ErrorCode::UNSTABLE_OFFSET_COMMIT);
        }
        Ok(group.offsets.get(place).map(|written| &written.offset))
    }

    /// All partitions that a group has offsets of.
    pub(crate) fn places(&self, group: &str) -> BTreeSet<TopicPartition> {
        let group = self.groups.get(group).into_iter();
        group.flat_map(|group| group.offsets.keys().cloned()).collect()
    }

    /// The groups in a partition of `__consumer_offsets` to which the producer's transaction gives offsets.
    pub(super) fn waiting_for(&self, partition: i32, producer: ProducerId) -> Vec<String> {
        let groups = self.groups.iter().filter(|(name, group)| {
            group.pending.contains_key(&producer) && self.place_of(name).1 == partition
        });
        groups.map(|(name, _)| name.clone()).collect()
    }

    /// Ends a producer's transaction in a partition of `__consumer_offsets`.
    pub(super) fn mark(&mut self, partition: i32, marker: &EndTxnMarker) {
        for name in self.waiting_for(partition, marker.producer_id) {
            let Some(group) = self.groups.get_mut(&name) else { continue };
            let pending = group.pending.remove(&marker.producer_id).unwrap_or_default();
            for (place, written) in pending.into_iter().filter(|_| marker.committed) {
                let known = group.offsets.get(&place);
                if known.is_none_or(|known| known.at < written.at) {
                    group.offsets.insert(place, written);
                }
            }
        }
        let writer = Writer { epoch: marker.producer_epoch, is_in_transaction: false };
        self.producers.insert((partition, marker.producer_id), writer);
    }
}
