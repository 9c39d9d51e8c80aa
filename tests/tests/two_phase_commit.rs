//! Two-phase commit (KIP-939) against Apache Kafka 4.3.1, whose protocol for it is unstable: what it does, and what it refuses, in words.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use harness::kafka::{Cluster, Consume, PrivateCluster, Spec, Topic};
use rohrpost::blocking::TransactionalProducer;
use rohrpost::{ErrorKind, PreparedTransactionState, Producer, ProducerRecord, Remedy};

const TOPIC: &str = "transfers";
const ID: &str = "transfers-1";
const TRANSACTIONS: &str = "org.apache.kafka.tools.TransactionsCommand";

fn start(label: &str, settings: &[&str]) -> PrivateCluster {
    let spec = settings
        .iter()
        .fold(Spec::default().version("4.3.1"), |spec, key| spec.config(key, "true"));
    let cluster = PrivateCluster::start(label, &spec).unwrap();
    cluster.create_topic(&Topic::new(TOPIC).partitions(3)).unwrap();
    cluster
}

fn process(cluster: &Cluster) -> TransactionalProducer {
    let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    TransactionalProducer::build(builder.transactional_id(ID).two_phase_commit(true)).unwrap()
}

fn prepare(producer: &mut TransactionalProducer, name: &str) -> PreparedTransactionState {
    let transaction = producer.begin().unwrap();
    for partition in 0..3 {
        let value = format!("{name} {partition}");
        transaction.send(ProducerRecord::new(TOPIC).partition(partition).value(value)).unwrap();
    }
    transaction.prepare().unwrap().state()
}

/// The state of the transaction, as Kafka's own tool tells it.
fn described(cluster: &Cluster) -> String {
    let server = cluster.bootstrap_servers();
    let arguments = ["--bootstrap-server", &server, "describe", "--transactional-id", ID];
    cluster.tool(TRANSACTIONS, &arguments).unwrap()
}

#[test]
fn what_is_prepared_waits_for_the_decision_and_is_lost_with_its_process_alone() {
    let both = ["unstable.api.versions.enable", "transaction.two.phase.commit.enable"];
    let cluster = start("two-phase", &both);
    let mut producer = process(&cluster);
    producer.init().unwrap();
    let mut states = BTreeSet::new();
    for (name, commits) in [("first", true), ("second", false), ("third", true)] {
        let state = prepare(&mut producer, name);
        assert!(states.insert(state.to_string()), "each has a state of its own");
        let told = described(&cluster);
        // Kafka's way to say that it has no time-out.
        assert!(told.contains("Ongoing") && told.contains(&i32::MAX.to_string()), "{told}");
        let prepared = producer.recover().unwrap().unwrap();
        match commits {
            true => drop(prepared.complete(state).unwrap()),
            false => prepared.abort().unwrap(),
        }
    }
    // A close leaves it prepared; another process would have to recover it, which these brokers refuse, and say so.
    prepare(&mut producer, "lost");
    producer.close(Duration::from_secs(30)).unwrap();
    let error = process(&cluster).recover().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Fatal, Some(35)), "{error}");
    assert!(error.to_string().contains("cannot keep a prepared transaction"), "{error}");
    assert!(described(&cluster).contains("Ongoing"));
    // Only an end of it is left.
    let mut last = process(&cluster);
    last.init().unwrap();
    prepare(&mut last, "last");
    last.recover().unwrap().unwrap().commit().unwrap();
    let mut seen = BTreeSet::new();
    let each = |record: harness::kafka::ConsumedRecord<'_>| {
        seen.insert(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
    };
    cluster.consume(&Consume::topic(TOPIC).committed_only().silence_ms(5_000), each).unwrap();
    let of = |name: &str| [0, 1, 2].map(|partition| format!("{name} {partition}"));
    let expected: BTreeSet<String> = ["first", "third", "last"].into_iter().flat_map(of).collect();
    assert_eq!(seen, expected);
}

#[test]
fn brokers_that_are_not_to_do_it_say_so() {
    let cluster = start("two-phase-refused", &["unstable.api.versions.enable"]);
    let error = process(&cluster).init().unwrap_err();
    assert_eq!(
        (error.kind(), error.remedy()),
        (ErrorKind::Authorization, Remedy::Retry),
        "{error}"
    );
    assert!(error.to_string().contains("transaction.two.phase.commit.enable"), "{error}");
}

#[test]
fn brokers_that_do_not_speak_of_it_are_told_of() {
    let cluster = start("two-phase-unknown", &[]);
    let error = process(&cluster).init().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("unstable.api.versions.enable"), "{error}");
}
