//! An HTTP client for small answers of servers that know secrets: one request a connection, all of it bounded in bytes and time, no redirect
//! followed.

mod connect;
mod url;

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request as HyperRequest, Response as HyperResponse};
use hyper_util::rt::TokioIo;
use rohrpost_sasl::Secret;
use rohrpost_tls::TlsClient;
use tokio::time::timeout;
use zeroize::Zeroizing;

pub(crate) use self::url::Url;

/// Tokens have some kilobytes, credentials fewer.
const LARGEST_BODY: usize = 256 * 1024;
/// Of the status line and all header fields.
const LARGEST_HEAD: usize = 64 * 1024;

/// How requests are made.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    /// For resolving the name, connecting and TLS.
    pub(crate) connect_timeout: Duration,
    /// From there to the answer's last byte.
    pub(crate) read_timeout: Duration,
    /// Without one, TLS is as this machine trusts.
    pub(crate) tls: Option<TlsClient>,
}

impl Default for HttpClient {
    fn default() -> Self {
        let (connect_timeout, read_timeout) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { connect_timeout, read_timeout, tls: None }
    }
}

/// What is asked.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: Vec<(&'static str, Secret)>,
    pub(crate) body: Secret,
}

impl<'a> Request<'a> {
    #[cfg(any(test, feature = "msk-iam"))]
    pub(crate) fn get(url: &'a Url) -> Self {
        Self { method: Method::GET, url, headers: Vec::new(), body: Secret::default() }
    }

    /// Of a form.
    pub(crate) fn post(url: &'a Url, body: Secret) -> Self {
        let form = ("content-type", Secret::from("application/x-www-form-urlencoded"));
        Self { method: Method::POST, url, headers: vec![form], body }
    }

    #[cfg(feature = "msk-iam")]
    pub(crate) fn put(url: &'a Url) -> Self {
        Self { method: Method::PUT, ..Self::get(url) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Secret>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What was answered.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Response {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer. Holds nothing of what was sent.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The name is not known, nobody listens there, the way is cut.
    Connect(std::io::Error),
    /// TLS could not be agreed upon, in words.
    Tls(String),
    /// What was to happen, and how long that was waited for.
    Timeout(&'static str, Duration),
    /// What came is not HTTP, or ended too soon.
    Protocol(String),
    /// Larger than anything reasonable.
    TooLarge,
    /// To where, without what may be secret there.
    Redirect(u16, Option<String>),
    /// A header field that cannot carry its value.
    Header(&'static str),
}

impl HttpError {
    /// Whether it may pass by itself.
    pub(crate) fn is_retriable(&self) -> bool {
        !matches!(self, Self::Redirect(..) | Self::Header(_))
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot be connected to: {error}"),
            Self::Tls(detail) => write!(f, "cannot be talked to by TLS: {detail}"),
            Self::Timeout(what, after) => {
                write!(f, "did not {what} within {} ms", after.as_millis())
            }
            Self::Protocol(detail) => {
                write!(f, "does not answer in HTTP as it should: {detail}")
            }
            Self::TooLarge => {
                write!(f, "answers more than {LARGEST_BODY} bytes, which is no answer to this")
            }
            Self::Redirect(status, Some(place)) => {
                write!(
                    f,
                    "redirects ({status}) to {place}, which is not followed: configure the address that answers"
                )
            }
            Self::Redirect(status, None) => {
                write!(
                    f,
                    "redirects ({status}), which is not followed: configure the address that answers"
                )
            }
            Self::Header(name) => {
                write!(
                    f,
                    "cannot be asked: the value for the header field {name} has characters that no header field can carry"
                )
            }
        }
    }
}

impl HttpClient {
    /// Asks once.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Response, HttpError> {
        let url = request.url;
        let message = message(request)?;
        let connecting = connect::connect(url, self.tls.as_ref());
        let stream = timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| HttpError::Timeout("take the connection", self.connect_timeout))??;
        timeout(self.read_timeout, exchange(stream, message))
            .await
            .map_err(|_| HttpError::Timeout("answer", self.read_timeout))?
    }
}

fn message(request: Request<'_>) -> Result<HyperRequest<Full<Bytes>>, HttpError> {
    let mut message = HyperRequest::builder()
        .method(request.method)
        .uri(request.url.target())
        .header(HOST, request.url.authority())
        .header(USER_AGENT, concat!("rohrpost/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    for (name, value) in &request.headers {
        let mut value =
            HeaderValue::from_bytes(value.expose()).map_err(|_| HttpError::Header(name))?;
        value.set_sensitive(true);
        message = message.header(HeaderName::from_static(name), value);
    }
    message.body(wiped(request.body)).map_err(|_| HttpError::Header("host"))
}

/// One request and its answer. The connection is driven by whoever waits, so that nothing of it is left when that ends.
async fn exchange(
    stream: connect::Stream,
    message: HyperRequest<Full<Bytes>>,
) -> Result<Response, HttpError> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(LARGEST_HEAD);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| protocol(&error))?;
    let mut connection = pin!(connection);
    let mut is_open = true;
    let mut answer = pin!(async {
        let response = sender.send_request(message).await.map_err(|error| protocol(&error))?;
        read(response).await
    });
    poll_fn(|cx| {
        // How the connection ends shows in the answer, too.
        is_open = is_open && connection.as_mut().poll(cx).is_pending();
        answer.as_mut().poll(cx)
    })
    .await
}

async fn read(response: HyperResponse<Incoming>) -> Result<Response, HttpError> {
    let status = response.status().as_u16();
    if response.status().is_redirection() {
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let place = place.and_then(|place| Url::parse(place).ok()).map(|url| url.origin());
        return Err(HttpError::Redirect(status, place));
    }
    let mut incoming = response.into_body();
    let mut body = Zeroizing::new(Vec::with_capacity(4_096));
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|error| protocol(&error))?.into_data() else { continue };
        if body.len() + data.len() > LARGEST_BODY {
            return Err(HttpError::TooLarge);
        }
        append(&mut body, &data);
    }
    Ok(Response { status, body })
}

/// Appends without leaving the old memory unwiped.
fn append(body: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if body.capacity() - body.len() < data.len() {
        let mut larger = Vec::with_capacity((body.len() + data.len()).max(2 * body.capacity()));
        larger.extend_from_slice(body);
        *body = Zeroizing::new(larger);
    }
    body.extend_from_slice(data);
}

fn protocol(error: &hyper::Error) -> HttpError {
    use std::error::Error;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    HttpError::Protocol(format!("{error}{cause}"))
}

/// A body in one piece, wiped when it has been sent.
fn wiped(body: Secret) -> Full<Bytes> {
    struct Owner(Secret);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            self.0.expose()
        }
    }
    Full::new(Bytes::from_owner(Owner(body)))
}

#[cfg(test)]
mod tests;
