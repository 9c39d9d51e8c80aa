//! What the cluster tells the layer above.

use core::fmt;
use core::time::Duration;

use rohrpost_codec::{
    ApiKey, Bytes, DecodeError, EncodeError, Response, VersionRange, decode_response,
};

use crate::{AuthenticationError, ConnectionId, NodeId, RequestId, Time};

/// What happened. Every request that [`Cluster::send`](crate::Cluster::send) accepted ends in exactly one of
/// [`Answered`](Self::Answered), [`Written`](Self::Written) and [`Failed`](Self::Failed).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClusterEvent {
    /// A request was answered.
    Answered(Answer),
    /// A request that expects no answer was written.
    Written {
        /// The request.
        request: RequestId,
        /// Whom it was sent to.
        node: NodeId,
    },
    /// A request will not be answered.
    Failed {
        /// The request.
        request: RequestId,
        /// Whom it was sent to.
        node: NodeId,
        /// Why.
        error: RequestError,
        /// Whether the broker may have got it. `false` only where it certainly did not get it whole.
        maybe_processed: bool,
    },
    /// [`Cluster::metadata`](crate::Cluster::metadata) changed, or was confirmed.
    MetadataUpdated,
    /// A node's connection is ready: versions are known, and where it has to be, it is authenticated.
    NodeReady(NodeId),
    /// A node's connection goes on after its session was renewed (KIP-368).
    SessionRenewed(NodeId),
    /// A broker and this client do not agree on who the client is (KIP-152). A [`NodeLost`](Self::NodeLost) of the same node follows. Nothing is tried again by itself: only for
    /// what is asked for after this, and after a pause that grows.
    AuthenticationFailed {
        /// The node.
        node: NodeId,
        /// Why.
        error: AuthenticationError,
        /// No other node's connection is up: there will be no metadata either.
        is_cut_off: bool,
    },
    /// A node's connection ended, or could not be made. Requests that were in flight on it have failed before this event.
    NodeLost(NodeId),
    /// All addresses were forgotten; the bootstrap servers are asked again (KIP-899, KIP-1102).
    Rebootstrapped,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The request.
    pub request: RequestId,
    /// Who answered.
    pub node: NodeId,
    /// On which connection; for [`Cluster::reject`](crate::Cluster::reject).
    pub connection: ConnectionId,
    /// Which API was called.
    pub api_key: ApiKey,
    /// In which version.
    pub version: i16,
    /// When the request was sent.
    pub sent: Time,
    /// When its last byte was written; `None`: the answer came before the driver said so.
    pub written: Option<Time>,
    /// The answer: a frame without its length prefix, whose correlation id has been checked.
    pub frame: Bytes,
}

impl Answer {
    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// What does not read as `R` in the request's version. [`Cluster::reject`](crate::Cluster::reject) is the thing to do then.
    pub fn decode<R: Response>(&self) -> Result<R, DecodeError> {
        decode_response(&self.frame, self.version).map(|(_, response)| response)
    }
}

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// The connection ended first.
    Disconnected,
    /// This request was not answered in time; its connection was closed for that.
    TimedOut,
    /// The cluster was closed.
    Closed,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disconnected => "the connection ended before the answer came",
            Self::TimedOut => "no answer came in time",
            Self::Closed => "the client was closed",
        })
    }
}

impl core::error::Error for RequestError {}

/// How a request is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendOptions {
    /// Whether the broker answers. A Produce request with acks=0 gets no answer.
    pub expects_answer: bool,
    /// How long to wait for the answer, or for the writing where there is none (`request.timeout.ms`).
    pub timeout: Duration,
}

/// Why a request was not taken. Nothing was sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// The node has no connection that is ready.
    NotReady,
    /// As many requests as are allowed are in flight (`max.in.flight.requests.per.connection`).
    Full,
    /// The node throttles this client (KIP-219).
    Throttled {
        /// Until then.
        until: Time,
    },
    /// The node does not speak this version.
    Unsupported {
        /// The API.
        api_key: ApiKey,
        /// The version.
        version: i16,
        /// What the node speaks; `None` where it lacks the API.
        theirs: Option<VersionRange>,
    },
    /// The request has a value that the version cannot carry.
    Encode(EncodeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("no connection to the node is ready"),
            Self::Full => f.write_str("the node's requests in flight are as many as allowed"),
            Self::Throttled { until } => write!(f, "the node throttles this client until {until}"),
            Self::Unsupported { api_key, version, theirs: Some(theirs) } => {
                write!(f, "the node speaks {} {theirs}, not {version}", api_key.name())
            }
            Self::Unsupported { api_key, .. } => {
                write!(f, "the node does not know {}", api_key.name())
            }
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}

/// Whether a node can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Its connection is ready. Whether it takes a request now is for [`Cluster::can_send`](crate::Cluster::can_send).
    Ready,
    /// Its connection is being made.
    Connecting,
    /// The last attempt failed or the last connection was lost; the next attempt comes by itself then.
    BackingOff {
        /// The time of the next attempt.
        until: Time,
    },
    /// Metadata names no such node (any more), or the cluster is closed.
    Unknown,
}
