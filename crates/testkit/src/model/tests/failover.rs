//! What a change of the leader keeps and loses.

use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::ProduceRequest;

use super::support::*;
use crate::TopicSpec;
use crate::model::{Answer, BrokerId, Model, ModelConfig};

#[test]
fn what_followers_have_survives_with_its_producers() {
    let mut model = model(ModelConfig::default());
    let first = model.connect(1).unwrap();
    append(&mut model, first, -1, batch(2, 7, 0, 0));
    assert!(model.stop_broker(1));
    assert!(!model.is_connected(first));
    let second = model.connect(2).unwrap();
    let again = append(&mut model, second, -1, batch(2, 7, 0, 0));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(append(&mut model, second, -1, batch(1, 7, 0, 2)).base_offset, 2);
    assert_eq!(values(&model), ["7/0/0", "7/0/1", "7/0/2"]);
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch), (Some(BrokerId(2)), 1));
    assert_eq!(model.stats().lost_records, 0);
}

#[test]
fn acks_one_loses_what_only_the_leader_had_and_the_heir_forgets_its_producer() {
    let mut model = model(ModelConfig::default());
    let first = model.connect(1).unwrap();
    append(&mut model, first, -1, batch(1, 7, 0, 0));
    model.hold_replication("t", 0).unwrap();
    let acknowledged = append(&mut model, first, 1, batch(2, 7, 0, 1));
    assert_eq!((acknowledged.error_code, acknowledged.base_offset), (ErrorCode::NONE, 1));
    append(&mut model, first, 1, batch(1, 8, 0, 0));
    model.stop_broker(1);
    assert_eq!(values(&model), ["7/0/0"]);
    assert_eq!(model.stats().lost_records, 3);
    let log = &model.partition("t", 0).unwrap().log;
    assert_eq!((log.end_offset(), log.producers().len()), (1, 1));

    model.release_replication("t", 0).unwrap();
    let second = model.connect(2).unwrap();
    assert_eq!(append(&mut model, second, -1, batch(2, 7, 0, 1)).base_offset, 1, "no duplicate");
    let gap = append(&mut model, second, -1, batch(1, 7, 0, 4));
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

#[test]
fn without_a_replica_in_sync_nobody_leads_until_the_last_one_is_back() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    append(&mut model, session, -1, batch(1, 7, 0, 0));
    for broker in [2, 3, 1] {
        model.stop_broker(broker);
    }
    assert_eq!(model.partition("t", 0).unwrap().leader, None);
    model.start_broker(3);
    assert_eq!(model.partition("t", 0).unwrap().leader, None, "3 was not in sync");
    model.start_broker(1);
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch), (Some(BrokerId(1)), 2));
    assert_eq!(values(&model), ["7/0/0"]);
    model.start_broker(2);
    assert_eq!(model.partition("t", 0).unwrap().isr.len(), 3);
}

/// Seen on Apache Kafka 4.3.1: under `min.insync.replicas` the high watermark stands still, so that an append that waits is not told
/// NOT_ENOUGH_REPLICAS_AFTER_APPEND but times out.
#[test]
fn an_append_times_out_when_too_few_replicas_are_left() {
    let mut model = Model::new(ModelConfig::default());
    model.create_topic(&TopicSpec::new("t").min_insync_replicas(2)).unwrap();
    model.hold_replication("t", 0).unwrap();
    let session = model.connect(1).unwrap();
    let request = frame(&produce(-1, batch(1, 7, 0, 0)), 12);
    let Answer::Wait(waiting) = model.handle(at(0), session, &request) else { panic!("no wait") };
    model.stop_broker(2);
    model.stop_broker(3);
    assert_ne!(model.changes(), waiting.changes());
    let Answer::Wait(waiting) = model.resume(at(1), session, waiting) else { panic!("answered") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(1000)));
    let response = read::<ProduceRequest>(model.resume(at(1000), session, waiting), 12);
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!(values(&model), ["7/0/0"]);

    let refused = append(&mut model, session, -1, batch(1, 7, 0, 1));
    assert_eq!(refused.error_code, ErrorCode::NOT_ENOUGH_REPLICAS, "before the append");
    assert_eq!(append(&mut model, session, 1, batch(1, 7, 0, 1)).base_offset, 1, "for acks=1");
    assert_eq!(model.partition("t", 0).unwrap().log.high_watermark(), 0);
    model.release_replication("t", 0).unwrap();
    model.start_broker(2);
    assert_eq!(model.partition("t", 0).unwrap().log.high_watermark(), 2);
}

#[test]
fn replicas_lost_behind_the_high_watermark_are_told() {
    let config =
        ModelConfig { replication_lag: Duration::from_millis(30), ..ModelConfig::default() };
    let mut model = Model::new(config);
    model.create_topic(&TopicSpec::new("t").min_insync_replicas(2)).unwrap();
    let session = model.connect(1).unwrap();
    let request = frame(&produce(-1, batch(1, 7, 0, 0)), 12);
    let Answer::Wait(waiting) = model.handle(at(0), session, &request) else { panic!("no wait") };
    model.advance(at(30));
    model.stop_broker(2);
    model.stop_broker(3);
    let response = read::<ProduceRequest>(model.resume(at(31), session, waiting), 12);
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
}
