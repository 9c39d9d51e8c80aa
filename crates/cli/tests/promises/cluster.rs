//! Against brokers that the tests hold: what they have in their logs is what the command says.

use std::io::{BufRead, BufReader, Write};
use std::process::Child;
use std::time::Duration;

use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, TopicSpec};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Run, Scratch, run_with_input, start};

const TOPIC: &str = "t";

fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::builder().start_blocking().unwrap();
    cluster.create_topic(TOPIC, partitions).unwrap();
    cluster
}

/// The arguments for this cluster, and these.
fn arguments<'a>(servers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["-b", servers, "-t", TOPIC, "--output", "json"][..], more].concat()
}

fn send(cluster: &Cluster, more: &[&str], input: impl Into<Vec<u8>>) -> Run {
    run_with_input(&arguments(&cluster.bootstrap_servers(), more), input)
}

fn start_with(cluster: &Cluster, more: &[&str]) -> Child {
    start(&arguments(&cluster.bootstrap_servers(), more))
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

/// Waits for the end with standard input open.
fn finish(mut child: Child) -> Run {
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    output.into()
}

fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[test]
fn keys_values_and_headers_stand_in_the_log_as_they_were_typed() {
    let cluster = cluster(1);
    let more = ["-K", r"\t", "-H", "trace=\u{fc}\\t", "--header", "empty="];
    let run = send(&cluster, &more, "k\tv\tw\n\t\nno key\n");
    run.assert_status(0);
    let log = cluster.log(TOPIC, 0);
    let records: Vec<_> =
        log.iter().map(|r| (text(r.key.as_deref()), text(r.value.as_deref()))).collect();
    let pair = |key: Option<&str>, value: &str| (key.map(str::to_owned), Some(value.to_owned()));
    assert_eq!(records, [pair(Some("k"), "v\tw"), pair(Some(""), ""), pair(None, "no key")]);
    for record in &log {
        let headers: Vec<_> =
            record.headers.iter().map(|h| (&h.key[..], h.value.as_deref())).collect();
        let trace = Some("\u{fc}\\t".as_bytes());
        assert_eq!(headers, [(&b"trace"[..], trace), (b"empty", Some(b""))]);
    }
}

#[test]
fn the_address_comes_from_the_configuration_or_the_environment_too() {
    let cluster = cluster(1);
    let servers = cluster.bootstrap_servers();
    let config = Scratch::new("producer.properties", format!("bootstrap.servers={servers}\n"));
    let arguments = ["--config", config.path(), "-t", TOPIC, "--output", "json"];
    run_with_input(&arguments, "one\n").assert_status(0);
    let property = format!("bootstrap.servers={servers}");
    run_with_input(&["-X", &property, "-t", TOPIC], "two\n").assert_status(0);
    let mut command = crate::support::produce(["-t", TOPIC, "--file", config.path()]);
    let output = command.env("ROHRPOST_BOOTSTRAP_SERVERS", &servers).output().unwrap();
    Run::from(output).assert_status(0);
    assert_eq!(cluster.log(TOPIC, 0).len(), 3);
}

#[test]
fn a_line_that_is_typed_arrives_before_the_next_one_is() {
    let cluster = cluster(3);
    let mut child = start_with(&cluster, &[]);
    for count in 1..=5 {
        child.stdin.as_mut().unwrap().write_all(b"typed\n").unwrap();
        cluster.block_on(cluster.wait_until(|stats| stats.records == count)).unwrap();
    }
    interrupt(&child);
    let run = finish(child);
    run.assert_status(130).assert_says(&["interrupted", "line 6"]);
    assert_eq!(run.counts(), [5, 5, 0]);
}

#[test]
fn ctrl_c_is_heard_while_lines_pour_in() {
    let cluster = cluster(3);
    let mut child = start_with(&cluster, &[]);
    let mut stdin = child.stdin.take().unwrap();
    let lines = "one of many\n".repeat(10_000);
    let feeder = std::thread::spawn(move || while stdin.write_all(lines.as_bytes()).is_ok() {});
    cluster.block_on(cluster.wait_until(|stats| stats.records > 0)).unwrap();
    interrupt(&child);
    let run = Run::from(child.wait_with_output().unwrap());
    feeder.join().unwrap();
    run.assert_status(130);
    let [records, acknowledged, _] = run.counts();
    assert_eq!(records, acknowledged);
    let total: usize = (0..3).map(|partition| cluster.log(TOPIC, partition).len()).sum();
    assert_eq!(total as u64, acknowledged);
}

#[test]
fn ctrl_c_waits_for_what_is_under_way() {
    let cluster = cluster(1);
    cluster.inject(Fault::delay(Duration::from_millis(700)).on(ApiKey::Produce));
    let mut child = start_with(&cluster, &[]);
    child.stdin.as_mut().unwrap().write_all(b"one\ntwo\n").unwrap();
    cluster.block_on(cluster.wait_until(|stats| stats.records == 2)).unwrap();
    interrupt(&child);
    let run = finish(child);
    run.assert_status(130);
    assert_eq!(run.counts(), [2, 2, 0]);
    assert_eq!(run.json()["interrupted"], true);
}

#[test]
fn ctrl_c_waits_no_longer_than_it_was_told() {
    let cluster = cluster(1);
    cluster.inject(Fault::stall().on(ApiKey::Produce).always());
    let mut child = start_with(&cluster, &["--flush-timeout", "0.3"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    cluster.block_on(cluster.wait_until(|stats| stats.requests_of(ApiKey::Produce) > 0)).unwrap();
    interrupt(&child);
    let run = finish(child);
    run.assert_status(130).assert_says(&["line 1: maybe written"]);
    assert_eq!(run.counts(), [1, 0, 1]);
    assert_eq!(run.json()["maybe_written"], 1);
}

#[test]
fn the_second_ctrl_c_ends_at_once() {
    let cluster = cluster(1);
    cluster.inject(Fault::stall().on(ApiKey::Produce).always());
    let mut child = start_with(&cluster, &["--flush-timeout", "3600"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    cluster.block_on(cluster.wait_until(|stats| stats.requests_of(ApiKey::Produce) > 0)).unwrap();
    interrupt(&child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("interrupted"), "{line}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn an_unresponsive_cluster_ends_the_run_in_time_and_leaves_nothing_unsaid() {
    let cluster = cluster(2);
    cluster.inject(Fault::swallow().on(ApiKey::Produce).always());
    let run = send(&cluster, &["--timeout", "1.5", "--acks", "1"], "one\ntwo\n");
    run.assert_status(1).assert_says(&["lines 1-2: maybe written"]);
    assert_eq!(run.counts(), [2, 0, 2]);
    assert_eq!(run.json()["failures"][0]["kind"], "delivery_timeout");
}

#[test]
fn a_cluster_that_takes_nothing_more_is_not_fed_to_the_end() {
    let cluster = cluster(2);
    cluster.inject(Fault::swallow().on(ApiKey::Produce).always());
    let mut child = start_with(&cluster, &["--timeout", "1", "-X", "buffer.memory=200000"]);
    let mut stdin = child.stdin.take().unwrap();
    // It stops to read, and the pipe breaks, long before this ends by itself.
    let lines = "a line that nobody takes\n".repeat(1000);
    let feeder = std::thread::spawn(move || while stdin.write_all(lines.as_bytes()).is_ok() {});
    let run = Run::from(child.wait_with_output().unwrap());
    feeder.join().unwrap();
    run.assert_status(1).assert_says(&["gave up", "nothing from line"]);
    let [records, acknowledged, failed] = run.counts();
    assert_eq!((acknowledged, records), (0, failed));
    assert_eq!(run.json()["complete"], false);
}

#[test]
fn retries_and_leader_moves_lose_and_double_nothing() {
    let cluster = cluster(3);
    cluster.inject(Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER).on(ApiKey::Produce).times(2));
    cluster.inject(Fault::disconnect_after().on(ApiKey::Produce).skip(3).times(3));
    let lines: String = (0..20_000).map(|line| format!("{}:{line}\n", line % 11)).collect();
    let run = send(&cluster, &["-K", ":", "-X", "batch.size=2000"], lines);
    run.assert_status(0);
    assert_eq!(run.counts(), [20_000, 20_000, 0]);
    assert!(run.json()["retries"].as_u64() > Some(0));
    let logs: Vec<_> = (0..3).map(|partition| cluster.log(TOPIC, partition)).collect();
    let mut last = [None; 11];
    for record in logs.iter().flatten() {
        let number = |bytes: &Option<_>| text(bytes.as_deref()).unwrap().parse::<usize>().unwrap();
        let (key, value) = (number(&record.key), number(&record.value));
        assert!(last[key].is_none_or(|last| last < value), "{value} after {last:?}");
        last[key] = Some(value);
    }
    assert_eq!(logs.iter().map(Vec::len).sum::<usize>(), 20_000);
    for (partition, log) in logs.iter().enumerate() {
        let json = run.json();
        let told = &json["partitions"][partition];
        assert_eq!(told["records"], log.len());
        assert_eq!(told["first_offset"], log.first().unwrap().offset);
        assert_eq!(told["last_offset"], log.last().unwrap().offset);
    }
}

#[test]
fn a_broker_that_goes_takes_nothing_with_it() {
    let cluster = cluster(6);
    let mut child = start_with(&cluster, &[]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&b"before\n".repeat(1000)).unwrap();
    cluster.block_on(cluster.wait_until(|stats| stats.records == 1000)).unwrap();
    cluster.block_on(cluster.stop_broker(1));
    stdin.write_all(&b"after\n".repeat(1000)).unwrap();
    drop(stdin);
    let run = Run::from(child.wait_with_output().unwrap());
    run.assert_status(0);
    assert_eq!(run.counts(), [2000, 2000, 0]);
    let total: usize = (0..6).map(|partition| cluster.log(TOPIC, partition).len()).sum();
    assert_eq!(total, 2000);
}

#[test]
fn an_unknown_topic_ends_the_run_in_time() {
    let cluster = Cluster::builder().start_blocking().unwrap();
    let run = send(&cluster, &["--timeout", "1"], "one\ntwo\n");
    run.assert_status(1).assert_says(&["line 1: not written", "\"t\"", "gave up"]);
    assert_eq!(run.counts(), [2, 0, 2]);
}

#[test]
fn lines_that_the_broker_refuses_are_named_and_the_others_arrive() {
    let cluster = Cluster::builder().start_blocking().unwrap();
    cluster.create_topic_with(&TopicSpec::new(TOPIC).partitions(1).compacted()).unwrap();
    // Each record is a batch of its own.
    let run = send(&cluster, &["-K", ":", "-X", "batch.size=0"], "a:1\nno key\nb:2\n");
    run.assert_status(1).assert_says(&["line 2: not written"]);
    assert_eq!(run.counts(), [3, 2, 1]);
    assert_eq!(cluster.log(TOPIC, 0).len(), 2);
}

#[test]
fn a_flood_of_failures_is_counted_to_the_last_and_named_to_a_limit() {
    let cluster = Cluster::builder().start_blocking().unwrap();
    cluster.create_topic_with(&TopicSpec::new(TOPIC).partitions(1).compacted()).unwrap();
    let lines: String = (0..1500).map(|line| format!("k:{line}\nno key\n")).collect();
    // Without idempotence a refusal costs nobody a new epoch.
    let run = send(&cluster, &["-K", ":", "-X", "batch.size=0", "--acks", "1"], lines);
    run.assert_status(1).assert_says(&["line 2: not written", "and 1,400 lines more failed"]);
    assert_eq!(run.counts(), [3000, 1500, 1500]);
    let json = run.json();
    assert_eq!(json["failures"].as_array().unwrap().len(), 100);
    assert_eq!(json["failures_not_listed"], 1400);
}

#[test]
fn a_linger_without_end_does_not_keep_the_end_waiting() {
    let cluster = cluster(4);
    let patient = ["-X", "linger.ms=100000", "-X", "delivery.timeout.ms=200000"];
    let run = send(&cluster, &patient, "one\ntwo\n");
    run.assert_status(0);
    assert!(run.json()["seconds"].as_f64() < Some(30.0));
}

#[test]
fn a_partition_that_does_not_exist_is_told_before_the_time_is_up() {
    let cluster = cluster(6);
    let mut child = start_with(&cluster, &["--partition", "9"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("6 partitions") && line.contains('9'), "{line}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_broker_that_does_not_answer_is_told_of() {
    let cluster = cluster(1);
    cluster.inject(Fault::stall().on(ApiKey::Produce).always());
    let mut child = start_with(&cluster, &["--flush-timeout", "0.1"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("nothing is acknowledged"), "{line}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
