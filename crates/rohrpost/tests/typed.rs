//! Typed producers: what serializers make arrives, what they refuse comes back, what they look up is awaited.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use rohrpost::serializer::{
    ByteArraySerializer, BytesSerializer, DoubleSerializer, Encoding, ListSerializer,
    LongSerializer, Output, Part, Preparation, Serializer, StringSerializer, VoidSerializer,
};
use rohrpost::{
    Bytes, Deliveries, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord,
    SerializerClass, TypedRecord, blocking,
};
use rohrpost_testkit::{Cluster, LoggedRecord};
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

fn headers(record: &LoggedRecord) -> Vec<(String, Option<Vec<u8>>)> {
    let headers = record.headers.iter();
    headers
        .map(|header| {
            (header.name().unwrap().to_owned(), header.value.as_ref().map(|value| value.to_vec()))
        })
        .collect()
}

/// A number of the program's own. Odd ones cannot be serialized.
struct Even(u32);

struct EvenSerializer;

#[derive(Debug, PartialEq)]
struct Odd(u32);

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is odd", self.0)
    }
}

impl std::error::Error for Odd {}

impl Serializer<Even> for EvenSerializer {
    type Error = Odd;

    fn serialize(&self, value: &Even, output: &mut Output<'_>) -> Result<(), Odd> {
        output.header("topic", Some(output.topic().as_bytes()));
        output.header(&output.part().to_string(), None);
        output.write(&value.0.to_be_bytes());
        if value.0 == 666 {
            panic!("as the test wants");
        }
        if value.0 % 2 == 1 { Err(Odd(value.0)) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_typed_record_arrives_as_its_serializers_make_it_and_where_its_key_belongs() {
    let cluster = cluster(12).await;
    let producer = builder(&cluster).build().await.unwrap();
    let typed = producer.typed::<str, i64>(StringSerializer, LongSerializer).unwrap();
    for key in ["alice", "bob", ""] {
        let name = key.to_owned();
        let record = typed.record("t").key(&name).value(&258).timestamp(1_234_567);
        let metadata = typed.send(&record).await.unwrap().await.unwrap();
        let raw = ProducerRecord::new("t").key(key).value("raw");
        let expected = producer.send(raw).await.unwrap().await.unwrap();
        assert_eq!(metadata.partition(), expected.partition());
        let log = cluster.log("t", metadata.partition());
        let record = &log[metadata.offset().unwrap() as usize];
        assert_eq!(record.key.as_deref(), Some(key.as_bytes()));
        assert_eq!(record.value.as_deref(), Some(&[0, 0, 0, 0, 0, 0, 1, 2][..]));
        assert_eq!((record.timestamp, record.headers.len()), (1_234_567, 0));
    }
    let handle = producer.topic("t");
    let to_five = TypedRecord::new(&handle).partition(5).value(&1);
    let metadata = typed.send(to_five).await.unwrap().await.unwrap();
    assert_eq!((metadata.partition(), metadata.key_size()), (5, None));
}

#[tokio::test]
async fn nothing_is_shown_to_a_serializer_that_is_not_there_and_void_is_null() {
    let cluster = cluster(1).await;
    let typed =
        builder(&cluster).build_typed::<Even, ()>(EvenSerializer, VoidSerializer).await.unwrap();
    typed.send(typed.record("t")).await.unwrap().await.unwrap();
    typed.send(typed.record("t").maybe_key(None).value(&())).await.unwrap().await.unwrap();
    for record in cluster.log("t", 0) {
        assert_eq!((record.key, record.value, record.headers.len()), (None, None, 0));
    }
}

#[tokio::test]
async fn headers_of_serializers_come_behind_the_records_own() {
    let cluster = cluster(1).await;
    let typed =
        builder(&cluster).build_typed::<Even, Even>(EvenSerializer, EvenSerializer).await.unwrap();
    let (key, value) = (Even(2), Even(4));
    let record = typed.record("t").key(&key).value(&value).header("own", "1");
    typed.send(&record).await.unwrap().await.unwrap();
    let own = [rohrpost::Header::new("own", "2")];
    let record = typed.record("t").value(&value).with_headers(&own);
    typed.send(&record).await.unwrap().await.unwrap();
    let (topic, null) =
        (("topic".to_owned(), Some(b"t".to_vec())), |name: &str| (name.to_owned(), None));
    let own = |value: &str| ("own".to_owned(), Some(value.as_bytes().to_vec()));
    let log = cluster.log("t", 0);
    assert_eq!(
        headers(&log[0]),
        [own("1"), topic.clone(), null("key"), topic.clone(), null("value")]
    );
    assert_eq!(headers(&log[1]), [own("2"), topic, null("value")]);
}

#[tokio::test]
async fn what_a_serializer_refuses_comes_back_with_its_own_error_and_nothing_is_sent() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let typed = producer.typed::<Even, Even>(EvenSerializer, EvenSerializer).unwrap();
    let (good, bad) = (Even(2), Even(7));
    let mut deliveries = Deliveries::new();
    for (record, part) in [
        (typed.record("t").key(&bad).value(&good).partition(0), "key"),
        (typed.record("t").key(&good).value(&bad).partition(0), "value"),
    ] {
        for error in [
            typed.send(&record).await.unwrap_err(),
            typed.send_into(&mut deliveries, &record).await.unwrap_err(),
            typed.send_with(&record, |_| panic!("it was not sent")).await.unwrap_err(),
            typed.try_send(&record).unwrap_err(),
            typed.serialize(&record).unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Serialization, Outcome::NotWritten)
            );
            assert!(!error.is_retriable() && !error.is_fatal());
            assert_eq!((error.topic(), error.partition()), (Some("t"), Some(0)));
            let text = format!("topic t: the {part} could not be serialized: 7 is odd");
            assert_eq!(error.to_string(), text);
            assert_eq!(error.source().unwrap().downcast_ref::<Odd>(), Some(&Odd(7)));
        }
    }
    assert!(deliveries.is_empty());
    // Nothing of it is left for the next one.
    let record = typed.record("t").value(&good);
    typed.send(&record).await.unwrap().await.unwrap();
    let log = cluster.log("t", 0);
    assert_eq!((log.len(), headers(&log[0]).len()), (1, 2));
    assert_eq!(producer.stats().records, 1);
}

#[tokio::test]
async fn a_panic_of_a_serializer_is_the_callers_and_harms_nothing() {
    let cluster = cluster(1).await;
    let typed =
        builder(&cluster).build_typed::<str, Even>(StringSerializer, EvenSerializer).await.unwrap();
    let panicked = tokio::spawn({
        let typed = typed.clone();
        async move { typed.send(typed.record("t").value(&Even(666))).await.map(drop) }
    });
    assert!(panicked.await.unwrap_err().is_panic());
    typed.send(typed.record("t").value(&Even(4))).await.unwrap().await.unwrap();
    let log = cluster.log("t", 0);
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].value.as_deref(), Some(&[0, 0, 0, 4][..]));
}

/// Looks something up before the first value, when it is let.
#[derive(Default)]
struct LooksUp {
    found: AtomicBool,
    may: Notify,
    asked: AtomicUsize,
}

impl Serializer<str> for LooksUp {
    type Error = &'static str;

    fn serialize<'a>(&self, value: &'a str, output: &mut Output<'a>) -> Result<(), &'static str> {
        if !self.found.load(Ordering::Relaxed) {
            return Err("it was not awaited");
        }
        output.lend(value.as_bytes());
        Ok(())
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        value: &'a str,
    ) -> Option<Preparation<'a, &'static str>> {
        assert_eq!((topic, part), ("t", Part::Value));
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.found.load(Ordering::Relaxed) {
            return None;
        }
        Some(Box::pin(async move {
            self.may.notified().await;
            if value == "fails" {
                return Err("nothing found");
            }
            self.found.store(true, Ordering::Relaxed);
            Ok(())
        }))
    }
}

#[tokio::test]
async fn what_a_serializer_looks_up_is_awaited_before_it_serializes() {
    let cluster = cluster(1).await;
    let serializer = Arc::new(LooksUp::default());
    let typed = builder(&cluster)
        .build_typed::<str, str>(StringSerializer, serializer.clone())
        .await
        .unwrap();
    let now = &mut Context::from_waker(Waker::noop());
    let record = typed.record("t").key("k").value("v");

    let error = typed.try_send(&record).unwrap_err();
    assert_eq!((error.kind(), error.is_retriable()), (ErrorKind::WouldBlock, true));
    assert!(error.to_string().contains("the value's serializer"), "{error}");
    {
        let mut dropped = pin!(typed.send(&record));
        assert!(dropped.as_mut().poll(now).is_pending());
    }

    serializer.may.notify_one();
    let fails = typed.record("t").value("fails");
    let error = typed.send(&fails).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization);
    assert_eq!(error.source().unwrap().to_string(), "nothing found");

    let mut sent = pin!(typed.send(&record));
    assert!(sent.as_mut().poll(now).is_pending());
    serializer.may.notify_one();
    sent.await.unwrap().await.unwrap();
    typed.prepare(&record).await.unwrap();
    typed.try_send(&record).unwrap().await.unwrap();
    typed.send(typed.record("t").key("tombstone")).await.unwrap().await.unwrap();
    assert_eq!(serializer.asked.load(Ordering::Relaxed), 6);
    let values: Vec<_> = cluster.log("t", 0).into_iter().map(|record| record.value).collect();
    assert_eq!(values, [Some("v".into()), Some("v".into()), None]);
}

#[tokio::test]
async fn what_waits_for_room_keeps_its_own_bytes() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).linger(TIME).buffer_memory(40_000).batch_size(1_000);
    let typed = producer.build_typed::<i64, str>(LongSerializer, NotLent).await.unwrap();
    typed.producer().partitions_for("t").await.unwrap();
    let values: Vec<String> = (0..100).map(|number| format!("{number:03}").repeat(1_000)).collect();
    let mut waiting = Vec::new();
    for (key, value) in (0_i64..).zip(&values) {
        let (typed, value) = (typed.clone(), value.clone());
        waiting.push(tokio::spawn(async move {
            typed.send(typed.record("t").key(&key).value(&value)).await.unwrap().await.unwrap();
        }));
    }
    for task in waiting {
        task.await.unwrap();
    }
    let mut seen: Vec<_> = cluster.log("t", 0).into_iter().map(|r| (r.key, r.value)).collect();
    seen.sort();
    let sent = |(key, value): (i64, &String)| {
        (Some(Bytes::copy_from_slice(&key.to_be_bytes())), Some(value.clone().into()))
    };
    let expected: Vec<_> = (0_i64..).zip(&values).map(sent).collect();
    assert!(seen == expected);
}

/// Text that is written, not lent.
struct NotLent;

impl Serializer<str> for NotLent {
    type Error = std::convert::Infallible;

    fn serialize(&self, value: &str, output: &mut Output<'_>) -> Result<(), Self::Error> {
        output.write(value.as_bytes());
        Ok(())
    }

    fn size_hint(&self, value: &str) -> usize {
        value.len()
    }
}

/// Until it is delivered, the batch refers to it.
#[tokio::test]
async fn large_bytes_are_not_copied_and_what_is_large_arrives_whole() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).linger(TIME).batch_size(64 << 10).build().await.unwrap();
    let shared = producer.typed::<[u8], Bytes>(ByteArraySerializer, BytesSerializer).unwrap();
    let written = producer.typed::<(), str>(VoidSerializer, NotLent).unwrap();
    let first = producer.send(ProducerRecord::new("t").value("opens the batch")).await.unwrap();
    let value = Bytes::from(vec![b'x'; 20_000]);
    let small = Bytes::from(vec![b'y'; 100]);
    let text = "z".repeat(20_000);
    let mut deliveries = Deliveries::new();
    shared.send_into(&mut deliveries, shared.record("t").key(b"k").value(&value)).await.unwrap();
    shared.send_into(&mut deliveries, shared.record("t").value(&small)).await.unwrap();
    written.send_into(&mut deliveries, written.record("t").value(&text)).await.unwrap();
    assert!(!value.is_unique() && small.is_unique());
    producer.flush().await.unwrap();
    first.await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 3);
    producer.close(TIME).await.unwrap();
    assert!(value.is_unique());
    let values: Vec<_> = cluster.log("t", 0).into_iter().map(|r| r.value.unwrap()).collect();
    assert!(values[1..] == [value, small, text.into()]);
}

#[tokio::test]
async fn a_configured_class_must_be_the_one_of_the_serializer() {
    let cluster = cluster(1).await;
    let long = "org.apache.kafka.common.serialization.LongSerializer";
    let with = |class: &str| builder(&cluster).property("value.serializer", class);

    with(long).build_typed::<str, i64>(StringSerializer, LongSerializer).await.unwrap();
    let plain = with("StringSerializer").build().await.unwrap();
    plain.typed::<str, [u8]>(StringSerializer, ByteArraySerializer).unwrap();

    let raw = with(long).build().await.unwrap_err();
    assert!(raw.to_string().contains("build_typed"), "{raw}");
    for error in [
        with(long).build_typed::<str, f64>(StringSerializer, DoubleSerializer).await.unwrap_err(),
        with(long).build_typed::<str, Even>(StringSerializer, EvenSerializer).await.unwrap_err(),
        plain.typed::<str, i64>(StringSerializer, LongSerializer).unwrap_err(),
        plain.typed::<str, Even>(StringSerializer, EvenSerializer).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("value.serializer=\""), "{error}");
    }
    let key = builder(&cluster).key_serializer(SerializerClass::Long);
    key.build_typed::<i64, str>(LongSerializer, StringSerializer).await.unwrap();
}

#[tokio::test]
async fn text_is_in_the_character_set_of_its_serializer_which_must_be_the_configured_one() {
    let cluster = cluster(1).await;
    let latin = StringSerializer::with_encoding(Encoding::Iso8859_1);
    let wide = StringSerializer::with_encoding(Encoding::Utf16);
    let with = |properties: &[(&str, &str)]| builder(&cluster).properties(properties.to_vec());
    let typed = with(&[("serializer.encoding", "latin1"), ("key.serializer.encoding", "utf-16")])
        .build_typed::<str, str>(wide, latin)
        .await
        .unwrap();
    typed.send(typed.record("t").key("ä").value("Köln €")).await.unwrap().await.unwrap();
    let log = cluster.log("t", 0);
    assert_eq!(log[0].key.as_deref(), Some(&[0xfe, 0xff, 0, 0xe4][..]));
    assert_eq!(log[0].value.as_deref(), Some(&b"K\xf6ln ?"[..]));

    let string = ("value.serializer", "StringSerializer");
    for (properties, accepted) in [
        (vec![], true),
        (vec![("value.serializer.encoding", "ISO8859_1")], true),
        (vec![("value.serializer.encoding", "utf8")], false),
        (vec![("serializer.encoding", "UTF-16")], false),
        // Which is UTF-8 in Java.
        (vec![string], false),
        (vec![string, ("value.serializer.encoding", "latin1")], true),
        // What is said of keys does not matter to values.
        (vec![("key.serializer.encoding", "utf8"), ("serializer.encoding", "latin1")], true),
    ] {
        let built = with(&properties).build_typed::<i64, str>(LongSerializer, latin).await;
        assert_eq!(built.is_ok(), accepted, "{properties:?}");
        if let Err(error) = built {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("ISO-8859-1"), "{error}");
        }
    }
    let lists = ListSerializer::new(StringSerializer);
    let wide = with(&[("value.serializer.encoding", "UTF-16")]);
    let refused = wide.build_typed::<i64, Vec<String>>(LongSerializer, lists).await.unwrap_err();
    assert!(refused.to_string().contains("UTF-8"), "{refused}");
    // A serializer of one's own cannot be told.
    let own = [("value.serializer.encoding", "UTF-16")];
    let refused = with(&own).build_typed::<i64, Even>(LongSerializer, EvenSerializer).await;
    assert!(refused.unwrap_err().to_string().starts_with("value.serializer.encoding=\"UTF-16\""));
    let common = [("serializer.encoding", "UTF-16")];
    with(&common).build_typed::<i64, Even>(LongSerializer, EvenSerializer).await.unwrap();
    with(&own).build_typed::<i64, i64>(LongSerializer, LongSerializer).await.unwrap();
}

#[test]
fn a_typed_producer_works_without_async() {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 1).unwrap();
    let typed = blocking::TypedProducer::build(builder(&cluster), StringSerializer, LongSerializer);
    let typed: blocking::TypedProducer<str, i64> = typed.unwrap();
    let record = typed.record("t").key("k").value(&-1);
    assert_eq!(typed.send(&record).unwrap().wait().unwrap().offset(), Some(0));
    assert_eq!(typed.try_send(&record).unwrap().wait().unwrap().offset(), Some(1));
    typed.flush().unwrap();
    typed.close(TIME).unwrap();
    assert_eq!(cluster.log("t", 0)[1].value.as_deref(), Some(&[255; 8][..]));
}

#[test]
fn a_send_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn check(typed: &rohrpost::TypedProducer<str, i64>) {
        is_send(&typed.send(TypedRecord::new("t").key("k")));
    }
    let _ = check;
}
