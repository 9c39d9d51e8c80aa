//! What a run comes to: counted while it lasts, told at its end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use rohrpost::{RecordMetadata, Stats};
use serde::Serialize;

use crate::failures::{Failure, Failures};
use crate::numbers::{Bytes, Counted, Grouped, Took};

/// The text names so many partitions; JSON names all.
const MOST_PARTITIONS: usize = 32;

/// Latencies above an hour count as an hour.
const MOST_MICROS: u64 = 3_600_000_000;

/// What was acknowledged.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u64,
    /// Of keys and values.
    pub(crate) bytes: u64,
    partitions: BTreeMap<i32, PartitionTally>,
    latency: Histogram<u64>,
    /// Records whose latency, in microseconds, is not in the histogram yet: neighbours mostly share it.
    run: (u64, u64),
}

#[derive(Clone, Copy, Debug, Default)]
struct PartitionTally {
    records: u64,
    offsets: Option<(i64, i64)>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latency = Histogram::new_with_max(MOST_MICROS, 3).expect("three digits up to an hour");
        let partitions = BTreeMap::new();
        Self { acknowledged: 0, bytes: 0, partitions, latency, run: (0, 0) }
    }

    #[inline]
    pub(crate) fn add(&mut self, partition: i32, metadata: &RecordMetadata, latency_nanos: u64) {
        self.acknowledged += 1;
        let sizes = [metadata.key_size(), metadata.value_size()];
        self.bytes += sizes.into_iter().flatten().sum::<usize>() as u64;
        let tally = self.partitions.entry(partition).or_default();
        tally.records += 1;
        if let Some(offset) = metadata.offset() {
            let (first, last) = tally.offsets.get_or_insert((offset, offset));
            *first = offset.min(*first);
            *last = offset.max(*last);
        }
        let micros = (latency_nanos / 1000).min(MOST_MICROS);
        if self.run.0 == micros {
            self.run.1 += 1;
        } else {
            self.end_run();
            self.run = (micros, 1);
        }
    }

    fn end_run(&mut self) {
        let (micros, count) = std::mem::take(&mut self.run);
        if count > 0 {
            self.latency.saturating_record_n(micros, count);
        }
    }
}

/// How a run ended, beside its records.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// The whole input was read.
    pub(crate) complete: bool,
    pub(crate) interrupted: bool,
    /// Why it did not go on.
    pub(crate) error: Option<String>,
    /// From the first line to the last answer.
    pub(crate) took: Duration,
    /// What the embedded cluster's log says.
    pub(crate) read_back: Option<ReadBack>,
}

/// Comparison with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReadBack {
    /// Records in the log.
    pub(crate) records: u64,
    /// Whether they are exactly those that were acknowledged, in the order of sending.
    pub(crate) identical: bool,
}

/// The whole, in the shape of the JSON object.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    topic: String,
    records: u64,
    acknowledged: u64,
    failed: u64,
    maybe_written: u64,
    bytes: u64,
    batches: u64,
    records_per_batch: Option<f64>,
    compression_ratio: Option<f64>,
    retries: u64,
    seconds: f64,
    records_per_second: f64,
    latency_ms: Option<Latency>,
    partitions: Vec<Partition>,
    failures: Vec<Failure>,
    failures_not_listed: u64,
    failed_by_kind: BTreeMap<&'static str, u64>,
    complete: bool,
    interrupted: bool,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_back: Option<ReadBack>,
    #[serde(skip)]
    took: Duration,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    records: u64,
    first_offset: Option<i64>,
    last_offset: Option<i64>,
}

impl Summary {
    pub(crate) fn new(
        topic: &str,
        mut tally: Tally,
        failures: &Failures,
        stats: &Stats,
        end: End,
    ) -> Self {
        tally.end_run();
        let seconds = end.took.as_secs_f64();
        let partition = |(partition, tally): (&i32, &PartitionTally)| Partition {
            topic: topic.to_owned(),
            partition: *partition,
            records: tally.records,
            first_offset: tally.offsets.map(|(first, _)| first),
            last_offset: tally.offsets.map(|(_, last)| last),
        };
        let milliseconds = |micros: u64| micros as f64 / 1e3;
        let histogram = &tally.latency;
        let latency = (!histogram.is_empty()).then(|| Latency {
            p50: milliseconds(histogram.value_at_quantile(0.5)),
            p99: milliseconds(histogram.value_at_quantile(0.99)),
            max: milliseconds(histogram.max()),
        });
        Self {
            topic: topic.to_owned(),
            records: tally.acknowledged + failures.count(),
            acknowledged: tally.acknowledged,
            failed: failures.count(),
            maybe_written: failures.maybe_written(),
            bytes: tally.bytes,
            batches: stats.batches,
            records_per_batch: stats.records_per_batch(),
            compression_ratio: stats.compression_ratio(),
            retries: stats.retries,
            seconds,
            records_per_second: if seconds > 0.0 {
                tally.acknowledged as f64 / seconds
            } else {
                0.0
            },
            latency_ms: latency,
            partitions: tally.partitions.iter().map(partition).collect(),
            failures: failures.listed().to_vec(),
            failures_not_listed: failures.omitted(),
            failed_by_kind: failures.by_kind().clone(),
            complete: end.complete,
            interrupted: end.interrupted,
            error: end.error,
            read_back: end.read_back,
            took: end.took,
        }
    }

    /// Whether nothing at all went wrong.
    pub(crate) fn is_success(&self) -> bool {
        self.failed == 0
            && self.complete
            && self.error.is_none()
            && self.read_back.as_ref().is_none_or(|read_back| read_back.identical)
    }

    /// One JSON object and a newline.
    pub(crate) fn json(&self) -> String {
        // Only maps with strange keys cannot be written, and there is none.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text).map(|()| text).unwrap_or_default()
    }

    fn write_text(&self, f: &mut String) -> std::fmt::Result {
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {} failed", Grouped(failed)),
        };
        let (records, took) = (Counted(self.acknowledged, "record"), Took(self.took));
        writeln!(f, "{records} acknowledged{failed} in {took}")?;
        if self.acknowledged > 0 {
            writeln!(f, "  topic          {}", self.topic)?;
        }
        if self.maybe_written > 0 {
            let lines = Counted(self.maybe_written, "line");
            writeln!(f, "  unsure         {lines} of the failed may have been written")?;
        }
        if self.acknowledged > 0 {
            let rate = Bytes((self.bytes as f64 / self.seconds.max(1e-9)) as u64);
            let per_second = Grouped(self.records_per_second as u64);
            writeln!(f, "  bytes          {}", Bytes(self.bytes))?;
            writeln!(f, "  throughput     {per_second} records/s, {rate}/s")?;
        }
        if let (Some(mean), Some(ratio)) = (self.records_per_batch, self.compression_ratio) {
            writeln!(f, "  batches        {}, {mean:.1} records each", Grouped(self.batches))?;
            if let Some(share) = share(ratio) {
                writeln!(f, "  compressed     to {share} of their size")?;
            }
        }
        if self.retries > 0 {
            writeln!(f, "  retries        {}", Grouped(self.retries))?;
        }
        if let Some(Latency { p50, p99, max }) = self.latency_ms {
            let [p50, p99, max] = [p50, p99, max].map(|ms| Took(Duration::from_secs_f64(ms / 1e3)));
            writeln!(f, "  latency        p50 {p50}, p99 {p99}, max {max}")?;
        }
        for partition in self.partitions.iter().take(MOST_PARTITIONS) {
            let name = format!("partition {}", partition.partition);
            write!(f, "  {name:<14} {}", Counted(partition.records, "record"))?;
            match (partition.first_offset, partition.last_offset) {
                (Some(first), Some(last)) => writeln!(f, ", offsets {first} to {last}")?,
                _ => writeln!(f, ", offsets unknown")?,
            }
        }
        if let Some(more) = self.partitions.len().checked_sub(MOST_PARTITIONS).filter(|n| *n > 0) {
            writeln!(f, "  … and {}: --output json names all", Counted(more as u64, "partition"))?;
        }
        match &self.read_back {
            Some(ReadBack { records, identical: true }) => writeln!(
                f,
                "  read back      {}, identical and in order in each partition",
                Counted(*records, "record"),
            ),
            Some(ReadBack { identical: false, .. }) => {
                writeln!(f, "  read back      DIFFERENT from what was sent")
            }
            None => Ok(()),
        }
    }
}

/// A ratio in percent; none where nothing was compressed.
fn share(ratio: f64) -> Option<String> {
    let percent = ratio * 100.0;
    if ratio == 1.0 {
        None
    } else if percent < 0.1 {
        Some("less than 0.1 %".to_owned())
    } else {
        Some(format!("{percent:.1} %"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_told_in_percent_where_there_is_one() {
        assert_eq!(share(1.0), None);
        assert_eq!(share(0.1234).unwrap(), "12.3 %");
        assert_eq!(share(1.02).unwrap(), "102.0 %");
        assert_eq!(share(0.0004).unwrap(), "less than 0.1 %");
    }

    #[test]
    fn a_run_without_records_is_a_success_and_valid_json() {
        let end = End { complete: true, ..End::default() };
        let summary = Summary::new("t", Tally::new(), &Failures::default(), &Stats::default(), end);
        assert!(summary.is_success());
        let json: serde_json::Value = serde_json::from_str(&summary.json()).unwrap();
        for name in ["records", "acknowledged", "failed", "bytes", "batches"] {
            assert_eq!(json[name], 0, "{name}");
        }
        assert!(json["seconds"].is_f64() && json["latency_ms"].is_null());
        assert_eq!(json["partitions"], serde_json::json!([]));
        assert!(summary.text().starts_with("0 records acknowledged in "));
    }

    #[test]
    fn anything_that_went_wrong_is_no_success() {
        let different = ReadBack { records: 1, identical: false };
        for end in [
            End { complete: false, ..End::default() },
            End { complete: true, error: Some("e".to_owned()), ..End::default() },
            End { complete: true, read_back: Some(different), ..End::default() },
        ] {
            let stats = Stats::default();
            let summary = Summary::new("t", Tally::new(), &Failures::default(), &stats, end);
            assert!(!summary.is_success());
        }
    }
}
