//! What a producer does can be seen: how long each stage took, and which broker an error is about.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::Duration;

use rohrpost::{ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};

const TIME: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(2);

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(2).start().await.unwrap();
    cluster.create_topic("t", 2).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn record<'a>() -> ProducerRecord<'a> {
    ProducerRecord::new("t").partition(0).value("v")
}

/// In virtual time: it passes only where everything waits.
#[tokio::test]
async fn each_stage_has_its_time_and_no_others() {
    let cluster = cluster().await;
    let (linger, delay) = (Duration::from_millis(70), Duration::from_millis(900));
    let producer = builder(&cluster).linger(linger).build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    let before = producer.stats().stages;
    assert_eq!((before.metadata_wait.count(), before.memory_wait.count()), (1, 0));
    assert_eq!((before.broker.count(), before.throttle.count()), (1, 0));

    tokio::time::pause();
    cluster.inject(Fault::delay(delay).on(ApiKey::Produce));
    let deliveries =
        [producer.send(record()).await.unwrap(), producer.send(record()).await.unwrap()];
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    let stats = producer.stats();
    let stages = &stats.stages;
    for (name, now, then, expected) in [
        ("metadata_wait", stages.metadata_wait, before.metadata_wait, None),
        ("memory_wait", stages.memory_wait, before.memory_wait, None),
        ("linger", stages.linger, before.linger, Some(linger)),
        ("queue", stages.queue, before.queue, Some(Duration::ZERO)),
        ("wire", stages.wire, before.wire, Some(Duration::ZERO)),
        ("broker", stages.broker, before.broker, Some(delay)),
        ("throttle", stages.throttle, before.throttle, None),
        ("delivery", stages.delivery, before.delivery, Some(linger + delay)),
    ] {
        // One batch, one request: never one a record.
        assert_eq!(now.count() - then.count(), u64::from(expected.is_some()), "{name}");
        let took = now.sum() - then.sum();
        let expected = expected.unwrap_or_default();
        assert!(took >= expected && took <= expected + TICK, "{name}: {took:?}");
    }
    assert!(
        stages.broker.max() >= delay && stages.broker.quantile(1.0) == Some(stages.broker.max())
    );
}

/// Ten milliseconds are for what takes no virtual time.
fn is_about(found: f64, millis: u64) -> bool {
    (millis as f64..millis as f64 + 10.0).contains(&found)
}

#[tokio::test]
async fn javas_metrics_have_their_names_and_say_what_they_say_there() {
    let cluster = cluster().await;
    let (linger, delay) = (Duration::from_millis(70), Duration::from_millis(900));
    let producer = builder(&cluster).linger(linger).buffer_memory(1 << 20).build().await.unwrap();
    let metrics = || producer.stats().java_metrics().collect::<HashMap<_, _>>();
    // What has not happened has no average and no maximum.
    assert!(metrics().keys().all(|name| !name.ends_with("-avg") && !name.ends_with("-max")));
    producer.send(record()).await.unwrap().await.unwrap();
    let first = metrics();

    tokio::time::pause();
    cluster.inject(Fault::delay(delay).on(ApiKey::Produce));
    let deliveries =
        [producer.send(record()).await.unwrap(), producer.send(record()).await.unwrap()];
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
    producer.send(record()).await.unwrap().await.unwrap();
    let pause = Duration::from_millis(300);
    cluster.inject(Fault::throttle(pause).on(ApiKey::Produce));
    producer.send(record()).await.unwrap().await.unwrap();

    // 5 records in 4 batches, of which one was sent twice.
    let mut found = metrics();
    let mut take = |name: &str| found.remove(name).unwrap_or_else(|| panic!("there is no {name}"));
    for (name, value) in [
        ("record-send-total", 5.0),
        ("record-retry-total", 1.0),
        ("record-error-total", 0.0),
        ("batch-split-total", 0.0),
        ("request-total", 5.0),
        ("records-per-request-avg", 1.2),
        ("requests-in-flight", 0.0),
        ("buffer-total-bytes", f64::from(1 << 20)),
        ("waiting-threads", 0.0),
        ("buffer-exhausted-total", 0.0),
        ("bufferpool-wait-time-ns-total", 0.0),
        ("compression-rate-avg", 1.0),
        ("produce-throttle-time-avg", 300.0),
        ("produce-throttle-time-max", 300.0),
    ] {
        assert_eq!(take(name), value, "{name}");
    }
    // A batch is 61 bytes and its records, of which two of one byte each make the largest.
    let (bytes, largest) = (take("byte-total"), take("batch-size-max"));
    let one = first["byte-total"];
    assert!(one > 61.0 && largest > one && largest < one + 61.0, "{one} {largest}");
    assert_eq!(bytes, 3.0 * one + largest);
    assert_eq!(take("batch-size-avg"), bytes / 4.0);
    assert_eq!(take("record-size-avg"), bytes / 5.0);
    assert_eq!(take("connection-creation-total"), first["connection-creation-total"]);
    assert!(take("outgoing-byte-total") > bytes && take("incoming-byte-total") > 0.0);
    assert!(take("buffer-available-bytes") <= f64::from(1 << 20));
    assert_eq!(take("metadata-wait-time-ns-total"), first["metadata-wait-time-ns-total"]);
    assert!(is_about(take("record-queue-time-max"), 70));
    assert!(take("record-queue-time-avg") <= 80.0);
    assert!(is_about(take("request-latency-max"), 900));
    assert!(is_about(take("request-latency-avg"), 900 / 5));
    assert!(found.is_empty(), "nobody has looked at {found:?}");
}

#[tokio::test]
async fn sends_that_got_no_memory_are_counted() {
    let cluster = cluster().await;
    let builder = builder(&cluster).buffer_memory(40_000).linger(Duration::ZERO);
    let producer = builder.max_block(Duration::from_secs(1)).build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    tokio::time::pause();
    cluster.inject(Fault::delay(Duration::from_secs(5)).on(ApiKey::Produce));
    let value = vec![b'x'; 30_000];
    let large = || ProducerRecord::new("t").partition(0).value(&value);
    let first = producer.send(large()).await.unwrap();
    let error = producer.send(large()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemoryTimeout, "{error}");
    assert_eq!(producer.stats().sends_out_of_memory, 1);
    first.await.unwrap();
}

#[tokio::test]
async fn waits_for_memory_and_for_quotas_are_timed() {
    let cluster = cluster().await;
    let builder = builder(&cluster).buffer_memory(40_000).linger(Duration::ZERO);
    let producer = builder.build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    tokio::time::pause();
    let (delay, pause) = (Duration::from_millis(500), Duration::from_millis(300));
    cluster.inject(Fault::delay(delay).on(ApiKey::Produce));
    let value = vec![b'x'; 30_000];
    let large = || ProducerRecord::new("t").partition(0).value(&value);
    drop(producer.send(large()).await.unwrap());
    let second = producer.send(large()).await.unwrap();
    let waited = producer.stats().stages.memory_wait;
    assert_eq!(waited.count(), 1);
    assert!(waited.max() >= delay - TICK && waited.max() <= delay + TICK, "{waited:?}");
    second.await.unwrap();
    cluster.inject(Fault::throttle(pause).on(ApiKey::Produce));
    producer.send(record()).await.unwrap().await.unwrap();
    let throttle = producer.stats().stages.throttle;
    assert_eq!((throttle.count(), throttle.sum()), (1, pause));
}

#[tokio::test]
async fn an_error_names_the_broker_that_it_is_about() {
    let cluster = cluster().await;
    let producer = builder(&cluster).retries(0).build().await.unwrap();
    let leader = cluster.leader("t", 0).unwrap();
    let servers = cluster.bootstrap_servers();
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
    let error = producer.send(record()).await.unwrap().await.unwrap_err();
    let broker = error.broker().unwrap();
    assert_eq!(broker.id(), Some(leader.0));
    assert!(servers.split(',').any(|server| Some(server) == broker.address()), "{broker}");
    // No answer came, and still it is known from whom.
    cluster.inject(Fault::disconnect_before().on(ApiKey::Produce));
    let error = producer.send(record()).await.unwrap().await.unwrap_err();
    assert_eq!((error.kind(), error.broker()), (ErrorKind::Connection, Some(broker)));

    // Nobody listens there, and nobody is known to be there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let lost = Producer::builder().bootstrap_servers(&address).max_block(Duration::from_millis(50));
    let error = lost.build().await.unwrap().send(record()).await.unwrap_err();
    let broker = error.broker().unwrap();
    assert_eq!((broker.id(), broker.address()), (None, Some(&*address)));
    assert_eq!(error.kind(), ErrorKind::MetadataTimeout);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_in_time_is_named() {
    let cluster = cluster().await;
    let timeout = Duration::from_secs(10);
    let builder = builder(&cluster).linger(Duration::ZERO).delivery_timeout(timeout);
    let producer = builder.request_timeout(timeout).build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    let leader = cluster.leader("t", 0).unwrap();
    cluster.inject(Fault::swallow().on(ApiKey::Produce).always());
    tokio::time::pause();
    // The first is on its way, the others are behind it.
    let first = producer.send(record()).await.unwrap();
    while producer.stats().requests_in_flight_now == 0 {
        tokio::task::yield_now().await;
    }
    let error = first.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeliveryTimeout);
    assert_eq!(error.broker().and_then(|broker| broker.id()), Some(leader.0));
}

#[tokio::test]
async fn a_close_says_what_was_left_where() {
    let cluster = cluster().await;
    let producer = builder(&cluster).linger(TIME).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce).always());
    for partition in [0, 1, 1] {
        drop(producer.send(record().partition(partition)).await.unwrap());
    }
    let error = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Closed, Outcome::NotWritten));
    let left: Vec<_> = error
        .undelivered()
        .iter()
        .map(|left| (&*left.topic, left.partition, left.records, left.maybe_written))
        .collect();
    assert_eq!(left, [("t", 0, 1, 0), ("t", 1, 2, 0)]);
    assert!(error.to_string().contains("3 records undelivered"), "{error}");
}
