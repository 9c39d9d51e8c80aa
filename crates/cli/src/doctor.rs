//! `rohrpost doctor`: what `rohrpost::doctor` finds, for people or for machines.

mod json;
mod text;

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use rohrpost::doctor::{Doctor as Examination, Report};

use crate::args::{Doctor, Output, Property};
use crate::properties;
use crate::settings;
use crate::terminal::{complain, print};

const FAILED: u8 = 1;
const MISUSED: u8 = 2;

/// Runs it.
pub(crate) fn run(arguments: &Doctor) -> ExitCode {
    if arguments.properties.contains(&Property::List) {
        return print_all(&properties::list(rohrpost::Dialect::Java), 0);
    }
    let config = match settings::examined(arguments, std::env::vars_os().collect()) {
        Ok(config) => config,
        Err(misuse) => {
            complain(misuse);
            return ExitCode::from(MISUSED);
        }
    };
    let mut examination = Examination::new(config).test_record(arguments.send);
    if let Some(topic) = &arguments.topic {
        examination = examination.topic(topic);
    }
    if let Some(timeout) = arguments.timeout {
        examination = examination.timeout(timeout);
    }
    let report = match examine(examination) {
        Ok(report) => report,
        Err(error) => {
            complain(format_args!("cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let text = match arguments.output {
        Output::Json => json::document(&report),
        Output::Text => text::page(&report, stdout().is_terminal()),
    };
    print_all(&text, if report.holds() { 0 } else { FAILED })
}

fn examine(examination: Examination) -> std::io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(examination.examine());
    // A look-up may hang in the system's resolver: it is not waited for.
    runtime.shutdown_background();
    Ok(report)
}

fn print_all(text: &str, status: u8) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::from(status),
        Err(error) => {
            complain(format_args!("cannot write to standard output: {error}"));
            ExitCode::from(FAILED)
        }
    }
}
