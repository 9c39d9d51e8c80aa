//! The lines that were not acknowledged.

use std::collections::BTreeMap;

use rohrpost::{Error, Outcome};
use serde::Serialize;

use crate::input::{Place, Places};
use crate::numbers::Counted;

/// So many runs of lines are named; the rest is counted.
const MOST_LISTED: usize = 100;

/// So many runs of lines are held between two reports.
const MOST_NOTED: usize = 10_000;

/// Every failed line is counted, and the first ones are named.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: u64,
    maybe_written: u64,
    by_kind: BTreeMap<&'static str, u64>,
    /// What failed since the last report.
    noted: Vec<Run>,
    reasons: Vec<Reason>,
    listed: Vec<Failure>,
    /// Failed lines that are in none of `listed`.
    omitted: u64,
}

/// Lines, by their running numbers, that failed for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    first: u64,
    last: u64,
    /// Index into the reasons.
    reason: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Reason {
    kind: &'static str,
    outcome: Outcome,
    text: String,
}

/// Neighbouring lines that failed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) input: String,
    pub(crate) first_line: u64,
    pub(crate) last_line: u64,
    pub(crate) outcome: String,
    pub(crate) kind: &'static str,
    pub(crate) reason: String,
}

impl Failures {
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many of the failed lines may stand in the log.
    pub(crate) fn maybe_written(&self) -> u64 {
        self.maybe_written
    }

    pub(crate) fn by_kind(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_kind
    }

    pub(crate) fn listed(&self) -> &[Failure] {
        &self.listed
    }

    pub(crate) fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Notes that the line with this running number failed.
    pub(crate) fn note(
        &mut self,
        line: u64,
        kind: &'static str,
        outcome: Outcome,
        text: impl FnOnce() -> String,
    ) {
        self.count += 1;
        self.maybe_written += u64::from(outcome == Outcome::MaybeWritten);
        *self.by_kind.entry(kind).or_default() += 1;
        if self.listed.len() >= MOST_LISTED || self.noted.len() >= MOST_NOTED {
            self.omitted += 1;
            return;
        }
        // The lines of a batch fail together: the reason is almost always the last one again.
        let reason = Reason { kind, outcome, text: text() };
        let last = self.reasons.len().checked_sub(1);
        let reason = match last.filter(|last| self.reasons[*last] == reason) {
            Some(last) => last,
            None => {
                self.reasons.push(reason);
                self.reasons.len() - 1
            }
        };
        match self.noted.last_mut() {
            Some(run) if run.last + 1 == line && run.reason == reason => run.last = line,
            _ => self.noted.push(Run { first: line, last: line, reason }),
        }
    }

    /// Notes that a record failed.
    pub(crate) fn note_error(&mut self, line: u64, error: &Error) {
        self.note(line, error.kind().name(), error.outcome(), || error.reason().to_owned());
    }

    /// Names the lines that were noted since the last time, neighbours together, in order; returns the messages.
    pub(crate) fn report(&mut self, places: &Places) -> Vec<String> {
        let mut noted = std::mem::take(&mut self.noted);
        let reasons = std::mem::take(&mut self.reasons);
        noted.sort_unstable();
        let mut messages = Vec::new();
        for run in joined(&noted, &reasons) {
            for (start, lines) in places.split(run.first, run.last) {
                if self.listed.len() >= MOST_LISTED {
                    self.omitted += lines;
                    continue;
                }
                let reason = &reasons[run.reason];
                messages.push(message(places, start, lines, reason));
                self.listed.push(Failure {
                    input: places.name(start.input).to_owned(),
                    first_line: start.line,
                    last_line: start.line + lines - 1,
                    outcome: reason.outcome.to_string(),
                    kind: reason.kind,
                    reason: reason.text.clone(),
                });
            }
        }
        messages
    }

    /// Whether a message has given this reason.
    pub(crate) fn has_told(&self, reason: &str) -> bool {
        self.listed.iter().any(|failure| failure.reason == reason)
    }

    /// What to say at the end of the lines that were not named.
    pub(crate) fn rest(&self) -> Option<String> {
        (self.omitted > 0).then(|| format!("… and {} more failed", Counted(self.omitted, "line")))
    }
}

/// Makes one run of those that touch and have the same reason; they come in order.
fn joined(noted: &[Run], reasons: &[Reason]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for run in noted {
        match runs.last_mut() {
            Some(last)
                if last.last + 1 == run.first && reasons[last.reason] == reasons[run.reason] =>
            {
                last.last = run.last;
            }
            _ => runs.push(*run),
        }
    }
    runs
}

fn message(places: &Places, start: Place, lines: u64, reason: &Reason) -> String {
    let input = match places.are_several() {
        true => format!("{}: ", places.name(start.input)),
        false => String::new(),
    };
    let first = start.line;
    let lines = match lines {
        1 => format!("line {first}"),
        _ => format!("lines {first}-{}", first + lines - 1),
    };
    format!("{input}{lines}: {}: {}", reason.outcome, reason.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;

    fn places(paths: &[&str]) -> Places {
        Places::new(&paths.iter().map(|path| Source::new(path.into())).collect::<Vec<_>>())
    }

    fn note(failures: &mut Failures, line: u64, text: &str) {
        failures.note(line, "broker", Outcome::NotWritten, || text.to_owned());
    }

    #[test]
    fn neighbours_that_failed_alike_are_named_together_and_in_order() {
        let mut failures = Failures::default();
        for (line, text) in [(6, "b"), (4, "a"), (5, "a"), (3, "a"), (9, "b")] {
            note(&mut failures, line, text);
        }
        assert_eq!(
            failures.report(&places(&["-"])),
            ["lines 4-6: not written: a", "line 7: not written: b", "line 10: not written: b"]
        );
        assert!(failures.report(&places(&["-"])).is_empty());
        note(&mut failures, 10, "b");
        assert_eq!(failures.report(&places(&["-"])), ["line 11: not written: b"]);
        assert_eq!((failures.count(), failures.omitted()), (6, 0));
    }

    #[test]
    fn lines_of_two_inputs_are_no_neighbours() {
        let mut places = places(&["a", "b"]);
        places.begin_next(2);
        let mut failures = Failures::default();
        for line in 0..4 {
            note(&mut failures, line, "r");
        }
        let expected = ["a: lines 1-2: not written: r", "b: lines 1-2: not written: r"];
        assert_eq!(failures.report(&places), expected);
    }

    #[test]
    fn a_long_list_is_cut_but_everything_is_counted() {
        let mut failures = Failures::default();
        for line in 0..1000 {
            note(&mut failures, line * 2, "r");
        }
        assert_eq!(failures.report(&places(&["-"])).len(), MOST_LISTED);
        for line in 1000..2000 {
            note(&mut failures, line * 2, "r");
        }
        assert!(failures.report(&places(&["-"])).is_empty());
        assert_eq!((failures.count(), failures.omitted()), (2000, 1900));
        assert_eq!(failures.rest().unwrap(), "… and 1,900 lines more failed");
    }
}
