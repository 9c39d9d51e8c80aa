//! Runs, one client after the other and again.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::cells::Cell;
use super::drivers::{Client, Driver};
use super::options::Options;
use super::outcome::{Measured, Outcome, Role, Row, Run, with_tls};
use super::target::Target;
use crate::Result;

/// No run takes that long, unless a client hangs.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// Every client's runs of a cell: one of each after the other, so that what disturbs the machine disturbs them all. A peer that fails is
/// not run again; anything else that fails is an error.
pub(super) fn cell(
    drivers: &[Driver],
    target: &mut Target,
    cell: &Cell,
    options: &Options,
) -> Result<Measured> {
    let ready = target.prepare(cell)?;
    let mut entrants: Vec<(&Driver, bool, Row)> = Vec::new();
    for driver in drivers {
        for is_tls in [false, true] {
            if is_tls && ready.secured.is_none() {
                continue;
            }
            entrants.push((driver, is_tls, new_row(driver.client, is_tls, cell, options)));
        }
    }
    for number in 1..=options.runs {
        for (driver, is_tls, row) in &mut entrants {
            if row.failure.is_some() {
                continue;
            }
            let mut command = driver.command();
            command.args(["--topic", &ready.topic]);
            match ready.secured.as_ref().filter(|_| *is_tls) {
                Some((address, ca)) => {
                    command.args(["--bootstrap", address, "--tls"]).arg(ca);
                }
                None => {
                    command.args(["--bootstrap", &ready.address]);
                }
            }
            command.args(cell.arguments(row.records));
            target.take(*is_tls)?;
            let outcome = run(command, row.records);
            let taken = target.take(*is_tls)?;
            match outcome {
                Ok(outcome) => {
                    eprintln!(
                        "  {number}/{}: {:20} {:.3} CPU s/M, {:.0} records/s",
                        options.runs,
                        row.client,
                        outcome.cpu_seconds_per_million,
                        outcome.records_per_s
                    );
                    // A broker that took nothing saw nobody: its counts say nothing.
                    row.runs.push(Run { outcome, taken: taken.filter(|taken| taken.records > 0) });
                }
                Err(error) if row.role == Role::Peer => {
                    eprintln!("  {number}/{}: {:20} {error}", options.runs, row.client);
                    row.failure = Some(error.to_string());
                }
                Err(error) => return Err(format!("{}: {error}", row.client).into()),
            }
        }
    }
    let rows = entrants.into_iter().map(|(_, _, row)| row).collect();
    Ok(Measured { cell: cell.clone(), rows })
}

fn new_row(client: &Client, is_tls: bool, cell: &Cell, options: &Options) -> Row {
    let records = options.records;
    Row {
        client: if is_tls { with_tls(client.name) } else { client.name.to_owned() },
        is_tls,
        role: client.role,
        records: records.unwrap_or_else(|| cell.records(options.seconds, client.role, client.part)),
        runs: Vec::new(),
        failure: None,
    }
}

fn run(mut command: Command, records: u64) -> Result<Outcome> {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let id = process.id();
    // Dropped when the program has ended: whoever waits for it in vain ends the program.
    let (ended, end) = channel::<()>();
    let watch = thread::spawn(move || {
        let hangs = end.recv_timeout(LONGEST_RUN) == Err(RecvTimeoutError::Timeout);
        hangs.then(|| Command::new("kill").args(["-KILL", &id.to_string()]).status())
    });
    let (mut stdout, mut stderr) = (String::new(), Vec::new());
    let errors = process.stderr.take().map(|mut pipe| {
        thread::spawn(move || {
            let _ = pipe.read_to_end(&mut stderr);
            stderr
        })
    });
    if let Some(mut pipe) = process.stdout.take() {
        pipe.read_to_string(&mut stdout)?;
    }
    // The process is not waited for yet, so that its id is nobody else's.
    drop(ended);
    let was_killed = watch.join().ok().flatten().is_some();
    let status = process.wait()?;
    if was_killed {
        return Err(format!("no end after {} s", LONGEST_RUN.as_secs()).into());
    }
    if !status.success() {
        let errors = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors);
        let last = errors.trim().lines().next_back().unwrap_or_default();
        return Err(format!("{status}: {last}").into());
    }
    let outcome: Outcome =
        serde_json::from_str(stdout.trim()).map_err(|e| format!("printed {stdout:?}: {e}"))?;
    // A client that loses records may be as fast as it likes.
    if outcome.errors > 0 || outcome.records != records {
        return Err(format!(
            "{} of {records} records acknowledged, {} errors",
            outcome.records, outcome.errors
        )
        .into());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Outcome> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, 5)
    }

    #[test]
    fn only_a_run_that_acknowledged_every_record_counts() {
        let line = |records: u32, errors: u32| {
            format!(
                "echo '{{\"records\":{records},\"records_per_s\":1,\"cpu_seconds_per_million\":2,\
                 \"peak_rss_bytes\":3,\"errors\":{errors},\"latency_us\":null}}'"
            )
        };
        assert_eq!(shell(&line(5, 0)).unwrap().cpu_seconds_per_million, 2.0);
        assert!(shell(&line(4, 0)).is_err());
        assert!(shell(&line(5, 1)).is_err());
        assert!(shell("echo nonsense").is_err());
    }

    #[test]
    fn a_program_that_fails_says_why() {
        let error = shell("echo first >&2; echo no broker >&2; exit 3").unwrap_err().to_string();
        assert!(error.contains("no broker") && error.contains('3'), "{error}");
    }
}
