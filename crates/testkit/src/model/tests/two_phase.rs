//! Two-phase commit (KIP-939), and what a cluster that is downgraded cannot write down.

use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::producer::Producer;
use super::producer::Protocol::Two;
use super::support::*;
use crate::TopicSpec;
use crate::model::{Model, ModelConfig, Permission, TransactionState, TwoPhaseCommit};

const NONE: ErrorCode = ErrorCode::NONE;

fn cluster(two_phase: TwoPhaseCommit) -> Model {
    let mut model = Model::new(ModelConfig::default());
    model.create_topic(&TopicSpec::new("t").partitions(3)).unwrap();
    model.set_two_phase_commit(two_phase);
    model
}

fn init(model: &mut Model, enable_2pc: bool, keep_prepared_txn: bool) -> InitProducerIdResponse {
    let request = InitProducerIdRequest {
        transactional_id: Some("x".into()),
        transaction_timeout_ms: 60_000,
        enable_2pc,
        keep_prepared_txn,
        ..Default::default()
    };
    Producer::new("x", Two).ask(model, at(0), &request, 6)
}

fn producer(model: &mut Model, keeps: bool) -> (Producer, (i64, i16)) {
    let answer = init(model, true, keeps);
    assert_eq!(answer.error_code, NONE);
    let mut producer = Producer::new("x", Two);
    (producer.id, producer.epoch) = (answer.producer_id, answer.producer_epoch);
    (producer, (answer.ongoing_txn_producer_id, answer.ongoing_txn_producer_epoch))
}

fn state(model: &Model) -> TransactionState {
    model.transaction("x").unwrap().state()
}

fn committed(model: &Model) -> usize {
    (0..3).map(|partition| model.committed_records("t", partition).count()).sum()
}

#[test]
fn a_transaction_that_is_kept_is_ended_by_the_newest_producer_alone() {
    for commits in [true, false] {
        let mut model = cluster(TwoPhaseCommit::Whole);
        let (mut old, none) = producer(&mut model, true);
        assert_eq!(none, (-1, -1));
        assert_eq!(old.send(&mut model, 0), NONE);
        let (mut second, kept) = producer(&mut model, true);
        assert_eq!(kept, (old.id, old.epoch));
        let (mut third, kept) = producer(&mut model, true);
        assert_eq!(kept, (old.id, old.epoch));
        assert_eq!(state(&model), TransactionState::Ongoing);
        assert_eq!(old.end(&mut model, true), ErrorCode::PRODUCER_FENCED);
        assert_eq!(second.end(&mut model, true), ErrorCode::PRODUCER_FENCED);
        // Nobody adds to it.
        assert_ne!(old.send(&mut model, 1), NONE);
        assert_ne!(third.send(&mut model, 1), NONE);
        let before = third;
        assert_eq!(third.end(&mut model, commits), NONE);
        assert_eq!(committed(&model), usize::from(commits));
        assert!(third.epoch > before.epoch);
        // The answer was lost.
        let mut again = before;
        assert_eq!(again.end(&mut model, commits), NONE);
        assert_eq!((again.id, again.epoch), (third.id, third.epoch));
        third.sequences = [0; 3];
        assert_eq!(third.send(&mut model, 1), NONE);
        assert_eq!(again.end(&mut model, true), NONE);
        assert_eq!(committed(&model), 1 + usize::from(commits));
        let (_, none) = producer(&mut model, true);
        assert_eq!(none, (-1, -1));
    }
}

#[test]
fn a_transaction_is_kept_past_the_last_epoch() {
    let mut model = cluster(TwoPhaseCommit::Whole);
    let (mut old, _) = producer(&mut model, false);
    assert_eq!(old.send(&mut model, 0), NONE);
    let first = (old.id, old.epoch);
    let (mut new, _) = producer(&mut model, true);
    while new.id == old.id {
        let (next, kept) = producer(&mut model, true);
        assert_eq!(kept, first);
        new = next;
    }
    let before = new;
    assert_eq!(new.end(&mut model, true), NONE);
    assert_eq!(committed(&model), 1);
    assert_ne!((new.id, new.epoch), (before.id, before.epoch));
    let mut again = before;
    assert_eq!(again.end(&mut model, true), NONE);
    assert_eq!((again.id, again.epoch), (new.id, new.epoch));
    new.sequences = [0; 3];
    assert_eq!(new.send(&mut model, 0), NONE);
    assert_eq!(new.end(&mut model, true), NONE);
    assert_eq!(committed(&model), 2);
}

#[test]
fn who_keeps_nothing_aborts_what_was_kept() {
    let mut model = cluster(TwoPhaseCommit::Whole);
    let (mut old, _) = producer(&mut model, false);
    assert_eq!(old.send(&mut model, 0), NONE);
    producer(&mut model, true);
    assert_eq!(init(&mut model, true, false).error_code, ErrorCode::CONCURRENT_TRANSACTIONS);
    let (mut last, _) = producer(&mut model, false);
    assert_eq!(state(&model), TransactionState::Empty);
    assert_eq!(last.send(&mut model, 0), NONE);
    assert_eq!(last.end(&mut model, true), NONE);
    assert_eq!(committed(&model), 1);
}

#[test]
fn in_two_phase_commit_no_time_is_too_long() {
    let mut model = cluster(TwoPhaseCommit::WithoutRecovery);
    let (mut producer, _) = producer(&mut model, false);
    assert_eq!(producer.send(&mut model, 0), NONE);
    model.advance(at(100_000_000));
    assert_eq!(state(&model), TransactionState::Ongoing);
    assert_eq!(model.transaction("x").unwrap().timeout(), Duration::from_millis(2_147_483_647));
}

#[test]
fn brokers_say_what_they_do_not_do() {
    let denied = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    // As Kafka 4.3.1 without transaction.two.phase.commit.enable.
    let mut model = cluster(TwoPhaseCommit::Refused);
    assert_eq!(init(&mut model, true, false).error_code, denied);
    assert_eq!(init(&mut model, false, false).error_code, NONE);
    // With it.
    let mut model = cluster(TwoPhaseCommit::WithoutRecovery);
    assert_eq!(init(&mut model, true, false).error_code, NONE);
    assert_eq!(init(&mut model, true, true).error_code, ErrorCode::UNSUPPORTED_VERSION);
    model.deny(Permission::TwoPhaseCommit("x".into()));
    assert_eq!(init(&mut model, true, false).error_code, denied);
    assert_eq!(init(&mut model, false, false).error_code, NONE);
}

#[test]
fn what_a_downgraded_coordinator_cannot_write_down_wedges_the_transactional_id_until_it_is_loaded()
{
    // An end by the rules of version 2, or a partition that joins by them (both tried on Kafka 4.3.1).
    for by_end in [true, false] {
        for version in [1, 0] {
            let mut model = cluster(TwoPhaseCommit::Unknown);
            let mut producer = Producer::init(&mut model, "x", Two);
            assert_eq!(producer.send(&mut model, 0), NONE);
            model.set_transaction_version(version);
            let code = match by_end {
                true => producer.end(&mut model, true),
                false => producer.send(&mut model, 1),
            };
            if version == 1 {
                assert_eq!(code, NONE);
                continue;
            }
            assert_ne!(code, NONE);
            let concurrent = ErrorCode::CONCURRENT_TRANSACTIONS;
            assert_eq!(producer.end(&mut model, true), concurrent);
            assert_eq!(producer.add(&mut model, &[2]), concurrent);
            assert_eq!(Producer::new("x", Two).renew(&mut model, at(0)), concurrent);
            model.advance(at(100_000_000));
            assert_eq!(state(&model), TransactionState::Ongoing);
            // Another broker reads what was written: the transaction as it was.
            let broker = model.coordinator_of("x").unwrap();
            model.stop_broker(broker);
            model.start_broker(broker);
            producer.protocol = super::producer::Protocol::One;
            assert_eq!(producer.end(&mut model, true), NONE);
            assert_eq!(committed(&model), 1);
        }
    }
}
