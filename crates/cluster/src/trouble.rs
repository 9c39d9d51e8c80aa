//! [`Trouble`]: what is wrong with an address, for people.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use rohrpost_codec::{ApiKey, DecodeError, EncodeError, ErrorCode, PeerHint, VersionRange};

use crate::{
    AuthenticationError, ConnectError, CredentialsError, HostPort, LookupError, LostError, NodeId,
    Time,
};

/// What went wrong with a node last, or what it is waited for now. Forgotten when its connection is ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// The node.
    pub node: NodeId,
    /// Its address, as configured or as metadata says.
    pub address: HostPort,
    /// When it went wrong, or since when it is waited for.
    pub at: Time,
    /// What.
    pub kind: TroubleKind,
}

/// The kinds of [`Trouble`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TroubleKind {
    /// The host name has no address.
    Lookup(LookupError),
    /// The resolver did not answer in time.
    LookupTimedOut {
        /// How long it had.
        timeout: Duration,
    },
    /// The resolver has not answered yet.
    LookingUp,
    /// A connection could not be made.
    Connect {
        /// The address tried.
        address: SocketAddr,
        /// Why.
        error: ConnectError,
    },
    /// A connection was not made in time.
    ConnectTimedOut {
        /// The address tried.
        address: SocketAddr,
        /// How long it had (`socket.connection.setup.timeout.ms`).
        timeout: Duration,
    },
    /// A connection is not made yet.
    Connecting {
        /// The address tried.
        address: SocketAddr,
    },
    /// Whoever listens there accepted the connection and never answered the first request.
    Silent {
        /// How long it had (`request.timeout.ms`).
        timeout: Duration,
    },
    /// The first request is not answered yet.
    Unanswered,
    /// The connection ended before the first request was answered.
    LostEarly(LostError),
    /// The connection ended later.
    Lost(LostError),
    /// The connection ended before anything but the first request was answered, as a listener that wants SASL ends those that come without.
    LostUnserved(LostError),
    /// The broker and this client do not agree on who the client is.
    Authentication(AuthenticationError),
    /// There were no credentials to authenticate with; it is tried again.
    Credentials(CredentialsError),
    /// There were no credentials in time.
    CredentialsTimedOut {
        /// How long setting the connection up may take (`request.timeout.ms`).
        timeout: Duration,
    },
    /// The broker did not answer in time while it was told who the client is.
    AuthenticationTimedOut {
        /// How long it had (`request.timeout.ms`).
        timeout: Duration,
    },
    /// The connection ended in the middle of the authentication.
    LostInAuthentication(LostError),
    /// The session could not be renewed (KIP-368); the connection is made anew.
    NotRenewed(AuthenticationError),
    /// The session ended (KIP-368), and there were no new credentials by then.
    SessionEnded {
        /// Why there were none, as far as that is known.
        credentials: Option<CredentialsError>,
    },
    /// The authentication is not complete yet.
    Authenticating {
        /// Whether there are credentials already: then the broker is waited for.
        has_credentials: bool,
    },
    /// A request was not answered in time.
    RequestTimedOut {
        /// The request's API.
        api_key: ApiKey,
        /// How long the broker had.
        timeout: Duration,
    },
    /// The first request could not be encoded: a configured text is too long.
    Unsendable(EncodeError),
    /// An answer could not be read.
    Unreadable(DecodeError),
    /// An answer came that nobody had asked for.
    Unasked {
        /// The correlation id that was expected; `None` where no request was open.
        expected: Option<i32>,
        /// The one that came.
        found: i32,
    },
    /// The broker answered the first request, or a request for metadata, with an error.
    Refused {
        /// The request's API.
        api_key: ApiKey,
        /// The error.
        code: ErrorCode,
    },
    /// There is no version of an API that both sides speak.
    NoCommonVersion {
        /// The API.
        api_key: ApiKey,
        /// What this client speaks.
        ours: VersionRange,
        /// What the broker speaks; `None` where it lacks the API.
        theirs: Option<VersionRange>,
    },
    /// The broker answered a request for metadata without naming a broker: it is starting.
    Starting,
}

impl TroubleKind {
    /// Whether this is no failure, but something that is waited for.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::LookingUp
                | Self::Connecting { .. }
                | Self::Unanswered
                | Self::Authenticating { .. }
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if !self.node.is_bootstrap() {
            write!(f, " ({})", self.node)?;
        }
        match &self.kind {
            // The address that was tried is the one at the beginning, unless a name was resolved.
            TroubleKind::Connect { address, error } if self.address.ip() == Some(address.ip()) => {
                write!(f, ": {error}: check that a broker listens there")
            }
            kind => write!(f, ": {kind}"),
        }
    }
}

impl fmt::Display for TroubleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => {
                write!(f, "the host name has no address ({error}): check its spelling and the DNS")
            }
            Self::LookupTimedOut { timeout } => {
                write!(f, "the host name was not resolved within {timeout:?}: check the DNS")
            }
            Self::LookingUp => f.write_str("the host name is not resolved yet"),
            Self::Connect { address, error } => {
                write!(f, "{error} at {address}: check that a broker listens there")
            }
            Self::ConnectTimedOut { address, timeout } => write!(
                f,
                "no connection to {address} within {timeout:?}: check the address and firewalls"
            ),
            Self::Connecting { address } => write!(f, "not connected to {address} yet"),
            Self::Silent { timeout } => write!(
                f,
                "connected, but the first request got no answer within {timeout:?}: check that \
                 this is a Kafka broker, and that its listener is one for security.protocol"
            ),
            Self::Unanswered => f.write_str(
                "connected, but the first request is not answered yet: is this a Kafka broker's \
                 listener for security.protocol?",
            ),
            Self::LostEarly(LostError::Frame(error)) => match error.hint() {
                Some(PeerHint::Http) => {
                    f.write_str("not a Kafka broker: it answered HTTP; check the port")
                }
                Some(PeerHint::Tls) => f.write_str(
                    "it answered TLS: this is a TLS listener. Set security.protocol to SSL or SASL_SSL, or use the broker's \
                     plaintext listener",
                ),
                _ => write!(f, "not a Kafka broker: {error}; check the port"),
            },
            Self::LostEarly(error) => write!(
                f,
                "{error} before it answered the first request: check that this is a Kafka broker, and that its \
                 listener is one for security.protocol: with TLS and SASL, or without"
            ),
            Self::Lost(error) => error.fmt(f),
            Self::LostUnserved(error) => write!(
                f,
                "{error} when it was asked more than its versions: perhaps its listener wants SASL (security.protocol)"
            ),
            Self::Authentication(error) => error.fmt(f),
            Self::Credentials(error) => write!(f, "no credentials yet: {error}"),
            Self::CredentialsTimedOut { timeout } => write!(
                f,
                "connected, but there were no credentials within {timeout:?} (request.timeout.ms): check where they come from"
            ),
            Self::AuthenticationTimedOut { timeout } => write!(
                f,
                "the authentication was not complete within {timeout:?} (request.timeout.ms), so the connection was closed"
            ),
            Self::LostInAuthentication(error) => write!(
                f,
                "{error} in the middle of the authentication: check security.protocol and the credentials, and the broker's log"
            ),
            Self::NotRenewed(error) => {
                write!(
                    f,
                    "the session could not be renewed, so the connection is made anew: {error}"
                )
            }
            Self::SessionEnded { credentials } => {
                f.write_str("the session ended before there were new credentials")?;
                match credentials {
                    Some(error) => write!(f, ": {error}"),
                    None => Ok(()),
                }
            }
            Self::Authenticating { has_credentials: true } => {
                f.write_str("the authentication is not complete yet")
            }
            Self::Authenticating { has_credentials: false } => {
                f.write_str("connected; the credentials are not there yet")
            }
            Self::RequestTimedOut { api_key, timeout } => write!(
                f,
                "{} was not answered within {timeout:?}, so the connection was closed",
                api_key.name()
            ),
            Self::Unsendable(error) => {
                write!(f, "the first request cannot be sent: {error}; check client.id")
            }
            Self::Unreadable(error) => {
                write!(
                    f,
                    "its answer could not be read ({error}): check that this is a Kafka broker"
                )
            }
            Self::Unasked { expected: Some(expected), found } => write!(
                f,
                "it answered request {found} where request {expected} was next: check that this \
                 is a Kafka broker"
            ),
            Self::Unasked { expected: None, found } => write!(
                f,
                "it answered request {found}, which nobody had sent: check that this is a Kafka \
                 broker"
            ),
            Self::Refused { api_key, code } => {
                write!(f, "it refused {}: {code}", api_key.name())
            }
            Self::NoCommonVersion { api_key, ours, theirs: Some(theirs) } => write!(
                f,
                "it speaks {} in versions {theirs}, this client in {ours}: use another release of \
                 one of them",
                api_key.name()
            ),
            Self::NoCommonVersion { api_key, theirs: None, .. } => write!(
                f,
                "it does not know {}: check that this is a broker, not a controller",
                api_key.name()
            ),
            Self::Starting => f.write_str("the broker knows no brokers yet: it is starting"),
        }
    }
}
