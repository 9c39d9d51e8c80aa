//! Values that are written down here and in `MakeVectors.java`, as Java has encoded them.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use bytes::Bytes;

use super::vectors::{self, Vector};
use crate::messages::{
    ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, InitProducerIdResponse,
    MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse, api_versions_response,
    metadata_request, metadata_response, produce_request, produce_response,
};
use crate::{ByteStr, ErrorCode, Message, Request, Response, Uuid};

/// Java's bytes are read as `expected` says for their version, and written the same.
fn check<M: Message + Debug>(versions: &[i16], expected: impl Fn(i16) -> Vec<M>) {
    let vectors = vectors::of(vectors::KNOWN, M::NAME);
    for &version in versions {
        let of_version: Vec<&Vector> = vectors.iter().filter(|v| v.version == version).collect();
        let expected = expected(version);
        assert_eq!(of_version.len(), expected.len(), "{} v{version}", M::NAME);
        for (vector, expected) in of_version.into_iter().zip(expected) {
            assert_eq!(M::from_bytes(&vector.bytes, version).as_ref(), Ok(&expected));
            assert_eq!(expected.to_bytes(version).as_ref(), Ok(&vector.bytes));
        }
    }
}

/// `value` from version `since` on, else the default.
fn since<T: Default>(since: i16, version: i16, value: T) -> T {
    if version >= since { value } else { T::default() }
}

const TOPIC: &str = "greetings";
const TOPIC_ID: Uuid = Uuid::from_u128(1 << 64 | 2);

#[test]
fn api_versions() {
    check(&[0, 1, 2, 3, 4, 5], |version| {
        vec![ApiVersionsRequest {
            client_software_name: since(3, version, "rohrpost".into()),
            client_software_version: since(3, version, "0.1.0".into()),
            ..Default::default()
        }]
    });
    check(&[0, 1, 2, 3, 4, 5], |version| {
        use api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
        let api = |api_key, min_version, max_version| ApiVersion {
            api_key,
            min_version,
            max_version,
            ..Default::default()
        };
        vec![ApiVersionsResponse {
            error_code: ErrorCode::NONE,
            api_keys: vec![api(0, 3, 13), api(18, 0, 4)],
            throttle_time_ms: since(1, version, 7),
            supported_features: since(
                3,
                version,
                vec![SupportedFeatureKey {
                    name: "transaction.version".into(),
                    min_version: 0,
                    max_version: 2,
                    ..Default::default()
                }],
            ),
            finalized_features_epoch: if version >= 3 { 42 } else { -1 },
            finalized_features: since(
                3,
                version,
                vec![FinalizedFeatureKey {
                    name: "transaction.version".into(),
                    max_version_level: 2,
                    min_version_level: 2,
                    ..Default::default()
                }],
            ),
            ..Default::default()
        }]
    });
}

#[test]
fn metadata() {
    check(&[1, 4, 8, 9, 12, 13], |version| {
        use metadata_request::MetadataRequestTopic;
        let topic = MetadataRequestTopic { name: Some(TOPIC.into()), ..Default::default() };
        let one = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
        let all = MetadataRequest { topics: None, ..Default::default() };
        if version == 13 { vec![one] } else { vec![one, all] }
    });
    check(&[1, 4, 8, 9, 12, 13], |version| {
        use metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        };
        let partition = MetadataResponsePartition {
            error_code: ErrorCode::LEADER_NOT_AVAILABLE,
            partition_index: 11,
            leader_id: -1,
            leader_epoch: if version >= 7 { 6 } else { -1 },
            replica_nodes: [1, 2].into(),
            isr_nodes: [1].into(),
            offline_replicas: since(5, version, [2].into()),
            ..Default::default()
        };
        let topic = MetadataResponseTopic {
            name: Some(TOPIC.into()),
            topic_id: since(10, version, TOPIC_ID),
            is_internal: true,
            partitions: vec![partition],
            ..Default::default()
        };
        let broker = MetadataResponseBroker {
            node_id: 1,
            host: "broker-1".into(),
            port: 9092,
            rack: Some("räck".into()),
            ..Default::default()
        };
        vec![MetadataResponse {
            throttle_time_ms: since(3, version, 3),
            brokers: vec![broker],
            cluster_id: since(2, version, Some("cluster".into())),
            controller_id: 2,
            topics: vec![topic],
            ..Default::default()
        }]
    });
}

#[test]
fn produce() {
    let name = |version| if version <= 12 { TOPIC.into() } else { ByteStr::new() };
    check(&[3, 7, 8, 9, 12, 13], |version| {
        use produce_request::{PartitionProduceData, TopicProduceData};
        let records = Some(Bytes::from_static(b"not looked into").into());
        let full = PartitionProduceData { index: 3, records, ..Default::default() };
        let empty = PartitionProduceData { index: 4, records: None, ..Default::default() };
        let topic = TopicProduceData {
            name: name(version),
            topic_id: since(13, version, TOPIC_ID),
            partition_data: vec![full, empty],
            ..Default::default()
        };
        vec![ProduceRequest {
            transactional_id: Some("tx".into()),
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
            ..Default::default()
        }]
    });
    check(&[3, 7, 8, 9, 12, 13], |version| {
        use produce_response::{
            BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
            TopicProduceResponse,
        };
        let bad = BatchIndexAndErrorMessage {
            batch_index: 1,
            batch_index_error_message: Some("bad".into()),
            ..Default::default()
        };
        let leader = LeaderIdAndEpoch { leader_id: 5, leader_epoch: 8, ..Default::default() };
        let partition = PartitionProduceResponse {
            index: 3,
            error_code: ErrorCode::NOT_LEADER_OR_FOLLOWER,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: if version >= 5 { 77 } else { -1 },
            record_errors: since(8, version, vec![bad]),
            error_message: since(8, version, Some("moved".into())),
            current_leader: since(10, version, leader),
            ..Default::default()
        };
        let topic = TopicProduceResponse {
            name: name(version),
            topic_id: since(13, version, TOPIC_ID),
            partition_responses: vec![partition],
            ..Default::default()
        };
        let node =
            NodeEndpoint { node_id: 5, host: "broker-5".into(), port: 9095, ..Default::default() };
        vec![ProduceResponse {
            responses: vec![topic],
            throttle_time_ms: 9,
            node_endpoints: since(10, version, vec![node]),
            ..Default::default()
        }]
    });
}

#[test]
fn init_producer_id() {
    check(&[0, 1, 2, 3, 4, 5], |version| {
        vec![InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 60_000,
            producer_id: if version >= 3 { 4000 } else { -1 },
            producer_epoch: if version >= 3 { 7 } else { -1 },
            ..Default::default()
        }]
    });
    check(&[0, 1, 2, 3, 4, 5], |_| {
        vec![InitProducerIdResponse {
            throttle_time_ms: 1,
            producer_id: 4000,
            producer_epoch: 8,
            ..Default::default()
        }]
    });
}

#[test]
fn headers_have_the_versions_that_java_gives_them() {
    fn request<R: Request>() {
        for vector in vectors::of(vectors::KNOWN, R::NAME) {
            assert_eq!(Some(R::header_version(vector.version)), vector.header_version);
        }
    }
    fn response<R: Response>() {
        for vector in vectors::of(vectors::KNOWN, R::NAME) {
            assert_eq!(Some(R::header_version(vector.version)), vector.header_version);
        }
    }
    request::<ApiVersionsRequest>();
    response::<ApiVersionsResponse>();
    request::<MetadataRequest>();
    response::<MetadataResponse>();
    request::<ProduceRequest>();
    response::<ProduceResponse>();
}
