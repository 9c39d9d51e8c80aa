//! The APIs that the brokers serve.

mod configs;
mod coordinator;
mod delete_records;
mod describe;
pub(super) mod fetch;
mod metadata;
mod offsets;
mod partitions;
pub(super) mod produce;
mod producer_id;
#[cfg(feature = "sasl")]
mod sasl;
mod topics;
pub(super) mod versions;

use rohrpost_codec::{ApiKey, Message, VersionRange, messages as m};

/// Each API with the versions that are served. Produce is told from version 0 and served from 3, as Kafka 4 does for the sake of
/// clients that look for 0 (KIP-896); transactions are not served, and so not told.
pub(super) const SERVED: &[(ApiKey, VersionRange)] = &[
    (ApiKey::Produce, VersionRange::new(0, m::ProduceRequest::VERSIONS.max)),
    (ApiKey::Fetch, m::FetchRequest::VERSIONS),
    (ApiKey::ListOffsets, m::ListOffsetsRequest::VERSIONS),
    (ApiKey::Metadata, m::MetadataRequest::VERSIONS),
    (ApiKey::FindCoordinator, m::FindCoordinatorRequest::VERSIONS),
    #[cfg(feature = "sasl")]
    (ApiKey::SaslHandshake, m::SaslHandshakeRequest::VERSIONS),
    (ApiKey::ApiVersions, VersionRange::new(0, 4)),
    (ApiKey::CreateTopics, m::CreateTopicsRequest::VERSIONS),
    (ApiKey::DeleteTopics, m::DeleteTopicsRequest::VERSIONS),
    (ApiKey::DeleteRecords, m::DeleteRecordsRequest::VERSIONS),
    (ApiKey::InitProducerId, m::InitProducerIdRequest::VERSIONS),
    (ApiKey::OffsetForLeaderEpoch, m::OffsetForLeaderEpochRequest::VERSIONS),
    (ApiKey::DescribeConfigs, m::DescribeConfigsRequest::VERSIONS),
    #[cfg(feature = "sasl")]
    (ApiKey::SaslAuthenticate, m::SaslAuthenticateRequest::VERSIONS),
    (ApiKey::CreatePartitions, m::CreatePartitionsRequest::VERSIONS),
    (ApiKey::DescribeCluster, m::DescribeClusterRequest::VERSIONS),
    (ApiKey::DescribeTopicPartitions, m::DescribeTopicPartitionsRequest::VERSIONS),
];
