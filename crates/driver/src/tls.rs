//! TLS on a connection, by rustls.
//!
//! # What it costs
//!
//! Requests are handed to rustls as the slices that they consist of. It gathers them into records of 16 KiB, encrypting as it copies: that one copy is all
//! there is. Up to 64 KiB of records go out in one vectored write, so a large request takes some more writes than without TLS. rustls holds at most those
//! 64 KiB for a connection; the rest waits in the driver's queue, as ever. Answers are decrypted where they were read to, and copied once into the room
//! that frames are cut from.
//!
//! A frame counts as written when rustls has taken its last byte. That may be before the system has it, never after: what did not count cannot have reached a
//! broker, whose decryption needs a whole TLS record.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rohrpost_cluster::{ConnectError, ConnectErrorKind};
use rohrpost_tls::{TlsClient, TlsError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

/// What a handshake needs.
pub(crate) struct Terms {
    client: TlsClient,
    host: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Terms {
    /// For a new connection to this host: reads files again that have changed.
    pub(crate) async fn for_host(client: TlsClient, host: String) -> Result<Self, TlsError> {
        let name = client.server_name(&host)?;
        let reader = client.clone();
        // Files, and keys derived from passwords with many iterations: no matter for the task that serves all connections.
        let config = tokio::task::spawn_blocking(move || reader.current()).await;
        let config = config.map_err(|error| TlsError::Settings { reason: error.to_string() })??;
        Ok(Self { client, host, name, config })
    }

    /// Agrees on TLS with the broker.
    pub(crate) async fn agree(self, stream: TcpStream) -> Result<Secured, TlsError> {
        let Self { client, host, name, config } = self;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Secured { stream, client, host }),
            Err(error) => Err(client.explain(&host, &error)),
        }
    }
}

/// What is wrong with the files here, or with the network, may pass; what the two sides think of each other does not (KIP-152).
pub(crate) fn connect_error(error: &TlsError) -> ConnectError {
    let kind = match error.is_refusal() {
        true => ConnectErrorKind::TlsRefused,
        false => ConnectErrorKind::Tls,
    };
    ConnectError { kind, detail: error.to_string() }
}

/// A connection that TLS was agreed on for. Dropped, it says goodbye (`close_notify`), as far as the system takes that at once.
pub(crate) struct Secured {
    stream: TlsStream<TcpStream>,
    client: TlsClient,
    host: String,
}

impl Secured {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            // It went without goodbye. Frames tell their length, so nothing was cut short unseen.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            result => result.map_err(|error| self.explained(error)),
        }
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        result.map_err(|error| self.explained(error))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// An error of TLS in words; the system's own as they are. With TLS 1.3 a broker refuses a certificate when the handshake is over for us.
    fn explained(&self, error: io::Error) -> io::Error {
        let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        if !is_tls {
            return error;
        }
        io::Error::new(error.kind(), self.client.explain(&self.host, &error))
    }

    /// What was agreed on.
    #[cfg(feature = "probe")]
    pub(crate) fn session(&self) -> rohrpost_tls::TlsSession {
        let (_, agreed) = self.stream.get_ref();
        rohrpost_tls::TlsSession::new(
            &self.host,
            agreed.protocol_version().map_or(0, u16::from),
            agreed.negotiated_cipher_suite().map_or(0, |suite| suite.suite().into()),
            agreed.peer_certificates().unwrap_or_default(),
        )
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        // Whoever closes does not wait.
        let _ = Pin::new(&mut self.stream).poll_shutdown(&mut cx);
    }
}

#[cfg(test)]
mod tests;
