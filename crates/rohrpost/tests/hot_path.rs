//! The way of a record, under programs that mean no good: sends given up anywhere, values that do more than lie there when they are freed, topics of other producers,
//! runtimes that end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use rohrpost::{Deliveries, ErrorKind, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::Cluster;

const TIME: Duration = Duration::from_secs(20);
const LARGE: usize = 20_000;

async fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", partitions).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").value(&[7; 100])
}

/// A program's mistake must not become a second payment.
#[tokio::test]
async fn a_send_that_is_done_sends_nothing_when_it_is_polled_again() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let mut deliveries = Deliveries::new();
    // The first one begins a batch, the others find it open.
    for _ in 0..3 {
        let mut send = pin!(producer.send(record()));
        deliveries.push(send.as_mut().await.unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        let again = catch_unwind(AssertUnwindSafe(|| send.as_mut().poll(&mut cx).is_ready()));
        assert!(again.is_err(), "it is polled after its end");
    }
    for _ in 0..3 {
        let mut send = pin!(producer.send_into(&mut deliveries, record()));
        send.as_mut().await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let again = catch_unwind(AssertUnwindSafe(|| send.as_mut().poll(&mut cx).is_ready()));
        assert!(again.is_err(), "it is polled after its end");
    }
    assert_eq!(deliveries.join().await.into_result().unwrap(), 6);
    assert_eq!(cluster.log("t", 0).len(), 6);
}

/// Bytes whose owner does something when it is freed.
struct Owner<F: FnMut()>(Vec<u8>, F);

impl<F: FnMut()> AsRef<[u8]> for Owner<F> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<F: FnMut()> Drop for Owner<F> {
    fn drop(&mut self) {
        (self.1)();
    }
}

fn owned(when_freed: impl FnMut() + Send + 'static) -> Bytes {
    Bytes::from_owner(Owner(vec![7; LARGE], when_freed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_of_a_value_may_send_when_it_is_freed() {
    let cluster = cluster(2).await;
    let producer = builder(&cluster).buffer_memory(100_000).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    for number in 0..50 {
        let (of, sent) = (producer.clone(), sent.clone());
        let value = owned(move || {
            let record = ProducerRecord::new("t").partition(number % 2).value("freed");
            sent.fetch_add(of.try_send(record).is_ok().into(), Ordering::Relaxed);
        });
        let record = ProducerRecord::new("t").partition(number % 2).value(value);
        drop(producer.send(record).await.unwrap());
    }
    while producer.stats().records_acknowledged < 50 {
        producer.flush().await.unwrap();
    }
    producer.close(TIME).await.unwrap();
    let logs = cluster.log("t", 0).len() + cluster.log("t", 1).len();
    assert_eq!(logs as u64, 50 + sent.load(Ordering::Relaxed));
    assert_eq!(producer.stats().buffered_bytes_now, 0);
}

/// The owner of a value that panics is the program's mistake, and costs the producer its life at worst; nobody waits for ever.
#[test]
fn an_owner_that_panics_when_the_runtime_ends_leaves_nobody_waiting() {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 3).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let producer = runtime
        .block_on(
            builder(&cluster)
                .buffer_memory(100_000)
                .batch_size(90_000)
                .linger(Duration::from_secs(3_600))
                .property("delivery.timeout.ms", "2000000000")
                .build(),
        )
        .unwrap();
    let mut deliveries = runtime.block_on(async {
        producer.partitions_for("t").await.unwrap();
        let mut deliveries = Deliveries::new();
        for partition in 0..3 {
            let value = match partition {
                1 => owned(|| panic!("an owner that panics")),
                _ => Bytes::from(vec![7; LARGE]),
            };
            let record = ProducerRecord::new("t").partition(partition).value(value);
            producer.send_into(&mut deliveries, record).await.unwrap();
        }
        deliveries
    });
    cluster.pause_broker(1);
    let mut waits = Box::pin(producer.send(ProducerRecord::new("t").value(vec![7; 80_000])));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    drop(runtime);
    let Poll::Ready(result) = waits.as_mut().poll(&mut cx) else { panic!("it waits for ever") };
    assert_eq!(result.unwrap_err().kind(), ErrorKind::DriverGone);
    let mut failed = 0;
    while let Some(settled) = deliveries.take_next() {
        assert_eq!(settled.error().unwrap().kind(), ErrorKind::DriverGone);
        failed += settled.records();
    }
    assert_eq!(failed, 3);
}

/// A piece of something much larger counts with its own length, and is what arrives.
#[tokio::test]
async fn pieces_of_a_large_allocation_count_as_long_as_they_are() {
    let cluster = cluster(3).await;
    let producer = builder(&cluster).buffer_memory(200_000).build().await.unwrap();
    let all: Bytes = (0..4_000_000_u32).map(|number| (number / 7) as u8).collect();
    let mut expected = BTreeSet::new();
    let mut deliveries = Deliveries::new();
    for at in (0..3_900_000).step_by(39_000) {
        let piece = all.slice(at..at + LARGE + at % 999);
        expected.insert(piece.to_vec());
        producer.send_into(&mut deliveries, ProducerRecord::new("t").value(piece)).await.unwrap();
        assert!(producer.stats().buffered_bytes_now <= 200_000);
    }
    assert_eq!(deliveries.join().await.into_result().unwrap(), 100);
    let seen: BTreeSet<_> = (0..3)
        .flat_map(|p| cluster.log("t", p))
        .map(|record| record.value.unwrap().to_vec())
        .collect();
    assert!(seen == expected);
    assert_eq!(producer.stats().buffered_bytes_now, 0);
    assert!(all.try_into_mut().is_ok(), "somebody still refers to it");
}

#[tokio::test]
async fn a_topics_handle_serves_every_producer_before_the_topic_exists_and_after_a_close() {
    let [one, two] = [cluster(2).await, cluster(5).await];
    let brief = Duration::from_millis(200);
    let first = builder(&one).max_block(brief).build().await.unwrap();
    let second = builder(&two).max_block(TIME).build().await.unwrap();
    for name in ["t", "later"] {
        let topic = first.topic(name);
        let record = || ProducerRecord::new(&topic).partition(1).value("x");
        if name == "later" {
            let error = first.send(record()).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::MetadataTimeout | ErrorKind::UnknownTopic));
            one.create_topic(name, 2).unwrap();
            two.create_topic(name, 5).unwrap();
            while first.partitions_for(name).await.is_err() {}
        }
        for producer in [&second, &first, &second, &first] {
            assert_eq!(producer.send(record()).await.unwrap().await.unwrap().topic(), name);
        }
        let there = ProducerRecord::new(&topic).partition(4);
        assert_eq!(second.send(&there).await.unwrap().await.unwrap().partition(), 4);
        assert_eq!(first.send(&there).await.unwrap_err().kind(), ErrorKind::UnknownPartition);
        assert_eq!([one.log(name, 1).len(), two.log(name, 1).len()], [2, 2]);
    }
    let topic = first.topic("t");
    first.close(TIME).await.unwrap();
    let record = ProducerRecord::new(&topic);
    assert_eq!(first.send(&record).await.unwrap_err().kind(), ErrorKind::Closed);
    drop(first);
    drop(second.send(&record).await.unwrap());
    assert_eq!(record.into_owned().topic(), "t");
}

/// A fixed pseudo-random sequence.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

#[test]
fn a_record_is_what_was_said_last_in_any_order() {
    let texts = ["", "a", "bcd"];
    let large = vec![9; LARGE];
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let mut record = ProducerRecord::new("t");
        if dice.roll(2) == 0 {
            record = ProducerRecord::new(String::from("t"));
        }
        let (mut key, mut value) = (None::<Vec<u8>>, None::<Vec<u8>>);
        let mut headers = Vec::<(String, Option<Vec<u8>>)>::new();
        let fixed = [rohrpost::Header::new("f", "1"), rohrpost::Header::new("g", None::<&str>)];
        for _ in 0..dice.roll(9) {
            let text = texts[dice.roll(3) as usize];
            match dice.roll(12) {
                0 => (record, key) = (record.key(text), Some(text.into())),
                1 => (record, key) = (record.key(text.to_owned()), Some(text.into())),
                2 => (record, key) = (record.key(None::<&str>), None),
                3 => (record, value) = (record.value(text), Some(text.into())),
                4 => (record, value) = (record.value(large.clone()), Some(large.clone())),
                5 => (record, value) = (record.value(&large), Some(large.clone())),
                6 => (record, value) = (record.value(None::<Bytes>), None),
                7 => (record, value) = (record.value(Bytes::from(text)), Some(text.into())),
                8 => {
                    record = record.header(text, text);
                    headers.push((text.into(), Some(text.into())));
                }
                9 => {
                    record = record.with_headers(&fixed);
                    headers = vec![("f".into(), Some(b"1".to_vec())), ("g".into(), None)];
                }
                10 => record = record.clone().into_owned(),
                _ => record = record.clone(),
            }
        }
        for record in [record.clone(), record.clone().into_owned(), record] {
            assert_eq!(record.topic(), "t");
            assert_eq!(record.key_bytes(), key.as_deref(), "seed {seed}");
            assert_eq!(record.value_bytes(), value.as_deref(), "seed {seed}");
            let seen: Vec<_> = record
                .headers()
                .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                .collect();
            assert_eq!(seen, headers, "seed {seed}");
        }
    }
}

/// Sends from many tasks, many of them given up after some polls, into little memory. What was taken arrives once, what was given up never.
async fn trouble(producer: &Producer, cluster: &Cluster, tasks: u64, rounds: u64) {
    let taken = Arc::new(Mutex::new(BTreeMap::new()));
    let shared_topic = producer.topic("t");
    let running = (0..tasks).map(|task| {
        let (producer, taken, topic) = (producer.clone(), taken.clone(), shared_topic.clone());
        tokio::spawn(async move {
            let mut dice = Dice(task);
            let mut deliveries = Deliveries::new();
            let mut sent = 0;
            for round in 0..rounds {
                let size = match dice.roll(20) {
                    0 => 17_000 + dice.roll(9_000),
                    1 => 9_000,
                    _ => 24 + dice.roll(1_500),
                } as usize;
                let mut value = format!("{task}-{round}-").into_bytes();
                value.resize(value.len().max(size), b'x');
                let mut record = ProducerRecord::new(&topic).value(Bytes::from(value.clone()));
                match dice.roll(4) {
                    0 => record = record.key(value[..8].to_vec()),
                    1 => record = record.partition(dice.roll(4) as i32).header("h", "1"),
                    _ => {}
                }
                let mut patience = dice.roll(6);
                let is_taken = if dice.roll(3) == 0 {
                    let mut send = pin!(producer.send_into(&mut deliveries, &record));
                    poll_fn(|cx| match send.as_mut().poll(cx) {
                        Poll::Ready(result) => Poll::Ready(result.map(|()| true)),
                        Poll::Pending if patience == 0 => Poll::Ready(Ok(false)),
                        Poll::Pending => {
                            patience -= 1;
                            cx.waker().wake_by_ref();
                            Poll::Pending
                        }
                    })
                    .await
                    .unwrap()
                } else {
                    producer.send_into(&mut deliveries, &record).await.unwrap();
                    true
                };
                if is_taken {
                    sent += 1;
                    taken.lock().unwrap().insert(value, ());
                }
                if dice.roll(50) == 0 {
                    while deliveries.take_next().is_some_and(|settled| settled.error().is_none()) {}
                }
            }
            let _ = deliveries.join().await.into_result().unwrap();
            sent
        })
    });
    let running: Vec<_> = running.collect();
    let mut sent = 0;
    for task in running {
        sent += tokio::time::timeout(3 * TIME, task).await.expect("it hangs").unwrap();
    }
    producer.flush().await.unwrap();
    let stats = producer.stats();
    assert_eq!((stats.records_acknowledged, stats.records_failed), (sent, 0));
    assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    let logged: Vec<_> = (0..4)
        .flat_map(|p| cluster.log("t", p))
        .map(|record| record.value.unwrap().to_vec())
        .collect();
    let seen: BTreeSet<_> = logged.iter().collect();
    let taken = taken.lock().unwrap();
    assert!(
        logged.len() == seen.len()
            && taken.keys().eq(seen.into_iter().cloned().collect::<BTreeSet<_>>().iter())
    );
}

async fn all_kinds_of_trouble(tasks: u64, rounds: u64) {
    for (batch_size, memory, codec) in [
        (0, 40_000, "none"),
        (16_384, 40_000, "none"),
        (16_384, 300_000, "none"),
        (4_000, 40_000, "lz4"),
    ] {
        let cluster = cluster(4).await;
        let producer = builder(&cluster)
            .batch_size(batch_size)
            .buffer_memory(memory)
            .property("compression.type", codec)
            .build()
            .await
            .unwrap();
        trouble(&producer, &cluster, tasks, rounds).await;
        producer.close(TIME).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_taken_arrives_once_and_what_is_given_up_never_on_many_threads() {
    all_kinds_of_trouble(24, 60).await;
}

#[tokio::test]
async fn what_is_taken_arrives_once_and_what_is_given_up_never_on_one_thread() {
    all_kinds_of_trouble(24, 60).await;
}
