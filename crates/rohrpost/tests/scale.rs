//! Many partitions, many topics, one that gets more than the others: counted, not timed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocation_counter::AllocationInfo;
use rohrpost::{Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster};
use tokio::runtime::{Builder, Runtime};

const HOUR: Duration = Duration::from_secs(3_600);
const VALUE: &[u8] = &[7; 100];

fn cluster() -> Cluster {
    Cluster::builder().brokers(1).start_blocking().unwrap()
}

/// Batches wait until they are flushed.
fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .linger(HOUR)
        .delivery_timeout(3 * HOUR)
}

/// The producer's task runs on this thread, so that all it allocates is counted.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A producer that knows topic `t`, and what it holds for that.
fn producer(runtime: &Runtime, cluster: &Cluster) -> (Producer, AllocationInfo) {
    let mut producer = None;
    let counts = allocation_counter::measure(|| {
        producer = Some(runtime.block_on(async {
            let producer = builder(cluster).build().await.unwrap();
            producer.partitions_for("t").await.unwrap();
            producer
        }));
    });
    (producer.unwrap(), counts)
}

/// What it takes to send to twelve partitions of a topic that has more, at best; and how often this thread slept meanwhile.
fn to_twelve(runtime: &Runtime, producer: &Producer, partitions: i32) -> (AllocationInfo, u64) {
    let slept = || runtime.metrics().worker_park_count(0);
    let round = || {
        runtime.block_on(async {
            // Time enough for whatever is done once in a while.
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(1)).await;
            tokio::time::resume();
        });
        let before = slept();
        let counts = allocation_counter::measure(|| {
            runtime.block_on(async {
                for number in 0..1_200 {
                    let partition = number % 12 * (partitions / 12);
                    let record = ProducerRecord::new("t").partition(partition).value(VALUE);
                    drop(producer.send(record).await.unwrap());
                }
                producer.flush().await.unwrap();
            });
        });
        (counts, slept() - before)
    };
    round();
    // The most expensive: what is idle must not cost now and then either.
    (0..8).map(|_| round()).max_by_key(|(counts, _)| counts.bytes_total).unwrap()
}

#[test]
fn ten_thousand_partitions_of_which_twelve_are_used_cost_what_twelve_cost() {
    let mut costs = Vec::new();
    for partitions in [12, 10_000] {
        let (cluster, runtime) = (cluster(), runtime());
        cluster.create_topic("t", partitions).unwrap();
        let (producer, counts) = producer(&runtime, &cluster);
        if partitions == 10_000 {
            assert!(counts.bytes_current < 1_000 * 10_000, "{counts:?}");
            assert!(counts.bytes_max < 2_000 * 10_000, "{counts:?}");
        }
        costs.push(to_twelve(&runtime, &producer, partitions));
    }
    let [(few, few_sleeps), (many, many_sleeps)] = costs[..] else { panic!() };
    assert!(many.count_total <= few.count_total + 24, "{few:?} {many:?}");
    assert!(many.bytes_total <= few.bytes_total + 12_000, "{few:?} {many:?}");
    assert!(many.bytes_current.unsigned_abs() < 12_000, "{many:?}");
    assert!(few_sleeps.max(many_sleeps) <= 4, "slept {few_sleeps} and {many_sleeps} times");
}

#[test]
fn a_thousand_topics_are_asked_for_once_each_and_hold_what_is_known_of_them() {
    const TOPICS: usize = 1_000;
    let (cluster, runtime) = (cluster(), runtime());
    let topics: Vec<String> = (0..TOPICS).map(|number| format!("topic-{number}")).collect();
    for topic in &topics {
        cluster.create_topic(topic, 1).unwrap();
    }
    let mut producer = None;
    let counts = allocation_counter::measure(|| {
        producer = Some(runtime.block_on(async {
            let producer = builder(&cluster).build().await.unwrap();
            for topic in &topics {
                producer.partitions_for(topic).await.unwrap();
            }
            producer
        }));
    });
    let producer = producer.unwrap();
    assert!(cluster.stats().requests_of(ApiKey::Metadata) <= TOPICS as u64 + 10);
    assert!(producer.stats().bytes_received <= 300 * TOPICS as u64, "{:?}", producer.stats());
    assert!(counts.bytes_current <= 3_000 * TOPICS as i64, "{counts:?}");

    // Two records for each topic, then six: in as many batches.
    let round = |records: u32| {
        allocation_counter::measure(|| {
            runtime.block_on(async {
                for number in 0..records {
                    for topic in &topics {
                        let key = number.to_be_bytes();
                        let record = ProducerRecord::new(topic.as_str()).key(&key).value(VALUE);
                        drop(producer.send(record).await.unwrap());
                    }
                }
                producer.flush().await.unwrap();
            });
        })
    };
    let cheapest = |records| {
        round(records);
        (0..2).map(|_| round(records).count_total).min().unwrap()
    };
    let (few, many) = (cheapest(2), cheapest(6));
    assert!(many <= few + TOPICS as u64 / 5, "{few} {many}");
    assert!(few <= 8 * TOPICS as u64, "{few}");
}

#[test]
fn a_partition_with_a_long_queue_does_not_keep_the_others_waiting() {
    const QUEUE: usize = 200;
    let (cluster, runtime) = (cluster(), runtime());
    cluster.create_topic("t", 12).unwrap();
    let done = Arc::new(Mutex::new(Vec::new()));
    runtime.block_on(async {
        // One batch of the long queue fills a request but for a record.
        let builder = builder(&cluster).max_request_size(16_300);
        let producer = builder.build().await.unwrap();
        drop(producer.send(ProducerRecord::new("t").partition(0)).await.unwrap());
        producer.flush().await.unwrap();
        cluster.pause_broker(1);
        // A batch each; five are under way when the others come.
        let full = vec![7; 16_000];
        for number in 0..QUEUE + 11 {
            let partition = number.saturating_sub(QUEUE - 1) as i32;
            let value = if partition == 0 { &full[..] } else { VALUE };
            let done = done.clone();
            let record = ProducerRecord::new("t").partition(partition).value(value);
            let callback = move |result: Result<_, _>| {
                assert!(result.is_ok());
                done.lock().unwrap().push(partition);
            };
            producer.send_with(record, callback).await.unwrap();
            while number + 1 == QUEUE && producer.stats().requests_in_flight_now < 5 {
                tokio::task::yield_now().await;
            }
        }
        cluster.resume_broker(1);
        producer.flush().await.unwrap();
    });
    let done = done.lock().unwrap();
    assert_eq!(done.len(), QUEUE + 11);
    // Behind the five batches that were under way, and one that stood in line already.
    let last = done.iter().rposition(|&partition| partition != 0).unwrap();
    assert!(last < 5 + 1 + 11, "{done:?}");
}
