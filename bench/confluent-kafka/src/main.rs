//! The driver of Confluent's Rust client for `cargo xtask bench`.
//!
//! Records borrow their values: for that `KafkaProducer` has a `send` of its own. It wants a `String` for every record's topic.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

use confluent_kafka::common::header::{RecordHeader, RecordHeaders};
use confluent_kafka::common::serialization::ByteArraySerializer;
use confluent_kafka::common::{Error as KafkaError, KafkaFuture};
use confluent_kafka::producer::{
    Callback, KafkaProducer, Producer as _, ProducerConfig, ProducerRecord, RecordMetadata,
    callback,
};
use rohrpost_bench_load::{Await, Load, Meter, Outcome, Pace, Records};
use tokio::runtime::{Builder, Runtime};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;
type Producer = KafkaProducer<Vec<u8>, Vec<u8>>;

static ACKNOWLEDGED: AtomicU64 = AtomicU64::new(0);
static ERRORS: AtomicU64 = AtomicU64::new(0);

/// Counts a delivery: cheaper than a future, and, as it holds nothing, boxed without an allocation.
struct Count;

impl Callback for Count {
    fn on_completion(self: Box<Self>, _: Option<&RecordMetadata>, error: Option<&KafkaError>) {
        let Some(error) = error else {
            ACKNOWLEDGED.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if ERRORS.fetch_add(1, Ordering::Relaxed) == 0 {
            eprintln!("the first error: {error}");
        }
    }
}

/// What to send.
struct Job {
    load: Load,
    records: Records,
    headers: RecordHeaders,
}

impl Job {
    fn record(&self, number: usize) -> Result<ProducerRecord<&[u8], &[u8]>> {
        let topic = self.load.topic(number).to_owned();
        let (key, value) = (self.records.key(number), Some(self.records.value(number)));
        if self.load.headers == 0 {
            return Ok(ProducerRecord::with_key(topic, key, value));
        }
        let headers = RecordHeaders::with_record_headers(&self.headers);
        let record = ProducerRecord::with_partition_key_headers(topic, None, key, value, headers);
        Ok(record.map_err(|error| error.to_string())?)
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
    let records = Records::new(load.size, load.has_keys, load.headers);
    let header =
        |(name, value): &(String, [u8; 16])| RecordHeader::new(name.clone(), Some(value.to_vec()));
    let headers = RecordHeaders::with_header_iter(records.headers().iter().map(header));
    let job = Arc::new(Job { load, records, headers });
    let producer = Arc::new(runtime.block_on(connect(&job))?);
    let meter = Meter::start()?;
    let outcome = match job.load.awaits {
        Await::Rate => at_rate(&runtime, &producer, &job)?,
        _ => send(&runtime, &producer, &job)?,
    };
    let line = outcome.report(meter, &job.load)?;
    runtime.block_on(producer.close())?;
    Ok(line)
}

/// A producer that has sent a record to every topic.
async fn connect(job: &Job) -> Result<Producer> {
    let load = &job.load;
    let properties = [
        ("bootstrap.servers", load.bootstrap.clone()),
        ("acks", "all".to_owned()),
        ("enable.idempotence", "true".to_owned()),
        ("max.in.flight.requests.per.connection", "5".to_owned()),
        ("buffer.memory", (32 << 20).to_string()),
        ("linger.ms", load.linger_ms.to_string()),
        ("batch.size", load.batch_bytes.to_string()),
        ("compression.type", load.codec.clone()),
        ("max.request.size", ((1 << 20) + load.size).to_string()),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value)).into();
    let config = ProducerConfig::new(&properties)?;
    let producer = Producer::new(config, ByteArraySerializer::new(), ByteArraySerializer::new())?;
    for number in 0..load.topics.len() {
        producer.send(job.record(number)?, None).await?.get().await?;
    }
    Ok(producer)
}

fn send(runtime: &Runtime, producer: &Arc<Producer>, job: &Arc<Job>) -> Result<Outcome> {
    let mut tasks = Vec::new();
    for numbers in job.load.shares() {
        let (producer, job) = (producer.clone(), job.clone());
        tasks.push(runtime.spawn(async move {
            match job.load.awaits {
                Await::Each => each(&producer, &job, numbers).await,
                _ => all(&producer, &job, numbers).await.map(|()| Outcome::default()),
            }
        }));
    }
    let mut outcome = Outcome::default();
    for task in tasks {
        outcome.merge(runtime.block_on(task)??);
    }
    runtime.block_on(producer.flush())?;
    outcome.acknowledged += ACKNOWLEDGED.load(Ordering::Acquire);
    outcome.errors += ERRORS.load(Ordering::Acquire);
    Ok(outcome)
}

async fn all(producer: &Producer, job: &Job, numbers: Range<usize>) -> Result {
    for number in numbers {
        let _: KafkaFuture<RecordMetadata> =
            producer.send(job.record(number)?, Some(Box::new(Count))).await?;
    }
    Ok(())
}

async fn each(producer: &Producer, job: &Job, numbers: Range<usize>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for number in numbers {
        let record = job.record(number)?;
        let start = Instant::now();
        let result = producer.send(record, None).await?.get().await;
        outcome.latencies.note(start.elapsed());
        outcome.count(result);
    }
    Ok(outcome)
}

/// From a thread outside the runtime: a runtime's timers tick in milliseconds.
fn at_rate(runtime: &Runtime, producer: &Producer, job: &Job) -> Result<Outcome> {
    let (results, arrived) = channel();
    let pace = Pace::start(job.load.rate);
    for number in 0..job.load.records {
        pace.sleep_until(number);
        let (results, intended) = (results.clone(), pace.intended(number));
        let report = callback::new(move |_, error: Option<&KafkaError>| {
            let _ = results
                .send((intended.elapsed(), error.map_or(Ok(()), |error| Err(error.to_string()))));
        });
        runtime.block_on(producer.send(job.record(number)?, Some(Box::new(report))))?;
    }
    drop(results);
    let mut outcome = Outcome::default();
    for (latency, result) in arrived {
        outcome.latencies.note(latency);
        outcome.count(result);
    }
    Ok(outcome)
}
