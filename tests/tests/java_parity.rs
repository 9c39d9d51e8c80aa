//! Keys go to the partitions to which Java's own producer takes them.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use harness::command_line;
use harness::kafka::{self, Cluster, Consume, Topic};
use harness::keyed_lines::KeyedLines;

const PARTITIONS: u32 = 12;

#[test]
fn keys_go_where_javas_producer_takes_them() {
    let cluster = kafka::shared().unwrap();
    let input = std::env::temp_dir().join(format!("rohrpost-parity-{}.tsv", std::process::id()));
    let mut text = String::new();
    for number in 0..20_000 {
        // Short and long keys, ASCII and not: murmur2 takes them four bytes at a time.
        let _ = writeln!(text, "{number}{}\tvalue {number}", "Größe-".repeat(number % 5));
    }
    fs::write(&input, text).unwrap();

    let (java, ours) = ("parity-java", "parity-rohrpost");
    for topic in [java, ours] {
        if cluster.topics().unwrap().iter().any(|name| name == topic) {
            cluster.delete_topic(topic).unwrap();
        }
        cluster.create_topic(&Topic::new(topic).partitions(PARTITIONS)).unwrap();
    }
    let mut producer = cluster.tool_command("org.apache.kafka.tools.ConsoleProducer", &[]).unwrap();
    let status = producer
        .args(["--bootstrap-server", &cluster.bootstrap_servers(), "--topic", java])
        .args(["--reader-property", "parse.key=true"])
        .stdin(fs::File::open(&input).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let expected = partitions(&cluster, java, &input);
    assert_eq!(expected.len(), 20_000);

    command_line::produce(&[
        "-X",
        &format!("bootstrap.servers={}", cluster.bootstrap_servers()),
        "--file",
        input.to_str().unwrap(),
        "--topic",
        ours,
        "--key-delimiter",
        "\t",
    ])
    .unwrap();
    assert_eq!(partitions(&cluster, ours, &input), expected);
    fs::remove_file(input).unwrap();
}

/// The partition of every key in a topic that must hold exactly the lines of `input`.
fn partitions(cluster: &Cluster, topic: &str, input: &std::path::Path) -> BTreeMap<Vec<u8>, u32> {
    let lines = KeyedLines::read(input).unwrap();
    let mut comparison = lines.compare();
    cluster.consume(&Consume::topic(topic), |record| comparison.take(record)).unwrap();
    let partitions = comparison.partitions().map(|(key, at)| (key.to_vec(), at)).collect();
    comparison.finish().unwrap();
    partitions
}
