//! Coordinators that answer nonsense: it counts as no answer, and never makes the engine believe, spin or panic.

use alloc::vec::Vec;

use rohrpost_codec::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use rohrpost_codec::messages::find_coordinator_response::Coordinator as Found;
use rohrpost_codec::messages::{
    AddPartitionsToTxnResponse, EndTxnResponse, FindCoordinatorResponse, InitProducerIdResponse,
    TxnOffsetCommitResponse,
};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};

use super::broker::{Fate, Reaction, encode};
use super::coordinator::Nonsense;
use super::transactions::{V1, V2, brokers, config, start};
use super::world::World;
use crate::{GroupMetadata, OffsetOf, Remedy, TransactionAnswer, TransactionCall};

fn offsets() -> TransactionCall {
    let offsets = [0, 1].map(|partition| OffsetOf {
        topic: ByteStr::from_static("orders"),
        partition,
        offset: 1,
        leader_epoch: None,
        metadata: None,
    });
    let group = GroupMetadata::new(ByteStr::from_static("clerks"));
    TransactionCall::SendOffsets { group, offsets: offsets.to_vec() }
}

/// Answers that are well encoded, succeed, and say nothing that could be so.
fn nonsense(id: i32, api: ApiKey, version: i16) -> Option<Reaction> {
    Some(match api {
        ApiKey::FindCoordinator => {
            let coordinators = [Found { key: "somebody else".into(), ..Found::default() }];
            let mut answer = FindCoordinatorResponse { node_id: -1, ..Default::default() };
            if version >= 4 {
                answer.node_id = 0;
                answer.coordinators = coordinators.to_vec();
            }
            encode(id, &answer, version)
        }
        ApiKey::InitProducerId => {
            let answer = InitProducerIdResponse { producer_epoch: -1, ..Default::default() };
            encode(id, &answer, version)
        }
        ApiKey::AddPartitionsToTxn => {
            let topic = AddPartitionsToTxnTopicResult {
                name: "payments".into(),
                results_by_partition: Vec::new(),
                ..Default::default()
            };
            let answer = AddPartitionsToTxnResponse {
                results_by_topic_v3_and_below: [topic].to_vec(),
                ..Default::default()
            };
            encode(id, &answer, version)
        }
        ApiKey::TxnOffsetCommit => encode(id, &TxnOffsetCommitResponse::default(), version),
        _ => return None,
    })
}

#[test]
fn answers_that_make_no_sense_are_no_answers() {
    for feature in [V1, V2] {
        for api in [
            ApiKey::FindCoordinator,
            ApiKey::InitProducerId,
            ApiKey::AddPartitionsToTxn,
            ApiKey::TxnOffsetCommit,
        ] {
            let mut world = World::with(config(), brokers(feature), &[]);
            world.brokers.coordinator.nonsense = Some(nonsense);
            world.brokers.coordinator.plan(api, [Fate::JudgeOmit]);
            world.done(TransactionCall::Init);
            world.begin_with([0, 1]);
            world.done(offsets());
            world.commit();
            world.assert_ended(&[(true, &[0, 1])]);
            let asked = api == ApiKey::AddPartitionsToTxn && feature == V2;
            assert_eq!(world.engine.stats().misanswers, u64::from(!asked), "{api:?}");
            world.end();
        }
    }
}

/// The next identity is asked for where the answer does not have it.
#[test]
fn an_end_of_version_2_that_does_not_tell_the_next_epoch_is_followed_by_asking_for_it() {
    let mut world = start(V2);
    world.begin_with([0]);
    world.brokers.coordinator.nonsense =
        Some(|id, _, version| Some(encode(id, &EndTxnResponse::default(), version)));
    world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::JudgeOmit]);
    world.commit();
    world.begin_with([0]);
    assert_eq!(world.epoch(), 1);
    world.commit();
    world.assert_ended(&[(true, &[0]), (true, &[1])]);
    world.end();
}

#[test]
fn a_coordinator_that_is_no_node_is_looked_up_until_it_is_one() {
    let mut world = World::with(config(), brokers(V1), &[]);
    world.brokers.coordinator.node = 17;
    let init = world.call(TransactionCall::Init);
    let polls = world.polls;
    world.run(20_000);
    assert_eq!(world.answer(init), None);
    assert!(world.polls - polls < 1000, "{} polls", world.polls - polls);
    world.brokers.coordinator.node = 2;
    world.run(3000);
    assert_eq!(world.answer(init), Some(&Ok(TransactionAnswer::Done)));
    world.end();
}

#[test]
fn a_broker_that_refuses_for_ever_is_asked_with_pauses() {
    for feature in [V1, V2] {
        for api in [ApiKey::InitProducerId, ApiKey::FindCoordinator, ApiKey::EndTxn] {
            let mut world = World::with(config(), brokers(feature), &[]);
            let refusal = Fate::Refuse(ErrorCode::COORDINATOR_NOT_AVAILABLE);
            for _ in 0..400 {
                world.brokers.coordinator.plan(api, [refusal]);
            }
            let init = world.call(TransactionCall::Init);
            if api == ApiKey::EndTxn {
                world.run(500);
                world.done(TransactionCall::Begin);
                world.send(0);
                world.call(TransactionCall::Commit);
            }
            world.run(59_000);
            assert_eq!(world.answer(init).is_some(), api == ApiKey::EndTxn);
            let asked = world.brokers.coordinator.asked.len();
            assert!((30..250).contains(&asked), "{api:?}: {asked}");
        }
    }
}

#[test]
fn a_topic_that_is_denied_is_named() {
    let mut world = start(V1);
    let denied = Fate::Refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    world.brokers.coordinator.plan(ApiKey::AddPartitionsToTxn, [denied]);
    world.begin_with([0, 1]);
    let commit = world.call(TransactionCall::Commit);
    let error = world.error(commit);
    let crate::TransactionErrorKind::Unauthorized { resources, .. } = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(resources[..], [ByteStr::from_static("payments")]);
    assert_eq!(error.remedy(), Remedy::Abort);
    world.abort();
    // It was never part of it.
    assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), 0);
    world.end();
}

/// An answer to AddPartitionsToTxn for the partitions 0 and 1: the first was not attempted, because of the second.
fn not_attempted(id: i32, version: i16, because: ErrorCode) -> Option<Reaction> {
    let codes = [ErrorCode::OPERATION_NOT_ATTEMPTED, because].into_iter().zip(0..);
    let result = |(partition_error_code, partition_index)| AddPartitionsToTxnPartitionResult {
        partition_index,
        partition_error_code,
        ..Default::default()
    };
    let topic = AddPartitionsToTxnTopicResult {
        name: super::world::TOPIC.into(),
        results_by_partition: codes.map(result).collect(),
        ..Default::default()
    };
    let results_by_topic_v3_and_below = [topic].to_vec();
    let answer = AddPartitionsToTxnResponse { results_by_topic_v3_and_below, ..Default::default() };
    Some(encode(id, &answer, version))
}

/// A transaction of version 1 whose partitions 0 and 1 are asked for together, and that answer.
fn asked_for_two(nonsense: Nonsense) -> World {
    let mut world = start(V1);
    world.done(TransactionCall::Begin);
    world.brokers.coordinator.nonsense = Some(nonsense);
    // The first request is about the first partition alone.
    world.brokers.coordinator.plan(
        ApiKey::AddPartitionsToTxn,
        [Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS), Fate::JudgeOmit],
    );
    world.send(0);
    world.send(1);
    world.run(300);
    world
}

#[test]
fn what_was_not_attempted_because_of_what_passes_is_asked_again() {
    let mut world = asked_for_two(|id, _, version| {
        not_attempted(id, version, ErrorCode::CONCURRENT_TRANSACTIONS)
    });
    world.commit();
    assert_eq!(world.brokers.coordinator.count(ApiKey::AddPartitionsToTxn), 3);
    world.assert_ended(&[(true, &[0, 1])]);
    world.end();
}

#[test]
fn what_was_not_attempted_is_not_the_cause_that_is_told() {
    // Codes on either side of OPERATION_NOT_ATTEMPTED.
    let answers: [Nonsense; 2] = [
        |id, _, version| not_attempted(id, version, ErrorCode::TOPIC_AUTHORIZATION_FAILED),
        |id, _, version| not_attempted(id, version, ErrorCode::UNKNOWN_PRODUCER_ID),
    ];
    for (answer, code) in answers
        .into_iter()
        .zip([ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::UNKNOWN_PRODUCER_ID])
    {
        let mut world = asked_for_two(answer);
        let commit = world.call(TransactionCall::Commit);
        world.run(300);
        let error = world.error(commit);
        assert_eq!((error.remedy(), error.code()), (Remedy::Abort, Some(code)));
    }
}
