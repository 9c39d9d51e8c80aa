//! The kacrab driver of `cargo xtask bench`.
//!
//! Its `send` does not wait: where the buffer is full it spins until there is room, for at most `max.block.ms`.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use bytes::Bytes;
use kacrab::producer::{Producer, ProducerRecord};
use rohrpost_bench_load::{Await, InOrder, Load, Meter, Outcome, Pace, Records};
use tokio::runtime::{Builder, Runtime};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// How many different keys.
const KEYS: usize = 100_000;

/// What to send, made of what costs the client least.
struct Job {
    load: Load,
    topics: Vec<Arc<str>>,
    values: Vec<Bytes>,
    keys: Vec<Bytes>,
    headers: Vec<(Bytes, Bytes)>,
}

impl Job {
    fn new(load: Load) -> Self {
        let records = Records::new(load.size, load.has_keys, load.headers);
        Self {
            topics: load.topics.iter().map(|topic| topic.as_str().into()).collect(),
            values: records.values().iter().map(|value| Bytes::copy_from_slice(value)).collect(),
            keys: (0..KEYS)
                .filter_map(|number| records.key(number).map(Bytes::copy_from_slice))
                .collect(),
            headers: records
                .headers()
                .iter()
                .map(|(name, value)| (name.clone().into(), value.to_vec().into()))
                .collect(),
            load,
        }
    }

    fn record(&self, number: usize) -> ProducerRecord {
        let topic = self.topics[number % self.topics.len()].clone();
        let mut record =
            ProducerRecord::topic_value(topic, self.values[number % self.values.len()].clone());
        if !self.keys.is_empty() {
            record = record.key(self.keys[number % KEYS].clone());
        }
        for (name, value) in &self.headers {
            record = record.header(name.clone(), value.clone());
        }
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
    let producer = Producer::builder()
        .set("bootstrap.servers", load.bootstrap.as_str())
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "5")
        .set("buffer.memory", (32 << 20).to_string())
        .set("linger.ms", load.linger_ms.to_string())
        .set("batch.size", load.batch_bytes.to_string())
        .set("compression.type", load.codec.as_str())
        .set("max.request.size", ((1 << 20) + load.size).to_string())
        .build()
        .await?;
    for number in 0..job.topics.len() {
        producer.send(job.record(number))?.await?;
    }
    Ok(producer)
}

fn send(runtime: &Runtime, producer: &Arc<Producer>, job: &Arc<Job>) -> Result<Outcome> {
    let mut tasks = Vec::new();
    for numbers in job.load.shares() {
        let (producer, job, handle) = (producer.clone(), job.clone(), runtime.handle().clone());
        tasks.push(match job.load.awaits {
            Await::Each => runtime.spawn(async move { each(&producer, &job, numbers).await }),
            // A worker that spins may be the one that the producer's own tasks wait for.
            _ => runtime.spawn_blocking(move || handle.block_on(all(&producer, &job, numbers))),
        });
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
        outstanding.push(producer.send(job.record(number))?, |result| outcome.count(result));
    }
    producer.flush().await?;
    outstanding.finish(|result| outcome.count(result)).await;
    Ok(outcome)
}

async fn each(producer: &Producer, job: &Job, numbers: Range<usize>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for number in numbers {
        let record = job.record(number);
        let start = Instant::now();
        let result = producer.send(record)?.await;
        outcome.latencies.note(start.elapsed());
        outcome.count(result);
    }
    Ok(outcome)
}

/// From a thread outside the runtime: a runtime's timers tick in milliseconds.
fn at_rate(runtime: &Runtime, producer: &Producer, job: &Job) -> Result<Outcome> {
    let _runtime = runtime.enter();
    let (results, arrived) = channel();
    let pace = Pace::start(job.load.rate);
    for number in 0..job.load.records {
        pace.sleep_until(number);
        let (results, intended) = (results.clone(), pace.intended(number));
        // Its future is dropped: the callback says the same.
        let _ = producer.send_with_callback(job.record(number), move |result| {
            let _ = results.send((intended.elapsed(), result));
        })?;
    }
    drop(results);
    let mut outcome = Outcome::default();
    for (latency, result) in arrived {
        outcome.latencies.note(latency);
        outcome.count(result);
    }
    Ok(outcome)
}
