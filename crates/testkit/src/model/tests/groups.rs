//! The offsets of groups: committed at once, or with a transaction (KIP-98, KIP-447).

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use rohrpost_codec::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use rohrpost_codec::messages::{OffsetCommitRequest, OffsetFetchRequest};

use super::producer::Producer;
use super::producer::Protocol::{One, Two};
use super::support::*;
use crate::model::{GroupMember, Model, ModelConfig, Permission};

const NONE: ErrorCode = ErrorCode::NONE;

fn commit(
    model: &mut Model,
    offset: i64,
    version: i16,
    (generation, member, instance): (i32, &'static str, Option<&'static str>),
) -> ErrorCode {
    let partition = OffsetCommitRequestPartition {
        committed_offset: offset,
        committed_leader_epoch: 3,
        committed_metadata: Some("m".into()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: "t".into(),
        topic_id: model.topic("t").unwrap().id,
        partitions: vec![partition],
        ..Default::default()
    };
    let mut request = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: generation,
        member_id: member.into(),
        topics: vec![topic],
        ..Default::default()
    };
    if version >= 7 {
        request.group_instance_id = instance.map(Into::into);
    }
    let broker = model.coordinator_of("g").unwrap();
    let session = model.connect(broker).unwrap();
    call(model, at(0), session, &request, version).topics[0].partitions[0].error_code
}

const ANYBODY: (i32, &str, Option<&str>) = (-1, "", None);

/// The code and offset of partition 0 of `t`.
fn fetch(model: &mut Model, version: i16, stable: bool) -> (ErrorCode, i64) {
    let broker = model.coordinator_of("g").unwrap();
    let session = model.connect(broker).unwrap();
    let mut request = OffsetFetchRequest { require_stable: stable, ..Default::default() };
    if version < 8 {
        let topic = OffsetFetchRequestTopic {
            name: "t".into(),
            partition_indexes: [0].into_iter().collect(),
            ..Default::default()
        };
        request.group_id = "g".into();
        request.topics = Some(vec![topic]);
        let answer = call(model, at(0), session, &request, version);
        let found = &answer.topics[0].partitions[0];
        return (found.error_code, found.committed_offset);
    }
    let topic = OffsetFetchRequestTopics {
        name: "t".into(),
        topic_id: model.topic("t").unwrap().id,
        partition_indexes: [0].into_iter().collect(),
        ..Default::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".into(),
        topics: Some(vec![topic]),
        ..Default::default()
    };
    request.groups = vec![group];
    let answer = call(model, at(0), session, &request, version);
    let found = &answer.groups[0].topics[0].partitions[0];
    (found.error_code, found.committed_offset)
}

#[test]
fn what_is_committed_is_fetched_in_every_version() {
    let mut model = model(ModelConfig::default());
    assert_eq!(fetch(&mut model, 7, true), (NONE, -1));
    for version in 2..=10 {
        assert_eq!(commit(&mut model, i64::from(version), version, ANYBODY), NONE);
        for fetched in 1..=10 {
            let stable = fetched >= 7;
            assert_eq!(fetch(&mut model, fetched, stable), (NONE, version.into()), "{fetched}");
        }
    }
    let (place, committed) = model.group_offsets("g").into_iter().next().unwrap();
    assert_eq!((place, committed.offset), (("t".to_owned(), 0), 10));
    assert_eq!((committed.leader_epoch, &*committed.metadata), (Some(3), "m"));
}

#[test]
fn offsets_in_a_transaction_are_the_groups_when_it_is_committed_and_never_when_it_is_aborted() {
    for protocol in [One, Two] {
        let mut model = model(ModelConfig::default());
        assert_eq!(commit(&mut model, 1, 8, ANYBODY), NONE);
        let mut producer = Producer::init(&mut model, "x", protocol);
        for (committed, before, after) in [(false, 1, 1), (true, 1, 7)] {
            if protocol == One {
                assert_eq!(producer.add_offsets(&mut model), NONE);
            }
            assert_eq!(producer.send_offset(&mut model, 7, (-1, "")), NONE);
            assert_eq!(model.pending_group_offsets("g").len(), 1);
            assert_eq!(fetch(&mut model, 8, false), (NONE, before));
            assert_eq!(fetch(&mut model, 8, true), (ErrorCode::UNSTABLE_OFFSET_COMMIT, -1));
            assert_eq!(producer.end(&mut model, committed), NONE);
            assert_eq!(model.pending_group_offsets("g").len(), 0);
            assert_eq!(fetch(&mut model, 8, true), (NONE, after));
        }
    }
}

#[test]
fn a_later_offset_is_not_replaced_by_the_end_of_an_earlier_transaction() {
    let mut model = model(ModelConfig::default());
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send_offset(&mut model, 5, (-1, "")), NONE);
    assert_eq!(commit(&mut model, 9, 8, ANYBODY), NONE);
    assert_eq!(producer.end(&mut model, true), NONE);
    assert_eq!(fetch(&mut model, 8, true), (NONE, 9));
}

#[test]
fn offsets_that_are_not_part_of_the_transaction_are_refused_under_version_1() {
    let mut model = model(ModelConfig::default());
    let producer = Producer::init(&mut model, "x", One);
    let refused = producer.send_offset(&mut model, 5, (-1, ""));
    assert_eq!(refused, ErrorCode::TRANSACTION_ABORTABLE);
    let mut fenced = producer;
    fenced.epoch = 7;
    let refused = fenced.send_offset(&mut model, 5, (-1, ""));
    assert_eq!(refused, ErrorCode::INVALID_PRODUCER_EPOCH);
}

#[test]
fn only_members_commit_in_the_groups_generation() {
    let mut model = model(ModelConfig::default());
    let members = [GroupMember::new("m1"), GroupMember::new("m2").instance("two")];
    model.set_group("g", 3, members);
    let unknown = ErrorCode::UNKNOWN_MEMBER_ID;
    assert_eq!(commit(&mut model, 1, 8, (3, "m1", None)), NONE);
    assert_eq!(commit(&mut model, 1, 8, (3, "m2", Some("two"))), NONE);
    assert_eq!(commit(&mut model, 1, 8, (2, "m1", None)), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(commit(&mut model, 1, 8, (3, "m9", None)), unknown);
    assert_eq!(commit(&mut model, 1, 8, (3, "m1", Some("two"))), ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(commit(&mut model, 1, 8, (3, "m1", Some("three"))), unknown);
    assert_eq!(commit(&mut model, 1, 8, ANYBODY), unknown);
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send_offset(&mut model, 1, (3, "m1")), NONE);
    assert_eq!(producer.send_offset(&mut model, 1, (2, "m1")), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(producer.send_offset(&mut model, 1, (3, "m9")), unknown);
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), NONE, "clients before KIP-447");
    assert_eq!(producer.end(&mut model, true), NONE);
}

#[test]
fn a_group_that_is_not_there_has_no_generation() {
    let mut model = model(ModelConfig::default());
    let missing = ErrorCode::GROUP_ID_NOT_FOUND;
    assert_eq!(commit(&mut model, 1, 8, (3, "m1", None)), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(commit(&mut model, 1, 9, (3, "m1", None)), missing);
    let producer = Producer::init(&mut model, "x", Two);
    let refused = producer.send_offset(&mut model, 1, (3, "m1"));
    assert_eq!(refused, ErrorCode::ILLEGAL_GENERATION);
}

#[test]
fn who_may_not_read_a_group_or_topic_commits_nothing() {
    let mut model = model(ModelConfig::default());
    let producer = Producer::init(&mut model, "x", Two);
    model.deny(Permission::ReadGroup("g".into()));
    let denied = ErrorCode::GROUP_AUTHORIZATION_FAILED;
    assert_eq!(commit(&mut model, 1, 8, ANYBODY), denied);
    assert_eq!(producer.add_offsets(&mut model), denied);
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), denied);
    model.allow(&Permission::ReadGroup("g".into()));
    model.deny(Permission::ReadTopic("t".into()));
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    assert_eq!(commit(&mut model, 1, 8, ANYBODY), denied);
    assert_eq!(producer.send_offset(&mut model, 1, (-1, "")), denied);
    assert!(model.group_offsets("g").is_empty());
}

#[test]
fn only_the_groups_coordinator_takes_its_offsets() {
    let mut model = model(ModelConfig::default());
    let coordinator = model.coordinator_of("g").unwrap();
    model.hold_coordinator(coordinator);
    let loading = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    assert_eq!(commit(&mut model, 1, 8, ANYBODY), loading);
    model.release_coordinator(coordinator);
    let other = model.brokers().map(|broker| broker.id).find(|&id| id != coordinator).unwrap();
    let session = model.connect(other).unwrap();
    let group = OffsetFetchRequestGroup { group_id: "g".into(), ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    let answer = call(&mut model, at(0), session, &request, 8);
    assert_eq!(answer.groups[0].error_code, ErrorCode::NOT_COORDINATOR);
}
