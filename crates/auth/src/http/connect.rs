//! Connections, with TLS where the address wants it.

use rohrpost_tls::{TlsClient, TlsSettings};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::{HttpError, Url};

pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

pub(super) async fn connect(url: &Url, tls: Option<&TlsClient>) -> Result<Stream, HttpError> {
    // First what can fail without anybody else's help.
    let tls = match (url.is_https(), tls) {
        (false, _) => None,
        (true, Some(tls)) => Some(tls.clone()),
        (true, None) => Some(TlsSettings::default().build().map_err(|error| told(&error))?),
    };
    let stream = TcpStream::connect((url.host(), url.port())).await.map_err(HttpError::Connect)?;
    let Some(tls) = tls else { return Ok(Either::Left(stream)) };
    let config = tls.current().map_err(|error| told(&error))?;
    let name = tls.server_name(url.host()).map_err(|error| told(&error))?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| told(&tls.explain(url.host(), &error)))?;
    Ok(Either::Right(Box::new(stream)))
}

fn told(error: &rohrpost_tls::TlsError) -> HttpError {
    HttpError::Tls(error.to_string())
}
