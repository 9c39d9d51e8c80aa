//! The command line of `cargo xtask bench`.

use std::fmt::Write as _;

use super::cells::{CELLS, Cell, ESSENTIAL, NAMING, SECURED_CELLS, TRANSACTIONS, Wait};
use super::drivers::{CLIENTS, QUICK, SECURED, TRANSACTIONAL};
use crate::Result;
use crate::args::Args;

/// What to measure, how often, against what.
pub(super) struct Options {
    pub(super) cells: Vec<Cell>,
    pub(super) clients: Vec<String>,
    /// The clients were named: none may be missing.
    pub(super) asked_for_clients: bool,
    pub(super) runs: usize,
    /// Of every client; else as many as take rohrpost `seconds`.
    pub(super) records: Option<u64>,
    pub(super) seconds: f64,
    pub(super) to: To,
    /// Every client also by TLS.
    pub(super) tls: bool,
}

pub(super) enum To {
    Discard,
    Real,
    Given(String),
}

impl Options {
    pub(super) fn read(mut args: Args) -> Result<Self> {
        let quick = args.flag("--quick");
        let transactions = args.flag("--transactions");
        let real = args.flag("--real");
        let tls = args.flag("--tls");
        let bootstrap: Option<String> = args.value("--bootstrap")?;
        let to = match (bootstrap, real) {
            (Some(_), true) => return Err("--bootstrap or --real, not both".into()),
            (Some(_), false) if tls => {
                return Err(
                    "--tls is for brokers that are started here: not with --bootstrap".into()
                );
            }
            (Some(address), false) => To::Given(address),
            (None, false) if !transactions => To::Discard,
            (None, _) => To::Real,
        };
        let named: Option<String> = args.value("--cells")?;
        let single = single(&mut args)?;
        let cells = match (named, single) {
            (Some(_), Some(_)) => {
                return Err("--cells, or options of a single cell, not both".into());
            }
            (Some(names), None) => names.split(',').map(parse).collect::<Result<_>>()?,
            (None, Some(cells)) => cells,
            (None, None) => {
                let names = match (transactions, tls, quick) {
                    (true, ..) => TRANSACTIONS,
                    (false, true, _) => SECURED_CELLS,
                    (false, false, true) => ESSENTIAL,
                    (false, false, false) => CELLS,
                };
                names.iter().copied().map(parse).collect::<Result<_>>()?
            }
        };
        let clients: Option<String> = args.value("--clients")?;
        let asked_for_clients = clients.is_some();
        let clients = match clients {
            Some(names) => names.split(',').map(str::to_owned).collect(),
            None if transactions => TRANSACTIONAL.iter().map(|&name| name.to_owned()).collect(),
            None if tls => SECURED.iter().map(|&name| name.to_owned()).collect(),
            None if quick => QUICK.iter().map(|&name| name.to_owned()).collect(),
            None => CLIENTS.iter().map(|client| client.name.to_owned()).collect(),
        };
        if matches!(to, To::Discard) && cells.iter().any(|cell| cell.transaction > 0) {
            return Err("the discard broker knows no transactions: --real or --bootstrap".into());
        }
        let runs = args.value("--runs")?.unwrap_or(3);
        let records = args.value("--records")?;
        args.finish()?;
        if runs == 0 || records == Some(0) {
            return Err("--runs and --records: at least 1".into());
        }
        let seconds = if quick { 0.4 } else { 1.0 };
        Ok(Self { cells, clients, asked_for_clients, runs, records, seconds, to, tls })
    }
}

fn parse(name: &str) -> Result<Cell> {
    Ok(name.parse()?)
}

/// A single cell, or one for each batch size, by its options; `None` if there is none of them.
fn single(args: &mut Args) -> Result<Option<Vec<Cell>>> {
    let mut parts: Vec<String> = Vec::new();
    for (name, unit) in [
        ("--size", "B"),
        ("--tasks", "tasks"),
        ("--topics", "topics"),
        ("--partitions", "partitions"),
        ("--threads", "threads"),
    ] {
        parts.extend(args.value::<u32>(name)?.map(|value| format!("{value}{unit}")));
    }
    for (name, word) in [("--linger-ms", "linger"), ("--headers", "headers"), ("--rate", "rate")] {
        parts.extend(args.value::<u32>(name)?.map(|value| format!("{word}{value}")));
    }
    parts.extend(args.value::<String>("--codec")?);
    if args.flag("--keys") {
        parts.push("keys".to_owned());
    }
    if args.flag("--each") {
        parts.push("each".to_owned());
    }
    let batches: Option<String> = args.value("--batch-bytes")?;
    if parts.is_empty() && batches.is_none() {
        return Ok(None);
    }
    let cell = if parts.is_empty() { Cell::default() } else { parse(&parts.join("/"))? };
    if cell.wait == Wait::Each && parts.iter().any(|part| part.starts_with("rate")) {
        return Err("--each or --rate, not both".into());
    }
    let batches = batches.unwrap_or_else(|| "16384,131072".to_owned());
    let with = |batch: &str| -> Result<Cell> {
        let batch_bytes = batch.parse().map_err(|_| format!("--batch-bytes: `{batch}`"))?;
        Ok(Cell { batch_bytes, ..cell.clone() })
    };
    batches.split(',').map(with).collect::<Result<_>>().map(Some)
}

pub(super) fn help() -> String {
    let mut text = "\
cargo xtask bench [--quick] [--cells A,B | OPTIONS OF ONE CELL] [--clients A,B] [--runs N]
                  [--records N] [--real | --bootstrap HOST:PORT] [--tls]
cargo xtask bench --transactions [--runs N] ...

Sends the same records through rohrpost, other clients and two floors, acks=all and idempotent, in
runs that take turns, and prints for each cell and client the medians: CPU seconds (user and system,
of the client's process) per million acknowledged records, its ratios to the floor `encode` and to
the best other client, records per second, resident memory, bytes of batches per record, requests,
batches; latencies where records are awaited singly or sent at a rate. Then which of the project's
figures are reached. Everything is in target/bench/results.json and report.html too.

  --quick      the essential cells, short runs, and rohrpost, rdkafka-base, franz-go and the floors:
               under three minutes when everything is built
  --cells      cells by name; without it all of them (the full matrix takes most of an hour)
  --clients    clients by name; without it all that can be built on this machine
  --runs       3; medians are taken of them
  --records    of every run of every client; without it as many as take rohrpost about a second, and
               fewer for slower clients
  --transactions  transactions of 1, 100 and 10,000 records (cells txn1, txn100, txn10000), to
               Apache Kafka, by rohrpost, franz-go, rdkafka-base and java: how many a second, and what
               one costs the client
  --real       send to Apache Kafka, started for this, instead of the discard broker, which walks
               what it gets and forgets it
  --bootstrap  send to a broker that has the topic `bench` (and bench-0 to bench-N)
  --tls        every client with TLS and without, in turns: rohrpost, rdkafka-base, java and franz-go,
               if none is named. The discard broker then speaks TLS 1.3 with AES-256-GCM alone

One cell:  --size 100 --codec none --linger-ms 5 --batch-bytes 16384,131072 --keys --headers 0
           --tasks 1 --topics N --partitions 12 --threads 2 --each | --rate N

cargo xtask bench build     how long the facade takes to build, and its crates (`--help`)
cargo xtask bench codec     encoding and decoding beside kafka-protocol (`--help`)
cargo xtask bench records   batches beside Java's, kafka-protocol's and bare codecs (`--help`)
cargo xtask bench schema-registry  Avro, Protocol Buffers and JSON Schema beside others' (`--help`)

"
    .to_owned();
    text.push_str(NAMING);
    let _ = writeln!(text, "\nCells (* with --quick):");
    for cell in CELLS {
        let star = if ESSENTIAL.contains(cell) { '*' } else { ' ' };
        let _ = writeln!(text, "  {star} {cell}");
    }
    let _ = writeln!(text, "\nClients (* with --quick):");
    for client in CLIENTS {
        let star = if QUICK.contains(&client.name) { '*' } else { ' ' };
        let _ = writeln!(text, "  {star} {:16} {}", client.name, client.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read(Args::new(&words))
    }

    fn cells(line: &str) -> Vec<String> {
        read(line).unwrap().cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn cells_are_named_or_described_or_all() {
        assert_eq!(cells(""), CELLS);
        assert_eq!(cells("--quick"), ESSENTIAL);
        assert_eq!(cells("--cells 1KB/lz4,each"), ["1KB/lz4/16KiB", "100B/none/16KiB/each"]);
        assert_eq!(cells("--size 1000"), ["1KB/none/16KiB", "1KB/none/128KiB"]);
        let described = "--keys --headers 2 --batch-bytes 16384 --rate 5 --linger-ms 1";
        assert_eq!(cells(described), ["100B/none/16KiB/linger1/keys/headers2/rate5"]);
    }

    #[test]
    fn transactions_are_a_real_brokers_and_of_clients_that_can() {
        let options = read("--transactions").unwrap();
        assert_eq!(cells("--transactions"), TRANSACTIONS);
        assert_eq!(options.clients, TRANSACTIONAL);
        assert!(matches!(options.to, To::Real) && !options.asked_for_clients);
        let given = read("--transactions --bootstrap a:1 --clients java").unwrap();
        assert!(matches!(given.to, To::Given(_)) && given.clients == ["java"]);
        assert!(read("--cells txn1").is_err() && read("--cells txn1 --real").is_ok());
    }

    #[test]
    fn contradictions_and_strangers_are_refused() {
        for line in [
            "--cells each --size 1",
            "--real --bootstrap a:1",
            "--tls --bootstrap a:1",
            "--cells",
            "--cells x",
            "--runs 0",
            "--codec rar",
            "--unknown",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn clients_asked_for_by_name_have_to_be_there() {
        assert!(!read("--quick").unwrap().asked_for_clients);
        let options = read("--clients java,raw").unwrap();
        assert!(options.asked_for_clients);
        assert_eq!(options.clients, ["java", "raw"]);
    }

    #[test]
    fn with_tls_there_are_few_cells_and_clients_unless_named() {
        assert_eq!(cells("--tls --quick"), SECURED_CELLS);
        assert_eq!(read("--tls").unwrap().clients, SECURED);
        let can = |name: &&str| CLIENTS.iter().any(|client| client.name == *name && client.has_tls);
        assert!(SECURED.iter().all(can));
        assert_eq!(read("--tls --clients java").unwrap().clients, ["java"]);
        assert!(!read("--quick").unwrap().tls);
    }

    #[test]
    fn help_names_every_cell_and_client() {
        let help = help();
        assert!(CELLS.iter().all(|cell| help.contains(cell)));
        assert!(CLIENTS.iter().all(|client| help.contains(client.name)));
    }
}
