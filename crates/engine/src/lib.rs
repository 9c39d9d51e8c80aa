#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! [`Engine`] ([`Engine::handle`], [`Engine::poll`], [`Engine::why`]), [`EngineConfig`], [`Input`], [`Output`]; on the senders' side
//! [`PartitionAppender`] and [`Budget`]; of what went wrong [`DeliveryError`] and [`Outcome`].
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod answers;
mod appender;
mod authentication;
mod budget;
mod classify;
mod config;
mod engine;
mod error;
mod expiry;
mod hints;
mod identity;
mod ids;
mod io;
#[cfg(feature = "plants")]
mod journal;
mod lifecycle;
mod overrides;
mod partition;
mod pending;
mod plants;
mod producer_id;
mod queue;
mod ratio;
mod record_errors;
mod request;
mod sealed;
mod sender;
mod split;
mod stages;
mod stats;
mod topics;
mod transaction;
mod value;
mod waiters;
mod why;
mod window;

#[cfg(test)]
mod tests;

pub use appender::{AppenderConfig, PartitionAppender, Placed, Refused};
pub use budget::{Budget, Claim, Grant, OverBudget, Ticket};
pub use config::{Acks, EngineConfig};
pub use engine::Engine;
pub use error::{
    AdmissionError, AttemptFailure, BrokerAt, DeliveryError, DeliveryErrorKind, Outcome,
};
pub use ids::{BatchId, CallId, FlushId, PartitionIndex, Slot, TopicIndex, WaiterId};
pub use io::{Appended, Input, Output, PartitionEntry, TopicChange};
#[cfg(feature = "plants")]
pub use journal::{BatchState, Cause, Journal};
pub use overrides::{TopicOverrides, TopicSettings};
#[cfg(feature = "plants")]
pub use plants::Plant;
pub use ratio::SharedRatio;
pub use rohrpost_cluster::{
    AuthenticationError, ClusterConfig, HostPort, NetworkInput, NetworkOutput, NodeId, Time,
};
pub use sealed::{BufferSource, FilledBatch, SealedBatch, Unpooled};
pub use stages::{BUCKETS, StageCounts, StageTimes, Stages, bucket_end};
pub use stats::{EngineStats, NodeStats};
pub use transaction::{
    GroupMetadata, OffsetOf, ParsePreparedStateError, PreparedState, Remedy, TransactionAnswer,
    TransactionCall, TransactionError, TransactionErrorKind, TransactionalConfig,
};
pub use value::{REFERENCE_FROM, Value};
pub use why::Waiting;
