//! Real text through the `rohrpost` command into a real Kafka, and back by Kafka's own console
//! consumer: the same lines, per key in order.
//!
//! `ROHRPOST_INPUT_MB` says how much text, in MB; 16 if it is not set.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::kafka::{self, Cluster, Consume, Topic};
use harness::keyed_lines::KeyedLines;
use harness::{command_line, corpus};

const PARTITIONS: u32 = 12;

#[test]
fn text_survives_without_a_codec() {
    survives("none");
}

#[test]
fn text_survives_gzip() {
    survives("gzip");
}

#[test]
fn text_survives_snappy() {
    survives("snappy");
}

#[test]
fn text_survives_lz4() {
    survives("lz4");
}

#[test]
fn text_survives_zstd() {
    survives("zstd");
}

#[test]
fn text_survives_the_embedded_cluster_with_each_codec() {
    let input = input();
    let lines = KeyedLines::read(&input).unwrap().len() as u64;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let file = input.to_str().unwrap();
        // With --embedded the command itself reads every record back and compares.
        let summary = command_line::produce(&[
            "--embedded",
            "--file",
            file,
            "--topic",
            "text",
            "--key-delimiter",
            "\t",
            "--compression",
            codec,
        ])
        .unwrap();
        assert_eq!((summary.acknowledged, summary.failed), (lines, 0), "{codec}");
    }
}

fn survives(codec: &str) {
    let cluster = kafka::shared().unwrap();
    let topic = format!("real-input-{codec}");
    make_topic(&cluster, &topic);
    let input = input();
    let lines = KeyedLines::read(&input).unwrap();
    let summary = command_line::produce(&[
        "-X",
        &format!("bootstrap.servers={}", cluster.bootstrap_servers()),
        "--file",
        input.to_str().unwrap(),
        "--topic",
        &topic,
        "--key-delimiter",
        "\t",
        "--compression",
        codec,
    ])
    .unwrap();
    let count = lines.len() as u64;
    assert_eq!((summary.records, summary.acknowledged, summary.failed), (count, count, 0));

    let mut comparison = lines.compare();
    let read = cluster.consume(&Consume::topic(&topic), |record| comparison.take(record)).unwrap();
    comparison.finish().unwrap();
    assert_eq!(read, count);
    let log = cluster.dump_log(&topic, 0, 1).unwrap();
    let batches = format!("compresscodec: {codec} ");
    assert!(log.contains(&batches), "no batch of partition 0 says {batches:?}");
    cluster.delete_topic(&topic).unwrap();
}

/// A topic that is empty, whatever an earlier run has left.
fn make_topic(cluster: &Cluster, name: &str) {
    if cluster.topics().unwrap().iter().any(|topic| topic == name) {
        cluster.delete_topic(name).unwrap();
    }
    cluster.create_topic(&Topic::new(name).partitions(PARTITIONS)).unwrap();
}

fn input() -> std::path::PathBuf {
    let megabytes = std::env::var("ROHRPOST_INPUT_MB").ok().map_or(16, |mb| mb.parse().unwrap());
    corpus::keyed(megabytes).unwrap()
}
