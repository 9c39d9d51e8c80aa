//! Java's transactional clients and `kafka-transactions` take the testkit's brokers for Kafka's.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use harness::kafka::{DEFAULT_VERSION, Distribution};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, TransactionState};

const PROGRAM: &str = "tests/java/Transactions.java";
const TOOL: &str = "org.apache.kafka.tools.TransactionsCommand";

/// What the program says, seen with a Kafka 4.3.1.
const WANTED: &str = "\
committed: [0/0, 0/1, 0/2, 1/0, 1/1, 1/2, 3/0, 3/1, 3/2, 4/0, 4/1, 4/2]
offset: 5
fenced
committed: [0/0, 0/1, 0/2, 1/0, 1/1, 1/2, 3/0, 3/1, 3/2, 4/0, 4/1, 4/2, 6/0, 6/1, 6/2]
offset: 7
CommitFailedException
committed: [0/0, 0/1, 0/2, 1/0, 1/1, 1/2, 3/0, 3/1, 3/2, 4/0, 4/1, 4/2, 6/0, 6/1, 6/2, 7/0, 7/1, 7/2]
offset: 8
";

fn cluster(transaction_version: i16) -> Cluster {
    let builder = Cluster::builder().transaction_version(transaction_version);
    let cluster = builder.start_blocking().unwrap();
    cluster.create_topic("t", 3).unwrap();
    cluster
}

fn live(cluster: &Cluster) -> String {
    let distribution = Distribution::obtain(DEFAULT_VERSION).unwrap();
    distribution.run_source(PROGRAM, &[&cluster.bootstrap_servers()], "").unwrap()
}

#[test]
fn javas_transactions_live_with_the_testkit_as_with_kafka() {
    for version in [1, 2] {
        let cluster = cluster(version);
        assert_eq!(live(&cluster), WANTED, "under transaction version {version}");
        assert!(cluster.ongoing_transactions().is_empty());
        assert_eq!(cluster.committed_records("t").len(), 18);
        assert_eq!(cluster.group_offsets("g")[&("t".to_owned(), 0)].offset, 8);
    }
}

#[test]
fn javas_transactions_live_through_lost_answers_and_coordinators_that_move() {
    let cluster = cluster(2);
    cluster.inject(Fault::disconnect_after().on(ApiKey::EndTxn).skip(1));
    cluster.inject(Fault::error(ErrorCode::NOT_COORDINATOR).on(ApiKey::EndTxn).skip(3));
    cluster.inject(
        Fault::error_after(ErrorCode::COORDINATOR_NOT_AVAILABLE).on(ApiKey::EndTxn).skip(4),
    );
    cluster.inject(Fault::disconnect_after().on(ApiKey::TxnOffsetCommit).skip(2));
    cluster.inject(Fault::disconnect_after().on(ApiKey::Produce).skip(4).times(2));
    cluster.move_coordinator("x", 3);
    assert_eq!(live(&cluster), WANTED);
    assert_eq!(cluster.stats().faults, 6);
}

#[test]
fn kafka_transactions_describes_what_hangs_in_the_testkit() {
    let cluster = cluster(2);
    cluster.hold_markers();
    live_until_the_first_commit(&cluster);
    let state = cluster.ongoing_transactions().remove("x");
    assert_eq!(state, Some(TransactionState::PrepareCommit));
    let described = tool(&cluster, &["describe", "--transactional-id", "x"]);
    assert!(described.contains("PrepareCommit") && described.contains("t-0"), "{described}");
    let listed = tool(&cluster, &["list"]);
    assert!(listed.contains("PrepareCommit"), "{listed}");
    let producers = tool(&cluster, &["describe-producers", "--topic", "t", "--partition", "0"]);
    assert!(producers.contains("CurrentTransactionStartOffset"), "{producers}");
    cluster.release_markers();
    assert!(cluster.ongoing_transactions().is_empty());
}

/// Has kcat commit a transaction, the markers of which are held back.
fn live_until_the_first_commit(cluster: &Cluster) {
    let line = "printf 'a\\nb\\nc\\n' | kcat -P -b \"$0\" -t t -p 0 -X transactional.id=x";
    let status = Command::new("sh").args(["-c", line, &cluster.bootstrap_servers()]).status();
    assert!(status.unwrap().success());
}

/// What `kafka-transactions` prints.
fn tool(cluster: &Cluster, arguments: &[&str]) -> String {
    let distribution = Distribution::obtain(DEFAULT_VERSION).unwrap();
    let output = Command::new("java")
        .args(["-cp", &distribution.class_path(), TOOL])
        .args(["--bootstrap-server", &cluster.bootstrap_servers()])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
