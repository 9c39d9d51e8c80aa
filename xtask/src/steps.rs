//! Steps one after the other, their output as it comes, and a summary at the end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// A test program that says nothing for so long hangs. The longest tests take three minutes.
const SILENCE: Duration = Duration::from_secs(12 * 60);

/// What has been run so far. A step that fails does not keep the next ones from running: one look
/// at the summary shows all that is wrong.
pub(crate) struct Report {
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
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), steps: Vec::new(), tests: Counts::default() }
    }

    /// Runs a program.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) {
        self.step(name, || {
            let status = command.stdin(Stdio::null()).status()?;
            if status.success() { Ok(()) } else { Err(status.to_string().into()) }
        });
    }

    /// Runs a program that ends with the summaries of Rust's test harness, and counts its tests.
    pub(crate) fn tests(&mut self, name: &str, command: &mut Command) {
        let mut counts = Counts::default();
        self.step(name, || run_tests(command, SILENCE, &mut counts));
        self.tests.passed += counts.passed;
        self.tests.failed += counts.failed;
        self.tests.skipped += counts.skipped;
    }

    /// Runs a check of our own.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result) {
        self.step(name, check);
    }

    /// Notes that something is left out, and how much.
    pub(crate) fn skip(&mut self, name: &str, count: usize) {
        println!("\n== {name}: skipped ({count})");
        self.tests.skipped += count;
    }

    /// Prints the summary; an error if anything failed, or no test has the `filter` in its name.
    pub(crate) fn finish(self, filter: Option<&str>) -> Result {
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

/// Runs cargo, which runs one test program after the other; ends those that hang, so that the run goes on and says where it was.
fn run_tests(command: &mut Command, silence: Duration, counts: &mut Counts) -> Result {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let Some(stdout) = child.stdout.take() else { return Err("no output".into()) };
    let (sender, pieces) = mpsc::channel();
    thread::spawn(move || read_pieces(stdout, &sender));
    let mut line = Vec::new();
    loop {
        match pieces.recv_timeout(silence) {
            Ok(piece) => {
                io::stdout().write_all(&piece)?;
                io::stdout().flush()?;
                line.extend_from_slice(&piece);
                if piece.ends_with(b"\n") {
                    counts.add_summary(&String::from_utf8_lossy(&line));
                    line.clear();
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                println!("\nnothing came for {} s: the test program hangs", silence.as_secs());
                end_children(child.id())?;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(status.to_string().into()) }
}

/// Lines and the parts of lines, as they come, each at most a line: the test harness prints a dot for a test.
fn read_pieces(output: impl Read, to: &mpsc::Sender<Vec<u8>>) {
    let mut reader = BufReader::new(output);
    while let Ok(available) = reader.fill_buf()
        && !available.is_empty()
    {
        let end =
            available.iter().position(|byte| *byte == b'\n').map_or(available.len(), |at| at + 1);
        let piece = available[..end].to_vec();
        reader.consume(end);
        if to.send(piece).is_err() {
            return;
        }
    }
}

/// Ends what a process has started, not the process itself: cargo then goes on with the next test program.
fn end_children(parent: u32) -> Result {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    for child in children.split_whitespace() {
        Command::new("kill").args(["-ABRT", child]).status()?;
    }
    Ok(())
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
    fn a_test_program_that_hangs_is_ended_and_the_next_one_runs() {
        let script = "sleep 1000; echo 'test result: ok. 2 passed; 0 failed;'; exit 3";
        let mut counts = Counts::default();
        let mut shell = Command::new("sh");
        let result = run_tests(shell.args(["-c", script]), Duration::from_millis(300), &mut counts);
        assert!(result.unwrap_err().to_string().contains('3'));
        assert_eq!(counts.passed, 2);
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
