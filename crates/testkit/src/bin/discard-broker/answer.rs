//! What the discard broker answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rohrpost_codec::messages::api_versions_response::ApiVersion;
use rohrpost_codec::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use rohrpost_codec::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, FindCoordinatorRequest,
    InitProducerIdRequest, InitProducerIdResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse,
};
use rohrpost_codec::{
    ApiKey, ByteStr, ErrorCode, Frame, Message, Response, Segments, Uuid, VersionRange,
    decode_request, encode_response, peek_request,
};
use rohrpost_records::BatchHeader;

use crate::tally::{self, Tally};

type Error = Box<dyn std::error::Error + Send + Sync>;

const NODE: i32 = 1;

/// One node, every topic.
pub(crate) struct Broker {
    address: SocketAddr,
    partitions: i32,
    tally: Arc<Tally>,
    producers: AtomicI64,
    topics: Mutex<BTreeMap<Uuid, ByteStr>>,
    /// Next offsets by partition index: of one topic in the common case, and any ascending number will do for several.
    offsets: Vec<AtomicI64>,
}

impl Broker {
    pub(crate) fn new(address: SocketAddr, partitions: i32, tally: Arc<Tally>) -> Self {
        Self {
            address,
            partitions,
            tally,
            producers: AtomicI64::new(1),
            topics: Mutex::default(),
            offsets: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
        }
    }

    /// The answer to a request; `None` where none is due.
    pub(crate) fn answer(&self, frame: &Bytes) -> Result<Option<Frame>, Error> {
        let preamble = peek_request(frame)?;
        let (version, correlation) = (preamble.api_version, preamble.correlation_id);
        match ApiKey::try_from(preamble.api_key)? {
            ApiKey::Produce => self.produce(frame, version),
            ApiKey::Metadata => {
                let (_, request) = decode_request::<MetadataRequest>(frame)?;
                reply(correlation, &self.metadata(&request), version)
            }
            ApiKey::InitProducerId => {
                decode_request::<InitProducerIdRequest>(frame)?;
                let response = InitProducerIdResponse {
                    producer_id: self.producers.fetch_add(1, Relaxed),
                    producer_epoch: 0,
                    ..Default::default()
                };
                reply(correlation, &response, version)
            }
            ApiKey::ApiVersions if ApiVersionsRequest::VERSIONS.contains(version) => {
                reply(correlation, &api_versions(ErrorCode::NONE), version)
            }
            ApiKey::ApiVersions => {
                reply(correlation, &api_versions(ErrorCode::UNSUPPORTED_VERSION), 0)
            }
            other => Err(format!("{} is not spoken here", other.name()).into()),
        }
    }

    fn produce(&self, frame: &Bytes, version: i16) -> Result<Option<Frame>, Error> {
        let (header, request) = decode_request::<ProduceRequest>(frame)?;
        let is_first = self.tally.request();
        let arrival = tally::now();
        let mut responses = Vec::with_capacity(request.topic_data.len());
        for topic in request.topic_data {
            let mut partitions = Vec::with_capacity(topic.partition_data.len());
            for partition in &topic.partition_data {
                let records =
                    partition.records.as_ref().map(Segments::to_bytes).unwrap_or_default();
                let batch = BatchHeader::parse(&records)?;
                self.tally.batch(batch.record_count as u64, records.len() as u64);
                if !is_first {
                    self.tally.create_times(arrival, batch.base_timestamp, batch.max_timestamp);
                }
                let offset = usize::try_from(partition.index)
                    .ok()
                    .and_then(|index| self.offsets.get(index))
                    .map(|next| next.fetch_add(batch.record_count.into(), Relaxed));
                partitions.push(PartitionProduceResponse {
                    index: partition.index,
                    error_code: if offset.is_some() {
                        ErrorCode::NONE
                    } else {
                        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                    },
                    base_offset: offset.unwrap_or(-1),
                    log_start_offset: 0,
                    ..Default::default()
                });
            }
            responses.push(TopicProduceResponse {
                name: topic.name,
                topic_id: topic.topic_id,
                partition_responses: partitions,
                ..Default::default()
            });
        }
        if request.acks == 0 {
            return Ok(None);
        }
        let response = ProduceResponse { responses, ..Default::default() };
        reply(header.correlation_id, &response, version)
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let mut known = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<ByteStr> = match &request.topics {
            None => known.values().cloned().collect(),
            Some(topics) => topics
                .iter()
                .filter_map(|topic| {
                    topic.name.clone().or_else(|| known.get(&topic.topic_id).cloned())
                })
                .collect(),
        };
        let topics = names
            .into_iter()
            .map(|name| {
                let topic_id = topic_id(&name);
                known.insert(topic_id, name.clone());
                MetadataResponseTopic {
                    name: Some(name),
                    topic_id,
                    partitions: (0..self.partitions).map(partition).collect(),
                    ..Default::default()
                }
            })
            .collect();
        let broker = MetadataResponseBroker {
            node_id: NODE,
            host: ByteStr::from(self.address.ip().to_string()),
            port: self.address.port().into(),
            ..Default::default()
        };
        MetadataResponse {
            brokers: vec![broker],
            cluster_id: Some(ByteStr::from("discard")),
            controller_id: NODE,
            topics,
            ..Default::default()
        }
    }
}

fn partition(index: i32) -> MetadataResponsePartition {
    MetadataResponsePartition {
        partition_index: index,
        leader_id: NODE,
        leader_epoch: 0,
        replica_nodes: [NODE].into(),
        isr_nodes: [NODE].into(),
        ..Default::default()
    }
}

/// The same name has the same id in every run (FNV-1a over the name).
fn topic_id(name: &str) -> Uuid {
    let hash = name.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    Uuid::from_u128(hash)
}

fn api_versions(error_code: ErrorCode) -> ApiVersionsResponse {
    let spoken: [(ApiKey, VersionRange); 6] = [
        (ApiKey::Produce, ProduceRequest::VERSIONS),
        // Nothing can be fetched, but librdkafka sends record batches (magic 2) only to a broker that speaks of Fetch.
        (ApiKey::Fetch, FetchRequest::VERSIONS),
        (ApiKey::Metadata, MetadataRequest::VERSIONS),
        // Nor are there coordinators, but librdkafka takes a broker that does not speak of them for one that knows no LZ4.
        (ApiKey::FindCoordinator, FindCoordinatorRequest::VERSIONS),
        (ApiKey::ApiVersions, ApiVersionsRequest::VERSIONS),
        (ApiKey::InitProducerId, InitProducerIdRequest::VERSIONS),
    ];
    let api_keys = spoken
        .map(|(key, versions)| ApiVersion {
            api_key: key as i16,
            min_version: versions.min,
            max_version: versions.max,
            ..Default::default()
        })
        .to_vec();
    ApiVersionsResponse { error_code, api_keys, ..Default::default() }
}

fn reply<R: Response>(
    correlation_id: i32,
    response: &R,
    version: i16,
) -> Result<Option<Frame>, Error> {
    Ok(Some(encode_response(correlation_id, response, version)?))
}
