//! Brokers that keep Kafka's rules for producers, unless a test tells them what to do with a batch.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use rohrpost_cluster::NodeId;
use rohrpost_codec::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey};
use rohrpost_codec::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::messages::produce_response::{
    LeaderIdAndEpoch, PartitionProduceResponse, TopicProduceResponse,
};
use rohrpost_codec::messages::{
    ApiVersionsResponse, InitProducerIdResponse, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse, SaslAuthenticateResponse, SaslHandshakeResponse,
};
use rohrpost_codec::{
    ApiKey, ByteStr, Bytes, ErrorCode, Response, Uuid, decode_request, encode_response,
    peek_request,
};
use rohrpost_records::{BatchHeader, RecordBatch};

use super::coordinator::Coordinator;

/// What to do with the next batch of a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Keep the rules.
    Judge,
    /// Keep the rules, but answer this.
    JudgeAnswer(ErrorCode),
    /// Append nothing, answer this.
    Refuse(ErrorCode),
    /// Keep the rules, then cut the connection instead of answering.
    JudgeCut,
    /// Cut the connection before anything.
    Cut,
    /// Cut the connection; the request arrives some time later all the same.
    Late,
    /// Keep the rules and never answer the request.
    JudgeSilence,
    /// Append nothing and never answer the request.
    Silence,
    /// Keep the rules, leave the partition out of the answer.
    JudgeOmit,
    /// Keep the rules; the answer is changed by this.
    Twist(fn(&mut ProduceResponse)),
    /// Keep the rules; then answer with bytes that are no answer.
    JudgeGarbage,
}

/// A batch in a log.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) header: BatchHeader,
    pub(crate) values: Vec<Vec<u8>>,
}

/// First sequence, last sequence and offset of some batches.
type Batches = VecDeque<(i32, i32, i64)>;

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) batches: Vec<Stored>,
    pub(crate) next_offset: i64,
    /// Per producer id: its epoch, and the last five batches.
    producers: BTreeMap<i64, (i16, Batches)>,
    pub(crate) fates: VecDeque<Fate>,
}

/// A partition's leader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Led {
    pub(crate) leader: Option<i32>,
    pub(crate) epoch: i32,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: Uuid,
    pub(crate) error: ErrorCode,
    pub(crate) partitions: Vec<Led>,
}

/// What a broker does with a frame.
#[derive(Debug)]
pub(crate) enum Reaction {
    Answer(Bytes),
    /// None is due (acks=0).
    Nothing,
    /// The broker is stuck: nothing more comes on this connection.
    Silence,
    Cut,
    /// The connection is cut, and what was on it arrives later.
    Late,
}

/// A cluster whose brokers share their logs, as if replication took no time.
#[derive(Debug)]
pub(crate) struct Brokers {
    pub(crate) nodes: i32,
    pub(crate) topics: BTreeMap<ByteStr, Topic>,
    pub(crate) logs: BTreeMap<(ByteStr, i32), Log>,
    pub(crate) versions: BTreeMap<i16, (i16, i16)>,
    /// Answers to InitProducerId: an error, or the epoch to begin with; afterwards ids with epoch 0.
    pub(crate) identities: VecDeque<Result<i16, ErrorCode>>,
    pub(crate) next_producer_id: i64,
    /// Every batch that arrived: its partition, header, values, topic.
    pub(crate) seen: Vec<(i32, BatchHeader, Vec<Vec<u8>>, ByteStr)>,
    /// What each Produce request had for `acks`, and the topics of its batches.
    pub(crate) acks: Vec<(i16, Vec<ByteStr>)>,
    /// How many batches each Produce request had.
    pub(crate) requests: Vec<usize>,
    pub(crate) throttle_ms: i32,
    /// Say who leads beside a refusal for want of leadership (KIP-951).
    pub(crate) hints: bool,
    pub(crate) max_message_bytes: usize,
    /// Nodes that have one.
    pub(crate) racks: BTreeMap<i32, &'static str>,
    pub(crate) metadata_requests: usize,
    /// Nodes that do not believe anybody.
    pub(crate) refusing: Vec<i32>,
    pub(crate) coordinator: Coordinator,
    /// What arrives now was sent long ago: nobody plans anything for it, nor hears of it.
    pub(crate) is_late: bool,
    /// The producer of this test is.
    pub(crate) is_transactional: bool,
    /// The version of each Produce request.
    pub(crate) produce_versions: Vec<i16>,
    /// How long sessions last, by SaslAuthenticate's `session_lifetime_ms`.
    pub(crate) lifetime_ms: i64,
}

impl Brokers {
    pub(crate) fn new(nodes: i32) -> Self {
        let versions = [
            (ApiKey::Produce, (3, 13)),
            (ApiKey::Metadata, (1, 13)),
            (ApiKey::ApiVersions, (0, 4)),
            (ApiKey::InitProducerId, (0, 5)),
            (ApiKey::FindCoordinator, (0, 6)),
            (ApiKey::AddPartitionsToTxn, (0, 5)),
            (ApiKey::AddOffsetsToTxn, (0, 4)),
            (ApiKey::TxnOffsetCommit, (0, 6)),
            (ApiKey::EndTxn, (0, 5)),
            (ApiKey::SaslHandshake, (0, 1)),
            (ApiKey::SaslAuthenticate, (0, 2)),
        ];
        Self {
            nodes,
            topics: BTreeMap::new(),
            logs: BTreeMap::new(),
            versions: versions.into_iter().map(|(key, range)| (i16::from(key), range)).collect(),
            identities: VecDeque::new(),
            next_producer_id: 1000,
            seen: Vec::new(),
            acks: Vec::new(),
            requests: Vec::new(),
            throttle_ms: 0,
            hints: true,
            max_message_bytes: 1 << 20,
            metadata_requests: 0,
            refusing: Vec::new(),
            lifetime_ms: 0,
            coordinator: Coordinator::new(),
            is_late: false,
            is_transactional: false,
            produce_versions: Vec::new(),
            racks: BTreeMap::new(),
        }
    }

    pub(crate) fn create(&mut self, name: &'static str, id: u128, partitions: i32) {
        let nodes = self.nodes;
        let led = (0..partitions).map(|p| Led { leader: Some(p % nodes), epoch: 0 }).collect();
        let topic = Topic { id: Uuid::from_u128(id), error: ErrorCode::NONE, partitions: led };
        self.topics.insert(ByteStr::from_static(name), topic);
    }

    pub(crate) fn log(&mut self, topic: &'static str, partition: i32) -> &mut Log {
        self.logs.entry((ByteStr::from_static(topic), partition)).or_default()
    }

    pub(crate) fn lead(&mut self, topic: &str, partition: i32, leader: Option<i32>) {
        let topic = self.topics.get_mut(topic).unwrap();
        let led = &mut topic.partitions[partition as usize];
        led.leader = leader;
        led.epoch += 1;
    }

    /// Answers a request that reached a broker.
    pub(crate) fn receive(&mut self, node: i32, frame: &Bytes) -> Reaction {
        let preamble = peek_request(frame).unwrap();
        let version = preamble.api_version;
        let id = preamble.correlation_id;
        match ApiKey::try_from(preamble.api_key).unwrap() {
            ApiKey::ApiVersions => {
                let api_keys = self.versions.iter().map(|(&api_key, &(min, max))| ApiVersion {
                    api_key,
                    min_version: min,
                    max_version: max,
                    ..Default::default()
                });
                let feature = |max_version_level| FinalizedFeatureKey {
                    name: ByteStr::from_static("transaction.version"),
                    max_version_level,
                    min_version_level: max_version_level,
                    ..Default::default()
                };
                let of = &self.coordinator;
                let answer = ApiVersionsResponse {
                    api_keys: api_keys.collect(),
                    finalized_features: of.feature.map(feature).into_iter().collect(),
                    finalized_features_epoch: of.feature_epoch,
                    ..Default::default()
                };
                encode(id, &answer, version)
            }
            ApiKey::Metadata => {
                self.metadata_requests += 1;
                let (_, request) = decode_request::<MetadataRequest>(frame).unwrap();
                let wanted: Vec<ByteStr> =
                    request.topics.into_iter().flatten().filter_map(|topic| topic.name).collect();
                encode(id, &self.metadata(&wanted), version)
            }
            ApiKey::InitProducerId if self.is_transactional => {
                self.transactional(node, frame, ApiKey::InitProducerId, id, version)
            }
            api @ (ApiKey::FindCoordinator
            | ApiKey::AddPartitionsToTxn
            | ApiKey::AddOffsetsToTxn
            | ApiKey::TxnOffsetCommit
            | ApiKey::EndTxn) => self.transactional(node, frame, api, id, version),
            ApiKey::InitProducerId => {
                let answer = match self.identities.pop_front().unwrap_or(Ok(0)) {
                    Ok(epoch) => {
                        self.next_producer_id += 1;
                        InitProducerIdResponse {
                            producer_id: self.next_producer_id,
                            producer_epoch: epoch,
                            ..Default::default()
                        }
                    }
                    Err(error_code) => {
                        InitProducerIdResponse { error_code, producer_id: -1, ..Default::default() }
                    }
                };
                encode(id, &answer, version)
            }
            ApiKey::Produce => self.produce(node, frame, id, version),
            ApiKey::SaslHandshake => encode(id, &SaslHandshakeResponse::default(), version),
            ApiKey::SaslAuthenticate => {
                let refuses = self.refusing.contains(&node);
                let error_code = match refuses {
                    true => ErrorCode::SASL_AUTHENTICATION_FAILED,
                    false => ErrorCode::NONE,
                };
                let session_lifetime_ms = self.lifetime_ms;
                let answer = SaslAuthenticateResponse {
                    error_code,
                    error_message: refuses.then(|| ByteStr::from_static("who are you?")),
                    session_lifetime_ms,
                    ..Default::default()
                };
                encode(id, &answer, version)
            }
            other => panic!("{other:?}"),
        }
    }

    fn metadata(&self, wanted: &[ByteStr]) -> MetadataResponse {
        let brokers = (0..self.nodes).map(|node| MetadataResponseBroker {
            node_id: node,
            host: ByteStr::from(alloc::format!("10.0.0.{}", node + 1)),
            port: 9092,
            rack: self.racks.get(&node).copied().map(ByteStr::from_static),
            ..Default::default()
        });
        let topics = wanted.iter().map(|name| match self.topics.get(name) {
            Some(topic) => MetadataResponseTopic {
                error_code: topic.error,
                name: Some(name.clone()),
                topic_id: topic.id,
                partitions: topic
                    .partitions
                    .iter()
                    .enumerate()
                    .map(|(index, led)| MetadataResponsePartition {
                        error_code: match led.leader {
                            Some(_) => ErrorCode::NONE,
                            None => ErrorCode::LEADER_NOT_AVAILABLE,
                        },
                        partition_index: index as i32,
                        leader_id: led.leader.unwrap_or(-1),
                        leader_epoch: led.epoch,
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            },
            None => MetadataResponseTopic {
                error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                name: Some(name.clone()),
                ..Default::default()
            },
        });
        MetadataResponse {
            brokers: brokers.collect(),
            cluster_id: Some(ByteStr::from_static("cluster")),
            controller_id: 0,
            topics: topics.collect(),
            ..Default::default()
        }
    }

    fn produce(&mut self, node: i32, frame: &Bytes, id: i32, version: i16) -> Reaction {
        let (_, request) = decode_request::<ProduceRequest>(frame).unwrap();
        assert_eq!(request.transactional_id.is_some(), self.is_transactional);
        self.produce_versions.push(version);
        let mut answer =
            ProduceResponse { throttle_time_ms: self.throttle_ms, ..Default::default() };
        let (mut cut, mut silence, mut garbage) = (false, false, false);
        let mut twists = Vec::new();
        self.acks.push((request.acks, Vec::new()));
        self.requests.push(request.topic_data.iter().map(|topic| topic.partition_data.len()).sum());
        for topic in request.topic_data {
            let name = if version >= 13 {
                let known = self.topics.iter().find(|(_, known)| known.id == topic.topic_id);
                known.map(|(name, _)| name.clone())
            } else {
                Some(topic.name.clone())
            };
            let mut responses = Vec::new();
            for part in topic.partition_data {
                let mut reply =
                    PartitionProduceResponse { index: part.index, ..Default::default() };
                let Some(name) = &name else {
                    reply.error_code = ErrorCode::UNKNOWN_TOPIC_ID;
                    responses.push(reply);
                    continue;
                };
                let records = part.records.unwrap().to_bytes();
                let (batch, size) = RecordBatch::parse(&records).unwrap();
                assert_eq!(size, records.len());
                let values = batch.records(1 << 30).unwrap().map(|record| {
                    record.unwrap().value.map(|value| value.to_vec()).unwrap_or_default()
                });
                let values: Vec<Vec<u8>> = values.collect();
                self.seen.push((part.index, *batch.header(), values.clone(), name.clone()));
                if let Some((_, topics)) = self.acks.last_mut() {
                    topics.push(name.clone());
                }
                let key = (name.clone(), part.index);
                let is_late = self.is_late;
                let log = self.logs.entry(key.clone()).or_default();
                let fate = if is_late { None } else { log.fates.pop_front() };
                let fate = fate.unwrap_or(Fate::Judge);
                if let Fate::Late = fate {
                    return Reaction::Late;
                }
                let judged = |brokers: &mut Self| {
                    brokers.judge(node, &key, *batch.header(), &values, size, version)
                };
                let (code, offset) = match &fate {
                    Fate::Refuse(code) => (*code, -1),
                    Fate::Cut | Fate::Silence => (ErrorCode::NONE, -1),
                    _ => judged(self),
                };
                reply.error_code = code;
                reply.base_offset = offset;
                match fate {
                    Fate::JudgeAnswer(code) => {
                        reply.error_code = code;
                        reply.base_offset = -1;
                    }
                    Fate::JudgeCut | Fate::Cut => cut = true,
                    Fate::JudgeSilence | Fate::Silence => silence = true,
                    Fate::JudgeGarbage => garbage = true,
                    Fate::JudgeOmit => continue,
                    Fate::Twist(twist) => twists.push(twist),
                    Fate::Judge | Fate::Refuse(_) | Fate::Late => {}
                }
                if reply.error_code == ErrorCode::NOT_LEADER_OR_FOLLOWER && self.hints {
                    let led = self.topics[name].partitions[part.index as usize];
                    reply.current_leader = LeaderIdAndEpoch {
                        leader_id: led.leader.unwrap_or(-1),
                        leader_epoch: led.epoch,
                        ..Default::default()
                    };
                }
                responses.push(reply);
            }
            answer.responses.push(TopicProduceResponse {
                name: topic.name,
                topic_id: topic.topic_id,
                partition_responses: responses,
                ..Default::default()
            });
        }
        for twist in twists {
            twist(&mut answer);
        }
        match (cut, silence, garbage) {
            (true, ..) => Reaction::Cut,
            (_, true, _) => Reaction::Silence,
            _ if request.acks == 0 => Reaction::Nothing,
            (_, _, true) => {
                let mut bytes = id.to_be_bytes().to_vec();
                bytes.extend_from_slice(&[0xff; 7]);
                Reaction::Answer(Bytes::from(bytes))
            }
            _ => encode(id, &answer, version),
        }
    }

    /// What a leader does with a batch (ProducerStateManager and UnifiedLog of Kafka).
    fn judge(
        &mut self,
        node: i32,
        key: &(ByteStr, i32),
        header: BatchHeader,
        values: &[Vec<u8>],
        size: usize,
        version: i16,
    ) -> (ErrorCode, i64) {
        let led = self.topics.get(&key.0).and_then(|topic| topic.partitions.get(key.1 as usize));
        let Some(led) = led else { return (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1) };
        if led.leader != Some(NodeId(node).0) {
            return (ErrorCode::NOT_LEADER_OR_FOLLOWER, -1);
        }
        if size > self.max_message_bytes {
            return (ErrorCode::MESSAGE_TOO_LARGE, -1);
        }
        let is_transactional = header.attributes.is_transactional();
        assert_eq!(is_transactional, self.is_transactional, "the batch's attributes");
        if is_transactional {
            let (id, epoch) = (header.producer_id.0, header.producer_epoch.0);
            let code = self.verify(key, id, epoch, version);
            if !code.is_none() {
                return (code, -1);
            }
        }
        let log = self.logs.entry(key.clone()).or_default();
        let offset = log.next_offset;
        let (first, last) = (header.base_sequence.0, header.last_sequence().0);
        if header.producer_id.is_some() {
            let epoch = header.producer_epoch.0;
            match log.producers.get_mut(&header.producer_id.0) {
                // A real broker takes any first sequence of a producer that it does not know.
                None => {
                    let window = VecDeque::from([(first, last, offset)]);
                    log.producers.insert(header.producer_id.0, (epoch, window));
                }
                Some((known, _)) if epoch < *known => {
                    return (ErrorCode::INVALID_PRODUCER_EPOCH, -1);
                }
                Some((known, window)) if epoch > *known => {
                    if first != 0 {
                        return (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
                    }
                    *known = epoch;
                    *window = VecDeque::from([(first, last, offset)]);
                }
                Some((_, window)) => {
                    if let Some(found) =
                        window.iter().find(|entry| (entry.0, entry.1) == (first, last))
                    {
                        return (ErrorCode::NONE, found.2);
                    }
                    let expected =
                        window.back().map_or(0, |entry| entry.1.wrapping_add(1) & i32::MAX);
                    if first != expected {
                        return (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
                    }
                    window.push_back((first, last, offset));
                    if window.len() > 5 {
                        window.pop_front();
                    }
                }
            }
        }
        log.next_offset += values.len() as i64;
        log.batches.push(Stored { header, values: values.to_vec() });
        if is_transactional {
            self.appended_in_transaction(values);
        }
        (ErrorCode::NONE, offset)
    }

    /// The broker forgets every producer of a partition.
    pub(crate) fn forget_producers(&mut self, topic: &'static str, partition: i32) {
        self.log(topic, partition).producers.clear();
    }
}

pub(crate) fn encode<R: Response>(id: i32, answer: &R, version: i16) -> Reaction {
    Reaction::Answer(encode_response(id, answer, version).unwrap().to_bytes().slice(4..))
}
