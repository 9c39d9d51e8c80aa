//! One producer, topics that differ: what a real Kafka's log says of each.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use harness::kafka::{self, Cluster, Consume, Topic};
use rohrpost::{Acks, Compression, Producer, ProducerRecord, TopicConfig};

const RECORDS: usize = 3_000;

const ALL: &str = "settings-all";
const LEADER: &str = "settings-leader";
const NONE: &str = "settings-none";

#[test]
fn topics_of_one_producer_are_written_as_each_is_set() {
    let cluster = kafka::shared().unwrap();
    for topic in [ALL, LEADER, NONE] {
        if cluster.topics().unwrap().iter().any(|known| known == topic) {
            cluster.delete_topic(topic).unwrap();
        }
        cluster.create_topic(&Topic::new(topic)).unwrap();
    }
    let leader = TopicConfig::new().acks(Acks::Leader).compression(Compression::Gzip);
    let none = TopicConfig::new().acks(Acks::None).linger(Duration::ZERO);
    let producer = Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .compression(Compression::Lz4)
        .topic(LEADER, leader)
        .topic(NONE, none.compression(Compression::None))
        .build_blocking()
        .unwrap();
    let mut deliveries = Vec::new();
    for number in 0..RECORDS {
        for topic in [ALL, LEADER, NONE] {
            let record = ProducerRecord::new(topic).value(number.to_string());
            deliveries.push(producer.send(record).unwrap());
        }
    }
    for delivery in deliveries {
        let metadata = delivery.wait().unwrap();
        assert_eq!(metadata.offset().is_some(), metadata.topic() != NONE);
    }
    producer.close(Duration::from_secs(60)).unwrap();

    for (topic, codec, is_idempotent) in
        [(ALL, "lz4", true), (LEADER, "gzip", false), (NONE, "none", false)]
    {
        let mut values = BTreeSet::new();
        let read = cluster.consume(&Consume::topic(topic), |record| {
            values.extend(record.value.map(<[u8]>::to_vec));
        });
        // Nothing was lost, for nothing went wrong, and nothing is there twice.
        assert_eq!((read.unwrap(), values.len()), (RECORDS as u64, RECORDS), "{topic}");
        assert_batches(&cluster, topic, codec, is_idempotent);
        cluster.delete_topic(topic).unwrap();
    }
}

fn assert_batches(cluster: &Cluster, topic: &str, codec: &str, is_idempotent: bool) {
    let log = cluster.dump_log_deep(topic, 0, 1).unwrap();
    let mut batches = 0;
    for batch in log.lines().filter(|line| line.starts_with("baseOffset: ")) {
        batches += 1;
        assert!(batch.contains(&format!(" compresscodec: {codec} ")), "{topic}: {batch}");
        let unnumbered = batch.contains(" producerId: -1 producerEpoch: -1 ")
            && batch.contains(" baseSequence: -1 ");
        assert_eq!(unnumbered, !is_idempotent, "{topic}: {batch}");
    }
    assert!(batches > 0, "{topic}: {log}");
}
