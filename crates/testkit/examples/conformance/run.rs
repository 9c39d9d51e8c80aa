//! Lets a side do a step, and says what came of it in words that must be the same for both.

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use rohrpost_codec::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use rohrpost_codec::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use rohrpost_codec::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use rohrpost_codec::messages::fetch_request::{FetchPartition, FetchTopic};
use rohrpost_codec::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::messages::produce_response::PartitionProduceResponse;
use rohrpost_codec::messages::*;
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};
use rohrpost_records::{BatchHeader, RecordBatches};
use rohrpost_testkit::model::Permission;

use crate::answers::{self, TRANSACTION, called_producer, turn_to_coordinator};
use crate::batches::{Producer, start_ms};
use crate::sides::{Heard, Names, Side};
use crate::steps::{Denial, Init, Produce, Step, Topic, TopicRef};

/// Since then topics go by their ids in Produce.
const IDS_SINCE: i16 = 13;

/// The answers to a step, one line for each part of them, in an order that does not depend on the side.
pub(crate) fn run<S: Side>(side: &mut S, step: &Step, topics: &[Topic]) -> io::Result<Vec<String>> {
    let mut lines = match step {
        Step::Produce(produce) => self::produce(side, produce, topics)?,
        Step::Init(init) => self::init(side, init)?,
        Step::Ask(ask) => answers::ask(side, ask, topics)?,
        Step::DeleteRecords { topic, partition, offset } => {
            side.turn_to(topics[*topic].leader(*partition));
            let partition = DeleteRecordsPartition {
                partition_index: *partition,
                offset: *offset,
                ..Default::default()
            };
            let topic = DeleteRecordsTopic {
                name: name(topics, *topic),
                partitions: vec![partition],
                ..Default::default()
            };
            let request = DeleteRecordsRequest {
                topics: vec![topic],
                timeout_ms: 5000,
                ..Default::default()
            };
            said(side.call(&request, 2, false)?, |answer| {
                let partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
                partitions
                    .map(|p| format!("{} start {}", p.error_code.name(), p.low_watermark))
                    .collect()
            })
        }
        Step::Grow { topic, count } => grow(side, &topics[*topic], *count)?,
        Step::Recreate { topic } => {
            let topic = &topics[*topic];
            [delete(side, std::slice::from_ref(topic))?, create(side, std::slice::from_ref(topic))?]
                .concat()
        }
        Step::Versions { version } => versions(side, *version)?,
        Step::Metadata { version, topic } => metadata(side, *version, *topic, topics)?,
        Step::MoveLeader { topic, partition, to } => {
            side.move_leader(&topics[*topic], *partition, *to)?;
            Vec::new()
        }
        Step::Wait(time) => {
            side.wait(*time);
            Vec::new()
        }
        Step::Limit(bytes) => {
            side.limit(*bytes)?;
            Vec::new()
        }
        Step::Deny(denial) => {
            side.deny(match denial {
                Denial::Write(topic) => Permission::WriteTopic(topics[*topic].name.clone()),
                Denial::Describe(topic) => Permission::DescribeTopic(topics[*topic].name.clone()),
                Denial::TransactionalId(id) => Permission::WriteTransactionalId(id.clone()),
                Denial::Group(group) => Permission::ReadGroup(group.clone()),
            })?;
            Vec::new()
        }
        Step::ReadBack => read_back(side, topics)?,
    };
    lines.sort();
    Ok(lines)
}

pub(crate) fn said<T>(heard: Heard<T>, lines: impl FnOnce(T) -> Vec<String>) -> Vec<String> {
    match heard {
        Heard::Answer(answer) => lines(answer),
        Heard::Nothing => vec!["no answer".into()],
        Heard::Closed => vec!["closed".into()],
    }
}

fn name(topics: &[Topic], index: usize) -> ByteStr {
    topics[index].name.clone().into()
}

fn produce<S: Side>(side: &mut S, produce: &Produce, topics: &[Topic]) -> io::Result<Vec<String>> {
    let names = side.names().clone();
    let mut request = ProduceRequest {
        transactional_id: produce.transactional_id.clone().map(Into::into),
        acks: produce.acks,
        timeout_ms: 3000,
        ..Default::default()
    };
    for entry in &produce.entries {
        let (name, topic_id) = called(&names, topics, entry.topic, produce.version >= IDS_SINCE);
        let data = PartitionProduceData {
            index: entry.partition,
            records: Some(entry.batch.to_bytes(&names.given).into()),
            ..Default::default()
        };
        match request.topic_data.last_mut() {
            Some(last) if (&last.name, last.topic_id) == (&name, topic_id) => {
                last.partition_data.push(data);
            }
            _ => request.topic_data.push(TopicProduceData {
                name,
                topic_id,
                partition_data: vec![data],
                ..Default::default()
            }),
        }
    }
    side.turn_to(produce.broker);
    let heard = side.call(&request, produce.version, produce.acks == 0)?;
    let is_cluster = side.brokers() > 1;
    Ok(said(heard, |answer| {
        let mut lines = Vec::new();
        for topic in &answer.responses {
            let topic_name = match produce.version {
                IDS_SINCE.. => names.name_of(topic.topic_id),
                _ => topic.name.as_str(),
            };
            let told = topic.partition_responses.iter();
            lines.extend(
                told.map(|p| format!("{topic_name}-{}: {}", p.index, outcome(p, is_cluster))),
            );
        }
        if answer.throttle_time_ms > 0 {
            // As exactly as two clocks can be.
            let seconds = (f64::from(answer.throttle_time_ms) / 1000.0).round();
            lines.push(format!("throttled for {seconds} s"));
        }
        for node in &answer.node_endpoints {
            lines.push(format!("node {}", node.node_id));
        }
        lines
    }))
}

pub(crate) fn called(
    names: &Names,
    topics: &[Topic],
    topic: TopicRef,
    by_id: bool,
) -> (ByteStr, Uuid) {
    let (name, id) = match topic {
        TopicRef::Nowhere => ("nowhere", Uuid([7; 16])),
        TopicRef::Known(index) => (&*topics[index].name, names.id(&topics[index].name, 0)),
        TopicRef::Former(index) => (&*topics[index].name, names.id(&topics[index].name, 1)),
    };
    match by_id {
        true => (ByteStr::default(), id),
        false => (name.to_owned().into(), Uuid::NIL),
    }
}

/// In a cluster, leader epochs are Kafka's own business: they rise with more than changes of the leader.
fn outcome(answer: &PartitionProduceResponse, is_cluster: bool) -> String {
    let time = match answer.log_append_time_ms {
        // The brokers' time is after our start, but for the timestamps of producers.
        time if time > start_ms() && time < start_ms() + 3_600_000 => "now".into(),
        time => time.to_string(),
    };
    let faulty: Vec<_> = answer.record_errors.iter().map(|error| error.batch_index).collect();
    format!(
        "{} at {} from {} time {time} faulty {faulty:?} leader {}/{}",
        answer.error_code.name(),
        answer.base_offset,
        answer.log_start_offset,
        answer.current_leader.leader_id,
        if is_cluster { 0 } else { answer.current_leader.leader_epoch },
    )
}

fn init<S: Side>(side: &mut S, init: &Init) -> io::Result<Vec<String>> {
    let request = InitProducerIdRequest {
        transactional_id: init.transactional_id.clone().map(Into::into),
        transaction_timeout_ms: init.timeout_ms,
        producer_id: match init.producer {
            None => -1,
            Some(Producer::Fixed(id)) => id,
            Some(Producer::Given(index)) => side.names().given[index],
        },
        producer_epoch: init.epoch,
        ..Default::default()
    };
    if let Some(id) = init.transactional_id.as_ref().filter(|id| !id.is_empty()) {
        turn_to_coordinator(side, id, TRANSACTION)?;
    }
    let heard = side.call(&request, init.version, false)?;
    let names = side.names();
    let lines = said(heard, |answer| {
        let id = called_producer(names, answer.producer_id);
        vec![format!("{} id {id} epoch {}", answer.error_code.name(), answer.producer_epoch)]
    });
    if let Some(id) = init.transactional_id.as_ref().filter(|id| !id.is_empty()) {
        // A transaction that was open is being aborted.
        side.settle(id)?;
    }
    Ok(lines)
}

fn grow<S: Side>(side: &mut S, topic: &Topic, count: i32) -> io::Result<Vec<String>> {
    let brokers = side.brokers();
    let assignments = (topic.partitions..count).map(|partition| CreatePartitionsAssignment {
        broker_ids: topic.replicas_of(partition, brokers).into_iter().collect(),
        ..Default::default()
    });
    let topic = CreatePartitionsTopic {
        name: topic.name.clone().into(),
        count,
        assignments: (count > topic.partitions).then(|| assignments.collect()),
        ..Default::default()
    };
    let request =
        CreatePartitionsRequest { topics: vec![topic], timeout_ms: 5000, ..Default::default() };
    Ok(said(side.call(&request, 3, false)?, |answer| {
        answer.results.iter().map(|result| result.error_code.name().into()).collect()
    }))
}

/// Creates topics and learns their ids.
pub(crate) fn create<S: Side>(side: &mut S, topics: &[Topic]) -> io::Result<Vec<String>> {
    let brokers = side.brokers();
    let creatable = |topic: &Topic| CreatableTopic {
        name: topic.name.clone().into(),
        num_partitions: -1,
        replication_factor: -1,
        assignments: (0..topic.partitions)
            .map(|partition_index| CreatableReplicaAssignment {
                partition_index,
                broker_ids: topic.replicas_of(partition_index, brokers).into_iter().collect(),
                ..Default::default()
            })
            .collect(),
        configs: (topic.configs.iter())
            .map(|&(name, value)| CreatableTopicConfig {
                name: name.into(),
                value: Some(value.into()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let topics = topics.iter().map(creatable).collect();
    let request = CreateTopicsRequest { topics, timeout_ms: 5000, ..Default::default() };
    let heard = side.call(&request, 7, false)?;
    let names = side.names();
    Ok(said(heard, |answer| {
        let mut lines = Vec::new();
        for topic in answer.topics {
            names.topics.entry(topic.name.to_string()).or_default().push(topic.topic_id);
            lines.push(format!("{} created: {}", topic.name, topic.error_code.name()));
        }
        lines
    }))
}

/// Deletes topics.
pub(crate) fn delete<S: Side>(side: &mut S, topics: &[Topic]) -> io::Result<Vec<String>> {
    let topic_names = topics.iter().map(|topic| topic.name.clone().into()).collect();
    let request = DeleteTopicsRequest { topic_names, timeout_ms: 5000, ..Default::default() };
    Ok(said(side.call(&request, 5, false)?, |answer| {
        let told = answer.responses.iter();
        told.map(|topic| format!("deleted: {}", topic.error_code.name())).collect()
    }))
}

fn versions<S: Side>(side: &mut S, version: i16) -> io::Result<Vec<String>> {
    let request = ApiVersionsRequest {
        client_software_name: if version >= 3 { "conformance".into() } else { ByteStr::default() },
        client_software_version: if version >= 3 { "1".into() } else { ByteStr::default() },
        ..Default::default()
    };
    Ok(said(side.call(&request, version, false)?, |answer| {
        let mut lines = vec![answer.error_code.name().to_owned()];
        let features = answer.supported_features.iter();
        lines.extend(features.map(|f| format!("{} {}-{}", f.name, f.min_version, f.max_version)));
        let features = answer.finalized_features.iter();
        lines.extend(
            features.map(|f| {
                format!("final {} {}-{}", f.name, f.min_version_level, f.max_version_level)
            }),
        );
        lines
    }))
}

fn metadata<S: Side>(
    side: &mut S,
    version: i16,
    topic: TopicRef,
    topics: &[Topic],
) -> io::Result<Vec<String>> {
    let names = side.names().clone();
    let (name, topic_id) = called(&names, topics, topic, version >= 12);
    let name = Some(name).filter(|name| !name.is_empty());
    let is_cluster = side.brokers() > 1;
    let asked = MetadataRequestTopic { name, topic_id, ..Default::default() };
    let request = MetadataRequest {
        topics: Some(vec![asked]),
        allow_auto_topic_creation: version < 4,
        ..Default::default()
    };
    Ok(said(side.call(&request, version, false)?, |answer| {
        let mut lines = vec![format!("{} brokers", answer.brokers.len())];
        for topic in &answer.topics {
            let name = topic.name.as_deref().unwrap_or("no name");
            let id = if topic.topic_id.is_nil() { "no id" } else { names.name_of(topic.topic_id) };
            lines.push(format!("{name}, {id}: {}", topic.error_code.name()));
            for p in &topic.partitions {
                let mut replicas = [p.isr_nodes.to_vec(), p.replica_nodes.to_vec()];
                replicas.iter_mut().for_each(|ids| ids.sort_unstable());
                lines.push(format!(
                    "{name}-{}: {} led by {} in epoch {}, {replicas:?}",
                    p.partition_index,
                    p.error_code.name(),
                    p.leader_id,
                    if is_cluster { 0 } else { p.leader_epoch },
                ));
            }
        }
        lines
    }))
}

/// The id of a topic, and who leads its partitions, as a broker tells it.
pub(crate) fn leaders<S: Side>(side: &mut S, topic: &str) -> io::Result<(Uuid, Vec<i32>)> {
    let name = Some(topic.to_owned().into());
    let topics = vec![MetadataRequestTopic { name, ..Default::default() }];
    let request = MetadataRequest { topics: Some(topics), ..Default::default() };
    let Heard::Answer(mut answer) = side.call(&request, 12, false)? else {
        return Ok((Uuid::NIL, Vec::new()));
    };
    let Some(topic) = answer.topics.first_mut() else { return Ok((Uuid::NIL, Vec::new())) };
    topic.partitions.sort_by_key(|partition| partition.partition_index);
    let leaders = topic.partitions.iter().map(|partition| partition.leader_id).collect();
    Ok((topic.topic_id, leaders))
}

/// Where every log begins and ends, and what is in it.
fn read_back<S: Side>(side: &mut S, topics: &[Topic]) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for topic in topics.iter().filter(|topic| !topic.is_hidden) {
        for partition in 0..topic.partitions {
            side.turn_to(topic.leader(partition));
            let first = offset(side, &topic.name, partition, -2)?;
            let place = format!("{}-{partition}", topic.name);
            lines.push(format!("{place}: earliest {first:?}"));
            let (code, last, _) = offset(side, &topic.name, partition, -1)?;
            lines.push(format!("{place}: latest {code} {last}"));
            lines.push(stable(side, topic, partition, first.1)?);
            let batches = fetch_all(side, &topic.name, partition, first.1)?;
            let given = side.names().given.clone();
            for (number, batch) in batches.into_iter().enumerate() {
                let line = match batch {
                    Ok(mut header) => {
                        if side.brokers() > 1 {
                            header.partition_leader_epoch = 0;
                        }
                        logged(&header, &given, topic.has_broker_time())
                    }
                    Err(error) => error,
                };
                lines.push(format!("{place}: batch {number:03} {line}"));
            }
        }
    }
    Ok(lines)
}

/// What a consumer of committed records is told of a partition, as it reads on from segment to segment.
fn stable<S: Side>(
    side: &mut S,
    topic: &Topic,
    partition: i32,
    mut from: i64,
) -> io::Result<String> {
    let (mut offsets, mut aborted) = (Vec::new(), BTreeSet::new());
    let (code, last) =
        loop {
            let asked = FetchTopic {
                topic: topic.name.clone().into(),
                partitions: vec![fetched(partition, from)],
                ..Default::default()
            };
            let request = FetchRequest { isolation_level: 1, ..fetching(asked) };
            let Heard::Answer(answer) = side.call(&request, 11, false)? else {
                return Err(io::Error::other("Fetch was not answered"));
            };
            let told = answer.responses.into_iter().flat_map(|topic| topic.partitions).next();
            let told = told.ok_or_else(|| io::Error::other("Fetch without an answer"))?;
            let names = side.names();
            aborted.extend(told.aborted_transactions.iter().flatten().map(|aborted| {
                (aborted.first_offset, called_producer(names, aborted.producer_id))
            }));
            let before = offsets.len();
            let batches = RecordBatches::new(told.records.unwrap_or_default());
            for batch in batches.filter_map(Result::ok) {
                offsets.push(batch.header().base_offset);
                from = batch.header().last_offset() + 1;
            }
            if offsets.len() == before {
                break (told.error_code.name(), told.last_stable_offset);
            }
        };
    let name = &topic.name;
    Ok(format!("{name}-{partition}: {code} stable {last} aborted {aborted:?} batches {offsets:?}"))
}

fn logged(header: &BatchHeader, given: &[i64], has_broker_time: bool) -> String {
    let id = header.producer_id.0;
    let known = given.iter().position(|&other| other == id);
    let crc = match (known, has_broker_time) {
        (None, false) => header.crc,
        // It covers what is different on each side.
        _ => 0,
    };
    // Markers have the brokers' time everywhere.
    let has_broker_time = has_broker_time || header.attributes.is_control();
    let max = if has_broker_time { 0 } else { header.max_timestamp };
    format!(
        "{}+{} epoch {} producer {id}/{:?}/{:?} {:?} {} records, max time {max}, crc {crc:x}",
        header.base_offset,
        header.last_offset_delta,
        header.partition_leader_epoch,
        header.producer_epoch,
        header.base_sequence,
        header.attributes,
        header.record_count,
        id = known.map_or(id.to_string(), |known| format!("#{known}")),
    )
}

/// Code, offset and timestamp.
pub(crate) fn offset<S: Side>(
    side: &mut S,
    topic: &str,
    partition_index: i32,
    timestamp: i64,
) -> io::Result<(String, i64, i64)> {
    let partition = ListOffsetsPartition {
        partition_index,
        current_leader_epoch: -1,
        timestamp,
        ..Default::default()
    };
    let topic = ListOffsetsTopic {
        name: topic.to_owned().into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let Heard::Answer(answer) = side.call(&request, 7, false)? else {
        return Ok(("closed".into(), 0, 0));
    };
    let partition = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
    let partition = partition.ok_or_else(|| io::Error::other("ListOffsets without an answer"))?;
    Ok((partition.error_code.name().into(), partition.offset, partition.timestamp))
}

/// Whether a broker leads a partition of the topic of this id, and not of an earlier one of its name.
pub(crate) fn is_led<S: Side>(side: &mut S, topic_id: Uuid, partition: i32) -> io::Result<bool> {
    let topic =
        FetchTopic { topic_id, partitions: vec![fetched(partition, 0)], ..Default::default() };
    let Heard::Answer(answer) = side.call(&fetching(topic), 13, false)? else { return Ok(false) };
    let mut all = answer.responses.iter().flat_map(|topic| &topic.partitions);
    let unread = ErrorCode::OFFSET_OUT_OF_RANGE;
    Ok(all.any(|partition| partition.error_code.is_none() || partition.error_code == unread))
}

fn fetch<S: Side>(side: &mut S, topic: &str, partition: i32, from: i64) -> io::Result<Bytes> {
    let topic = FetchTopic {
        topic: topic.to_owned().into(),
        partitions: vec![fetched(partition, from)],
        ..Default::default()
    };
    let Heard::Answer(answer) = side.call(&fetching(topic), 11, false)? else {
        return Err(io::Error::other("Fetch was not answered"));
    };
    let partition = answer.responses.into_iter().flat_map(|topic| topic.partitions).next();
    Ok(partition.and_then(|partition| partition.records).unwrap_or_default())
}

fn fetched(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        current_leader_epoch: -1,
        fetch_offset,
        log_start_offset: -1,
        partition_max_bytes: 1 << 26,
        ..Default::default()
    }
}

fn fetching(topic: FetchTopic) -> FetchRequest {
    FetchRequest {
        replica_id: -1,
        max_wait_ms: 10,
        min_bytes: 0,
        max_bytes: 1 << 26,
        session_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

/// All that a log has from an offset on: Kafka reads no further than a segment at a time.
fn fetch_all<S: Side>(
    side: &mut S,
    topic: &str,
    partition: i32,
    mut from: i64,
) -> io::Result<Vec<Result<BatchHeader, String>>> {
    let mut batches = Vec::new();
    loop {
        let before = batches.len();
        for batch in RecordBatches::new(fetch(side, topic, partition, from)?) {
            match batch {
                Ok(batch) => {
                    from = batch.header().last_offset() + 1;
                    batches.push(Ok(*batch.header()));
                }
                Err(error) => {
                    batches.push(Err(error.to_string()));
                    return Ok(batches);
                }
            }
        }
        if batches.len() == before {
            return Ok(batches);
        }
    }
}

impl Names {
    /// The id of a topic, or the one that it had so many creations ago.
    fn id(&self, topic: &str, ago: usize) -> Uuid {
        let ids = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        ids.iter().rev().nth(ago).copied().unwrap_or(Uuid([9; 16]))
    }

    pub(crate) fn name_of(&self, id: Uuid) -> &str {
        let mut all = self.topics.iter();
        all.find(|(_, ids)| ids.contains(&id)).map_or("nowhere", |(name, _)| name)
    }

    pub(crate) fn given_index(&mut self, id: i64) -> usize {
        let known = self.given.iter().position(|&other| other == id);
        known.unwrap_or_else(|| {
            self.given.push(id);
            self.given.len() - 1
        })
    }
}
