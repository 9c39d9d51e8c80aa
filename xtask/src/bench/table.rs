//! Outcomes as tables in Markdown.

use std::fmt::Write as _;

use super::figures::Figure;
use super::outcome::{Measured, Row, Summary};

/// A heading, and a row for each client.
pub(super) fn render(measured: &Measured) -> String {
    let columns = columns(measured);
    let mut text = format!("\n### {}\n\n| client |", measured.cell);
    for column in &columns {
        let _ = write!(text, " {} |", column.name);
    }
    let _ = writeln!(text, "\n|---|{}", "--:|".repeat(columns.len()));
    for row in &measured.rows {
        let _ = write!(text, "| {} |", row.client);
        match row.summary() {
            Some(summary) => {
                for column in &columns {
                    let _ = write!(text, " {} |", (column.cell)(row, &summary));
                }
                text.push('\n');
            }
            None => {
                let failure = row.failure.as_deref().unwrap_or("no run").replace('|', "/");
                let _ = writeln!(text, " {failure} |{}", " |".repeat(columns.len() - 1));
            }
        }
    }
    text
}

/// Which figures are reached.
pub(super) fn figures(figures: &[Figure]) -> String {
    let mut text = "\n### Figures to reach\n\n| figure | measured | |\n|---|---|---|\n".to_owned();
    for Figure { figure, measured, is_reached } in figures {
        let verdict = if *is_reached { "reached" } else { "**missed**" };
        let _ = writeln!(text, "| {figure} | {measured} | {verdict} |");
    }
    text
}

/// What a table shows of a client.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) cell: Box<Text>,
}

/// What stands in a client's row.
type Text = dyn Fn(&Row, &Summary) -> String;

/// The columns that say something about this cell.
pub(super) fn columns(measured: &Measured) -> Vec<Column> {
    let floor = measured.summary("encode").map(|summary| summary.cpu);
    let best = |is_tls| measured.best_peer(is_tls, |summary| Some(summary.cpu)).map(|(_, cpu)| cpu);
    let (best, best_with_tls) = (best(false), best(true));
    let ratio = |cpu: f64, to: Option<f64>| optional(to.map(|to| cpu / to), 2);
    let each = f64::from(measured.cell.transaction);
    if each > 0.0 {
        let rate = |is_tls| {
            measured
                .best_peer(is_tls, |summary| Some(-summary.records_per_s))
                .map(|(_, rate)| -rate)
        };
        let (rate, rate_with_tls) = (rate(false), rate(true));
        return vec![
            column("transactions/s", move |summary| count(summary.records_per_s / each)),
            Column {
                name: "to best peer",
                cell: Box::new(move |row, summary| {
                    ratio(summary.records_per_s, if row.is_tls { rate_with_tls } else { rate })
                }),
            },
            column("CPU µs / transaction", move |summary| count(summary.cpu * each)),
            Column {
                name: "to best peer",
                cell: Box::new(move |row, summary| {
                    ratio(summary.cpu, if row.is_tls { best_with_tls } else { best })
                }),
            },
            column("records/s", |summary| count(summary.records_per_s)),
            column("RSS MB", |summary| format!("{:.0}", summary.rss_mb)),
        ];
    }
    let mut columns = vec![column("CPU s / million", |summary| format!("{:.3}", summary.cpu))];
    if measured.rows.iter().any(|row| row.is_tls) {
        let plain: Vec<(String, Option<f64>)> = measured
            .rows
            .iter()
            .filter(|row| !row.is_tls)
            .map(|row| (row.client.clone(), row.summary().map(|summary| summary.cpu)))
            .collect();
        columns.push(Column {
            name: "to itself without TLS",
            cell: Box::new(move |row, summary| {
                let own = plain.iter().find(|(client, _)| client == row.bare_client());
                ratio(summary.cpu, own.and_then(|(_, cpu)| *cpu))
            }),
        });
    } else {
        columns.push(column("to encode", move |summary| ratio(summary.cpu, floor)));
    }
    columns.push(Column {
        name: "to best peer",
        cell: Box::new(move |row, summary| {
            ratio(summary.cpu, if row.is_tls { best_with_tls } else { best })
        }),
    });
    let has_latency =
        measured.rows.iter().any(|row| row.summary().is_some_and(|summary| summary.p50.is_some()));
    if has_latency {
        columns.push(column("p50 µs", |summary| optional(summary.p50, 0)));
        columns.push(column("p99 µs", |summary| optional(summary.p99, 0)));
    }
    columns.push(column("records/s", |summary| count(summary.records_per_s)));
    columns.push(column("RSS MB", |summary| format!("{:.0}", summary.rss_mb)));
    columns.push(column("wire B/record", |summary| optional(summary.wire, 1)));
    columns.push(column("requests/million", |summary| optional(summary.requests_per_million, 0)));
    columns.push(column("mean batch", |summary| optional(summary.mean_batch, 0)));
    columns.push(column("largest batch", |summary| optional(summary.largest_batch, 0)));
    columns
}

fn column(name: &'static str, cell: impl Fn(&Summary) -> String + 'static) -> Column {
    Column { name, cell: Box::new(move |_, summary| cell(summary)) }
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

/// A large number in few characters.
pub(super) fn count(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.2} M", value / 1e6),
        value if value >= 1e4 => format!("{:.0} k", value / 1e3),
        value => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::Cell;
    use super::super::outcome::tests::{row, run};
    use super::super::outcome::{Role, with_tls};
    use super::*;

    #[test]
    fn shows_medians_and_ratios_to_the_floor_and_the_best_peer() {
        let mut lost = row("lost", Role::Peer, Vec::new());
        lost.failure = Some("a|b".to_owned());
        let rows = vec![
            row("encode", Role::Floor, vec![run(0.1, None, 110)]),
            row("rohrpost", Role::Ours, [0.3, 0.1, 0.2].map(|cpu| run(cpu, None, 110)).to_vec()),
            row("other", Role::Peer, [0.4, 0.6].map(|cpu| run(cpu, None, 120)).to_vec()),
            lost,
        ];
        let text = render(&Measured { cell: Cell::default(), rows });
        assert!(text.contains("### 100B/none/16KiB\n"), "{text}");
        let ours =
            "| rohrpost | 0.200 | 2.00 | 0.40 | 5.00 M | 30 | 110.0 | 10 | 1100000 | 16000 |";
        assert!(text.contains(ours), "{text}");
        assert!(text.contains("| other | 0.500 | 5.00 | 1.00 |"), "{text}");
        assert!(text.contains("| lost | a/b |"), "{text}");
        assert!(!text.contains("p50"), "{text}");
    }

    #[test]
    fn transactions_are_counted_by_the_second_and_cost_so_much_each() {
        let rows = vec![
            row("rohrpost", Role::Ours, vec![run(0.1, None, 110)]),
            row("other", Role::Peer, vec![run(0.4, None, 110)]),
        ];
        let cell = Cell { transaction: 100, ..Cell::default() };
        let text = render(&Measured { cell, rows });
        assert!(text.contains("| rohrpost | 100 k | 4.00 | 10 | 0.25 | 10.00 M | 30 |"), "{text}");
    }

    #[test]
    fn with_tls_a_client_is_beside_itself_without_and_beside_peers_with() {
        let rows = vec![
            row("rohrpost", Role::Ours, vec![run(0.1, None, 110)]),
            row(&with_tls("rohrpost"), Role::Ours, vec![run(0.3, None, 110)]),
            row("other", Role::Peer, vec![run(0.4, None, 110)]),
            row(&with_tls("other"), Role::Peer, vec![run(0.6, None, 110)]),
        ];
        let text = render(&Measured { cell: Cell::default(), rows });
        assert!(text.contains("| rohrpost | 0.100 | 1.00 | 0.25 |"), "{text}");
        assert!(text.contains("| rohrpost, TLS | 0.300 | 3.00 | 0.50 |"), "{text}");
        assert!(text.contains("| other, TLS | 0.600 | 1.50 | 1.00 |"), "{text}");
        assert!(!text.contains("to encode"), "{text}");
    }

    #[test]
    fn latencies_have_columns_where_there_are_some() {
        let rows = vec![row("rohrpost", Role::Ours, vec![run(0.1, Some(20.0), 110)])];
        let text = render(&Measured { cell: Cell::default(), rows });
        assert!(text.contains("| rohrpost | 0.100 | – | – | 20 | 80 |"), "{text}");
    }

    #[test]
    fn large_numbers_are_short() {
        assert_eq!([1_234_567.0, 12_345.0, 1_234.0].map(count), ["1.23 M", "12 k", "1234"]);
    }
}
