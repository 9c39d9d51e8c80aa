//! Topics and partitions as metadata shows them, under the engine's own numbers.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rohrpost_cluster::{NodeId, Time};
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use crate::engine::Engine;
use crate::ids::{PartitionIndex, TopicIndex};
use crate::io::{Output, PartitionEntry, TopicChange};
use crate::overrides::TopicSettings;
use crate::partition::Partition;
use crate::plants::Plant;
use crate::ratio::SharedRatio;

/// Every topic that the engine has had to do with.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    list: Vec<Topic>,
    by_name: BTreeMap<ByteStr, TopicIndex>,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: ByteStr,
    pub(crate) id: Uuid,
    pub(crate) settings: Arc<TopicSettings>,
    /// By number.
    pub(crate) partitions: Vec<PartitionIndex>,
    pub(crate) ratio: Arc<SharedRatio>,
}

impl Topics {
    pub(crate) fn get(&self, index: TopicIndex) -> &Topic {
        &self.list[index.at()]
    }

    pub(crate) fn find(&self, name: &ByteStr) -> Option<TopicIndex> {
        self.by_name.get(name).copied()
    }

    fn add(&mut self, name: &ByteStr, settings: TopicSettings) -> TopicIndex {
        let index = TopicIndex(self.list.len() as u32);
        self.list.push(Topic {
            name: name.clone(),
            id: Uuid::NIL,
            settings: Arc::new(settings),
            partitions: Vec::new(),
            ratio: Arc::new(SharedRatio::new()),
        });
        self.by_name.insert(name.clone(), index);
        index
    }
}

/// A partition as metadata shows it now.
struct Shown {
    number: i32,
    leader: Option<NodeId>,
    leader_rack: Option<ByteStr>,
    leader_epoch: i32,
}

impl Engine {
    /// The metadata changed, or was confirmed.
    pub(crate) fn metadata_updated(&mut self, now: Time) {
        self.is_stirred = true;
        for at in 0..self.topics.list.len() {
            self.topic_updated(now, TopicIndex(at as u32));
        }
        self.serve_all_waiters(now);
        let is_stuck = |partition: &Partition| partition.leader.is_none() && !partition.is_idle();
        if self.partitions.iter().any(is_stuck) {
            self.cluster.request_update(now);
        }
    }

    /// Makes a topic known to the engine as soon as metadata shows it.
    pub(crate) fn name_topic(&mut self, now: Time, name: &ByteStr) {
        let has_partitions =
            self.cluster.metadata().topic(name).is_some_and(|topic| !topic.partitions.is_empty());
        if self.topics.find(name).is_none() && has_partitions {
            let index = self.topics.add(name, self.config.settings_of(name));
            self.topic_updated(now, index);
        }
    }

    /// What the cluster last said about the topic, if it was an error.
    pub(crate) fn topic_error(&self, name: &ByteStr) -> Option<ErrorCode> {
        self.cluster
            .metadata()
            .topic(name)
            .map(|topic| topic.error)
            .filter(|error| !error.is_none())
    }

    pub(crate) fn want_topic(&mut self, now: Time, index: TopicIndex) {
        self.cluster.want_topic(now, &self.topics.get(index).name);
    }

    /// Takes over what metadata says of a topic; tells the senders if it matters to them.
    pub(crate) fn topic_updated(&mut self, now: Time, index: TopicIndex) {
        let name = self.topics.get(index).name.clone();
        let metadata = self.cluster.metadata();
        // No longer asked for: what was known is as good as ever.
        let Some(shown) = metadata.topic(&name) else { return };
        if self.config.planted.is(Plant::ResetOnMissingTopic)
            && shown.error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        {
            let partitions = self.topics.get(index).partitions.clone();
            return self.reset_topic(&partitions);
        }
        let id = shown.id;
        let mut partitions: Vec<Shown> = shown
            .partitions
            .iter()
            .map(|partition| {
                let broker = partition.leader.and_then(|leader| metadata.broker(leader));
                Shown {
                    number: partition.index,
                    leader: partition.leader,
                    leader_rack: broker.and_then(|broker| broker.rack.clone()),
                    leader_epoch: partition.leader_epoch.unwrap_or(-1),
                }
            })
            .collect();
        partitions.sort_by_key(|partition| partition.number);
        let topic = &mut self.topics.list[index.at()];
        let is_other = !id.is_nil() && topic.id != id;
        // The same name, another topic: it was deleted and created again.
        let is_recreated = is_other && !topic.id.is_nil();
        if is_other {
            topic.id = id;
        }
        let changed = self.partitions_shown(now, index, &partitions, is_recreated);
        if changed || is_other {
            self.tell_topic(index);
            self.serve_waiters(&name);
        }
    }

    /// Takes over a topic's partitions, sorted by number. Whether any is new, or has another leader or one that moved to another rack.
    fn partitions_shown(
        &mut self,
        now: Time,
        index: TopicIndex,
        shown: &[Shown],
        is_recreated: bool,
    ) -> bool {
        let mut changed = false;
        let mut shown = shown.iter().peekable();
        let mut number = 0;
        loop {
            while shown.peek().is_some_and(|partition| partition.number < number) {
                shown.next();
            }
            let here = shown.next_if(|partition| partition.number == number);
            let known = self.topics.get(index).partitions.get(number as usize).copied();
            let at = match (known, here) {
                (Some(at), _) => at,
                (None, Some(_)) => {
                    let at = PartitionIndex(self.partitions.len() as u32);
                    let settings = self.topics.get(index).settings.clone();
                    self.partitions.push(Partition::new(at, index, number, settings));
                    self.topics.list[index.at()].partitions.push(at);
                    changed = true;
                    at
                }
                (None, None) => return changed,
            };
            changed |= self.partition_shown(now, at, here, is_recreated);
            number += 1;
        }
    }

    /// Takes over one partition's leader and its rack. Whether either changed.
    fn partition_shown(
        &mut self,
        now: Time,
        at: PartitionIndex,
        shown: Option<&Shown>,
        is_recreated: bool,
    ) -> bool {
        let partition = &mut self.partitions[at.at()];
        let leader = shown.and_then(|shown| shown.leader);
        let epoch = shown.map_or(partition.leader_epoch, |shown| shown.leader_epoch);
        if epoch < partition.leader_epoch && self.config.planted.is(Plant::IgnoreLowerEpoch) {
            return false;
        }
        if epoch > partition.leader_epoch && self.config.planted.is(Plant::MoveClearsDoubt) {
            partition.window.iter_mut().for_each(|sent| sent.ambiguous = false);
        }
        // A new leader has not refused anything yet (KIP-951).
        if epoch > partition.leader_epoch || is_recreated {
            partition.window.iter_mut().for_each(|sent| sent.hurry(now));
        }
        partition.leader_epoch = epoch;
        // The new log knows nothing of the sequences so far.
        partition.must_renew |= is_recreated && partition.epoch.is_some();
        partition.is_forgotten |= is_recreated && partition.epoch.is_some();
        let leader_rack = shown.and_then(|shown| shown.leader_rack.clone());
        let changed = partition.leader != leader || partition.leader_rack != leader_rack;
        partition.leader = leader;
        partition.leader_rack = leader_rack;
        if !partition.is_idle() {
            self.mark(at);
        }
        changed
    }

    fn tell_topic(&mut self, index: TopicIndex) {
        let topic = self.topics.get(index);
        let partitions = topic
            .partitions
            .iter()
            .map(|&at| {
                let partition = &self.partitions[at.at()];
                PartitionEntry {
                    partition: partition.number,
                    index: at,
                    leader: partition.leader,
                    leader_rack: partition.leader_rack.clone(),
                }
            })
            .collect();
        let change = TopicChange {
            topic: index,
            name: topic.name.clone(),
            id: topic.id,
            partitions,
            ratio: Arc::clone(&topic.ratio),
            compression: topic.settings.compression,
        };
        self.outputs.push_back(Output::Topic(change));
    }
}
