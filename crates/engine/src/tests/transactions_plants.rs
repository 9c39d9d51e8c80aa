//! Naive behaviours put into the engine: each breaks what the tests beside this one promise.

use core::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};

use super::broker::{Brokers, Fate};
use super::transactions::{V1, V2, brokers, config, start_with};
use super::world::{TOPIC, World};
use crate::{Plant, TransactionAnswer, TransactionCall};

fn planted(plant: Plant, planted: bool, brokers: Brokers) -> World {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(5);
    config.plant(planted.then_some(plant));
    start_with(config, brokers)
}

/// Whether a commit is told that it went well, and what of `sends` was committed.
fn ends(world: &mut World, sends: &[usize]) -> (bool, bool) {
    let commit = world.call(TransactionCall::Commit);
    world.run(20_000);
    let told = matches!(world.answer(commit), Some(Ok(TransactionAnswer::Committed)));
    let ended = &world.brokers.coordinator.ended;
    let is_there = |sent: &usize| {
        let value = &world.sends[*sent].value;
        ended.iter().any(|of| of.committed && of.values.contains(value))
    };
    (told, sends.iter().all(is_there))
}

#[test]
fn scenario_17_a_record_that_expired_is_missing_from_what_was_committed() {
    for (feature, is_planted) in [(V1, false), (V2, false), (V1, true), (V2, true)] {
        let mut world = planted(Plant::CommitDespiteFailures, is_planted, brokers(feature));
        world.begin_with([0]);
        world.brokers.lead(TOPIC, 1, None);
        world.engine.cluster.request_update(world.now);
        world.run(1000);
        world.send(1);
        world.run(6000);
        assert_eq!(ends(&mut world, &[0, 1]), (is_planted, false));
    }
}

#[test]
fn scenario_18_a_new_producer_id_within_a_transaction_loses_what_came_before() {
    for (feature, is_planted) in [(V1, false), (V2, false), (V1, true), (V2, true)] {
        let mut world = planted(Plant::RenewInTransaction, is_planted, brokers(feature));
        world.begin_with([0]);
        world.plan(0, [Fate::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
        world.send_alone(0);
        world.run(2000);
        assert_eq!(ends(&mut world, &[0, 1]), (is_planted, false));
    }
}

#[test]
fn scenario_19_a_refused_end_is_told_as_a_commit() {
    for (feature, is_planted) in [(V1, false), (V2, false), (V1, true), (V2, true)] {
        let mut world = planted(Plant::SwallowEndFailure, is_planted, brokers(feature));
        world.begin_with([0]);
        world.brokers.coordinator.fence();
        assert_eq!(ends(&mut world, &[0]), (is_planted, false));
    }
}

#[test]
fn scenario_20_an_end_that_never_arrived_is_told_as_a_commit() {
    for (feature, is_planted) in [(V1, false), (V2, false), (V1, true), (V2, true)] {
        let mut world = planted(Plant::BeginBeforeTheEnd, is_planted, brokers(feature));
        world.begin_with([0]);
        world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::Cut]);
        assert_eq!(ends(&mut world, &[0]), (true, !is_planted));
    }
}

#[test]
fn scenario_20_an_epoch_that_goes_on_lets_a_late_end_in() {
    for is_planted in [false, true] {
        let mut world = planted(Plant::KeepEpochInDoubt, is_planted, brokers(V1));
        world.begin_with([0]);
        let before = world.epoch();
        world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::Cut]);
        assert_eq!(ends(&mut world, &[0]), (true, true));
        world.begin_with([0]);
        // What was cut off arrives now, and would be obeyed.
        assert_eq!(world.brokers.coordinator.epoch == before, is_planted);
    }
}

#[test]
fn scenario_21_an_end_that_waits_for_nothing_ends_without_its_records() {
    for (feature, is_planted) in [(V1, false), (V2, false), (V1, true), (V2, true)] {
        let mut world = planted(Plant::ProduceWhileEnding, is_planted, brokers(feature));
        world.begin_with([0]);
        world.plan(0, [Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        world.send_alone(0);
        world.run(2);
        assert_eq!(ends(&mut world, &[0, 1]), (true, !is_planted));
    }
}
