//! The report as a page that needs nothing but itself.

use std::fmt::Write as _;

use super::figures::Figure;
use super::outcome::{Measured, Summary};
use super::plot::{Bar, bars};
use super::table::{columns, count};

const STYLE: &str = "\
:root{color-scheme:light dark;--ours:#0a7;--floor:#999;--peer:#48c;--line:#8884}\
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line)}\
td+td,th+th{text-align:right}.figures td+td,.figures th+th{text-align:left}\
.missed{color:#c33;font-weight:600}.reached{color:var(--ours)}\
svg{max-width:100%;height:auto;display:block;margin:.5rem 0}svg text{font-size:12px;fill:currentColor}\
svg .title{font-weight:600}.ours{fill:var(--ours)}.floor{fill:var(--floor)}.peer{fill:var(--peer)}\
.mark{stroke:var(--floor);stroke-dasharray:3 3}section{margin-top:2.5rem}";

/// The whole page.
pub(super) fn page(
    cells: &[Measured],
    figures: &[Figure],
    left_out: &[String],
    target: &str,
    runs: usize,
) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>rohrpost: benchmark</title><style>{STYLE}</style>\n\
         <h1>rohrpost beside others</h1>\n\
         <p>Medians of {runs} interleaved runs against one target ({}). CPU: user and system seconds of the client's process per \
         million acknowledged records; less is better. The dashed line is a plain loop that encodes and sends.</p>\n",
        escape(target)
    );
    if !figures.is_empty() {
        page.push_str("<h2>Figures to reach</h2>\n");
    }
    page.push_str("<table class=\"figures\">\n");
    for Figure { figure, measured, is_reached } in figures {
        let verdict = if *is_reached { "reached" } else { "missed" };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"{verdict}\">{verdict}</td></tr>",
            escape(figure),
            escape(measured)
        );
    }
    page.push_str("</table>\n");
    for measured in cells {
        section(&mut page, measured);
    }
    for reason in left_out {
        let _ = writeln!(page, "<p>Left out: {}</p>", escape(reason));
    }
    page.push_str("</html>\n");
    page
}

fn section(page: &mut String, measured: &Measured) {
    let _ = writeln!(page, "<section><h2>{}</h2>", escape(&measured.cell.to_string()));
    let floor = measured.summary("encode");
    let plots: [(&str, Value); 4] = [
        ("CPU seconds per million records", |summary| Some(summary.cpu)),
        ("Latency at the median, µs", |summary| summary.p50),
        ("Latency at 99 %, µs", |summary| summary.p99),
        ("Bytes of batches per record", |summary| summary.wire),
    ];
    for (title, value) in plots {
        // Bytes differ only where something compresses.
        if title.starts_with("Bytes") && measured.cell.codec == "none" {
            continue;
        }
        let shown: Vec<Bar<'_>> = measured
            .rows
            .iter()
            .filter_map(|row| {
                let value = value(&row.summary()?)?;
                let text = if value < 10.0 { format!("{value:.3}") } else { count(value) };
                Some(Bar { label: &row.client, role: row.role, value, text })
            })
            .collect();
        if !shown.is_empty() {
            let mark = floor.as_ref().and_then(value);
            let _ = writeln!(page, "{}", bars(title, &shown, mark));
        }
    }
    let columns = columns(measured);
    page.push_str("<table><tr><th>client</th>");
    for column in &columns {
        let _ = write!(page, "<th>{}</th>", escape(column.name));
    }
    page.push_str("</tr>\n");
    for row in &measured.rows {
        let _ = write!(page, "<tr><td>{}</td>", escape(&row.client));
        match row.summary() {
            Some(summary) => {
                for column in &columns {
                    let _ = write!(page, "<td>{}</td>", escape(&(column.cell)(row, &summary)));
                }
            }
            None => {
                let failure = escape(row.failure.as_deref().unwrap_or("no run"));
                let _ = write!(page, "<td colspan=\"{}\">{failure}</td>", columns.len());
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></section>\n");
}

type Value = fn(&Summary) -> Option<f64>;

/// Text that is safe between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::cells::Cell;
    use super::super::outcome::Role;
    use super::super::outcome::tests::{row, run};
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
        let mut failed = row("peer", Role::Peer, Vec::new());
        failed.failure = Some("<script>".to_owned());
        let cells = [Measured { cell: Cell::default(), rows: vec![failed] }];
        let page = page(&cells, &[], &["a <b>".to_owned()], "broker", 3);
        assert!(!page.contains("<script>") && !page.contains("<b>"), "{page}");
    }

    #[test]
    fn the_page_is_whole_and_refers_to_nothing_outside() {
        let rows = vec![
            row("encode", Role::Floor, vec![run(0.1, Some(9.0), 110)]),
            row("rohrpost", Role::Ours, vec![run(0.2, Some(10.0), 110)]),
        ];
        let figure = Figure { figure: "f".to_owned(), measured: "m".to_owned(), is_reached: false };
        let page = page(&[Measured { cell: Cell::default(), rows }], &[figure], &[], "broker", 3);
        assert!(!page.contains("http") && !page.contains("src="), "{page}");
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(page.matches("<svg").count(), 3);
        assert!(page.contains("class=\"missed\">missed"));
    }
}
