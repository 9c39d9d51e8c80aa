//! The rohrpost driver of `cargo xtask bench`: sends records and takes the result of every one, as an application would.
//!
//! With `--results settled` (the default) by `send_into`, which gathers the results of each batch; with `--results single` by a `Delivery` for each record,
//! awaited one after the other. With `--transaction N` in transactions, one after the other.

mod paced;
mod senders;
mod transactions;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Header, Producer, ProducerBuilder, ProducerRecord, Settled, TopicHandle};
use rohrpost_bench_load::{Await, Latencies, Load, Meter, Records, TRANSACTION, Traffic};
use tokio::runtime::{Builder, Runtime};

/// What this driver takes beside the usual options.
const OPTIONS: &[&str] = if cfg!(feature = "tls") {
    &["results", TRANSACTION, "tls"]
} else {
    &["results", TRANSACTION]
};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// What became of the records.
#[derive(Debug, Default)]
struct Outcome {
    acknowledged: u64,
    errors: u64,
    latencies: Latencies,
}

impl Outcome {
    fn count<T>(&mut self, result: &Result<T, rohrpost::Error>) {
        match result {
            Ok(_) => self.acknowledged += 1,
            Err(_) => self.errors += 1,
        }
    }

    fn settle(&mut self, settled: &Settled) {
        match settled.error() {
            None => self.acknowledged += settled.records(),
            Some(_) => self.errors += settled.records(),
        }
    }

    fn merge(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.errors += other.errors;
        self.latencies.merge(other.latencies);
    }
}

fn main() -> ExitCode {
    let load = Load::from_command_line(OPTIONS);
    let is_single = match load.extra("results") {
        None | Some("settled") => false,
        Some("single") => true,
        Some(other) => {
            eprintln!("--results {other}: settled or single");
            return ExitCode::from(2);
        }
    };
    match run(load, is_single) {
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

fn run(load: Load, is_single: bool) -> Result<String> {
    let runtime = if load.threads == 1 {
        Builder::new_current_thread().enable_all().build()?
    } else {
        Builder::new_multi_thread().worker_threads(load.threads).enable_all().build()?
    };
    let load = Arc::new(load);
    let records = Arc::new(Records::new(load.size, load.has_keys, load.headers));
    if load.transaction > 0 {
        return transactions::run(&runtime, &load, &records, load.transaction);
    }
    let producer = runtime.block_on(connect(&load, &records))?;
    let before = producer.stats();
    let meter = Meter::start()?;
    let outcome = match load.awaits {
        Await::Rate => paced::run(&runtime, &producer, &load, &records)?,
        Await::All | Await::Each => send(&runtime, &producer, &load, &records, is_single)?,
    };
    let stats = producer.stats();
    let latencies = (load.awaits != Await::All).then_some(outcome.latencies);
    let traffic = Traffic {
        requests: stats.requests - before.requests,
        batches: stats.batches - before.batches,
        bytes: stats.batch_bytes - before.batch_bytes,
    };
    let line = meter.report(outcome.acknowledged, outcome.errors, latencies, Some(traffic))?;
    runtime.block_on(producer.close(Duration::from_secs(10)))?;
    Ok(line)
}

/// A producer that knows every topic and has sent a record.
async fn connect(load: &Load, records: &Records) -> Result<Producer> {
    let builder = Producer::builder()
        .bootstrap_servers(load.bootstrap.as_str())
        .property("linger.ms", load.linger_ms.to_string())
        .property("batch.size", load.batch_bytes.to_string())
        .property("compression.type", load.codec.as_str())
        .property("acks", "all")
        .property("enable.idempotence", "true");
    let producer = secured(builder, load).build().await?;
    for topic in &load.topics {
        producer.partitions_for(topic).await?;
    }
    producer.send(Sendables::new(&producer, load, records).get(0)).await?.await?;
    Ok(producer)
}

/// With TLS, where that is asked for.
fn secured(builder: ProducerBuilder, load: &Load) -> ProducerBuilder {
    let Some(ca) = load.extra("tls") else { return builder };
    builder
        .property("security.protocol", "SSL")
        .property("ssl.truststore.type", "PEM")
        .property("ssl.truststore.location", ca)
}

fn send(
    runtime: &Runtime,
    producer: &Producer,
    load: &Arc<Load>,
    records: &Arc<Records>,
    is_single: bool,
) -> Result<Outcome> {
    let mut tasks = Vec::new();
    let mut end = 0;
    for task in 0..load.tasks {
        let start = end;
        end += load.records / load.tasks + usize::from(task < load.records % load.tasks);
        let (producer, load, records) = (producer.clone(), load.clone(), records.clone());
        // On a worker, where an application's tasks are, not on the thread that blocks for the runtime.
        tasks.push(runtime.spawn(async move {
            match load.awaits {
                Await::Each => senders::each(&producer, &load, &records, start..end).await,
                _ if is_single => senders::all_single(&producer, &load, &records, start..end).await,
                _ => senders::all(&producer, &load, &records, start..end).await,
            }
        }));
    }
    let mut outcome = Outcome::default();
    for task in tasks {
        outcome.merge(runtime.block_on(task)??);
    }
    Ok(outcome)
}

/// The records to send, and what they have in common.
struct Sendables<'a> {
    records: &'a Records,
    headers: Vec<Header<'a>>,
    topics: Vec<TopicHandle>,
}

impl<'a> Sendables<'a> {
    fn new(producer: &Producer, load: &Load, records: &'a Records) -> Self {
        let headers = records.headers().iter();
        Self {
            records,
            headers: headers.map(|(name, value)| Header::new(name.as_str(), value)).collect(),
            topics: load.topics.iter().map(|topic| producer.topic(topic)).collect(),
        }
    }

    /// The record of that number.
    #[inline]
    fn get(&self, number: usize) -> ProducerRecord<'_> {
        let topic = match self.topics.as_slice() {
            [topic] => topic,
            topics => &topics[number % topics.len()],
        };
        ProducerRecord::new(topic)
            .key(self.records.key(number))
            .value(self.records.value(number))
            .with_headers(&self.headers)
    }
}
