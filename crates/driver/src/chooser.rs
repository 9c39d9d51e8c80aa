//! Which partition a record goes to, shared by all senders of a topic.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use rohrpost_engine::PartitionEntry;

use crate::lock;
use crate::topics::Topic;

/// How partitions are chosen for records that name none.
#[derive(Clone, Debug)]
pub struct ChooserConfig {
    /// One partition after another, whatever the key.
    pub round_robin: bool,
    /// `partitioner.ignore.keys`.
    pub ignore_keys: bool,
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive: bool,
    /// `partitioner.availability.timeout.ms`; zero is off.
    pub availability_timeout: Duration,
    /// `batch.size`: after so many bytes a record without a key goes elsewhere.
    pub batch_size: usize,
    /// Of all chance.
    pub seed: u64,
}

impl Default for ChooserConfig {
    fn default() -> Self {
        Self {
            round_robin: false,
            ignore_keys: false,
            adaptive: true,
            availability_timeout: Duration::ZERO,
            batch_size: 16_384,
            seed: 0,
        }
    }
}

pub(crate) struct Chooser {
    config: ChooserConfig,
    /// The partitions that have a leader, or all where none has.
    usable: Mutex<Vec<i32>>,
    current: AtomicI32,
    produced: AtomicU64,
    turn: AtomicU32,
    random: AtomicU64,
}

impl Chooser {
    pub(crate) fn new(config: &ChooserConfig, _topic: &str) -> Self {
        Self {
            config: config.clone(),
            usable: Mutex::default(),
            current: AtomicI32::new(-1),
            produced: AtomicU64::new(0),
            turn: AtomicU32::new(0),
            random: AtomicU64::new(config.seed),
        }
    }

    /// Takes note of the topic's partitions.
    pub(crate) fn update(&self, partitions: &[PartitionEntry]) {
        let number = |entry: &PartitionEntry| entry.partition;
        let led = |entry: &&PartitionEntry| entry.leader.is_some();
        let mut usable: Vec<i32> = partitions.iter().filter(led).map(number).collect();
        if usable.is_empty() {
            usable = partitions.iter().map(number).collect();
        }
        *lock(&self.usable) = usable;
    }

    fn random(&self) -> u64 {
        let mut x = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Picks another partition than the present one, where there is one.
    #[cold]
    fn pick(&self) -> Option<i32> {
        let before = self.current.load(Ordering::Relaxed);
        let usable = lock(&self.usable);
        let mut at = usize::try_from(self.random() % usable.len().max(1) as u64).unwrap_or(0);
        if usable.get(at) == Some(&before) {
            at = (at + 1) % usable.len();
        }
        let next = *usable.get(at)?;
        drop(usable);
        self.produced.store(0, Ordering::Relaxed);
        self.current.store(next, Ordering::Relaxed);
        Some(next)
    }

    /// A batch of so many bytes was closed: time for another partition, if enough went to this one.
    pub(crate) fn batch_ended(&self, partition: i32, bytes: usize) {
        if self.current.load(Ordering::Relaxed) != partition {
            return;
        }
        let produced = self.produced.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if produced >= self.config.batch_size as u64 {
            self.pick();
        }
    }

    /// A batch was closed because it was full.
    pub(crate) fn batch_filled(&self, partition: i32) {
        self.batch_ended(partition, self.config.batch_size);
    }
}

impl Topic {
    /// The partition for a record with this key; `None` while the topic has none.
    #[inline]
    pub(crate) fn choose(&self, key: Option<&[u8]>) -> Option<i32> {
        let count = i32::try_from(self.partitions.len()).ok().filter(|count| *count > 0)?;
        let chooser = &*self.chooser;
        if chooser.config.round_robin {
            return Some((chooser.turn.fetch_add(1, Ordering::Relaxed) % count as u32) as i32);
        }
        match key {
            Some(key) if !chooser.config.ignore_keys => Some(key_partition(key, count)),
            _ => {
                let current = chooser.current.load(Ordering::Relaxed);
                if (0..count).contains(&current) { Some(current) } else { chooser.pick() }
            }
        }
    }
}

fn key_partition(key: &[u8], count: i32) -> i32 {
    (murmur2(key) as i32 & i32::MAX) % count
}

fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h: u32 = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * at);
        }
        h = h.wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}
