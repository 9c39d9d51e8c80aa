//! A model and a client for it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::messages::produce_response::PartitionProduceResponse;
use rohrpost_codec::{Request, decode_response, encode_request};
use rohrpost_records::{
    BatchBuilder, Compression, Compressor, ProducerEpoch, ProducerId, ProducerStamp, Sequence,
};

use crate::TopicSpec;
use crate::model::{Answer, Model, ModelConfig, Now, SessionId};

/// Three brokers and a topic `t` of one partition, led by broker 1.
pub(super) fn model(config: ModelConfig) -> Model {
    let mut model = Model::new(config);
    model.create_topic(&TopicSpec::new("t")).unwrap();
    model
}

pub(super) fn at(milliseconds: u64) -> Now {
    let elapsed = Duration::from_millis(milliseconds);
    Now { elapsed, wall_ms: 1_700_000_000_000 + milliseconds as i64 }
}

pub(super) fn frame<R: Request>(request: &R, version: i16) -> Bytes {
    encode_request(1, None, request, version).unwrap().to_bytes().slice(4..)
}

pub(super) fn read<R: Request>(answer: Answer, version: i16) -> R::Response {
    let Answer::Send(bytes) = answer else { panic!("no answer now: {answer:?}") };
    decode_response::<R::Response>(&bytes.slice(4..), version).unwrap().1
}

pub(super) fn call<R: Request>(
    model: &mut Model,
    now: Now,
    session: SessionId,
    request: &R,
    version: i16,
) -> R::Response {
    read::<R>(model.handle(now, session, &frame(request, version)), version)
}

/// A Produce request for partition 0 of `t`.
pub(super) fn produce(acks: i16, batch: Bytes) -> ProduceRequest {
    let data = PartitionProduceData { records: Some(batch.into()), ..Default::default() };
    let topic =
        TopicProduceData { name: "t".into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

pub(super) fn append(
    model: &mut Model,
    session: SessionId,
    acks: i16,
    batch: Bytes,
) -> PartitionProduceResponse {
    let response = call(model, at(0), session, &produce(acks, batch), 12);
    response.responses[0].partition_responses[0].clone()
}

/// A batch of `records` records of an idempotent producer.
pub(super) fn batch(records: i32, id: i64, epoch: i16, sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for index in 0..records {
        let value = format!("{id}/{epoch}/{}", Sequence(sequence).add(index));
        builder.append(1_700_000_000_000, None, Some(value.as_bytes()), []).unwrap();
    }
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let stamp = ProducerStamp {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(sequence),
    };
    sealed.stamp((id >= 0).then_some(stamp), false).unwrap().to_bytes()
}

pub(super) fn values(model: &Model) -> Vec<String> {
    let text = |value: Bytes| String::from_utf8(value.to_vec()).unwrap();
    model.records("t", 0).map(|record| record.value.map(text).unwrap_or_default()).collect()
}
