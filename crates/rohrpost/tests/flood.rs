//! `buffer.memory` is what the producer takes, and a quarter more at most, while its brokers stall and everybody goes on sending.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use rohrpost::{Producer, ProducerRecord};
use rohrpost_testkit::Cluster;
use tokio::runtime::Builder;

const HOUR: Duration = Duration::from_secs(3_600);

/// Half of it gets smaller.
fn value(number: u64) -> [u8; 500] {
    let mut state = number + 1;
    let mut value = [7; 500];
    for byte in &mut value[..250] {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *byte = (state >> 56) as u8;
    }
    value
}

/// What a producer held at most.
#[derive(Debug)]
struct Flood {
    /// Counted by the allocator. The producer's task runs on the thread of its senders, so that nothing is missing.
    allocated: u64,
    /// Counted by the producer, when nothing more found room.
    buffered: u64,
    batches: u64,
}

/// Sends for as long as there is room, while the broker stalls; then all of it is delivered.
fn flood(codec: &str, budget: usize, batch_size: usize) -> Flood {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 8).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (mut buffered, mut batches) = (0, 0);
    let counts = allocation_counter::measure(|| {
        runtime.block_on(async {
            let producer = Producer::builder()
                .bootstrap_servers(cluster.bootstrap_servers())
                .property("compression.type", codec)
                .batch_size(batch_size)
                .buffer_memory(budget)
                .delivery_timeout(3 * HOUR)
                .max_block(HOUR)
                .build()
                .await
                .unwrap();
            producer.partitions_for("t").await.unwrap();
            cluster.pause_broker(1);
            let (mut number, mut in_vain) = (0, 0);
            while in_vain < 1_000 {
                let value = value(number);
                let record = ProducerRecord::new("t").key(&value[..8]).value(&value);
                if producer.try_send(record).is_ok() {
                    (number, in_vain) = (number + 1, 0);
                    if number % 16 == 0 {
                        // Who does not wait keeps the producer's task from its turn.
                        tokio::task::yield_now().await;
                    }
                } else {
                    // Given up; where there is a codec, the driver seals what it can, which makes room.
                    in_vain += 1;
                    tokio::task::yield_now().await;
                }
            }
            let stats = producer.stats();
            (buffered, batches) = (stats.buffered_bytes_now, stats.batches_in_flight_now);
            assert!(buffered <= budget as u64, "{stats:?}");
            cluster.resume_broker(1);
            producer.flush().await.unwrap();
            let stats = producer.stats();
            assert_eq!((stats.records_acknowledged, stats.records_failed), (number, 0));
            assert_eq!(stats.buffered_bytes_now, 0);
        });
    });
    Flood { allocated: counts.bytes_max, buffered, batches }
}

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

#[test]
fn a_flood_takes_at_most_a_quarter_more_than_buffer_memory_whatever_the_codec() {
    const BUDGET: usize = 5 << 20;
    for codec in CODECS {
        for batch_size in [16_384, 131_072] {
            let flood = flood(codec, BUDGET, batch_size);
            let case = format!("{codec}, batch.size {batch_size}: {flood:?}");
            assert!(flood.buffered >= BUDGET as u64 * 9 / 10, "{case}");
            assert!(flood.allocated >= flood.buffered, "{case}");
            assert!(flood.allocated <= BUDGET as u64 * 5 / 4, "{case}");
        }
    }
}

/// They are held for a moment while brokers keep up, and no longer than that.
#[test]
fn senders_who_wait_may_fill_all_of_buffer_memory_too_while_brokers_stall() {
    const BUDGET: usize = 16 << 20;
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 8).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
        let builder = builder.buffer_memory(BUDGET).delivery_timeout(3 * HOUR).max_block(HOUR);
        let producer = builder.build().await.unwrap();
        producer.partitions_for("t").await.unwrap();
        cluster.pause_broker(1);
        let value = [7; 10_000];
        while producer.stats().buffered_bytes_now < BUDGET as u64 * 9 / 10 {
            drop(producer.send(ProducerRecord::new("t").value(&value)).await.unwrap());
        }
        cluster.resume_broker(1);
        producer.flush().await.unwrap();
        assert_eq!(producer.stats().buffered_bytes_now, 0);
    });
}

/// What is remembered of a batch is not charged to `buffer.memory`: it matters where batches are as small as records.
#[test]
fn a_batch_takes_less_than_a_kilobyte_beside_its_bytes() {
    const BUDGET: usize = 2 << 20;
    for codec in CODECS {
        let flood = flood(codec, BUDGET, 1_000);
        let case = format!("{codec}: {flood:?}");
        assert!(flood.batches >= 2_000, "{case}");
        let beside = flood.allocated - flood.buffered;
        assert!(beside < flood.batches * 1_000, "{case}");
    }
}
