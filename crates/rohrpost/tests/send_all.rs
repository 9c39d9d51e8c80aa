//! Many records at once are the same as one after another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use rohrpost::{Deliveries, ErrorKind, Header, Partitioning, Producer, ProducerRecord};
use rohrpost_testkit::Cluster;

const TIME: Duration = Duration::from_secs(20);

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 3).unwrap();
    cluster
}

fn values(cluster: &Cluster, partition: i32) -> Vec<u32> {
    let log = cluster.log("t", partition).into_iter();
    log.map(|record| u32::from_be_bytes((*record.value.unwrap()).try_into().unwrap())).collect()
}

#[tokio::test]
async fn every_record_arrives_once_in_its_partition_and_in_its_order() {
    for partitioning in [Partitioning::default(), Partitioning::RoundRobin] {
        let cluster = cluster().await;
        let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
        // Small batches, and memory for few of them: whatever can be in the way is in the way.
        let builder = builder.partitioning(partitioning).batch_size(700).buffer_memory(10_000);
        let producer = builder.build().await.unwrap();
        let numbers: Vec<_> = (0..5_000_u32).map(u32::to_be_bytes).collect();
        let headers = [Header::new("h", "1")];
        let topic = producer.topic("t");
        let records: Vec<_> = numbers
            .iter()
            .zip(0_u32..)
            .map(|(value, number)| {
                let record = ProducerRecord::new(&topic).value(value).with_headers(&headers);
                // In runs, by turns, by key, and as the partitioner likes.
                match number % 1_000 {
                    0..400 => record.partition(number / 100 % 3),
                    400..600 => record.partition(number % 3),
                    600..800 => record.key(&value[2..]),
                    _ => record,
                }
            })
            .collect();
        let mut deliveries = Deliveries::new();
        producer.send_all(&mut deliveries, &records).await.unwrap();
        assert_eq!(deliveries.records(), 5_000);
        assert_eq!(deliveries.join().await.into_result().unwrap(), 5_000);
        let mut all = Vec::new();
        for partition in 0..3 {
            let values = values(&cluster, partition);
            assert!(values.is_sorted(), "out of order in {partition}");
            for value in &values {
                if value % 1_000 < 400 {
                    assert_eq!(value / 100 % 3, partition as u32);
                }
            }
            assert!(cluster.log("t", partition).iter().all(|record| record.headers.len() == 1));
            all.extend(values);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..5_000));
        producer.close(TIME).await.unwrap();
        assert_eq!(producer.stats().buffered_bytes_now, 0);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_sent_ends_it_and_those_before_are_sent() {
    let cluster = cluster().await;
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let producer = builder.build().await.unwrap();
    let mut deliveries = Deliveries::new();
    let records = (0..100_u32).map(|number| {
        let record = ProducerRecord::new("t").value(number.to_be_bytes().to_vec());
        record.partition(if number == 70 { -1 } else { 0 })
    });
    let error = producer.send_all(&mut deliveries, records).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownPartition);
    assert_eq!(deliveries.records(), 70);
    assert_eq!(deliveries.join().await.into_result().unwrap(), 70);
    assert!(values(&cluster, 0).into_iter().eq(0..70));
    producer.close(TIME).await.unwrap();
    let error = producer.send_all(&mut Deliveries::new(), [ProducerRecord::new("t")]).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Closed);
}

/// An iterator is code of others: it may do what it likes with the producer.
#[tokio::test]
async fn an_iterator_that_uses_the_producer_itself_does_not_block() {
    let cluster = cluster().await;
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let producer = builder.build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    let record = || ProducerRecord::new("t").partition(0).value(&[0; 4]);
    let records = (0..500).map(|_| {
        drop(producer.try_send(record()).unwrap());
        record()
    });
    let mut deliveries = Deliveries::new();
    producer.send_all(&mut deliveries, records).await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 500);
    producer.flush().await.unwrap();
    assert_eq!(cluster.log("t", 0).len(), 1_000);
}
