//! What a producer does can be seen: how long each stage took, and which broker an error is about.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

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
    let metrics: Vec<_> = stats.java_metrics().collect();
    assert!(metrics.contains(&("record-send-total", 3.0)), "{metrics:?}");
    assert!(!metrics.iter().any(|(name, _)| *name == "produce-throttle-time-avg"));
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
