//! The outcomes as a table in Markdown.

use std::fmt::Write as _;

use super::{Load, Outcome};

/// A row for each client: medians, and CPU relative to the first client's.
pub(super) fn render(load: &Load, runs: usize, rows: &[(&str, Vec<Outcome>)]) -> String {
    let mut text = format!(
        "\n{} records of {} B, codec {}, linger {} ms, batches of {} B, medians of {runs} runs\n\n\
         | client | CPU s / million | records/s | peak RSS MB | CPU ratio to {} |\n\
         |---|--:|--:|--:|--:|\n",
        load.records,
        load.size,
        load.codec,
        load.linger_ms,
        load.batch_bytes,
        rows.first().map_or("", |(name, _)| name),
    );
    let cpu = |outcomes: &[Outcome]| median(outcomes, |outcome| outcome.cpu_seconds_per_million);
    let first = rows.first().map_or(0.0, |(_, outcomes)| cpu(outcomes));
    for (name, outcomes) in rows {
        let _ = writeln!(
            text,
            "| {name} | {:.3} | {:.0} | {:.1} | {:.2} |",
            cpu(outcomes),
            median(outcomes, |outcome| outcome.records_per_s),
            median(outcomes, |outcome| outcome.peak_rss_bytes as f64) / 1e6,
            cpu(outcomes) / first,
        );
    }
    text
}

fn median(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    let mut values: Vec<f64> = outcomes.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    match (values.get(values.len() / 2), values.len() % 2) {
        (Some(middle), 1) => *middle,
        (Some(upper), _) => f64::midpoint(values[values.len() / 2 - 1], *upper),
        (None, _) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(cpu: f64) -> Outcome {
        Outcome {
            records: 1,
            records_per_s: 2.0,
            cpu_seconds_per_million: cpu,
            peak_rss_bytes: 3_000_000,
            errors: 0,
        }
    }

    #[test]
    fn shows_medians_and_ratios_to_the_first() {
        let load =
            Load { records: 1, size: 100, codec: "none".into(), linger_ms: 5, batch_bytes: 16384 };
        let ours = [0.3, 0.1, 0.2].map(outcome).to_vec();
        let theirs = [0.4, 0.6].map(outcome).to_vec();
        let text = render(&load, 3, &[("rohrpost", ours), ("other", theirs)]);
        assert!(text.contains("| rohrpost | 0.200 | 2 | 3.0 | 1.00 |"), "{text}");
        assert!(text.contains("| other | 0.500 | 2 | 3.0 | 2.50 |"), "{text}");
    }
}
