#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod authentication;
mod backoff;
mod cluster;
mod config;
mod connection;
mod event;
mod host_port;
mod ids;
mod io;
mod metadata;
mod node;
mod refresh;
mod secret;
mod session;
mod time;
mod trouble;
mod versions;

pub use authentication::AuthenticationError;
pub use backoff::{Backoff, Random};
pub use cluster::Cluster;
pub use config::{ClusterConfig, MetadataRecovery};
pub use event::{Answer, ClusterEvent, NodeState, RequestError, SendError, SendOptions};
pub use host_port::{HostPort, ParseHostPortError};
pub use ids::{ConnectionId, LookupId, NodeId, RequestId};
pub use io::{
    ConnectError, ConnectErrorKind, LookupError, LostError, MAX_FRAME_BEFORE_READY, NetworkInput,
    NetworkOutput,
};
pub use metadata::{Broker, Metadata, PartitionMetadata, TopicMetadata};
pub use rohrpost_sasl::{CredentialsError, SaslClient, SaslError, Step};
pub use time::Time;
pub use trouble::{Trouble, TroubleKind};
