//! [`Random`], and chance that a seed decides.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{Choice, Partitioner, Query, Table};

/// Any partition for each record, whatever the key, as librdkafka's `random`: one of all with the same chance, and where it has no leader, another
/// draw.
#[derive(Debug)]
pub struct Random {
    draws: AtomicU64,
    seed: u64,
}

impl Random {
    /// The seed decides all draws; producers should have different ones.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { draws: AtomicU64::new(0), seed }
    }

    /// The partition for the next record.
    #[inline]
    pub fn next(&self, table: &Table) -> u32 {
        let drawn = self.draw(table);
        // One draw more, not as many as it takes: as in librdkafka, what has no leader gets little, but more than nothing.
        if table.has_leader(drawn) { drawn } else { self.draw(table) }
    }

    fn draw(&self, table: &Table) -> u32 {
        let random = mix(self.seed ^ mix(self.draws.fetch_add(1, Relaxed)));
        below(random, u64::from(table.count().get())) as u32
    }
}

impl Partitioner for Random {
    fn choose(&self, query: &Query<'_>) -> Choice {
        Choice::Partition(self.next(query.table))
    }
}

/// SplitMix64's mixing: spreads any number over all bits.
pub(crate) const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A random number below `bound`, from one of all 64 bits.
pub(crate) const fn below(random: u64, bound: u64) -> u64 {
    ((random as u128 * bound as u128) >> 64) as u64
}
