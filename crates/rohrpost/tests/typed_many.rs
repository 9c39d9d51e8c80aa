//! Many typed records at once are the same as one after another; interceptors see what serializers made; and blocking programs have all of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use rohrpost::serializer::{
    IntegerSerializer, LongSerializer, Output, Part, Preparation, Serializer, StringSerializer,
};
use rohrpost::{
    Acknowledgement, Deliveries, ErrorKind, Interceptor, Producer, ProducerBuilder, ProducerConfig,
    ProducerRecord, TypedRecord, blocking,
};
use rohrpost_testkit::Cluster;
use tokio::sync::Notify;

const TIME: Duration = Duration::from_secs(20);

async fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", partitions).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn numbers(cluster: &Cluster, partition: i32) -> Vec<i32> {
    let log = cluster.log("t", partition).into_iter();
    log.map(|record| i32::from_be_bytes(record.value.unwrap()[..4].try_into().unwrap())).collect()
}

/// A number and many bytes behind it, as many as the number says. Some numbers are refused, and some are looked up before.
#[derive(Default)]
struct Padded {
    looked_up: AtomicU32,
    refuses: AtomicBool,
    may: Notify,
}

impl Serializer<i32> for Padded {
    type Error = String;

    fn serialize(&self, number: &i32, output: &mut Output<'_>) -> Result<(), String> {
        if number % 1_000 == 77 && self.refuses.load(Ordering::Relaxed) {
            return Err(format!("{number} is refused"));
        }
        output.header("padded", None);
        output.write(&number.to_be_bytes());
        let size = if number % 500 == 123 { 18_000 } else { number % 40 };
        let end = output.buffer().len() + size as usize;
        output.buffer().resize(end, 7);
        Ok(())
    }

    fn prepare<'a>(
        &'a self,
        _: &'a str,
        _: Part,
        number: &'a i32,
    ) -> Option<Preparation<'a, String>> {
        (number % 1_000 == 50).then(|| {
            Box::pin(async move {
                if self.refuses.load(Ordering::Relaxed) {
                    self.may.notified().await;
                    return Err(format!("{number} is not found"));
                }
                self.looked_up.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }) as _
        })
    }
}

#[tokio::test]
async fn every_record_arrives_once_in_its_partition_and_in_its_order() {
    let cluster = cluster(3).await;
    let builder = builder(&cluster).batch_size(700).buffer_memory(25_000);
    let serializer = Arc::new(Padded::default());
    let typed =
        builder.build_typed::<str, i32>(StringSerializer, serializer.clone()).await.unwrap();
    let numbered: Vec<i32> = (0..5_000).collect();
    let topic = typed.topic("t");
    let records: Vec<_> = numbered
        .iter()
        .map(|number| {
            let record = TypedRecord::new(&topic).value(number);
            match number % 1_000 {
                0..400 => record.partition(number / 100 % 3),
                400..600 => record.key(["alice", "bob"][*number as usize % 2]),
                _ => record,
            }
        })
        .collect();
    let mut deliveries = Deliveries::new();
    typed.send_all(&mut deliveries, &records).await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 5_000);
    assert_eq!(serializer.looked_up.load(Ordering::Relaxed), 5);
    let mut all = Vec::new();
    for partition in 0..3 {
        let numbers = numbers(&cluster, partition);
        assert!(numbers.is_sorted(), "out of order in {partition}");
        let own = |number: &&i32| **number % 1_000 < 400;
        assert!(numbers.iter().filter(own).all(|number| number / 100 % 3 == partition));
        for record in cluster.log("t", partition) {
            assert_eq!(record.headers.len(), 1);
            let number =
                i32::from_be_bytes(record.value.as_ref().unwrap()[..4].try_into().unwrap());
            let raw = typed.serialize(&TypedRecord::new("t").value(&number)).unwrap();
            assert_eq!(record.value.as_deref(), raw.value_bytes());
        }
        all.extend(numbers);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..5_000));
    typed.flush().await.unwrap();
    assert_eq!(typed.stats().buffered_bytes_now, 0);
    assert_eq!(typed.partitions_for("t").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_record_that_cannot_be_serialized_or_found_ends_it_and_those_before_are_sent() {
    let cluster = cluster(1).await;
    let serializer = Arc::new(Padded::default());
    serializer.refuses.store(true, Ordering::Relaxed);
    let typed = builder(&cluster)
        .build_typed::<str, i32>(StringSerializer, serializer.clone())
        .await
        .unwrap();
    let mut deliveries = Deliveries::new();
    for (numbers, refusal, sent) in [
        (60..200, "77 is refused", 17),
        (10..100, "50 is not found", 40),
        (1_077..1_150, "1077 is refused", 0),
    ] {
        serializer.may.notify_one();
        let numbers: Vec<i32> = numbers.collect();
        let records = numbers.iter().map(|number| TypedRecord::new("t").value(number));
        let error = typed.send_all(&mut deliveries, records).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialization);
        assert!(error.to_string().ends_with(refusal), "{error}");
        assert_eq!(deliveries.records(), sent);
        assert_eq!(deliveries.join().await.into_result().unwrap(), sent);
        deliveries = Deliveries::new();
    }
    assert!(numbers(&cluster, 0).into_iter().eq((60..77).chain(10..50)));

    // What is dropped while it looks up has sent nothing of what it had at hand.
    serializer.may.notified().now_or_never();
    let numbered = [48, 49, 50, 51];
    let records = numbered.iter().map(|number| TypedRecord::new("t").value(number));
    let mut sending = Box::pin(typed.send_all(&mut deliveries, records));
    assert!(sending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(sending);
    assert_eq!(deliveries.records(), 0);
}

trait NowOrNever: Future + Sized {
    fn now_or_never(self) {
        let _ = pin!(self).poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl<F: Future> NowOrNever for F {}

/// Moves records to another topic and key, and writes down what it sees.
#[derive(Default)]
struct Mover {
    seen: Mutex<Vec<String>>,
}

struct Moves(Arc<Mover>);

impl Interceptor for Moves {
    fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
        let headers: Vec<_> = record.headers().map(|(name, _)| name.to_owned()).collect();
        let (key, value) = (record.key_bytes(), record.value_bytes());
        self.0
            .seen
            .lock()
            .unwrap()
            .push(format!("{} {key:?} {value:?} {headers:?}", record.topic()));
        let value = value.unwrap().iter().rev().copied().collect::<Vec<_>>();
        record.with_topic("moved").key("alice").value(value).header("by", "me")
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        let result = acknowledgement.result().map_or("failed".to_owned(), |it| it.to_string());
        self.0.seen.lock().unwrap().push(result);
    }
}

#[tokio::test]
async fn interceptors_see_what_serializers_made_and_what_they_make_of_it_is_partitioned_and_sent() {
    let cluster = cluster(1).await;
    cluster.create_topic("moved", 12).unwrap();
    let mover = Arc::<Mover>::default();
    let producer = builder(&cluster).interceptor(Moves(mover.clone())).build().await.unwrap();
    let serializer = Arc::new(Padded::default());
    let typed = producer.typed::<i64, i32>(LongSerializer, serializer.clone()).unwrap();
    let record = typed.record("t").key(&258).value(&1);
    typed.send(&record).await.unwrap().await.unwrap();
    typed.try_send(&record).unwrap().await.unwrap();
    let mut deliveries = Deliveries::new();
    typed.send_into(&mut deliveries, &record).await.unwrap();
    typed.send_all(&mut deliveries, [&record, &record]).await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 3);
    // One that is no record never comes so far.
    serializer.refuses.store(true, Ordering::Relaxed);
    typed.send(typed.record("t").value(&77)).await.unwrap_err();
    producer.flush().await.unwrap();

    // As Java places it: `alice` by murmur2 in twelve partitions.
    let alice = typed.producer().typed::<str, i32>(StringSerializer, IntegerSerializer).unwrap();
    let expected = alice.send(alice.record("moved").key("alice").value(&9)).await.unwrap();
    let log = cluster.log("moved", expected.partition());
    assert_eq!(log.len(), 5);
    for record in log {
        assert_eq!(record.key.as_deref(), Some(&b"alice"[..]));
        assert_eq!(record.value.as_deref(), Some(&[7, 1, 0, 0, 0][..]));
        let names: Vec<_> = record.headers.iter().map(|header| header.name().unwrap()).collect();
        assert_eq!(names, ["padded", "by"]);
    }
    assert_eq!(cluster.log("t", 0).len(), 0);
    expected.await.unwrap();
    let mut seen = mover.seen.lock().unwrap().clone();
    seen.retain(|line| line.starts_with("t "));
    let line = "t Some([0, 0, 0, 0, 0, 0, 1, 2]) Some([0, 0, 0, 1, 7]) [\"padded\"]";
    assert_eq!(seen, [line; 5]);
    assert!(!mover.seen.lock().unwrap().iter().any(|line| line == "failed"));
}

#[test]
fn blocking_programs_have_what_the_others_have() {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 2).unwrap();
    let servers = cluster.bootstrap_servers();
    let config = ProducerConfig::from_java([("bootstrap.servers", servers.as_str())]).unwrap();
    let typed = blocking::TypedProducer::<str, i32>::from_config(
        config,
        StringSerializer,
        Padded::default(),
    )
    .unwrap();
    let numbered: Vec<i32> = (0..500).collect();
    let topic = typed.topic("t");
    let records = numbered.iter().map(|number| TypedRecord::new(&topic).partition(1).value(number));
    let mut deliveries = blocking::Deliveries::new();
    typed.send_all(&mut deliveries, records).unwrap();
    let record = typed.record("t").partition(1).value(&500);
    typed.prepare(&record).unwrap();
    typed.send_into(&mut deliveries, &record).unwrap();
    assert_eq!(deliveries.join().into_result().unwrap(), 501);
    let (told, heard) = std::sync::mpsc::channel();
    typed.send_with(&record, move |result| told.send(result.is_ok()).unwrap()).unwrap();
    assert!(heard.recv().unwrap());
    let raw = typed.serialize(&record).unwrap();
    assert!(typed.producer().send(&raw).unwrap().wait().is_ok());
    assert!(typed.send(record).unwrap().wait().is_ok());
    assert!(numbers(&cluster, 1).into_iter().eq((0..501).chain([500, 500, 500])));
    assert_eq!(typed.partitions_for("t").unwrap().len(), 2);
    assert_eq!(typed.stats().records_acknowledged, 504);
    assert!(typed.why("t", 1).is_some());
    typed.close(TIME).unwrap();
}

#[cfg(feature = "futures")]
#[tokio::test]
async fn a_stream_of_typed_records_is_sent_by_reference_or_by_value() {
    use futures_util::{SinkExt, StreamExt, stream};

    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let typed = producer.typed::<str, i32>(StringSerializer, Padded::default()).unwrap();
    let numbered: Vec<i32> = (0..300).collect();
    let records: Vec<_> = numbered.iter().map(|n| TypedRecord::new("t").value(n)).collect();
    let mut deliveries = Deliveries::new();
    let halves = records.split_at(150);
    typed.send_stream(&mut deliveries, stream::iter(halves.0)).await.unwrap();
    typed.send_stream(&mut deliveries, stream::iter(halves.1.to_vec())).await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 300);

    // And by a sink, behind a function that serializes.
    let sink = producer.sink().with(async |number: i32| {
        let record = typed.record("t").value(&number);
        typed.prepare(&record).await?;
        typed.serialize(&record)
    });
    stream::iter((300..400).map(Ok)).forward(sink).await.unwrap();
    assert!(numbers(&cluster, 0).into_iter().eq(0..400));
}

#[test]
fn sends_of_many_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    fn check(typed: &rohrpost::TypedProducer<str, i64>, deliveries: &mut Deliveries) {
        is_send(typed.send_all(deliveries, [TypedRecord::new("t").key("k")]));
    }
    let _ = check;
}
