//! The messages that are measured.

use rohrpost_codec::ByteStr;
use rohrpost_codec::Uuid;
use rohrpost_codec::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use rohrpost_codec::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::messages::{FetchResponse, MetadataResponse, ProduceRequest};

use crate::records;

/// One topic, 12 partitions of 16 KiB.
pub fn produce() -> ProduceRequest {
    let partition_data = (0..12).map(|index| PartitionProduceData {
        index,
        records: records(16 * 1024).map(Into::into),
        ..Default::default()
    });
    let topic = TopicProduceData {
        name: "greetings".into(),
        partition_data: partition_data.collect(),
        ..Default::default()
    };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

/// Three brokers, 1,000 topics of 12 partitions of three replicas.
pub fn metadata() -> MetadataResponse {
    let brokers = (1..=3).map(|node_id| MetadataResponseBroker {
        node_id,
        host: ByteStr::from(format!("broker-{node_id}.example")),
        port: 9092,
        ..Default::default()
    });
    let topics = (0..1000).map(|index| MetadataResponseTopic {
        name: Some(ByteStr::from(format!("department-{}.topic-{index}", index % 10))),
        topic_id: Uuid::from_u128(1 << 100 | index),
        partitions: (0..12).map(partition).collect(),
        ..Default::default()
    });
    MetadataResponse {
        brokers: brokers.collect(),
        cluster_id: Some("4L6g3nShT-eMCtK--X86sw".into()),
        controller_id: 2,
        topics: topics.collect(),
        ..Default::default()
    }
}

fn partition(partition_index: i32) -> MetadataResponsePartition {
    let nodes = [0, 1, 2].map(|n| (partition_index + n) % 3 + 1);
    MetadataResponsePartition {
        partition_index,
        leader_id: nodes[0],
        leader_epoch: 7,
        isr_nodes: nodes.into(),
        replica_nodes: nodes.into(),
        ..Default::default()
    }
}

/// One topic, 12 partitions of 64 KiB.
pub fn fetch() -> FetchResponse {
    let partitions = (0..12).map(|partition_index| PartitionData {
        partition_index,
        high_watermark: 123_456,
        last_stable_offset: 123_456,
        log_start_offset: 0,
        records: records(64 * 1024),
        ..Default::default()
    });
    let topic = FetchableTopicResponse {
        topic_id: Uuid::from_u128(1 << 100),
        partitions: partitions.collect(),
        ..Default::default()
    };
    FetchResponse { session_id: 9, responses: vec![topic], ..Default::default() }
}
