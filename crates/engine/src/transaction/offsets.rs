//! Consumer groups' offsets as part of a transaction (KIP-98, KIP-447): AddOffsetsToTxn, TxnOffsetCommit.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use rohrpost_cluster::{Answer, Time};
use rohrpost_codec::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use rohrpost_codec::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode, VersionRange};

use super::requests::{Refusal, Sending};
use super::state::{Begun, Question, Version};
use super::verdict::Verdict;
use super::{OffsetOf, Remedy, TransactionAnswer, TransactionError, TransactionErrorKind};
use crate::engine::Engine;
use crate::ids::CallId;

const ADD_OFFSETS: VersionRange = VersionRange::new(0, 4);
/// The first version that says which member commits (KIP-447).
const COMMIT_AS_MEMBER: i16 = 3;
/// The last version before the group joins by it (KIP-890).
const COMMIT_V1_MAX: i16 = 4;
/// The only version by which the group joins and that names topics.
const COMMIT_V2: i16 = 5;

impl Engine {
    pub(super) fn add_group(&mut self, now: Time) {
        let Some(node) = self.ready_coordinator(now) else { return };
        let needed_for = "add a group's offsets to a transaction";
        let version =
            self.agreed_version::<AddOffsetsToTxnRequest>(now, node, ADD_OFFSETS, needed_for);
        let (Some(version), Some(epoch)) = (version, self.present_epoch()) else { return };
        let Some(of) = &self.transactions else { return };
        let Some(next) = of.offsets.front() else { return };
        let request = AddOffsetsToTxnRequest {
            transactional_id: of.config.id.clone(),
            producer_id: epoch.producer_id.0,
            producer_epoch: epoch.epoch.0,
            group_id: next.group.group_id.clone(),
            ..AddOffsetsToTxnRequest::default()
        };
        self.ask(now, Sending { request: &request, node, version, what: Question::Group });
    }

    pub(super) fn group_added(&mut self, now: Time, answer: &Answer) {
        let throttle = |read: &AddOffsetsToTxnResponse| read.throttle_time_ms;
        let Some(read) = self.read(now, answer, &Question::Group, throttle) else { return };
        let code = read.error_code;
        let Some(of) = &self.transactions else { return };
        let what = of.offsets.front().map(|next| next.group.group_id.clone()).into_iter().collect();
        let refusal = Refusal { api: ApiKey::AddOffsetsToTxn, code, message: None, what };
        match self.judge_answer(now, answer.node, false, refusal) {
            Ok(Verdict::Done) => {
                let Some(of) = &mut self.transactions else { return };
                of.begun = Begun::Yes;
                of.is_worn = true;
                if let Some(next) = of.offsets.front_mut() {
                    next.has_joined = true;
                }
            }
            Ok(_) => {}
            Err(error) => self.was_refused(now, error),
        }
    }

    pub(super) fn commit_offsets(&mut self, now: Time) {
        let Some(of) = &self.transactions else { return };
        let (Some((_, node)), Some(next)) = (&of.group, of.offsets.front()) else { return };
        let (node, call, names_member) = (*node, next.call, next.group.names_member());
        if !self.is_ready(now, node) {
            return;
        }
        let ours = match self.transactions.as_ref().map(|of| of.version) {
            Some(Version::V2) => VersionRange::new(COMMIT_V2, COMMIT_V2),
            _ if names_member => VersionRange::new(COMMIT_AS_MEMBER, COMMIT_V1_MAX),
            _ => VersionRange::new(0, COMMIT_V1_MAX),
        };
        let Some(version) = self.cluster.api_version(node, ApiKey::TxnOffsetCommit, ours) else {
            return self.cannot_commit_offsets(call);
        };
        let (Some(epoch), Some(of)) = (self.present_epoch(), &mut self.transactions) else {
            return;
        };
        let Some(next) = of.offsets.front() else { return };
        let request = TxnOffsetCommitRequest {
            transactional_id: of.config.id.clone(),
            group_id: next.group.group_id.clone(),
            producer_id: epoch.producer_id.0,
            producer_epoch: epoch.epoch.0,
            generation_id_or_member_epoch: next.group.generation_id.max(-1),
            member_id: next.group.member_id.clone(),
            group_instance_id: next.group.group_instance_id.clone(),
            topics: by_topic(&next.offsets),
            ..TxnOffsetCommitRequest::default()
        };
        if of.version == Version::V2 {
            of.may_begin();
        }
        self.ask(now, Sending { request: &request, node, version, what: Question::Offsets });
    }

    /// The group's coordinator is too old. The records can still be aborted.
    fn cannot_commit_offsets(&mut self, call: CallId) {
        let kind = TransactionErrorKind::Unsupported {
            api: ApiKey::TxnOffsetCommit,
            needed_for: "commit a group member's offsets in a transaction",
        };
        let error = TransactionError::new(kind, Remedy::Abort);
        self.tell_call(call, Err(error.clone()));
        if let Some(of) = &mut self.transactions {
            of.fail(error);
        }
    }

    pub(super) fn offsets_committed(&mut self, now: Time, answer: &Answer) {
        let throttle = |read: &TxnOffsetCommitResponse| read.throttle_time_ms;
        let Some(read) = self.read(now, answer, &Question::Offsets, throttle) else { return };
        let mut codes: BTreeMap<(ByteStr, i32), ErrorCode> = BTreeMap::new();
        for topic in read.topics {
            for partition in topic.partitions {
                let key = (topic.name.clone(), partition.partition_index);
                codes.insert(key, partition.error_code);
            }
        }
        let Some(of) = &mut self.transactions else { return };
        // The transaction may be on its way to an abort by now.
        let Some(next) = of.offsets.front_mut() else { return };
        let code_of = |of: &OffsetOf| codes.get(&(of.topic.clone(), of.partition)).copied();
        if next.offsets.iter().any(|of| code_of(of).is_none()) {
            return self.was_misanswered(now, Question::Offsets);
        }
        next.offsets.retain(|of| code_of(of) != Some(ErrorCode::NONE));
        let (call, group) = (next.call, next.group.group_id.clone());
        let mut refused: BTreeMap<ErrorCode, Vec<ByteStr>> = BTreeMap::new();
        for of in &next.offsets {
            let name = ByteStr::from(format!("{}-{}", &*of.topic, of.partition));
            refused.entry(code_of(of).unwrap_or(ErrorCode::NONE)).or_default().push(name);
        }
        if refused.is_empty() {
            of.offsets.pop_front();
            of.has_begun();
            self.transaction_goes_well(now);
            return self.tell_call(call, Ok(TransactionAnswer::Done));
        }
        let mut worst: Option<TransactionError> = None;
        for (code, mut what) in refused {
            if code == ErrorCode::GROUP_AUTHORIZATION_FAILED {
                what = vec![group.clone()];
            }
            let refusal = Refusal { api: ApiKey::TxnOffsetCommit, code, message: None, what };
            if let Err(error) = self.judge_answer(now, answer.node, false, refusal) {
                if worst.as_ref().is_none_or(|worst| error.remedy() > worst.remedy()) {
                    worst = Some(error);
                }
            }
        }
        if let Some(error) = worst {
            self.was_refused(now, error);
        }
    }
}

fn by_topic(offsets: &[OffsetOf]) -> Vec<TxnOffsetCommitRequestTopic> {
    let mut topics: BTreeMap<&ByteStr, Vec<TxnOffsetCommitRequestPartition>> = BTreeMap::new();
    for of in offsets {
        topics.entry(&of.topic).or_default().push(TxnOffsetCommitRequestPartition {
            partition_index: of.partition,
            committed_offset: of.offset,
            committed_leader_epoch: of.leader_epoch.unwrap_or(-1),
            committed_metadata: Some(of.metadata.clone().unwrap_or_default()),
            ..TxnOffsetCommitRequestPartition::default()
        });
    }
    let topic = |(name, partitions): (&ByteStr, _)| TxnOffsetCommitRequestTopic {
        name: name.clone(),
        partitions,
        ..TxnOffsetCommitRequestTopic::default()
    };
    topics.into_iter().map(topic).collect()
}
