//! OffsetCommit and TxnOffsetCommit (KIP-98, KIP-447).

use rohrpost_codec::messages::offset_commit_request::OffsetCommitRequestTopic;
use rohrpost_codec::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use rohrpost_codec::messages::txn_offset_commit_request::TxnOffsetCommitRequestTopic;
use rohrpost_codec::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use rohrpost_codec::messages::{
    OffsetCommitRequest, OffsetCommitResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};
use rohrpost_records::{ProducerEpoch, ProducerId};

use super::MAX_METADATA;
use crate::model::fault::Target;
use crate::model::groups::{CommittedOffset, Committer};
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Model, Permission};

/// Since then topics go by their ids in OffsetCommit, and in TxnOffsetCommit.
const IDS_SINCE: i16 = 10;
const IDS_SINCE_IN_TRANSACTION: i16 = 6;
/// Since then an unknown group is said to be that; before, the generation is said to be wrong.
const UNKNOWN_GROUPS_SINCE: i16 = 9;
/// Since then a client understands TRANSACTION_ABORTABLE.
const ABORTABLE_SINCE: i16 = 4;
/// Since then offsets are added to the transaction without AddOffsetsToTxn (KIP-890).
const ADDS_SINCE: i16 = 5;

/// A topic's part in a request.
struct Part {
    name: ByteStr,
    topic_id: Option<Uuid>,
    partitions: Vec<(i32, CommittedOffset)>,
}

impl Part {
    /// What a client calls the topic in faults, and the model.
    fn target_name(&self, model: &Model) -> String {
        let by_id = self.topic_id.map(|id| model.name_of(id).unwrap_or_default().to_owned());
        by_id.unwrap_or_else(|| self.name.to_string())
    }

    fn targets(&self, model: &Model) -> Vec<Target> {
        let topic = self.target_name(model);
        let indexes = self.partitions.iter().map(|(index, _)| *index);
        indexes.map(|index| Target { topic: topic.clone(), partition: Some(index) }).collect()
    }
}

impl Serve for OffsetCommitRequest {
    fn targets(&self, model: &Model, version: i16) -> Vec<Target> {
        parts(&self.topics, version).iter().flat_map(|part| part.targets(model)).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<OffsetCommitResponse> {
        let parts = parts(&self.topics, call.version);
        let group = self.group_id.as_str();
        let committer = Committer {
            generation: self.generation_id_or_member_epoch,
            member_id: &self.member_id,
            group_instance_id: self.group_instance_id.as_deref(),
        };
        let check = |model: &mut Model| {
            model.check_coordinator(call.broker, group)?;
            match model.groups.check(group, &committer) {
                Err(ErrorCode::GROUP_ID_NOT_FOUND) if call.version < UNKNOWN_GROUPS_SINCE => {
                    Err(ErrorCode::ILLEGAL_GENERATION)
                }
                checked => checked,
            }
        };
        let codes = commit(model, call, group, &parts, None, check);
        let topics =
            self.topics.iter().zip(codes).map(|(topic, codes)| OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions: (topic.partitions.iter().zip(codes))
                    .map(|(partition, error_code)| OffsetCommitResponsePartition {
                        partition_index: partition.partition_index,
                        error_code,
                        ..OffsetCommitResponsePartition::default()
                    })
                    .collect(),
                ..OffsetCommitResponseTopic::default()
            });
        Reply::With(OffsetCommitResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            topics: topics.collect(),
            ..OffsetCommitResponse::default()
        })
    }
}

impl Serve for TxnOffsetCommitRequest {
    fn targets(&self, model: &Model, version: i16) -> Vec<Target> {
        parts_in_transaction(&self.topics, version)
            .iter()
            .flat_map(|part| part.targets(model))
            .collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<TxnOffsetCommitResponse> {
        let parts = parts_in_transaction(&self.topics, call.version);
        let producer = Some(ProducerId(self.producer_id));
        let check = |model: &mut Model| check_in_transaction(model, call, &self);
        let codes = match model.may_use(call.session, &self.transactional_id) {
            true => commit(model, call, &self.group_id, &parts, producer, check),
            false => all(&parts, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
        };
        let topics = self.topics.iter().zip(codes);
        let topics = topics.map(|(topic, codes)| TxnOffsetCommitResponseTopic {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: (topic.partitions.iter().zip(codes))
                .map(|(partition, error_code)| TxnOffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code,
                    ..TxnOffsetCommitResponsePartition::default()
                })
                .collect(),
            ..TxnOffsetCommitResponseTopic::default()
        });
        Reply::With(TxnOffsetCommitResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            topics: topics.collect(),
            ..TxnOffsetCommitResponse::default()
        })
    }
}

/// Whether the offsets may become part of the producer's transaction, and the producer's of the group's.
fn check_in_transaction(
    model: &mut Model,
    call: &Call,
    request: &TxnOffsetCommitRequest,
) -> Result<(), ErrorCode> {
    let group = request.group_id.as_str();
    if group.is_empty() {
        return Err(ErrorCode::INVALID_GROUP_ID);
    }
    model.check_coordinator(call.broker, group)?;
    let who = (ProducerId(request.producer_id), ProducerEpoch(request.producer_epoch));
    let verifies = model.config.transaction_partition_verification || call.version >= ADDS_SINCE;
    if verifies && !model.groups.is_in_transaction(group, who)? {
        verify(model, call, request)?;
    }
    let committer = Committer {
        generation: request.generation_id_or_member_epoch,
        member_id: &request.member_id,
        group_instance_id: request.group_instance_id.as_deref(),
    };
    model.groups.check_in_transaction(group, &committer)?;
    model.groups.write(group, who)
}

/// The group's coordinator asks that of the transaction, or has it add the offsets.
fn verify(
    model: &mut Model,
    call: &Call,
    request: &TxnOffsetCommitRequest,
) -> Result<(), ErrorCode> {
    let id = request.transactional_id.as_str();
    if id.is_empty() {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let who = (ProducerId(request.producer_id), ProducerEpoch(request.producer_epoch));
    let place = model.groups.place_of(&request.group_id);
    let verified = match model.reach_coordinator(call.broker, id) {
        Err(code) => Err(code),
        Ok(()) if call.version < ADDS_SINCE => model.verify_in_transaction(id, who, &place),
        Ok(()) => model.add_implicitly(id, who, place, call.now),
    };
    verified.map_err(|code| match code {
        ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::TRANSACTION_ABORTABLE if call.version < ABORTABLE_SINCE => {
            ErrorCode::INVALID_TXN_STATE
        }
        ErrorCode::NETWORK_EXCEPTION => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        code => code,
    })
}

/// Commits what can be committed: a code for each partition of each part.
fn commit(
    model: &mut Model,
    call: &Call,
    group: &str,
    parts: &[Part],
    producer: Option<ProducerId>,
    check: impl FnOnce(&mut Model) -> Result<(), ErrorCode>,
) -> Vec<Vec<ErrorCode>> {
    if model.is_denied(call.session, &Permission::ReadGroup(group.into())) {
        return all(parts, ErrorCode::GROUP_AUTHORIZATION_FAILED);
    }
    if parts.iter().all(|part| part.partitions.is_empty()) {
        return all(parts, call.verdict.refusal_of(None).unwrap_or_default());
    }
    let found: Vec<_> = (parts.iter())
        .map(|part| model.topic_of_offsets(call, &part.name, part.topic_id))
        .collect();
    let refusal = |model: &Model, part: &Part, found: &Result<String, ErrorCode>, index| {
        if let Some(code) = call.verdict.refusal(&part.target_name(model), index) {
            return Err(code);
        }
        match found {
            Err(code) => Err(*code),
            Ok(topic) if !model.has_partition(call, topic, index) => {
                Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            }
            Ok(topic) => Ok(topic.clone()),
        }
    };
    let mut each = parts.iter().zip(&found).flat_map(|(part, found)| {
        part.partitions.iter().map(move |(index, _)| (part, found, *index))
    });
    let is_asked = each.any(|(part, found, index)| refusal(model, part, found, index).is_ok());
    let checked = if is_asked { check(model) } else { Ok(()) };
    let mut codes = Vec::new();
    for (part, found) in parts.iter().zip(&found) {
        let of_part = part.partitions.iter().map(|(index, offset)| {
            let committed = refusal(model, part, found, *index).and_then(|topic| {
                checked?;
                if offset.metadata.len() > MAX_METADATA {
                    return Err(ErrorCode::OFFSET_METADATA_TOO_LARGE);
                }
                let disguise = call.verdict.disguise(&topic, *index);
                model.groups.commit(group, (topic, *index), offset.clone(), producer);
                disguise.map_or(Ok(()), Err)
            });
            committed.err().unwrap_or_default()
        });
        codes.push(of_part.collect());
    }
    codes
}

fn all(parts: &[Part], code: ErrorCode) -> Vec<Vec<ErrorCode>> {
    parts.iter().map(|part| vec![code; part.partitions.len()]).collect()
}

fn parts(topics: &[OffsetCommitRequestTopic], version: i16) -> Vec<Part> {
    let part = |topic: &OffsetCommitRequestTopic| Part {
        name: topic.name.clone(),
        topic_id: (version >= IDS_SINCE).then_some(topic.topic_id),
        partitions: (topic.partitions.iter())
            .map(|p| {
                let metadata = p.committed_metadata.as_ref();
                let offset = offset(p.committed_offset, p.committed_leader_epoch, metadata);
                (p.partition_index, offset)
            })
            .collect(),
    };
    topics.iter().map(part).collect()
}

fn parts_in_transaction(topics: &[TxnOffsetCommitRequestTopic], version: i16) -> Vec<Part> {
    let part = |topic: &TxnOffsetCommitRequestTopic| Part {
        name: topic.name.clone(),
        topic_id: (version >= IDS_SINCE_IN_TRANSACTION).then_some(topic.topic_id),
        partitions: (topic.partitions.iter())
            .map(|p| {
                let metadata = p.committed_metadata.as_ref();
                let offset = offset(p.committed_offset, p.committed_leader_epoch, metadata);
                (p.partition_index, offset)
            })
            .collect(),
    };
    topics.iter().map(part).collect()
}

fn offset(offset: i64, leader_epoch: i32, metadata: Option<&ByteStr>) -> CommittedOffset {
    CommittedOffset {
        offset,
        leader_epoch: Some(leader_epoch).filter(|&epoch| epoch >= 0),
        metadata: metadata.map(ToString::to_string).unwrap_or_default(),
    }
}
