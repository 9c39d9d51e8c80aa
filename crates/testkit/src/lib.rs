#![doc = include_str!("../README.md")]

pub mod model;

mod cluster;

pub use bytes::Bytes;
#[cfg(feature = "tls")]
pub use cluster::{CertificateFlaw, ClientAuth, Identity, Tls};
pub use cluster::{Cluster, ClusterBuilder, WaitError};
#[cfg(feature = "sasl")]
pub use model::{BearerToken, Sasl, SaslFault, SaslMechanism, TokenOwner, TokenRefusal, Tokens};
pub use model::{
    BrokerId, CommittedOffset, ConnectionFault, Fault, FaultId, GroupMember, LoggedBatch,
    LoggedRecord, Permission, Stats, TimestampType, TopicError, TopicSpec, TransactionMetadata,
    TransactionState,
};
pub use rohrpost_codec::{ApiKey, ErrorCode, Uuid, VersionRange};
pub use rohrpost_records::{Header, ProducerEpoch, ProducerId, Sequence};
