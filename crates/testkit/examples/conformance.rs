//! Holds the broker model to Apache Kafka: random sequences of requests go to both, and every answer of the model must be Kafka's.
//!
//! `cargo run -p rohrpost-testkit --example conformance -- HOST:PORT [--seed N] [--cases M] [--from K] [--trace]` wants a Kafka of
//! one broker, with nothing else going on in it, with an authorizer, and without topics that create themselves; `cargo xtask
//! conformance broker` starts such a one. The same seed asks the same again; `--from K --cases 1` asks the sequence K alone. With
//! `--scenes` it plays what is written down about time, for which the broker must forget producers soon.

#![allow(clippy::unwrap_used, reason = "requests that cannot be made end the comparison")]

#[path = "conformance/acls.rs"]
mod acls;
#[path = "conformance/answers.rs"]
mod answers;
#[path = "conformance/asks.rs"]
mod asks;
#[path = "conformance/batches.rs"]
mod batches;
#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/dice.rs"]
mod dice;
#[path = "conformance/draw.rs"]
mod draw;
#[path = "conformance/draw_transactions.rs"]
mod draw_transactions;
#[path = "conformance/joining.rs"]
mod joining;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/scenes.rs"]
mod scenes;
#[path = "conformance/sides.rs"]
mod sides;
#[path = "conformance/steps.rs"]
mod steps;

use std::error::Error;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use sides::Kafka;

/// Mismatches that are printed whole; the others are only counted.
const PRINTED: usize = 12;

fn main() -> ExitCode {
    match compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn compare() -> Result<bool, Box<dyn Error>> {
    // The timestamps of batches are from before whatever the brokers do.
    batches::start_ms();
    let options = Options::parse(std::env::args().skip(1))?;
    let mut kafka = Kafka::at(&options.address)?;
    kafka.wait_for_coordinator()?;
    // Names that no earlier run has used: a cluster remembers.
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let (mut requests, mut mismatches) = (0, 0);
    if options.scenes {
        let scenes = scenes::all(run);
        let count = scenes.len();
        for (name, steps) in scenes {
            let told = scenes::compare(&mut kafka, steps, &format!("{name}-{run}"), options.trace)?;
            requests += told.requests;
            mismatches += usize::from(told.mismatch.is_some());
            told.mismatch.iter().for_each(|mismatch| println!("{name}: {mismatch}"));
        }
        println!("{count} scenes, {requests} requests, {mismatches} mismatches");
        return Ok(mismatches == 0);
    }
    for number in options.from..options.from + options.cases {
        let told = case::compare(&mut kafka, options.seed, number, run, options.trace)?;
        requests += told.requests;
        if let Some(mismatch) = told.mismatch {
            mismatches += 1;
            if mismatches <= PRINTED {
                println!("seed {}, sequence {number}: {mismatch}", options.seed);
            }
        }
    }
    println!("{} sequences, {requests} requests, {mismatches} mismatches", options.cases);
    Ok(mismatches == 0)
}

struct Options {
    address: String,
    seed: u64,
    from: u64,
    cases: u64,
    trace: bool,
    scenes: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        const USAGE: &str =
            "conformance HOST:PORT [--seed N] [--cases M] [--from K] [--scenes] [--trace]";
        let address = arguments.next().ok_or(USAGE)?;
        let mut options =
            Self { address, seed: 0, from: 0, cases: 100, trace: false, scenes: false };
        while let Some(name) = arguments.next() {
            if name == "--trace" {
                options.trace = true;
                continue;
            }
            if name == "--scenes" {
                options.scenes = true;
                continue;
            }
            let value = match name.as_str() {
                "--seed" => &mut options.seed,
                "--from" => &mut options.from,
                "--cases" => &mut options.cases,
                _ => return Err(format!("{name} is not known: {USAGE}")),
            };
            let text = arguments.next().ok_or(format!("{name} wants a number"))?;
            *value = text.parse().map_err(|_| format!("{name}: {text} is no number"))?;
        }
        Ok(options)
    }
}
