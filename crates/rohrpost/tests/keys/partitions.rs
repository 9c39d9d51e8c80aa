//! Who chooses partitions, and by what.

use std::collections::BTreeSet;
use std::time::Duration;

use rohrpost::ProducerRecord;
use rohrpost_testkit::{Cluster, TopicSpec};

use crate::{Setting, both, builder, cluster, pass, settle};

/// How many of twelve records with one key went to each of three partitions.
async fn spread(setting: Setting) -> Vec<usize> {
    let cluster = cluster(3).await;
    // A batch a record, so that every record may go elsewhere.
    let producer = builder(&cluster, setting).batch_size(1).build().await.unwrap();
    for _ in 0..12 {
        let record = ProducerRecord::new("t").key("k").value("v");
        producer.send(record).await.unwrap().await.unwrap();
    }
    let mut counts: Vec<usize> =
        (0..3).map(|partition| cluster.log("t", partition).len()).collect();
    counts.sort_unstable();
    counts
}

#[test]
fn partitioner_class() {
    let [hashed, in_turns] =
        both("partitioner.class", ["murmur2_random", "RoundRobinPartitioner"], spread);
    assert_eq!((hashed, in_turns), (vec![0, 0, 12], vec![4, 4, 4]));
}

#[test]
fn ignore_keys() {
    let [by_key, anywhere] = both("partitioner.ignore.keys", ["false", "true"], spread);
    assert_eq!(by_key, [0, 0, 12]);
    assert_ne!(anywhere, [0, 0, 12]);
}

/// How many of 200 batches without a key go to a partition whose broker does not answer.
async fn to_the_silent_one(setting: Setting, more: &[(&str, &str)]) -> usize {
    let cluster = Cluster::builder().brokers(2).start().await.unwrap();
    cluster.create_topic_with(&TopicSpec::new("t").partitions(2).replication_factor(1)).unwrap();
    let silent = cluster.leader("t", 1).unwrap();
    assert_ne!(cluster.leader("t", 0), Some(silent));
    let producer = builder(&cluster, setting)
        .batch_size(1)
        .request_timeout(Duration::from_secs(100_000))
        .properties(more.iter().copied())
        .build()
        .await
        .unwrap();
    for partition in 0..2 {
        let record = ProducerRecord::new("t").partition(partition).value("v");
        producer.send(record).await.unwrap().await.unwrap();
    }
    settle().await;
    tokio::time::pause();
    cluster.pause_broker(silent);
    for _ in 0..200 {
        drop(producer.send(ProducerRecord::new("t").value("v")).await.unwrap());
        pass(Duration::from_millis(20)).await;
    }
    cluster.resume_broker(silent);
    producer.flush().await.unwrap();
    cluster.log("t", 1).len() - 1
}

#[test]
fn adaptive_partitioning() {
    let [evenly, adaptively] =
        both("partitioner.adaptive.partitioning.enable", ["false", "true"], |setting| {
            to_the_silent_one(setting, &[])
        });
    assert!(evenly > 60, "{evenly}");
    assert!(adaptively < evenly / 2, "{adaptively} {evenly}");
}

#[test]
fn availability_timeout() {
    // With it, the silent broker gets what was sent before it counted as silent, and then nothing.
    let [at_once, never] = both("partitioner.availability.timeout.ms", ["50", "0"], |setting| {
        to_the_silent_one(setting, &[])
    });
    assert!(at_once < never && at_once <= 5, "{at_once} {never}");
}

const AWARE: &[(&str, &str)] = &[("partitioner.rack.aware", "true")];

/// The brokers that 30 batches without a key go to, of which broker 1 is in rack `a` and the others are in `b`.
async fn leaders(setting: Setting, more: &[(&str, &str)]) -> BTreeSet<i32> {
    let cluster = Cluster::builder().brokers(3).start().await.unwrap();
    cluster.create_topic_with(&TopicSpec::new("t").partitions(6).replication_factor(1)).unwrap();
    cluster.with_model(|model| {
        for (broker, rack) in [(1, "a"), (2, "b"), (3, "b")] {
            model.set_rack(broker, Some(rack.to_owned()));
        }
    });
    let producer = builder(&cluster, setting)
        .batch_size(1)
        .properties(more.iter().copied())
        .build()
        .await
        .unwrap();
    let mut leaders = BTreeSet::new();
    for _ in 0..30 {
        let sent = producer.send(ProducerRecord::new("t").value("v")).await.unwrap();
        let partition = sent.await.unwrap().partition();
        leaders.insert(cluster.leader("t", partition).unwrap().0);
    }
    leaders
}

#[test]
fn rack_aware() {
    let [anywhere, near] = both("partitioner.rack.aware", ["false", "true"], |setting| {
        leaders(setting, &[("client.rack", "b")])
    });
    assert_eq!((anywhere, near), ([1, 2, 3].into(), [2, 3].into()));
}

#[test]
fn client_rack() {
    let [one, two] = both("client.rack", ["a", "b"], |setting| leaders(setting, AWARE));
    assert_eq!((one, two), ([1].into(), [2, 3].into()));
    let [other, twice] = both("client.rack", ["c", "B"], |setting| leaders(setting, AWARE));
    assert_eq!((other, twice), ([1, 2, 3].into(), [1, 2, 3].into()), "nobody is near");
}
