//! How long records take, stage by stage.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// Buckets within a power of two, as bits: four, so that a bucket is at most a quarter as wide as its values are large.
const FINE_BITS: u32 = 2;
const FINE: u64 = 1 << FINE_BITS;

/// Powers of two microseconds that are told apart: up to 4.7 hours, and everything beyond in the last bucket.
const POWERS: u32 = 34;

/// How many buckets there are.
pub const BUCKETS: usize = ((POWERS - FINE_BITS + 1) as usize) << FINE_BITS;

/// The times that a stage took: a count for each of a fixed number of buckets, exact below 4 µs and 25 % wide above.
///
/// Behind atomics, so that whoever wants to know reads it while others count. Counting is three additions, and nothing is ever allocated.
#[derive(Debug)]
pub struct StageTimes {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

/// What [`StageTimes`] has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageCounts {
    /// By bucket: see [`bucket_end`].
    pub counts: [u64; BUCKETS],
    /// All times together, in microseconds.
    pub sum: u64,
    /// The longest time, in microseconds.
    pub max: u64,
}

impl Default for StageCounts {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum: 0, max: 0 }
    }
}

/// The stages of a producer's records. Each is counted once a batch, a request, or a wait; never for a record that waits for nothing.
#[derive(Debug, Default)]
pub struct Stages {
    /// A send waited for metadata.
    pub metadata_wait: StageTimes,
    /// A send waited for room in `buffer.memory`.
    pub memory_wait: StageTimes,
    /// From a batch's first record until it was closed, and compressed where it is.
    pub linger: StageTimes,
    /// From there until it was first sent.
    pub queue: StageTimes,
    /// From handing a Produce request to its connection until its last byte was written.
    pub wire: StageTimes,
    /// From there until its answer.
    pub broker: StageTimes,
    /// Pauses that brokers asked for in answers to Produce requests (KIP-219).
    pub throttle: StageTimes,
    /// From a batch's first record until it was acknowledged.
    pub delivery: StageTimes,
}

impl Default for StageTimes {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }
}

impl StageTimes {
    /// Counts one time.
    pub fn count(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
    }

    /// What was counted. What others count meanwhile may be in one part of it and not in another.
    pub fn read(&self) -> StageCounts {
        let mut read = StageCounts::default();
        for (count, ours) in read.counts.iter_mut().zip(&self.counts) {
            *count = ours.load(Ordering::Relaxed);
        }
        read.sum = self.sum.load(Ordering::Relaxed);
        read.max = self.max.load(Ordering::Relaxed);
        read
    }
}

/// The bucket of a time in microseconds.
fn bucket(micros: u64) -> usize {
    if micros < FINE {
        return micros as usize;
    }
    let power = micros.ilog2();
    let fine = (micros >> (power - FINE_BITS)) - FINE;
    let place = ((power - FINE_BITS + 1) << FINE_BITS) as usize + fine as usize;
    place.min(BUCKETS - 1)
}

/// The times of a bucket are shorter than this, in microseconds; the last bucket has no end.
pub const fn bucket_end(bucket: usize) -> Option<u64> {
    if bucket + 1 >= BUCKETS {
        return None;
    }
    let next = (bucket + 1) as u64;
    if next < 2 * FINE {
        return Some(next);
    }
    let shift = (next >> FINE_BITS) - 1;
    Some((FINE + next % FINE) << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_whose_bounds_hold_it() {
        let times = (0..5_000).chain((0..63).flat_map(|power| {
            let power = 1_u64 << power;
            [power - 1, power, power + 1, power + power / 3]
        }));
        for time in times.chain([u64::MAX]) {
            let bucket = bucket(time);
            let begin = bucket.checked_sub(1).map_or(0, |before| bucket_end(before).unwrap());
            assert!(begin <= time, "{time} in {bucket} from {begin}");
            match bucket_end(bucket) {
                Some(end) => {
                    assert!(time < end, "{time} in {bucket} to {end}");
                    assert!(end - begin <= 1.max(begin / 4), "{bucket}: {begin} to {end}");
                }
                None => assert!(time >= 7 << 31, "{time} in the last bucket"),
            }
        }
    }

    #[test]
    fn what_is_counted_is_read() {
        let times = StageTimes::default();
        for micros in [0, 3, 1_000, 1_000] {
            times.count(Duration::from_micros(micros));
        }
        times.count(Duration::MAX);
        let read = times.read();
        assert_eq!(read.counts.iter().sum::<u64>(), 5);
        assert_eq!((read.counts[0], read.counts[3], read.counts[BUCKETS - 1]), (1, 1, 1));
        assert_eq!((read.counts[bucket(1_000)], read.max), (2, u64::MAX));
    }
}
