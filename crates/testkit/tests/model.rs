//! The model by itself, in a time that only the test moves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::messages::{
    ListOffsetsRequest, MetadataRequest, MetadataResponse, ProduceRequest,
};
use rohrpost_codec::{ApiKey, ErrorCode, Request, decode_response, encode_request};
use rohrpost_records::{
    BatchBuilder, Compression, Compressor, ProducerEpoch, ProducerId, ProducerStamp, Sequence,
    set_log_append_time,
};
use rohrpost_testkit::model::{Answer, Model, ModelConfig, Now, SessionId, Waiting};
use rohrpost_testkit::{Fault, TimestampType, TopicSpec};

const WALL: i64 = 1_700_000_000_000;

fn at(ms: u64) -> Now {
    Now { elapsed: Duration::from_millis(ms), wall_ms: WALL + ms as i64 }
}

/// Three brokers with the topic `t`, which broker 1 leads, and a connection to that.
fn cluster(replication_lag_ms: u64) -> (Model, SessionId) {
    let replication_lag = Duration::from_millis(replication_lag_ms);
    let mut model = Model::new(ModelConfig { replication_lag, ..ModelConfig::default() });
    model.create_topic(&TopicSpec::new("t")).unwrap();
    let session = model.connect(1).unwrap();
    (model, session)
}

fn batch(value: &str, sequence: Option<i32>) -> Bytes {
    let mut builder = BatchBuilder::new(BytesMut::new());
    builder.append(WALL, None, Some(value.as_bytes()), []).unwrap();
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let stamp = sequence.map(|sequence| ProducerStamp {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(sequence),
    });
    sealed.stamp(stamp, false).unwrap().to_bytes()
}

fn handle<R: Request>(
    model: &mut Model,
    now: Now,
    session: SessionId,
    request: &R,
    version: i16,
) -> Answer {
    let frame = encode_request(1, None, request, version).unwrap().to_bytes();
    model.handle(now, session, &frame.slice(4..))
}

fn read<R: Request>(answer: Answer, version: i16) -> R::Response {
    let Answer::Send(frame) = answer else { panic!("no answer: {answer:?}") };
    decode_response::<R::Response>(&frame.slice(4..), version).unwrap().1
}

fn produce(
    model: &mut Model,
    now: Now,
    session: SessionId,
    (topic, acks): (&str, i16),
    records: Bytes,
) -> Answer {
    let data =
        PartitionProduceData { records: Some(records.into()), ..PartitionProduceData::default() };
    let topic = TopicProduceData {
        name: topic.to_owned().into(),
        partition_data: vec![data],
        ..TopicProduceData::default()
    };
    let topic_data = vec![topic];
    let request =
        ProduceRequest { acks, timeout_ms: 30_000, topic_data, ..ProduceRequest::default() };
    handle(model, now, session, &request, 12)
}

fn code(answer: Answer) -> ErrorCode {
    read::<ProduceRequest>(answer, 12).responses[0].partition_responses[0].error_code
}

fn waiting(answer: Answer) -> Waiting {
    let Answer::Wait(waiting) = answer else { panic!("it does not wait: {answer:?}") };
    waiting
}

#[test]
fn a_topic_that_is_created_again_acknowledges_nothing_of_the_old_one() {
    let (mut model, session) = cluster(0);
    model.hold_replication("t", 0).unwrap();
    let old = produce(&mut model, at(0), session, ("t", -1), batch("old", Some(0)));
    let old = waiting(old);
    model.delete_topic("t").unwrap();
    model.create_topic(&TopicSpec::new("t")).unwrap();
    let other = model.connect(1).unwrap();
    let new = produce(&mut model, at(1), other, ("t", 1), batch("new", None));
    assert_eq!(code(new), ErrorCode::NONE);

    let answer = model.resume(at(2), session, old);
    assert_eq!(code(answer), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let values: Vec<_> = model.records("t", 0).filter_map(|record| record.value).collect();
    assert_eq!(values, ["new"]);
}

#[test]
fn what_followers_had_the_time_to_copy_survives_the_leader() {
    let (mut model, session) = cluster(100);
    for (ms, value) in [(0, "copied"), (950, "lost")] {
        let answer = produce(&mut model, at(ms), session, ("t", 1), batch(value, None));
        assert_eq!(code(answer), ErrorCode::NONE);
    }
    model.advance(at(1000));
    model.stop_broker(1);
    assert_eq!(model.stats().lost_records, 1);
    let values: Vec<_> = model.records("t", 0).filter_map(|record| record.value).collect();
    assert_eq!(values, ["copied"]);
}

#[test]
fn a_leader_that_is_left_alone_waits_for_nobody() {
    let (mut model, session) = cluster(0);
    model.hold_replication("t", 0).unwrap();
    let answer = produce(&mut model, at(0), session, ("t", -1), batch("v", None));
    let waiting = waiting(answer);
    let changes = model.changes();
    model.stop_broker(2);
    model.stop_broker(3);
    assert!(model.changes() > changes, "who waits is told");
    assert_eq!(model.partition("t", 0).unwrap().log.high_watermark(), 1);
    assert_eq!(code(model.resume(at(1), session, waiting)), ErrorCode::NONE);
}

#[test]
fn the_latest_offset_moves_as_time_passes() {
    let (mut model, session) = cluster(100);
    produce(&mut model, at(0), session, ("t", 1), batch("v", None));
    let mut latest = |ms| {
        let partition = ListOffsetsPartition {
            current_leader_epoch: -1,
            timestamp: -1,
            ..ListOffsetsPartition::default()
        };
        let topic = ListOffsetsTopic {
            name: "t".into(),
            partitions: vec![partition],
            ..ListOffsetsTopic::default()
        };
        let request = ListOffsetsRequest { topics: vec![topic], ..ListOffsetsRequest::default() };
        let answer = handle(&mut model, at(ms), session, &request, 7);
        read::<ListOffsetsRequest>(answer, 7).topics[0].partitions[0].offset
    };
    assert_eq!((latest(99), latest(100)), (0, 1));
}

#[test]
fn a_broker_that_pauses_answers_nothing_that_was_waiting_either() {
    let (mut model, session) = cluster(100);
    let answer = produce(&mut model, at(0), session, ("t", -1), batch("v", Some(0)));
    let first = waiting(answer);
    model.pause_broker(1);
    let paused = waiting(model.resume(at(200), session, first));
    assert_eq!(paused.deadline(), None);
    model.resume_broker(1);
    assert!(model.changes() > paused.changes());
    assert_eq!(code(model.resume(at(300), session, paused)), ErrorCode::NONE);
}

#[test]
fn records_that_are_none_are_no_matter_for_a_retry() {
    let (mut model, session) = cluster(0);
    let mut bytes = BytesMut::from(&batch("value", None)[..]);
    bytes[61] = 0x7e; // A record of 63 bytes, where there are not so many.
    set_log_append_time(&mut bytes, WALL).unwrap(); // Computes the CRC again.
    let answer = produce(&mut model, at(0), session, ("t", 1), bytes.freeze());
    assert_eq!(code(answer), ErrorCode::INVALID_RECORD);
}

#[test]
fn a_producer_may_not_say_that_a_timestamp_is_the_brokers() {
    let (mut model, session) = cluster(0);
    let spec = TopicSpec::new("brokers-time").timestamp_type(TimestampType::LogAppendTime);
    model.create_topic(&spec).unwrap();
    let mut bytes = BytesMut::from(&batch("value", None)[..]);
    set_log_append_time(&mut bytes, WALL).unwrap();
    let bytes = bytes.freeze();
    let answer = produce(&mut model, at(0), session, ("brokers-time", 1), bytes.clone());
    assert_eq!(code(answer), ErrorCode::INVALID_TIMESTAMP);
    // Where the producer's time stands, a broker looks at the time alone.
    assert_eq!(code(produce(&mut model, at(0), session, ("t", 1), bytes)), ErrorCode::NONE);
}

#[test]
fn a_rebootstrap_is_asked_for_by_the_answer_as_a_whole() {
    let (mut model, session) = cluster(0);
    model.inject(Fault::error(ErrorCode::REBOOTSTRAP_REQUIRED).on(ApiKey::Metadata));
    let answer = handle(&mut model, at(0), session, &MetadataRequest::default(), 13);
    let metadata: MetadataResponse = read::<MetadataRequest>(answer, 13);
    assert_eq!(metadata.error_code, ErrorCode::REBOOTSTRAP_REQUIRED);
    assert!(metadata.topics.is_empty());
}

#[test]
fn a_fault_of_a_topic_strikes_a_request_for_all_topics() {
    let (mut model, session) = cluster(0);
    model.create_topic(&TopicSpec::new("u")).unwrap();
    for fault in [Fault::error, Fault::error_after] {
        let fault = fault(ErrorCode::LEADER_NOT_AVAILABLE).on(ApiKey::Metadata).topic("u");
        model.inject(fault);
        let all = MetadataRequest { topics: None, ..MetadataRequest::default() };
        let metadata = read::<MetadataRequest>(handle(&mut model, at(0), session, &all, 12), 12);
        let codes: Vec<_> = metadata.topics.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [ErrorCode::NONE, ErrorCode::LEADER_NOT_AVAILABLE]);
    }
}

#[test]
fn a_delay_may_be_for_ever() {
    let (mut model, session) = cluster(0);
    model.inject(Fault::delay(Duration::MAX));
    model.inject(Fault::delay(Duration::MAX));
    model.inject(Fault::throttle(Duration::MAX));
    let answer = handle(&mut model, at(1), session, &MetadataRequest::default(), 12);
    assert!(matches!(answer, Answer::SendAt { at: Duration::MAX, .. }), "{answer:?}");
}
