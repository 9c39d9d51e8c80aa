//! Produce: what is asked, what is answered, and the wait for followers between.

mod append;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rohrpost_codec::messages::produce_request::PartitionProduceData;
use rohrpost_codec::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use rohrpost_codec::messages::{ProduceRequest, ProduceResponse};
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use self::append::{Refused, append, wanting_transaction};
use crate::model::Model;
use crate::model::answer::{OpenAppend, WaitingKind};
use crate::model::fault::Target;
use crate::model::log::Appended;
use crate::model::request::{Call, Reply, Serve};
use crate::model::validate::{is_transactional, is_without_producer, only_batch_of};

/// Since then topics go by their ids (KIP-516).
const IDS_SINCE: i16 = 13;
/// Since then an answer says who leads (KIP-951).
const LEADERS_SINCE: i16 = 10;

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
        let mut all = self.topic_data.iter().flat_map(|topic| &topic.partition_data);
        if all.any(|data| data.records.is_none()) {
            // Kafka 4.3.1 trips over null and never answers.
            return Reply::Stall;
        }
        let mut open = Vec::new();
        let parts = parts(&self);
        let refused = refusal_of_all(model, call, &self, &parts).err();
        for part in parts {
            let outcome = match refused {
                Some(code) => Err(code.into()),
                None => part.append(model, call, &self),
            };
            let (topic_at, answered) = topic_answer(&mut response, &part);
            let at = (topic_at, answered.partition_responses.len());
            let name = model.produced_topic(call, part.name, part.topic_id).ok();
            if let (Ok(appended), Some(name)) = (&outcome, &name) {
                open.extend(model.open_append(call, self.acks, (name, part.index()), appended, at));
            }
            let answer = model.partition_answer(call, part.index(), name.as_deref(), outcome);
            answered.partition_responses.push(answer);
        }
        if self.acks == 0 {
            model.throttle(call, &mut response);
            // Nobody waits for an answer, so that closing the connection is the only way to tell of an error.
            let mut all = response.responses.iter().flat_map(|topic| &topic.partition_responses);
            return if all.all(|p| p.error_code.is_none()) { Reply::None } else { Reply::Close };
        }
        let timeout = Duration::from_millis(u64::try_from(self.timeout_ms).unwrap_or_default());
        await_followers(model, call, response, open, call.now.elapsed + timeout)
    }
}

/// A partition's part in a request.
struct Part<'a> {
    name: &'a ByteStr,
    topic_id: Uuid,
    /// Everything that the request has for the partition, in its order. Kafka goes by maps: of several batches for a partition it
    /// appends the last good one, and answers with the last bad one.
    data: Vec<&'a PartitionProduceData>,
}

/// The parts of a request, each partition once.
fn parts(request: &ProduceRequest) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for topic in &request.topic_data {
        for data in &topic.partition_data {
            let place = (topic.name.as_str(), topic.topic_id.0, data.index);
            match places.get(&place) {
                Some(&at) => {
                    let part: &mut Part<'_> = &mut parts[at];
                    part.data.push(data);
                }
                None => {
                    places.insert(place, parts.len());
                    let (name, topic_id) = (&topic.name, topic.topic_id);
                    parts.push(Part { name, topic_id, data: vec![data] });
                }
            }
        }
    }
    parts
}

impl Part<'_> {
    fn index(&self) -> i32 {
        self.data.first().map_or(-1, |data| data.index)
    }

    /// Whether the broker gets as far as to look at the records.
    fn is_known(&self, model: &Model, call: &Call) -> bool {
        let name = model.produced_topic(call, self.name, self.topic_id);
        name.is_ok_and(|name| {
            model.may_write(call.session, &name)
                && model.find_partition(call, &name, self.index()).is_ok()
        })
    }

    /// The batch that is to be appended: the last one that has the form of one.
    fn good(&self, version: i16) -> Option<Bytes> {
        let mut latest = self.data.iter().rev();
        latest.find_map(|data| only_batch_of(data, version).ok())
    }

    /// Whether a look at the records is the end of the whole request.
    fn is_fatal(&self, version: i16) -> bool {
        let refused = self.data.iter().filter_map(|data| {
            only_batch_of(data, version).err().map(|refusal| refusal.error_code)
        });
        refused.into_iter().any(|code| code == ErrorCode::UNKNOWN_SERVER_ERROR)
    }

    fn append(
        &self,
        model: &mut Model,
        call: &Call,
        request: &ProduceRequest,
    ) -> Result<Appended, Refused> {
        let name = model.produced_topic(call, self.name, self.topic_id)?;
        append(model, call, request, &name, &self.data)
    }
}

/// Whether a request is refused as a whole: the look for a transactional batch ends at the first one, or at bytes that cannot be a batch.
fn refusal_of_all(
    model: &Model,
    call: &Call,
    request: &ProduceRequest,
    parts: &[Part<'_>],
) -> Result<(), ErrorCode> {
    let all = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    for records in all.filter_map(|data| data.records.as_ref()) {
        if is_transactional(&records.to_bytes()).map_err(|refusal| refusal.error_code)? {
            let may =
                request.transactional_id.as_ref().is_some_and(|id| model.may_use(call.session, id));
            if may {
                break;
            }
            return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        }
    }
    let parts: Vec<_> = parts.iter().filter(|part| part.is_known(model, call)).collect();
    let is_short =
        |part: &Part<'_>| part.good(call.version).as_ref().is_some_and(is_without_producer);
    if parts.iter().any(|&part| part.is_fatal(call.version) || is_short(part)) {
        return Err(ErrorCode::UNKNOWN_SERVER_ERROR);
    }
    let wanting = parts.iter().filter_map(|part| wanting_transaction(&part.good(call.version)?));
    let mut producers = wanting.map(|header| (header.producer_id, header.producer_epoch));
    let first = producers.next();
    if producers.any(|other| Some(other) != first) {
        return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    }
    Ok(())
}

/// The answer for a part's topic, and where it is.
fn topic_answer<'a>(
    response: &'a mut ProduceResponse,
    part: &Part<'_>,
) -> (usize, &'a mut TopicProduceResponse) {
    let is_it =
        |topic: &TopicProduceResponse| (&topic.name, topic.topic_id) == (part.name, part.topic_id);
    let at = response.responses.iter().position(is_it).unwrap_or_else(|| {
        response.responses.push(TopicProduceResponse {
            name: part.name.clone(),
            topic_id: part.topic_id,
            ..TopicProduceResponse::default()
        });
        response.responses.len() - 1
    });
    (at, &mut response.responses[at])
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
        let due = model.replicate(&append.topic, append.partition);
        let Some(fate) = model.fate(call, append) else {
            if now < until {
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
        model.point_to_leaders(call, &mut response);
        model.throttle(call, &mut response);
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

impl Model {
    /// The name of the topic that a Produce request means, as far as the broker knows it.
    fn produced_topic(&self, call: &Call, name: &ByteStr, id: Uuid) -> Result<String, ErrorCode> {
        let seen = self.seen_by(call.broker);
        if call.version >= IDS_SINCE {
            return seen.name_of(id).map(Into::into).ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
        }
        Ok(name.to_string())
    }

    fn open_append(
        &self,
        call: &Call,
        acks: i16,
        (topic, index): (&str, i32),
        appended: &Appended,
        at: (usize, usize),
    ) -> Option<OpenAppend> {
        let topic_id = self.topics.get(topic)?.id;
        let partition = self.partition(topic, index)?.known_to(call.broker);
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
    fn fate(&self, call: &Call, append: &OpenAppend) -> Option<Result<(), ErrorCode>> {
        let topic = self.topics.get(&append.topic);
        let Some(topic) = topic.filter(|topic| topic.id == append.topic_id) else {
            return Some(Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        };
        let partition = topic.partitions.get(usize::try_from(append.partition).ok()?)?;
        let partition = partition.known_to(call.broker);
        if partition.leader != Some(call.broker) || partition.leader_epoch != append.leader_epoch {
            return Some(Err(ErrorCode::NOT_LEADER_OR_FOLLOWER));
        }
        if partition.log.high_watermark() <= append.last_offset {
            return None;
        }
        // As the high watermark stands still without enough replicas, they were lost after it had passed.
        if !partition.has_enough_replicas(topic.config.min_insync_replicas) {
            return Some(Err(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));
        }
        Some(Ok(()))
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
                let partition = topic.and_then(|topic| self.partition(topic, index));
                let log = partition.map(|partition| &partition.known_to(call.broker).log);
                answer.log_start_offset = log.map_or(-1, |log| log.start_offset());
            }
            Err(Refused { refusal, log_start_offset }) => {
                answer.log_start_offset = log_start_offset;
                self.stats.refused += u64::from(disguise.is_none());
                answer.base_offset = -1;
                answer.error_code = refusal.error_code;
                answer.record_errors = refusal.record_errors;
                let message = Some(refusal.message).filter(|message| !message.is_empty());
                answer.error_message = message.map(ByteStr::from);
            }
        }
        answer
    }

    /// Names the leaders to whoever asked another broker, as far as the broker knows them (KIP-951).
    fn point_to_leaders(&self, call: &Call, response: &mut ProduceResponse) {
        if call.version < LEADERS_SINCE {
            return;
        }
        let seen = self.seen_by(call.broker);
        let mut nodes: Vec<NodeEndpoint> = Vec::new();
        for answered in &mut response.responses {
            let name = match call.version {
                IDS_SINCE.. => seen.name_of(answered.topic_id).unwrap_or_default(),
                _ => answered.name.as_str(),
            };
            for partition in &mut answered.partition_responses {
                if partition.error_code != ErrorCode::NOT_LEADER_OR_FOLLOWER {
                    continue;
                }
                let index = usize::try_from(partition.index).unwrap_or(usize::MAX);
                let topic = seen.topics.get(name);
                let Some(known) = topic.and_then(|topic| topic.partitions.get(index)) else {
                    continue;
                };
                partition.current_leader = LeaderIdAndEpoch {
                    leader_id: known.leader.map_or(-1, |leader| leader.0),
                    leader_epoch: known.leader_epoch,
                    ..LeaderIdAndEpoch::default()
                };
                let leader = known.leader.and_then(|leader| seen.brokers.get(&leader));
                let Some(broker) = leader.filter(|broker| broker.is_alive()) else { continue };
                if nodes.iter().all(|node| node.node_id != broker.id.0) {
                    nodes.push(NodeEndpoint {
                        node_id: broker.id.0,
                        host: ByteStr::copy_from(&broker.host),
                        port: broker.port.into(),
                        rack: broker.rack.as_deref().map(ByteStr::copy_from),
                        ..NodeEndpoint::default()
                    });
                }
            }
        }
        response.node_endpoints = nodes;
    }

    /// Has a client that is over its quota pause: it is told so, and is served nothing for so long (KIP-219).
    fn throttle(&mut self, call: &Call, response: &mut ProduceResponse) {
        let Some(rate) = self.config.producer_byte_rate else { return };
        let now = call.now.elapsed;
        let pause = self.usage.pause(call.broker, &call.client_id, call.size, rate, now);
        if pause.is_zero() {
            return;
        }
        let ms = i32::try_from(pause.as_millis()).unwrap_or(i32::MAX);
        response.throttle_time_ms = response.throttle_time_ms.max(ms);
        self.stats.throttled += 1;
        self.mute(call.session, now.saturating_add(pause));
    }
}
