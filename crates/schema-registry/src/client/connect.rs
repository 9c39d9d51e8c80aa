//! Connections, with TLS where the address wants it.

use rohrpost_tls::{TlsClient, TlsError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::url::Url;
use crate::Problem;

pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// `tls` is there for every https address.
pub(super) async fn connect(url: &Url, tls: Option<&TlsClient>) -> Result<Stream, Problem> {
    let stream = TcpStream::connect((url.host(), url.port()))
        .await
        .map_err(|error| Problem::Connect { detail: error.to_string() })?;
    // Requests go in one piece, and somebody waits for the answer.
    stream.set_nodelay(true).map_err(|error| Problem::Connect { detail: error.to_string() })?;
    let Some(tls) = tls.filter(|_| url.is_https()) else { return Ok(Either::Left(stream)) };
    let config = tls.current().map_err(|error| told(&error))?;
    let name = tls.server_name(url.host()).map_err(|error| told(&error))?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| told(&tls.explain(url.host(), &error)))?;
    Ok(Either::Right(Box::new(stream)))
}

fn told(error: &TlsError) -> Problem {
    Problem::Tls { detail: error.to_string() }
}
