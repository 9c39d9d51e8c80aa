//! What an operator sets: permissions, quotas, retention, features; and brokers that do not know how things are.

use std::time::Duration;

use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::{
    ApiVersionsRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest,
};
use rohrpost_codec::{ApiKey, ErrorCode, Uuid};

use super::support::*;
use crate::TopicSpec;
use crate::model::{Answer, BrokerId, Fault, Model, ModelConfig, Now, Permission, SessionId};

fn described(model: &mut Model, session: SessionId, topic: &str) -> (ErrorCode, i32, Uuid) {
    let name = Some(topic.to_owned().into());
    let topics = vec![MetadataRequestTopic { name, ..Default::default() }];
    let request = MetadataRequest { topics: Some(topics), ..Default::default() };
    let answer = call(model, at(0), session, &request, 12);
    let topic = &answer.topics[0];
    let leader = topic.partitions.first().map_or(-1, |partition| partition.leader_id);
    (topic.error_code, leader, topic.topic_id)
}

#[test]
fn what_is_denied_is_refused_until_it_is_allowed() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    let mut check = |permission: Permission, ask: &dyn Fn(&mut Model) -> ErrorCode, code| {
        model.deny(permission.clone());
        assert_eq!(ask(&mut model), code, "{permission:?}");
        assert!(model.allow(&permission));
        assert_eq!(ask(&mut model), ErrorCode::NONE, "{permission:?} is allowed again");
    };
    let write = |model: &mut Model| append(model, session, 1, batch(1, -1, -1, -1)).error_code;
    let topic = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    check(Permission::WriteTopic("t".into()), &write, topic);
    let hear = |model: &mut Model| described(model, session, "t").0;
    check(Permission::DescribeTopic("t".into()), &hear, topic);
    let init = |id: Option<&'static str>| {
        move |model: &mut Model| {
            let broker = model.coordinator_of(id.unwrap_or_default()).unwrap();
            let session = model.connect(broker).unwrap();
            let request = InitProducerIdRequest {
                transactional_id: id.map(Into::into),
                transaction_timeout_ms: 1000,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            };
            call(model, at(0), session, &request, 5).error_code
        }
    };
    let cluster = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    check(Permission::IdempotentWrite, &init(None), cluster);
    let transactional = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    check(Permission::WriteTransactionalId("x".into()), &init(Some("x")), transactional);
    let find = |model: &mut Model| {
        let request = FindCoordinatorRequest { key: "x".into(), key_type: 1, ..Default::default() };
        call(model, at(0), session, &request, 3).error_code
    };
    check(Permission::DescribeTransactionalId("x".into()), &find, transactional);
}

#[test]
fn metadata_lag_and_go_back() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(3).unwrap();
    let (_, _, old_id) = described(&mut model, session, "t");
    let before = model.metadata_view();
    model.delete_topic("t").unwrap();
    model.create_topic(&TopicSpec::new("t")).unwrap();
    model.move_leader("t", 0, 2).unwrap();
    let (_, leader, new_id) = described(&mut model, session, "t");
    assert_eq!(leader, 2);
    assert_ne!(old_id, new_id);

    model.show_metadata(3, before.clone());
    assert_eq!(described(&mut model, session, "t"), (ErrorCode::NONE, 1, old_id));
    let other = model.connect(1).unwrap();
    assert_eq!(described(&mut model, other, "t").1, 2, "the others know");
    model.show_metadata(3, before.without_topics());
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(described(&mut model, session, "t").0, unknown);
    assert!(model.release_metadata(3));
    assert_eq!(described(&mut model, session, "t"), (ErrorCode::NONE, 2, new_id));
}

#[test]
fn a_broker_without_the_topic_refuses_to_append_to_it() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    let view = model.metadata_view().without_topic("t");
    model.show_metadata(1, view);
    let refused = append(&mut model, session, 1, batch(1, 7, 0, 0));
    assert_eq!(refused.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    model.release_metadata(1);
    assert_eq!(append(&mut model, session, 1, batch(1, 7, 0, 0)).error_code, ErrorCode::NONE);
}

#[test]
fn a_client_over_its_quota_is_told_and_served_nothing_for_so_long() {
    let mut model = model(ModelConfig { producer_byte_rate: Some(5), ..ModelConfig::default() });
    let session = model.connect(1).unwrap();
    let request = produce(1, batch(1, 7, 0, 0));
    let size = frame(&request, 12).len() as u64;
    let answer = call(&mut model, at(0), session, &request, 12);
    // Ten seconds of the rate are free, if nothing was sent in them.
    let pause = size * 1000 / 5 - 10_000;
    assert_eq!(answer.throttle_time_ms as u64, pause);
    let answer = model.handle(at(pause - 1), session, &frame(&request, 12));
    let Answer::Wait(waiting) = answer else { panic!("served: {answer:?}") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(pause)));
    let other = model.connect(2).unwrap();
    assert_eq!(described(&mut model, other, "t").0, ErrorCode::NONE);
    assert_eq!(model.stats().throttled, 1);
}

#[test]
fn producers_are_forgotten_by_the_time_of_their_records() {
    let day = Duration::from_secs(24 * 60 * 60);
    let mut model =
        model(ModelConfig { producer_id_expiration: Some(day), ..ModelConfig::default() });
    let session = model.connect(1).unwrap();
    append(&mut model, session, 1, batch(1, 7, 0, 0));
    let known = |model: &Model| model.partition("t", 0).unwrap().log.producers().len();
    // The records are from 1,700,000,000,000 ms.
    let at = |seconds, wall_ms| Now { elapsed: Duration::from_secs(seconds), wall_ms };
    let day_later = 1_700_000_000_000 + day.as_millis() as i64;
    model.advance(at(600, day_later - 1));
    assert_eq!(known(&model), 1);
    model.advance(at(1199, day_later));
    assert_eq!(known(&model), 1, "brokers look every ten minutes");
    model.advance(at(1200, day_later));
    assert_eq!(known(&model), 0);
}

#[test]
fn retention_moves_the_start_and_leaves_the_producer() {
    let mut model = Model::new(ModelConfig::default());
    model.create_topic(&TopicSpec::new("t").retention(Duration::from_secs(60))).unwrap();
    let session = model.connect(1).unwrap();
    append(&mut model, session, 1, batch(2, 7, 0, 0));
    let wall_ms = 1_700_000_000_000 + 60_001;
    model.advance(Now { elapsed: Duration::from_secs(300), wall_ms });
    let answer = append(&mut model, session, 1, batch(1, 7, 0, 2));
    assert_eq!((answer.base_offset, answer.log_start_offset), (2, 2));
    assert_eq!(model.delete_records("t", 0, 3), Ok(3));
    let again = append(&mut model, session, 1, batch(1, 7, 0, 2));
    assert_eq!((again.base_offset, again.log_start_offset), (2, 3), "a duplicate of what is gone");
}

#[test]
fn features_are_told_as_clients_can_bear_them() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    let request = ApiVersionsRequest {
        client_software_name: "n".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    for (version, is_told) in [(3, false), (4, true)] {
        let answer = call(&mut model, at(0), session, &request, version);
        let is_it = |name: &str| name == "transaction.version";
        assert_eq!(answer.supported_features.iter().any(|f| is_it(&f.name)), is_told);
        let level = answer.finalized_features.iter().find(|f| is_it(&f.name));
        assert_eq!(level.unwrap().max_version_level, 2);
    }
}

#[test]
fn only_its_coordinator_knows_a_transactional_id() {
    let mut model = model(ModelConfig::default());
    let init = |model: &mut Model, broker: i32| {
        let session = model.connect(broker).unwrap();
        let request = InitProducerIdRequest {
            transactional_id: Some("x".into()),
            transaction_timeout_ms: 1000,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        call(model, at(0), session, &request, 5).error_code
    };
    model.move_coordinator("x", 2);
    assert_eq!(model.coordinator_of("x"), Some(BrokerId(2)));
    assert_eq!(init(&mut model, 1), ErrorCode::NOT_COORDINATOR);
    model.hold_coordinator(2);
    assert_eq!(init(&mut model, 2), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    model.release_coordinator(2);
    assert_eq!(init(&mut model, 2), ErrorCode::NONE);
    model.stop_broker(2);
    assert_ne!(model.coordinator_of("x"), Some(BrokerId(2)));
}

#[test]
fn an_answer_can_be_cut_short() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    model.inject(Fault::cut(7).on(ApiKey::Produce));
    let answer = model.handle(at(0), session, &frame(&produce(-1, batch(1, 7, 0, 0)), 12));
    let Answer::Send(bytes) = answer else { panic!("{answer:?}") };
    assert_eq!(bytes.len(), 7);
    assert!(!model.is_connected(session), "that was all");
    assert_eq!(values(&model).len(), 1, "it was carried out");
}
