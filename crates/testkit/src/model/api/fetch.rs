//! Fetch: full fetches, without fetch sessions.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use rohrpost_codec::messages::fetch_response::{
    AbortedTransaction, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use rohrpost_codec::{ByteStr, ErrorCode};

use super::offsets::{READ_COMMITTED, readable_end};
use crate::model::answer::WaitingKind;
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Model, Permission};

/// Since then topics go by their ids (KIP-516).
const IDS_SINCE: i16 = 13;
/// Since then an answer says who leads (KIP-951).
const LEADERS_SINCE: i16 = 16;

impl Serve for FetchRequest {
    fn targets(&self, model: &Model, version: i16) -> Vec<Target> {
        let mut targets = Vec::new();
        for topic in &self.topics {
            let name = fetched_topic(model, version, topic).unwrap_or_default();
            targets.extend(topic.partitions.iter().map(|partition| Target {
                topic: name.clone(),
                partition: Some(partition.partition),
            }));
        }
        targets
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<FetchResponse> {
        if self.session_epoch > 0 {
            // A client only goes on with a session that a broker has opened, and none here does.
            return Reply::With(FetchResponse {
                error_code: ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
                throttle_time_ms: call.verdict.throttle_ms(),
                ..FetchResponse::default()
            });
        }
        let patience = Duration::from_millis(u64::try_from(self.max_wait_ms).unwrap_or_default());
        fetch(model, call, self, call.now.elapsed + patience)
    }
}

/// Answers when there is enough, or an error, or when the client has waited long enough.
pub(in crate::model) fn fetch(
    model: &mut Model,
    call: &Call,
    request: FetchRequest,
    until: Duration,
) -> Reply<FetchResponse> {
    let mut response =
        FetchResponse { throttle_time_ms: call.verdict.throttle_ms(), ..FetchResponse::default() };
    let mut room = Room { left: usize::try_from(request.max_bytes).unwrap_or(0), read: 0 };
    let mut deadline = until;
    let mut is_failed = false;
    let reads_committed = request.isolation_level == READ_COMMITTED;
    if let Some(due) = model.next_change_of_transactions().filter(|_| reads_committed) {
        deadline = deadline.min(due);
    }
    for topic in &request.topics {
        let found = fetched_topic(model, call.version, topic);
        let mut answered = FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            ..FetchableTopicResponse::default()
        };
        for asked in &topic.partitions {
            let mut data = PartitionData {
                partition_index: asked.partition,
                high_watermark: -1,
                // A consumer that reads committed records only wants a list, be it empty.
                aborted_transactions: reads_committed.then(Vec::new),
                records: Some(Bytes::new()),
                ..PartitionData::default()
            };
            let read = found.as_ref().map_err(|&code| code).and_then(|name| {
                let due = model.replicate(name, asked.partition);
                deadline = due.map_or(deadline, |due| deadline.min(due));
                read(model, call, name, (asked, request.isolation_level), &mut room, &mut data)
            });
            if let Err(code) = read {
                is_failed = true;
                data.error_code = code;
                if matches!(
                    code,
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID
                ) {
                    data.aborted_transactions = Some(Vec::new());
                }
                point_to_leader(model, call, found.as_deref().ok(), &mut data, &mut response);
            }
            answered.partitions.push(data);
        }
        response.responses.push(answered);
    }
    let wanted = usize::try_from(request.min_bytes).unwrap_or_default();
    if is_failed || room.read >= wanted || call.now.elapsed >= until {
        return Reply::With(response);
    }
    let kind = Box::new(WaitingKind::Fetch { call: call.clone(), request, until });
    Reply::Wait { deadline: Some(deadline), kind }
}

/// What is left of the bytes of an answer.
struct Room {
    left: usize,
    read: usize,
}

fn read(
    model: &Model,
    call: &Call,
    name: &str,
    (asked, isolation_level): (&FetchPartition, i8),
    room: &mut Room,
    data: &mut PartitionData,
) -> Result<(), ErrorCode> {
    let code = call.verdict.refusal(name, asked.partition);
    if let Some(code) = code.or_else(|| call.verdict.disguise(name, asked.partition)) {
        return Err(code);
    }
    if model.is_denied(call.session, &Permission::ReadTopic(name.into())) {
        return Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    }
    let partition = model.led_partition(call, name, asked.partition, asked.current_leader_epoch)?;
    let log = &partition.log;
    if !(log.start_offset()..=log.end_offset()).contains(&asked.fetch_offset) {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    data.high_watermark = log.high_watermark();
    data.last_stable_offset = log.last_stable_offset();
    data.log_start_offset = log.start_offset();
    let limit = room.left.min(usize::try_from(asked.partition_max_bytes).unwrap_or(0));
    let mut records = BytesMut::new();
    let mut upper = log.end_offset();
    for batch in log.readable_from(asked.fetch_offset, readable_end(log, isolation_level)) {
        // The first batch of an answer goes whatever its size, so that a consumer gets past it.
        let is_first = room.read == 0 && records.is_empty();
        if !is_first && records.len() + batch.bytes.len() > limit {
            upper = batch.header.base_offset;
            break;
        }
        records.extend_from_slice(&batch.bytes);
    }
    if isolation_level == READ_COMMITTED && !records.is_empty() {
        let overlap = log.aborted().filter(|aborted| {
            aborted.last_offset >= asked.fetch_offset && aborted.first_offset < upper
        });
        let told = overlap.map(|aborted| AbortedTransaction {
            producer_id: aborted.producer_id.0,
            first_offset: aborted.first_offset,
            ..AbortedTransaction::default()
        });
        data.aborted_transactions = Some(told.collect());
    }
    room.left = room.left.saturating_sub(records.len());
    room.read += records.len();
    data.records = Some(records.freeze());
    Ok(())
}

fn fetched_topic(model: &Model, version: i16, topic: &FetchTopic) -> Result<String, ErrorCode> {
    if version >= IDS_SINCE {
        return model.name_of(topic.topic_id).map(Into::into).ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
    }
    Ok(topic.topic.to_string())
}

/// Names the leader to whoever asked another broker, or is behind (KIP-951).
fn point_to_leader(
    model: &Model,
    call: &Call,
    name: Option<&str>,
    data: &mut PartitionData,
    response: &mut FetchResponse,
) {
    let is_told = matches!(
        data.error_code,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH
    );
    let partition = name.and_then(|name| model.partition(name, data.partition_index));
    let Some(partition) = partition.filter(|_| is_told && call.version >= LEADERS_SINCE) else {
        return;
    };
    let Some(leader) = partition.leader.and_then(|leader| model.broker(leader)) else { return };
    data.current_leader = LeaderIdAndEpoch {
        leader_id: leader.id.0,
        leader_epoch: partition.leader_epoch,
        ..LeaderIdAndEpoch::default()
    };
    if response.node_endpoints.iter().all(|node| node.node_id != leader.id.0) {
        response.node_endpoints.push(NodeEndpoint {
            node_id: leader.id.0,
            host: ByteStr::copy_from(&leader.host),
            port: leader.port.into(),
            rack: leader.rack.as_deref().map(ByteStr::copy_from),
            ..NodeEndpoint::default()
        });
    }
}
