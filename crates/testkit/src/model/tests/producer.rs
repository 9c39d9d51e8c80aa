//! A producer with a transactional id, as plain as can be.

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use rohrpost_codec::messages::produce_response::PartitionProduceResponse;
use rohrpost_codec::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use rohrpost_codec::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest,
    TxnOffsetCommitRequest,
};
use rohrpost_codec::{ErrorCode, Request};
use rohrpost_records::{
    BatchBuilder, Compression, Compressor, ProducerEpoch, ProducerId, ProducerStamp, Sequence,
};

use super::support::*;
use crate::model::{Model, Now};

/// The highest versions of a client of transaction version 1, and of one of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    One,
    Two,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Producer {
    pub(super) transactional_id: &'static str,
    pub(super) protocol: Protocol,
    pub(super) id: i64,
    pub(super) epoch: i16,
    /// What comes next in each partition of `t`.
    pub(super) sequences: [i32; 3],
}

impl Producer {
    /// A producer that is not initialised.
    pub(super) fn new(transactional_id: &'static str, protocol: Protocol) -> Self {
        Self { transactional_id, protocol, id: -1, epoch: -1, sequences: [0; 3] }
    }

    /// A producer that is.
    pub(super) fn init(model: &mut Model, id: &'static str, protocol: Protocol) -> Self {
        let mut producer = Self::new(id, protocol);
        assert_eq!(producer.renew(model, at(0)), ErrorCode::NONE);
        producer
    }

    /// InitProducerId with what the producer has.
    pub(super) fn renew(&mut self, model: &mut Model, now: Now) -> ErrorCode {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.transactional_id.into()),
            transaction_timeout_ms: 60_000,
            producer_id: self.id,
            producer_epoch: self.epoch,
            ..Default::default()
        };
        let answer = self.ask(model, now, &request, 5);
        if answer.error_code.is_none() {
            (self.id, self.epoch) = (answer.producer_id, answer.producer_epoch);
            self.sequences = [0; 3];
        }
        answer.error_code
    }

    /// AddPartitionsToTxn for partitions of `t`.
    pub(super) fn add(&self, model: &mut Model, partitions: &[i32]) -> ErrorCode {
        let topic = AddPartitionsToTxnTopic {
            name: "t".into(),
            partitions: partitions.iter().copied().collect(),
            ..Default::default()
        };
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.transactional_id.into(),
            v3_and_below_producer_id: self.id,
            v3_and_below_producer_epoch: self.epoch,
            v3_and_below_topics: vec![topic],
            ..Default::default()
        };
        let answer = self.ask(model, at(0), &request, 3);
        answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
    }

    /// Sends a record to a partition of `t` in this version of Produce, at its leader.
    pub(super) fn send_in(
        &mut self,
        model: &mut Model,
        partition: i32,
        version: i16,
    ) -> PartitionProduceResponse {
        let leader = model.partition("t", partition).unwrap().leader.unwrap();
        let session = model.connect(leader).unwrap();
        let topic_id = model.topic("t").unwrap().id;
        let mut request = produce(-1, self.batch(partition));
        request.transactional_id = Some(self.transactional_id.into());
        request.topic_data[0].partition_data[0].index = partition;
        if version >= 13 {
            request.topic_data[0].topic_id = topic_id;
        }
        let response = call(model, at(0), session, &request, version);
        let answer = response.responses[0].partition_responses[0].clone();
        if answer.error_code.is_none() {
            self.sequences[partition as usize] += 1;
        }
        answer
    }

    /// The same in the version of the producer's protocol: the code.
    pub(super) fn send(&mut self, model: &mut Model, partition: i32) -> ErrorCode {
        let version = if self.protocol == Protocol::One { 11 } else { 13 };
        self.send_in(model, partition, version).error_code
    }

    /// The next batch for a partition of `t`.
    pub(super) fn batch(&self, partition: i32) -> Bytes {
        let sequence = self.sequences[partition as usize];
        let mut builder = BatchBuilder::new(BytesMut::new());
        let value = format!("{}/{}/{}", self.id, self.epoch, sequence);
        builder.append(1_700_000_000_000, None, Some(value.as_bytes()), []).unwrap();
        let mut sealed = builder
            .seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity)
            .unwrap();
        let stamp = ProducerStamp {
            producer_id: ProducerId(self.id),
            producer_epoch: ProducerEpoch(self.epoch),
            base_sequence: Sequence(sequence),
        };
        sealed.stamp(Some(stamp), true).unwrap().to_bytes()
    }

    /// AddOffsetsToTxn for the group `g`.
    pub(super) fn add_offsets(&self, model: &mut Model) -> ErrorCode {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.transactional_id.into(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            group_id: "g".into(),
            ..Default::default()
        };
        self.ask(model, at(0), &request, 3).error_code
    }

    /// TxnOffsetCommit of the group `g` for partition 0 of `t`, from `member` in `generation`.
    pub(super) fn send_offset(
        &self,
        model: &mut Model,
        offset: i64,
        (generation, member): (i32, &'static str),
    ) -> ErrorCode {
        let partition =
            TxnOffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
        let topic = TxnOffsetCommitRequestTopic {
            name: "t".into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.transactional_id.into(),
            group_id: "g".into(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            generation_id_or_member_epoch: generation,
            member_id: member.into(),
            topics: vec![topic],
            ..Default::default()
        };
        let version = if self.protocol == Protocol::One { 4 } else { 5 };
        let broker = model.coordinator_of("g").unwrap();
        let session = model.connect(broker).unwrap();
        let answer = call(model, at(0), session, &request, version);
        answer.topics[0].partitions[0].error_code
    }

    /// EndTxn in the version of the producer's protocol; a new epoch is the producer's from then on.
    pub(super) fn end(&mut self, model: &mut Model, committed: bool) -> ErrorCode {
        let request = EndTxnRequest {
            transactional_id: self.transactional_id.into(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            committed,
            ..Default::default()
        };
        let version = if self.protocol == Protocol::One { 4 } else { 5 };
        let answer = self.ask(model, at(0), &request, version);
        if answer.error_code.is_none() && self.protocol == Protocol::Two {
            (self.id, self.epoch) = (answer.producer_id, answer.producer_epoch);
            self.sequences = [0; 3];
        }
        answer.error_code
    }

    /// Asks the coordinator.
    pub(super) fn ask<R: Request>(
        &self,
        model: &mut Model,
        now: Now,
        request: &R,
        version: i16,
    ) -> R::Response {
        let broker = model.coordinator_of(self.transactional_id).unwrap();
        let session = model.connect(broker).unwrap();
        call(model, now, session, request, version)
    }
}
