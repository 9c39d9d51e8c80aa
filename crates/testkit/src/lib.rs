#![doc = include_str!("../README.md")]

pub mod model;

mod cluster;

pub use bytes::Bytes;
pub use cluster::{Cluster, ClusterBuilder, WaitError};
pub use model::{
    BrokerId, Fault, FaultId, LoggedBatch, LoggedRecord, Permission, Stats, TimestampType,
    TopicError, TopicSpec,
};
pub use rohrpost_codec::{ApiKey, ErrorCode, Uuid, VersionRange};
pub use rohrpost_records::{Header, ProducerEpoch, ProducerId, Sequence};
