//! What the network tells the cluster, and what the cluster asks of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use rohrpost_codec::{Bytes, Frame, FrameError};
use rohrpost_sasl::SaslClient;

use crate::{ConnectionId, CredentialsError, LookupId, NodeId};

/// The longest frame that is taken of a connection before it is [ready](NetworkOutput::Ready), in bytes without the length prefix: 1 MiB. Whoever is there has
/// not said yet who it is, nor been told who the client is. Kafka's brokers answer ApiVersions, SaslHandshake and SaslAuthenticate with a few kilobytes, and take 512 KiB of a
/// client at this stage themselves (`sasl.server.max.receive.size`).
pub const MAX_FRAME_BEFORE_READY: usize = 1 << 20;

/// What happened on the network. Inputs of connections and look-ups that are over are ignored.
#[derive(Debug)]
pub enum NetworkInput {
    /// The answer to a [`NetworkOutput::Resolve`].
    Resolved {
        /// The look-up.
        lookup: LookupId,
        /// Every address of the host, best first.
        result: Result<Vec<IpAddr>, LookupError>,
    },
    /// A connection is made, TLS included where it is used.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// A connection could not be made. It is over; no [`NetworkOutput::Disconnect`] follows.
    ConnectFailed {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        error: ConnectError,
    },
    /// The answer to a [`NetworkOutput::Authenticate`].
    Credentials {
        /// The connection.
        connection: ConnectionId,
        /// One run of the configured mechanism, or why there is none.
        result: Result<Box<dyn SaslClient>, CredentialsError>,
    },
    /// A frame arrived, as `rohrpost_codec::FrameReader` cuts it.
    Received {
        /// The connection.
        connection: ConnectionId,
        /// The frame, whole, without its length prefix.
        frame: Bytes,
    },
    /// Frames were handed to the operating system to the last byte. Must be told before a [`Lost`](Self::Lost) of the same
    /// connection: what is not told as written by then counts as never received by the broker.
    Written {
        /// The connection.
        connection: ConnectionId,
        /// How many, since the connection was made.
        frames: u64,
    },
    /// A connection ended. It is over; no [`NetworkOutput::Disconnect`] follows.
    Lost {
        /// The connection.
        connection: ConnectionId,
        /// How.
        error: LostError,
    },
}

/// What to do on the network.
#[derive(Clone, Debug)]
pub enum NetworkOutput {
    /// Look a host's addresses up.
    Resolve {
        /// To be named in the answer.
        lookup: LookupId,
        /// The host's name.
        host: String,
    },
    /// Make a connection. Until it is [`Ready`](Self::Ready), a frame of more than [`MAX_FRAME_BEFORE_READY`] bytes is
    /// to end it ([`LostError::Frame`]).
    Connect {
        /// To be named in all that concerns it.
        connection: ConnectionId,
        /// Whose connection it is.
        node: NodeId,
        /// Where to.
        address: SocketAddr,
        /// The host's name, for TLS (SNI and the certificate's name).
        host: String,
    },
    /// Get credentials for a connection, which may take a while; answered by [`NetworkInput::Credentials`]. Not of use any more once the connection is over. Asked again
    /// of the same connection when its session is to be renewed (KIP-368).
    Authenticate {
        /// The connection.
        connection: ConnectionId,
        /// Whose connection it is.
        node: NodeId,
        /// The host's name, for mechanisms that name the server.
        host: String,
    },
    /// A connection is ready: whoever is there speaks Kafka's protocol and, where that is configured, has let the client in. From now on its answers may be large.
    Ready {
        /// The connection.
        connection: ConnectionId,
    },
    /// Write a frame, after all earlier ones of the connection.
    Transmit {
        /// The connection.
        connection: ConnectionId,
        /// The frame.
        frame: Frame,
    },
    /// Close a connection, or give up making it, and forget what is still to be written.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Why a host has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupError {
    /// What the resolver says.
    pub detail: String,
}

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// The kind.
    pub kind: ConnectErrorKind,
    /// What the operating system or the TLS library says.
    pub detail: String,
}

/// The kinds of [`ConnectError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// Nobody listens there.
    Refused,
    /// No way leads there.
    Unreachable,
    /// The operating system gave up.
    TimedOut,
    /// TLS was not agreed on, for a reason that may pass.
    Tls,
    /// One of the two refuses the other by TLS: a certificate that is not accepted, nothing in common. Java's
    /// `SslAuthenticationException` (KIP-152).
    TlsRefused,
    /// Something else.
    Other,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostError {
    /// The broker closed it.
    Closed,
    /// It broke.
    Broken {
        /// What the operating system says.
        detail: String,
    },
    /// The other side ended TLS with a reason, as it does where it does not accept the client's certificate: with TLS 1.3 the handshake is over
    /// for the client by then.
    TlsRefused {
        /// What the reason means.
        detail: String,
    },
    /// What arrived is no frame.
    Frame(FrameError),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl core::error::Error for LookupError {}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ConnectErrorKind::Refused => "the connection was refused",
            ConnectErrorKind::Unreachable => "the host cannot be reached",
            ConnectErrorKind::TimedOut => "nothing answered",
            ConnectErrorKind::Tls | ConnectErrorKind::TlsRefused => "TLS could not be agreed on",
            ConnectErrorKind::Other => "the connection failed",
        })?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl core::error::Error for ConnectError {}

impl fmt::Display for LostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the other side closed the connection"),
            Self::Broken { detail } | Self::TlsRefused { detail } => {
                write!(f, "the connection broke ({detail})")
            }
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for LostError {}
