//! ListOffsets and OffsetForLeaderEpoch: where a consumer begins, and whether its log is still the leader's.

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsRequest};
use rohrpost_codec::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use rohrpost_codec::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition,
};
use rohrpost_codec::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Log, Model, Partition};

/// Since then an offset comes with its leader epoch.
const EPOCHS_SINCE: i16 = 4;

/// The isolation level of consumers that read committed records only.
pub(super) const READ_COMMITTED: i8 = 1;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The earliest that is not in tiered storage, which there is not.
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

impl Serve for ListOffsetsRequest {
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

    fn serve(self, model: &mut Model, call: &Call) -> Reply<ListOffsetsResponse> {
        let topics = self.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: (topic.partitions.iter())
                .map(|asked| list(model, call, &topic.name, (asked, self.isolation_level)))
                .collect(),
            ..ListOffsetsTopicResponse::default()
        });
        Reply::With(ListOffsetsResponse {
            topics: topics.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..ListOffsetsResponse::default()
        })
    }
}

impl Serve for OffsetForLeaderEpochRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let mut targets = Vec::new();
        for topic in &self.topics {
            targets.extend(topic.partitions.iter().map(|partition| Target {
                topic: topic.topic.to_string(),
                partition: Some(partition.partition),
            }));
        }
        targets
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<OffsetForLeaderEpochResponse> {
        let topics = self.topics.iter().map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: (topic.partitions.iter())
                .map(|asked| epoch_end(model, call, &topic.topic, asked))
                .collect(),
            ..OffsetForLeaderTopicResult::default()
        });
        Reply::With(OffsetForLeaderEpochResponse {
            topics: topics.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..OffsetForLeaderEpochResponse::default()
        })
    }
}

fn list(
    model: &Model,
    call: &Call,
    name: &str,
    (asked, isolation_level): (&ListOffsetsPartition, i8),
) -> ListOffsetsPartitionResponse {
    let mut answer = ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        ..ListOffsetsPartitionResponse::default()
    };
    let index = asked.partition_index;
    let code = call.verdict.refusal(name, index).or_else(|| call.verdict.disguise(name, index));
    let partition = match code {
        Some(code) => Err(code),
        None => model.led_partition(call, name, index, asked.current_leader_epoch),
    };
    let found = partition.and_then(|partition| {
        let end = readable_end(&partition.log, isolation_level);
        Ok((partition, find(partition, asked.timestamp, end)?))
    });
    match found {
        Ok((partition, found)) => {
            if let Some((offset, timestamp)) = found {
                (answer.offset, answer.timestamp) = (offset, timestamp);
                if call.version >= EPOCHS_SINCE {
                    answer.leader_epoch = partition.log.epoch_at(offset);
                }
            }
        }
        Err(code) => answer.error_code = code,
    }
    answer
}

/// Where the log ends for a reader: of everything, or of what is committed.
pub(super) fn readable_end(log: &Log, isolation_level: i8) -> i64 {
    match isolation_level {
        READ_COMMITTED => log.last_stable_offset(),
        _ => log.high_watermark(),
    }
}

/// The offset and timestamp that a query asks for, below `end`; `None` where there is no such record.
fn find(partition: &Partition, timestamp: i64, end: i64) -> Result<Option<(i64, i64)>, ErrorCode> {
    let log = &partition.log;
    Ok(match timestamp {
        LATEST => Some((end, -1)),
        EARLIEST | EARLIEST_LOCAL => Some((log.start_offset(), -1)),
        MAX_TIMESTAMP => log.newest(end),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => None,
        0.. => log.first_since(timestamp, end),
        _ => return Err(ErrorCode::UNSUPPORTED_VERSION),
    })
}

fn epoch_end(
    model: &Model,
    call: &Call,
    name: &str,
    asked: &OffsetForLeaderPartition,
) -> EpochEndOffset {
    let mut answer = EpochEndOffset { partition: asked.partition, ..EpochEndOffset::default() };
    let index = asked.partition;
    let code = call.verdict.refusal(name, index).or_else(|| call.verdict.disguise(name, index));
    let partition = match code {
        Some(code) => Err(code),
        None => model.led_partition(call, name, index, asked.current_leader_epoch),
    };
    match partition {
        Ok(partition) => {
            if let Some((epoch, end)) = partition.log.epoch_end(asked.leader_epoch) {
                (answer.leader_epoch, answer.end_offset) = (epoch, end);
            }
        }
        Err(code) => answer.error_code = code,
    }
    answer
}

impl Model {
    /// A partition that the broker leads, for a client that knows this leader epoch, or none (-1).
    pub(super) fn led_partition(
        &self,
        call: &Call,
        topic: &str,
        index: i32,
        known_epoch: i32,
    ) -> Result<&Partition, ErrorCode> {
        let partition =
            self.partition(topic, index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let partition = partition.known_to(call.broker);
        if known_epoch >= 0 && known_epoch < partition.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if known_epoch > partition.leader_epoch {
            return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
        }
        if partition.leader != Some(call.broker) {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        Ok(partition)
    }
}
