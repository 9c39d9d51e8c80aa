//! How long something took, many times: [`Histogram`].

use std::fmt;
use std::time::Duration;

use rohrpost_engine::{StageCounts, bucket_end};

/// How long something took, many times: counts in a fixed number of buckets, exact below 4 µs and 25 % wide above; everything from 3.8 hours on is in the last
/// one. Count, sum and longest are exact (to the microsecond).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    inner: StageCounts,
}

impl Histogram {
    pub(crate) fn new(inner: StageCounts) -> Self {
        Self { inner }
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.inner.counts.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.inner.sum)
    }

    /// The longest; zero where there is none.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.inner.max)
    }

    /// Their mean; `None` where there is none.
    pub fn mean(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.inner.sum.checked_div(self.count())?))
    }

    /// The time that this share of them (0.5: the median, 0.99) did not exceed, at most 25 % too long; `None` where there is none.
    ///
    /// ```
    /// # fn show(stats: &rohrpost::Stats) {
    /// if let Some(time) = stats.stages.broker.quantile(0.99) {
    ///     println!("99 % of the requests were answered within {time:?}");
    /// }
    /// # }
    /// ```
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let bucket = self.inner.counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        let last = bucket_end(bucket).map_or(self.inner.max, |end| end - 1);
        Some(Duration::from_micros(last.min(self.inner.max)))
    }

    /// The buckets that hold any, from the shortest on: the end that their times are shorter than (`None`: there is none), and how many there are. Added up from
    /// the first on, they are what Prometheus calls a histogram.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let end = |bucket| bucket_end(bucket).map(Duration::from_micros);
        let counts = self.inner.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(move |(bucket, count)| (end(bucket), *count))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Histogram");
        all.field("count", &self.count()).field("mean", &self.mean().unwrap_or_default());
        all.field("p50", &self.quantile(0.5).unwrap_or_default());
        all.field("p99", &self.quantile(0.99).unwrap_or_default());
        all.field("max", &self.max()).finish()
    }
}

/// How long records take, stage by stage. Each time is that of a batch, a request, or a send that had to wait; a record that waits for nothing is not timed.
///
/// The names in parentheses are those of Java's metrics, of which these are the average and the maximum, and the shares between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stages {
    /// Sends that waited for knowledge of their topic, from when they began to wait (`metadata-wait-time`).
    pub metadata_wait: Histogram,
    /// Sends that waited for room in `buffer.memory`, from when they began to wait for anything (`bufferpool-wait-time`).
    pub memory_wait: Histogram,
    /// Batches, from their first record until they were closed, because they were full or had lingered, and compressed.
    pub linger: Histogram,
    /// Batches, from there until they were first sent: for a leader, a connection, a place in a request. With `linger` it is what Java calls
    /// `record-queue-time`.
    pub queue: Histogram,
    /// Produce requests, from handing them to their connection until the last byte was written to the socket.
    pub wire: Histogram,
    /// Produce requests, from there until the answer: the network, and the broker with its replicas. With `wire` it is what Java calls `request-latency`.
    pub broker: Histogram,
    /// The pauses that brokers asked for because of a quota (`produce-throttle-time`).
    pub throttle: Histogram,
    /// Batches that were acknowledged, from their first record on: what the program sees.
    pub delivery: Histogram,
}

impl Stages {
    pub(crate) fn new(of: &rohrpost_engine::Stages) -> Self {
        Self {
            metadata_wait: Histogram::new(of.metadata_wait.read()),
            memory_wait: Histogram::new(of.memory_wait.read()),
            linger: Histogram::new(of.linger.read()),
            queue: Histogram::new(of.queue.read()),
            wire: Histogram::new(of.wire.read()),
            broker: Histogram::new(of.broker.read()),
            throttle: Histogram::new(of.throttle.read()),
            delivery: Histogram::new(of.delivery.read()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_engine::StageTimes;

    use super::*;

    #[test]
    fn a_share_of_the_times_is_told_to_a_quarter() {
        let times = StageTimes::default();
        assert_eq!(Histogram::new(times.read()).quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
        for millis in 1..=1_000 {
            times.count(Duration::from_millis(millis));
        }
        let histogram = Histogram::new(times.read());
        assert_eq!((histogram.count(), histogram.max()), (1_000, Duration::from_secs(1)));
        assert_eq!(histogram.mean(), Some(Duration::from_micros(500_500)));
        for (share, exact) in [(0.0, 1), (0.25, 250), (0.5, 500), (0.99, 990), (1.0, 1_000)] {
            let told = histogram.quantile(share).unwrap().as_micros();
            assert!(told >= exact * 1_000 && told <= exact * 1_250, "{share}: {told}");
        }
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 1_000);
        let ends: Vec<_> = histogram.buckets().map(|(end, _)| end.unwrap()).collect();
        assert!(ends.is_sorted());
        assert_eq!(histogram.quantile(1.0), Some(Duration::from_secs(1)));
    }
}
