//! Records of ten megabytes: they go through, in order and whole, and what they take stays near `buffer.memory`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use rohrpost::{Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{Cluster, TopicSpec};
use tokio::runtime::Builder;

const BUDGET: usize = 32 << 20;
const SIZE: usize = 10_000_000;

/// What no codec makes smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}

fn builder(cluster: &Cluster, codec: &str) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .property("compression.type", codec)
        .max_request_size(12_000_000)
        .buffer_memory(BUDGET)
        .linger(Duration::ZERO)
}

/// The producer runs on this thread, so that all it allocates is counted.
#[test]
fn records_of_ten_megabytes_take_at_most_a_quarter_more_than_buffer_memory() {
    let value = noise(SIZE);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
        cluster.create_topic_with(&TopicSpec::new("t").max_message_bytes(12_000_000)).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let counts = allocation_counter::measure(|| {
            runtime.block_on(async {
                let producer = builder(&cluster, codec).build().await.unwrap();
                let mut deliveries = Vec::new();
                for _ in 0..4 {
                    let record = ProducerRecord::new("t").value(&value);
                    deliveries.push(producer.send(record).await.unwrap());
                }
                for (delivery, offset) in deliveries.into_iter().zip(0..) {
                    assert_eq!(delivery.await.unwrap().offset(), Some(offset));
                }
            });
        });
        let sent = cluster.stats().bytes;
        assert!(sent > 4 * SIZE as u64, "{codec}: {sent} bytes");
        // Three records have room, and a fourth is being compressed or written.
        assert!(counts.bytes_max > 3 * SIZE as u64, "{codec}: {counts:?}");
        assert!(counts.bytes_max <= BUDGET as u64 * 5 / 4, "{codec}: {counts:?}");
    }
}
