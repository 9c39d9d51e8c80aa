//! The rdkafka driver of `cargo xtask bench`: sends records without keys as fast as it can, and
//! prints one line of JSON.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer,
};

#[derive(Clone, Default)]
struct Deliveries(Arc<Counts>);

#[derive(Default)]
struct Counts {
    acknowledged: AtomicU64,
    errors: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.0.acknowledged } else { &self.0.errors };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let option = |name: &str, default: &str| {
        options.get(name).cloned().unwrap_or_else(|| default.to_owned())
    };
    let topic = option("topic", "bench");
    let records: usize = option("records", "1000000").parse()?;
    let payloads = payloads(option("size", "100").parse()?);
    let deliveries = Deliveries::default();
    let producer: ThreadedProducer<Deliveries> = ClientConfig::new()
        .set("bootstrap.servers", option("bootstrap", ""))
        .set("linger.ms", option("linger-ms", "5"))
        .set("batch.size", option("batch-bytes", "16384"))
        .set("compression.codec", option("codec", "none"))
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .create_with_context(deliveries.clone())?;

    let (cpu, start) = (cpu_seconds(&usage()?), Instant::now());
    for payload in payloads.iter().cycle().take(records) {
        let mut record = BaseRecord::<(), [u8]>::to(&topic).payload(payload);
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    // Its own thread serves the queue; polling here too would cost three times the
                    // CPU.
                    thread::sleep(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
    producer.flush(Duration::from_secs(60))?;
    let (seconds, usage) = (start.elapsed().as_secs_f64(), usage()?);
    let cpu = cpu_seconds(&usage) - cpu;
    let done = deliveries.0.acknowledged.load(Ordering::Relaxed);
    println!(
        "{{\"records\":{done},\"seconds\":{seconds},\"records_per_s\":{},\
         \"cpu_seconds_per_million\":{},\"peak_rss_bytes\":{},\"errors\":{}}}",
        done as f64 / seconds,
        cpu / done as f64 * 1e6,
        usage.max_rss() * 1024,
        deliveries.0.errors.load(Ordering::Relaxed),
    );
    Ok(())
}

/// `--name value` pairs; every driver takes the same.
fn options() -> Result<HashMap<String, String>, Box<dyn Error>> {
    const KNOWN: &[&str] =
        &["bootstrap", "topic", "records", "size", "linger-ms", "batch-bytes", "codec"];
    let mut options = HashMap::new();
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").filter(|name| KNOWN.contains(name));
        let name = name.ok_or_else(|| format!("`{word}` means nothing here"))?;
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}

/// Values as the other drivers make them: JSON of exactly `size` bytes.
fn payloads(size: usize) -> Vec<Vec<u8>> {
    let mut state = 42_u64;
    (0..4096)
        .map(|number| {
            let mut text = format!("{{\"id\":{number},\"user\":\"").into_bytes();
            while text.len() + 2 < size {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.extend_from_slice(format!("{:08x}-", state >> 32).as_bytes());
            }
            if let Some(end) = size.checked_sub(2) {
                text.truncate(end);
                text.extend_from_slice(b"\"}");
            }
            text.truncate(size);
            text
        })
        .collect()
}

fn usage() -> nix::Result<Usage> {
    getrusage(UsageWho::RUSAGE_SELF)
}

fn cpu_seconds(usage: &Usage) -> f64 {
    let (user, system) = (usage.user_time(), usage.system_time());
    (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
}
