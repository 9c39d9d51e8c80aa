//! The rohrpost driver of `cargo xtask bench`: sends records without keys as fast as it can, awaits
//! every delivery, and prints one line of JSON.
//!
//! Beside what every driver takes: `--tasks N` senders at the same time, `--await each` for one
//! record after the other, `--threads N` of the runtime.

use std::collections::{HashMap, VecDeque};
use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use rohrpost::{Delivery, Producer, ProducerRecord, RecordMetadata};

/// How often the sender looks which of its records have arrived.
const LOOK_EVERY: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let threads: usize = option(&options, "threads", "2").parse()?;
    let runtime = if threads == 1 {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?
    };
    // On a worker, where an application's tasks are, not on the thread that blocks for the runtime.
    runtime.block_on(async { tokio::spawn(run(options)).await? }).map_err(|error| error as _)
}

async fn run(options: HashMap<String, String>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let topic: Arc<str> = option(&options, "topic", "bench").into();
    let records: usize = option(&options, "records", "1000000").parse()?;
    let tasks: usize = option(&options, "tasks", "1").parse()?;
    let payloads = Arc::new(payloads(option(&options, "size", "100").parse()?));
    let awaits_each = option(&options, "await", "all") == "each";
    let producer = Producer::builder()
        .bootstrap_servers(option(&options, "bootstrap", ""))
        .property("linger.ms", option(&options, "linger-ms", "5"))
        .property("batch.size", option(&options, "batch-bytes", "16384"))
        .property("compression.type", option(&options, "codec", "none"))
        .property("acks", "all")
        .property("enable.idempotence", "true")
        .build()
        .await?;

    let (cpu, start) = (cpu_seconds(&usage()?), Instant::now());
    let mut senders = Vec::new();
    for task in 0..tasks {
        let share = records / tasks + usize::from(task < records % tasks);
        let (producer, topic, payloads) = (producer.clone(), topic.clone(), payloads.clone());
        senders.push(tokio::spawn(async move {
            send(&producer, &topic, &payloads, share, awaits_each).await
        }));
    }
    let (mut acknowledged, mut errors) = (0, 0);
    for sender in senders {
        let (good, bad) = sender.await??;
        (acknowledged, errors) = (acknowledged + good, errors + bad);
    }
    let (seconds, usage) = (start.elapsed().as_secs_f64(), usage()?);
    let cpu = cpu_seconds(&usage) - cpu;
    println!(
        "{{\"records\":{acknowledged},\"seconds\":{seconds},\"records_per_s\":{},\
         \"cpu_seconds_per_million\":{},\"peak_rss_bytes\":{},\"errors\":{errors}}}",
        acknowledged as f64 / seconds,
        cpu / acknowledged as f64 * 1e6,
        usage.max_rss() * 1024,
    );
    producer.close(Duration::from_secs(10)).await?;
    Ok(())
}

/// Sends all records and looks at every delivery; gives how many arrived and how many failed.
async fn send(
    producer: &Producer,
    topic: &str,
    payloads: &[Vec<u8>],
    records: usize,
    awaits_each: bool,
) -> Result<(u64, u64), rohrpost::Error> {
    let mut outstanding: VecDeque<Delivery> = VecDeque::new();
    let (mut acknowledged, mut errors) = (0, 0);
    let mut count = |result: Result<RecordMetadata, rohrpost::Error>| match result {
        Ok(_) => acknowledged += 1,
        Err(_) => errors += 1,
    };
    for (number, payload) in (1..=records).zip(payloads.iter().cycle()) {
        let record = ProducerRecord::new(topic).value(payload.as_slice());
        let delivery = producer.send(record).await?;
        if awaits_each {
            count(delivery.await);
            continue;
        }
        outstanding.push_back(delivery);
        if number % LOOK_EVERY == 0 {
            while outstanding.front().is_some_and(Delivery::is_resolved) {
                if let Some(delivery) = outstanding.pop_front() {
                    count(delivery.await);
                }
            }
        }
    }
    producer.flush().await?;
    for delivery in outstanding {
        count(delivery.await);
    }
    Ok((acknowledged, errors))
}

fn option(options: &HashMap<String, String>, name: &str, default: &str) -> String {
    options.get(name).cloned().unwrap_or_else(|| default.to_owned())
}

/// `--name value` pairs.
fn options() -> Result<HashMap<String, String>, Box<dyn Error>> {
    const KNOWN: &[&str] = &[
        "bootstrap",
        "topic",
        "records",
        "size",
        "linger-ms",
        "batch-bytes",
        "codec",
        "tasks",
        "await",
        "threads",
    ];
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
