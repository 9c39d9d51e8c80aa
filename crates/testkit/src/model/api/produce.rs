//! Produce: appends, and what keeps them from happening.

use std::time::Duration;

use bytes::Bytes;
use rohrpost_codec::messages::produce_request::PartitionProduceData;
use rohrpost_codec::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use rohrpost_codec::messages::{ProduceRequest, ProduceResponse};
use rohrpost_codec::{ByteStr, ErrorCode};
use rohrpost_records::BatchHeader;

use crate::model::answer::{OpenAppend, WaitingKind};
use crate::model::fault::Target;
use crate::model::log::{AppendContext, Appended};
use crate::model::request::{Call, Reply, Serve};
use crate::model::topic::{TimestampType, Topic};
use crate::model::validate::{Limits, Refusal, check_batch, only_batch};
use crate::model::{BrokerId, Model};

/// Since then topics go by their ids (KIP-516).
const IDS_SINCE: i16 = 13;
/// Since then an answer says who leads (KIP-951).
const LEADERS_SINCE: i16 = 10;
/// How far ahead of the broker's clock a timestamp may be, ms (`message.timestamp.after.max.ms`).
const TIMESTAMP_AFTER_MAX: i64 = 60 * 60 * 1000;

const ALL: i16 = -1;

impl Serve for ProduceRequest {
    fn targets(&self, model: &Model, version: i16) -> Vec<Target> {
        let mut targets = Vec::new();
        for topic in &self.topic_data {
            let name = match version {
                IDS_SINCE.. => model.name_of(topic.topic_id).unwrap_or_default(),
                _ => topic.name.as_str(),
            };
            targets.extend(
                topic.partition_data.iter().map(|partition| Target {
                    topic: name.into(),
                    partition: Some(partition.index),
                }),
            );
        }
        targets
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<ProduceResponse> {
        let mut response = ProduceResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..ProduceResponse::default()
        };
        let mut open = Vec::new();
        for topic in &self.topic_data {
            let mut answered = TopicProduceResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                ..TopicProduceResponse::default()
            };
            let found = model.produced_topic(call.version, &topic.name, topic.topic_id);
            for data in &topic.partition_data {
                let at = (response.responses.len(), answered.partition_responses.len());
                let outcome = match &found {
                    Ok(name) => append(model, call, &self, name, data),
                    Err(code) => Err(Refused::from(*code)),
                };
                if let (Ok(appended), Ok(name)) = (&outcome, &found) {
                    open.extend(model.open_append(self.acks, name, data.index, appended, at));
                }
                let partition =
                    model.partition_answer(call, data.index, found.as_deref().ok(), outcome);
                model.point_to_leader(call.version, &partition, &mut response);
                answered.partition_responses.push(partition);
            }
            response.responses.push(answered);
        }
        if self.acks == 0 {
            // Nobody waits for an answer, so that closing the connection is the only way to tell of an error.
            let mut all = response.responses.iter().flat_map(|topic| &topic.partition_responses);
            return if all.all(|p| p.error_code.is_none()) { Reply::None } else { Reply::Close };
        }
        let timeout = Duration::from_millis(u64::try_from(self.timeout_ms).unwrap_or_default());
        await_followers(model, call, response, open, call.now.elapsed + timeout)
    }
}

/// An append that did not happen.
struct Refused {
    refusal: Refusal,
    /// Who leads, for whoever asked a broker that does not.
    leader: Option<(BrokerId, i32)>,
    /// Where the log begins, for refusals that Kafka makes with the log in hand; else -1.
    log_start_offset: i64,
}

impl From<ErrorCode> for Refused {
    fn from(error_code: ErrorCode) -> Self {
        Refusal { error_code, message: String::new(), record_errors: Vec::new() }.into()
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, leader: None, log_start_offset: -1 }
    }
}

/// Answers when the followers have everything that is open, or cannot have it any more, or the request's timeout has come.
pub(in crate::model) fn await_followers(
    model: &mut Model,
    call: &Call,
    mut response: ProduceResponse,
    mut open: Vec<OpenAppend>,
    until: Duration,
) -> Reply<ProduceResponse> {
    let now = call.now.elapsed;
    let mut deadline = until;
    open.retain(|append| {
        let Some(fate) = model.fate(call, append) else {
            if now < until {
                let due = model.next_replication(&append.topic, append.partition);
                deadline = due.map_or(deadline, |due| deadline.min(due));
                return true;
            }
            fail(&mut response, append.at, ErrorCode::REQUEST_TIMED_OUT);
            return false;
        };
        if let Err(code) = fate {
            fail(&mut response, append.at, code);
        }
        false
    });
    if open.is_empty() {
        return Reply::With(response);
    }
    let kind = Box::new(WaitingKind::Produce { call: call.clone(), response, open, until });
    Reply::Wait { deadline: Some(deadline), kind }
}

fn fail(response: &mut ProduceResponse, (topic, partition): (usize, usize), code: ErrorCode) {
    let topic = response.responses.get_mut(topic);
    if let Some(answer) = topic.and_then(|topic| topic.partition_responses.get_mut(partition)) {
        *answer = PartitionProduceResponse {
            index: answer.index,
            error_code: code,
            base_offset: -1,
            ..PartitionProduceResponse::default()
        };
    }
}

fn append(
    model: &mut Model,
    call: &Call,
    request: &ProduceRequest,
    name: &str,
    data: &PartitionProduceData,
) -> Result<Appended, Refused> {
    if let Some(code) = call.verdict.refusal(name, data.index) {
        return Err(code.into());
    }
    let lag = model.config.replication_lag;
    let retention_bytes = model.config.retention_bytes;
    let Some(topic) = model.topics.get_mut(name) else {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
    };
    let (config, limits) = (topic.config, limits(topic, call.now.wall_ms));
    let index = usize::try_from(data.index).ok();
    let Some(partition) = index.and_then(|index| topic.partitions.get_mut(index)) else {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
    };
    let batch = only_batch(data.records.as_ref(), call.version)?;
    if is_transactional(&batch) && request.transactional_id.is_none() {
        return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED.into());
    }
    if !(ALL..=1).contains(&request.acks) {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
    }
    if partition.leader != Some(call.broker) {
        let leader = partition.leader.map(|leader| (leader, partition.leader_epoch));
        return Err(Refused { leader, ..ErrorCode::NOT_LEADER_OR_FOLLOWER.into() });
    }
    let log_start_offset = partition.log.start_offset();
    let by_log = |refused: Refused| match refused.refusal.error_code {
        ErrorCode::CORRUPT_MESSAGE | ErrorCode::MESSAGE_TOO_LARGE => refused,
        _ => Refused { log_start_offset, ..refused },
    };
    let is_enough = partition.isr.len() as i64 >= i64::from(config.min_insync_replicas);
    if request.acks == ALL && !is_enough {
        return Err(by_log(ErrorCode::NOT_ENOUGH_REPLICAS.into()));
    }
    let batch = check_batch(&batch, &limits).map_err(|refusal| by_log(refusal.into()))?;
    let is_broker_time = config.timestamp_type == TimestampType::LogAppendTime;
    let context = AppendContext {
        now: call.now.elapsed,
        log_append_time: is_broker_time.then_some(call.now.wall_ms),
        leader_epoch: partition.leader_epoch,
    };
    let appended = partition.log.append(&batch, context).map_err(|code| by_log(code.into()))?;
    partition.replicate(call.now.elapsed, lag);
    if let Some(limit) = config.retention_bytes.or(retention_bytes) {
        partition.log.retain_bytes(limit);
    }
    if appended.is_duplicate {
        model.stats.duplicates += 1;
    } else {
        model.stats.batches += 1;
        model.stats.records += u64::from(batch.header().record_count.unsigned_abs());
        model.stats.bytes += batch.bytes().len() as u64;
        model.changes += 1;
    }
    Ok(appended)
}

fn is_transactional(batch: &Bytes) -> bool {
    BatchHeader::parse(batch).is_ok_and(|header| header.attributes.is_transactional())
}

fn limits(topic: &Topic, wall_ms: i64) -> Limits {
    let is_producers_time = topic.config.timestamp_type == TimestampType::CreateTime;
    Limits {
        max_message_bytes: topic.config.max_message_bytes,
        is_compacted: topic.config.is_compacted,
        max_timestamp: is_producers_time.then(|| wall_ms.saturating_add(TIMESTAMP_AFTER_MAX)),
    }
}

impl Model {
    /// The name of the topic that a Produce request means.
    fn produced_topic(
        &self,
        version: i16,
        name: &ByteStr,
        id: rohrpost_codec::Uuid,
    ) -> Result<String, ErrorCode> {
        if version >= IDS_SINCE {
            return self.name_of(id).map(Into::into).ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
        }
        let known = self.topics.contains_key(name.as_str());
        known.then(|| name.to_string()).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    }

    fn open_append(
        &self,
        acks: i16,
        topic: &str,
        index: i32,
        appended: &Appended,
        at: (usize, usize),
    ) -> Option<OpenAppend> {
        let topic_id = self.topics.get(topic)?.id;
        let partition = self.partition(topic, index)?;
        let is_open = acks == ALL && partition.log.high_watermark() <= appended.last_offset;
        is_open.then(|| OpenAppend {
            topic: topic.into(),
            topic_id,
            partition: index,
            leader_epoch: partition.leader_epoch,
            last_offset: appended.last_offset,
            at,
        })
    }

    /// What has become of an append with acks=all; `None` while that is open.
    fn fate(&mut self, call: &Call, append: &OpenAppend) -> Option<Result<(), ErrorCode>> {
        let lag = self.config.replication_lag;
        let topic = self.topics.get_mut(&append.topic);
        let Some(topic) = topic.filter(|topic| topic.id == append.topic_id) else {
            return Some(Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        };
        let min_insync_replicas = i64::from(topic.config.min_insync_replicas);
        let partition = topic.partitions.get_mut(usize::try_from(append.partition).ok()?)?;
        if partition.leader != Some(call.broker) || partition.leader_epoch != append.leader_epoch {
            return Some(Err(ErrorCode::NOT_LEADER_OR_FOLLOWER));
        }
        if partition.replicate(call.now.elapsed, lag) {
            self.changes += 1;
        }
        if partition.log.high_watermark() <= append.last_offset {
            return None;
        }
        if (partition.isr.len() as i64) < min_insync_replicas {
            return Some(Err(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));
        }
        Some(Ok(()))
    }

    fn next_replication(&self, topic: &str, index: i32) -> Option<Duration> {
        self.partition(topic, index)?.next_replication(self.config.replication_lag)
    }

    fn partition_answer(
        &mut self,
        call: &Call,
        index: i32,
        topic: Option<&str>,
        outcome: Result<Appended, Refused>,
    ) -> PartitionProduceResponse {
        let disguise = topic.and_then(|topic| call.verdict.disguise(topic, index));
        let outcome = match disguise {
            Some(code) => outcome.and(Err(code.into())),
            None => outcome,
        };
        let mut answer = PartitionProduceResponse { index, ..PartitionProduceResponse::default() };
        match outcome {
            Ok(appended) => {
                answer.base_offset = appended.base_offset;
                answer.log_append_time_ms = appended.log_append_time;
                let log = topic.and_then(|topic| self.partition(topic, index)).map(|p| &p.log);
                answer.log_start_offset = log.map_or(-1, |log| log.start_offset());
            }
            Err(Refused { refusal, leader, log_start_offset }) => {
                answer.log_start_offset = log_start_offset;
                self.stats.refused += u64::from(disguise.is_none());
                answer.base_offset = -1;
                answer.error_code = refusal.error_code;
                answer.record_errors = refusal.record_errors;
                let message = Some(refusal.message).filter(|message| !message.is_empty());
                answer.error_message = message.map(ByteStr::from);
                if let Some((leader, epoch)) = leader.filter(|_| call.version >= LEADERS_SINCE) {
                    answer.current_leader = LeaderIdAndEpoch {
                        leader_id: leader.0,
                        leader_epoch: epoch,
                        ..LeaderIdAndEpoch::default()
                    };
                }
            }
        }
        answer
    }

    /// Adds the address of the leader that a partition's answer names (KIP-951).
    fn point_to_leader(
        &self,
        version: i16,
        partition: &PartitionProduceResponse,
        response: &mut ProduceResponse,
    ) {
        let id = partition.current_leader.leader_id;
        let is_there = response.node_endpoints.iter().any(|node| node.node_id == id);
        let Some(broker) = self.broker(id).filter(|_| version >= LEADERS_SINCE && !is_there) else {
            return;
        };
        response.node_endpoints.push(NodeEndpoint {
            node_id: id,
            host: ByteStr::copy_from(&broker.host),
            port: broker.port.into(),
            rack: broker.rack.as_deref().map(ByteStr::copy_from),
            ..NodeEndpoint::default()
        });
    }
}
