//! Tasks that give up at random: every way of sending and of waiting is dropped before it is polled, at each point where it waits, when it is woken, and in the
//! middle of nothing, while brokers are in trouble. What was taken is in the log once, what was given up is not, and nothing stays in use.
//!
//! `ROHRPOST_CANCELLATIONS=1000000` makes it a million records each, best with `--release`; `ROHRPOST_SEED` lives another life. Threads and the network take their
//! own course, so a seed draws the same trouble, not the same life.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use rohrpost::{
    Deliveries, Delivery, Error, ErrorKind, Producer, ProducerRecord, RecordMetadata, Tally,
};
use rohrpost_testkit::{Cluster, TopicSpec};
use tokio::sync::Notify;
use tokio::time::timeout;

#[path = "chaos/trouble.rs"]
mod trouble;

use trouble::{Dice, Kind, Trouble};

const TOPICS: [&str; 2] = ["orders", "payments"];
const PARTITIONS: i32 = 4;
/// There is time for everything: nothing that was taken may fail.
const MAY_FAIL: bool = false;
const TASKS: u64 = 64;
/// There is new trouble after so many records; what is broken is mended when they do not come for so long.
const TROUBLE_EVERY: u64 = 250;
const STANDSTILL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_is_written_once_and_what_is_given_up_never_on_many_threads() {
    live(seed(1), records(30_000)).await;
}

#[tokio::test(start_paused = true)]
async fn and_on_one_thread_by_its_own_clock() {
    live(seed(2), records(30_000)).await;
}

fn seed(default: u64) -> u64 {
    std::env::var("ROHRPOST_SEED").map_or(default, |seed| seed.parse().unwrap())
}

fn records(default: u64) -> u64 {
    std::env::var("ROHRPOST_CANCELLATIONS").map_or(default, |count| count.parse().unwrap())
}

async fn live(seed: u64, records: u64) {
    let began = Instant::now();
    let cluster = Arc::new(Cluster::builder().brokers(3).seed(seed).start().await.unwrap());
    for topic in TOPICS {
        let spec = TopicSpec::new(topic).partitions(PARTITIONS).replication_factor(3);
        cluster.create_topic_with(&spec).unwrap();
    }
    let producer = producer(seed, &cluster).await;
    let each = records.div_ceil(TASKS);
    let ledger = Arc::new(Ledger::new(each * TASKS));
    let over = Arc::new(AtomicBool::new(false));
    let trouble = tokio::spawn(make_trouble(seed, cluster.clone(), ledger.clone(), over.clone()));
    let senders: Vec<_> = (0..TASKS)
        .map(|task| {
            let sender = Sender {
                dice: Dice(seed << 16 | task),
                next: task * each,
                end: (task + 1) * each,
                producer: producer.clone(),
                ledger: ledger.clone(),
                deliveries: Deliveries::new(),
                noted: 0,
                settled: Tally::default(),
                open: Vec::new(),
                #[cfg(feature = "futures")]
                sink: producer.sink(),
            };
            tokio::spawn(sender.run())
        })
        .collect();
    for sender in senders {
        timeout(PATIENCE, sender).await.expect("a sender hangs").unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let happened = timeout(PATIENCE, trouble).await.expect("the trouble hangs").unwrap();
    timeout(PATIENCE, producer.flush()).await.expect("the flush hangs").unwrap();
    let stats = producer.stats();
    assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0), "seed {seed}");
    assert_eq!((stats.records_in_flight_now, stats.batches_in_flight_now), (0, 0), "seed {seed}");
    assert_eq!(stats.records_failed, 0, "seed {seed}");
    let counts = ledger.compare(seed, &cluster, each);
    assert_eq!(stats.records_acknowledged, counts.taken, "seed {seed}");
    let ways = ledger.ways();
    println!(
        "seed {seed}: {} records in {:.1} s: {} taken, of {} of which somebody heard; {} given up or refused {ways:?}; {} retries, {} batches; {happened:?}",
        each * TASKS,
        began.elapsed().as_secs_f64(),
        counts.taken,
        counts.heard_of,
        each * TASKS - counts.taken,
        stats.retries,
        stats.batches,
    );
    // Each way of giving up has been gone, so that it is no wonder that all went well.
    assert!(ways.values().all(|count| *count >= each / 100), "seed {seed}: {ways:?}");
    assert!(counts.taken >= each * TASKS / 4 && counts.heard_of >= counts.taken / 10);
    assert!(stats.retries > 0 && happened.len() >= 5, "seed {seed}: {happened:?}");
    timeout(PATIENCE, producer.close(PATIENCE)).await.expect("the close hangs").unwrap();
}

/// Little memory and small batches, so that there is much to wait for; so much time that nothing fails.
async fn producer(seed: u64, cluster: &Cluster) -> Producer {
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .properties([
            ("batch.size", "2000"),
            ("linger.ms", "1"),
            ("buffer.memory", "30000"),
            ("max.block.ms", "200000"),
            ("request.timeout.ms", "200"),
            ("delivery.timeout.ms", "200000"),
            ("retry.backoff.ms", "2"),
            ("retry.backoff.max.ms", "20"),
            ("reconnect.backoff.ms", "2"),
            ("reconnect.backoff.max.ms", "20"),
            ("compression.type", if seed % 4 < 3 { "none" } else { "lz4" }),
        ])
        .build()
        .await
        .unwrap()
}

async fn make_trouble(
    seed: u64,
    cluster: Arc<Cluster>,
    ledger: Arc<Ledger>,
    over: Arc<AtomicBool>,
) -> BTreeMap<Kind, u32> {
    let (mut trouble, mut dice) = (Trouble::default(), Dice(seed << 16 | TASKS));
    trouble.meet(&cluster);
    while !over.load(Ordering::Relaxed) {
        match timeout(STANDSTILL, ledger.trouble.notified()).await {
            Ok(()) => trouble.make(&mut dice, &cluster).await,
            Err(_) => trouble.mend(&cluster).await,
        }
    }
    trouble.end(&cluster).await
}

/// What became of each record, as far as its sender knows. A record is a number.
struct Ledger {
    /// 0: it was not taken; 1: it was; above: it was, and somebody heard that it has arrived, there.
    fates: Vec<AtomicU64>,
    /// It was given to a sink, which keeps the order of its own records.
    fed: Vec<AtomicBool>,
    done: AtomicU64,
    trouble: Notify,
    given_up: [AtomicU64; WAYS.len()],
}

/// How something was given up.
const WAYS: [&str; 5] = ["unpolled", "polled", "woken", "timed out", "aborted"];

struct Counts {
    taken: u64,
    heard_of: u64,
}

impl Ledger {
    fn new(records: u64) -> Self {
        Self {
            fates: (0..records).map(|_| AtomicU64::new(0)).collect(),
            fed: (0..records).map(|_| AtomicBool::new(false)).collect(),
            done: AtomicU64::new(0),
            trouble: Notify::new(),
            given_up: Default::default(),
        }
    }

    fn taken(&self, record: u64) {
        let before = self.fates[record as usize].fetch_max(1, Ordering::Relaxed);
        assert_eq!(before, 0, "record {record} was taken twice");
    }

    fn arrived(&self, record: u64, result: Result<RecordMetadata, Error>) {
        let metadata = result.unwrap();
        let topic = TOPICS.iter().position(|topic| *topic == metadata.topic()).unwrap() as u64;
        let place = (topic << 8 | metadata.partition() as u64) << 40;
        let place = place | metadata.offset().map_or(0, |offset| offset as u64 + 2);
        // A callback may come before whoever sent it could write that it was taken.
        self.fates[record as usize].fetch_max(place, Ordering::Relaxed);
    }

    fn given_up(&self, way: usize) {
        self.given_up[way].fetch_add(1, Ordering::Relaxed);
    }

    fn ways(&self) -> BTreeMap<&'static str, u64> {
        WAYS.into_iter().zip(self.given_up.iter().map(|c| c.load(Ordering::Relaxed))).collect()
    }

    fn step(&self) {
        if self.done.fetch_add(1, Ordering::Relaxed) % TROUBLE_EVERY == 0 {
            self.trouble.notify_one();
        }
    }

    /// Holds the logs against what senders know.
    fn compare(&self, seed: u64, cluster: &Cluster, each: u64) -> Counts {
        let mut written = vec![0_u8; self.fates.len()];
        for (number, topic) in TOPICS.into_iter().enumerate() {
            for partition in 0..PARTITIONS {
                let mut latest = [[None; 2]; TASKS as usize];
                for logged in cluster.log(topic, partition) {
                    let bytes = logged.value.unwrap();
                    let record = u64::from_be_bytes(bytes[..8].try_into().unwrap());
                    assert!(*bytes == *value(record), "seed {seed}: {record} is not whole");
                    assert_eq!(topic_of(record), topic, "seed {seed}: {record}");
                    let is_fed = self.fed[record as usize].load(Ordering::Relaxed);
                    let sender = &mut latest[(record / each) as usize][usize::from(is_fed)];
                    assert!(*sender < Some(record), "seed {seed}: {record} behind {sender:?}");
                    *sender = Some(record);
                    written[record as usize] += 1;
                    let fate = self.fates[record as usize].load(Ordering::Relaxed);
                    let place = (number as u64) << 48 | (partition as u64) << 40;
                    let place = place | (logged.offset as u64 + 2);
                    let is_there = fate <= 1 || fate == place || fate & ((1 << 40) - 1) == 0;
                    assert!(is_there, "seed {seed}: {record} is not where it was said to be");
                }
            }
        }
        let mut counts = Counts { taken: 0, heard_of: 0 };
        for (record, (fate, written)) in self.fates.iter().zip(written).enumerate() {
            let fate = fate.load(Ordering::Relaxed);
            let expected = u8::from(fate > 0);
            assert_eq!(written, expected, "seed {seed}: record {record} of fate {fate:x}");
            counts.taken += u64::from(expected);
            counts.heard_of += u64::from(fate > 1);
        }
        counts
    }
}

/// A record's number, and bytes that depend on it: a few, as a rule, and sometimes so many that they are referred to.
fn value(record: u64) -> Vec<u8> {
    let mut dice = Dice(record);
    let size = match dice.below(500) {
        0 => 17_000 + dice.below(3_000),
        1..20 => dice.below(3_000),
        _ => dice.below(80),
    };
    let mut value = record.to_be_bytes().to_vec();
    value.resize(8 + size as usize, record as u8);
    value
}

fn topic_of(record: u64) -> &'static str {
    TOPICS[Dice(!record).below(TOPICS.len() as u64) as usize]
}

fn record_of(record: u64) -> ProducerRecord<'static> {
    let mut dice = Dice(record ^ 0x5555);
    let of = ProducerRecord::new(topic_of(record)).value(value(record));
    match dice.below(3) {
        0 => of.partition(dice.below(PARTITIONS as u64)),
        1 => of.key(record.to_be_bytes().to_vec()),
        _ => of,
    }
}

/// When somebody gives up.
#[derive(Clone, Copy, Debug)]
enum Patience {
    Endless,
    /// When it was polled so often and still waits; 0: before.
    Polls(u32),
    /// When it was polled so often, waits, and is woken: what it waited for may be there.
    Woken(u32),
    /// After so long, whatever happens meanwhile.
    Time(Duration),
}

impl Patience {
    fn of(dice: &mut Dice) -> Self {
        match dice.below(8) {
            0..3 => Self::Endless,
            3 => Self::Polls(0),
            4 => Self::Polls(1 + dice.below(4) as u32),
            5..7 => Self::Woken(1 + dice.below(3) as u32),
            _ => Self::Time(Duration::from_micros(dice.below(3_000))),
        }
    }
}

/// A future that is waited for as long as there is patience, and dropped then. `None`: it was given up.
async fn bear<T>(
    ledger: &Ledger,
    future: impl Future<Output = T>,
    patience: Patience,
) -> Option<T> {
    let mut polls = 0;
    let mut future = pin!(future);
    let mut clock = pin!(timeout(
        match patience {
            Patience::Time(time) => time,
            _ => PATIENCE,
        },
        std::future::pending::<()>()
    ));
    let result = std::future::poll_fn(|cx| {
        match patience {
            Patience::Polls(0) => return Poll::Ready(Err(0)),
            Patience::Woken(most) if most == polls => return Poll::Ready(Err(2)),
            Patience::Time(_) if clock.as_mut().poll(cx).is_ready() => return Poll::Ready(Err(3)),
            _ => {}
        }
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if matches!(patience, Patience::Polls(most) if most == polls) => {
                Poll::Ready(Err(1))
            }
            Poll::Pending => Poll::Pending,
        }
    });
    result.await.map_err(|way| ledger.given_up(way)).ok()
}

struct Sender {
    dice: Dice,
    /// The next record, and the first one that is another's.
    next: u64,
    end: u64,
    producer: Producer,
    ledger: Arc<Ledger>,
    deliveries: Deliveries,
    /// So many records were added to the deliveries, or would have been settled if they had not been dropped.
    noted: u64,
    settled: Tally,
    open: Vec<(u64, Delivery)>,
    #[cfg(feature = "futures")]
    sink: rohrpost::ProducerSink,
}

impl Sender {
    async fn run(mut self) {
        while self.next < self.end {
            match self.dice.below(15) {
                #[cfg(feature = "futures")]
                12.. => self.feed().await,
                0 => self.try_send(),
                1 => self.send_with().await,
                2 => self.send_all().await,
                3..6 => self.send_into().await,
                6 => self.send_in_a_task().await,
                7 => self.look().await,
                _ => self.send().await,
            }
        }
        #[cfg(feature = "futures")]
        self.close_sink().await;
        // Whoever waits for all of them hears of each.
        let tally = std::mem::take(&mut self.deliveries).join().await;
        let settled = self.settled.acknowledged + tally.acknowledged;
        assert_eq!((settled, self.settled.failed + tally.failed), (self.noted, 0));
        for (record, delivery) in std::mem::take(&mut self.open) {
            self.ledger.arrived(record, delivery.await);
        }
    }

    fn take(&mut self) -> u64 {
        self.ledger.step();
        self.next += 1;
        self.next - 1
    }

    fn try_send(&mut self) {
        let record = self.take();
        match self.producer.try_send(record_of(record)) {
            Ok(delivery) => {
                self.ledger.taken(record);
                self.open.push((record, delivery));
            }
            Err(refused) => {
                assert_eq!(refused.kind(), ErrorKind::WouldBlock);
                assert_eq!(refused.into_record(), record_of(record), "it is not given back");
            }
        }
    }

    async fn send(&mut self) {
        let (record, patience) = (self.take(), Patience::of(&mut self.dice));
        let of = record_of(record);
        let sent = match self.dice.one_in(2) {
            true => bear(&self.ledger, self.producer.send(of), patience).await,
            false => bear(&self.ledger, self.producer.send(&of), patience).await,
        };
        let Some(sent) = sent else { return };
        self.ledger.taken(record);
        self.hear(record, sent.unwrap()).await;
    }

    /// Waits for a delivery, or does not.
    async fn hear(&mut self, record: u64, delivery: Delivery) {
        match self.dice.below(12) {
            0..4 => drop(delivery),
            4 => {
                let ledger = self.ledger.clone();
                delivery.call_back(move |result| ledger.arrived(record, result));
            }
            5 => {
                let patience = Patience::of(&mut self.dice);
                if let Some(result) = bear(&self.ledger, delivery, patience).await {
                    self.ledger.arrived(record, result);
                }
            }
            6 => {
                self.noted += 1;
                self.deliveries.push(delivery);
            }
            _ => self.open.push((record, delivery)),
        }
    }

    async fn send_with(&mut self) {
        let (record, patience) = (self.take(), Patience::of(&mut self.dice));
        let ledger = self.ledger.clone();
        let callback = move |result| ledger.arrived(record, result);
        let sent = self.producer.send_with(record_of(record), callback);
        if let Some(sent) = bear(&self.ledger, sent, patience).await {
            sent.unwrap();
            // The callback may have been first.
            self.ledger.fates[record as usize].fetch_max(1, Ordering::Relaxed);
        }
    }

    async fn send_into(&mut self) {
        let (record, patience) = (self.take(), Patience::of(&mut self.dice));
        let sent = self.producer.send_into(&mut self.deliveries, record_of(record));
        if let Some(sent) = bear(&self.ledger, sent, patience).await {
            sent.unwrap();
            self.ledger.taken(record);
            self.noted += 1;
        }
    }

    /// Of records that are sent together, those before the one at which it was given up are taken.
    async fn send_all(&mut self) {
        let count = (1 + self.dice.below(30)).min(self.end - self.next);
        let records: Vec<u64> = (0..count).map(|_| self.take()).collect();
        let before = self.deliveries.records();
        let sent =
            self.producer.send_all(&mut self.deliveries, records.iter().copied().map(record_of));
        let sent = bear(&self.ledger, sent, Patience::of(&mut self.dice)).await;
        let taken = self.deliveries.records() - before;
        if let Some(sent) = sent {
            sent.unwrap();
            assert_eq!(taken, count);
        }
        for record in &records[..taken as usize] {
            self.ledger.taken(*record);
        }
        self.noted += taken;
    }

    /// What a sink has taken is the sink's, whatever becomes of the future. What waits there may be taken back.
    #[cfg(feature = "futures")]
    async fn feed(&mut self) {
        use futures_util::SinkExt;

        let (record, patience) = (self.take(), Patience::of(&mut self.dice));
        let before = self.fed();
        let fed = match self.dice.one_in(4) {
            true => bear(&self.ledger, self.sink.send(record_of(record)), patience).await,
            false => bear(&self.ledger, self.sink.feed(record_of(record)), patience).await,
        };
        let is_given_up = fed.is_none();
        fed.map_or(Ok(()), |fed| fed).unwrap();
        if self.fed() > before {
            self.ledger.fed[record as usize].store(true, Ordering::Relaxed);
            self.ledger.taken(record);
        }
        // Left alone, what waits might keep room from everybody.
        if is_given_up {
            if self.dice.one_in(2) {
                return self.sink.flush().await.unwrap();
            }
            if let Some(back) = self.sink.take_waiting() {
                let back = u64::from_be_bytes(back.value_bytes().unwrap()[..8].try_into().unwrap());
                self.ledger.fates[back as usize].store(0, Ordering::Relaxed);
            }
        }
    }

    #[cfg(feature = "futures")]
    fn fed(&self) -> u64 {
        self.sink.tally().acknowledged + self.sink.records_in_flight()
    }

    #[cfg(feature = "futures")]
    async fn close_sink(&mut self) {
        use futures_util::SinkExt;

        let fed = self.fed();
        self.sink.close().await.unwrap();
        assert_eq!((self.sink.tally().acknowledged, self.sink.tally().failed), (fed, 0));
    }

    /// A task that sends and waits is aborted.
    async fn send_in_a_task(&mut self) {
        let record = self.take();
        let (producer, ledger) = (self.producer.clone(), self.ledger.clone());
        let task = tokio::spawn(async move {
            let delivery = producer.send(record_of(record)).await.unwrap();
            ledger.taken(record);
            ledger.arrived(record, delivery.await);
        });
        for _ in 0..self.dice.below(6) {
            tokio::task::yield_now().await;
        }
        task.abort();
        if let Err(error) = task.await {
            assert!(error.is_cancelled(), "{error}");
            self.ledger.given_up(4);
        }
    }

    /// Looks at what has arrived, and gives up in between.
    async fn look(&mut self) {
        let patience = Patience::of(&mut self.dice);
        if self.dice.one_in(10) {
            self.open.retain(|(record, delivery)| {
                let result = delivery.try_result();
                result.map(|result| self.ledger.arrived(*record, result)).is_none()
            });
        } else if self.dice.one_in(20) {
            // Nobody will hear of these.
            let joined = std::mem::take(&mut self.deliveries);
            let records = joined.records();
            if let Some(tally) = bear(&self.ledger, joined.join(), patience).await {
                assert_eq!(tally.into_result().unwrap(), records);
            }
            self.noted -= records;
        } else if let Some(Some(settled)) =
            bear(&self.ledger, self.deliveries.next(), patience).await
        {
            self.settled.add(&settled);
        }
    }
}
