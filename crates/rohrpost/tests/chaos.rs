//! Trouble of many kinds, at random, through the real driver and real sockets; then what senders were told is compared with the logs.
//!
//! A failure names its seed; `ROHRPOST_CHAOS=100..200` lives others. Threads and the network take their own course, so a seed draws the same trouble, not the same life: that is what the simulator is for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rohrpost::{
    Delivery, Error, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord, RecordMetadata,
};
use rohrpost_testkit::{Cluster, TopicSpec};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[path = "chaos/trouble.rs"]
mod trouble;

use trouble::{Dice, Kind, Trouble};

const TOPICS: [&str; 2] = ["orders", "payments"];
const PARTITIONS: i32 = 4;
/// Some trouble is of the kind that records fail of.
const MAY_FAIL: bool = true;
const SENDERS: u64 = 8;
/// A sender makes trouble once in so many records.
const TROUBLE_EVERY: u64 = 15;
/// More than every time-out of the producer together.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a producer's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is flushed and closed when everything is well again.
    Closed,
    /// Every handle is dropped while there is trouble and records are queued.
    Dropped,
    /// Its runtime shuts down in the middle.
    ShutDown,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_senders_are_told_is_true_whatever_happens() {
    for seed in seeds(1..2) {
        live(seed, 100, End::Closed).await;
    }
}

/// One thread has one clock, which is stopped while there is something to do: hours of waiting take no time, and there is time for many lives.
#[tokio::test(start_paused = true)]
async fn and_on_a_single_thread_by_its_own_clock() {
    let mut happened = BTreeMap::new();
    for seed in seeds(10..16) {
        for (kind, count) in live(seed, 300, End::Closed).await {
            *happened.entry(kind).or_insert(0) += count;
        }
    }
    println!("{happened:?}");
    let missing: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| !happened.contains_key(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} never happened");
}

#[tokio::test(start_paused = true)]
async fn and_when_the_producer_is_dropped() {
    for seed in seeds(20..24) {
        live(seed, 150, End::Dropped).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_when_its_runtime_is_shut_down() {
    for seed in seeds(30..34) {
        live(seed, 100, End::ShutDown).await;
    }
}

fn seeds(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("ROHRPOST_CHAOS") else { return default };
    let (first, end) = range.split_once("..").unwrap();
    first.parse().unwrap()..end.parse().unwrap()
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).properties([
        ("batch.size", "1000"),
        ("linger.ms", "2"),
        ("buffer.memory", "60000"),
        ("max.block.ms", "500"),
        ("request.timeout.ms", "200"),
        ("delivery.timeout.ms", "1000"),
        ("retry.backoff.ms", "5"),
        ("retry.backoff.max.ms", "50"),
        ("reconnect.backoff.ms", "5"),
        ("reconnect.backoff.max.ms", "50"),
    ])
}

/// Lives a life, and tells what trouble there was.
async fn live(seed: u64, records: u32, end: End) -> BTreeMap<Kind, u32> {
    println!("seed {seed}");
    let cluster = Arc::new(Cluster::builder().brokers(3).seed(seed).start().await.unwrap());
    for topic in TOPICS {
        let spec = TopicSpec::new(topic).partitions(PARTITIONS).replication_factor(3);
        cluster.create_topic_with(&spec).unwrap();
    }
    let trouble = Arc::new(tokio::sync::Mutex::new(Trouble::default()));
    trouble.lock().await.meet(&cluster);
    let builder = builder(&cluster);
    let home = (end == End::ShutDown).then(home);
    let producer = match &home {
        Some(home) => home.spawn(builder.build()).await.unwrap(),
        None => builder.build().await,
    };
    let producer = producer.unwrap();
    let (half, half_sent) = oneshot::channel();
    let mut half = Some(half);
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let sender = Sender {
                number,
                records,
                dice: Dice(seed << 8 | number),
                producer: producer.clone(),
                cluster: cluster.clone(),
                trouble: trouble.clone(),
                told: Arc::default(),
                may_lose_driver: end == End::ShutDown,
                half: half.take(),
            };
            tokio::spawn(sender.send_all())
        })
        .collect();
    // Where it is to be dropped the senders have the last handles.
    let producer = Some(producer).filter(|_| end != End::Dropped);
    if let Some(home) = home {
        half_sent.await.unwrap();
        home.shutdown_background();
    }
    let mut sent = Vec::new();
    for sender in senders {
        // None of a sender's steps takes longer than a second or two.
        sent.push(timeout(4 * PATIENCE, sender).await.expect("a sender hangs").unwrap());
    }
    let happened = trouble.lock().await.end(&cluster).await;
    if let (End::Closed, Some(producer)) = (end, &producer) {
        timeout(PATIENCE, producer.flush()).await.expect("the flush hangs").unwrap();
    }
    let mut logs = Vec::new();
    for (told, open) in sent {
        for (record, delivery) in open {
            let result = timeout(PATIENCE, delivery).await.expect("a delivery hangs");
            note(&told, record, result);
        }
        logs.push(told);
    }
    if let (End::Closed, Some(producer)) = (end, &producer) {
        let closed = timeout(PATIENCE, producer.close(PATIENCE)).await;
        closed.expect("the close hangs").unwrap();
        let stats = producer.stats();
        assert_eq!((stats.records_in_flight_now, stats.requests_in_flight_now), (0, 0));
    }
    // What a producer that is gone had sent has been dealt with then, and nobody is called back any more.
    cluster.wait_until(|stats| stats.open_connections == 0).await.unwrap();
    if let Some(producer) = &producer {
        let stats = producer.stats();
        assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    }
    let lives: Vec<_> =
        logs.iter().flat_map(|told| std::mem::take(&mut *told.lock().unwrap())).collect();
    assert_eq!(lives.len(), SENDERS as usize * records as usize, "seed {seed}");
    check(seed, end, &cluster, &lives);
    happened
}

/// A runtime of the producer's own.
fn home() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A record's name: who sent it where, and his how manieth it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    sender: u64,
    number: u32,
    topic: &'static str,
    partition: i32,
}

impl Record {
    fn value(&self) -> String {
        format!("{} {}", self.sender, self.number)
    }
}

/// What its sender was told.
#[derive(Clone, Copy, Debug)]
enum Told {
    Delivered(Option<i64>),
    Failed(Outcome),
    /// Nothing: the delivery was dropped.
    Nothing,
}

type Log = Arc<Mutex<Vec<(Record, Told)>>>;

fn note(log: &Log, record: Record, result: Result<RecordMetadata, Error>) {
    let told = match result {
        Ok(metadata) => {
            assert_eq!((metadata.topic(), metadata.partition()), (record.topic, record.partition));
            Told::Delivered(metadata.offset())
        }
        Err(error) => Told::Failed(error.outcome()),
    };
    log.lock().unwrap().push((record, told));
}

struct Sender {
    number: u64,
    records: u32,
    dice: Dice,
    producer: Producer,
    cluster: Arc<Cluster>,
    trouble: Arc<tokio::sync::Mutex<Trouble>>,
    told: Log,
    may_lose_driver: bool,
    /// Told when half of the records are sent.
    half: Option<oneshot::Sender<()>>,
}

impl Sender {
    /// Gives what it was told so far, and what it has not awaited yet.
    async fn send_all(mut self) -> (Log, Vec<(Record, Delivery)>) {
        let mut open = Vec::new();
        for number in 0..self.records {
            if number == self.records / 2 {
                self.half.take().map(|half| half.send(()));
            }
            if self.dice.one_in(TROUBLE_EVERY) {
                self.trouble.lock().await.make(&mut self.dice, &self.cluster).await;
            }
            let topic = TOPICS[self.dice.below(TOPICS.len() as u64) as usize];
            let partition = self.dice.below(PARTITIONS as u64) as i32;
            let record = Record { sender: self.number, number, topic, partition };
            let delivery = self.send(record).await;
            match (delivery, self.dice.below(20)) {
                (None, _) => {}
                (Some(delivery), 0) => {
                    drop(delivery);
                    self.told.lock().unwrap().push((record, Told::Nothing));
                }
                (Some(delivery), 1) => note(&self.told, record, delivery.await),
                (Some(delivery), _) => open.push((record, delivery)),
            }
            if self.dice.one_in(200) {
                let flushed = self.producer.flush().await;
                assert!(flushed.is_ok() || self.may_lose_driver, "{flushed:?}");
            }
        }
        (self.told, open)
    }

    /// Sends a record in one of the ways there are. `None` where its fate is noted or will be.
    async fn send(&mut self, of: Record) -> Option<Delivery> {
        let value = of.value();
        let record = ProducerRecord::new(of.topic).partition(of.partition).value(&value);
        let result = match self.dice.below(10) {
            0 => {
                let record = record.into_owned();
                self.producer.try_send(record).map_err(Error::from)
            }
            1 => {
                // Polled once, and given up if that was not enough.
                let mut send = pin!(self.producer.send(record));
                match send.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(result) => result,
                    Poll::Pending => {
                        let told = Told::Failed(Outcome::NotWritten);
                        self.told.lock().unwrap().push((of, told));
                        return None;
                    }
                }
            }
            2 => {
                // Given up after a while.
                match timeout(Duration::from_millis(1), self.producer.send(record)).await {
                    Ok(result) => result,
                    Err(_) => {
                        let told = Told::Failed(Outcome::NotWritten);
                        self.told.lock().unwrap().push((of, told));
                        return None;
                    }
                }
            }
            3 => {
                let told = self.told.clone();
                let callback = move |result| note(&told, of, result);
                match self.producer.send_with(record, callback).await {
                    Ok(()) => return None,
                    Err(error) => Err(error),
                }
            }
            _ => self.producer.send(record).await,
        };
        match result {
            Ok(delivery) => Some(delivery),
            Err(error) => {
                let is_gone = error.kind() == ErrorKind::DriverGone;
                assert!(!is_gone || self.may_lose_driver, "{error}");
                assert_eq!(error.outcome(), Outcome::NotWritten, "{error}");
                note(&self.told, of, Err(error));
                None
            }
        }
    }
}

/// Compares what senders were told with the logs.
fn check(seed: u64, end: End, cluster: &Cluster, lives: &[(Record, Told)]) {
    let mut places: BTreeMap<(&str, i32, String), Vec<i64>> = BTreeMap::new();
    for topic in TOPICS {
        for partition in 0..PARTITIONS {
            let mut latest: BTreeMap<u64, u32> = BTreeMap::new();
            for logged in cluster.log(topic, partition) {
                let value = String::from_utf8(logged.value.unwrap().to_vec()).unwrap();
                let (sender, number) = value.split_once(' ').unwrap();
                let (sender, number) = (sender.parse().unwrap(), number.parse().unwrap());
                let before = latest.insert(sender, number);
                assert!(
                    before.is_none_or(|before| before < number),
                    "seed {seed}: {topic}-{partition}: {value} behind {before:?}"
                );
                places.entry((topic, partition, value)).or_default().push(logged.offset);
            }
        }
    }
    let (mut delivered, mut failed) = (0, 0);
    let mut names = Vec::new();
    for (record, told) in lives {
        names.push(*record);
        let place = (record.topic, record.partition, record.value());
        let offsets = places.remove(&place).unwrap_or_default();
        let is_true = match told {
            Told::Delivered(Some(offset)) => offsets == [*offset],
            Told::Delivered(None) => offsets.len() == 1,
            Told::Failed(Outcome::NotWritten) => offsets.is_empty(),
            Told::Failed(Outcome::Written) => offsets.len() == 1,
            Told::Failed(Outcome::MaybeWritten) | Told::Nothing => offsets.len() <= 1,
        };
        assert!(is_true, "seed {seed}: {record:?}: {told:?}, and it is at {offsets:?}");
        delivered += u32::from(matches!(told, Told::Delivered(_)));
        failed += u32::from(matches!(told, Told::Failed(_)));
    }
    assert!(places.is_empty(), "seed {seed}: nobody sent {places:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), lives.len(), "seed {seed}: something was told twice");
    println!("{delivered} delivered, {failed} failed");
    // A runtime may go before anything was delivered.
    assert!(delivered > 0 || end == End::ShutDown, "seed {seed}");
}
