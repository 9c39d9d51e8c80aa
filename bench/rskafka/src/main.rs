//! The rskafka driver of `cargo xtask bench`, with its `BatchProducer`.
//!
//! It is not idempotent, and has no producer of all partitions: there is one `BatchProducer` for each, and what chooses among them, and
//! holds back the senders, is here. `produce` ends with the acknowledgement, so that many are under way at the same time.

mod partitions;

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rohrpost_bench_load::{Await, Load, Meter, Outcome, Pace, Records};
use tokio::runtime::{Builder, Runtime};

use crate::partitions::{Sticky, Topics};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// What the other clients hold at most, bytes.
const BUFFER_MEMORY: usize = 32 << 20;

struct Job {
    load: Load,
    records: Records,
    topics: Topics,
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
    let records = Records::new(load.size, load.has_keys, load.headers);
    let topics = runtime.block_on(Topics::connect(&load, &records))?;
    let job = Arc::new(Job { load, records, topics });
    let meter = Meter::start()?;
    let outcome = match job.load.awaits {
        Await::Rate => at_rate(&runtime, &job),
        _ => send(&runtime, &job)?,
    };
    Ok(outcome.report(meter, &job.load)?)
}

fn send(runtime: &Runtime, job: &Arc<Job>) -> Result<Outcome> {
    let mut tasks = Vec::new();
    for numbers in job.load.shares() {
        let job = job.clone();
        tasks.push(runtime.spawn(async move {
            match job.load.awaits {
                Await::Each => each(&job, numbers).await,
                _ => all(&job, numbers).await,
            }
        }));
    }
    let mut outcome = Outcome::default();
    for task in tasks {
        outcome.merge(runtime.block_on(task)?);
    }
    Ok(outcome)
}

async fn all(job: &Job, numbers: Range<usize>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut sticky = Sticky::new(numbers.start);
    let mut under_way = FuturesUnordered::new();
    let record_bytes = partitions::record_bytes(&job.load);
    let at_most = (BUFFER_MEMORY / record_bytes / job.load.tasks).max(1);
    for number in numbers {
        let producer = job.topics.choose(&job.load, &job.records, number, &mut sticky);
        under_way.push(producer.produce(partitions::record(&job.records, number)));
        while under_way.len() >= at_most {
            if let Some(result) = under_way.next().await {
                outcome.count(result);
            }
        }
    }
    while let Some(result) = under_way.next().await {
        outcome.count(result);
    }
    outcome
}

async fn each(job: &Job, numbers: Range<usize>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut sticky = Sticky::new(numbers.start);
    for number in numbers {
        let start = Instant::now();
        let producer = job.topics.choose(&job.load, &job.records, number, &mut sticky);
        let result = producer.produce(partitions::record(&job.records, number)).await;
        outcome.latencies.note(start.elapsed());
        outcome.count(result);
    }
    outcome
}

/// From a thread outside the runtime: a runtime's timers tick in milliseconds.
fn at_rate(runtime: &Runtime, job: &Arc<Job>) -> Outcome {
    let (results, arrived) = channel();
    let mut sticky = Sticky::new(0);
    let pace = Pace::start(job.load.rate);
    for number in 0..job.load.records {
        pace.sleep_until(number);
        let producer = job.topics.choose(&job.load, &job.records, number, &mut sticky).clone();
        let record = partitions::record(&job.records, number);
        let (results, intended) = (results.clone(), pace.intended(number));
        runtime.spawn(async move {
            let result = producer.produce(record).await;
            let _ = results.send((intended.elapsed(), result));
        });
    }
    drop(results);
    let mut outcome = Outcome::default();
    for (latency, result) in arrived {
        outcome.latencies.note(latency);
        outcome.count(result);
    }
    outcome
}
