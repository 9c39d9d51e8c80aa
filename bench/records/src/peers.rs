//! The same records by others.

use std::hint::black_box;
use std::process::Command;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    self as theirs, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use rohrpost_records::Codec;

use crate::ours::{BATCH, best};

/// Nanoseconds per record and the batch's bytes, by kafka-protocol. Its records are made before.
pub(crate) fn kafka_protocol(values: &[Vec<u8>], count: usize, codec: Codec) -> (f64, usize) {
    let records: Vec<Record> = values
        .iter()
        .cycle()
        .take(count)
        .enumerate()
        .map(|(index, value)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: -1,
            producer_epoch: -1,
            timestamp_type: TimestampType::Creation,
            offset: index as i64,
            sequence: -1 + index as i32,
            timestamp: 1_700_000_000_000,
            key: None,
            value: Some(Bytes::copy_from_slice(value)),
            headers: IndexMap::new(),
        })
        .collect();
    let compression = match codec {
        Codec::None => theirs::Compression::None,
        Codec::Gzip => theirs::Compression::Gzip,
        Codec::Snappy => theirs::Compression::Snappy,
        Codec::Lz4 => theirs::Compression::Lz4,
        Codec::Zstd => theirs::Compression::Zstd,
    };
    let options = RecordEncodeOptions { version: 2, compression };
    let mut buffer = BytesMut::with_capacity(2 * BATCH);
    let nanos = best(count, || {
        buffer.clear();
        RecordBatchEncoder::encode(&mut buffer, black_box(&records), &options).expect("records");
        black_box(&buffer);
    });
    (nanos, buffer.len())
}

/// The same by Java's `MemoryRecordsBuilder`, warmed up; `None` where it does not run.
pub(crate) fn java(
    class_path: &str,
    size: usize,
    values: &[Vec<u8>],
    records: usize,
    codec: Codec,
) -> Option<(f64, usize)> {
    let file =
        std::env::temp_dir().join(format!("bench-records-{}-{size}.txt", std::process::id()));
    std::fs::write(&file, values.join(&b'\n')).ok()?;
    let output = Command::new("java")
        .args(["-XX:+UseSerialGC", "-Xmx256m", "-cp", class_path, "BenchRecords"])
        .arg(&file)
        .args([records.to_string(), codec.name().to_owned()])
        .output()
        .ok()?;
    let _ = std::fs::remove_file(file);
    let printed = String::from_utf8(output.stdout).ok()?;
    let (nanos, size) = printed.trim().split_once(' ')?;
    Some((nanos.parse().ok()?, size.parse().ok()?))
}
