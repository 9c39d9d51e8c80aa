//! Counters of a producer.

use std::time::Duration;

use crate::histogram::Stages;

/// What a producer has done so far, as one snapshot: see [`Producer::stats`](crate::Producer::stats). Counters only grow; the fields
/// named `…_now` are present levels.
///
/// Records are counted a batch at a time: a record shows up when its batch is sealed, that is full, lingered or flushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records in the batches that were sealed.
    pub records: u64,
    /// Batches that were sealed.
    pub batches: u64,
    /// Bytes of those batches before compression, their headers (61 bytes each) included.
    pub uncompressed_bytes: u64,
    /// Bytes of those batches as they are sent.
    pub batch_bytes: u64,
    /// Bytes of the largest of them, as it is sent.
    pub batch_bytes_max: u64,
    /// Records that the brokers acknowledged (with `acks=0`: that were written to a socket).
    pub records_acknowledged: u64,
    /// Records whose delivery failed.
    pub records_failed: u64,
    /// Batches whose records are all acknowledged or failed.
    pub batches_completed: u64,
    /// Batches that were sent again.
    pub retries: u64,
    /// Records in them, as often as they were sent again.
    pub records_retried: u64,
    /// Batches that were split because the broker found them too large.
    pub splits: u64,
    /// Produce requests sent.
    pub requests: u64,
    /// The longest that a batch waited from its first record until it was first sent: the stages `linger` and `queue` together.
    pub record_queue_max: Duration,
    /// The longest that a Produce request waited for its answer: the stages `wire` and `broker` together.
    pub request_latency_max: Duration,
    /// Sends that `max.block.ms` ended while they waited for room in `buffer.memory`.
    pub sends_out_of_memory: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// Connections opened, failed attempts included.
    pub connections_opened: u64,
    /// Connections that were lost or could not be opened.
    pub connections_failed: u64,
    /// Records in sealed batches that are neither acknowledged nor failed.
    pub records_in_flight_now: u64,
    /// Sealed batches that are neither acknowledged nor failed.
    pub batches_in_flight_now: u64,
    /// Produce requests that wait for their answer.
    pub requests_in_flight_now: u64,
    /// Bytes of `buffer.memory` in use.
    pub buffered_bytes_now: u64,
    /// `buffer.memory`.
    pub buffer_memory: u64,
    /// Sends that wait, for room in `buffer.memory` or for knowledge of their topic.
    pub senders_waiting_now: u64,
    /// Those of them that wait although there is room: enough is on its way to brokers that take records as fast as they are sent, and a longer queue would be no
    /// faster. They go on when less is on its way; where the brokers are slow, they may fill the memory.
    pub senders_held_now: u64,
    /// How long the stages of a record's way took.
    pub stages: Box<Stages>,
}

impl Stats {
    /// Bytes sent by bytes before compression, over all batches: 1.0 without a codec, smaller with a good one. `None` before the first batch.
    pub fn compression_ratio(&self) -> Option<f64> {
        (self.uncompressed_bytes > 0)
            .then(|| self.batch_bytes as f64 / self.uncompressed_bytes as f64)
    }

    /// Counters and times by the names of Java's metrics (`record-send-total`, `request-latency-avg` in milliseconds, …), for dashboards that know those.
    /// Averages and maxima of what has not happened are left out. Java's rates are the differences of two snapshots' totals, divided by the time between them.
    ///
    /// ```
    /// # fn show(producer: &rohrpost::Producer) {
    /// for (name, value) in producer.stats().java_metrics() {
    ///     println!("{name}={value}");
    /// }
    /// # }
    /// ```
    pub fn java_metrics(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let Stages { memory_wait, metadata_wait, linger, queue, wire, broker, throttle, .. } =
            *self.stages;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let nanos = |time: Duration| time.as_secs_f64() * 1e9;
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let both = |one: Option<Duration>, other: Option<Duration>| Some(millis(one? + other?));
        let total = |count: u64| Some(count as f64);
        let of_any = |count: u64, value: f64| (count > 0).then_some(value);
        [
            ("record-send-total", total(self.records)),
            ("record-retry-total", total(self.records_retried)),
            ("record-error-total", total(self.records_failed)),
            ("batch-split-total", total(self.splits)),
            ("byte-total", total(self.batch_bytes)),
            ("batch-size-avg", ratio(self.batch_bytes, self.batches)),
            ("batch-size-max", of_any(self.batches, self.batch_bytes_max as f64)),
            ("compression-rate-avg", self.compression_ratio()),
            ("record-size-avg", ratio(self.uncompressed_bytes, self.records)),
            ("request-total", total(self.requests)),
            ("records-per-request-avg", ratio(self.records + self.records_retried, self.requests)),
            ("outgoing-byte-total", total(self.bytes_sent)),
            ("incoming-byte-total", total(self.bytes_received)),
            ("connection-creation-total", total(self.connections_opened)),
            ("requests-in-flight", total(self.requests_in_flight_now)),
            ("buffer-total-bytes", total(self.buffer_memory)),
            (
                "buffer-available-bytes",
                total(self.buffer_memory.saturating_sub(self.buffered_bytes_now)),
            ),
            ("waiting-threads", total(self.senders_waiting_now)),
            ("buffer-exhausted-total", total(self.sends_out_of_memory)),
            ("bufferpool-wait-time-ns-total", Some(nanos(memory_wait.sum()))),
            ("metadata-wait-time-ns-total", Some(nanos(metadata_wait.sum()))),
            ("record-queue-time-avg", both(linger.mean(), queue.mean())),
            ("record-queue-time-max", of_any(queue.count(), millis(self.record_queue_max))),
            ("request-latency-avg", both(wire.mean(), broker.mean())),
            ("request-latency-max", of_any(broker.count(), millis(self.request_latency_max))),
            ("produce-throttle-time-avg", throttle.mean().map(millis)),
            ("produce-throttle-time-max", throttle.mean().map(|_| millis(throttle.max()))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Mean records of a batch. `None` before the first batch.
    pub fn records_per_batch(&self) -> Option<f64> {
        (self.batches > 0).then(|| self.records as f64 / self.batches as f64)
    }
}

/// A partition of a topic, as the brokers describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionInfo {
    /// The partition: 0, 1, …
    pub partition: i32,
    /// The broker that leads it; `None` while an election is under way.
    pub leader: Option<i32>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rohrpost_engine::StageTimes;

    use super::*;
    use crate::histogram::Histogram;

    fn times(millis: &[u64]) -> Histogram {
        let times = StageTimes::default();
        for time in millis {
            times.count(Duration::from_millis(*time));
        }
        Histogram::new(times.read())
    }

    #[test]
    fn each_of_javas_names_has_its_number() {
        let stages = Stages {
            metadata_wait: times(&[5]),
            memory_wait: times(&[1, 2]),
            linger: times(&[4, 6]),
            queue: times(&[1, 2]),
            wire: times(&[1]),
            broker: times(&[20, 40]),
            throttle: times(&[100, 300]),
            delivery: times(&[1_000]),
        };
        let stats = Stats {
            records: 40,
            batches: 8,
            uncompressed_bytes: 2_000,
            batch_bytes: 500,
            batch_bytes_max: 77,
            records_acknowledged: 33,
            records_failed: 3,
            batches_completed: 7,
            retries: 11,
            records_retried: 15,
            splits: 2,
            requests: 12,
            record_queue_max: Duration::from_millis(7),
            request_latency_max: Duration::from_millis(41),
            sends_out_of_memory: 16,
            bytes_sent: 900,
            bytes_received: 80,
            connections_opened: 6,
            connections_failed: 1,
            records_in_flight_now: 4,
            batches_in_flight_now: 13,
            requests_in_flight_now: 5,
            buffered_bytes_now: 96,
            buffer_memory: 4_096,
            senders_waiting_now: 9,
            senders_held_now: 14,
            stages: Box::new(stages),
        };
        let expected = [
            ("record-send-total", 40.0),
            ("record-retry-total", 15.0),
            ("record-error-total", 3.0),
            ("batch-split-total", 2.0),
            ("byte-total", 500.0),
            ("batch-size-avg", 62.5),
            ("batch-size-max", 77.0),
            ("compression-rate-avg", 0.25),
            ("record-size-avg", 50.0),
            ("request-total", 12.0),
            ("records-per-request-avg", 55.0 / 12.0),
            ("outgoing-byte-total", 900.0),
            ("incoming-byte-total", 80.0),
            ("connection-creation-total", 6.0),
            ("requests-in-flight", 5.0),
            ("buffer-total-bytes", 4_096.0),
            ("buffer-available-bytes", 4_000.0),
            ("waiting-threads", 9.0),
            ("buffer-exhausted-total", 16.0),
            ("bufferpool-wait-time-ns-total", 3e6),
            ("metadata-wait-time-ns-total", 5e6),
            ("record-queue-time-avg", 6.5),
            ("record-queue-time-max", 7.0),
            ("request-latency-avg", 31.0),
            ("request-latency-max", 41.0),
            ("produce-throttle-time-avg", 200.0),
            ("produce-throttle-time-max", 300.0),
        ];
        let told: Vec<_> = stats.java_metrics().collect();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((name, value), expected) in told.into_iter().zip(expected) {
            assert_eq!(name, expected.0);
            assert!((value / expected.1 - 1.0).abs() < 1e-9, "{name}: {value}");
        }
    }

    #[test]
    fn averages_of_what_has_not_happened_are_left_out() {
        let told: Vec<_> = Stats::default().java_metrics().collect();
        assert!(told.iter().all(|(_, value)| *value == 0.0), "{told:?}");
        let left_out = |name: &&str| !told.iter().any(|(told, _)| told == name);
        let averages = [
            "batch-size-avg",
            "batch-size-max",
            "records-per-request-avg",
            "record-queue-time-max",
            "request-latency-max",
            "compression-rate-avg",
            "record-size-avg",
            "record-queue-time-avg",
            "request-latency-avg",
            "produce-throttle-time-avg",
            "produce-throttle-time-max",
        ];
        assert!(averages.iter().all(left_out) && told.len() == 16, "{told:?}");
    }
}
