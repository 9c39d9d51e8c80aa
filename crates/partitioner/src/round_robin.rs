//! [`RoundRobin`].

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::{Choice, Partitioner, Query, Table};

/// Record by record through the available partitions, whatever the key. One for each topic: topics that take turns would make each
/// other skip partitions.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicU32,
}

impl RoundRobin {
    /// Begins with the first available partition.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: AtomicU32::new(0) }
    }

    /// The partition for the next record; of all partitions where none has a leader.
    #[inline]
    pub fn next(&self, table: &Table) -> u32 {
        let available = table.available();
        let len = if available.is_empty() { table.count().get() } else { available.len() as u32 };
        // A plain remainder of a counter that wraps would skip where it wraps.
        let place = self
            .next
            .fetch_update(Relaxed, Relaxed, |next| Some(if next + 1 >= len { 0 } else { next + 1 }))
            .map_or(0, |next| if next < len { next } else { 0 });
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
        assert_eq!(turns(&robin, &Table::new(count, []), 3), [2, 3, 0]);
        assert_eq!(turns(&robin, &Table::new(count, [2]), 2), [2, 2]);
    }
}
