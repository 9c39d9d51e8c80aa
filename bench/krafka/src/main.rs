//! The krafka driver of `cargo xtask bench`.
//!
//! Its records own the name of their topic: a `String` for each.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use krafka::producer::{Acks, Producer};
use krafka::{Compression, Kafka, Record};
use rohrpost_bench_load::{Await, InOrder, Load, Meter, Outcome, Pace, Records};
use tokio::runtime::{Builder, Runtime};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// How many different keys.
const KEYS: usize = 100_000;

/// What to send, made of what costs the client least.
struct Job {
    load: Load,
    values: Vec<Bytes>,
    keys: Vec<Bytes>,
    headers: Vec<(String, Option<Bytes>)>,
}

impl Job {
    fn new(load: Load) -> Self {
        let records = Records::new(load.size, load.has_keys, load.headers);
        Self {
            values: records.values().iter().map(|value| Bytes::copy_from_slice(value)).collect(),
            keys: (0..KEYS)
                .filter_map(|number| records.key(number).map(Bytes::copy_from_slice))
                .collect(),
            headers: records
                .headers()
                .iter()
                .map(|(name, value)| (name.clone(), Some(value.to_vec().into())))
                .collect(),
            load,
        }
    }

    fn record(&self, number: usize) -> Record {
        let mut record =
            Record::new(self.load.topic(number), self.values[number % self.values.len()].clone());
        record.key = self.keys.get(number % KEYS).cloned();
        record.headers.clone_from(&self.headers);
        record
    }
}

fn main() -> ExitCode {
    match run(Load::from_command_line(&[])) {
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

fn run(load: Load) -> Result<String> {
    let runtime = Builder::new_multi_thread().worker_threads(load.threads).enable_all().build()?;
    let job = Arc::new(Job::new(load));
    let producer = Arc::new(runtime.block_on(connect(&job))?);
    let meter = Meter::start()?;
    let outcome = match job.load.awaits {
        Await::Rate => at_rate(&runtime, &producer, &job)?,
        _ => send(&runtime, &producer, &job)?,
    };
    Ok(outcome.report(meter, &job.load)?)
}

/// A producer that has sent a record to every topic.
async fn connect(job: &Job) -> Result<Producer> {
    let load = &job.load;
    let producer = Kafka::builder(load.bootstrap.as_str())
        .connect()
        .await?
        .producer()
        .acks(Acks::All)
        .idempotent(true)
        .buffer_memory(32 << 20)
        .linger(Duration::from_millis(load.linger_ms.into()))
        .batch_size(load.batch_bytes)
        .compression(compression(&load.codec)?)
        .metrics_push(false)
        .build()
        .await?;
    for number in 0..load.topics.len() {
        let _ = producer.send(job.record(number)).await?;
    }
    Ok(producer)
}

fn compression(codec: &str) -> Result<Compression> {
    Ok(match codec {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => return Err(format!("--codec {codec}: none, gzip, snappy, lz4 or zstd").into()),
    })
}

fn send(runtime: &Runtime, producer: &Arc<Producer>, job: &Arc<Job>) -> Result<Outcome> {
    let mut tasks = Vec::new();
    for numbers in job.load.shares() {
        let (producer, job) = (producer.clone(), job.clone());
        tasks.push(runtime.spawn(async move {
            match job.load.awaits {
                Await::Each => Ok(each(&producer, &job, numbers).await),
                _ => all(&producer, &job, numbers).await,
            }
        }));
    }
    let mut outcome = Outcome::default();
    for task in tasks {
        outcome.merge(runtime.block_on(task)??);
    }
    Ok(outcome)
}

async fn all(producer: &Producer, job: &Job, numbers: Range<usize>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut outstanding = InOrder::new();
    for number in numbers {
        outstanding
            .push(producer.enqueue(job.record(number)).await?, |result| outcome.count(result));
    }
    producer.flush().await?;
    outstanding.finish(|result| outcome.count(result)).await;
    Ok(outcome)
}

async fn each(producer: &Producer, job: &Job, numbers: Range<usize>) -> Outcome {
    let mut outcome = Outcome::default();
    for number in numbers {
        let record = job.record(number);
        let start = Instant::now();
        let result = producer.send(record).await;
        outcome.latencies.note(start.elapsed());
        outcome.count(result);
    }
    outcome
}

/// From a thread outside the runtime: a runtime's timers tick in milliseconds.
fn at_rate(runtime: &Runtime, producer: &Producer, job: &Job) -> Result<Outcome> {
    let (results, arrived) = channel();
    let pace = Pace::start(job.load.rate);
    for number in 0..job.load.records {
        pace.sleep_until(number);
        let delivery = runtime.block_on(producer.enqueue(job.record(number)))?;
        let (results, intended) = (results.clone(), pace.intended(number));
        runtime.spawn(async move {
            let result = delivery.await;
            let _ = results.send((intended.elapsed(), result));
        });
    }
    drop(results);
    let mut outcome = Outcome::default();
    for (latency, result) in arrived {
        outcome.latencies.note(latency);
        outcome.count(result);
    }
    Ok(outcome)
}
