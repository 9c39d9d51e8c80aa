//! A real broker's segments, written by Java and by us, pass Kafka's own dumper and are read by our reader alike.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use harness::command_line;
use harness::kafka::{self, Cluster, Topic};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

#[test]
fn segments_by_java_and_by_us_are_dumped_alike_by_kafka_and_by_us() {
    let cluster = kafka::shared().unwrap();
    let input = std::env::temp_dir().join(format!("rohrpost-segments-{}.tsv", std::process::id()));
    let mut text = String::new();
    for number in 0..3_000 {
        let _ = writeln!(text, "key {}\tvalue {number} {}", number % 97, "=".repeat(number % 300));
    }
    fs::write(&input, text).unwrap();
    for codec in CODECS {
        let topic = format!("segments-{codec}");
        if cluster.topics().unwrap().contains(&topic) {
            cluster.delete_topic(&topic).unwrap();
        }
        cluster.create_topic(&Topic::new(&topic)).unwrap();
        produce_by_java(&cluster, &topic, codec, &input);
        let path = input.to_str().unwrap();
        let servers = format!("bootstrap.servers={}", cluster.bootstrap_servers());
        let compression = format!("compression.type={codec}");
        let arguments = ["-X", &servers, "-X", &compression, "--file", path, "--topic", &topic];
        let summary = command_line::produce(&[&arguments[..], &["--key-delimiter", "\t"]].concat());
        assert_eq!(summary.unwrap().acknowledged, 3_000);

        let by_kafka = cluster.dump_log_deep(&topic, 0, 1).unwrap();
        let by_us = dump_by_us(&cluster.segments(&topic, 0, 1).unwrap());
        assert_eq!(by_us, by_kafka, "{codec}");
        assert_eq!(by_kafka.matches("\n| offset: ").count(), 6_000, "{codec}");
        let batches: Vec<_> =
            by_kafka.lines().filter(|line| line.starts_with("baseOffset")).collect();
        let compressed = format!("compresscodec: {codec} ");
        assert!(batches.iter().all(|batch| batch.contains(&compressed)), "{codec}");
        assert!(batches.iter().all(|batch| batch.ends_with("isvalid: true")), "{codec}");
    }
    fs::remove_file(input).unwrap();
}

fn produce_by_java(cluster: &Cluster, topic: &str, codec: &str, input: &std::path::Path) {
    let mut producer = cluster.tool_command("org.apache.kafka.tools.ConsoleProducer", &[]).unwrap();
    let status = producer
        .args(["--bootstrap-server", &cluster.bootstrap_servers(), "--topic", topic])
        .args(["--reader-property", "parse.key=true", "--compression-codec", codec])
        .stdin(fs::File::open(input).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

/// What the example of `rohrpost-records` prints of the files.
fn dump_by_us(segments: &[String]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "rohrpost-records", "--example", "dump_log", "--"])
        .args(segments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
