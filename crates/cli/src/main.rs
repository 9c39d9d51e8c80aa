//! The `rohrpost` command: lines of text become records of a Kafka topic, and why they do not.
//!
//! It is a user of the crate `rohrpost` like any other, and of `rohrpost-testkit` for `--embedded`.

mod args;
mod doctor;
mod embedded;
mod escapes;
mod failures;
mod in_flight;
mod input;
mod ledger;
mod lines;
mod numbers;
mod plan;
mod produce;
mod progress;
mod properties;
mod pump;
mod settings;
mod stop;
mod summary;
mod terminal;
mod wake;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Produce(arguments) => produce::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Config(arguments) => properties::run(&arguments),
    }
}
