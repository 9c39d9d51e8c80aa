#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! [`Producer`] and its [`builder`](Producer::builder), [`ProducerRecord`], [`Delivery`] and [`Deliveries`], [`Error`] with its [`ErrorKind`] and [`Outcome`],
//! [`ProducerConfig`] and [`properties`]; without async [`blocking`].

pub mod blocking;
mod bootstrap;
mod builder;
mod config;
mod deliveries;
mod delivery;
mod error;
mod failures;
mod headers;
mod inner;
pub mod partitioner;
mod payload;
mod producer;
mod record;
mod stats;
mod topic;

pub use builder::ProducerBuilder;
pub use bytes::Bytes;
pub use config::{
    Acks, AddressFamily, Compression, ConfigError, Dialect, MetadataRecovery, Partitioning,
    ProducerConfig, PropertyInfo, PropertyType, Serializer, librdkafka_properties, properties,
};
pub use deliveries::{Deliveries, Settled, Tally};
pub use delivery::{Delivery, RecordMetadata};
pub use error::{Error, ErrorKind, Outcome, TrySendError};
pub use headers::Header;
pub use payload::{IntoPayload, Payload};
pub use producer::{Producer, SendFuture, SendIntoFuture};
pub use record::{IntoPartition, IntoTimestamp, ProducerRecord};
pub use stats::{PartitionInfo, Stats};
pub use topic::{IntoTopic, TopicHandle, TopicName};
