//! One request and its answer, bounded in bytes and time; no redirect is followed. Connections are kept for the next request.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use rohrpost_tls::TlsClient;
use tokio::time::{Instant, timeout};

use super::connect::{self, Stream};
use super::url::Url;
use crate::Problem;

/// Of the status line and all header fields.
const LARGEST_HEAD: usize = 64 * 1024;
/// How many connections wait for a next request.
const MOST_IDLE: usize = 8;
/// For how long they do: less than servers wait.
const LONGEST_IDLE: Duration = Duration::from_secs(20);
/// The type of what is sent and taken, as Confluent's clients say it.
const SENT: &str = "application/vnd.schemaregistry.v1+json";
const TAKEN: &str =
    "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json";

/// One of the registry's servers.
pub(super) struct Server {
    pub(super) url: Url,
    tls: Option<TlsClient>,
    limits: Limits,
    idle: Mutex<VecDeque<Idle>>,
}

/// What one attempt may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For resolving the name, connecting and TLS.
    pub(super) connect_timeout: Duration,
    /// From there to the answer's last byte.
    pub(super) read_timeout: Duration,
    /// Of an answer.
    pub(super) most_bytes: usize,
}

struct Idle {
    link: Link,
    since: Instant,
}

/// A connection, and its end for requests.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<TokioIo<Stream>, Full<Bytes>>>>,
    is_open: bool,
}

/// What is sent.
pub(super) struct Message<'a> {
    pub(super) method: &'a Method,
    /// Path and query, without the URL's own path.
    pub(super) target: &'a str,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Option<Bytes>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// How long it wants to be left alone, if it says so in seconds.
    pub(super) retry_after: Duration,
}

impl Server {
    pub(super) fn new(url: Url, tls: Option<TlsClient>, limits: Limits) -> Self {
        Self { url, tls, limits, idle: Mutex::default() }
    }

    /// Asks once; over a connection that was kept, and that turns out to have been closed meanwhile, once more over a new one.
    pub(super) async fn send(&self, message: &Message<'_>) -> Result<Answer, Problem> {
        // Deleting twice is not the same as once.
        let may_repeat = message.method != Method::DELETE;
        while let Some(mut link) = self.take_idle().filter(|_| may_repeat) {
            let request = self.request(message)?;
            match self.timed(link.exchange(request, self.limits.most_bytes)).await? {
                Ok(answer) => return Ok(self.kept(link, answer)),
                Err(Failure::Lost(_)) => {}
                Err(failure) => return Err(failure.into_problem()),
            }
        }
        let Limits { connect_timeout: after, most_bytes, .. } = self.limits;
        let mut link = timeout(after, self.open())
            .await
            .map_err(|_| Problem::Timeout { what: "take the connection", after })??;
        let request = self.request(message)?;
        match self.timed(link.exchange(request, most_bytes)).await? {
            Ok(answer) => Ok(self.kept(link, answer)),
            Err(failure) => Err(failure.into_problem()),
        }
    }

    async fn timed<T>(&self, answer: impl Future<Output = T>) -> Result<T, Problem> {
        let after = self.limits.read_timeout;
        timeout(after, answer).await.map_err(|_| Problem::Timeout { what: "answer", after })
    }

    async fn open(&self) -> Result<Link, Problem> {
        let stream = connect::connect(&self.url, self.tls.as_ref()).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(LARGEST_HEAD);
        let (sender, connection) = builder
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Problem::Protocol { detail: told(&error) })?;
        Ok(Link { sender, connection: Box::pin(connection), is_open: true })
    }

    fn request(&self, message: &Message<'_>) -> Result<hyper::Request<Full<Bytes>>, Problem> {
        let mut request = hyper::Request::builder()
            .method(message.method)
            .uri(format!("{}{}", self.url.path(), message.target))
            .header(HOST, self.url.authority())
            .header(USER_AGENT, concat!("rohrpost-schema-registry/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, TAKEN);
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = &message.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if message.body.is_some() {
            request = request.header(CONTENT_TYPE, SENT);
        }
        request
            .body(message.body.clone().map(Full::new).unwrap_or_default())
            .map_err(|error| Problem::Protocol { detail: error.to_string() })
    }

    fn take_idle(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The one used last is the likeliest to be open still.
        let last = idle.pop_back()?;
        if last.since.elapsed() < LONGEST_IDLE {
            return Some(last.link);
        }
        idle.clear();
        None
    }

    fn kept(&self, link: Link, answer: Answer) -> Answer {
        if link.is_open && !link.sender.is_closed() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push_back(Idle { link, since: Instant::now() });
            if idle.len() > MOST_IDLE {
                idle.pop_front();
            }
        }
        answer
    }
}

/// Why there is no answer on a connection.
enum Failure {
    /// It ended before anything of an answer came.
    Lost(String),
    Problem(Problem),
}

impl Failure {
    fn into_problem(self) -> Problem {
        match self {
            Self::Lost(detail) => Problem::Protocol { detail },
            Self::Problem(problem) => problem,
        }
    }
}

impl Link {
    /// One request and its answer. The connection is driven by whoever waits, so that no task is left of it.
    async fn exchange(
        &mut self,
        request: hyper::Request<Full<Bytes>>,
        most_bytes: usize,
    ) -> Result<Answer, Failure> {
        let Self { sender, connection, is_open } = self;
        let lost = |error: &hyper::Error| Failure::Lost(told(error));
        let answer = async {
            poll_fn(|cx| sender.poll_ready(cx)).await.map_err(|error| lost(&error))?;
            let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
            read(response, most_bytes).await.map_err(Failure::Problem)
        };
        let mut answer = std::pin::pin!(answer);
        poll_fn(|cx| {
            // How the connection ends shows in the answer, too.
            *is_open = *is_open && connection.as_mut().poll(cx).is_pending();
            answer.as_mut().poll(cx)
        })
        .await
    }
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Answer, Problem> {
    let status = response.status();
    if status.is_redirection() {
        return Err(Problem::Redirect { status: status.as_u16() });
    }
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = seconds.and_then(|value| value.trim().parse().ok()).unwrap_or_default();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        let frame = frame.map_err(|error| Problem::Protocol { detail: told(&error) })?;
        let Ok(data) = frame.into_data() else { continue };
        if body.len() + data.len() > most {
            return Err(Problem::TooLarge { most });
        }
        body.extend_from_slice(&data);
    }
    let retry_after = Duration::from_secs(seconds);
    Ok(Answer { status: status.as_u16(), body, retry_after })
}

/// Hyper's error with its cause.
fn told(error: &hyper::Error) -> String {
    use std::error::Error;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
