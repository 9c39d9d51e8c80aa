//! What the senders know of the topics, and the lanes that they append to.
//!
//! Topics and partitions are only ever added: so a sender finds its lane by plain loads, and borrows it, without a lock or a reference count. What changes
//! about them (leaders, the partitioner's weights) lies in them behind atomics and locks.

use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::fast::FixedState;
use rohrpost_engine::{PartitionAppender, PartitionIndex};

use crate::chooser::{Chooser, ChooserConfig};
use crate::completion::Completion;

/// Buckets of the table of topics: few producers know more topics than that, and those that do walk short chains.
const BUCKETS: usize = 1024;

/// Slots of a topic's first chunk of lanes; each further chunk has twice as many.
const FIRST_CHUNK: u32 = 8;
/// Chunks: enough for every partition number that the protocol can express.
const CHUNKS: usize = 29;

/// The topics by name.
pub(crate) struct Topics {
    hash: FixedState,
    buckets: Box<[OnceLock<Arc<Topic>>]>,
}

/// A topic: its partitions and their partitioner.
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) chooser: Arc<Chooser>,
    count: AtomicU32,
    lanes: [OnceLock<Chunk>; CHUNKS],
    /// The next topic of its bucket.
    next: OnceLock<Arc<Topic>>,
}

/// Lanes of neighbouring partitions, as they come to be.
type Chunk = Box<[OnceLock<Arc<Lane>>]>;

/// A partition's way in.
pub(crate) struct Lane {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) index: PartitionIndex,
    pub(crate) chooser: Arc<Chooser>,
    pub(crate) open: Mutex<Open>,
    leader: AtomicI32,
    /// The leader is in the producer's rack, and that matters.
    is_near: AtomicBool,
}

/// A partition's open batch and its completion.
pub(crate) struct Open {
    pub(crate) appender: PartitionAppender,
    /// There is one while a batch is open.
    pub(crate) completion: Option<Arc<Completion>>,
    /// The driver is gone: nothing is taken any more.
    pub(crate) closed: bool,
}

impl Topics {
    pub(crate) fn new() -> Self {
        let buckets = (0..BUCKETS).map(|_| OnceLock::new()).collect();
        Self { hash: FixedState::default(), buckets }
    }

    #[inline]
    fn bucket(&self, name: &str) -> &OnceLock<Arc<Topic>> {
        &self.buckets[self.hash.hash_one(name) as usize % BUCKETS]
    }

    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Topic>> {
        let mut place = self.bucket(name);
        loop {
            let topic = place.get()?;
            if *topic.name == *name {
                return Some(topic);
            }
            place = &topic.next;
        }
    }

    /// The topic, which is added where it is not known. Only the driver calls this.
    pub(crate) fn get_or_add(&self, name: &str, choosers: &ChooserConfig) -> &Topic {
        let mut place = self.bucket(name);
        loop {
            let topic = place.get_or_init(|| Arc::new(Topic::new(name, choosers)));
            if *topic.name == *name {
                return topic;
            }
            place = &topic.next;
        }
    }
}

impl Topic {
    fn new(name: &str, choosers: &ChooserConfig) -> Self {
        Self {
            name: name.into(),
            chooser: Arc::new(Chooser::new(choosers, name)),
            count: AtomicU32::new(0),
            lanes: [const { OnceLock::new() }; CHUNKS],
            next: OnceLock::new(),
        }
    }

    /// How many partitions it has; `None` for none.
    #[inline]
    pub(crate) fn count(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.count.load(Ordering::Acquire))
    }

    /// The partition of this number.
    #[inline]
    pub(crate) fn lane(&self, number: u32) -> Option<&Arc<Lane>> {
        let (chunk, place) = Self::place(number)?;
        self.lanes.get(chunk)?.get()?.get(place)?.get()
    }

    /// All partitions, by number.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        (0..self.count.load(Ordering::Acquire)).map_while(|number| self.lane(number))
    }

    /// Adds the next partition.
    pub(crate) fn push(&self, lane: Arc<Lane>) {
        let number = self.count.load(Ordering::Relaxed);
        let Some((chunk, place)) = Self::place(number) else { return };
        let Some(lanes) = self.lanes.get(chunk) else { return };
        let slots = FIRST_CHUNK << chunk;
        let lanes = lanes.get_or_init(|| (0..slots).map(|_| OnceLock::new()).collect());
        // Only the driver adds, so the slot is empty.
        let _ = lanes[place].set(lane);
        self.count.store(number + 1, Ordering::Release);
    }

    /// The chunk and the place in it.
    #[inline]
    fn place(number: u32) -> Option<(usize, usize)> {
        let from_first = number.checked_add(FIRST_CHUNK)?;
        let chunk = from_first.ilog2() - FIRST_CHUNK.ilog2();
        Some((chunk as usize, (from_first - (FIRST_CHUNK << chunk)) as usize))
    }
}

impl Lane {
    pub(crate) fn new(
        topic: &Topic,
        partition: i32,
        index: PartitionIndex,
        appender: PartitionAppender,
    ) -> Self {
        Self {
            topic: topic.name.clone(),
            partition,
            index,
            chooser: topic.chooser.clone(),
            open: Mutex::new(Open { appender, completion: None, closed: false }),
            leader: AtomicI32::new(-1),
            is_near: AtomicBool::new(false),
        }
    }

    /// The broker that leads the partition, where one is known.
    pub(crate) fn leader(&self) -> Option<i32> {
        Some(self.leader.load(Ordering::Relaxed)).filter(|leader| *leader >= 0)
    }

    pub(crate) fn is_near(&self) -> bool {
        self.is_near.load(Ordering::Relaxed)
    }

    pub(crate) fn set_leader(&self, leader: Option<i32>, is_near: bool) {
        self.leader.store(leader.unwrap_or(-1), Ordering::Relaxed);
        self.is_near.store(is_near, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_engine::{AppenderConfig, ClusterConfig, EngineConfig, SharedRatio};

    fn lane(topic: &Topic, partition: i32) -> Arc<Lane> {
        let config = EngineConfig::new(ClusterConfig::new(Vec::new()));
        let index = PartitionIndex(partition.unsigned_abs());
        let ratio = Arc::new(SharedRatio::new());
        let appender = PartitionAppender::new(index, AppenderConfig::from(&config), ratio);
        Arc::new(Lane::new(topic, partition, index, appender))
    }

    #[test]
    fn topics_and_partitions_are_found_again_however_many_there_are() {
        let (topics, choosers) = (Topics::new(), ChooserConfig::default());
        for number in 0..5_000 {
            let name = format!("topic-{number}");
            assert!(topics.get(&name).is_none());
            let topic = topics.get_or_add(&name, &choosers);
            for partition in 0..number % 3 {
                topic.push(lane(topic, partition));
            }
        }
        for number in 0..5_000_u32 {
            let name = format!("topic-{number}");
            let topic = topics.get(&name).unwrap();
            assert_eq!((&*topic.name, topic.lanes().count()), (&*name, number as usize % 3));
            assert!(std::ptr::eq(&**topic, topics.get_or_add(&name, &choosers)));
        }
    }

    #[test]
    fn partitions_are_added_one_by_one() {
        let topics = Topics::new();
        let topic = topics.get_or_add("t", &ChooserConfig::default());
        assert!(topic.count().is_none() && topic.lane(0).is_none());
        for partition in 0..1_000 {
            topic.push(lane(topic, partition));
        }
        assert_eq!(topic.count().map(NonZeroU32::get), Some(1_000));
        for number in 0..1_000 {
            assert_eq!(topic.lane(number).unwrap().partition, number as i32);
        }
        assert!(topic.lane(1_000).is_none() && topic.lane(u32::MAX).is_none());
    }
}
