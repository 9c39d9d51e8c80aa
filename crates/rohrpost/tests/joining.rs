//! Whoever awaits many deliveries at once is woken about once a batch, however they are awaited. Counted, not timed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::FuturesUnordered;
use rohrpost::{Deliveries, Delivery, Producer, ProducerRecord};
use rohrpost_testkit::Cluster;

const RECORDS: u32 = 10_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// Sends many records to a broker that is paused, lets it go on, and counts how often whoever awaits them is polled: at most once for each batch, and a few times
/// more.
async fn once_a_batch<F: Future<Output = u64>>(join: impl FnOnce(Vec<Delivery>) -> F) {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 4).unwrap();
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let builder = builder.linger(Duration::ZERO).request_timeout(HOUR).delivery_timeout(3 * HOUR);
    let producer = builder.build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.pause_broker(1);
    let mut deliveries = Vec::new();
    for number in 0..RECORDS {
        let record = ProducerRecord::new("t").partition(number % 4).value(&[7; 100]);
        deliveries.push(producer.send(record).await.unwrap());
    }
    let mut polls = 0;
    let mut join = pin!(join(deliveries));
    let arrived = poll_fn(|cx| {
        polls += 1;
        if polls == 1 {
            cluster.resume_broker(1);
        }
        join.as_mut().poll(cx)
    });
    assert_eq!(arrived.await, u64::from(RECORDS));
    let batches = producer.stats().batches;
    assert!(batches >= 60 && batches < u64::from(RECORDS) / 50, "{batches} batches");
    assert!(polls <= batches + 4, "{polls} polls for {batches} batches");
}

#[tokio::test]
async fn deliveries_that_are_joined_wake_the_task_once_a_batch() {
    once_a_batch(async |all| {
        let mut deliveries = Deliveries::new();
        all.into_iter().for_each(|delivery| deliveries.push(delivery));
        deliveries.join().await.into_result().unwrap()
    })
    .await;
}

#[tokio::test]
async fn deliveries_that_are_awaited_one_by_one_wake_the_task_once_a_batch_in_either_order() {
    let one_by_one = async |all: Vec<Delivery>| {
        let mut arrived = 0;
        for delivery in all {
            arrived += u64::from(delivery.await.is_ok());
        }
        arrived
    };
    once_a_batch(one_by_one).await;
    once_a_batch(|mut all| {
        all.reverse();
        one_by_one(all)
    })
    .await;
}

#[tokio::test]
async fn deliveries_that_others_join_wake_the_task_once_a_batch() {
    once_a_batch(async |all| {
        join_all(all).await.into_iter().map(|result| u64::from(result.is_ok())).sum()
    })
    .await;
    once_a_batch(async |all| try_join_all(all).await.unwrap().len() as u64).await;
    once_a_batch(async |all| {
        let all: FuturesUnordered<_> = all.into_iter().collect();
        all.map(|result| u64::from(result.is_ok())).fold(0, async |sum, one| sum + one).await
    })
    .await;
}
