//! Two-phase commit (KIP-939): what is prepared waits for its decision, and for nothing else.

use alloc::string::ToString;

use rohrpost_codec::{ApiKey, ErrorCode};

use super::broker::{Brokers, Fate};
use super::transactions::{V1, V2, brokers, config, start};
use super::world::World;
use crate::{
    EngineConfig, Input, Outcome, PreparedState, Remedy, TransactionAnswer, TransactionCall,
    TransactionErrorKind,
};

const INIT: TransactionCall = TransactionCall::Init;
const KEEP: TransactionCall = TransactionCall::InitKeeping;
const BEGIN: TransactionCall = TransactionCall::Begin;
const PREPARE: TransactionCall = TransactionCall::Prepare;
const COMMIT: TransactionCall = TransactionCall::Commit;
const ABORT: TransactionCall = TransactionCall::Abort;

fn two_phase() -> EngineConfig {
    let mut config = config();
    if let Some(transactional) = &mut config.transactional {
        transactional.two_phase_commit = true;
    }
    config
}

fn cluster(feature: Option<i16>) -> Brokers {
    let mut brokers = brokers(feature);
    brokers.versions.insert(ApiKey::InitProducerId.into(), (0, 6));
    brokers
}

fn world(feature: Option<i16>) -> World {
    let mut world = World::with(two_phase(), cluster(feature), &[]);
    world.done(INIT);
    world
}

/// Another process, with the same transactional id, of the same cluster.
fn successor(world: World) -> World {
    let mut brokers = world.brokers;
    brokers.requests.clear();
    World::with(two_phase(), brokers, &[])
}

#[track_caller]
fn prepare(world: &mut World) -> PreparedState {
    match world.done(PREPARE) {
        TransactionAnswer::Prepared(state) => state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_prepared_is_delivered_whole_and_ends_by_the_decision() {
    let mut world = world(V2);
    for (number, is_commit) in [true, false].into_iter().enumerate() {
        world.done(BEGIN);
        let sends = [world.send(0), world.send(1)];
        let state = prepare(&mut world);
        world.assert_delivered(sends);
        assert_eq!((state.producer_id, state.producer_epoch), (4000, number as i16));
        assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), number);
        // For as long as that takes, whatever happens.
        world.cut(1);
        world.run(3_600_000);
        assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), number);
        assert_eq!(world.done(KEEP), TransactionAnswer::Prepared(state));
        match is_commit {
            true => world.commit(),
            false => world.abort(),
        }
    }
    world.assert_ended(&[(true, &[0, 1]), (false, &[2, 3])]);
    assert_eq!(world.brokers.coordinator.two_phase, [(true, false)]);
    world.end();
}

#[test]
fn nothing_is_sent_nor_begun_while_a_transaction_is_prepared() {
    let mut world = world(V2);
    world.begin_with([0]);
    let state = prepare(&mut world);
    let late = world.send_alone(0);
    world.run(500);
    assert_eq!(world.outcome(late), Outcome::NotWritten);
    let begin = world.call(BEGIN);
    let error = world.error(begin);
    assert!(matches!(error.kind(), TransactionErrorKind::OutOfTurn { .. }), "{error}");
    assert_eq!(world.done(PREPARE), TransactionAnswer::Prepared(state));
    world.commit();
    world.assert_ended(&[(true, &[0])]);
    world.begin_with([0]);
    world.commit();
    world.end();
}

#[test]
fn a_record_that_fails_cannot_be_prepared_and_the_transaction_is_aborted() {
    let mut world = world(V2);
    world.begin_with([0]);
    world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
    world.send(0);
    let call = world.call(PREPARE);
    world.run(500);
    let error = world.error(call);
    assert_eq!((error.remedy(), error.code()), (Remedy::Abort, Some(ErrorCode::INVALID_RECORD)));
    world.abort();
    world.assert_ended(&[(false, &[0])]);
    // And one that failed before.
    world.begin_with([0]);
    world.done(TransactionCall::Spoil { cause: "too large".into() });
    let call = world.call(PREPARE);
    assert!(matches!(world.error(call).kind(), TransactionErrorKind::Spoiled { .. }));
    world.abort();
    world.begin_with([0]);
    prepare(&mut world);
    world.commit();
    world.end();
}

#[test]
fn what_is_still_being_prepared_can_be_aborted() {
    let mut world = world(V2);
    world.begin_with([0]);
    world.plan(0, [Fate::Silence]);
    world.send(0);
    let call = world.call_within(100, PREPARE);
    world.run(200);
    assert!(world.error(call).is_timeout());
    let settle = world.call(TransactionCall::Settle);
    assert!(matches!(world.error(settle).kind(), TransactionErrorKind::OutOfTurn { .. }));
    let waiting = world.call(PREPARE);
    let abort = world.call(ABORT);
    world.run(40_000);
    assert_eq!(world.answer(abort), Some(&Ok(TransactionAnswer::Aborted)));
    assert_eq!(*world.error(waiting).kind(), TransactionErrorKind::Aborted);
    world.begin_with([1]);
    world.commit();
    world.end();
}

#[test]
fn a_new_process_ends_what_the_old_one_had_prepared() {
    for is_commit in [true, false] {
        let mut old = world(V2);
        old.begin_with([0, 1]);
        let state = prepare(&mut old);
        let mut new = successor(old);
        // One that dies again, too.
        assert_eq!(new.done(KEEP), TransactionAnswer::Prepared(state));
        assert_ne!(new.epoch(), state.producer_epoch);
        let mut new = successor(new);
        assert_eq!(new.done(KEEP), TransactionAnswer::Prepared(state));
        match is_commit {
            true => assert_eq!(new.done(COMMIT), TransactionAnswer::Committed),
            false => assert_eq!(new.done(ABORT), TransactionAnswer::Aborted),
        }
        let ended = &new.brokers.coordinator.ended;
        assert_eq!(
            ended.iter().map(|of| of.committed).collect::<alloc::vec::Vec<_>>(),
            [is_commit]
        );
        assert_eq!(ended[0].values.len(), 2);
        new.begin_with([0]);
        new.commit();
        assert!(new.brokers.coordinator.violations.is_empty());
        // And then there is nothing left.
        let mut last = successor(new);
        assert_eq!(last.done(KEEP), TransactionAnswer::Done);
        last.begin_with([0]);
        last.abort();
    }
}

#[test]
fn a_process_that_keeps_nothing_aborts_what_was_prepared() {
    let mut old = world(V2);
    old.begin_with([0]);
    prepare(&mut old);
    let mut new = successor(old);
    new.done(INIT);
    assert!(!new.brokers.coordinator.ended[0].committed);
}

#[test]
fn a_commit_that_is_refused_leaves_the_decision_to_who_decides() {
    let mut world = world(V2);
    world.begin_with([0]);
    let state = prepare(&mut world);
    let refusal = ErrorCode::TRANSACTION_ABORTABLE;
    world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::Refuse(refusal)]);
    let call = world.call(COMMIT);
    world.run(500);
    assert_eq!(world.error(call).code(), Some(refusal));
    assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), 1);
    assert_eq!(world.done(KEEP), TransactionAnswer::Prepared(state));
    world.abort();
    world.assert_ended(&[(false, &[0])]);
    world.end();
}

#[test]
fn a_close_leaves_alone_what_is_prepared_and_aborts_what_is_not() {
    let mut prepared = world(V2);
    prepared.begin_with([0]);
    prepare(&mut prepared);
    prepared.input(Input::Close { deadline: None });
    prepared.run(1000);
    assert_eq!(prepared.brokers.coordinator.count(ApiKey::EndTxn), 0);
    let mut new = successor(prepared);
    assert!(matches!(new.done(KEEP), TransactionAnswer::Prepared(_)));
    new.commit();

    let mut open = world(V2);
    open.begin_with([0]);
    open.input(Input::Close { deadline: None });
    open.run(1000);
    assert!(!open.brokers.coordinator.ended[0].committed);
}

#[test]
fn brokers_that_cannot_are_told_of_and_leave_what_is_prepared_as_it_is() {
    // They do not speak the version.
    let mut world = World::with(two_phase(), brokers(V2), &[]);
    let call = world.call(INIT);
    world.run(500);
    let error = world.error(call);
    assert!(
        matches!(error.kind(), TransactionErrorKind::Unsupported { api, .. } if *api == ApiKey::InitProducerId)
    );
    assert_eq!(error.remedy(), Remedy::NewProducer);
    assert!(error.to_string().contains("unstable.api.versions.enable"), "{error}");
    // They are not to do it.
    let mut world = World::with(two_phase(), cluster(V2), &[]);
    let refusal = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    world.brokers.coordinator.plan(ApiKey::InitProducerId, [Fate::Refuse(refusal)]);
    let call = world.call(INIT);
    world.run(500);
    assert_eq!(
        (world.error(call).code(), world.error(call).remedy()),
        (Some(refusal), Remedy::Retry)
    );
    // They keep nothing, as Kafka 4.3.1.
    world.done(INIT);
    world.begin_with([0]);
    prepare(&mut world);
    let mut new = successor(world);
    let refusal = ErrorCode::UNSUPPORTED_VERSION;
    new.brokers.coordinator.plan(ApiKey::InitProducerId, [Fate::Refuse(refusal)]);
    let call = new.call(KEEP);
    new.run(500);
    let error = new.error(call);
    assert_eq!((error.code(), error.remedy()), (Some(refusal), Remedy::NewProducer));
    assert!(error.to_string().contains("cannot keep a prepared transaction"), "{error}");
    assert!(new.brokers.coordinator.ended.is_empty());
}

#[test]
fn version_1_has_no_epoch_of_its_own_for_a_transaction_and_prepares_none() {
    let mut world = world(V1);
    world.begin_with([0]);
    let call = world.call(PREPARE);
    let error = world.error(call);
    assert!(matches!(error.kind(), TransactionErrorKind::Unsupported { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::Abort);
    world.abort();
    world.assert_ended(&[(false, &[0])]);
    world.begin_with([0]);
    world.commit();
    world.end();
}

#[test]
fn without_two_phase_commit_nothing_is_prepared_or_kept() {
    let mut world = start(V2);
    world.begin_with([0]);
    let call = world.call(PREPARE);
    assert!(matches!(world.error(call).kind(), TransactionErrorKind::OutOfTurn { .. }));
    world.abort();
    world.assert_ended(&[(false, &[0])]);
    let call = world.call(KEEP);
    assert!(matches!(world.error(call).kind(), TransactionErrorKind::OutOfTurn { .. }));
    assert!(world.brokers.coordinator.two_phase.is_empty());
    world.end();
}
