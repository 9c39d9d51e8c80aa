//! A program without async has all that an async one has.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use rohrpost::blocking::{Deliveries, Producer};
use rohrpost::{ErrorKind, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};

const TIME: Duration = Duration::from_secs(20);

fn cluster() -> (tokio::runtime::Runtime, Cluster) {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    let cluster = runtime.block_on(async { Cluster::builder().brokers(1).start().await.unwrap() });
    cluster.create_topic("t", 2).unwrap();
    (runtime, cluster)
}

fn producer(cluster: &Cluster, set: impl FnOnce(ProducerBuilder) -> ProducerBuilder) -> Producer {
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    set(builder).build_blocking().unwrap()
}

fn record<'a>() -> ProducerRecord<'a> {
    ProducerRecord::new("t").partition(0).value("v")
}

#[test]
fn many_deliveries_are_waited_for_together() {
    let (_runtime, cluster) = cluster();
    let producer = producer(&cluster, |builder| builder.batch_size(200));
    let (topic, mut deliveries) = (producer.topic("t"), Deliveries::new());
    for number in 0..500_u32 {
        let record = ProducerRecord::new(&topic).partition(number % 2).value("v");
        producer.send_into(&mut deliveries, &record).unwrap();
    }
    deliveries.push(producer.send(record()).unwrap());
    assert_eq!(deliveries.records(), 501);
    assert_eq!(deliveries.join().into_result().unwrap(), 501);

    let mut deliveries = Deliveries::new();
    for _ in 0..10 {
        producer.send_into(&mut deliveries, record()).unwrap();
    }
    let mut next = 251;
    for settled in &mut deliveries {
        assert!(settled.error().is_none());
        assert_eq!((settled.topic(), settled.partition()), ("t", 0));
        let offsets = settled.offsets().unwrap();
        assert_eq!((offsets.start, offsets.end - offsets.start), (next, settled.records() as i64));
        next = offsets.end;
    }
    assert_eq!(next, 261);
    assert!(deliveries.is_empty() && deliveries.next().is_none());
    producer.close(TIME).unwrap();
}

#[test]
fn failures_are_counted_and_told() {
    let (_runtime, cluster) = cluster();
    let producer = producer(&cluster, |builder| builder.retries(0));
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
    let mut deliveries = Deliveries::new();
    for _ in 0..5 {
        producer.send_into(&mut deliveries, record()).unwrap();
    }
    producer.flush().unwrap();
    let tally = deliveries.join();
    assert_eq!(tally.acknowledged + tally.failed, 5);
    assert!(tally.failed > 0 && tally.first_error.unwrap().is_retriable());
}

#[test]
fn a_wait_with_a_timeout_comes_back_without_the_result_and_can_be_repeated() {
    let (_runtime, cluster) = cluster();
    let producer = producer(&cluster, |builder| builder.linger(TIME));
    let mut delivery = producer.send(record()).unwrap();
    assert!(delivery.wait_timeout(Duration::from_millis(1)).is_none());
    assert!(!delivery.is_resolved());
    std::thread::scope(|scope| {
        scope.spawn(|| producer.flush().unwrap());
        let metadata = delivery.wait_timeout(TIME).unwrap().unwrap();
        assert_eq!(metadata.offset(), Some(0));
    });
    assert_eq!(delivery.wait_timeout(Duration::MAX).unwrap().unwrap().partition(), 0);
    assert_eq!((delivery.topic(), delivery.partition()), ("t", 0));
    let (told, heard) = std::sync::mpsc::channel();
    delivery.call_back(move |result| told.send(result.is_ok()).unwrap());
    assert_eq!(heard.recv(), Ok(true));
}

#[test]
fn a_partition_that_cannot_be_is_refused_at_once() {
    let (_runtime, cluster) = cluster();
    let producer = producer(&cluster, |builder| builder);
    for record in [record().partition(u32::MAX), record().partition(-7), record().partition(-1)] {
        let error = producer.send(record).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownPartition, "{error}");
        assert!(!error.is_retriable());
    }
}
