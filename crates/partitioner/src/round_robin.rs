//! [`RoundRobin`].

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::{Choice, Partitioner, Query, Table};

/// Record by record through the available partitions, whatever the key, as Java's `RoundRobinPartitioner`. One for each topic: topics that take
/// turns would make each other skip partitions.
#[derive(Debug, Default)]
pub struct RoundRobin {
    turns: AtomicU32,
}

impl RoundRobin {
    /// Begins with the first available partition.
    #[must_use]
    pub const fn new() -> Self {
        Self { turns: AtomicU32::new(0) }
    }

    /// The partition for the next record; of all partitions where none has a leader.
    #[inline]
    pub fn next(&self, table: &Table) -> u32 {
        let available = table.available();
        let len = if available.is_empty() { table.count().get() } else { available.len() as u32 };
        // Java counts the turns in 31 bits.
        let place = (self.turns.fetch_add(1, Relaxed) & 0x7fff_ffff) % len;
        available.get(place as usize).copied().unwrap_or(place)
    }
}

impl Partitioner for RoundRobin {
    fn choose(&self, query: &Query<'_>) -> Choice {
        Choice::Partition(self.next(query.table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::num::NonZeroU32;

    #[test]
    fn partitions_take_turns_and_those_without_a_leader_are_skipped() {
        let count = NonZeroU32::new(4).unwrap();
        let turns = |robin: &RoundRobin, table: &Table, turns| -> Vec<u32> {
            (0..turns).map(|_| robin.next(table)).collect()
        };
        let robin = RoundRobin::new();
        assert_eq!(turns(&robin, &Table::new(count, [0, 1, 3]), 5), [0, 1, 3, 0, 1]);
        assert_eq!(turns(&robin, &Table::new(count, []), 4), [1, 2, 3, 0]);
        assert_eq!(turns(&robin, &Table::new(count, [2]), 2), [2, 2]);
        let grown = Table::all(NonZeroU32::new(5).unwrap());
        assert_eq!(turns(&robin, &grown, 5), [1, 2, 3, 4, 0]);
    }

    #[test]
    fn turns_are_counted_as_java_counts_them() {
        let robin = RoundRobin { turns: AtomicU32::new(i32::MAX as u32) };
        let table = Table::all(NonZeroU32::new(10).unwrap());
        assert_eq!([robin.next(&table), robin.next(&table)], [7, 0]);
        robin.turns.store(u32::MAX, Relaxed);
        assert_eq!([robin.next(&table), robin.next(&table)], [7, 0]);
    }
}
