//! The APIs that the brokers serve.

mod configs;
mod coordinator;
mod delete_records;
mod describe;
pub(super) mod fetch;
mod groups;
mod metadata;
mod offsets;
mod partitions;
pub(super) mod produce;
mod producer_id;
#[cfg(feature = "sasl")]
mod sasl;
mod topics;
mod transactions;
pub(super) mod versions;

use rohrpost_codec::{ApiKey, Message, VersionRange, messages as m};

/// Each API with the versions that are served. Produce is told from version 0 and served from 3, as Kafka 4 does for the sake of
/// clients that look for 0 (KIP-896). Like Kafka, the brokers tell the same versions under every transaction version.
pub(super) const SERVED: &[(ApiKey, VersionRange)] = &[
    (ApiKey::Produce, VersionRange::new(0, m::ProduceRequest::VERSIONS.max)),
    (ApiKey::Fetch, m::FetchRequest::VERSIONS),
    (ApiKey::ListOffsets, m::ListOffsetsRequest::VERSIONS),
    (ApiKey::Metadata, m::MetadataRequest::VERSIONS),
    (ApiKey::OffsetCommit, m::OffsetCommitRequest::VERSIONS),
    (ApiKey::OffsetFetch, m::OffsetFetchRequest::VERSIONS),
    (ApiKey::FindCoordinator, m::FindCoordinatorRequest::VERSIONS),
    #[cfg(feature = "sasl")]
    (ApiKey::SaslHandshake, m::SaslHandshakeRequest::VERSIONS),
    (ApiKey::ApiVersions, VersionRange::new(0, 4)),
    (ApiKey::CreateTopics, m::CreateTopicsRequest::VERSIONS),
    (ApiKey::DeleteTopics, m::DeleteTopicsRequest::VERSIONS),
    (ApiKey::DeleteRecords, m::DeleteRecordsRequest::VERSIONS),
    (ApiKey::InitProducerId, m::InitProducerIdRequest::VERSIONS),
    (ApiKey::OffsetForLeaderEpoch, m::OffsetForLeaderEpochRequest::VERSIONS),
    (ApiKey::AddPartitionsToTxn, m::AddPartitionsToTxnRequest::VERSIONS),
    (ApiKey::AddOffsetsToTxn, m::AddOffsetsToTxnRequest::VERSIONS),
    (ApiKey::EndTxn, m::EndTxnRequest::VERSIONS),
    (ApiKey::TxnOffsetCommit, m::TxnOffsetCommitRequest::VERSIONS),
    (ApiKey::DescribeConfigs, m::DescribeConfigsRequest::VERSIONS),
    #[cfg(feature = "sasl")]
    (ApiKey::SaslAuthenticate, m::SaslAuthenticateRequest::VERSIONS),
    (ApiKey::CreatePartitions, m::CreatePartitionsRequest::VERSIONS),
    (ApiKey::DescribeCluster, m::DescribeClusterRequest::VERSIONS),
    (ApiKey::DescribeProducers, m::DescribeProducersRequest::VERSIONS),
    (ApiKey::DescribeTransactions, m::DescribeTransactionsRequest::VERSIONS),
    // Without the regular expressions of version 2.
    (ApiKey::ListTransactions, VersionRange::new(0, 1)),
    (ApiKey::DescribeTopicPartitions, m::DescribeTopicPartitionsRequest::VERSIONS),
];
