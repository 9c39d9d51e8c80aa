//! The librdkafka driver of `cargo xtask bench`: `--client base`, `threaded` or `future` says which of the crate rdkafka's producers; with `--transaction N`, `base` sends in transactions.
//!
//! The crate copies every value (`RD_KAFKA_MSG_F_COPY`) and allocates the topic's name for every record: it offers no other way.

mod callbacks;
mod futures;
mod transactions;

use std::error::Error;
use std::process::{self, ExitCode};

use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rohrpost_bench_load::{Load, Records, TRANSACTION};

/// What this driver takes beside the usual options.
const OPTIONS: &[&str] =
    if cfg!(feature = "tls") { &["client", TRANSACTION, "tls"] } else { &["client", TRANSACTION] };

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let load = Load::from_command_line(OPTIONS);
    let records = Records::new(load.size, load.has_keys, load.headers);
    let line = match load.extra("client").unwrap_or("threaded") {
        "base" if load.transaction > 0 => transactions::run(&load, &records),
        _ if load.transaction > 0 => {
            eprintln!("--transaction: of --client base");
            process::exit(2);
        }
        "base" => callbacks::run_base(&load, &records),
        "threaded" => callbacks::run_threaded(&load, &records),
        "future" => futures::run(load, records),
        other => {
            eprintln!("--client {other}: base, threaded or future");
            process::exit(2);
        }
    };
    match line {
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

fn config(load: &Load) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &load.bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight", "5")
        .set("linger.ms", load.linger_ms.to_string())
        .set("batch.size", load.batch_bytes.to_string())
        .set("compression.codec", &load.codec)
        .set("queue.buffering.max.kbytes", "32768")
        // Java's, and as there what has no key sticks to a partition for a while.
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", (1_000_000 + load.size).to_string())
        .set("socket.nagle.disable", "true");
    if let Some(ca) = load.extra("tls") {
        config.set("security.protocol", "ssl").set("ssl.ca.location", ca);
    }
    config
}

fn headers(records: &Records) -> Option<OwnedHeaders> {
    let headers = records.headers();
    if headers.is_empty() {
        return None;
    }
    let empty = OwnedHeaders::new_with_capacity(headers.len());
    Some(
        headers
            .iter()
            .fold(empty, |all, (key, value)| all.insert(Header { key, value: Some(value) })),
    )
}
