//! Consumer groups' offsets in transactions.

use alloc::vec;
use alloc::vec::Vec;

use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};

use super::broker::Fate;
use super::transactions::{V1, V2, brokers, config, start, start_with};
use super::world::World;
use crate::{
    GroupMetadata, OffsetOf, Remedy, TransactionAnswer, TransactionCall, TransactionErrorKind,
};

fn offsets(partitions: &[i32]) -> TransactionCall {
    let offset = |&partition: &i32| OffsetOf {
        topic: ByteStr::from_static("orders"),
        partition,
        offset: 100 + i64::from(partition),
        leader_epoch: Some(3),
        metadata: None,
    };
    let group = GroupMetadata {
        group_id: ByteStr::from_static("clerks"),
        generation_id: 7,
        member_id: ByteStr::from_static("member"),
        group_instance_id: Some(ByteStr::from_static("desk 1")),
    };
    TransactionCall::SendOffsets { group, offsets: partitions.iter().map(offset).collect() }
}

fn committed(world: &World) -> Vec<(bool, Vec<i64>)> {
    let ended = world.brokers.coordinator.ended.iter();
    ended.map(|of| (of.committed, of.offsets.values().copied().collect())).collect()
}

#[test]
fn offsets_are_committed_with_the_records_or_not_at_all() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.done(offsets(&[0, 1]));
        world.done(offsets(&[2]));
        world.commit();
        world.begin_with([0]);
        world.done(offsets(&[3]));
        world.abort();
        assert_eq!(committed(&world), [(true, vec![100, 101, 102]), (false, vec![103])]);
        let of = &world.brokers.coordinator;
        assert!(of.violations.is_empty(), "{:?}", of.violations);
        let member = (7, ByteStr::from_static("member"), Some(ByteStr::from_static("desk 1")));
        assert_eq!(of.members[0], member);
        let joins = of.count(ApiKey::AddOffsetsToTxn);
        assert_eq!(joins, if feature == V1 { 3 } else { 0 });
        let version = if feature == V1 { 4 } else { 5 };
        assert!(of.asked.contains(&(ApiKey::TxnOffsetCommit, version)), "{:?}", of.asked);
        world.end();
    }
}

#[test]
fn offsets_alone_make_a_transaction_and_none_make_none() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.done(TransactionCall::Begin);
        world.done(offsets(&[]));
        world.commit();
        assert_eq!(committed(&world), []);
        world.done(TransactionCall::Begin);
        world.done(offsets(&[5]));
        world.commit();
        assert_eq!(committed(&world), [(true, vec![105])]);
        world.end();
    }
}

#[test]
fn a_commit_waits_for_offsets_whose_call_was_not_answered() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.done(TransactionCall::Begin);
        let call = world.call(offsets(&[1]));
        world.input(crate::Input::CancelCall { call });
        world.commit();
        assert_eq!(world.answer(call), None);
        assert_eq!(committed(&world), [(true, vec![101])]);
        world.end();
    }
}

#[test]
fn the_groups_coordinator_is_looked_up_again_where_it_moved() {
    use ErrorCode as Code;
    for feature in [V1, V2] {
        for fate in [
            Fate::Refuse(Code::COORDINATOR_NOT_AVAILABLE),
            Fate::Refuse(Code::NOT_COORDINATOR),
            Fate::Refuse(Code::REQUEST_TIMED_OUT),
            Fate::Cut,
            Fate::JudgeCut,
            Fate::JudgeGarbage,
        ] {
            let mut world = start(feature);
            world.done(TransactionCall::Begin);
            world.done(offsets(&[0]));
            world.brokers.coordinator.group_node = 0;
            world.brokers.coordinator.plan(ApiKey::TxnOffsetCommit, [fate]);
            world.done(offsets(&[1]));
            world.commit();
            assert_eq!(committed(&world), [(true, vec![100, 101])], "{fate:?}");
            world.end();
        }
        let mut world = start(feature);
        world.done(TransactionCall::Begin);
        let loading = Fate::Refuse(Code::COORDINATOR_LOAD_IN_PROGRESS);
        world.brokers.coordinator.plan(ApiKey::TxnOffsetCommit, [loading; 2]);
        world.done(offsets(&[1]));
        world.commit();
        assert_eq!(world.brokers.coordinator.count(ApiKey::FindCoordinator), 2);
        world.end();
    }
}

#[test]
fn offsets_that_a_group_refuses_spoil_the_transaction() {
    use ErrorCode as Code;
    let cases = [
        (ApiKey::TxnOffsetCommit, Code::ILLEGAL_GENERATION),
        (ApiKey::TxnOffsetCommit, Code::UNKNOWN_MEMBER_ID),
        (ApiKey::TxnOffsetCommit, Code::FENCED_INSTANCE_ID),
        (ApiKey::TxnOffsetCommit, Code::GROUP_AUTHORIZATION_FAILED),
        (ApiKey::TxnOffsetCommit, Code::TRANSACTION_ABORTABLE),
        (ApiKey::AddOffsetsToTxn, Code::GROUP_AUTHORIZATION_FAILED),
        (ApiKey::AddOffsetsToTxn, Code::TRANSACTION_ABORTABLE),
        (ApiKey::FindCoordinator, Code::GROUP_AUTHORIZATION_FAILED),
    ];
    for feature in [V1, V2] {
        for (api, code) in cases {
            if api == ApiKey::AddOffsetsToTxn && feature == V2 {
                continue;
            }
            let mut world = start(feature);
            world.begin_with([0]);
            world.brokers.coordinator.plan(api, [Fate::Refuse(code)]);
            let call = world.call(offsets(&[1]));
            world.run(500);
            let error = world.error(call);
            assert_eq!((error.remedy(), error.code()), (Remedy::Abort, Some(code)), "{error}");
            let again = world.call(offsets(&[2]));
            assert_eq!(world.error(again), error);
            let commit = world.call(TransactionCall::Commit);
            assert_eq!(world.error(commit), error);
            world.run(500);
            world.begin_with([0]);
            world.commit();
            world.assert_ended(&[(false, &[0]), (true, &[1])]);
            world.end();
        }
    }
}

#[test]
fn a_group_that_cannot_tell_its_members_apart_is_no_group_to_commit_for_a_member() {
    let mut brokers = brokers(V1);
    brokers.versions.insert(ApiKey::TxnOffsetCommit.into(), (0, 2));
    let mut world = start_with(config(), brokers);
    world.begin_with([0]);
    let call = world.call(offsets(&[1]));
    world.run(500);
    let error = world.error(call);
    assert!(matches!(error.kind(), TransactionErrorKind::Unsupported { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::Abort);
    world.abort();
    // Without saying which member it is, that is another matter.
    world.done(TransactionCall::Begin);
    let group = GroupMetadata::new(ByteStr::from_static("clerks"));
    let offsets = vec![OffsetOf {
        topic: ByteStr::from_static("orders"),
        partition: 0,
        offset: 4,
        leader_epoch: None,
        metadata: Some(ByteStr::from_static("x")),
    }];
    world.done(TransactionCall::SendOffsets { group, offsets });
    world.commit();
    assert_eq!(committed(&world), [(false, vec![]), (true, vec![4])]);
    world.end();
}

#[test]
fn an_abort_ends_the_calls_that_wait_for_offsets() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.brokers.coordinator.plan(ApiKey::TxnOffsetCommit, [Fate::JudgeSilence]);
        let call = world.call(offsets(&[1]));
        world.run(100);
        let abort = world.call(TransactionCall::Abort);
        assert_eq!(*world.error(call).kind(), TransactionErrorKind::Aborted);
        world.run(40_000);
        assert_eq!(world.answer(abort), Some(&Ok(TransactionAnswer::Aborted)));
        assert_eq!(committed(&world), [(false, vec![101])]);
        world.end();
    }
}
