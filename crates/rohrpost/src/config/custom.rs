//! Partitioners that the driver asks for each record: a program's own, and librdkafka's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rohrpost_partitioner::{Choice, Partitioner, Query};

/// Equal to itself and its clones alone.
#[derive(Clone)]
pub(crate) struct Custom(pub(crate) Arc<dyn Partitioner>);

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

/// librdkafka's `random`: any partition, for each record.
pub(crate) struct Random(AtomicU64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Partitioner for Random {
    fn choose(&self, query: &Query<'_>) -> Choice {
        // SplitMix64: a counter, well mixed, that all threads share.
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        // The upper half, scaled: no partition is likelier than another by more than 1 in 2^32.
        let count = u64::from(query.table.count().get());
        Choice::Partition((((mixed >> 32) * count) >> 32) as u32)
    }
}
