//! `cargo xtask bench`: client CPU per million records, beside other clients driven the same way.

mod codec;
mod drivers;
mod records;
mod table;
mod target;

use std::process::Command;

use serde::Deserialize;

use self::drivers::Driver;
use self::target::Target;
use crate::Result;
use crate::args::Args;

const HELP: &str = "\
cargo xtask bench [--clients A,B] [--records N] [--size BYTES] [--codec NAME] [--linger-ms MS]
                  [--batch-bytes N,N] [--partitions N] [--runs N] [--bootstrap HOST:PORT]

Sends records without keys, acks=all and idempotent, and prints for each client the median over
interleaved runs: CPU seconds (user and system, of the client's process) per million acknowledged
records, records per second, peak resident memory, and the ratio of CPU to rohrpost's.

  --clients      rohrpost,rdkafka,franz-go (rdkafka needs a C compiler, franz-go needs Go)
  --records      3000000        --size         100          --codec    none
  --linger-ms    5              --batch-bytes  16384,131072 --runs     5
  --partitions   12, of the target's topics
  --bootstrap    a broker instead of the testkit's, which walks what it gets and forgets it

cargo xtask bench codec   encoding and decoding beside kafka-protocol (`--help`)
cargo xtask bench records   batches beside Java's, kafka-protocol's and bare codecs (`--help`)
";

/// One way to send: what every driver is told.
#[derive(Debug, Clone)]
struct Load {
    records: u64,
    size: u32,
    codec: String,
    linger_ms: u32,
    batch_bytes: u32,
}

/// What every driver prints, as one line of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Outcome {
    /// Acknowledged records.
    records: u64,
    records_per_s: f64,
    cpu_seconds_per_million: f64,
    peak_rss_bytes: u64,
    errors: u64,
}

pub(crate) fn run(args: &[String]) -> Result {
    if let Some(("codec", rest)) = args.split_first().map(|(part, rest)| (part.as_str(), rest)) {
        return codec::run(rest);
    }
    if let Some(("records", rest)) = args.split_first().map(|(part, rest)| (part.as_str(), rest)) {
        return records::run(rest);
    }
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let clients =
        args.value("--clients")?.unwrap_or_else(|| "rohrpost,rdkafka,franz-go".to_owned());
    let batches = args.value("--batch-bytes")?.unwrap_or_else(|| "16384,131072".to_owned());
    let runs: usize = args.value("--runs")?.unwrap_or(5);
    let partitions: u32 = args.value("--partitions")?.unwrap_or(12);
    let bootstrap: Option<String> = args.value("--bootstrap")?;
    let load = Load {
        records: args.value("--records")?.unwrap_or(3_000_000),
        size: args.value("--size")?.unwrap_or(100),
        codec: args.value("--codec")?.unwrap_or_else(|| "none".to_owned()),
        linger_ms: args.value("--linger-ms")?.unwrap_or(5),
        batch_bytes: 0,
    };
    args.finish()?;
    let drivers = clients.split(',').map(Driver::build).collect::<Result<Vec<Driver>>>()?;
    let target = Target::new(bootstrap, partitions)?;
    for batch in batches.split(',') {
        let batch_bytes = batch.parse().map_err(|_| format!("--batch-bytes: `{batch}`"))?;
        let load = Load { batch_bytes, ..load.clone() };
        let rows = measure(&drivers, &target, &load, runs)?;
        print!("{}", table::render(&load, runs, &rows));
    }
    Ok(())
}

/// Every client's outcomes: one run of each after the other, so that what disturbs the machine
/// disturbs them all.
fn measure<'a>(
    drivers: &'a [Driver],
    target: &Target,
    load: &Load,
    runs: usize,
) -> Result<Vec<(&'a str, Vec<Outcome>)>> {
    let mut rows: Vec<(&str, Vec<Outcome>)> =
        drivers.iter().map(|driver| (driver.name.as_str(), Vec::new())).collect();
    for run in 1..=runs {
        for (driver, (name, outcomes)) in drivers.iter().zip(&mut rows) {
            let outcome = run_once(driver, target, load)?;
            eprintln!(
                "{} B batches, run {run} of {runs}: {name} {:.3} CPU s/M, {:.0} records/s",
                load.batch_bytes, outcome.cpu_seconds_per_million, outcome.records_per_s
            );
            outcomes.push(outcome);
        }
    }
    Ok(rows)
}

fn run_once(driver: &Driver, target: &Target, load: &Load) -> Result<Outcome> {
    let output = Command::new(&driver.program)
        .args(["--bootstrap", target.address(), "--topic", "bench"])
        .args(["--records", &load.records.to_string(), "--size", &load.size.to_string()])
        .args(["--linger-ms", &load.linger_ms.to_string(), "--codec", &load.codec])
        .args(["--batch-bytes", &load.batch_bytes.to_string()])
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ended with {}: {errors}", driver.name, output.status).into());
    }
    let outcome: Outcome = serde_json::from_str(printed.trim())
        .map_err(|e| format!("{} printed {printed:?}: {e}", driver.name))?;
    // A client that loses records may be as fast as it likes.
    if outcome.errors > 0 || outcome.records != load.records {
        return Err(
            format!("{}: not every record was acknowledged: {outcome:?}", driver.name).into()
        );
    }
    Ok(outcome)
}
