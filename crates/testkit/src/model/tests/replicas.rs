//! Replicas that are behind, leaders that do not know that they are replaced, and what each of that loses.

use std::time::Duration;

use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::{ApiKey, ErrorCode};

use super::support::*;
use crate::model::{Answer, BrokerId, Model, ModelConfig, SessionId, Waiting};

const NONE: ErrorCode = ErrorCode::NONE;

fn waits(model: &mut Model, session: SessionId, acks: i16, sequence: i32) -> Waiting {
    let request = frame(&produce(acks, batch(1, 7, 0, sequence)), 12);
    match model.handle(at(0), session, &request) {
        Answer::Wait(waiting) => waiting,
        other => panic!("it does not wait: {other:?}"),
    }
}

fn code(answer: Answer) -> ErrorCode {
    read::<ProduceRequest>(answer, 12).responses[0].partition_responses[0].error_code
}

fn leader(model: &Model) -> Option<BrokerId> {
    model.partition("t", 0).unwrap().leader
}

#[test]
fn an_append_that_one_follower_has_survives_though_nobody_acknowledged_it() {
    let mut model = model(ModelConfig::default());
    let first = model.connect(1).unwrap();
    model.hold_follower("t", 0, 3).unwrap();
    let waiting = waits(&mut model, first, -1, 0);
    assert_eq!(model.partition("t", 0).unwrap().log.high_watermark(), 0);
    assert_eq!(model.partition("t", 0).unwrap().end_of(2), Some(1));
    model.stop_broker(1);
    assert!(matches!(model.resume(at(1), first, waiting), Answer::Close));
    assert_eq!(leader(&model), Some(BrokerId(2)));
    assert_eq!(model.stats().lost_records, 0);

    model.release_follower("t", 0, 3).unwrap();
    let second = model.connect(2).unwrap();
    let again = append(&mut model, second, -1, batch(1, 7, 0, 0));
    assert_eq!((again.error_code, again.base_offset), (NONE, 0));
    assert_eq!((values(&model).len(), model.stats().duplicates), (1, 1));
}

#[test]
fn the_same_append_is_lost_if_the_other_follower_leads() {
    let mut model = model(ModelConfig::default());
    let first = model.connect(1).unwrap();
    model.hold_follower("t", 0, 3).unwrap();
    waits(&mut model, first, -1, 0);
    model.move_leader("t", 0, 3).unwrap();
    assert_eq!((values(&model).len(), model.stats().lost_records), (0, 1));
}

#[test]
fn a_follower_that_stays_behind_leaves_the_replicas_in_sync() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    model.hold_follower("t", 0, 3).unwrap();
    let waiting = waits(&mut model, session, -1, 0);
    assert_eq!(waiting.deadline(), Some(Duration::from_secs(1)), "the request's own");
    assert_eq!(code(model.resume(at(1000), session, waiting)), ErrorCode::REQUEST_TIMED_OUT);
    model.advance(at(29_999));
    assert_eq!(model.partition("t", 0).unwrap().isr.len(), 3);
    model.advance(at(30_000));
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.isr.len(), partition.log.high_watermark()), (2, 1));
    model.release_follower("t", 0, 3).unwrap();
    assert_eq!(model.partition("t", 0).unwrap().isr.len(), 3);
}

#[test]
fn an_unclean_leader_loses_what_was_acknowledged() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    model.stop_broker(3);
    append(&mut model, session, -1, batch(2, 7, 0, 0));
    model.start_broker(3);
    model.hold_follower("t", 0, 3).unwrap();
    append(&mut model, session, 1, batch(1, 7, 0, 2));
    model.elect_unclean("t", 0, 3).unwrap();
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.leader, partition.log.end_offset()), (Some(BrokerId(3)), 2));
    assert_eq!(model.stats().lost_records, 1);
}

#[test]
fn a_leader_that_is_cut_off_goes_on_and_what_it_takes_is_lost() {
    let mut model = model(ModelConfig::default());
    let cut_off = model.connect(1).unwrap();
    append(&mut model, cut_off, -1, batch(1, 7, 0, 0));
    model.isolate_broker(1);
    model.fence_broker(1);
    assert_eq!(leader(&model), Some(BrokerId(2)));

    let zombie = append(&mut model, cut_off, 1, batch(1, 7, 0, 1));
    assert_eq!((zombie.error_code, zombie.base_offset), (NONE, 1), "acks=1 is fooled");
    let fooled = waits(&mut model, cut_off, -1, 2);
    assert_eq!(code(model.resume(at(1000), cut_off, fooled)), ErrorCode::REQUEST_TIMED_OUT);

    let other = model.connect(2).unwrap();
    assert_eq!(append(&mut model, other, -1, batch(1, 8, 0, 0)).base_offset, 1);
    let waiting = waits(&mut model, cut_off, -1, 3);
    model.heal_broker(1);
    let told = code(model.resume(at(1001), cut_off, waiting));
    assert_eq!(told, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(values(&model), ["7/0/0", "8/0/0"]);
    assert_eq!(model.stats().lost_records, 3);
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.isr.len(), partition.end_of(1)), (3, Some(2)));
}

#[test]
fn silent_brokers_are_fenced_in_time_and_not_told_of() {
    let timeout = Some(Duration::from_secs(9));
    let config = ModelConfig { broker_session_timeout: timeout, ..ModelConfig::default() };
    let mut model = model(config);
    model.pause_broker(1);
    model.advance(at(8_999));
    assert_eq!(leader(&model), Some(BrokerId(1)));
    model.advance(at(9_000));
    assert_eq!(leader(&model), Some(BrokerId(2)));
    assert!(model.broker(1).unwrap().is_fenced);
    model.resume_broker(1);
    assert!(!model.broker(1).unwrap().is_fenced);
    assert_eq!(model.partition("t", 0).unwrap().isr.len(), 3);
}

/// Seen on Apache Kafka 4.3.1 with a leader stopped by SIGSTOP: it acknowledged what had waited for it, after it was replaced.
#[test]
fn a_leader_that_slept_serves_what_waited_for_it_and_it_is_lost() {
    let zombie_time = Duration::from_millis(50);
    let mut model = model(ModelConfig { zombie_time, ..ModelConfig::default() });
    let session = model.connect(1).unwrap();
    append(&mut model, session, -1, batch(1, 7, 0, 0));
    model.pause_broker(1);
    let waiting = waits(&mut model, session, 1, 1);
    model.fence_broker(1);
    model.advance(at(100));
    model.resume_broker(1);
    assert_eq!(code(model.resume(at(100), session, waiting)), NONE);
    assert_eq!(model.stats().lost_records, 0, "not yet");
    model.advance(at(150));
    assert_eq!(model.stats().lost_records, 1);
    assert_eq!(values(&model), ["7/0/0"]);
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.leader, partition.isr.len()), (Some(BrokerId(2)), 3));
    let refused = append(&mut model, session, 1, batch(1, 7, 0, 1));
    assert_eq!(refused.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(refused.current_leader.leader_id, 2);
}

#[test]
fn an_election_can_take_long() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    append(&mut model, session, 1, batch(1, 7, 0, 0));
    model.hold_election("t", 0).unwrap();
    let refused = append(&mut model, session, -1, batch(1, 7, 0, 1));
    assert_eq!(refused.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((refused.current_leader.leader_id, refused.current_leader.leader_epoch), (-1, 1));
    model.stop_broker(1);
    model.start_broker(1);
    assert_eq!(leader(&model), None, "nobody is elected meanwhile");
    model.release_election("t", 0).unwrap();
    let partition = model.partition("t", 0).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch), (Some(BrokerId(2)), 2));
    assert_eq!(model.stats().requests_of(ApiKey::Produce), 2);
}
