//! What came in, counted.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

/// Counts over all connections since the last report.
#[derive(Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    batches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    largest_batch: AtomicU64,
    longest_ago: AtomicI64,
    farthest_ahead: AtomicI64,
}

impl Tally {
    /// Counts a Produce request; whether it is the first.
    pub(crate) fn request(&self) -> bool {
        self.requests.fetch_add(1, Relaxed) == 0
    }

    pub(crate) fn batch(&self, records: u64, bytes: u64) {
        self.batches.fetch_add(1, Relaxed);
        self.records.fetch_add(records, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.largest_batch.fetch_max(bytes, Relaxed);
    }

    /// A batch that arrived at `arrival` has CreateTimes from `base` to `max`; all in ms since the epoch.
    pub(crate) fn create_times(&self, arrival: i64, base: i64, max: i64) {
        self.longest_ago.fetch_max(arrival.saturating_sub(base), Relaxed);
        self.farthest_ahead.fetch_max(max.saturating_sub(arrival), Relaxed);
    }

    /// One line, and all counts begin again: Produce requests, batches, records, bytes of the batches as sent, the batches' largest and mean sizes, and the
    /// most milliseconds that a batch's first record's CreateTime was behind the batch's arrival, or any CreateTime ahead of it. The first request's CreateTimes
    /// are not looked at: its records wait for what a client has to find out first.
    pub(crate) fn take_json(&self) -> String {
        let [requests, batches, records, bytes, largest] =
            [&self.requests, &self.batches, &self.records, &self.bytes, &self.largest_batch]
                .map(|count| count.swap(0, Relaxed));
        let [ago, ahead] =
            [&self.longest_ago, &self.farthest_ahead].map(|most| most.swap(0, Relaxed));
        let mean = bytes.checked_div(batches).unwrap_or(0);
        format!(
            r#"{{"requests":{requests},"batches":{batches},"records":{records},"bytes":{bytes},"largest_batch":{largest},"mean_batch":{mean},"create_time_behind_ms":{ago},"create_time_ahead_ms":{ahead}}}"#
        )
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_what_came_since_the_last() {
        let tally = Tally::default();
        assert!(tally.request());
        tally.batch(3, 100);
        tally.batch(1, 50);
        tally.create_times(1_000, 990, 1_002);
        tally.create_times(1_000, 999, 999);
        assert_eq!(
            tally.take_json(),
            r#"{"requests":1,"batches":2,"records":4,"bytes":150,"largest_batch":100,"mean_batch":75,"create_time_behind_ms":10,"create_time_ahead_ms":2}"#
        );
        assert!(tally.request(), "the first since the report");
        assert!(!tally.request());
        assert!(tally.take_json().contains(r#""records":0,"bytes":0,"largest_batch":0"#));
    }
}
