//! Sends records without keys as fast as it can, and prints one line of JSON: what `cargo xtask bench` measures.
//!
//! ```sh
//! cargo run --release -p rohrpost --example bench_producer -- --bootstrap 127.0.0.1:9092 --topic bench --records 1000000
//! ```
//!
//! `--size`, `--linger-ms`, `--batch-bytes` and `--codec` say what is sent and how; `--tasks` how many tasks send at the same time; `--await each` awaits
//! each delivery before the next send, `--await all` (the default) counts them by one future a task.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost::{Producer, ProducerRecord};

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

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let threads: usize = option(&options, "threads", "2").parse()?;
    let runtime = if threads == 1 {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?
    };
    runtime.block_on(async { tokio::spawn(run(options)).await? }).map_err(|error| error as _)
}

async fn run(options: HashMap<String, String>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let records: u64 = option(&options, "records", "1000000").parse()?;
    let tasks: u64 = option(&options, "tasks", "1").parse()?;
    let topic: Arc<str> = option(&options, "topic", "bench").into();
    let payloads = Arc::new(payloads(option(&options, "size", "100").parse()?));
    let awaits_each = option(&options, "await", "all") == "each";
    let producer = Producer::builder()
        .bootstrap_servers(option(&options, "bootstrap", "127.0.0.1:9092"))
        .property("linger.ms", option(&options, "linger-ms", "5"))
        .property("batch.size", option(&options, "batch-bytes", "16384"))
        .property("compression.type", option(&options, "codec", "none"))
        .build()
        .await?;

    let (cpu, start) = (cpu_seconds(), Instant::now());
    let mut running = Vec::new();
    for task in 0..tasks {
        let share = records / tasks + u64::from(task < records % tasks);
        let (producer, topic, payloads) = (producer.clone(), topic.clone(), payloads.clone());
        running.push(tokio::spawn(async move {
            send(&producer, &topic, &payloads, share, awaits_each).await
        }));
    }
    let mut errors = 0;
    for task in running {
        errors += task.await??;
    }
    producer.flush().await?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let stats = producer.stats();
    let done = stats.records_acknowledged;
    println!(
        "{{\"records\":{done},\"seconds\":{seconds},\"records_per_s\":{},\"cpu_seconds_per_million\":{},\"peak_rss_bytes\":{},\"errors\":{}}}",
        done as f64 / seconds,
        cpu / done as f64 * 1e6,
        peak_rss_bytes(),
        errors + stats.records_failed,
    );
    if std::env::var_os("BENCH_STATS").is_some() {
        eprintln!("{stats:?}");
    }
    producer.close(Duration::from_secs(10)).await?;
    Ok(())
}

/// Sends so many records. Returns how many could not be sent.
async fn send(
    producer: &Producer,
    topic: &str,
    payloads: &[Vec<u8>],
    records: u64,
    awaits_each: bool,
) -> Result<u64, rohrpost::Error> {
    let mut last = None;
    for payload in payloads.iter().cycle().take(usize::try_from(records).unwrap_or(usize::MAX)) {
        let delivery = producer.send(ProducerRecord::new(topic).value(payload)).await?;
        if awaits_each {
            delivery.await?;
        } else {
            last = Some(delivery);
        }
    }
    if let Some(last) = last {
        producer.flush().await?;
        last.await?;
    }
    Ok(0)
}

fn option(options: &HashMap<String, String>, name: &str, default: &str) -> String {
    options.get(name).cloned().unwrap_or_else(|| default.to_owned())
}

/// `--name value` pairs.
fn options() -> Result<HashMap<String, String>, Box<dyn Error>> {
    let mut options = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").filter(|name| KNOWN.contains(name));
        let name = name
            .ok_or_else(|| format!("`{word}` means nothing here: use --{}", KNOWN.join(", --")))?;
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}

/// Values as the drivers of the other clients make them: JSON of exactly `size` bytes.
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

/// User and system time of this process, from `/proc`, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name, in parentheses, may hold spaces.
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// The most memory that this process held.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
