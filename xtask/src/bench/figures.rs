//! The figures that the project wants to reach, beside what was measured. Nothing fails by them: speed depends on the machine.

use serde::Serialize;

use super::outcome::{Measured, Summary};

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) figure: String,
    pub(super) measured: String,
    pub(super) is_reached: bool,
}

const OURS: &str = "rohrpost";
const FLOOR: &str = "encode";
/// The usual way to send.
const USUAL: &str = "100B/none/16KiB";
/// Wire bytes within this of ours are the same size.
const SAME_SIZE: f64 = 1.03;

/// Every figure of which the cells and clients were measured.
pub(super) fn judge(cells: &[Measured]) -> Vec<Figure> {
    let cells = Cells(cells);
    let mut figures = Vec::new();
    for measured in cells.0 {
        let (cell, name) = (&measured.cell, measured.cell.to_string());
        let is_plain =
            name == format!("{}/{}/{}", size(cell.size), cell.codec, batch(cell.batch_bytes));
        match (cell.codec.as_str(), cell.size) {
            ("none", 100) if is_plain => {
                figures.extend(cells.cpu(&name, FLOOR, 1.5));
                figures.extend(cells.cpu(&name, "franz-go", 0.2));
            }
            ("none", 1_000) if is_plain => {
                figures.extend(cells.cpu(&name, FLOOR, 1.5));
                figures.extend(cells.cpu(&name, "franz-go", 0.6));
            }
            ("none", 10) if is_plain => figures.extend(cells.nanoseconds(&name, 50.0)),
            ("none", _) => {}
            _ if is_plain => {
                figures.extend(cells.cpu(&name, FLOOR, 1.3));
                figures.extend(cells.same_size(&name));
            }
            _ => {}
        }
    }
    let of = |extra: &str| format!("{USUAL}/{extra}");
    figures.extend(cells.cpu(&of("keys"), FLOOR, 1.7));
    figures.extend(cells.headers(&of("headers3")));
    figures.extend(cells.create_time(&of("each")));
    figures.extend(cells.above_raw(&of("each"), &of("each")));
    figures.extend(cells.round_trips(&of("each/1threads"), &of("each")));
    figures.extend(cells.above_raw(&of("rate10000"), &of("rate10000")));
    figures.extend(cells.tail(&of("rate10000")));
    figures.extend(cells.beside(&of("linger0"), 0.9, 1.1));
    figures.extend(cells.beside(&of("64tasks"), 0.95, 1.25));
    for peer in ["franz-go", "rdkafka-base", "rdkafka-threaded"] {
        figures.extend(cells.cpu(&of("keys/1000topics"), peer, 1.0));
    }
    figures.extend(cells.rate(USUAL));
    figures.extend(cells.memory());
    figures
}

struct Cells<'a>(&'a [Measured]);

impl Cells<'_> {
    fn find(&self, cell: &str) -> Option<&Measured> {
        self.0.iter().find(|measured| measured.cell.to_string() == cell)
    }

    fn get(&self, cell: &str, client: &str) -> Option<Summary> {
        self.find(cell)?.summary(client)
    }

    fn cpu(&self, cell: &str, beside: &str, most: f64) -> Option<Figure> {
        let ratio = self.get(cell, OURS)?.cpu / self.get(cell, beside)?.cpu;
        Some(Figure {
            figure: format!("{cell}: CPU at most {most} times {beside}'s"),
            measured: format!("{ratio:.2}"),
            is_reached: ratio <= most,
        })
    }

    fn nanoseconds(&self, cell: &str, most: f64) -> Option<Figure> {
        let above = (self.get(cell, OURS)?.cpu - self.get(cell, FLOOR)?.cpu) * 1e3;
        Some(Figure {
            figure: format!("{cell}: CPU at most {most} ns a record above encode's"),
            measured: format!("{above:.0} ns"),
            is_reached: above <= most,
        })
    }

    fn same_size(&self, cell: &str) -> Option<Figure> {
        let ours = self.get(cell, OURS)?;
        let wire = ours.wire?;
        let (mut below, mut above, mut larger) = (Vec::new(), Vec::new(), Vec::new());
        for row in &self.find(cell)?.rows {
            let is_peer = row.role == super::outcome::Role::Peer && !row.is_tls;
            let peer = row.summary().filter(|_| is_peer);
            let Some((peer, theirs)) = peer.and_then(|peer| Some((peer, peer.wire?))) else {
                continue;
            };
            let text = format!("{} {:.2}", row.client, ours.cpu / peer.cpu);
            match (theirs <= wire * SAME_SIZE, ours.cpu < peer.cpu) {
                (true, true) => below.push(text),
                (true, false) => above.push(text),
                (false, false) => larger.push(format!("{text} (its bytes {:.2})", theirs / wire)),
                (false, true) => {}
            }
        }
        if below.is_empty() && above.is_empty() && larger.is_empty() {
            return None;
        }
        let mut measured = Vec::new();
        for (what, peers) in
            [("above ", &above), ("below ", &below), ("faster but larger: ", &larger)]
        {
            if !peers.is_empty() {
                measured.push(format!("{what}{}", peers.join(", ")));
            }
        }
        Some(Figure {
            figure: format!(
                "{cell}: CPU below every peer's of the same size (within 3 %) or smaller"
            ),
            measured: if measured.is_empty() { "–".to_owned() } else { measured.join("; ") },
            is_reached: above.is_empty(),
        })
    }

    fn headers(&self, cell: &str) -> Option<Figure> {
        let more =
            |client| Some((self.get(cell, client)?.cpu - self.get(USUAL, client)?.cpu) * 1e3);
        let ours = more(OURS)?;
        let floor = more(FLOOR).map_or_else(String::new, |ns| format!(" (encode {ns:.0} ns)"));
        Some(Figure {
            figure: format!("{cell}: CPU at most 60 ns a record more than without headers"),
            measured: format!("{ours:.0} ns{floor}"),
            is_reached: ours <= 60.0,
        })
    }

    fn create_time(&self, cell: &str) -> Option<Figure> {
        let off = self.get(cell, OURS)?.create_time_off_ms?;
        Some(Figure {
            figure: format!("{cell}: CreateTime within 5 ms of the send"),
            measured: format!("{off:.1} ms that the longest latency does not explain"),
            is_reached: off <= 5.0,
        })
    }

    fn above_raw(&self, cell: &str, raw_cell: &str) -> Option<Figure> {
        let (ours, raw) = (self.get(cell, OURS)?.p50?, self.get(raw_cell, "raw")?.p50?);
        Some(Figure {
            figure: format!("{cell}: p50 at most 50 µs above the raw socket's"),
            measured: format!("{ours:.0} µs, raw {raw:.0} µs"),
            is_reached: ours <= raw + 50.0,
        })
    }

    fn round_trips(&self, cell: &str, raw_cell: &str) -> Option<Figure> {
        let raw = self.get(cell, "raw").or_else(|| self.get(raw_cell, "raw"))?.p50?;
        let trips = self.get(cell, OURS)?.p50? / raw;
        Some(Figure {
            figure: format!("{cell}: p50 at most 1.2 raw round trips"),
            measured: format!("{trips:.2}"),
            is_reached: trips <= 1.2,
        })
    }

    fn tail(&self, cell: &str) -> Option<Figure> {
        let ours = self.get(cell, OURS)?.p99?;
        let (peer, theirs) = self.find(cell)?.best_peer(false, |summary| summary.p99)?;
        Some(Figure {
            figure: format!("{cell}: p99 at most half of the best peer's"),
            measured: format!("{ours:.0} µs, {peer} {theirs:.0} µs"),
            is_reached: ours <= theirs / 2.0,
        })
    }

    fn beside(&self, cell: &str, least_rate: f64, most_cpu: f64) -> Option<Figure> {
        let (ours, usual) = (self.get(cell, OURS)?, self.get(USUAL, OURS)?);
        let (rate, cpu) = (ours.records_per_s / usual.records_per_s, ours.cpu / usual.cpu);
        Some(Figure {
            figure: format!(
                "{cell}: records/s at least {least_rate}, CPU at most {most_cpu} times {USUAL}'s"
            ),
            measured: format!("{rate:.2}, {cpu:.2}"),
            is_reached: rate >= least_rate && cpu <= most_cpu,
        })
    }

    fn rate(&self, cell: &str) -> Option<Figure> {
        let rate = self.get(cell, OURS)?.records_per_s;
        Some(Figure {
            figure: format!("{cell}: two million records/s from one task"),
            measured: format!("{:.2} million", rate / 1e6),
            is_reached: rate >= 2e6,
        })
    }

    fn memory(&self) -> Option<Figure> {
        let of =
            |measured: &Measured| Some((measured.summary(OURS)?.rss_mb, measured.cell.to_string()));
        let (most, cell) = self.0.iter().filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Figure {
            figure: "Resident memory at most 48 MB in every cell".to_owned(),
            measured: format!("{most:.0} MB in {cell}"),
            is_reached: most <= 48.0,
        })
    }
}

fn size(bytes: u32) -> String {
    if bytes >= 1_000 { format!("{}KB", bytes / 1_000) } else { format!("{bytes}B") }
}

fn batch(bytes: u32) -> String {
    format!("{}KiB", bytes / 1_024)
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Role;
    use super::super::outcome::tests::{row, run};
    use super::*;

    /// A cell of encode, ours and franz-go with these CPU times.
    fn measured(cell: &str, cpu: [f64; 3], wire: [u64; 3], p50: Option<f64>) -> Measured {
        let roles = [("encode", Role::Floor), ("rohrpost", Role::Ours), ("franz-go", Role::Peer)];
        let rows = (0..3).map(|n| row(roles[n].0, roles[n].1, vec![run(cpu[n], p50, wire[n])]));
        Measured { cell: cell.parse().unwrap(), rows: rows.collect() }
    }

    fn verdicts(cells: &[Measured]) -> Vec<(String, bool)> {
        judge(cells).into_iter().map(|figure| (figure.figure, figure.is_reached)).collect()
    }

    fn verdict(cells: &[Measured], part: &str) -> bool {
        let all = verdicts(cells);
        let mut found = all.iter().filter(|(figure, _)| figure.contains(part));
        let (_, reached) = found.next().unwrap_or_else(|| panic!("{part} in {all:?}"));
        assert!(found.next().is_none(), "{part} in {all:?}");
        *reached
    }

    #[test]
    fn cpu_is_held_against_the_floor_and_the_peer() {
        let cell = |ours| [measured(USUAL, [0.1, ours, 1.0], [110; 3], None)];
        assert!(verdict(&cell(0.15), "1.5 times encode's"));
        assert!(!verdict(&cell(0.16), "1.5 times encode's"));
        assert!(verdict(&cell(0.2), "0.2 times franz-go's"));
        assert!(!verdict(&cell(0.21), "0.2 times franz-go's"));
        let ten = [measured("10B", [0.02, 0.06, 1.0], [20; 3], None)];
        assert!(verdict(&ten, "50 ns a record above"));
    }

    #[test]
    fn a_peer_that_sends_more_bytes_may_be_faster() {
        let lz4 = |theirs| [measured("100B/lz4", [0.2, 0.25, 0.24], [50, 50, theirs], None)];
        assert!(!verdict(&lz4(50), "same size"));
        assert!(!verdict(&lz4(51), "same size"));
        assert!(verdict(&lz4(60), "same size"));
        let shown =
            judge(&lz4(60)).iter().any(|figure| figure.measured.contains("faster but larger"));
        assert!(shown);
    }

    #[test]
    fn latency_and_pace_are_held_against_the_raw_socket_and_the_usual() {
        let mut each = measured("each", [1.0, 1.0, 1.0], [110; 3], Some(20.0));
        each.rows.push(row("raw", Role::Floor, vec![run(1.0, Some(15.0), 110)]));
        assert!(verdict(&[each], "50 µs above"));
        let cells = [
            measured(USUAL, [0.1, 0.1, 1.0], [110; 3], None),
            measured("64tasks", [0.1, 0.12, 1.0], [110; 3], None),
        ];
        assert!(!verdict(&cells, "64tasks"), "the rate is 0.83 times");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert_eq!(judge(&[]), []);
        let mut lonely = measured(USUAL, [0.1, 0.1, 1.0], [110; 3], None);
        lonely.rows.truncate(1);
        assert_eq!(judge(&[lonely]), []);
    }
}
