//! The transaction coordinator: versions 1 and 2, fencing, time-outs, verification (KIP-98, KIP-360, KIP-890).

use rohrpost_codec::messages::{
    ApiVersionsRequest, DescribeTransactionsRequest, ListTransactionsRequest,
};
use rohrpost_codec::{ApiKey, ErrorCode};

use super::producer::Producer;
use super::producer::Protocol::{One, Two};
use super::support::*;
use crate::TopicSpec;
use crate::model::{Answer, Fault, Model, ModelConfig, Permission, TransactionState};

const NONE: ErrorCode = ErrorCode::NONE;

/// Three brokers and a topic `t` of three partitions.
fn cluster() -> Model {
    let mut model = Model::new(ModelConfig::default());
    model.create_topic(&TopicSpec::new("t").partitions(3)).unwrap();
    model
}

fn state(model: &Model) -> TransactionState {
    model.transaction("x").unwrap().state()
}

fn committed(model: &Model) -> usize {
    (0..3).map(|partition| model.committed_records("t", partition).count()).sum()
}

/// Begins a transaction and sends to these partitions.
fn send_to(model: &mut Model, producer: &mut Producer, partitions: &[i32]) {
    if producer.protocol == One {
        assert_eq!(producer.add(model, partitions), NONE);
    }
    for &partition in partitions {
        assert_eq!(producer.send(model, partition), NONE);
    }
}

#[test]
fn a_committed_transaction_is_seen_whole_and_an_aborted_one_not_at_all() {
    for protocol in [One, Two] {
        let mut model = cluster();
        let mut producer = Producer::init(&mut model, "x", protocol);
        send_to(&mut model, &mut producer, &[0, 1]);
        assert_eq!((state(&model), committed(&model)), (TransactionState::Ongoing, 0));
        assert_eq!(producer.end(&mut model, true), NONE);
        assert_eq!((state(&model), committed(&model)), (TransactionState::CompleteCommit, 2));
        send_to(&mut model, &mut producer, &[1]);
        assert_eq!(producer.end(&mut model, false), NONE);
        assert_eq!((state(&model), committed(&model)), (TransactionState::CompleteAbort, 2));
        let stats = model.stats();
        assert_eq!((stats.transactions_committed, stats.transactions_aborted), (1, 1));
    }
}

#[test]
fn version_1_keeps_the_epoch_and_version_2_bumps_it_at_every_end() {
    let mut model = cluster();
    for (protocol, bumps) in [(One, 0), (Two, 1)] {
        let mut producer = Producer::init(&mut model, "x", protocol);
        let before = producer.epoch;
        send_to(&mut model, &mut producer, &[0]);
        assert_eq!(producer.end(&mut model, true), NONE);
        assert_eq!(model.transaction("x").unwrap().producer_epoch().0, before + bumps);
    }
}

#[test]
fn ending_a_transaction_again_is_answered_as_the_first_time_and_the_opposite_refused() {
    for protocol in [One, Two] {
        let mut model = cluster();
        let mut producer = Producer::init(&mut model, "x", protocol);
        send_to(&mut model, &mut producer, &[0]);
        let before = producer;
        assert_eq!(producer.end(&mut model, true), NONE);
        let after = producer;
        let mut again = before;
        assert_eq!(again.end(&mut model, true), NONE);
        assert_eq!((again.id, again.epoch), (after.id, after.epoch), "{protocol:?}");
        let mut opposite = before;
        assert_eq!(opposite.end(&mut model, false), ErrorCode::INVALID_TXN_STATE);
        assert_eq!(committed(&model), 1);
    }
}

#[test]
fn an_empty_transaction_is_not_committed_and_aborted_under_version_2_only() {
    let mut model = cluster();
    let mut one = Producer::init(&mut model, "x", One);
    assert_eq!(one.end(&mut model, true), ErrorCode::INVALID_TXN_STATE);
    assert_eq!(one.end(&mut model, false), ErrorCode::INVALID_TXN_STATE);
    let mut two = Producer::init(&mut model, "y", Two);
    assert_eq!(two.end(&mut model, true), ErrorCode::INVALID_TXN_STATE);
    let epoch = two.epoch;
    assert_eq!(two.end(&mut model, false), NONE);
    assert_eq!(two.epoch, epoch + 1);
}

#[test]
fn a_new_producer_fences_the_old_one_and_aborts_what_that_left_open() {
    for (protocol, code) in [(One, ErrorCode::PRODUCER_FENCED), (Two, ErrorCode::PRODUCER_FENCED)] {
        let mut model = cluster();
        let mut old = Producer::init(&mut model, "x", protocol);
        send_to(&mut model, &mut old, &[0]);
        let mut new = Producer::new("x", protocol);
        assert_eq!(new.renew(&mut model, at(0)), ErrorCode::CONCURRENT_TRANSACTIONS);
        assert_eq!(state(&model), TransactionState::CompleteAbort);
        assert_eq!(new.renew(&mut model, at(0)), NONE);
        assert_eq!(old.end(&mut model, true), code);
        assert_eq!(old.send(&mut model, 0), ErrorCode::INVALID_PRODUCER_EPOCH);
        assert_eq!(old.renew(&mut model, at(0)), ErrorCode::PRODUCER_FENCED);
        send_to(&mut model, &mut new, &[0]);
        assert_eq!(new.end(&mut model, true), NONE);
        assert_eq!(committed(&model), 1);
    }
}

#[test]
fn an_operator_fences_a_producer() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    send_to(&mut model, &mut producer, &[0]);
    assert!(model.fence_producer("x"));
    assert!(!model.fence_producer("nobody"));
    assert_eq!(state(&model), TransactionState::Empty);
    assert_eq!(producer.end(&mut model, true), ErrorCode::PRODUCER_FENCED);
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", One);
    send_to(&mut model, &mut producer, &[0]);
    model.advance(at(60_000));
    assert_eq!(state(&model), TransactionState::Ongoing, "not a moment before its time");
    model.advance(at(70_000));
    assert_eq!(state(&model), TransactionState::CompleteAbort);
    assert_eq!(model.stats().transactions_timed_out, 1);
    assert_eq!(model.partition("t", 0).unwrap().log.last_stable_offset(), 2);
    assert_eq!(producer.end(&mut model, true), ErrorCode::PRODUCER_FENCED);
    assert_eq!(committed(&model), 0);
}

#[test]
fn while_markers_are_missing_nothing_new_begins() {
    for protocol in [One, Two] {
        let mut model = cluster();
        let mut producer = Producer::init(&mut model, "x", protocol);
        send_to(&mut model, &mut producer, &[0, 1]);
        model.hold_markers();
        let before = producer;
        assert_eq!(producer.end(&mut model, true), NONE);
        assert_eq!((state(&model), committed(&model)), (TransactionState::PrepareCommit, 0));
        let mut again = before;
        assert_eq!(again.end(&mut model, true), ErrorCode::CONCURRENT_TRANSACTIONS);
        assert_eq!(producer.add(&mut model, &[2]), ErrorCode::CONCURRENT_TRANSACTIONS);
        let refused = match protocol {
            One => ErrorCode::NOT_ENOUGH_REPLICAS,
            Two => ErrorCode::CONCURRENT_TRANSACTIONS,
        };
        assert_eq!(producer.send(&mut model, 2), refused);
        assert_eq!(producer.renew(&mut model, at(0)), ErrorCode::CONCURRENT_TRANSACTIONS);
        model.release_markers();
        assert_eq!((state(&model), committed(&model)), (TransactionState::CompleteCommit, 2));
    }
}

#[test]
fn markers_come_as_late_as_configured() {
    let marker_delay = std::time::Duration::from_millis(50);
    let mut model = Model::new(ModelConfig { marker_delay, ..ModelConfig::default() });
    model.create_topic(&TopicSpec::new("t").partitions(3)).unwrap();
    let mut producer = Producer::init(&mut model, "x", Two);
    send_to(&mut model, &mut producer, &[0]);
    assert_eq!(producer.end(&mut model, true), NONE);
    model.advance(at(49));
    assert_eq!(state(&model), TransactionState::PrepareCommit);
    model.advance(at(50));
    assert_eq!((state(&model), committed(&model)), (TransactionState::CompleteCommit, 1));
}

#[test]
fn a_marker_waits_for_its_partition_and_a_moved_coordinator_goes_on_with_it() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    send_to(&mut model, &mut producer, &[0, 1]);
    model.hold_election("t", 1).unwrap();
    assert_eq!(producer.end(&mut model, true), NONE);
    let open: Vec<_> = model.transaction("x").unwrap().partitions().collect();
    assert_eq!((state(&model), open), (TransactionState::PrepareCommit, vec![("t", 1)]));
    assert_eq!(committed(&model), 1);
    let before = model.coordinator_of("x").unwrap();
    let others = model.brokers().map(|broker| broker.id);
    let other = others.filter(|&broker| broker != before).last().unwrap();
    model.move_coordinator("x", other);
    model.release_election("t", 1).unwrap();
    model.advance(at(1));
    assert_eq!((state(&model), committed(&model)), (TransactionState::CompleteCommit, 2));
}

#[test]
fn only_the_coordinator_answers_and_not_while_it_loads() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    send_to(&mut model, &mut producer, &[0]);
    let broker = model.coordinator_of("x").unwrap();
    model.hold_coordinator(broker);
    assert_eq!(producer.end(&mut model, true), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    assert_eq!(producer.send(&mut model, 2), ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(producer.send(&mut model, 0), NONE, "what is open already needs no coordinator");
    model.release_coordinator(broker);
    assert_eq!(producer.end(&mut model, true), NONE);
}

#[test]
fn a_batch_outside_of_its_transaction_is_refused_in_words_that_the_client_knows() {
    let check = |version, code| {
        let mut model = cluster();
        let mut producer = Producer::init(&mut model, "x", One);
        assert_eq!(producer.send_in(&mut model, 0, version).error_code, code, "Produce {version}");
    };
    check(9, ErrorCode::INVALID_TXN_STATE);
    check(10, ErrorCode::INVALID_TXN_STATE);
    check(11, ErrorCode::TRANSACTION_ABORTABLE);
    check(12, NONE);
    check(13, NONE);
}

#[test]
fn brokers_that_do_not_verify_take_a_batch_outside_of_its_transaction() {
    let transaction_partition_verification = false;
    let config = ModelConfig { transaction_partition_verification, ..ModelConfig::default() };
    let mut model = Model::new(config);
    model.create_topic(&TopicSpec::new("t").partitions(3)).unwrap();
    let mut producer = Producer::init(&mut model, "x", One);
    assert_eq!(producer.send_in(&mut model, 0, 9).error_code, NONE);
    // Nobody will ever end it: it hangs.
    assert_eq!(producer.end(&mut model, true), ErrorCode::INVALID_TXN_STATE);
    assert_eq!(model.partition("t", 0).unwrap().log.last_stable_offset(), 0);
}

#[test]
fn the_epoch_after_a_bump_begins_with_sequence_0() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    send_to(&mut model, &mut producer, &[0]);
    assert_eq!(producer.end(&mut model, true), NONE);
    producer.sequences[0] = 1;
    assert_eq!(producer.send(&mut model, 0), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    producer.sequences[0] = 0;
    assert_eq!(producer.send(&mut model, 0), NONE);
}

#[test]
fn a_producer_in_a_transaction_sends_nothing_beside_it() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    send_to(&mut model, &mut producer, &[0]);
    let session = model.connect(1).unwrap();
    let beside = batch(1, producer.id, producer.epoch, 1);
    let answer = append(&mut model, session, -1, beside);
    assert_eq!(answer.error_code, ErrorCode::INVALID_TXN_STATE);
}

#[test]
fn used_up_epochs_end_in_a_new_producer_id_also_at_the_end_of_a_transaction() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    while producer.epoch < i16::MAX - 1 {
        assert_eq!(producer.end(&mut model, false), NONE);
    }
    send_to(&mut model, &mut producer, &[0]);
    let before = producer;
    assert_eq!(producer.end(&mut model, true), NONE);
    assert_eq!((producer.id != before.id, producer.epoch), (true, 0));
    let mut again = before;
    assert_eq!(again.end(&mut model, true), NONE, "the answer was lost");
    assert_eq!((again.id, again.epoch), (producer.id, 0));
    send_to(&mut model, &mut producer, &[0]);
    assert_eq!(producer.end(&mut model, true), NONE);
    assert_eq!(committed(&model), 2);
}

#[test]
fn a_cluster_goes_up_and_down_between_the_versions_in_mid_life() {
    let mut model = cluster();
    let session = model.connect(1).unwrap();
    let told = |model: &mut Model, version| {
        model.set_transaction_version(version);
        let answer = call(model, at(0), session, &ApiVersionsRequest::default(), 0);
        assert!(answer.api_keys.iter().any(|api| api.api_key == i16::from(ApiKey::EndTxn)));
        model.transaction_version()
    };
    let mut producer = Producer::init(&mut model, "x", Two);
    for version in [2, 1, 2, 0, 2] {
        assert_eq!(told(&mut model, version), version);
        producer.protocol = if version == 2 { Two } else { One };
        send_to(&mut model, &mut producer, &[0]);
        assert_eq!(producer.end(&mut model, true), NONE);
    }
    assert_eq!(committed(&model), 5);
}

#[test]
fn kafka_transactions_finds_what_hangs() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", One);
    send_to(&mut model, &mut producer, &[0, 2]);
    let broker = model.coordinator_of("x").unwrap();
    let session = model.connect(broker).unwrap();
    let request = DescribeTransactionsRequest {
        transactional_ids: vec!["x".into(), "nobody".into(), "".into()],
        ..Default::default()
    };
    let told = call(&mut model, at(5), session, &request, 0).transaction_states;
    assert_eq!((&*told[0].transaction_state, told[0].producer_id), ("Ongoing", producer.id));
    assert_eq!(told[0].topics[0].partitions.to_vec(), [0, 2]);
    assert_eq!(told[0].transaction_timeout_ms, 60_000);
    // Whose coordinator another broker may be.
    assert!(!told[1].error_code.is_none());
    assert_eq!(told[2].error_code, ErrorCode::INVALID_REQUEST);
    let mut list = |states: &[&'static str], longer_than| {
        let request = ListTransactionsRequest {
            state_filters: states.iter().map(|&state| state.into()).collect(),
            duration_filter: longer_than,
            ..Default::default()
        };
        let told = call(&mut model, at(5), session, &request, 1);
        (told.transaction_states.len(), told.unknown_state_filters.len())
    };
    assert_eq!(list(&[], -1), (1, 0));
    assert_eq!(list(&["Ongoing"], 4), (1, 0));
    assert_eq!(list(&["Ongoing"], 5), (0, 0));
    assert_eq!(list(&["Dead", "Undead"], -1), (0, 1));
}

#[test]
fn who_may_not_use_a_transactional_id_is_told_so_by_every_api() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", Two);
    model.deny(Permission::WriteTransactionalId("x".into()));
    let denied = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    assert_eq!(producer.add(&mut model, &[0]), denied);
    assert_eq!(producer.add_offsets(&mut model), denied);
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), denied);
    assert_eq!(producer.send(&mut model, 0), denied);
    assert_eq!(producer.end(&mut model, true), denied);
    assert_eq!(producer.renew(&mut model, at(0)), denied);
}

#[test]
fn one_partition_that_is_refused_keeps_the_others_out_of_the_transaction() {
    let mut model = cluster();
    let producer = Producer::init(&mut model, "x", One);
    assert_eq!(producer.add(&mut model, &[0, 7]), ErrorCode::OPERATION_NOT_ATTEMPTED);
    assert_eq!(producer.add(&mut model, &[7, 0]), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    model.deny(Permission::WriteTopic("t".into()));
    assert_eq!(producer.add(&mut model, &[0]), ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(state(&model), TransactionState::Empty);
}

#[test]
fn faults_strike_the_apis_of_transactions_as_any_other() {
    let mut model = cluster();
    let mut producer = Producer::init(&mut model, "x", One);
    send_to(&mut model, &mut producer, &[0]);
    let moved = ErrorCode::NOT_COORDINATOR;
    model.inject(Fault::error(moved).on(ApiKey::EndTxn));
    assert_eq!(producer.end(&mut model, true), moved);
    assert_eq!(state(&model), TransactionState::Ongoing, "refused, and not done");
    let hidden = ErrorCode::REQUEST_TIMED_OUT;
    model.inject(Fault::error_after(hidden).on(ApiKey::EndTxn));
    assert_eq!(producer.end(&mut model, true), hidden);
    assert_eq!(state(&model), TransactionState::CompleteCommit, "done, and nobody heard of it");
    model.inject(Fault::error(moved).on(ApiKey::AddPartitionsToTxn).topic("t").partition(1));
    assert_eq!(producer.add(&mut model, &[0]), NONE);
    assert_eq!(producer.add(&mut model, &[0, 1]), ErrorCode::OPERATION_NOT_ATTEMPTED);
    model.inject(Fault::error(moved).on(ApiKey::TxnOffsetCommit).times(1));
    assert_eq!(producer.add_offsets(&mut model), NONE);
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), moved);
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), NONE);
    model.inject(Fault::disconnect_after().on(ApiKey::AddOffsetsToTxn));
    let broker = model.coordinator_of("x").unwrap();
    let session = model.connect(broker).unwrap();
    let request = rohrpost_codec::messages::AddOffsetsToTxnRequest::default();
    let answer = model.handle(at(0), session, &frame(&request, 3));
    assert!(matches!(answer, Answer::Close), "{answer:?}");
}

#[test]
fn a_cluster_of_version_0_adds_nothing_by_itself() {
    let mut model = cluster();
    model.set_transaction_version(0);
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), ErrorCode::UNSUPPORTED_VERSION);
    // The first attempt goes on for ever: see `two_phase`.
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), ErrorCode::CONCURRENT_TRANSACTIONS);
    assert_eq!(state(&model), TransactionState::Empty);
}
