//! Interceptors see every record before it is sent, and what becomes of it; nothing that they do breaks the producer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use rohrpost::{
    Acknowledgement, Bytes, Deliveries, ErrorKind, Interceptor, Producer, ProducerBuilder,
    ProducerRecord,
};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};

const TIME: Duration = Duration::from_secs(20);

type Diary = Arc<Mutex<Vec<String>>>;

/// Writes down what it sees, and adds its name to each record.
struct Scribe(&'static str, Diary);

impl Scribe {
    fn note(&self, what: impl std::fmt::Display) {
        self.1.lock().unwrap().push(format!("{} {what}", self.0));
    }
}

impl Interceptor for Scribe {
    fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
        let value = record.value_bytes().map_or("null".into(), String::from_utf8_lossy);
        self.note(format!("sees {value}"));
        record.header("seen-by", self.0)
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        let names: Vec<_> = acknowledgement.headers().map(|(_, value)| value.unwrap()).collect();
        let result = match acknowledgement.result() {
            Ok(metadata) => metadata.to_string(),
            Err(error) => error.kind().to_string(),
        };
        let place = (acknowledgement.topic(), acknowledgement.partition());
        self.note(format!("hears {result} of {place:?}, seen by {}", text(&names.concat())));
    }

    fn close(&self) {
        self.note("closes");
    }
}

/// Does everything wrong.
struct Clumsy;

impl Interceptor for Clumsy {
    fn on_send<'a>(&self, _: ProducerRecord<'a>) -> ProducerRecord<'a> {
        panic!("on_send")
    }

    fn on_acknowledgement(&self, _: &Acknowledgement<'_>) {
        panic!("on_acknowledgement")
    }

    fn close(&self) {
        panic!("close")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 1).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn taken(diary: &Diary) -> Vec<String> {
    std::mem::take(&mut diary.lock().unwrap())
}

#[tokio::test]
async fn each_sees_what_the_one_before_made_of_the_record_whatever_the_others_do() {
    let (cluster, diary) = (cluster().await, Diary::default());
    let builder = builder(&cluster).interceptor(Scribe("a", diary.clone())).interceptor(Clumsy);
    let builder = builder.interceptor(Scribe("b", diary.clone()));
    let producer = builder.build().await.unwrap();
    let mut deliveries = Deliveries::new();
    // By each way of sending.
    producer.send(ProducerRecord::new("t").value("1")).await.unwrap().await.unwrap();
    let borrowed = ProducerRecord::new("t").value("2");
    producer.send_into(&mut deliveries, &borrowed).await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 1);
    drop(producer.try_send(ProducerRecord::new("t").value("3")).unwrap());
    let theirs = diary.clone();
    let callback = move |_| theirs.lock().unwrap().push("my own callback".to_owned());
    producer.send_with(ProducerRecord::new("t").value("4"), callback).await.unwrap();
    producer.close(TIME).await.unwrap();

    let told: Vec<_> = taken(&diary);
    let of = |number: usize| {
        let result = format!("hears t-0@{} of (\"t\", Some(0)), seen by ab", number - 1);
        [format!("a sees {number}"), format!("b sees {number}"), format!("a {result}")]
            .into_iter()
            .chain([format!("b {result}")])
    };
    for number in 1..=4 {
        let places: Vec<_> =
            of(number).map(|line| told.iter().position(|told| *told == line).unwrap()).collect();
        assert!(places.is_sorted(), "{told:?}");
    }
    assert_eq!(told[told.len() - 3..], ["my own callback", "a closes", "b closes"]);
    assert_eq!(told.len(), 4 * 4 + 3, "{told:?}");
    for record in cluster.log("t", 0) {
        let names = record.headers.iter().map(|header| header.value.clone().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
    }
}

#[tokio::test]
async fn a_record_can_be_replaced_wholly() {
    struct Redirect;
    impl Interceptor for Redirect {
        fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
            let value = record.value_bytes().map_or(Vec::new(), <[u8]>::to_ascii_uppercase);
            record.with_topic("u").key("k").value(value).partition(1_u32).timestamp(77)
        }
    }
    let cluster = cluster().await;
    cluster.create_topic("u", 2).unwrap();
    let producer = builder(&cluster).interceptor(Redirect).build().await.unwrap();
    let topic = producer.topic("t");
    for record in [ProducerRecord::new("t"), ProducerRecord::new(&topic)] {
        let delivery = producer.send(record.value("shout")).await.unwrap();
        assert_eq!((delivery.topic(), delivery.partition()), ("u", 1));
        assert_eq!(delivery.await.unwrap().value_size(), Some(5));
    }
    let log = cluster.log("u", 1);
    assert_eq!(log.len(), 2);
    for record in log {
        assert_eq!((record.key.as_deref(), record.timestamp), (Some(&b"k"[..]), 77));
        assert_eq!(record.value.as_deref(), Some(&b"SHOUT"[..]));
    }
}

#[tokio::test]
async fn failures_are_heard_of_once_whether_the_send_fails_or_the_delivery() {
    let (cluster, diary) = (cluster().await, Diary::default());
    let builder = builder(&cluster).interceptor(Scribe("a", diary.clone())).retries(0);
    let producer = builder.build().await.unwrap();
    let refused = producer.send(ProducerRecord::new("t").partition(-5).value("1")).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::UnknownPartition);
    assert_eq!(
        taken(&diary),
        ["a sees 1", "a hears unknown_partition of (\"t\", Some(-5)), seen by a"]
    );
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
    let delivery = producer.send(ProducerRecord::new("t").value("2")).await.unwrap();
    assert_eq!(delivery.await.unwrap_err().kind(), ErrorKind::Broker);
    producer.flush().await.unwrap();
    assert_eq!(taken(&diary), ["a sees 2", "a hears broker of (\"t\", Some(0)), seen by a"]);
    // What is tried in vain is given back as it was.
    let back = producer.try_send(ProducerRecord::new("unheard-of").value("3")).unwrap_err();
    assert_eq!(back.kind(), ErrorKind::WouldBlock);
    assert_eq!(back.into_record(), ProducerRecord::new("unheard-of").value("3"));
    assert_eq!(
        taken(&diary),
        ["a sees 3", "a hears would_block of (\"unheard-of\", None), seen by a"]
    );
    producer.close(TIME).await.unwrap();
    assert_eq!(taken(&diary), ["a closes"]);
    // They are past caring.
    let closed = producer.send(ProducerRecord::new("t").value("4")).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
    let closed = producer.try_send(ProducerRecord::new("t").value("5")).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
    drop(producer);
    assert_eq!(taken(&diary), [""; 0]);
}

#[tokio::test]
async fn a_send_that_waits_is_seen_once_and_keeps_what_was_made_of_it() {
    let (cluster, diary) = (cluster().await, Diary::default());
    let builder = builder(&cluster).interceptor(Scribe("a", diary.clone()));
    let producer = builder.batch_size(100_000).buffer_memory(150_000).build().await.unwrap();
    // Nothing is known of the topic yet; later there is no room.
    let value = Bytes::from(vec![b'x'; 60_000]);
    let sends = (0..8).map(|_| {
        let (producer, value) = (producer.clone(), value.clone());
        tokio::spawn(async move {
            producer.send(ProducerRecord::new("t").value(value)).await.unwrap().await.unwrap();
        })
    });
    for send in sends.collect::<Vec<_>>() {
        send.await.unwrap();
    }
    producer.flush().await.unwrap();
    let told = taken(&diary);
    assert_eq!(told.iter().filter(|told| told.contains("sees")).count(), 8);
    assert_eq!(told.iter().filter(|told| told.contains("hears t-0@")).count(), 8);
    let log = cluster.log("t", 0);
    assert!(log.iter().all(|record| record.headers.len() == 1), "what was made of it is lost");
    assert_eq!(log.len(), 8);
    // A send that is given up while it waits has no end to hear of.
    let mut gone = Box::pin(producer.send(ProducerRecord::new("not-yet").value("9")));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(gone.as_mut().poll(&mut cx).is_pending() && gone.as_mut().poll(&mut cx).is_pending());
    drop(gone);
    assert_eq!(taken(&diary), ["a sees 9"]);
}

#[tokio::test]
async fn a_producer_that_is_dropped_closes_them_when_the_last_record_has_its_end() {
    let (cluster, diary) = (cluster().await, Diary::default());
    let builder = builder(&cluster).interceptor(Scribe("a", diary.clone())).interceptor(Clumsy);
    let producer = builder.linger(TIME).build().await.unwrap();
    let delivery = producer.send(ProducerRecord::new("t").value("1")).await.unwrap();
    drop(producer);
    delivery.await.unwrap();
    while !diary.lock().unwrap().iter().any(|told| told == "a closes") {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        taken(&diary),
        ["a sees 1", "a hears t-0@0 of (\"t\", Some(0)), seen by a", "a closes"]
    );
}
