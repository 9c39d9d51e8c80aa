//! Kafka's own Java clients take the testkit's brokers for Kafka's.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use harness::kafka::{DEFAULT_VERSION, Distribution, PrivateCluster, Spec};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};

const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// What a Java tool prints when it talks to the cluster and is given this input.
fn java(cluster: &Cluster, class: &str, arguments: &[&str], input: &str) -> String {
    let distribution = Distribution::obtain(DEFAULT_VERSION).unwrap();
    let mut child = Command::new("java")
        .args(["-cp", &distribution.class_path(), class])
        .args(["--bootstrap-server", &cluster.bootstrap_servers()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{class} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn javas_tools_write_and_read_the_testkit_through_faults_and_a_change_of_the_leader() {
    let cluster = Cluster::builder().brokers(3).start_blocking().unwrap();
    let create = ["--create", "--topic", "t", "--partitions", "2", "--replication-factor", "3"];
    assert!(java(&cluster, TOPICS, &create, "").contains("Created topic t."));

    let described = java(&cluster, TOPICS, &["--describe", "--topic", "t"], "");
    assert!(described.contains("PartitionCount: 2\tReplicationFactor: 3"), "{described}");

    let mut lines = String::new();
    for number in 0..5000 {
        writeln!(lines, "{number}\tvalue {number}").unwrap();
    }
    // An append of which the producer does not hear, and one that is refused: both are sent again.
    cluster.inject(Fault::disconnect_after().on(ApiKey::Produce));
    cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce).skip(2));
    let produce =
        ["--topic", "t", "--compression-codec", "zstd", "--reader-property", "parse.key=true"];
    java(&cluster, PRODUCER, &produce, &lines);
    let stats = cluster.stats();
    assert_eq!((stats.records, stats.faults), (5000, 2));
    assert!(stats.duplicates >= 1, "{stats:?}");

    cluster.block_on(cluster.stop_broker(1));
    let mut seen = 0;
    for partition in 0..2 {
        let log = cluster.log("t", partition);
        let (index, count) = (partition.to_string(), log.len().to_string());
        let read = java(
            &cluster,
            CONSUMER,
            &[
                "--topic",
                "t",
                "--partition",
                &index,
                "--offset",
                "earliest",
                "--max-messages",
                &count,
                "--formatter-property",
                "print.key=true",
                "--formatter-property",
                "print.offset=true",
            ],
            "",
        );
        let mut wanted = String::new();
        for record in &log {
            let text = |bytes: &Option<_>| {
                let bytes: &rohrpost_testkit::Bytes = bytes.as_ref().unwrap();
                String::from_utf8_lossy(bytes).into_owned()
            };
            let (key, value) = (text(&record.key), text(&record.value));
            writeln!(wanted, "Offset:{}\t{key}\t{value}", record.offset).unwrap();
            assert_eq!(value, format!("value {key}"));
        }
        assert_eq!(read, wanted);
        seen += log.len();
    }
    assert_eq!(seen, 5000);
}

/// What the brokers at this address answer to the testkit's list of questions.
fn interrogate(server: &str) -> String {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "-p", "rohrpost-testkit", "--example", "interrogate", "--"])
        .args([server, "interrogated"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_testkit_answers_three_hundred_questions_as_kafka_does() {
    let kafka = PrivateCluster::start("interrogated", &Spec::default()).unwrap();
    let testkit = Cluster::builder().brokers(1).start_blocking().unwrap();
    let wanted = interrogate(&kafka.bootstrap_servers());
    let got = interrogate(&testkit.bootstrap_servers());
    assert!(wanted.lines().count() >= 300, "{wanted}");
    let pairs = wanted.lines().zip(got.lines()).filter(|(wanted, got)| wanted != got);
    let different: Vec<_> = pairs.map(|(wanted, got)| format!("\n  {wanted}\n  {got}")).collect();
    assert!(different.is_empty(), "Kafka's answers, and the testkit's:{}", different.concat());
    assert_eq!(got.lines().count(), wanted.lines().count());
}
