//! Lets a side ask its coordinators, and says what came of it in words that must be the same for both.

use std::io;

use rohrpost_codec::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use rohrpost_codec::messages::add_partitions_to_txn_response::AddPartitionsToTxnTopicResult;
use rohrpost_codec::messages::describe_producers_request::TopicRequest;
use rohrpost_codec::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use rohrpost_codec::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use rohrpost_codec::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use rohrpost_codec::messages::*;
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use crate::asks::{Ask, MemberId, Offsets, Who};
use crate::batches::{Producer, start_ms};
use crate::run::{called, said};
use crate::sides::{Heard, Names, Side};
use crate::steps::{Topic, TopicRef};

pub(crate) const GROUP: i8 = 0;
pub(crate) const TRANSACTION: i8 = 1;

/// Sends what follows to the coordinator of a key.
pub(crate) fn turn_to_coordinator<S: Side>(side: &mut S, key: &str, kind: i8) -> io::Result<()> {
    let find =
        FindCoordinatorRequest { key: key.to_owned().into(), key_type: kind, ..Default::default() };
    side.turn_to(1);
    if let Heard::Answer(found) = side.call(&find, 3, false)? {
        side.turn_to(found.node_id.max(1));
    }
    Ok(())
}

pub(crate) fn ask<S: Side>(side: &mut S, ask: &Ask, topics: &[Topic]) -> io::Result<Vec<String>> {
    match ask {
        Ask::AddPartitions { version, who, partitions, verify_only } => {
            add_partitions(side, (*version, who), partitions, *verify_only, topics)
        }
        Ask::AddOffsets { version, who, group } => {
            turn_to_coordinator(side, &who.transactional_id, TRANSACTION)?;
            let request = AddOffsetsToTxnRequest {
                transactional_id: who.transactional_id.clone().into(),
                producer_id: id_of(side, who.producer),
                producer_epoch: who.epoch,
                group_id: group.clone().into(),
                ..Default::default()
            };
            let heard = side.call(&request, *version, false)?;
            Ok(said(heard, |answer| vec![answer.error_code.name().into()]))
        }
        Ask::SendOffsets { version, who, offsets } => {
            send_offsets(side, (*version, who), offsets, topics)
        }
        Ask::End { version, who, committed } => end(side, (*version, who), *committed),
        Ask::Commit { version, offsets } => commit(side, *version, offsets, topics),
        Ask::Fetch { version, group, partitions, stable } => {
            fetch(side, (*version, *stable), group, partitions.as_deref(), topics)
        }
        Ask::Describe { id } => describe(side, id),
        Ask::List { states } => list(side, states),
        Ask::Producers => producers(side, topics),
        Ask::Join { group, instance } => {
            turn_to_coordinator(side, group, GROUP)?;
            side.join(group, *instance)?;
            Ok(Vec::new())
        }
        Ask::Agree { transaction_version } => {
            side.agree(*transaction_version)?;
            Ok(Vec::new())
        }
    }
}

fn id_of<S: Side>(side: &mut S, producer: Producer) -> i64 {
    match producer {
        Producer::Fixed(id) => id,
        Producer::Given(index) => side.names().given[index],
    }
}

/// What a producer's id is called.
pub(crate) fn called_producer(names: &mut Names, id: i64) -> String {
    match id {
        id @ ..0 => id.to_string(),
        id => format!("#{}", names.given_index(id)),
    }
}

fn add_partitions<S: Side>(
    side: &mut S,
    (version, who): (i16, &Who),
    partitions: &[(TopicRef, i32)],
    verify_only: bool,
    topics: &[Topic],
) -> io::Result<Vec<String>> {
    let names = side.names().clone();
    let mut asked: Vec<AddPartitionsToTxnTopic> = Vec::new();
    for (topic, partition) in partitions {
        let (name, _) = called(&names, topics, *topic, false);
        // A topic is named once: it is a key.
        match asked.iter_mut().find(|topic| topic.name == name) {
            Some(topic) if topic.partitions.contains(partition) => {}
            Some(topic) => {
                let all = topic.partitions.iter().copied().chain([*partition]);
                topic.partitions = all.collect();
            }
            None => asked.push(AddPartitionsToTxnTopic {
                name,
                partitions: [*partition].into_iter().collect(),
                ..Default::default()
            }),
        }
    }
    turn_to_coordinator(side, &who.transactional_id, TRANSACTION)?;
    let (id, producer_id) =
        (ByteStr::from(who.transactional_id.clone()), id_of(side, who.producer));
    let request = match version {
        ..=3 => AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: id,
            v3_and_below_producer_id: producer_id,
            v3_and_below_producer_epoch: who.epoch,
            v3_and_below_topics: asked,
            ..Default::default()
        },
        _ => {
            let transaction = AddPartitionsToTxnTransaction {
                transactional_id: id,
                producer_id,
                producer_epoch: who.epoch,
                verify_only,
                topics: asked,
                ..Default::default()
            };
            AddPartitionsToTxnRequest { transactions: vec![transaction], ..Default::default() }
        }
    };
    Ok(said(side.call(&request, version, false)?, |answer| {
        let line = |topic: &AddPartitionsToTxnTopicResult| {
            let name = topic.name.clone();
            let results = topic.results_by_partition.iter();
            let lines = results.map(move |p| {
                format!("{name}-{}: {}", p.partition_index, p.partition_error_code.name())
            });
            lines.collect::<Vec<_>>()
        };
        let of_all = answer.results_by_transaction.iter().flat_map(|result| &result.topic_results);
        let all = of_all.chain(&answer.results_by_topic_v3_and_below).flat_map(line);
        all.chain([answer.error_code.name().to_owned()]).collect()
    }))
}

fn end<S: Side>(
    side: &mut S,
    (version, who): (i16, &Who),
    committed: bool,
) -> io::Result<Vec<String>> {
    turn_to_coordinator(side, &who.transactional_id, TRANSACTION)?;
    let request = EndTxnRequest {
        transactional_id: who.transactional_id.clone().into(),
        producer_id: id_of(side, who.producer),
        producer_epoch: who.epoch,
        committed,
        ..Default::default()
    };
    let heard = side.call(&request, version, false)?;
    let names = side.names();
    let lines = said(heard, |answer| {
        let id = called_producer(names, answer.producer_id);
        vec![format!("{} id {id} epoch {}", answer.error_code.name(), answer.producer_epoch)]
    });
    side.settle(&who.transactional_id)?;
    Ok(lines)
}

fn member_id<S: Side>(side: &mut S, member: MemberId) -> ByteStr {
    match member {
        MemberId::None => ByteStr::default(),
        MemberId::Stranger => "stranger".into(),
        MemberId::Joined(index) => {
            side.names().members.get(index).cloned().unwrap_or_default().into()
        }
    }
}

fn send_offsets<S: Side>(
    side: &mut S,
    (version, who): (i16, &Who),
    offsets: &Offsets,
    topics: &[Topic],
) -> io::Result<Vec<String>> {
    turn_to_coordinator(side, &offsets.group, GROUP)?;
    let asked = offsets.partitions.iter().map(|&(topic, partition_index)| {
        let partition = TxnOffsetCommitRequestPartition {
            partition_index,
            committed_offset: offsets.offset,
            committed_metadata: Some("m".repeat(offsets.metadata).into()),
            ..Default::default()
        };
        TxnOffsetCommitRequestTopic {
            name: topics[topic].name.clone().into(),
            partitions: vec![partition],
            ..Default::default()
        }
    });
    let mut request = TxnOffsetCommitRequest {
        transactional_id: who.transactional_id.clone().into(),
        group_id: offsets.group.clone().into(),
        producer_id: id_of(side, who.producer),
        producer_epoch: who.epoch,
        topics: asked.collect(),
        ..Default::default()
    };
    if version >= 3 {
        request.generation_id_or_member_epoch = offsets.member.generation;
        request.member_id = member_id(side, offsets.member.id);
        request.group_instance_id = offsets.member.instance.map(Into::into);
    }
    Ok(said(side.call(&request, version, false)?, |answer| {
        let topics = answer.topics.iter();
        let lines = topics.flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions
                .map(|p| format!("{}-{}: {}", topic.name, p.partition_index, p.error_code.name()))
        });
        lines.collect()
    }))
}

fn commit<S: Side>(
    side: &mut S,
    version: i16,
    offsets: &Offsets,
    topics: &[Topic],
) -> io::Result<Vec<String>> {
    turn_to_coordinator(side, &offsets.group, GROUP)?;
    let names = side.names().clone();
    let asked = offsets.partitions.iter().map(|&(topic, partition_index)| {
        let partition = OffsetCommitRequestPartition {
            partition_index,
            committed_offset: offsets.offset,
            committed_metadata: Some("m".repeat(offsets.metadata).into()),
            ..Default::default()
        };
        let (name, topic_id) = called(&names, topics, TopicRef::Known(topic), version >= 10);
        OffsetCommitRequestTopic {
            name,
            topic_id,
            partitions: vec![partition],
            ..Default::default()
        }
    });
    let request = OffsetCommitRequest {
        group_id: offsets.group.clone().into(),
        generation_id_or_member_epoch: offsets.member.generation,
        member_id: member_id(side, offsets.member.id),
        group_instance_id: offsets.member.instance.filter(|_| version >= 7).map(Into::into),
        topics: asked.collect(),
        ..Default::default()
    };
    Ok(said(side.call(&request, version, false)?, |answer| {
        let topics = answer.topics.iter();
        let lines = topics.flat_map(|topic| {
            let name = match topic.topic_id {
                Uuid::NIL => topic.name.as_str(),
                id => names.name_of(id),
            };
            let partitions = topic.partitions.iter();
            partitions
                .map(move |p| format!("{name}-{}: {}", p.partition_index, p.error_code.name()))
        });
        lines.collect()
    }))
}

fn fetch<S: Side>(
    side: &mut S,
    (version, stable): (i16, bool),
    group: &str,
    partitions: Option<&[(usize, i32)]>,
    topics: &[Topic],
) -> io::Result<Vec<String>> {
    turn_to_coordinator(side, group, GROUP)?;
    let names = side.names().clone();
    let mut request =
        OffsetFetchRequest { require_stable: stable && version >= 7, ..Default::default() };
    if version < 8 {
        request.group_id = group.to_owned().into();
        request.topics = partitions.map(|partitions| {
            let asked = partitions.iter().map(|&(topic, partition)| OffsetFetchRequestTopic {
                name: topics[topic].name.clone().into(),
                partition_indexes: [partition].into_iter().collect(),
                ..Default::default()
            });
            asked.collect()
        });
    } else {
        let asked = partitions.map(|partitions| {
            let asked = partitions.iter().map(|&(topic, partition)| {
                let topic = TopicRef::Known(topic);
                let (name, topic_id) = called(&names, topics, topic, version >= 10);
                OffsetFetchRequestTopics {
                    name,
                    topic_id,
                    partition_indexes: [partition].into_iter().collect(),
                    ..Default::default()
                }
            });
            asked.collect()
        });
        let group = OffsetFetchRequestGroup {
            group_id: group.to_owned().into(),
            topics: asked,
            ..Default::default()
        };
        request.groups = vec![group];
    }
    Ok(said(side.call(&request, version, false)?, |answer| {
        let mut lines = vec![answer.error_code.name().to_owned()];
        for topic in &answer.topics {
            lines.extend(topic.partitions.iter().map(|p| {
                let code = p.error_code.name();
                let length = p.metadata.as_ref().map_or(-1, |metadata| metadata.len() as i32);
                let epoch = p.committed_leader_epoch;
                let (name, index, offset) = (&topic.name, p.partition_index, p.committed_offset);
                format!("{name}-{index}: {code} {offset}/{epoch} {length}")
            }));
        }
        for topic in answer.groups.iter().flat_map(|group| &group.topics) {
            let name = match topic.topic_id {
                Uuid::NIL => topic.name.as_str(),
                id => names.name_of(id),
            };
            lines.extend(topic.partitions.iter().map(|p| {
                let code = p.error_code.name();
                let length = p.metadata.as_ref().map_or(-1, |metadata| metadata.len() as i32);
                let epoch = p.committed_leader_epoch;
                let (index, offset) = (p.partition_index, p.committed_offset);
                format!("{name}-{index}: {code} {offset}/{epoch} {length}")
            }));
        }
        lines.extend(answer.groups.iter().map(|group| group.error_code.name().to_owned()));
        lines
    }))
}

fn describe<S: Side>(side: &mut S, id: &str) -> io::Result<Vec<String>> {
    turn_to_coordinator(side, id, TRANSACTION)?;
    let request = DescribeTransactionsRequest {
        transactional_ids: vec![id.to_owned().into()],
        ..Default::default()
    };
    let heard = side.call(&request, 0, false)?;
    let names = side.names();
    Ok(said(heard, |answer| {
        let mut lines = Vec::new();
        for told in &answer.transaction_states {
            if !told.error_code.is_none() {
                lines.push(told.error_code.name().to_owned());
                continue;
            }
            let began = match told.transaction_start_time_ms {
                time if time > start_ms() => "now".to_owned(),
                time => time.to_string(),
            };
            lines.push(format!(
                "{} {} {}/{} times out after {} began {began}",
                told.error_code.name(),
                told.transaction_state,
                called_producer(names, told.producer_id),
                told.producer_epoch,
                told.transaction_timeout_ms,
            ));
            lines.extend(told.topics.iter().map(|topic| {
                let mut partitions = topic.partitions.to_vec();
                partitions.sort_unstable();
                format!("in it: {} {partitions:?}", topic.topic)
            }));
        }
        lines
    }))
}

fn list<S: Side>(side: &mut S, states: &[&'static str]) -> io::Result<Vec<String>> {
    let given = side.names().given.clone();
    if given.is_empty() {
        // Without a filter Kafka tells of every sequence that was before.
        return Ok(Vec::new());
    }
    let request = ListTransactionsRequest {
        state_filters: states.iter().map(|&state| state.into()).collect(),
        producer_id_filters: given,
        ..Default::default()
    };
    let mut lines = Vec::new();
    for broker in 1..=side.brokers() {
        side.turn_to(broker);
        let heard = side.call(&request, 1, false)?;
        let names = side.names();
        lines.extend(said(heard, |answer| {
            let unknown = answer.unknown_state_filters.iter().map(|name| format!("no {name}"));
            let code = answer.error_code.name().to_owned();
            let states = answer.transaction_states.iter();
            let states = states.map(|told| {
                let id = called_producer(names, told.producer_id);
                format!("{} {id} {}", told.transactional_id, told.transaction_state)
            });
            states.chain(unknown).chain([code]).collect()
        }));
    }
    Ok(lines)
}

pub(crate) fn producers<S: Side>(side: &mut S, topics: &[Topic]) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for topic in topics.iter().filter(|topic| !topic.is_hidden) {
        for partition in 0..topic.partitions {
            side.turn_to(topic.leader(partition));
            let asked = TopicRequest {
                name: topic.name.clone().into(),
                partition_indexes: [partition].into_iter().collect(),
                ..Default::default()
            };
            let request = DescribeProducersRequest { topics: vec![asked], ..Default::default() };
            let heard = side.call(&request, 0, false)?;
            let is_cluster = side.brokers() > 1;
            let names = side.names();
            lines.extend(said(heard, |answer| {
                let told = answer.topics.iter().flat_map(|topic| &topic.partitions);
                let mut lines = Vec::new();
                for told in told {
                    let place = format!("{}-{}", topic.name, told.partition_index);
                    lines.push(format!("{place}: {}", told.error_code.name()));
                    lines.extend(told.active_producers.iter().map(|state| {
                        // How often another broker has coordinated is Kafka's own business in a cluster.
                        let of_coordinator = match state.coordinator_epoch {
                            epoch @ 0.. if is_cluster => epoch.min(0),
                            epoch => epoch,
                        };
                        format!(
                            "{place}: {}/{} at {} since {} by {of_coordinator}",
                            called_producer(names, state.producer_id),
                            state.producer_epoch,
                            state.last_sequence,
                            state.current_txn_start_offset,
                        )
                    }));
                }
                lines
            }));
        }
    }
    Ok(lines)
}

/// Whether a transactional id's markers are being written.
pub(crate) fn is_ending<S: Side>(side: &mut S, id: &str) -> io::Result<bool> {
    let request = DescribeTransactionsRequest {
        transactional_ids: vec![id.to_owned().into()],
        ..Default::default()
    };
    let Heard::Answer(answer) = side.call(&request, 0, false)? else { return Ok(false) };
    let told = answer.transaction_states.first();
    let passing = [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::NOT_COORDINATOR];
    Ok(told.is_some_and(|told| {
        told.transaction_state.starts_with("Prepare") || passing.contains(&told.error_code)
    }))
}
