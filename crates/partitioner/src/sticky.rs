//! [`UniformSticky`]: records without a key, batch after batch.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Table;

/// Chooses partitions for the records of one topic that no key assigns (KIP-480, KIP-794): one partition until it has had
/// `batch.size` bytes, then another, so that batches fill, and every partition gets as many bytes as the next.
///
/// Lock-free: [`current`](Self::current) is a load, [`appended`](Self::appended) one compare-and-swap. Threads that race
/// can put a record to the partition that was current a moment ago; nothing depends on it.
///
/// Threads that would contend for one partition may have one each: there are [`STRIPES`](Self::STRIPES) places, of which each has its own current partition
/// ([`current_of`](Self::current_of)) and takes its turns from the same sequence, so that the partitions get as many bytes as with one.
///
/// ```
/// use core::num::NonZeroU32;
/// use rohrpost_partitioner::{Table, UniformSticky};
///
/// let table = Table::all(NonZeroU32::new(12).unwrap());
/// let sticky = UniformSticky::new(16_384, 42);
/// let partition = sticky.current(&table);
/// sticky.appended(partition, 100, false, &table);
/// assert_eq!(sticky.current(&table), partition);
/// sticky.appended(partition, 16_284, true, &table);
/// assert_ne!(sticky.current(&table), partition);
/// ```
#[derive(Debug)]
pub struct UniformSticky {
    /// Of each stripe: the partition in the upper half, the bytes that it has had in the lower.
    states: [AtomicU64; Self::STRIPES],
    /// How often a partition was chosen.
    turns: AtomicU64,
    seed: u64,
    batch_size: u32,
}

/// No partition chosen yet. No topic has that many.
const NONE: u64 = u64::MAX;

impl UniformSticky {
    /// How many partitions can be current at the same time.
    pub const STRIPES: usize = 16;

    /// Switches after `batch_size` bytes (`batch.size`; 0 counts as 1). The seed decides the order of the partitions; producers should have
    /// different ones.
    #[must_use]
    pub const fn new(batch_size: u32, seed: u64) -> Self {
        let batch_size = if batch_size == 0 { 1 } else { batch_size };
        let states = [const { AtomicU64::new(NONE) }; Self::STRIPES];
        Self { states, turns: AtomicU64::new(0), seed, batch_size }
    }

    /// The partition for the next record.
    #[inline]
    #[must_use]
    pub fn current(&self, table: &Table) -> u32 {
        self.current_of(0, table)
    }

    /// The partition for the next record of a stripe, by its number modulo [`STRIPES`](Self::STRIPES).
    #[inline]
    #[must_use]
    pub fn current_of(&self, stripe: usize, table: &Table) -> u32 {
        let stripe = &self.states[stripe % Self::STRIPES];
        let state = stripe.load(Relaxed);
        let partition = partition_of(state);
        if partition < table.count().get() {
            return partition;
        }
        self.switch(stripe, state, table)
    }

    /// A record of this many bytes, as encoded, was appended to a partition that [`current`](Self::current) gave. Returns the stripe whose turn
    /// it is.
    ///
    /// `batch_boundary` says that the partition's batch is now complete, or that the record began a new one: only there the partition changes
    /// once it has had its bytes, so that no half-filled batch stays behind, unless it has had twice as many.
    #[inline]
    pub fn appended(
        &self,
        partition: u32,
        bytes: usize,
        batch_boundary: bool,
        table: &Table,
    ) -> Option<usize> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        for (stripe, place) in self.states.iter().enumerate() {
            let mut state = place.load(Relaxed);
            while partition_of(state) == partition {
                let total = (state as u32).saturating_add(bytes);
                let is_enough = total >= self.batch_size && batch_boundary
                    || total >= self.batch_size.saturating_mul(2);
                if is_enough {
                    self.switch(place, state, table);
                    return Some(stripe);
                }
                let next = word(partition, total);
                match place.compare_exchange_weak(state, next, Relaxed, Relaxed) {
                    Ok(_) => return Some(stripe),
                    Err(changed) => state = changed,
                }
            }
        }
        None
    }

    /// The table changed: leaves each current partition that is not available any more.
    pub fn refresh(&self, table: &Table) {
        for place in &self.states {
            let state = place.load(Relaxed);
            if state != NONE && !table.is_available(partition_of(state)) {
                self.switch(place, state, table);
            }
        }
    }

    /// Chooses another partition, unless another thread did since `state` was read.
    #[cold]
    fn switch(&self, place: &AtomicU64, state: u64, table: &Table) -> u32 {
        let partition = table.turn(self.turns.load(Relaxed), self.seed);
        match place.compare_exchange(state, word(partition, 0), Relaxed, Relaxed) {
            Ok(_) => {
                // Only a turn that was taken counts: whoever lost the race would let a partition go without.
                self.turns.fetch_add(1, Relaxed);
                partition
            }
            // Another thread's choice, if it is one of this table's.
            Err(changed) => Some(partition_of(changed))
                .filter(|&chosen| chosen < table.count().get())
                .unwrap_or(partition),
        }
    }
}

const fn partition_of(state: u64) -> u32 {
    (state >> 32) as u32
}

const fn word(partition: u32, bytes: u32) -> u64 {
    (partition as u64) << 32 | bytes as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Load;
    use crate::random::{below, mix};
    use alloc::vec;
    use alloc::vec::Vec;
    use core::num::NonZeroU32;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    const BATCH: u32 = 16_384;

    fn table(count: u32) -> Table {
        Table::all(NonZeroU32::new(count).unwrap())
    }

    /// A million records, 0 to `largest` bytes; the bytes of each partition, and how often the partition changed.
    fn simulate(
        sticky: &UniformSticky,
        table: &Table,
        largest: u64,
        boundaries: bool,
    ) -> (Vec<u64>, u32) {
        let mut bytes = vec![0; table.count().get() as usize];
        let mut open = bytes.clone();
        let (mut switches, mut last) = (0, u32::MAX);
        for record in 0..1_000_000 {
            let size = below(mix(record), largest);
            let partition = sticky.current(table);
            switches += u32::from(partition != last);
            last = partition;
            bytes[partition as usize] += size;
            let open = &mut open[partition as usize];
            *open += size;
            let is_full = *open >= u64::from(BATCH);
            if is_full {
                *open = 0;
            }
            sticky.appended(partition, size as usize, is_full || !boundaries, table);
        }
        (bytes, switches)
    }

    #[test]
    fn every_partition_gets_the_same_bytes_within_a_batch() {
        for count in [1, 2, 12, 31] {
            let (bytes, switches) =
                simulate(&UniformSticky::new(BATCH, 7), &table(count), 200, true);
            let (least, most) = (bytes.iter().min().unwrap(), bytes.iter().max().unwrap());
            assert!(most - least <= u64::from(BATCH) + 8_192, "{count}: {bytes:?}");
            let total: u64 = bytes.iter().sum();
            assert!(u64::from(switches) <= total / u64::from(BATCH) + 1, "batches are full");
        }
    }

    #[test]
    fn records_of_any_size_spread_evenly() {
        let (bytes, _) = simulate(&UniformSticky::new(BATCH, 8), &table(12), 20_000, true);
        let mean = bytes.iter().sum::<u64>() / 12;
        assert!(bytes.iter().all(|bytes| bytes.abs_diff(mean) < mean / 100), "{bytes:?}");
    }

    #[test]
    fn a_partition_with_a_long_queue_gets_fewer_bytes() {
        let loads =
            [0, 9, 0, 0].into_iter().zip(0..).map(|(queue, partition)| Load { partition, queue });
        let table = table(4).weighted(&loads.collect::<Vec<_>>());
        let (bytes, _) = simulate(&UniformSticky::new(BATCH, 9), &table, 2_000, true);
        let total: u64 = bytes.iter().sum();
        // It weighs 1 of 31.
        assert!(bytes[1] < total / 20 && bytes[1] > total / 50, "{bytes:?}");
        assert!(bytes[0] > total / 4, "{bytes:?}");
    }

    #[test]
    fn the_partition_changes_at_a_batch_boundary_or_at_twice_the_bytes() {
        let (table, sticky) = (table(5), UniformSticky::new(1_000, 1));
        let first = sticky.current(&table);
        sticky.appended(first, 999, true, &table);
        sticky.appended(first, 1_000, false, &table);
        assert_eq!(sticky.current(&table), first, "1999 bytes, no boundary");
        sticky.appended(first, 1, false, &table);
        let second = sticky.current(&table);
        assert_ne!(second, first);
        sticky.appended(second, 1_000, false, &table);
        sticky.appended(first, 5_000, true, &table);
        assert_eq!(
            sticky.current(&table),
            second,
            "a late record of the former partition counts for nothing"
        );
        sticky.appended(second, 0, true, &table);
        assert_ne!(sticky.current(&table), second);
    }

    #[test]
    fn a_partition_that_lost_its_leader_or_its_existence_is_left() {
        let sticky = UniformSticky::new(1_000, 1);
        let first = sticky.current(&table(5));
        let without = Table::new(NonZeroU32::new(5).unwrap(), (0..5).filter(|&p| p != first));
        sticky.refresh(&without);
        assert_ne!(sticky.current(&without), first);
        let one = Table::all(NonZeroU32::MIN);
        for seed in 0..20 {
            let sticky = UniformSticky::new(1_000, seed);
            let _ = sticky.current(&table(5));
            assert_eq!(sticky.current(&one), 0);
        }
        UniformSticky::new(1, 1).refresh(&one);
    }

    #[test]
    fn partitions_that_come_to_be_get_as_many_bytes_as_the_others() {
        let sticky = UniformSticky::new(BATCH, 11);
        for count in [1, 3, 4, 12] {
            let (bytes, _) = simulate(&sticky, &table(count), 200, true);
            let (least, most) = (bytes.iter().min().unwrap(), bytes.iter().max().unwrap());
            assert!(most - least <= 2 * u64::from(BATCH) + 8_192, "{count}: {bytes:?}");
        }
    }

    #[test]
    fn a_partition_is_left_for_one_that_came_nearer() {
        let sticky = UniformSticky::new(1_000, 1);
        let far = sticky.current(&table(5));
        let near = (far + 1) % 5;
        let table = table(5).near([near]);
        sticky.refresh(&table);
        assert_eq!(sticky.current(&table), near);
        sticky.appended(near, 1_000, true, &table);
        assert_eq!(sticky.current(&table), near);
    }

    #[test]
    fn stripes_have_partitions_of_their_own_and_share_the_turns() {
        let (table, sticky) = (table(12), UniformSticky::new(BATCH, 5));
        let mut bytes = [0_u64; 12];
        for record in 0..1_200_000_u64 {
            let stripe = (mix(record) % 3) as usize;
            let partition = sticky.current_of(stripe, &table);
            bytes[partition as usize] += 100;
            let turned = sticky.appended(partition, 100, true, &table);
            assert!(turned.is_some_and(|of| of <= stripe), "its own, or one that has the same");
        }
        let mean = bytes.iter().sum::<u64>() / 12;
        let most_apart = bytes.iter().map(|bytes| bytes.abs_diff(mean)).max().unwrap();
        assert!(most_apart <= 4 * u64::from(BATCH), "{bytes:?}");
        let distinct = |table: &Table| {
            let mut current = [0, 1, 2].map(|stripe| sticky.current_of(stripe, table));
            current.sort_unstable();
            current
        };
        let without = Table::new(NonZeroU32::new(12).unwrap(), [3, 5]);
        sticky.refresh(&without);
        assert!(distinct(&without).iter().all(|partition| [3, 5].contains(partition)));
    }

    #[test]
    fn threads_that_race_still_fill_every_partition_evenly() {
        let (table, sticky) = (table(8), UniformSticky::new(BATCH, 3));
        let bytes: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100_000 {
                        let partition = sticky.current(&table);
                        bytes[partition as usize].fetch_add(100, Relaxed);
                        sticky.appended(partition, 100, true, &table);
                    }
                });
            }
        });
        let bytes: Vec<usize> = bytes.into_iter().map(AtomicUsize::into_inner).collect();
        assert_eq!(bytes.iter().sum::<usize>(), 40_000_000);
        // A thread that is put to sleep between the two calls adds a record to a partition that is not current any more.
        assert!(bytes.iter().all(|bytes| bytes.abs_diff(5_000_000) < 250_000), "{bytes:?}");
    }
}
