//! Two-phase commit (KIP-939): a transaction that is prepared is whatever another coordinator decides, in this process or the next.

use std::time::Duration;

use rohrpost::{
    ErrorKind, PreparedTransactionState, ProducerRecord, Remedy, TransactionEnd,
    TransactionalProducer, blocking,
};
use rohrpost_testkit::Cluster;
use rohrpost_testkit::model::{Permission, TwoPhaseCommit};

use super::{builder, committed, values, within};

async fn cluster(two_phase: TwoPhaseCommit, version: i16) -> Cluster {
    let cluster = super::cluster(version).await;
    cluster.set_two_phase_commit(two_phase);
    cluster
}

/// A process with the transactional id, as it begins.
async fn process(cluster: &Cluster) -> TransactionalProducer {
    builder(cluster).two_phase_commit(true).build_transactional().await.unwrap()
}

/// Prepares a transaction of two records, and dies: what is left is what was kept beside the decision.
async fn prepare_and_die(cluster: &Cluster, numbers: [u32; 2]) -> String {
    let mut producer = process(cluster).await;
    within(producer.init()).await.unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    for (topic, number) in ["debits", "credits"].into_iter().zip(numbers) {
        transaction.send(ProducerRecord::new(topic).value(number.to_string())).await.unwrap();
    }
    let prepared = within(transaction.prepare()).await.unwrap();
    prepared.state().to_string()
}

#[tokio::test]
async fn what_is_prepared_is_committed_or_aborted_as_is_decided() {
    let cluster = cluster(TwoPhaseCommit::Whole, 2).await;
    let mut producer = process(&cluster).await;
    within(producer.init()).await.unwrap();
    let mut states = Vec::new();
    for number in 0..4_u32 {
        let transaction = within(producer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value(number.to_string())).await.unwrap();
        let prepared = within(transaction.prepare()).await.unwrap();
        let state = prepared.state();
        assert!(committed(&cluster, "debits").len() <= 1);
        match number {
            0 => within(prepared.commit()).await.unwrap(),
            1 => within(prepared.abort()).await.unwrap(),
            // A decision of another one.
            2 => {
                let end = within(prepared.complete(states[0])).await.unwrap();
                assert_eq!(end, TransactionEnd::Aborted);
            }
            _ => {
                let end = within(prepared.complete(state)).await.unwrap();
                assert_eq!(end, TransactionEnd::Committed);
            }
        }
        assert!(!states.contains(&state), "each has a state of its own");
        states.push(state);
    }
    assert_eq!(committed(&cluster, "debits"), values([0, 3]));
}

#[tokio::test]
async fn a_crash_between_the_decision_and_the_commit_loses_nothing() {
    let cluster = cluster(TwoPhaseCommit::Whole, 2).await;
    let decided: PreparedTransactionState =
        prepare_and_die(&cluster, [0, 1]).await.parse().unwrap();
    // The next process dies, too, once it knows what is prepared.
    let mut second = process(&cluster).await;
    assert_eq!(within(second.recover()).await.unwrap().unwrap().state(), decided);
    drop(second);
    assert!(committed(&cluster, "debits").is_empty());
    let mut third = process(&cluster).await;
    let prepared = within(third.recover()).await.unwrap().unwrap();
    assert_eq!(within(prepared.complete(decided)).await.unwrap(), TransactionEnd::Committed);
    assert_eq!(committed(&cluster, "debits"), values([0]));
    assert_eq!(committed(&cluster, "credits"), values([1]));
    // One that dies after the commit finds nothing to do.
    let mut last = process(&cluster).await;
    assert!(within(last.recover()).await.unwrap().is_none());
    let transaction = within(last.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("2")).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([0, 2]));
    assert!(cluster.ongoing_transactions().is_empty());
}

#[tokio::test]
async fn a_crash_before_the_decision_leaves_nothing() {
    let cluster = cluster(TwoPhaseCommit::Whole, 2).await;
    let earlier: PreparedTransactionState =
        prepare_and_die(&cluster, [0, 1]).await.parse().unwrap();
    let mut second = process(&cluster).await;
    let prepared = within(second.recover()).await.unwrap().unwrap();
    within(prepared.commit()).await.unwrap();
    drop(second);
    // The decision that was kept last is of the transaction before.
    prepare_and_die(&cluster, [2, 3]).await;
    let mut next = process(&cluster).await;
    let prepared = within(next.recover()).await.unwrap().unwrap();
    assert_eq!(within(prepared.complete(earlier)).await.unwrap(), TransactionEnd::Aborted);
    assert_eq!(committed(&cluster, "debits"), values([0]));
    assert_eq!(committed(&cluster, "credits"), values([1]));
}

#[tokio::test]
async fn what_is_prepared_outlives_its_value_its_producer_and_any_time() {
    let cluster = cluster(TwoPhaseCommit::Whole, 2).await;
    let mut producer = process(&cluster).await;
    within(producer.init()).await.unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    let state = within(transaction.prepare()).await.unwrap().state();
    // It was dropped, and nothing is begun beside it.
    let error = within(producer.begin()).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Retry);
    assert!(error.to_string().contains("is prepared"), "{error}");
    assert_eq!(within(producer.recover()).await.unwrap().unwrap().state(), state);
    producer.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(cluster.ongoing_transactions().len(), 1);
    let mut next = process(&cluster).await;
    let prepared = within(next.recover()).await.unwrap().unwrap();
    assert_eq!(prepared.state(), state);
    within(prepared.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([0]));
}

#[tokio::test]
async fn what_cannot_be_prepared_is_aborted() {
    let cluster = cluster(TwoPhaseCommit::Whole, 2).await;
    let mut producer = process(&cluster).await;
    within(producer.init()).await.unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    let too_large = vec![0_u8; 2_000_000];
    transaction.send(ProducerRecord::new("debits").value(&too_large[..])).await.unwrap_err();
    let error = within(transaction.prepare()).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort));
    // A future that is dropped has prepared nothing.
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("1")).await.unwrap();
    drop(transaction.prepare());
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("2")).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([2]));
    // Nor has a cluster of the old version.
    let cluster = self::cluster(TwoPhaseCommit::Whole, 1).await;
    let mut producer = process(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    let error = within(transaction.prepare()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    within(producer.begin()).await.unwrap().commit().await.unwrap();
    assert!(committed(&cluster, "debits").is_empty());
}

#[tokio::test]
async fn what_the_brokers_refuse_is_said_plainly() {
    // They do not know of it.
    let cluster = cluster(TwoPhaseCommit::Unknown, 2).await;
    let error = within(process(&cluster).await.init()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("unstable.api.versions.enable"), "{error}");
    // They let nobody, or not this one.
    for is_denied in [false, true] {
        let allows = if is_denied { TwoPhaseCommit::Whole } else { TwoPhaseCommit::Refused };
        cluster.set_two_phase_commit(allows);
        if is_denied {
            cluster.deny(Permission::TwoPhaseCommit("transfers-1".into()));
        }
        let error = within(process(&cluster).await.init()).await.unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::Authorization, Remedy::Retry));
        assert!(error.to_string().contains("transaction.two.phase.commit.enable"), "{error}");
    }
    // They keep nothing for another process, as Kafka 4.3.1; what is prepared is as it was.
    cluster.allow(&Permission::TwoPhaseCommit("transfers-1".into()));
    cluster.set_two_phase_commit(TwoPhaseCommit::WithoutRecovery);
    prepare_and_die(&cluster, [0, 1]).await;
    let error = within(process(&cluster).await.recover()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Fatal, Some(35)));
    assert!(error.to_string().contains("cannot keep a prepared transaction"), "{error}");
    assert_eq!(cluster.ongoing_transactions().len(), 1);
    within(process(&cluster).await.init()).await.unwrap();
    assert!(cluster.ongoing_transactions().is_empty());
    assert!(committed(&cluster, "debits").is_empty());
    // And a producer that takes no part hears what it lacks.
    let mut producer = super::producer(&cluster).await;
    let error = within(producer.recover()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(error.to_string().contains("transaction.two.phase.commit.enable"), "{error}");
}

#[tokio::test]
async fn programs_without_async_prepare_too() {
    let cluster = cluster(TwoPhaseCommit::Whole, 2).await;
    let builder = builder(&cluster).two_phase_commit(true);
    tokio::task::spawn_blocking(move || {
        let mut producer = blocking::TransactionalProducer::build(builder).unwrap();
        producer.init().unwrap();
        let transaction = producer.begin().unwrap();
        transaction.send(ProducerRecord::new("debits").value("0")).unwrap();
        let state = transaction.prepare().unwrap().state();
        let prepared = producer.recover().unwrap().unwrap();
        assert_eq!(prepared.complete(state).unwrap(), TransactionEnd::Committed);
        let transaction = producer.begin().unwrap();
        transaction.send(ProducerRecord::new("debits").value("1")).unwrap();
        transaction.prepare().unwrap().abort().unwrap();
        assert!(producer.recover().unwrap().is_none());
    })
    .await
    .unwrap();
    assert_eq!(committed(&cluster, "debits"), values([0]));
}
