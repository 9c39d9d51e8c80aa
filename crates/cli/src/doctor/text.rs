//! For people: a line for each finding with a mark, what else is known below it, and a verdict.

use std::fmt::Write;
use std::time::Duration;

use rohrpost::doctor::{Check, Report, Status};

/// The whole page; with colours for terminals.
pub(super) fn page(report: &Report, colours: bool) -> String {
    let mut text = String::new();
    for stage in report.stages() {
        let _ = writeln!(text, "{}", stage.stage.name().replace('_', " "));
        for check in &stage.checks {
            write_check(&mut text, check, colours);
        }
    }
    let (mark, colour) = mark(report.status());
    let verdict = report.verdict();
    let elapsed = shown(report.elapsed());
    let _ = writeln!(text, "\n{}: {verdict} ({elapsed})", painted(mark, colour, colours));
    text
}

fn write_check(text: &mut String, check: &Check, colours: bool) {
    let (mark, colour) = mark(check.status);
    let mark = painted(&format!("{mark:<7}"), colour, colours);
    // Writing to a String cannot fail.
    let _ = write!(text, "  {mark}  {}: {}", check.subject, check.detail);
    if let Some(elapsed) = check.elapsed {
        let _ = write!(text, " ({})", shown(elapsed));
    }
    text.push('\n');
    if let Some(remedy) = &check.remedy {
        let _ = writeln!(text, "           -> {remedy}");
    }
    for fact in &check.facts {
        let _ = writeln!(text, "           {}: {}", fact.name.replace('_', " "), fact.value);
    }
}

/// The mark, and the number of its colour (ECMA-48, SGR).
fn mark(status: Status) -> (&'static str, u8) {
    match status {
        Status::Ok => ("ok", 32),
        Status::Warning => ("warn", 33),
        Status::Failed => ("FAIL", 31),
        _ => ("skipped", 90),
    }
}

fn painted(text: &str, colour: u8, colours: bool) -> String {
    if colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

fn shown(of: Duration) -> String {
    let millis = of.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}
