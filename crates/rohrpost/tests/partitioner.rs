//! A partitioner of one's own decides, sees what it needs, and can break nothing but the sends that it is asked for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use rohrpost::partitioner::{Choice, Hashed, KeyHash, Partitioner, Query};
use rohrpost::{
    Deliveries, ErrorKind, Outcome, Partitioning, Producer, ProducerBuilder, ProducerRecord,
};
use rohrpost_testkit::Cluster;

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(3).start().await.unwrap();
    cluster.create_topic("t", 4).unwrap();
    cluster
}

/// A producer with this function as its partitioner.
fn builder<F>(cluster: &Cluster, choose: F) -> ProducerBuilder
where
    F: Fn(&Query<'_>) -> Choice + Send + Sync + 'static,
{
    struct By<F>(F);
    impl<F: Fn(&Query<'_>) -> Choice + Send + Sync> Partitioner for By<F> {
        fn choose(&self, query: &Query<'_>) -> Choice {
            self.0(query)
        }
    }
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).partitioner(By(choose))
}

#[tokio::test]
async fn its_choice_counts_unless_the_record_names_a_partition() {
    let cluster = cluster().await;
    let by_value = |query: &Query<'_>| match query.value {
        Some([number]) => Choice::Partition(u32::from(*number)),
        _ => Choice::Sticky,
    };
    let producer = builder(&cluster, by_value).build().await.unwrap();
    for number in [3, 0, 2] {
        let sent = producer.send(ProducerRecord::new("t").key("k").value(&[number])).await.unwrap();
        assert_eq!(sent.await.unwrap().partition(), i32::from(number));
    }
    let named = producer.send(ProducerRecord::new("t").partition(1).value(&[3])).await.unwrap();
    assert_eq!(named.await.unwrap().partition(), 1);
    let sticky = producer.send(ProducerRecord::new("t").value("any")).await.unwrap();
    assert!((0..4).contains(&sticky.await.unwrap().partition()));
}

#[tokio::test]
async fn it_sees_topic_key_value_and_the_partitions_with_their_leaders() {
    let cluster = cluster().await;
    let leaders: Vec<Option<i32>> =
        (0..4).map(|partition| cluster.leader("t", partition).map(|node| node.0)).collect();
    let look = move |query: &Query<'_>| {
        assert_eq!((query.topic, query.key, query.value), ("t", Some(&b"k"[..]), None));
        let seen: Vec<_> = (0..4).map(|partition| query.table.leader(partition)).collect();
        assert_eq!(seen, leaders);
        assert_eq!(query.table.available(), [0, 1, 2, 3]);
        Hashed::JAVA.choose(query)
    };
    let producer = builder(&cluster, look).build().await.unwrap();
    let ours = producer.send(ProducerRecord::new("t").key("k")).await.unwrap().await.unwrap();
    let plain = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let javas = plain.build().await.unwrap();
    let javas = javas.send(ProducerRecord::new("t").key("k")).await.unwrap().await.unwrap();
    assert_eq!(ours.partition(), javas.partition());
}

#[tokio::test]
async fn a_panic_or_a_partition_that_is_none_fails_that_send_alone() {
    let cluster = cluster().await;
    let choose = |query: &Query<'_>| match query.key {
        Some(b"panic") => panic!("as the test wants"),
        Some(b"beyond") => Choice::Partition(query.table.count().get()),
        Some(b"negative") => Choice::Partition(-1_i32 as u32),
        _ => Choice::Partition(3),
    };
    let producer = builder(&cluster, choose).build().await.unwrap();
    for (key, words) in [
        ("panic", "topic t: the partitioner panicked"),
        ("beyond", "topic t: the partitioner chose partition 4 of 4"),
        ("negative", "topic t: the partitioner chose partition 4294967295 of 4"),
    ] {
        let record = ProducerRecord::new("t").key(key);
        for error in [
            producer.send(record.clone()).await.unwrap_err(),
            producer.try_send(record).unwrap_err().into_error(),
        ] {
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Partitioner, Outcome::NotWritten)
            );
            assert!(!error.is_retriable() && !error.is_fatal());
            assert!(error.to_string().starts_with(words), "{error}");
        }
        let good = producer.send(ProducerRecord::new("t").key("good")).await.unwrap();
        assert_eq!(good.await.unwrap().partition(), 3);
    }
    producer.close(Duration::from_secs(20)).await.unwrap();
}

#[test]
fn what_is_set_later_counts_and_ignoring_keys_is_a_contradiction() {
    let own = || Producer::builder().bootstrap_servers("localhost:9092").partitioner(Hashed::FNV1A);
    let error = own().ignore_keys(true).into_config().unwrap_err();
    assert!(error.to_string().contains("partitioner.ignore.keys"), "{error}");
    for builder in [
        own().partitioning(Partitioning::RoundRobin),
        own().property("partitioner.class", "round_robin"),
    ] {
        builder.ignore_keys(true).into_config().unwrap().validate().unwrap();
    }
}

#[tokio::test]
async fn records_without_a_key_fill_one_batch_after_another_and_leave_none_half_empty_behind() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let cluster = cluster().await;
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let builder = builder.batch_size(4_096).linger(HOUR).delivery_timeout(3 * HOUR);
    let producer = builder.build().await.unwrap();
    let mut deliveries = Deliveries::new();
    // 37 records fill a batch, but for less than one more.
    for _ in 0..37 * 20 {
        let record = ProducerRecord::new("t").value(&[7; 100]);
        producer.send_into(&mut deliveries, record).await.unwrap();
    }
    producer.flush().await.unwrap();
    assert_eq!(deliveries.join().await.into_result().unwrap(), 37 * 20);
    assert_eq!(producer.stats().batches, 20);
    let lengths: Vec<_> = (0..4).map(|partition| cluster.log("t", partition).len()).collect();
    assert!(lengths.iter().all(|length| length % 37 == 0), "{lengths:?}");
}

/// Sends a record and gives its partition.
async fn sent(producer: &Producer, record: ProducerRecord<'_>) -> i32 {
    producer.send(record).await.unwrap().await.unwrap().partition()
}

/// Gives the topic `t` so many partitions, and waits until the producer has seen that: a record for the last one has to wait for it.
async fn grow(cluster: &Cluster, producer: &Producer, partitions: i32) {
    cluster.add_partitions("t", partitions).unwrap();
    let last = partitions - 1;
    assert_eq!(sent(producer, ProducerRecord::new("t").partition(last).value("v")).await, last);
}

#[tokio::test]
async fn a_topic_that_grows_has_keys_hashed_over_all_partitions_and_fills_the_new_ones_too() {
    for (partitioning, hash) in [
        (Partitioning::Default, Some(KeyHash::Murmur2)),
        (Partitioning::Murmur2, Some(KeyHash::Murmur2)),
        (Partitioning::ConsistentRandom, Some(KeyHash::Crc32)),
        (Partitioning::Consistent, Some(KeyHash::Crc32)),
        (Partitioning::Fnv1aRandom, Some(KeyHash::Fnv1a)),
        (Partitioning::SaramaReference, Some(KeyHash::Fnv1aUnsigned)),
        (Partitioning::SaramaCrc32, Some(KeyHash::Crc32)),
        (Partitioning::RoundRobin, None),
        (Partitioning::Random, None),
    ] {
        let cluster = cluster().await;
        // A batch a record, so that each may go elsewhere.
        let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
        let producer = builder.partitioning(partitioning).batch_size(1).build().await.unwrap();
        for count in [4, 7] {
            if count > 4 {
                grow(&cluster, &producer, count).await;
            }
            let partitions = NonZeroU32::new(count.unsigned_abs()).unwrap();
            for (key, hash) in ["a", "b", "c", "d", "e", "f"].into_iter().zip([hash; 6]) {
                let partition = sent(&producer, ProducerRecord::new("t").key(key)).await;
                if let Some(hash) = hash {
                    let expected = hash.partition(key.as_bytes(), partitions);
                    assert_eq!(partition.unsigned_abs(), expected, "{partitioning:?} {key}");
                }
            }
            let mut reached = BTreeSet::new();
            for _ in 0..90 {
                reached.insert(sent(&producer, ProducerRecord::new("t").value("v")).await);
            }
            // No key is a key to some.
            let is_hashed =
                matches!(partitioning, Partitioning::Murmur2 | Partitioning::Consistent);
            let expected = if is_hashed { 1 } else { count as usize };
            assert_eq!(reached.len(), expected, "{partitioning:?}: {reached:?}");
        }
    }
}

#[tokio::test]
async fn records_without_a_key_follow_the_leaders_that_are_in_the_producers_rack() {
    let cluster = cluster().await;
    let put = |broker: i32, rack: &str| {
        cluster.with_model(|model| model.set_rack(broker, Some(rack.to_owned())));
    };
    put(1, "a");
    put(2, "b");
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let producer = builder.rack_aware("a").batch_size(1).build().await.unwrap();
    let reached = async || {
        let mut leaders = BTreeSet::new();
        for _ in 0..40 {
            let partition = sent(&producer, ProducerRecord::new("t").value("v")).await;
            leaders.insert(cluster.leader("t", partition).unwrap().0);
        }
        leaders
    };
    assert_eq!(reached().await, [1].into());
    // Keys stay where they are.
    let keyed: BTreeSet<i32> = {
        let mut partitions = BTreeSet::new();
        for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] {
            let partition = sent(&producer, ProducerRecord::new("t").key(key)).await;
            let four = NonZeroU32::new(4).unwrap();
            assert_eq!(partition.unsigned_abs(), KeyHash::Murmur2.partition(key.as_bytes(), four));
            partitions.insert(partition);
        }
        partitions
    };
    assert!(keyed.len() > 2, "{keyed:?}");
    // A broker that comes to be in the rack, its partitions led by it as before.
    put(3, "a");
    grow(&cluster, &producer, 6).await;
    assert_eq!(reached().await, [1, 3].into());
    // The rack is left by all.
    put(1, "c");
    put(3, "c");
    grow(&cluster, &producer, 9).await;
    assert_eq!(reached().await, [1, 2, 3].into());
}
