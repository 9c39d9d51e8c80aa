//! Whatever Kafka's own tools and a real Kafka say to one another, the codec reads, and writes the same.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use harness::kafka::{self, Cluster};

const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const API_VERSIONS: &str = "org.apache.kafka.tools.BrokerApiVersionsCommand";
const LEADERS: &str = "org.apache.kafka.tools.LeaderElectionCommand";

/// The example `sniff` before a cluster.
struct Sniffer {
    process: Child,
    address: String,
    lines: JoinHandle<Vec<String>>,
}

impl Sniffer {
    fn start(broker: &str) -> Self {
        let mut process = Command::new(example())
            .arg(broker)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("clients may connect to ").unwrap().to_owned();
        let lines = thread::spawn(move || output.lines().map_while(Result::ok).collect());
        Self { process, address, lines }
    }

    /// What it has printed.
    fn end(mut self) -> Vec<String> {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
        self.lines.join().unwrap()
    }
}

fn example() -> PathBuf {
    let output = Command::new("cargo")
        .args(["build", "--package", "rohrpost-codec", "--features", "all"])
        .args(["--example", "sniff", "--message-format", "json"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the example does not compile");
    let built = String::from_utf8_lossy(&output.stdout);
    let executable = built.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(message.get("executable")?.as_str()?.to_owned())
    });
    executable.unwrap().into()
}

/// Runs a tool through the sniffer, with this input.
fn tool(cluster: &Cluster, address: &str, class: &str, arguments: &[&str], input: &str) -> String {
    let mut child = cluster
        .tool_command(class, &["-XX:TieredStopAtLevel=1".to_owned()])
        .unwrap()
        .args(["--bootstrap-server", address])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{class} {arguments:?}: {printed}");
    printed
}

#[test]
fn every_frame_between_kafkas_tools_and_a_broker_is_read_and_written_the_same() {
    let cluster = kafka::shared().unwrap();
    let topic = format!("sniffed-{}", std::process::id());
    let sniffer = Sniffer::start(&cluster.bootstrap_servers());
    let address = sniffer.address.clone();
    let run = |class: &str, arguments: &[&str], input: &str| {
        tool(&cluster, &address, class, arguments, input)
    };

    run(TOPICS, &["--create", "--topic", &topic, "--partitions", "3"], "");
    let mut lines = String::new();
    for number in 0..2000 {
        writeln!(lines, "key {number}\tvalue {number}").unwrap();
    }
    run(PRODUCER, &["--topic", &topic, "--reader-property", "parse.key=true"], &lines);
    let group = format!("{topic}-group");
    for protocol in ["classic", "consumer"] {
        let group = format!("{group}-{protocol}");
        let property = format!("group.protocol={protocol}");
        let consume = ["--topic", &topic, "--from-beginning", "--max-messages", "2000"];
        let consume = [&consume[..], &["--group", &group, "--command-property", &property]];
        assert_eq!(run(CONSUMER, &consume.concat(), "").lines().count(), 2000);
    }
    assert!(run(TOPICS, &["--describe", "--topic", &topic], "").contains("PartitionCount: 3"));
    run(GROUPS, &["--describe", "--all-groups"], "");
    run(CONFIGS, &["--describe", "--entity-type", "topics", "--all"], "");
    run(API_VERSIONS, &[], "");
    run(LEADERS, &["--election-type", "preferred", "--all-topic-partitions"], "");
    run(TOPICS, &["--delete", "--topic", &topic], "");

    let printed = sniffer.end();
    let wrong: Vec<&String> = printed.iter().filter(|line| line.starts_with('!')).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut frames: BTreeMap<String, u32> = BTreeMap::new();
    for line in &printed {
        let words: Vec<&str> = line.split(' ').take(4).collect();
        *frames.entry(format!("{} {} {}", words[0], words[2], words[3])).or_default() += 1;
    }
    println!("{} frames: {frames:#?}", printed.len());
    // Requests and answers of some twenty APIs: nothing went by.
    let apis: Vec<&String> = frames.keys().filter(|key| key.starts_with("->")).collect();
    assert!(apis.len() >= 20 && printed.len() >= 150, "{frames:#?}");
    for api in ["Produce", "Fetch", "JoinGroup", "ConsumerGroupHeartbeat", "CreateTopics"] {
        assert!(apis.iter().any(|seen| seen.contains(api)), "no {api}: {frames:#?}");
    }
}
