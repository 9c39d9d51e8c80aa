//! Connections, with TLS where the address wants it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rohrpost_tls::{TlsClient, TlsError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::url::Url;
use crate::Problem;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// `tls` is there for every https address.
pub(super) async fn connect(url: &Url, tls: Option<&TlsClient>) -> Result<Stream, Problem> {
    let stream = TcpStream::connect((url.host(), url.port()))
        .await
        .map_err(|error| Problem::Connect { detail: error.to_string() })?;
    // Requests go in one piece, and somebody waits for the answer.
    stream.set_nodelay(true).map_err(|error| Problem::Connect { detail: error.to_string() })?;
    let Some(tls) = tls.filter(|_| url.is_https()) else { return Ok(Stream::Plain(stream)) };
    let config = tls.current().map_err(|error| told(&error))?;
    let name = tls.server_name(url.host()).map_err(|error| told(&error))?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| told(&tls.explain(url.host(), &error)))?;
    Ok(Stream::Tls(Box::new(stream)))
}

fn told(error: &TlsError) -> Problem {
    Problem::Tls { detail: error.to_string() }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
