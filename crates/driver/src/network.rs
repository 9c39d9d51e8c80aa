//! What the system says of the network, in the cluster's terms.

use std::io;
use std::net::IpAddr;

use rohrpost_cluster::{
    ConnectError, ConnectErrorKind, ConnectionId, LookupError, LookupId, LostError, NetworkInput,
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

/// What happened on a connection.
pub(crate) fn input(connection: ConnectionId, event: SocketEvent) -> NetworkInput {
    match event {
        SocketEvent::Connected => NetworkInput::Connected { connection },
        SocketEvent::ConnectFailed(error) => {
            NetworkInput::ConnectFailed { connection, error: connect_error(&error) }
        }
        SocketEvent::Received(frame) => NetworkInput::Received { connection, frame },
        SocketEvent::Written(frames) => NetworkInput::Written { connection, frames },
        SocketEvent::Lost(loss) => NetworkInput::Lost { connection, error: lost(loss) },
    }
}

fn connect_error(error: &io::Error) -> ConnectError {
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

fn lost(loss: Loss) -> LostError {
    match loss {
        Loss::Closed => LostError::Closed,
        Loss::Io(error) => LostError::Broken { detail: error.to_string() },
        Loss::Frame(error) => LostError::Frame(error),
    }
}
