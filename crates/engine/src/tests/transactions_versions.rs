//! Clusters that change the version of their transactions, and clusters that are too old for them.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};

use super::broker::Fate;
use super::transactions::{V1, V2, brokers, config, start, start_with};
use super::world::World;
use crate::{Remedy, TransactionAnswer, TransactionCall, TransactionErrorKind};

/// The cluster has agreed on another level; the producer learns it with its next connection.
fn agree_on(world: &mut World, level: i16) {
    world.brokers.coordinator.set_feature(level);
    for node in 0..3 {
        world.cut(node);
    }
    world.run(500);
}

fn last_version(world: &World, api: ApiKey) -> i16 {
    world.brokers.coordinator.asked.iter().rev().find(|(of, _)| *of == api).unwrap().1
}

#[test]
fn a_cluster_that_is_upgraded_has_its_next_transaction_by_the_new_rules_and_a_new_epoch() {
    let mut world = start(Some(1));
    world.begin_with([0]);
    agree_on(&mut world, 2);
    world.send(1);
    world.run(500);
    world.commit();
    // It had begun by the old rules.
    assert_eq!(last_version(&world, ApiKey::EndTxn), 4);
    assert_eq!(world.brokers.coordinator.count(ApiKey::AddPartitionsToTxn), 2);
    world.begin_with([0]);
    assert_eq!(world.epoch(), 1);
    world.commit();
    assert_eq!(last_version(&world, ApiKey::EndTxn), 5);
    assert_eq!(world.brokers.coordinator.count(ApiKey::AddPartitionsToTxn), 2);
    assert_eq!(world.epoch(), 2);
    world.assert_ended(&[(true, &[0, 1]), (true, &[2])]);
    world.end();
}

#[test]
fn a_cluster_that_is_downgraded_has_its_next_transaction_by_the_old_rules() {
    let mut world = start(V2);
    world.begin_with([0]);
    agree_on(&mut world, 0);
    world.send(1);
    world.commit();
    // What had begun by the new rules is ended by the old ones: the others are refused.
    assert_eq!(last_version(&world, ApiKey::EndTxn), 4);
    world.begin_with([0]);
    world.commit();
    assert_eq!(last_version(&world, ApiKey::EndTxn), 4);
    assert_eq!(world.brokers.coordinator.count(ApiKey::AddPartitionsToTxn), 1);
    assert_eq!(*world.brokers.produce_versions.last().unwrap(), 11);
    assert_eq!(world.epoch(), 1);
    // And up again.
    agree_on(&mut world, 2);
    world.begin_with([0]);
    world.abort();
    assert_eq!(world.epoch(), 3);
    world.assert_ended(&[(true, &[0, 1]), (true, &[2]), (false, &[3])]);
    world.end();
}

#[test]
fn a_downgrade_that_is_not_known_yet_costs_one_refused_end() {
    let mut world = start(V2);
    world.begin_with([0]);
    world.brokers.coordinator.set_feature(0);
    world.commit();
    let ends = world.brokers.coordinator.asked.iter().filter(|(api, _)| *api == ApiKey::EndTxn);
    assert_eq!(ends.map(|(_, version)| *version).collect::<Vec<_>>(), [5, 4]);
    world.begin_with([0]);
    assert_eq!(world.epoch(), 1);
    world.abort();
    world.assert_ended(&[(true, &[0]), (false, &[1])]);
    world.end();
}

#[test]
fn an_upgrade_before_anything_was_sent_costs_no_epoch() {
    let mut world = start(V1);
    world.done(TransactionCall::Begin);
    world.commit();
    agree_on(&mut world, 2);
    world.begin_with([0]);
    assert_eq!(world.epoch(), 0);
    world.commit();
    world.end();
}

#[test]
fn brokers_before_transactions_are_told_from_others() {
    for (api, versions) in [(ApiKey::FindCoordinator, (0, 0)), (ApiKey::InitProducerId, (7, 7))] {
        let mut brokers = brokers(V1);
        brokers.versions.insert(api.into(), versions);
        let mut world = World::with(config(), brokers, &[]);
        let init = world.call(TransactionCall::Init);
        world.run(500);
        let error = world.error(init);
        let TransactionErrorKind::Unsupported { api: of, .. } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!((*of, error.remedy()), (api, Remedy::NewProducer));
        world.end();
    }
}

#[test]
fn old_brokers_commit_and_abort_by_old_versions() {
    let mut brokers = brokers(V1);
    for (api, max) in [
        (ApiKey::FindCoordinator, 2),
        (ApiKey::InitProducerId, 1),
        (ApiKey::AddPartitionsToTxn, 1),
        (ApiKey::AddOffsetsToTxn, 1),
        (ApiKey::TxnOffsetCommit, 2),
        (ApiKey::EndTxn, 1),
        (ApiKey::Produce, 7),
    ] {
        brokers.versions.insert(api.into(), (0, max));
    }
    let mut world = start_with(config(), brokers);
    world.begin_with([0]);
    world.commit();
    world.begin_with([0]);
    world.abort();
    // An end in doubt cannot be followed by a new epoch there.
    world.begin_with([0]);
    world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::JudgeCut]);
    world.commit();
    world.begin_with([0]);
    assert_eq!(world.epoch(), 0);
    // Nor can spent sequences: the transaction is aborted, and that was the last one.
    world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
    world.send(0);
    world.run(500);
    world.abort();
    world.run(500);
    let begin = world.call(TransactionCall::Begin);
    let error = world.error(begin);
    assert!(matches!(error.kind(), TransactionErrorKind::Unsupported { .. }), "{error}");
    world.assert_ended(&[(true, &[0]), (false, &[1]), (true, &[2]), (false, &[3])]);
    world.end();
}

/// The steps are half as long as the pause: a transaction that could begin at once would have its answer with the call.
#[test]
fn the_next_transaction_of_version_2_begins_when_the_markers_had_time_to_be_written() {
    for (feature, pauses) in [(V1, false), (V2, true)] {
        let mut world = start(feature);
        world.begin_with([0]);
        let commit = world.call(TransactionCall::Commit);
        while world.answer(commit).is_none() {
            world.now += Duration::from_micros(500);
            world.run(0);
        }
        let begin = world.call(TransactionCall::Begin);
        assert_eq!(world.answer(begin).is_none(), pauses, "{feature:?}");
        world.run(1);
        assert_eq!(world.answer(begin), Some(&Ok(TransactionAnswer::Done)), "{feature:?}");
        world.commit();
        // What cost no request is marked nowhere.
        let begin = world.call(TransactionCall::Begin);
        assert_eq!(world.answer(begin), Some(&Ok(TransactionAnswer::Done)), "{feature:?}");
    }
}
