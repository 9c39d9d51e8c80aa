//! Steps one after the other, their output as it comes, and a summary at the end.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// What has been run so far. A step that fails does not keep the next ones from running: one look
/// at the summary shows all that is wrong.
pub(super) struct Report {
    start: Instant,
    steps: Vec<Step>,
    tests: Counts,
}

struct Step {
    name: String,
    took: Duration,
    failed: bool,
}

/// Tests by their outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), steps: Vec::new(), tests: Counts::default() }
    }

    /// Runs a program.
    pub(super) fn command(&mut self, name: &str, command: &mut Command) {
        self.step(name, || {
            let status = command.stdin(Stdio::null()).status()?;
            if status.success() { Ok(()) } else { Err(status.to_string().into()) }
        });
    }

    /// Runs a program that ends with the summaries of Rust's test harness, and counts its tests.
    pub(super) fn tests(&mut self, name: &str, command: &mut Command) {
        let mut counts = Counts::default();
        self.step(name, || {
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
            if let Some(stdout) = child.stdout.take() {
                let mut reader = BufReader::new(stdout);
                let mut line = Vec::new();
                while reader.read_until(b'\n', &mut line)? > 0 {
                    io::stdout().write_all(&line)?;
                    counts.add_summary(&String::from_utf8_lossy(&line));
                    line.clear();
                }
            }
            let status = child.wait()?;
            if status.success() { Ok(()) } else { Err(status.to_string().into()) }
        });
        self.tests.passed += counts.passed;
        self.tests.failed += counts.failed;
        self.tests.skipped += counts.skipped;
    }

    /// Runs a check of our own.
    pub(super) fn check(&mut self, name: &str, check: impl FnOnce() -> Result) {
        self.step(name, check);
    }

    /// Notes that something is left out, and how much.
    pub(super) fn skip(&mut self, name: &str, count: usize) {
        println!("\n== {name}: skipped ({count})");
        self.tests.skipped += count;
    }

    /// Prints the summary; an error if anything failed, or no test has the `filter` in its name.
    pub(super) fn finish(self, filter: Option<&str>) -> Result {
        println!("\n== summary");
        for step in &self.steps {
            let outcome = if step.failed { "FAILED" } else { "ok" };
            println!("{:>7.1} s  {outcome:<6}  {}", step.took.as_secs_f64(), step.name);
        }
        println!("{:>7.1} s  in all", self.start.elapsed().as_secs_f64());
        let failed: Vec<&str> =
            self.steps.iter().filter(|step| step.failed).map(|step| step.name.as_str()).collect();
        let Counts { passed, failed: failed_tests, skipped } = self.tests;
        println!("\n{passed} passed, {failed_tests} failed, {skipped} skipped");
        if !failed.is_empty() {
            return Err(format!("failed: {}", failed.join(", ")).into());
        }
        match filter {
            Some(filter) if passed == 0 => {
                Err(format!("no test that was run has `{filter}` in its name").into())
            }
            _ => Ok(()),
        }
    }

    fn step(&mut self, name: &str, run: impl FnOnce() -> Result) {
        println!("\n== {name} (after {})", minutes(self.start.elapsed()));
        let start = Instant::now();
        let result = run();
        if let Err(e) = &result {
            println!("{name}: {e}");
        }
        let step = Step { name: name.to_owned(), took: start.elapsed(), failed: result.is_err() };
        self.steps.push(step);
    }
}

/// `0:05`, `61:30`.
fn minutes(duration: Duration) -> String {
    format!("{}:{:02}", duration.as_secs() / 60, duration.as_secs() % 60)
}

impl Counts {
    /// Adds `test result: ok. 3 passed; 0 failed; 1 ignored; …`, if the line is such a one.
    fn add_summary(&mut self, line: &str) {
        let Some(summary) = line.trim_start().strip_prefix("test result:") else { return };
        let words: Vec<&str> = summary.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<usize>() else { continue };
            match pair[1].trim_end_matches(';') {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_no_test_has_in_its_name_is_an_error() {
        assert!(Report::new().finish(None).is_ok());
        let error = Report::new().finish(Some("nonsense")).unwrap_err();
        assert!(error.to_string().contains("`nonsense`"), "{error}");
        let mut report = Report::new();
        report.tests.passed = 1;
        assert!(report.finish(Some("sense")).is_ok());
    }

    #[test]
    fn counts_the_summaries_of_the_test_harness() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            counts.add_summary(line);
        }
        assert_eq!(counts, Counts { passed: 4, failed: 2, skipped: 1 });
    }
}
