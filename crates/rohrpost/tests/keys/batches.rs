//! Batches, what they are compressed with, and the memory that they take.

use std::time::Duration;

use rohrpost::{ErrorKind, ProducerRecord};
use tokio::time::Instant;

use crate::{Setting, both, builder, cluster, record, took, warm};

#[test]
fn batch_size() {
    let batches = both("batch.size", ["0", "100000"], |setting| async move {
        let cluster = cluster(1).await;
        let producer = warm(builder(&cluster, setting).linger(Duration::from_secs(1))).await;
        for _ in 0..20 {
            drop(producer.send(record()).await.unwrap());
        }
        producer.flush().await.unwrap();
        // One was sent before.
        cluster.batches("t", 0).len() - 1
    });
    assert_eq!(batches, [20, 1]);
}

#[test]
fn linger() {
    let times = both("linger.ms", ["50", "7000"], |setting| async move {
        let cluster = cluster(1).await;
        let producer = warm(builder(&cluster, setting)).await;
        took(async { producer.send(record()).await.unwrap().await.unwrap() }).await
    });
    for (time, linger) in times.into_iter().zip([50, 7_000].map(Duration::from_millis)) {
        assert!(time >= linger && time < linger + Duration::from_millis(20), "{time:?}");
    }
}

#[test]
fn max_block() {
    let times = both("max.block.ms", ["100", "90000"], |setting| async move {
        let cluster = cluster(1).await;
        cluster.pause_broker(1);
        let producer = builder(&cluster, setting).build().await.unwrap();
        tokio::time::pause();
        let start = Instant::now();
        let error = producer.send(record()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MetadataTimeout);
        start.elapsed().as_millis()
    });
    assert!((100..110).contains(&times[0]) && (90_000..90_010).contains(&times[1]), "{times:?}");
}

/// How many records are taken before there is no room for another.
async fn room(setting: Setting) -> usize {
    let cluster = cluster(1).await;
    let producer = warm(builder(&cluster, setting)).await;
    cluster.pause_broker(1);
    (0..1_000).take_while(|_| producer.try_send(record()).is_ok()).count()
}

#[test]
fn buffer_memory() {
    let [small, large] = both("buffer.memory", ["20000", "40000"], room);
    assert!(small > 10 && large >= 2 * small - 10 && large < 100, "{small} {large}");
}

#[test]
fn buffer_memory_allocation_strategy() {
    // Both mean the same here: what a record takes is what it needs, and no batch is reserved.
    let held =
        both("buffer.memory.allocation.strategy", ["full", "incremental"], |setting| async move {
            let cluster = cluster(1).await;
            let producer = warm(builder(&cluster, setting).batch_size(1_000_000)).await;
            cluster.pause_broker(1);
            drop(producer.send(record()).await.unwrap());
            producer.stats().buffered_bytes_now
        });
    assert_eq!(held[0], held[1]);
    assert!(held[0] < 100_000, "{held:?}");
}

#[test]
fn max_request_size() {
    let taken = both("max.request.size", ["1000", "3000"], |setting| async move {
        let cluster = cluster(1).await;
        let producer = warm(builder(&cluster, setting)).await;
        producer.send(ProducerRecord::new("t").value(&[7; 2_000])).await.is_ok()
    });
    assert_eq!(taken, [false, true]);
}

/// The codec and the bytes of a batch of text.
async fn compressed(setting: Setting, more: &[(&str, &str)]) -> (u8, usize) {
    let text: String = (0..3_000_u32)
        .map(|n| format!("{:x} words {} ", n.wrapping_mul(2_654_435_761), n % 97))
        .collect();
    let cluster = cluster(1).await;
    let producer = warm(builder(&cluster, setting).properties(more.iter().copied())).await;
    producer.send(ProducerRecord::new("t").value(text)).await.unwrap().await.unwrap();
    let batches = cluster.batches("t", 0);
    let bytes = &batches[1].bytes;
    // The attributes' lowest bits.
    (bytes[22] & 7, bytes.len())
}

#[test]
fn compression_type() {
    let [(none, plain), (zstd, small)] =
        both("compression.type", ["none", "zstd"], |setting| compressed(setting, &[]));
    assert_eq!((none, zstd), (0, 4));
    assert!(small < plain / 2, "{small} {plain}");
}

#[test]
fn compression_gzip_level() {
    let [(_, fast), (codec, small)] = both("compression.gzip.level", ["1", "9"], |setting| {
        compressed(setting, &[("compression.type", "gzip")])
    });
    assert_eq!(codec, 1);
    assert!(small < fast, "{small} {fast}");
}

#[test]
fn compression_zstd_level() {
    let [(_, fast), (codec, small)] = both("compression.zstd.level", ["-50", "19"], |setting| {
        compressed(setting, &[("compression.type", "zstd")])
    });
    assert_eq!(codec, 4);
    assert!(small < fast, "{small} {fast}");
}

#[cfg(feature = "lz4-c")]
#[test]
fn compression_lz4_level() {
    let [(_, fast), (codec, small)] = both("compression.lz4.level", ["9", "17"], |setting| {
        compressed(setting, &[("compression.type", "lz4")])
    });
    assert_eq!(codec, 3);
    assert!(small < fast, "{small} {fast}");
}

#[cfg(not(feature = "lz4-c"))]
#[test]
fn compression_lz4_level() {
    let built = both("compression.lz4.level", ["9", "17"], |setting| async move {
        let cluster = cluster(1).await;
        builder(&cluster, setting).property("compression.type", "lz4").build().await.is_ok()
    });
    assert_eq!(built, [true, false]);
}

#[test]
fn serializers() {
    for key in ["key.serializer", "value.serializer"] {
        let built = both(key, ["StringSerializer", "LongSerializer"], |setting| async move {
            let cluster = cluster(1).await;
            builder(&cluster, setting).build().await.is_ok()
        });
        assert_eq!(built, [true, false], "{key}");
    }
}
