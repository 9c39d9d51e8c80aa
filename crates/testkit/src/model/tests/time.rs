//! What takes time, in virtual time.

use std::time::Duration;

use rohrpost_codec::messages::fetch_request::{FetchPartition, FetchTopic};
use rohrpost_codec::messages::{FetchRequest, MetadataRequest, ProduceRequest};
use rohrpost_codec::{ApiKey, ErrorCode};

use super::support::*;
use crate::model::{Answer, Fault, ModelConfig};

fn lagging() -> ModelConfig {
    ModelConfig { replication_lag: Duration::from_millis(30), ..ModelConfig::default() }
}

#[test]
fn acks_all_waits_for_the_followers_to_the_millisecond() {
    let mut model = model(lagging());
    let session = model.connect(1).unwrap();
    let request = frame(&produce(-1, batch(1, 7, 0, 0)), 12);
    let Answer::Wait(waiting) = model.handle(at(5), session, &request) else { panic!("no wait") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(35)));
    let Answer::Wait(waiting) = model.resume(at(34), session, waiting) else { panic!("too early") };
    let response = read::<ProduceRequest>(model.resume(at(35), session, waiting), 12);
    assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
}

#[test]
fn a_duplicate_waits_for_the_followers_too() {
    let mut model = model(lagging());
    let session = model.connect(1).unwrap();
    let request = frame(&produce(-1, batch(1, 7, 0, 0)), 12);
    let first = model.handle(at(0), session, &request);
    let again = model.handle(at(10), session, &request);
    let (Answer::Wait(_), Answer::Wait(again)) = (first, again) else { panic!("no wait") };
    assert_eq!(again.deadline(), Some(Duration::from_millis(30)));
    assert_eq!(model.stats().duplicates, 1);
}

#[test]
fn a_request_times_out_before_slow_followers() {
    let mut model = model(lagging());
    let session = model.connect(1).unwrap();
    let request = ProduceRequest { timeout_ms: 20, ..produce(-1, batch(1, 7, 0, 0)) };
    let answer = model.handle(at(0), session, &frame(&request, 12));
    let Answer::Wait(waiting) = answer else { panic!("no wait") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(20)));
    let response = read::<ProduceRequest>(model.resume(at(20), session, waiting), 12);
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!(model.records("t", 0).count(), 1);
}

#[test]
fn a_fetch_is_woken_by_the_followers_or_by_its_end() {
    let mut model = model(lagging());
    let producer = model.connect(1).unwrap();
    let consumer = model.connect(1).unwrap();
    let partition = FetchPartition { partition_max_bytes: 1000, ..Default::default() };
    let topic = FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
    let request =
        FetchRequest { max_wait_ms: 100, min_bytes: 1, topics: vec![topic], ..Default::default() };
    let fetch = frame(&request, 12);
    let answer = model.handle(at(0), consumer, &fetch);
    let Answer::Wait(waiting) = answer else { panic!("no wait") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(100)));

    append(&mut model, producer, 1, batch(1, 7, 0, 0));
    assert_ne!(model.changes(), waiting.changes());
    let Answer::Wait(waiting) = model.resume(at(10), consumer, waiting) else { panic!("unseen") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(30)), "when the followers have it");
    let response = read::<FetchRequest>(model.resume(at(30), consumer, waiting), 12);
    assert_eq!(response.responses[0].partitions[0].high_watermark, 1);
}

#[test]
fn a_throttle_mutes_the_connection_and_no_other() {
    let mut model = model(ModelConfig::default());
    let (muted, other) = (model.connect(1).unwrap(), model.connect(1).unwrap());
    model.inject(Fault::throttle(Duration::from_millis(50)).on(ApiKey::Metadata));
    let request = MetadataRequest::default();
    assert_eq!(call(&mut model, at(0), muted, &request, 12).throttle_time_ms, 50);
    assert_eq!(call(&mut model, at(1), other, &request, 12).throttle_time_ms, 0);
    let answer = model.handle(at(2), muted, &frame(&request, 12));
    let Answer::Wait(waiting) = answer else { panic!("not muted") };
    assert_eq!(waiting.deadline(), Some(Duration::from_millis(50)));
    let response = read::<MetadataRequest>(model.resume(at(50), muted, waiting), 12);
    assert_eq!(response.throttle_time_ms, 0);
}

#[test]
fn a_delay_is_said_and_not_taken() {
    let mut model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    for delay in [20, 5] {
        model.inject(Fault::delay(Duration::from_millis(delay)));
    }
    let answer = model.handle(at(3), session, &frame(&MetadataRequest::default(), 12));
    let Answer::SendAt { at, .. } = answer else { panic!("not late: {answer:?}") };
    assert_eq!(at, Duration::from_millis(28), "delays add up");
}
