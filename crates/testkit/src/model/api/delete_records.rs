//! DeleteRecords (KIP-107): moves the start of logs.

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsRequest,
};
use rohrpost_codec::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use crate::model::Model;
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};

/// Stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

impl Serve for DeleteRecordsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let mut targets = Vec::new();
        for topic in &self.topics {
            targets.extend(topic.partitions.iter().map(|partition| Target {
                topic: topic.name.to_string(),
                partition: Some(partition.partition_index),
            }));
        }
        targets
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DeleteRecordsResponse> {
        let topics = self.topics.iter().map(|topic| DeleteRecordsTopicResult {
            name: topic.name.clone(),
            partitions: (topic.partitions.iter())
                .map(|asked| {
                    let deleted = delete(model, call, &topic.name, asked);
                    DeleteRecordsPartitionResult {
                        partition_index: asked.partition_index,
                        low_watermark: deleted.unwrap_or(-1),
                        error_code: deleted.err().unwrap_or_default(),
                        ..DeleteRecordsPartitionResult::default()
                    }
                })
                .collect(),
            ..DeleteRecordsTopicResult::default()
        });
        Reply::With(DeleteRecordsResponse {
            topics: topics.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..DeleteRecordsResponse::default()
        })
    }
}

fn delete(
    model: &mut Model,
    call: &Call,
    topic: &str,
    asked: &DeleteRecordsPartition,
) -> Result<i64, ErrorCode> {
    let index = asked.partition_index;
    if let Some(code) = call.verdict.refusal(topic, index) {
        return Err(code);
    }
    let log = &model.led_partition(call, topic, index, -1)?.log;
    if model.topics.get(topic).is_some_and(|topic| !topic.config.is_deleted) {
        return Err(ErrorCode::POLICY_VIOLATION);
    }
    let end = log.high_watermark();
    let before = if asked.offset == HIGH_WATERMARK { end } else { asked.offset };
    if !(0..=end).contains(&before) {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    let start = model.delete_records(topic, index, before);
    let start = start.map_err(|_| ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    call.verdict.disguise(topic, index).map_or(Ok(start), Err)
}
