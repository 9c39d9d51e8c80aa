//! Sessions that the broker ends every two seconds, under load: the producer proves anew who it is
//! on the connections that it has, and nothing is lost, doubled or out of order.
//!
//! `ROHRPOST_SESSION_SECONDS` says how long; 8 if it is not set.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::str;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::kafka::{self, Cluster, Consume, Mode, SHORT_SESSIONS, Topic};
use harness::ledger::{Ledger, Position};
use rohrpost::{Delivery, Error, Producer, ProducerRecord};
use tokio::sync::mpsc;

const PARTITIONS: u32 = 3;

/// Some 10,000 records a second: there is always something in flight when a session ends.
const TICK: Duration = Duration::from_millis(5);
const RECORDS_PER_TICK: u64 = 50;

/// Between two looks at the connections: the system's list of them is long.
const RECORDS_PER_LOOK: u64 = 20 * RECORDS_PER_TICK;

/// One for the bootstrap, one for the broker.
const CONNECTIONS: usize = 2;

#[test]
fn sessions_are_renewed_under_load_on_the_same_connections_and_no_record_suffers() {
    let seconds =
        std::env::var("ROHRPOST_SESSION_SECONDS").ok().map_or(8, |text| text.parse().unwrap());
    let cluster = kafka::secured().unwrap();
    const NAME: &str =
        "sessions_are_renewed_under_load_on_the_same_connections_and_no_record_suffers";
    if cluster.with_kerberos(NAME).unwrap() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let runs: Vec<_> = SHORT_SESSIONS
        .into_iter()
        .map(|mode| {
            let topic = format!("sessions-{mode}");
            if cluster.topics().unwrap().contains(&topic) {
                cluster.delete_topic(&topic).unwrap();
            }
            cluster.create_topic(&Topic::new(&topic).partitions(PARTITIONS)).unwrap();
            let properties = cluster.client_properties(mode).unwrap();
            (mode, runtime.spawn(send_numbers(properties, topic, Duration::from_secs(seconds))))
        })
        .collect();
    for (mode, run) in runs {
        let Outcome { sent, ledger, ports, opened } = runtime.block_on(run).unwrap().unwrap();
        check_log(&cluster, mode, sent, &ledger);
        println!("{mode}: {sent} records, {opened} connections opened, local ports {ports:?}");
        assert!(!ports.is_empty() && ports.len() <= CONNECTIONS, "{mode}: {ports:?}");
        assert!(opened <= CONNECTIONS as u64, "{mode}: {opened} connections");
    }
}

fn check_log(cluster: &Cluster, mode: Mode, sent: u64, ledger: &Ledger) {
    let mut log = Vec::new();
    cluster
        .consume(&Consume::topic(&format!("sessions-{mode}")), |record| {
            let number = str::from_utf8(record.value.unwrap()).unwrap().parse().unwrap();
            log.push((number, Position { partition: record.partition, offset: record.offset }));
        })
        .unwrap();
    ledger.check(sent, log).unwrap();
}

/// What became of a producer.
struct Outcome {
    sent: u64,
    ledger: Ledger,
    /// The near ends of every connection to the listener that was ever seen.
    ports: BTreeSet<u16>,
    /// How many the producer says that it opened.
    opened: u64,
}

async fn send_numbers(
    properties: BTreeMap<String, String>,
    topic: String,
    time: Duration,
) -> Result<Outcome, Error> {
    let listener: u16 =
        properties["bootstrap.servers"].rsplit(':').next().unwrap().parse().unwrap();
    let producer =
        Producer::builder().properties(properties).property("linger.ms", "2").build().await?;
    let (deliveries, mut sent_deliveries) = mpsc::unbounded_channel::<(u64, Delivery)>();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let acknowledgements = tokio::spawn({
        let ledger = ledger.clone();
        async move {
            while let Some((number, delivery)) = sent_deliveries.recv().await {
                let metadata = delivery.await?;
                let partition = metadata.partition().unsigned_abs();
                ledger.lock().unwrap().acknowledge(number, partition, metadata.offset());
            }
            Ok::<(), Error>(())
        }
    });
    let mut ports = BTreeSet::new();
    let mut ticks = tokio::time::interval(TICK);
    let end = Instant::now() + time;
    let mut number = 0;
    while Instant::now() < end {
        ticks.tick().await;
        for _ in 0..RECORDS_PER_TICK {
            let record = ProducerRecord::new(topic.as_str())
                .key(format!("key-{}", number % 50))
                .value(number.to_string());
            let _ = deliveries.send((number, producer.send(record).await?));
            number += 1;
        }
        if number % RECORDS_PER_LOOK == 0 {
            ports.extend(connections_to(listener));
        }
    }
    drop(deliveries);
    acknowledgements.await.unwrap()?;
    let opened = producer.stats().connections_opened;
    producer.close(Duration::from_secs(60)).await?;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    Ok(Outcome { sent: number, ledger, ports, opened })
}

/// The near ends of the established connections from here to a port of loopback, as Linux lists them.
fn connections_to(listener: u16) -> BTreeSet<u16> {
    const ESTABLISHED: &str = "01";
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| {
            let near = |line: &str| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let is_ours =
                    fields.get(3) == Some(&ESTABLISHED) && port(fields[2]) == Some(listener);
                is_ours.then(|| port(fields[1])).flatten()
            };
            table.lines().skip(1).filter_map(near).collect::<Vec<u16>>()
        })
        .collect()
}
