//! [`Table`]: what a partitioner may know of a topic.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::random::{below, mix};

/// A topic's partitions: how many there are, which have a leader, and which are worth being preferred.
///
/// A snapshot, cheap to share behind an `Arc`, made anew when metadata or the queues change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    count: NonZeroU32,
    available: Box<[u32]>,
    /// The leaders by partition, -1 for none; empty where nobody said.
    leaders: Box<[i32]>,
    /// The available partitions that are preferred, in order; empty where none is.
    near: Box<[u32]>,
    /// Partitions to choose from by weight; empty where all that come into question are equal.
    choices: Box<[u32]>,
    /// For each of `choices`, the sum of the weights up to and including its own.
    cumulative: Box<[u64]>,
}

/// In the table of leaders: none, as in Kafka's metadata.
const NO_LEADER: i32 = -1;

/// How much waits for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The partition.
    pub partition: u32,
    /// Batches that wait to be sent to it.
    pub queue: u32,
}

impl Table {
    /// A topic of `count` partitions, numbered from 0, of which these have a leader. Numbers out of range are dropped.
    #[must_use]
    pub fn new(count: NonZeroU32, available: impl IntoIterator<Item = u32>) -> Self {
        let mut available: Vec<u32> =
            available.into_iter().filter(|&partition| partition < count.get()).collect();
        available.sort_unstable();
        available.dedup();
        Self {
            count,
            available: available.into(),
            leaders: Box::default(),
            near: Box::default(),
            choices: Box::default(),
            cumulative: Box::default(),
        }
    }

    /// A topic whose partitions, in their order, have these leaders: broker ids, `None` for no leader now. Those with a leader are the available ones.
    /// `None` for a topic without partitions.
    #[must_use]
    pub fn with_leaders(leaders: impl IntoIterator<Item = Option<i32>>) -> Option<Self> {
        let leaders: Box<[i32]> =
            leaders.into_iter().map(|leader| leader.unwrap_or(NO_LEADER)).collect();
        let count = NonZeroU32::new(u32::try_from(leaders.len()).ok()?)?;
        let led = (0..count.get()).zip(&leaders).filter(|(_, leader)| **leader >= 0);
        let table = Self::new(count, led.map(|(partition, _)| partition));
        Some(Self { leaders, ..table })
    }

    /// A topic all of whose partitions have a leader.
    #[must_use]
    pub fn all(count: NonZeroU32) -> Self {
        Self::new(count, 0..count.get())
    }

    /// The same topic for a producer that is near the leaders of these partitions, because they are in its rack (KIP-1123,
    /// `partitioner.rack.aware`): as long as one of them is available, and not too slow, records that no key decides go to them alone. What keys decide,
    /// and what [`available`](Self::available) gives, stays. Before [`weighted`](Self::weighted).
    #[must_use]
    pub fn near(mut self, partitions: impl IntoIterator<Item = u32>) -> Self {
        let mut near: Vec<u32> =
            partitions.into_iter().filter(|&partition| self.has_leader(partition)).collect();
        near.sort_unstable();
        near.dedup();
        self.near = near.into();
        (self.choices, self.cumulative) = Default::default();
        self
    }

    /// The same topic, weighed by what waits for each partition (KIP-794): the shorter its queue, the likelier a partition. Available
    /// partitions that are not among `loads` are left out, as too slow (`partitioner.availability.timeout.ms`); with no loads at all, or
    /// with equal ones for all partitions, there is no preference.
    ///
    /// The weight is the longest queue's length plus one, less its own.
    #[must_use]
    pub fn weighted(mut self, loads: &[Load]) -> Self {
        let is_near = |load: &Load| self.near.binary_search(&load.partition).is_ok();
        // Where all that are near are too slow, the others come into question.
        let only_near = loads.iter().any(is_near);
        let in_question = if only_near { &self.near } else { &self.available };
        let loads =
            || loads.iter().filter(|load| in_question.binary_search(&load.partition).is_ok());
        let longest = loads().map(|load| load.queue).max().unwrap_or(0);
        let are_equal = loads().all(|load| load.queue == longest);
        let are_all = loads().count() == in_question.len();
        if are_equal && are_all || loads().next().is_none() {
            (self.choices, self.cumulative) = Default::default();
            return self;
        }
        let mut sum = 0;
        let (choices, cumulative): (Vec<u32>, Vec<u64>) = loads()
            .map(|load| {
                sum += u64::from(longest - load.queue) + 1;
                (load.partition, sum)
            })
            .unzip();
        (self.choices, self.cumulative) = (choices.into(), cumulative.into());
        self
    }

    /// How many partitions the topic has.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> NonZeroU32 {
        self.count
    }

    /// The partitions that have a leader, in order.
    #[must_use]
    pub fn available(&self) -> &[u32] {
        &self.available
    }

    /// The id of the broker that leads a partition; `None` where it has no leader, does not exist, or [`with_leaders`](Self::with_leaders) did not
    /// make the table.
    #[must_use]
    pub fn leader(&self, partition: u32) -> Option<i32> {
        let leader = self.leaders.get(usize::try_from(partition).ok()?);
        leader.copied().filter(|leader| *leader >= 0)
    }

    /// Whether a partition has a leader.
    #[inline]
    #[must_use]
    pub fn has_leader(&self, partition: u32) -> bool {
        self.available.binary_search(&partition).is_ok()
    }

    /// Whether records that no key decides may go to a partition: it has a leader, is not left out as too slow, and no other is nearer.
    #[must_use]
    pub fn is_available(&self, partition: u32) -> bool {
        if self.choices.is_empty() {
            self.preferred().binary_search(&partition).is_ok()
        } else {
            self.choices.contains(&partition)
        }
    }

    /// The partitions that come into question where nothing waits for any.
    fn preferred(&self) -> &[u32] {
        if self.near.is_empty() { &self.available } else { &self.near }
    }

    /// The partition of a turn, for keys that do not decide. Without weights, every run of turns as long as the list of partitions that come into question has
    /// each of them once, in an order that the seed decides; with weights, each turn is a draw of its own. If none has a
    /// leader, all partitions take turns.
    pub(crate) fn turn(&self, turn: u64, seed: u64) -> u32 {
        if let Some(&total) = self.cumulative.last() {
            let drawn = below(mix(seed ^ mix(turn)), total);
            let place = self.cumulative.partition_point(|&sum| sum <= drawn);
            return self.choices.get(place).copied().unwrap_or(0);
        }
        let preferred = self.preferred();
        let len = match preferred.len() as u64 {
            0 => u64::from(self.count.get()),
            len => len,
        };
        let (cycle, step) = (turn / len, turn % len);
        let random = mix(seed ^ mix(cycle));
        let start = below(random, len);
        let stride = coprime(below(mix(random), len), len);
        let place = (start + step * stride) % len;
        // Without an available partition the place is the partition.
        preferred.get(place as usize).copied().unwrap_or(place as u32)
    }
}

/// The next number from `from` on that has no factor in common with `len`: steps of it visit every place of `len`.
fn coprime(from: u64, len: u64) -> u64 {
    let mut candidate = from.max(1);
    while gcd(candidate, len) != 1 {
        candidate += 1;
    }
    candidate
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use std::collections::BTreeSet;

    fn count(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    #[test]
    fn every_cycle_of_turns_visits_every_available_partition_once() {
        for available in [
            vec![0],
            vec![1, 4],
            (0..12).collect(),
            (0..97).filter(|p| p % 5 != 2).collect::<Vec<_>>(),
        ] {
            let table = Table::new(count(100), available.iter().copied());
            let len = available.len() as u64;
            let mut orders = BTreeSet::new();
            for cycle in 0..50 {
                let order: Vec<u32> =
                    (cycle * len..(cycle + 1) * len).map(|t| table.turn(t, 9)).collect();
                let mut visited = order.clone();
                visited.sort_unstable();
                assert_eq!(visited, available);
                orders.insert(order);
            }
            assert!(orders.len() > 10 || available.len() < 12, "the order changes");
        }
    }

    #[test]
    fn leaders_are_told_and_their_partitions_are_the_available_ones() {
        let table = Table::with_leaders([Some(7), None, Some(0)]).unwrap();
        assert_eq!((table.count(), table.available()), (count(3), &[0, 2][..]));
        assert_eq!([0, 1, 2, 3].map(|p| table.leader(p)), [Some(7), None, Some(0), None]);
        let loads = [0, 2].map(|partition| Load { partition, queue: partition });
        assert_eq!(table.weighted(&loads).leader(0), Some(7));
        assert_eq!(Table::with_leaders([]), None);
    }

    #[test]
    fn without_a_leader_anywhere_all_partitions_take_turns() {
        let table = Table::new(count(3), [7]);
        assert_eq!(table.available(), []);
        assert_eq!(
            (0..3).map(|turn| table.turn(turn, 1)).collect::<BTreeSet<_>>(),
            [0, 1, 2].into()
        );
    }

    #[test]
    fn shorter_queues_are_likelier_in_the_proportion_that_kip_794_gives() {
        // Queues of 0, 3 and 1 weigh 4, 1 and 3.
        let loads = [(0, 0), (1, 3), (2, 1)].map(|(partition, queue)| Load { partition, queue });
        let table = Table::all(count(3)).weighted(&loads);
        let mut seen = [0_u32; 3];
        for turn in 0..80_000 {
            seen[table.turn(turn, 5) as usize] += 1;
        }
        for (seen, share) in seen.into_iter().zip([40_000, 10_000, 30_000]) {
            assert!(seen.abs_diff(share) < 1_000, "{seen} of {share}");
        }
    }

    #[test]
    fn a_slow_partition_is_left_out_and_equal_queues_are_no_preference() {
        let load = |partition| Load { partition, queue: 2 };
        let slow = Table::all(count(3)).weighted(&[load(0), load(2)]);
        assert!((0..1_000).all(|turn| slow.turn(turn, 3) != 1));
        assert!(!slow.is_available(1) && slow.is_available(2));
        assert_eq!(slow.clone().weighted(&[load(0), load(1), load(2)]), Table::all(count(3)));
        assert_eq!(slow.weighted(&[]), Table::all(count(3)));
        // A partition without a leader cannot be preferred.
        let table =
            Table::new(count(3), [0, 1]).weighted(&[load(0), Load { partition: 2, queue: 0 }]);
        assert!((0..1_000).all(|turn| table.turn(turn, 3) == 0));
    }

    #[test]
    fn partitions_that_are_near_are_preferred_while_one_of_them_will_do() {
        let load = |partition, queue| Load { partition, queue };
        let turns =
            |table: &Table| -> BTreeSet<u32> { (0..1_000).map(|t| table.turn(t, 3)).collect() };
        let table = Table::new(count(5), [0, 1, 2, 4]).near([4, 1, 3]);
        // Partition 3 has no leader.
        assert_eq!(turns(&table), [1, 4].into());
        assert_eq!((0..5).filter(|&p| table.is_available(p)).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(table.available(), [0, 1, 2, 4]);
        let equal = [0, 1, 2, 4].map(|partition| load(partition, 7));
        assert_eq!(table.clone().weighted(&equal), table);
        // What waits elsewhere does not matter.
        let busy_elsewhere = [load(0, 9), load(1, 2), load(2, 1), load(4, 2)];
        assert_eq!(table.clone().weighted(&busy_elsewhere), table);
        let slow = table.clone().weighted(&[load(0, 0), load(2, 0), load(4, 0)]);
        assert_eq!(turns(&slow), [4].into());
        assert_eq!(turns(&table.clone().weighted(&[load(0, 0), load(2, 0)])), [0, 2].into());
        assert_eq!(turns(&table.clone().weighted(&[load(0, 3), load(2, 3)])), [0, 2].into());
        assert_eq!(turns(&table.near([3])), [0, 1, 2, 4].into(), "nobody is near");
    }
}
