//! What the system says of the network, in the cluster's terms.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
#[cfg(feature = "sasl")]
use std::sync::Arc;

#[cfg(feature = "sasl")]
use rohrpost_auth::Credentials;
use rohrpost_cluster::{
    ConnectError, ConnectErrorKind, ConnectionId, CredentialsError, LookupError, LookupId,
    LostError, NetworkInput, SaslClient,
};

use crate::socket::{AddressFamily, Loss, SocketEvent};

/// The answer to a look-up, of one family. A name without an address is no answer.
pub(crate) fn resolved(
    lookup: LookupId,
    family: AddressFamily,
    result: io::Result<Vec<IpAddr>>,
) -> NetworkInput {
    let none = |detail: &str| Err(LookupError { detail: detail.to_owned() });
    let result = match result {
        Ok(addresses) if addresses.is_empty() => none("the name has no address"),
        Ok(mut addresses) => {
            addresses.retain(|address| family.has(*address));
            match addresses.is_empty() {
                true => none("the name has no address of the family that the configuration allows"),
                false => Ok(addresses),
            }
        }
        Err(error) => Err(LookupError { detail: error.to_string() }),
    };
    NetworkInput::Resolved { lookup, result }
}

/// Credentials for a connection that is to be authenticated, or anew, as far as the program has any.
#[cfg(feature = "sasl")]
pub(crate) fn client(source: Option<&Arc<dyn Credentials>>, host: &str) -> ClientFuture {
    source.map_or_else(no_client, |source| source.client(host))
}

/// Where nobody was told of any credentials.
pub(crate) fn no_client() -> ClientFuture {
    let detail = "sasl.mechanism is set, and nobody provides credentials for it".to_owned();
    Box::pin(std::future::ready(Err(CredentialsError { detail, is_retriable: false })))
}

/// Credentials on their way.
pub(crate) type ClientFuture =
    Pin<Box<dyn Future<Output = Result<Box<dyn SaslClient>, CredentialsError>> + Send>>;

/// What happened on a connection.
pub(crate) fn input(connection: ConnectionId, event: SocketEvent) -> NetworkInput {
    match event {
        SocketEvent::Connected => NetworkInput::Connected { connection },
        SocketEvent::ConnectFailed(error) => NetworkInput::ConnectFailed { connection, error },
        SocketEvent::Received(frame) => NetworkInput::Received { connection, frame },
        SocketEvent::Written(frames) => NetworkInput::Written { connection, frames },
        SocketEvent::Lost(loss) => NetworkInput::Lost { connection, error: lost(loss) },
    }
}

/// Why TCP could not be had.
pub(crate) fn connect_error(error: &io::Error) -> ConnectError {
    let kind = match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectErrorKind::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ConnectErrorKind::Unreachable
        }
        io::ErrorKind::TimedOut => ConnectErrorKind::TimedOut,
        _ => ConnectErrorKind::Other,
    };
    ConnectError { kind, detail: error.to_string() }
}

/// Whether the other side has ended TLS because it does not want this client.
#[cfg(feature = "tls")]
fn is_refusal(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rohrpost_tls::TlsError>());
    tls.is_some_and(rohrpost_tls::TlsError::is_refusal)
}

#[cfg(not(feature = "tls"))]
const fn is_refusal(_: &io::Error) -> bool {
    false
}

fn lost(loss: Loss) -> LostError {
    match loss {
        Loss::Closed => LostError::Closed,
        Loss::Io(error) => {
            let detail = error.to_string();
            match is_refusal(&error) {
                true => LostError::TlsRefused { detail },
                false => LostError::Broken { detail },
            }
        }
        Loss::Frame(error) => LostError::Frame(error),
    }
}
