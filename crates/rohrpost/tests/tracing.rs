//! What happens is told to `tracing`, by levels, and never for single records.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{Delivery, ErrorKind, Producer, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps every event of ours as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>, Arc<Notify>);

impl Lines {
    /// So many events of this level with these words, as soon as there are.
    async fn wait_for(&self, count: usize, level: Level, words: &str) -> Vec<String> {
        loop {
            let found = self.of(level, words);
            if found.len() >= count {
                return found;
            }
            self.1.notified().await;
        }
    }

    fn of(&self, level: Level, words: &str) -> Vec<String> {
        let told = self.0.lock().unwrap();
        let found = told.iter().filter(|(of, line)| *of == level && line.contains(words));
        found.map(|(_, line)| line.clone()).collect()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "rohrpost"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {} ", span.metadata().name()));
        span.record(&mut line);
        self.0.lock().unwrap().push((*span.metadata().level(), line.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push((*event.metadata().level(), line.0));
        self.1.notify_one();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn connections_topics_batches_retries_and_failures_are_told_and_records_are_not() {
    let lines = Lines::default();
    let _default = tracing::subscriber::set_default(lines.clone());
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 1).unwrap();
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let builder = builder.client_id("till-7").linger(Duration::from_millis(20)).retries(1);
    let producer = builder.build().await.unwrap();
    let send = async || {
        let mut last = None;
        for _ in 0..50 {
            last = Some(producer.send(ProducerRecord::new("t").value("v")).await.unwrap());
        }
        last.unwrap().await
    };
    send().await.unwrap();
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
    send().await.unwrap();
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce).times(2));
    send().await.unwrap_err();
    producer.close(Duration::from_secs(20)).await.unwrap();

    let told = lines.0.lock().unwrap();
    let count = |level, words: &str| {
        told.iter().filter(|(of, line)| *of == level && line.contains(words)).count()
    };
    assert_eq!(count(Level::INFO, "span rohrpost client_id=\"till-7\""), 1, "{told:?}");
    assert!(count(Level::DEBUG, "connecting address=127.0.0.1") > 0, "{told:?}");
    assert!(count(Level::DEBUG, "connected") > 0, "{told:?}");
    assert!(count(Level::DEBUG, "topic known topic=\"t\" partitions=1") > 0, "{told:?}");
    assert_eq!(count(Level::TRACE, "batch closed topic=\"t\" partition=0 records=50"), 3);
    assert_eq!(count(Level::TRACE, "acknowledged"), 2);
    assert_eq!(count(Level::DEBUG, "sent again batches=1"), 2);
    assert_eq!(count(Level::WARN, "not delivered"), 1);
    assert_eq!(count(Level::DEBUG, "closed"), 1);
    // The rest is of connections: nothing was told fifty times.
    assert!(told.len() < 40, "{told:?}");
}

/// A record that lingers, and whose producer is gone.
async fn left_behind(cluster: &Cluster) -> Delivery {
    cluster.create_topic("t", 1).unwrap();
    let (hour, two_hours) = (Duration::from_secs(3_600), Duration::from_secs(7_200));
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let builder = builder.linger(hour).delivery_timeout(two_hours).retries(0);
    let producer = builder.build().await.unwrap();
    producer.send(ProducerRecord::new("t").value("v")).await.unwrap()
}

#[tokio::test]
async fn what_fails_after_its_producer_was_dropped_is_told() {
    let lines = Lines::default();
    let _default = tracing::subscriber::set_default(lines.clone());
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
    let error = left_behind(&cluster).await.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broker);
    let told = lines.of(Level::WARN, "not delivered topic=\"t\" partition=0 records=1");
    assert_eq!(told.len(), 1, "{:?}", lines.0);
}

#[test]
fn what_a_producer_held_when_its_runtime_ended_is_told() {
    let lines = Lines::default();
    let _default = tracing::subscriber::set_default(lines.clone());
    let second = tokio::runtime::Runtime::new().unwrap();
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = second.block_on(Cluster::builder().brokers(1).start()).unwrap();
    let delivery = first.block_on(left_behind(&cluster));
    // Its task has not had a turn since.
    drop(first);
    assert_eq!(second.block_on(delivery).unwrap_err().kind(), ErrorKind::DriverGone);
    let told = lines.of(Level::WARN, "the producer's task ended before the producer was closed");
    assert_eq!(told.len(), 1, "{:?}", lines.0);
    assert!(told[0].contains("undelivered=1 "), "{told:?}");
}

#[tokio::test]
async fn brokers_that_nobody_answers_for_are_told_of_at_once_and_not_again_and_again() {
    let lines = Lines::default();
    let _default = tracing::subscriber::set_default(lines.clone());
    // Where nobody listens any more.
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(gone.local_addr().unwrap().to_string());
    }
    let short = Duration::from_millis(1);
    let builder = Producer::builder().bootstrap_servers(addresses.join(","));
    let builder = builder.reconnect_backoff(short, short).max_block(Duration::from_secs(30));
    let producer = builder.build().await.unwrap();
    let waiting = producer.clone();
    let waiting = tokio::spawn(async move { waiting.partitions_for("t").await.map(drop) });

    let told = lines.wait_for(1, Level::WARN, "no broker can be reached").await;
    for address in &addresses {
        assert!(told[0].contains(address) && told[0].contains("refused"), "{told:?}");
    }
    // Round upon round fails.
    lines.wait_for(200, Level::DEBUG, "connecting").await;
    let told = lines.of(Level::WARN, "no broker can be reached");
    assert!(told.len() < 20, "{told:?}");
    waiting.abort();
    producer.close(Duration::ZERO).await.unwrap();

    // Who waits in vain hears of each address, in the text and one by one.
    let builder = Producer::builder().bootstrap_servers(addresses.join(","));
    let builder = builder.reconnect_backoff(short, short).max_block(Duration::from_secs(1));
    let producer = builder.build().await.unwrap();
    let first = producer.partitions_for("t").await.unwrap_err();
    assert_eq!(first.kind(), ErrorKind::MetadataTimeout);
    let error = producer.send(ProducerRecord::new("t").value("v")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MetadataTimeout);
    let mut chain = Vec::new();
    let mut cause = std::error::Error::source(&error);
    while let Some(of) = cause {
        chain.push(of.to_string());
        cause = of.source();
    }
    assert_eq!(chain.len(), 2, "{chain:?}");
    assert!(error.to_string().contains("no broker has answered"), "{error}");
    for (address, of) in addresses.iter().zip(&chain) {
        assert!(of.starts_with(address) && of.contains("refused"), "{addresses:?}: {chain:?}");
        assert!(error.to_string().contains(of), "{error}");
    }
}
