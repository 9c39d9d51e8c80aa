//! Transactions in the logs: markers, the last stable offset, aborted transactions, and what failover leaves of them.

use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::describe_producers_request::TopicRequest;
use rohrpost_codec::messages::fetch_request::{FetchPartition, FetchTopic};
use rohrpost_codec::messages::fetch_response::PartitionData;
use rohrpost_codec::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use rohrpost_codec::messages::{DescribeProducersRequest, FetchRequest, ListOffsetsRequest};
use rohrpost_records::RecordBatches;

use super::producer::Producer;
use super::producer::Protocol::{One, Two};
use super::support::*;
use crate::model::{Answer, Model, ModelConfig, TransactionState};

const NONE: ErrorCode = ErrorCode::NONE;

fn fetch_request(offset: i64, isolation_level: i8, max_wait_ms: i32) -> FetchRequest {
    let partition =
        FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
    FetchRequest {
        isolation_level,
        max_wait_ms,
        min_bytes: 1,
        topics: vec![topic],
        ..Default::default()
    }
}

fn fetch(model: &mut Model, offset: i64, isolation_level: i8) -> PartitionData {
    let leader = model.partition("t", 0).unwrap().leader.unwrap();
    let session = model.connect(leader).unwrap();
    let answer = call(model, at(0), session, &fetch_request(offset, isolation_level, 0), 12);
    answer.responses[0].partitions[0].clone()
}

/// The batches of an answer: offset, whether it is a marker.
fn batches(data: &PartitionData) -> Vec<(i64, bool)> {
    let batches = RecordBatches::new(data.records.clone().unwrap());
    let all = batches.map(|batch| *batch.unwrap().header());
    all.map(|header| (header.base_offset, header.attributes.is_control())).collect()
}

fn latest(model: &mut Model, isolation_level: i8) -> i64 {
    let partition = ListOffsetsPartition { timestamp: -1, ..Default::default() };
    let topic =
        ListOffsetsTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level,
        topics: vec![topic],
        ..Default::default()
    };
    let leader = model.partition("t", 0).unwrap().leader.unwrap();
    let session = model.connect(leader).unwrap();
    call(model, at(0), session, &request, 7).topics[0].partitions[0].offset
}

#[test]
fn a_reader_of_committed_records_gets_as_far_as_the_last_stable_offset() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    append(&mut model, session, -1, batch(1, -1, -1, -1));
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), NONE);
    append(&mut model, session, -1, batch(1, -1, -1, -1));
    let all = fetch(&mut model, 0, 0);
    assert_eq!((all.high_watermark, all.last_stable_offset), (3, 1));
    assert_eq!((batches(&all).len(), all.aborted_transactions), (3, None));
    let stable = fetch(&mut model, 0, 1);
    assert_eq!((batches(&stable), stable.aborted_transactions), (vec![(0, false)], Some(vec![])));
    assert_eq!((latest(&mut model, 0), latest(&mut model, 1)), (3, 1));
    assert_eq!(producer.end(&mut model, false), NONE);
    let stable = fetch(&mut model, 0, 1);
    assert_eq!(batches(&stable), [(0, false), (1, false), (2, false), (3, true)]);
    let aborted = stable.aborted_transactions.unwrap();
    assert_eq!((aborted.len(), aborted[0].first_offset, aborted[0].producer_id), (1, 1, 1000));
    assert_eq!((latest(&mut model, 0), latest(&mut model, 1)), (4, 4));
    let later = fetch(&mut model, 4, 1);
    assert_eq!(later.aborted_transactions, Some(vec![]), "it ended before");
}

#[test]
fn a_fetch_of_committed_records_waits_for_the_marker_and_comes_with_it() {
    let mut model = model(ModelConfig::default());
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), NONE);
    let session = model.connect(1).unwrap();
    let request = frame(&fetch_request(0, 1, 5000), 12);
    let Answer::Wait(waiting) = model.handle(at(0), session, &request) else { panic!("no wait") };
    assert_eq!(producer.end(&mut model, true), NONE);
    assert!(model.changes() > waiting.changes(), "whoever waits is told to look again");
    let answer = read::<FetchRequest>(model.resume(at(1), session, waiting), 12);
    assert_eq!(batches(&answer.responses[0].partitions[0]).len(), 2);
}

#[test]
fn a_fetch_of_committed_records_ends_when_time_alone_ends_the_transaction() {
    let mut model = model(ModelConfig::default());
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), NONE);
    let session = model.connect(1).unwrap();
    let request = frame(&fetch_request(0, 1, i32::MAX), 12);
    let mut answer = model.handle(at(0), session, &request);
    let mut now = Duration::ZERO;
    while let Answer::Wait(waiting) = answer {
        let due = waiting.deadline().unwrap();
        assert!(due > now, "no busy loop");
        now = due;
        let now = crate::model::Now { elapsed: due, wall_ms: 0 };
        answer = model.resume(now, session, waiting);
    }
    let seconds = now.as_secs();
    assert!((60..=70).contains(&seconds), "{seconds} s");
}

#[test]
fn a_lost_marker_is_written_again_and_what_was_lost_was_never_stable() {
    let mut model = model(ModelConfig::default());
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), NONE);
    model.hold_replication("t", 0).unwrap();
    let before = producer;
    assert_eq!(producer.end(&mut model, true), NONE);
    let log = &model.partition("t", 0).unwrap().log;
    assert_eq!((log.end_offset(), log.last_stable_offset()), (2, 0), "written, not replicated");
    assert_eq!(model.transaction("x").unwrap().state(), TransactionState::PrepareCommit);
    assert_eq!(model.committed_records("t", 0).count(), 0);
    model.stop_broker(1);
    assert_eq!(model.partition("t", 0).unwrap().log.open_transactions().count(), 1);
    model.release_replication("t", 0).unwrap();
    model.advance(at(1));
    assert_eq!(model.transaction("x").unwrap().state(), TransactionState::CompleteCommit);
    assert_eq!(model.committed_records("t", 0).count(), 1);
    assert_eq!(model.batches("t", 0).filter(|batch| batch.committed() == Some(true)).count(), 1);
    let mut again = before;
    assert_eq!(again.end(&mut model, true), NONE);
}

#[test]
fn a_transaction_whose_records_are_lost_leaves_no_trace_in_the_log() {
    let mut model = model(ModelConfig::default());
    let producer = Producer::init(&mut model, "x", One);
    assert_eq!(producer.add(&mut model, &[0]), NONE);
    model.hold_replication("t", 0).unwrap();
    let mut request = produce(1, producer.batch(0));
    request.transactional_id = Some("x".into());
    let session = model.connect(1).unwrap();
    let answer = call(&mut model, at(0), session, &request, 11);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, NONE);
    assert_eq!(model.partition("t", 0).unwrap().log.open_transactions().count(), 1);
    model.stop_broker(1);
    let log = &model.partition("t", 0).unwrap().log;
    assert_eq!((log.end_offset(), log.open_transactions().count()), (0, 0));
}

#[test]
fn retention_forgets_aborted_transactions_with_their_records_and_no_open_one() {
    let mut model = model(ModelConfig::default());
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), NONE);
    assert_eq!(producer.end(&mut model, false), NONE);
    assert_eq!(producer.send(&mut model, 0), NONE);
    model.delete_records("t", 0, 2).unwrap();
    model.forget_producers("t", 0).unwrap();
    let log = &model.partition("t", 0).unwrap().log;
    assert_eq!((log.aborted().count(), log.open_transactions().count()), (0, 1));
    assert_eq!(log.producers().len(), 1, "a producer in a transaction is not forgotten");
    assert_eq!(producer.end(&mut model, true), NONE);
    assert_eq!(model.committed_records("t", 0).count(), 1);
}

#[test]
fn a_partition_says_who_is_in_a_transaction_in_it() {
    let mut model = model(ModelConfig::default());
    let mut producer = Producer::init(&mut model, "x", Two);
    assert_eq!(producer.send(&mut model, 0), NONE);
    let session = model.connect(1).unwrap();
    let other = model.connect(2).unwrap();
    let topic = TopicRequest {
        name: "t".into(),
        partition_indexes: [0, 5].into_iter().collect(),
        ..Default::default()
    };
    let request = DescribeProducersRequest { topics: vec![topic], ..Default::default() };
    let told = call(&mut model, at(0), session, &request, 0).topics[0].partitions.clone();
    let state = &told[0].active_producers[0];
    let got = (state.producer_id, state.producer_epoch, state.last_sequence);
    assert_eq!(got, (producer.id, producer.epoch.into(), 0));
    assert_eq!((state.current_txn_start_offset, state.coordinator_epoch), (0, -1));
    assert_eq!(told[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let told = call(&mut model, at(0), other, &request, 0);
    assert_eq!(told.topics[0].partitions[0].error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(producer.end(&mut model, true), NONE);
    let told = call(&mut model, at(0), session, &request, 0);
    let state = &told.topics[0].partitions[0].active_producers[0];
    assert_eq!((state.current_txn_start_offset, state.coordinator_epoch), (-1, 0));
    assert_eq!((state.producer_epoch, state.last_sequence), (1, -1));
}
