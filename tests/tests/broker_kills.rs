//! Brokers die (SIGKILL) and come back while an idempotent producer sends: every record is
//! acknowledged once, is in the log once, and in its partition stands in the order of sending.
//!
//! `ROHRPOST_KILLS` says how many deaths each test sees; 5 if it is not set.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::str;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::kafka::{Consume, PrivateCluster, Spec, Topic};
use harness::kills::{Progress, kill_and_restart};
use harness::ledger::{Ledger, Position};
use rohrpost::{Delivery, Error, Producer, ProducerRecord};
use tokio::sync::mpsc;

const TOPIC: &str = "numbers";
const PARTITIONS: u32 = 6;
const KEYS: u64 = 50;

/// Some 10,000 records a second: there is always something in flight when a broker dies, and the
/// log stays small enough to be read back whole.
const TICK: Duration = Duration::from_millis(5);
const RECORDS_PER_TICK: u64 = 50;

#[test]
fn nothing_is_lost_doubled_or_reordered_while_the_only_broker_dies_and_returns() {
    survives_kills("one-node", 1);
}

#[test]
fn nothing_is_lost_doubled_or_reordered_while_three_brokers_die_and_return_in_turn() {
    survives_kills("three-nodes", 3);
}

fn survives_kills(label: &str, brokers: u32) {
    let kills = std::env::var("ROHRPOST_KILLS").ok().map_or(5, |kills| kills.parse().unwrap());
    let cluster = PrivateCluster::start(label, &Spec::default().brokers(brokers)).unwrap();
    cluster.create_topic(&Topic::new(TOPIC).partitions(PARTITIONS)).unwrap();

    let run = Run::start(&cluster.bootstrap_servers());
    let killed = kill_and_restart(&cluster, kills, || run.progress());
    let (sent, ledger) = run.finish();
    killed.unwrap();

    let mut log = Vec::new();
    cluster
        .consume(&Consume::topic(TOPIC), |record| {
            let value = str::from_utf8(record.value.unwrap()).unwrap();
            let number = value.split(' ').next().unwrap().parse().unwrap();
            log.push((number, Position { partition: record.partition, offset: record.offset }));
        })
        .unwrap();
    ledger.check(sent, log).unwrap();
}

/// A producer that sends numbered records on a thread of its own until it is told to finish.
struct Run {
    shared: Arc<Shared>,
    thread: std::thread::JoinHandle<u64>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    ledger: Mutex<Ledger>,
    failure: Mutex<Option<String>>,
}

impl Run {
    fn start(bootstrap_servers: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let servers = bootstrap_servers.to_owned();
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(send_numbers(&servers, &shared)).unwrap()
            }
        });
        Self { shared, thread }
    }

    fn progress(&self) -> Result<Progress, String> {
        if let Some(failure) = self.shared.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        if self.thread.is_finished() {
            return Err("the producer has ended".to_owned());
        }
        Ok(Progress {
            sent: self.shared.sent.load(Ordering::Relaxed),
            acknowledged: self.shared.acknowledged.load(Ordering::Relaxed),
        })
    }

    /// Gives how many records were sent, and what became of them.
    fn finish(self) -> (u64, Ledger) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let sent = self.thread.join().unwrap();
        if let Some(failure) = self.shared.failure.lock().unwrap().take() {
            panic!("{failure}");
        }
        let ledger = std::mem::take(&mut *self.shared.ledger.lock().unwrap());
        (sent, ledger)
    }
}

/// Sends until it is told to stop, then waits for every acknowledgement.
async fn send_numbers(bootstrap_servers: &str, shared: &Arc<Shared>) -> Result<u64, Error> {
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap_servers)
        .property("linger.ms", "5")
        .property("request.timeout.ms", "10000")
        .build()
        .await?;
    let (deliveries, mut sent_deliveries) = mpsc::unbounded_channel::<(u64, Delivery)>();
    let acknowledgements = tokio::spawn({
        let shared = shared.clone();
        async move {
            while let Some((number, delivery)) = sent_deliveries.recv().await {
                match delivery.await {
                    Ok(metadata) => {
                        let partition = metadata.partition().unsigned_abs();
                        let mut ledger = shared.ledger.lock().unwrap();
                        ledger.acknowledge(number, partition, metadata.offset());
                        shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(e) => {
                        let mut failure = shared.failure.lock().unwrap();
                        failure.get_or_insert(format!("record {number} failed: {e}"));
                    }
                }
            }
        }
    });

    let mut ticks = tokio::time::interval(TICK);
    let mut number = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        for _ in 0..RECORDS_PER_TICK {
            let key = format!("key-{}", number % KEYS);
            let value = format!("{number} and something that makes a record of it");
            let record = ProducerRecord::new(TOPIC).key(key.as_str()).value(value.as_str());
            let delivery = producer.send(record).await?;
            let _ = deliveries.send((number, delivery));
            number += 1;
            shared.sent.store(number, Ordering::Relaxed);
        }
    }
    drop(deliveries);
    producer.close(Duration::from_secs(60)).await?;
    acknowledgements.await.unwrap();
    Ok(number)
}
