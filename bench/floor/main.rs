//! The floors of `cargo xtask bench`: what the same records cost without a producer around them. One thread, one blocking socket, Produce
//! requests of at most one batch of each partition and 1 MiB, five of them in flight.
//!
//! * `--client raw`: requests that were encoded before the clock started, each one write. Batches have no producer id, so that they can be
//!   sent again and again.
//! * `--client encode`: a plain loop that encodes each record with rohrpost-records' builder, compresses, stamps and sends. The partitions take turns
//!   batch by batch; with keys murmur2 chooses. No results for single records, no locks, no retries; buffers are used again at once. The time is read once in 64
//!   records, and `linger` plays no part: a batch goes when it is full, or when 32 MiB are open.
//!
//! Both take what every driver takes; `--tasks` and `--threads` change nothing.

mod batches;
mod connection;
mod encode;
mod pace;
mod raw;

use std::error::Error;
use std::process::ExitCode;

use rohrpost_bench_load::{Await, Load, Meter, Records};

use crate::batches::Batches;
use crate::connection::Connection;
use crate::encode::Encoder;
use crate::raw::Raw;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let load = Load::from_command_line(&["client"]);
    let run = match load.extra("client") {
        Some("raw") => raw(&load),
        Some("encode") => encode(&load),
        _ => {
            eprintln!("--client raw or --client encode");
            return ExitCode::from(2);
        }
    };
    match run {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn raw(load: &Load) -> Result<String> {
    let records = Records::new(load.size, load.has_keys, load.headers);
    let mut connection = Connection::open(&load.bootstrap)?;
    let topics = connection.topics(&load.topics)?;
    let batches = Batches::new(&records, load)?;
    let mut raw = Raw::prepare(&connection, &topics, batches, load)?;
    let meter = Meter::start()?;
    let latencies = match load.awaits {
        Await::All => raw.all(&mut connection)?,
        Await::Each => Some(raw.each(&mut connection, load.records)?),
        Await::Rate => {
            let send = |connection: &mut Connection, first, _| raw.one(connection, first);
            Some(pace::run(&mut connection, load.rate, load.records, send)?)
        }
    };
    let (acknowledged, errors) = connection.results();
    Ok(meter.report(acknowledged, errors, latencies, Some(connection.traffic()))?)
}

fn encode(load: &Load) -> Result<String> {
    let records = Records::new(load.size, load.has_keys, load.headers);
    let mut connection = Connection::open(&load.bootstrap)?;
    let topics = connection.topics(&load.topics)?;
    let producer = connection.producer()?;
    let mut encoder = Encoder::new(topics, producer, Batches::new(&records, load)?, load);
    let meter = Meter::start()?;
    let latencies = match load.awaits {
        Await::All => encoder.all(&mut connection, load.records)?,
        Await::Each => Some(encoder.each(&mut connection, load.records)?),
        Await::Rate => {
            let send = |connection: &mut Connection, first, due| {
                encoder.some(connection, first, due).map(|()| due)
            };
            Some(pace::run(&mut connection, load.rate, load.records, send)?)
        }
    };
    let (acknowledged, errors) = connection.results();
    Ok(meter.report(acknowledged, errors, latencies, Some(connection.traffic()))?)
}
