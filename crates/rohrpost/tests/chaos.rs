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

use rohrpost::{Delivery, Error, ErrorKind, Outcome, Producer, ProducerRecord, RecordMetadata};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, Permission, TopicSpec};

const TOPICS: [&str; 2] = ["orders", "payments"];
const PARTITIONS: i32 = 4;
const SENDERS: u64 = 8;
const RECORDS: u32 = 400;
/// A sender makes trouble once in so many records.
const TROUBLE_EVERY: u64 = 25;
/// More than every time-out of the producer together.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_senders_are_told_is_true_whatever_happens() {
    for seed in seeds(1) {
        live(seed).await;
    }
}

#[tokio::test]
async fn and_on_a_single_thread() {
    for seed in seeds(2) {
        live(seed).await;
    }
}

fn seeds(default: u64) -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("ROHRPOST_CHAOS") else { return default..default + 1 };
    let (first, end) = range.split_once("..").unwrap();
    first.parse().unwrap()..end.parse().unwrap()
}

async fn live(seed: u64) {
    println!("seed {seed}");
    let cluster = Arc::new(Cluster::builder().brokers(3).seed(seed).start().await.unwrap());
    for topic in TOPICS {
        let spec = TopicSpec::new(topic).partitions(PARTITIONS).replication_factor(3);
        cluster.create_topic_with(&spec).unwrap();
    }
    let producer = Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .properties([
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
        .build()
        .await
        .unwrap();
    let trouble = Arc::new(tokio::sync::Mutex::new(Trouble { remedies: Vec::new() }));
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let sender = Sender {
                number,
                dice: Dice(seed << 8 | number),
                producer: producer.clone(),
                cluster: cluster.clone(),
                trouble: trouble.clone(),
                told: Arc::default(),
            };
            tokio::spawn(sender.send_all())
        })
        .collect();
    let mut sent = Vec::new();
    for sender in senders {
        // None of a sender's steps takes longer than a second or two.
        let sender = tokio::time::timeout(4 * PATIENCE, sender).await;
        sent.push(sender.expect("a sender hangs").unwrap());
    }
    cluster.clear_faults();
    for remedy in trouble.lock().await.remedies.drain(..) {
        remedy.apply(&cluster).await;
    }
    tokio::time::timeout(PATIENCE, producer.flush()).await.expect("the flush hangs").unwrap();
    let mut lives = Vec::new();
    for (told, open) in sent {
        for (record, delivery) in open {
            let result = tokio::time::timeout(PATIENCE, delivery).await.expect("a delivery hangs");
            note(&told, record, result);
        }
        lives.append(&mut told.lock().unwrap());
    }
    let closed = tokio::time::timeout(PATIENCE, producer.close(PATIENCE)).await;
    closed.expect("the close hangs").unwrap();
    let stats = producer.stats();
    assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    assert_eq!((stats.records_in_flight_now, stats.requests_in_flight_now), (0, 0));
    check(seed, &cluster, &lives);
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
    dice: Dice,
    producer: Producer,
    cluster: Arc<Cluster>,
    trouble: Arc<tokio::sync::Mutex<Trouble>>,
    told: Log,
}

impl Sender {
    /// Gives what it was told so far, and what it has not awaited yet.
    async fn send_all(mut self) -> (Log, Vec<(Record, Delivery)>) {
        let mut open = Vec::new();
        for number in 0..RECORDS {
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
                self.producer.flush().await.unwrap();
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
                assert_ne!(error.kind(), ErrorKind::DriverGone, "{error}");
                assert_eq!(error.outcome(), Outcome::NotWritten, "{error}");
                note(&self.told, of, Err(error));
                None
            }
        }
    }
}

/// What goes wrong, and what is to be put right again.
struct Trouble {
    remedies: Vec<Remedy>,
}

enum Remedy {
    Start(i32),
    StartElsewhere(i32),
    Resume(i32),
    Heal(i32),
    Allow(Permission),
}

impl Remedy {
    async fn apply(self, cluster: &Cluster) {
        match self {
            Self::Start(broker) => cluster.start_broker(broker).await.unwrap(),
            Self::StartElsewhere(broker) => cluster.start_broker_elsewhere(broker).await.unwrap(),
            Self::Resume(broker) => cluster.resume_broker(broker),
            Self::Heal(broker) => cluster.heal_broker(broker),
            Self::Allow(permission) => cluster.allow(&permission),
        }
    }
}

impl Trouble {
    async fn make(&mut self, dice: &mut Dice, cluster: &Cluster) {
        // Two things at most are broken for long.
        if self.remedies.len() > 1 || !self.remedies.is_empty() && dice.one_in(2) {
            return self.remedies.remove(0).apply(cluster).await;
        }
        let broker = dice.below(3) as i32 + 1;
        let topic = TOPICS[dice.below(TOPICS.len() as u64) as usize];
        let fault = match dice.below(20) {
            0..=2 => Fault::error(dice.one_of(&REFUSALS)).on(ApiKey::Produce),
            3..=4 => Fault::error_after(dice.one_of(&LATE_ERRORS)).on(ApiKey::Produce),
            5 => Fault::error(dice.one_of(&METADATA_ERRORS)).on(ApiKey::Metadata),
            6 => Fault::disconnect_before(),
            7 => Fault::disconnect_after(),
            8 => Fault::delay(Duration::from_millis(dice.below(400))),
            9 => Fault::throttle(Duration::from_millis(dice.below(300))).on(ApiKey::Produce),
            10 => Fault::swallow(),
            11 => Fault::garbage(),
            12 => Fault::cut(dice.below(40) as usize),
            13 => Fault::stall(),
            14 => {
                let partition = dice.below(PARTITIONS as u64) as i32;
                // Not in sync, perhaps.
                let _ = cluster.move_leader(topic, partition, broker);
                return;
            }
            15 => {
                cluster.stop_broker(broker).await;
                return self.remedies.push(Remedy::Start(broker));
            }
            16 => {
                cluster.stop_broker(broker).await;
                return self.remedies.push(Remedy::StartElsewhere(broker));
            }
            17 => {
                cluster.pause_broker(broker);
                return self.remedies.push(Remedy::Resume(broker));
            }
            18 => {
                cluster.isolate_broker(broker);
                cluster.fence_broker(broker);
                return self.remedies.push(Remedy::Heal(broker));
            }
            _ => {
                let permission = match dice.below(2) {
                    0 => Permission::WriteTopic(topic.to_owned()),
                    _ => Permission::DescribeTopic(topic.to_owned()),
                };
                cluster.deny(permission.clone());
                return self.remedies.push(Remedy::Allow(permission));
            }
        };
        cluster.inject(fault.skip(dice.below(3) as u32).times(dice.below(3) as u32 + 1));
    }
}

const REFUSALS: [ErrorCode; 9] = [
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::UNKNOWN_PRODUCER_ID,
    ErrorCode::MESSAGE_TOO_LARGE,
];

const LATE_ERRORS: [ErrorCode; 4] = [
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::NETWORK_EXCEPTION,
    ErrorCode::UNKNOWN_SERVER_ERROR,
];

const METADATA_ERRORS: [ErrorCode; 2] =
    [ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION];

/// Compares what senders were told with the logs.
fn check(seed: u64, cluster: &Cluster, lives: &[(Record, Told)]) {
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
    assert_eq!(names.len(), SENDERS as usize * RECORDS as usize, "seed {seed}");
    println!("{delivered} delivered, {failed} failed");
    assert!(delivered > 0 && failed > 0, "{delivered} delivered, {failed} failed");
}

struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
