//! What runs gave, and their medians.

use serde::{Deserialize, Serialize};

use super::cells::Cell;

/// What a client is measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// What is possible without a producer.
    Floor,
    Ours,
    Peer,
}

/// What every driver prints, as one line of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Acknowledged records.
    pub(super) records: u64,
    pub(super) records_per_s: f64,
    pub(super) cpu_seconds_per_million: f64,
    pub(super) peak_rss_bytes: u64,
    pub(super) errors: u64,
    #[serde(default)]
    pub(super) latency_us: Option<Latency>,
    #[serde(default)]
    pub(super) requests: Option<f64>,
    #[serde(default)]
    pub(super) mean_batch_bytes: Option<f64>,
}

/// Microseconds from the intended send to the acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

/// What the discard broker took, warm-up included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) requests: u64,
    pub(super) batches: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) largest_batch: u64,
    pub(super) create_time_behind_ms: i64,
    pub(super) create_time_ahead_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Run {
    pub(super) outcome: Outcome,
    /// `None` where the broker is not ours.
    pub(super) taken: Option<Taken>,
}

/// A client's runs of a cell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) client: String,
    /// The client's name says so too: see [`with_tls`].
    pub(super) is_tls: bool,
    pub(super) role: Role,
    pub(super) records: u64,
    pub(super) runs: Vec<Run>,
    /// Why there are no more runs.
    pub(super) failure: Option<String>,
}

/// All clients' runs of a cell.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) cell: Cell,
    pub(super) rows: Vec<Row>,
}

/// Medians of a client's runs; the greatest where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Summary {
    /// CPU seconds per million records.
    pub(super) cpu: f64,
    pub(super) records_per_s: f64,
    pub(super) rss_mb: f64,
    /// Bytes of batches per record.
    pub(super) wire: Option<f64>,
    pub(super) requests_per_million: Option<f64>,
    pub(super) mean_batch: Option<f64>,
    /// The greatest.
    pub(super) largest_batch: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// The most that a CreateTime was off its batch's arrival and the longest latency of the same run does not explain, ms.
    pub(super) create_time_off_ms: Option<f64>,
}

impl Row {
    /// The client, whether with TLS or not.
    pub(super) fn bare_client(&self) -> &str {
        self.client.strip_suffix(WITH_TLS).unwrap_or(&self.client)
    }

    /// `None` without a run, or after a failure.
    pub(super) fn summary(&self) -> Option<Summary> {
        if self.failure.is_some() || self.runs.is_empty() {
            return None;
        }
        let outcome = |of: fn(&Outcome) -> f64| self.median(|run| Some(of(&run.outcome)));
        let of_taken = |of: fn(&Taken) -> f64| move |run: &Run| run.taken.as_ref().map(of);
        let latency =
            |of: fn(&Latency) -> f64| self.median(|run| run.outcome.latency_us.as_ref().map(of));
        let own_requests =
            |run: &Run| run.outcome.requests.map(|count| count / run.outcome.records as f64 * 1e6);
        let off = |run: &Run| {
            let (taken, latency) = (run.taken?, run.outcome.latency_us?);
            let lag = taken.create_time_behind_ms as f64 - latency.max / 1e3;
            Some(lag.max(taken.create_time_ahead_ms as f64).max(0.0))
        };
        Some(Summary {
            cpu: outcome(|outcome| outcome.cpu_seconds_per_million)?,
            records_per_s: outcome(|outcome| outcome.records_per_s)?,
            rss_mb: outcome(|outcome| outcome.peak_rss_bytes as f64 / 1e6)?,
            wire: self.median(of_taken(|taken| taken.bytes as f64 / taken.records as f64)),
            requests_per_million: self
                .median(of_taken(|taken| taken.requests as f64 / taken.records as f64 * 1e6))
                .or_else(|| self.median(own_requests)),
            mean_batch: self
                .median(of_taken(|taken| taken.bytes as f64 / taken.batches as f64))
                .or_else(|| self.median(|run| run.outcome.mean_batch_bytes)),
            largest_batch: self.greatest(of_taken(|taken| taken.largest_batch as f64)),
            p50: latency(|latency| latency.p50),
            p99: latency(|latency| latency.p99),
            create_time_off_ms: self.median(off),
        })
    }

    fn median(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(of).collect())
    }

    fn greatest(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.runs.iter().filter_map(of).max_by(f64::total_cmp)
    }
}

impl Measured {
    pub(super) fn summary(&self, client: &str) -> Option<Summary> {
        self.rows.iter().find(|row| row.client == client)?.summary()
    }

    /// The peer with the least of something, among those with TLS or those without.
    pub(super) fn best_peer(
        &self,
        is_tls: bool,
        of: impl Fn(&Summary) -> Option<f64>,
    ) -> Option<(&str, f64)> {
        let peers = self.rows.iter().filter(|row| row.role == Role::Peer && row.is_tls == is_tls);
        peers
            .filter_map(|row| Some((row.client.as_str(), of(&row.summary()?)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// What a client's row is called where it speaks TLS.
pub(super) fn with_tls(client: &str) -> String {
    format!("{client}{WITH_TLS}")
}

const WITH_TLS: &str = ", TLS";

/// `None` of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    match values.len() % 2 {
        1 => Some(upper),
        _ => Some(f64::midpoint(values[values.len() / 2 - 1], upper)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) fn run(cpu: f64, p50: Option<f64>, wire: u64) -> Run {
        let latency = |p50| Latency { p50, p90: p50, p99: p50 * 4.0, p999: p50, max: p50 * 100.0 };
        Run {
            outcome: Outcome {
                records: 1_000_000,
                records_per_s: 1e6 / cpu,
                cpu_seconds_per_million: cpu,
                peak_rss_bytes: 30_000_000,
                errors: 0,
                latency_us: p50.map(latency),
                requests: None,
                mean_batch_bytes: None,
            },
            taken: Some(Taken {
                requests: 10,
                batches: 100,
                records: 1_000_000,
                bytes: wire * 1_000_000,
                largest_batch: 16_000,
                create_time_behind_ms: 4,
                create_time_ahead_ms: 0,
            }),
        }
    }

    pub(in crate::bench) fn row(client: &str, role: Role, runs: Vec<Run>) -> Row {
        let is_tls = client.ends_with(WITH_TLS);
        Row { client: client.to_owned(), is_tls, role, records: 1_000_000, runs, failure: None }
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert_eq!(median(vec![0.3, 0.1, 0.2]), Some(0.2));
        assert_eq!(median(vec![0.4, 0.1, 0.2, 0.3]), Some(0.25));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_client_that_failed_has_no_figures() {
        let mut failed = row("a", Role::Peer, vec![run(1.0, None, 110)]);
        assert_eq!(failed.summary().unwrap().wire, Some(110.0));
        failed.failure = Some("lost records".to_owned());
        assert_eq!(failed.summary(), None);
    }

    #[test]
    fn the_best_peer_is_neither_ours_nor_a_floor() {
        let rows = vec![
            row("encode", Role::Floor, vec![run(0.1, None, 110)]),
            row("rohrpost", Role::Ours, vec![run(0.2, None, 110)]),
            row("b", Role::Peer, vec![run(0.5, None, 110)]),
            row("c", Role::Peer, vec![run(0.4, None, 110)]),
            row(&with_tls("c"), Role::Peer, vec![run(0.7, None, 110)]),
        ];
        let measured = Measured { cell: Cell::default(), rows };
        assert_eq!(measured.best_peer(false, |summary| Some(summary.cpu)), Some(("c", 0.4)));
        assert_eq!(measured.best_peer(true, |summary| Some(summary.cpu)), Some(("c, TLS", 0.7)));
        assert_eq!(measured.best_peer(false, |summary| summary.p99), None);
    }

    #[test]
    fn what_the_latency_explains_is_no_fault_of_create_time() {
        let explained = row("a", Role::Ours, vec![run(1.0, Some(50.0), 110)]);
        assert_eq!(explained.summary().unwrap().create_time_off_ms, Some(0.0));
        let late = row("a", Role::Ours, vec![run(1.0, Some(10.0), 110)]);
        assert_eq!(late.summary().unwrap().create_time_off_ms, Some(3.0));
    }
}
