//! Transactions against Apache Kafka, of both versions of them and of brokers that know of no versions: what is committed is what Java's consumer of committed records sees,
//! offsets stand in the group, and nothing hangs afterwards.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use harness::kafka::{Cluster, Consume, PrivateCluster, Spec, Topic};
use rohrpost::blocking::TransactionalProducer;
use rohrpost::{ConsumerGroupMetadata, ErrorKind, Producer, ProducerRecord, Remedy};

const TOPICS: [&str; 3] = ["debits", "credits", "audit"];
const PARTITIONS: u32 = 12;
const GROUP: &str = "readers";
const TRANSACTIONS: u32 = 60;

const FEATURES: &str = "org.apache.kafka.tools.FeatureCommand";
const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const HANGING: &str = "org.apache.kafka.tools.TransactionsCommand";
const READER: &str = "tests/java/CommittedReader.java";

#[test]
fn the_second_version_of_transactions() {
    let cluster = start("txn-2", "4.3.1");
    assert!(
        finalized(&cluster).contains("transaction.version")
            && finalized(&cluster).contains("Level: 2")
    );
    commit_and_abort(&cluster);
    none_hangs(&cluster);
}

#[test]
fn the_first_version_of_transactions_and_the_way_from_the_second() {
    let cluster = start("txn-1", "4.3.1");
    // Transactions that begin before and end after the cluster is downgraded.
    let mut producer = producer(&cluster, "in-between");
    let transaction = producer.begin().unwrap();
    transaction.send(ProducerRecord::new(TOPICS[0]).partition(0).value("x 0")).unwrap();
    let server = cluster.bootstrap_servers();
    let arguments =
        ["--bootstrap-server", &server, "downgrade", "--feature", "transaction.version=1"];
    cluster.tool(FEATURES, &arguments).unwrap();
    transaction.send(ProducerRecord::new(TOPICS[1]).partition(0).value("x 1")).unwrap();
    transaction.commit().unwrap();
    producer.close(Duration::from_secs(30)).unwrap();
    assert!(finalized(&cluster).contains("Level: 1"));
    commit_and_abort_besides(&cluster, [("debits", "x 0"), ("credits", "x 1")]);
    none_hangs(&cluster);
}

#[test]
fn the_transactions_of_kafka_3() {
    let cluster = start("txn-3", "3.9.2");
    commit_and_abort(&cluster);
    none_hangs(&cluster);
}

/// Of one that has no features yet, and no tool that finds what hangs.
#[test]
fn the_transactions_of_kafka_2() {
    commit_and_abort(&start("txn-28", "2.8.2"));
}

fn start(label: &str, version: &str) -> PrivateCluster {
    let spec = Spec::default().version(version).config("group.initial.rebalance.delay.ms", "0");
    let cluster = PrivateCluster::start(label, &spec).unwrap();
    for topic in TOPICS {
        cluster.create_topic(&Topic::new(topic).partitions(PARTITIONS)).unwrap();
    }
    cluster
}

fn finalized(cluster: &Cluster) -> String {
    let server = cluster.bootstrap_servers();
    let described = cluster.tool(FEATURES, &["--bootstrap-server", &server, "describe"]).unwrap();
    let mut lines = described.lines().filter(|line| line.contains("transaction.version"));
    lines.next().unwrap_or_default().replace('\t', " ").replace("FinalizedVersionLevel", "Level")
}

fn producer(cluster: &Cluster, id: &str) -> TransactionalProducer {
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    TransactionalProducer::build(builder.transactional_id(id)).unwrap()
}

fn commit_and_abort(cluster: &Cluster) {
    commit_and_abort_besides(cluster, []);
}

/// Commits, aborts and drops transactions over all partitions, with offsets, and reads back who sees what.
fn commit_and_abort_besides<const N: usize>(cluster: &Cluster, besides: [(&str, &str); N]) {
    let group = ConsumerGroupMetadata::new(GROUP);
    let mut producer = producer(cluster, "transfers-1");
    producer.init().unwrap();
    for number in 0..TRANSACTIONS {
        let transaction = producer.begin().unwrap();
        for topic in TOPICS {
            for partition in 0..PARTITIONS {
                let value = format!("{number} {partition}");
                let partition = i32::try_from(partition).unwrap();
                transaction
                    .send(ProducerRecord::new(topic).partition(partition).value(value))
                    .unwrap();
            }
        }
        transaction.send_offsets([(TOPICS[0], 0, i64::from(number) + 1)], &group).unwrap();
        match number % 4 {
            0 | 1 => transaction.commit().unwrap(),
            2 => transaction.abort().unwrap(),
            _ => drop(transaction),
        }
    }
    // One that stays open is ended by the next of its name.
    let open = producer.begin().unwrap();
    open.send(ProducerRecord::new(TOPICS[0]).partition(0).value("open")).unwrap().wait().unwrap();
    let mut successor = self::producer(cluster, "transfers-1");
    successor.init().unwrap();
    let error = open.commit().unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Fatal, Remedy::NewProducer), "{error}");
    successor.close(Duration::from_secs(30)).unwrap();

    let kept = || (0..TRANSACTIONS).filter(|number| number % 4 < 2);
    let check = &|topic: &str| {
        let of_all =
            kept().flat_map(|number| (0..PARTITIONS).map(move |of| format!("{number} {of}")));
        let of_others =
            besides.iter().filter(|(of, _)| *of == topic).map(|(_, value)| (*value).to_owned());
        let expected: BTreeSet<String> = of_all.chain(of_others).collect();
        let (mut seen, mut count) = (BTreeSet::new(), 0);
        let each = |record: harness::kafka::ConsumedRecord<'_>| {
            seen.insert(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            count += 1;
        };
        cluster.consume(&Consume::topic(topic).committed_only().silence_ms(8_000), each).unwrap();
        assert_eq!((&seen, count), (&expected, expected.len()), "{topic}");
    };
    // At the same time: each waits for the silence behind the last record.
    thread::scope(|scope| {
        for topic in TOPICS {
            scope.spawn(move || check(topic));
        }
    });
    let last = kept().next_back().unwrap() + 1;
    assert_eq!(committed_offset(cluster), Some(last.to_string()));
    every_offset_is_stable(cluster);
}

/// Nothing is open: in every partition the last stable offset is the high watermark.
fn every_offset_is_stable(cluster: &Cluster) {
    let servers = cluster.bootstrap_servers();
    let arguments = [&[servers.as_str()], &TOPICS[..]].concat();
    let printed = cluster.distribution().run_source(READER, &arguments, "read\n").unwrap();
    let offsets: Vec<&str> = printed.lines().filter(|line| line.starts_with('=')).collect();
    assert_eq!(offsets.len(), TOPICS.len() * PARTITIONS as usize, "{printed}");
    for partition in offsets {
        let fields: Vec<&str> = partition.split('\t').collect();
        assert!(fields[3] == fields[4] && fields[3] != "0", "{partition}");
    }
}

/// Kafka's own tool finds no transaction that hangs.
fn none_hangs(cluster: &Cluster) {
    let server = cluster.bootstrap_servers();
    let arguments = [
        "--bootstrap-server",
        &server,
        "find-hanging",
        "--broker-id",
        "1",
        "--max-transaction-timeout",
        "0",
    ];
    let hanging = cluster.tool(HANGING, &arguments).unwrap();
    assert_eq!(hanging.lines().filter(|line| !line.trim().is_empty()).count(), 1, "{hanging}");
}

/// What the group has of the first partition: the column CURRENT-OFFSET.
fn committed_offset(cluster: &Cluster) -> Option<String> {
    let server = cluster.bootstrap_servers();
    let arguments = ["--bootstrap-server", &server, "--describe", "--group", GROUP];
    let described = cluster.tool(GROUPS, &arguments).unwrap();
    let row = described.lines().find(|line| line.split_whitespace().nth(1) == Some(TOPICS[0]))?;
    row.split_whitespace().nth(3).map(ToOwned::to_owned)
}
