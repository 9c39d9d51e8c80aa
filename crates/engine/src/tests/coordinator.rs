//! A transaction coordinator, and a group's, that keep Kafka's rules (TransactionCoordinator of Kafka 4), unless a test tells them what to do with a request.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use rohrpost_codec::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use rohrpost_codec::messages::find_coordinator_response::Coordinator as Found;
use rohrpost_codec::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use rohrpost_codec::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
};
use rohrpost_codec::{ApiKey, ByteStr, Bytes, ErrorCode, decode_request};

use super::broker::{Brokers, Fate, Reaction, encode};

/// Makes an answer to a request: by its correlation id, API and version.
pub(crate) type Nonsense = fn(i32, ApiKey, i16) -> Option<Reaction>;

/// A partition as the coordinator calls it.
pub(crate) type Named = (ByteStr, i32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Empty,
    Ongoing,
    Complete { committed: bool },
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) committed: bool,
    /// Its records, in the order in which they were appended.
    pub(crate) values: Vec<Vec<u8>>,
    pub(crate) offsets: BTreeMap<Named, i64>,
}

/// The one transactional id of a test, as its coordinator sees it.
#[derive(Debug)]
pub(crate) struct Coordinator {
    /// Which node it is, and which coordinates every group.
    pub(crate) node: i32,
    pub(crate) group_node: i32,
    pub(crate) plans: BTreeMap<i16, VecDeque<Fate>>,
    /// Every transactional request: its API and version.
    pub(crate) asked: Vec<(ApiKey, i16)>,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    last_epoch: i16,
    /// That of a transaction that was kept for a newer producer (KIP-939).
    kept_epoch: Option<i16>,
    /// What each InitProducerId of version 6 said: whether it takes part in two-phase commit, and keeps what is prepared.
    pub(crate) two_phase: Vec<(bool, bool)>,
    pub(crate) phase: Phase,
    partitions: BTreeSet<Named>,
    groups: BTreeSet<ByteStr>,
    pending_offsets: BTreeMap<Named, i64>,
    /// The level of `transaction.version`; none where the brokers know of no such thing.
    pub(crate) feature: Option<i16>,
    pub(crate) feature_epoch: i64,
    pub(crate) ended: Vec<Ended>,
    /// Batches of the open transaction: values.
    open: Vec<Vec<u8>>,
    /// What a broker would have refused, or worse, not noticed.
    pub(crate) violations: Vec<&'static str>,
    /// What [`Fate::JudgeOmit`] answers.
    pub(crate) nonsense: Option<Nonsense>,
    pub(crate) members: Vec<(i32, ByteStr, Option<ByteStr>)>,
}

impl Coordinator {
    pub(crate) const fn new() -> Self {
        Self {
            node: 1,
            group_node: 2,
            plans: BTreeMap::new(),
            asked: Vec::new(),
            producer_id: -1,
            epoch: -1,
            last_epoch: -1,
            kept_epoch: None,
            two_phase: Vec::new(),
            phase: Phase::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
            pending_offsets: BTreeMap::new(),
            feature: None,
            feature_epoch: 0,
            ended: Vec::new(),
            open: Vec::new(),
            violations: Vec::new(),
            nonsense: None,
            members: Vec::new(),
        }
    }

    /// What to do with the next requests of an API.
    pub(crate) fn plan<const N: usize>(&mut self, api: ApiKey, fates: [Fate; N]) {
        self.plans.entry(api.into()).or_default().extend(fates);
    }

    pub(crate) fn set_feature(&mut self, level: i16) {
        self.feature = Some(level);
        self.feature_epoch += 1;
    }

    /// How often an API was asked.
    pub(crate) fn count(&self, api: ApiKey) -> usize {
        self.asked.iter().filter(|(of, _)| *of == api).count()
    }

    /// Another producer takes the id over, or the coordinator ends the transaction for its age: what the present one has open is aborted.
    pub(crate) fn fence(&mut self) {
        self.epoch += 1;
        self.last_epoch = -1;
        if self.phase == Phase::Ongoing {
            self.end(false);
            // The end by the rules of version 2 has an epoch of its own.
            self.epoch += i16::from(self.feature.is_some_and(|level| level >= 2));
        }
    }

    fn end(&mut self, committed: bool) {
        self.kept_epoch = None;
        self.phase = Phase::Complete { committed };
        self.partitions.clear();
        self.groups.clear();
        let values = core::mem::take(&mut self.open);
        let offsets = core::mem::take(&mut self.pending_offsets);
        self.ended.push(Ended { committed, values, offsets });
    }

    fn identify(&self, producer_id: i64, epoch: i16) -> ErrorCode {
        if producer_id != self.producer_id {
            ErrorCode::INVALID_PRODUCER_ID_MAPPING
        } else if epoch != self.epoch {
            ErrorCode::PRODUCER_FENCED
        } else {
            ErrorCode::NONE
        }
    }

    fn initialize(&mut self, producer_id: i64, epoch: i16, keeps: bool) -> ErrorCode {
        if self.producer_id < 0 {
            self.producer_id = 4000;
            self.epoch = 0;
            return ErrorCode::NONE;
        }
        if self.phase == Phase::Ongoing && keeps {
            self.kept_epoch.get_or_insert(self.epoch);
            self.epoch += 1;
            return ErrorCode::NONE;
        }
        if self.phase == Phase::Ongoing {
            if producer_id >= 0 && epoch != self.epoch {
                return ErrorCode::PRODUCER_FENCED;
            }
            self.fence();
            return ErrorCode::CONCURRENT_TRANSACTIONS;
        }
        if producer_id >= 0 && producer_id != self.producer_id {
            return ErrorCode::PRODUCER_FENCED;
        }
        if producer_id >= 0 && epoch == self.last_epoch && epoch >= 0 {
            return ErrorCode::NONE;
        }
        if producer_id >= 0 && epoch != self.epoch {
            return ErrorCode::PRODUCER_FENCED;
        }
        self.last_epoch = if producer_id >= 0 { self.epoch } else { -1 };
        self.epoch += 1;
        self.phase = Phase::Empty;
        ErrorCode::NONE
    }

    fn end_by_request(&mut self, request: &EndTxnRequest, is_v2: bool) -> ErrorCode {
        if request.producer_id != self.producer_id {
            return ErrorCode::INVALID_PRODUCER_ID_MAPPING;
        }
        let is_retry = is_v2 && self.epoch == request.producer_epoch + 1;
        let is_valid = match self.phase {
            Phase::Complete { .. } => is_retry || request.producer_epoch == self.epoch,
            _ => request.producer_epoch == self.epoch,
        };
        if !is_valid {
            return ErrorCode::PRODUCER_FENCED;
        }
        match self.phase {
            Phase::Ongoing => {}
            Phase::Complete { committed } if is_retry || !is_v2 => {
                return match committed == request.committed {
                    true => ErrorCode::NONE,
                    false => ErrorCode::INVALID_TXN_STATE,
                };
            }
            _ if is_v2 && !request.committed => {}
            _ => return ErrorCode::INVALID_TXN_STATE,
        }
        self.end(request.committed);
        if is_v2 {
            self.last_epoch = self.epoch;
            self.epoch += 1;
        }
        ErrorCode::NONE
    }
}

impl Brokers {
    pub(crate) fn transactional(
        &mut self,
        node: i32,
        frame: &Bytes,
        api: ApiKey,
        id: i32,
        version: i16,
    ) -> Reaction {
        self.coordinator.asked.push((api, version));
        let is_late = self.is_late;
        let plans = self.coordinator.plans.get_mut(&i16::from(api)).filter(|_| !is_late);
        let fate = plans.and_then(VecDeque::pop_front).unwrap_or(Fate::Judge);
        let forced = match fate {
            Fate::Cut => return Reaction::Cut,
            Fate::Silence => return Reaction::Silence,
            Fate::Late => return Reaction::Late,
            Fate::Refuse(code) => Some(code),
            _ => None,
        };
        let is_of_group = api == ApiKey::TxnOffsetCommit;
        let home = if is_of_group { self.coordinator.group_node } else { self.coordinator.node };
        let forced = forced
            .or((api != ApiKey::FindCoordinator && node != home)
                .then_some(ErrorCode::NOT_COORDINATOR));
        let reaction = match api {
            ApiKey::FindCoordinator => self.find_coordinator(frame, id, version, forced),
            ApiKey::InitProducerId => self.init_producer_id(frame, id, version, forced),
            ApiKey::AddPartitionsToTxn => self.add_partitions(frame, id, version, forced),
            ApiKey::AddOffsetsToTxn => self.add_offsets(frame, id, version, forced),
            ApiKey::TxnOffsetCommit => self.commit_offsets(frame, id, version, forced),
            ApiKey::EndTxn => self.end_txn(frame, id, version, forced),
            other => panic!("{other:?}"),
        };
        match fate {
            Fate::JudgeCut => Reaction::Cut,
            Fate::JudgeSilence => Reaction::Silence,
            Fate::JudgeAnswer(error_code) => {
                assert_eq!(api, ApiKey::EndTxn);
                encode(id, &EndTxnResponse { error_code, ..Default::default() }, version)
            }
            Fate::JudgeOmit => {
                self.coordinator.nonsense.and_then(|of| of(id, api, version)).unwrap()
            }
            Fate::JudgeGarbage => {
                let mut bytes = id.to_be_bytes().to_vec();
                bytes.extend_from_slice(&[0xff; 7]);
                Reaction::Answer(Bytes::from(bytes))
            }
            _ => reaction,
        }
    }

    fn find_coordinator(
        &self,
        frame: &Bytes,
        id: i32,
        version: i16,
        forced: Option<ErrorCode>,
    ) -> Reaction {
        let (_, request) = decode_request::<FindCoordinatorRequest>(frame).unwrap();
        let node = match request.key_type {
            1 => self.coordinator.node,
            _ => self.coordinator.group_node,
        };
        let error_code = forced.unwrap_or(ErrorCode::NONE);
        let node_id = if error_code.is_none() { node } else { -1 };
        let host = ByteStr::from(alloc::format!("10.0.0.{}", node + 1));
        let mut answer = FindCoordinatorResponse::default();
        if version >= 4 {
            answer.coordinators = vec![Found {
                key: request.coordinator_keys[0].clone(),
                node_id,
                host,
                port: 9092,
                error_code,
                ..Found::default()
            }];
        } else {
            (answer.error_code, answer.node_id) = (error_code, node_id);
            (answer.host, answer.port) = (host, 9092);
        }
        encode(id, &answer, version)
    }

    fn init_producer_id(
        &mut self,
        frame: &Bytes,
        id: i32,
        version: i16,
        forced: Option<ErrorCode>,
    ) -> Reaction {
        let (_, request) = decode_request::<InitProducerIdRequest>(frame).unwrap();
        let (producer_id, epoch) = (request.producer_id, request.producer_epoch);
        let keeps = request.keep_prepared_txn;
        if version >= 6 {
            self.coordinator.two_phase.push((request.enable_2pc, keeps));
        }
        let error_code =
            forced.unwrap_or_else(|| self.coordinator.initialize(producer_id, epoch, keeps));
        let mut answer = InitProducerIdResponse { error_code, ..Default::default() };
        if error_code.is_none() {
            answer.producer_id = self.coordinator.producer_id;
            answer.producer_epoch = self.coordinator.epoch;
            if let Some(epoch) = self.coordinator.kept_epoch {
                answer.ongoing_txn_producer_id = self.coordinator.producer_id;
                answer.ongoing_txn_producer_epoch = epoch;
            }
        } else {
            answer.producer_epoch = -1;
        }
        encode(id, &answer, version)
    }

    fn add_partitions(
        &mut self,
        frame: &Bytes,
        id: i32,
        version: i16,
        forced: Option<ErrorCode>,
    ) -> Reaction {
        assert!(version <= 3, "AddPartitionsToTxn {version} is for brokers");
        let (_, request) = decode_request::<AddPartitionsToTxnRequest>(frame).unwrap();
        let of = &mut self.coordinator;
        let identity = (request.v3_and_below_producer_id, request.v3_and_below_producer_epoch);
        let code = forced.unwrap_or_else(|| of.identify(identity.0, identity.1));
        let mut results = Vec::new();
        for topic in request.v3_and_below_topics {
            let mut result =
                AddPartitionsToTxnTopicResult { name: topic.name.clone(), ..Default::default() };
            for &partition in topic.partitions.as_slice() {
                if code.is_none() {
                    of.partitions.insert((topic.name.clone(), partition));
                    of.phase = Phase::Ongoing;
                }
                result.results_by_partition.push(AddPartitionsToTxnPartitionResult {
                    partition_index: partition,
                    partition_error_code: code,
                    ..Default::default()
                });
            }
            results.push(result);
        }
        let answer = AddPartitionsToTxnResponse {
            results_by_topic_v3_and_below: results,
            ..Default::default()
        };
        encode(id, &answer, version)
    }

    fn add_offsets(
        &mut self,
        frame: &Bytes,
        id: i32,
        version: i16,
        forced: Option<ErrorCode>,
    ) -> Reaction {
        let (_, request) = decode_request::<AddOffsetsToTxnRequest>(frame).unwrap();
        let of = &mut self.coordinator;
        let error_code =
            forced.unwrap_or_else(|| of.identify(request.producer_id, request.producer_epoch));
        if error_code.is_none() {
            of.groups.insert(request.group_id);
            of.phase = Phase::Ongoing;
        }
        encode(id, &AddOffsetsToTxnResponse { error_code, ..Default::default() }, version)
    }

    fn commit_offsets(
        &mut self,
        frame: &Bytes,
        id: i32,
        version: i16,
        forced: Option<ErrorCode>,
    ) -> Reaction {
        let (_, request) = decode_request::<TxnOffsetCommitRequest>(frame).unwrap();
        let is_late = self.is_late;
        let of = &mut self.coordinator;
        let code =
            forced.unwrap_or_else(|| of.identify(request.producer_id, request.producer_epoch));
        if code.is_none() {
            if version >= 5 {
                of.groups.insert(request.group_id.clone());
                of.phase = Phase::Ongoing;
            } else if !of.groups.contains(&request.group_id) && !is_late {
                of.violations.push("offsets of a group that is not in the transaction");
            }
            of.members.push((
                request.generation_id_or_member_epoch,
                request.member_id,
                request.group_instance_id,
            ));
        }
        let mut topics = Vec::new();
        for topic in request.topics {
            let mut answer =
                TxnOffsetCommitResponseTopic { name: topic.name.clone(), ..Default::default() };
            for partition in topic.partitions {
                if code.is_none() {
                    let named = (topic.name.clone(), partition.partition_index);
                    of.pending_offsets.insert(named, partition.committed_offset);
                }
                answer.partitions.push(TxnOffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: code,
                    ..Default::default()
                });
            }
            topics.push(answer);
        }
        encode(id, &TxnOffsetCommitResponse { topics, ..Default::default() }, version)
    }

    fn end_txn(
        &mut self,
        frame: &Bytes,
        id: i32,
        version: i16,
        forced: Option<ErrorCode>,
    ) -> Reaction {
        let (_, request) = decode_request::<EndTxnRequest>(frame).unwrap();
        let is_v2 = version >= 5;
        // As Kafka 4.3.1 once the cluster is downgraded.
        let is_too_new = is_v2 && self.coordinator.feature.is_none_or(|level| level < 2);
        let forced = forced.or(is_too_new.then_some(ErrorCode::UNSUPPORTED_VERSION));
        let error_code = forced.unwrap_or_else(|| self.coordinator.end_by_request(&request, is_v2));
        let mut answer = EndTxnResponse { error_code, ..Default::default() };
        if error_code.is_none() && is_v2 {
            answer.producer_id = self.coordinator.producer_id;
            answer.producer_epoch = self.coordinator.epoch;
        }
        encode(id, &answer, version)
    }

    /// What the leader asks the coordinator before it appends a transactional batch.
    pub(crate) fn verify(
        &mut self,
        key: &Named,
        producer_id: i64,
        epoch: i16,
        version: i16,
    ) -> ErrorCode {
        let is_late = self.is_late;
        let of = &mut self.coordinator;
        if producer_id != of.producer_id || epoch != of.epoch {
            return ErrorCode::INVALID_PRODUCER_EPOCH;
        }
        if version >= 12 {
            of.partitions.insert(key.clone());
            of.phase = Phase::Ongoing;
        } else if !of.partitions.contains(key) {
            if !is_late {
                of.violations.push("a batch for a partition that is not in the transaction");
            }
            return ErrorCode::INVALID_TXN_STATE;
        }
        ErrorCode::NONE
    }

    pub(crate) fn appended_in_transaction(&mut self, values: &[Vec<u8>]) {
        self.coordinator.open.extend_from_slice(values);
    }
}
