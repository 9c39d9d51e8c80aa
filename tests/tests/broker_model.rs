//! The testkit's broker model answers as Apache Kafka does: a short part of `cargo xtask conformance broker`.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use harness::broker_model::{comparison, kafka_for_scenes, kafka_for_sequences, kafka_of_three};
use harness::kafka::PrivateCluster;

/// Runs the comparison, and gives its last line.
fn last_line(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{words}");
    printed.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn random_sequences_are_answered_as_kafka_answers_them() {
    let kafka = PrivateCluster::start("sequences", &kafka_for_sequences()).unwrap();
    let mut command = comparison(&kafka.bootstrap_servers(), "dev");
    let line = last_line(command.args(["--seed", "2026", "--cases", "60"]));
    assert!(line.starts_with("60 sequences, ") && line.ends_with(", 0 mismatches"), "{line}");
}

#[test]
fn three_brokers_with_leaders_that_move_are_answered_for_as_well() {
    let kafka = PrivateCluster::start("three", &kafka_of_three()).unwrap();
    let mut command = comparison(&kafka.bootstrap_servers(), "dev");
    let line = last_line(command.args(["--seed", "3", "--cases", "15"]));
    assert!(line.starts_with("15 sequences, ") && line.ends_with(", 0 mismatches"), "{line}");
}

#[test]
fn producers_are_forgotten_and_quotas_kept_as_kafka_does() {
    let kafka = PrivateCluster::start("scenes", &kafka_for_scenes()).unwrap();
    let line = last_line(comparison(&kafka.bootstrap_servers(), "dev").arg("--scenes"));
    assert!(line.ends_with(", 0 mismatches"), "{line}");
}
