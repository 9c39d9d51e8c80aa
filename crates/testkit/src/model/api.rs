//! The APIs that the brokers serve.

pub(super) mod metadata;
pub(super) mod produce;
pub(super) mod producer_id;
pub(super) mod versions;

use rohrpost_codec::{ApiKey, Message, VersionRange, messages as m};

/// Each API with the versions that are served. Produce is told from version 0 and served from 3, as Kafka 4 does for the sake of
/// clients that look for 0 (KIP-896); transactions are not served, and so not told.
pub(super) const SERVED: &[(ApiKey, VersionRange)] = &[
    (ApiKey::Produce, VersionRange::new(0, m::ProduceRequest::VERSIONS.max)),
    (ApiKey::Metadata, m::MetadataRequest::VERSIONS),
    (ApiKey::ApiVersions, VersionRange::new(0, 4)),
    (ApiKey::InitProducerId, m::InitProducerIdRequest::VERSIONS),
];
