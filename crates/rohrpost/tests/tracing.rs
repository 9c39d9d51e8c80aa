//! What happens is told to `tracing`, by levels, and never for single records.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{Producer, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps every event of ours as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

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
