//! [`Conversation`]: Kafka's protocol on one connection.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
#[cfg(feature = "sasl")]
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
#[cfg(feature = "sasl")]
use rohrpost_auth::Credentials;
use rohrpost_cluster::{
    Answer, Cluster, ClusterConfig, ClusterEvent, ConnectionId, HostPort, MAX_FRAME_BEFORE_READY,
    NetworkInput, NetworkOutput, NodeId, SendError, SendOptions, Time, TroubleKind,
};
use rohrpost_codec::messages::{
    ApiVersionsResponse, SaslAuthenticateResponse, SaslHandshakeResponse,
};
use rohrpost_codec::{
    ApiKey, Frame, FrameReader, LENGTH_PREFIX, Request, VersionRange, decode_response, peek_request,
};
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::{Line, ProbeError};
use crate::network;
use crate::socket::Loss;
use crate::stream::Stream;
use crate::write_queue::WriteQueue;

const SCRATCH: usize = 16 * 1024;

/// The cluster's own clocks are not to end anything: each step has its time.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// One broker that is talked to.
pub struct Conversation {
    stream: Stream,
    reader: FrameReader,
    /// Of the largest answer, once the broker has let the client in.
    max_answer: usize,
    scratch: Box<[u8]>,
    queue: WriteQueue,
    frames_reported: u64,
    origin: Instant,
    address: SocketAddr,
    cluster: Cluster,
    connection: Option<ConnectionId>,
    node: Option<NodeId>,
    /// The host that credentials are wanted for.
    wants_credentials: Option<String>,
    #[cfg(feature = "sasl")]
    credentials: Option<Arc<dyn Credentials>>,
    /// What was asked, in order, as answers come.
    asked: VecDeque<(i16, i16)>,
    answers: VecDeque<Answer>,
    learned: Learned,
    failure: Option<ProbeError>,
}

/// What a broker told on the way.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Learned {
    /// What it speaks; `None` before it has told.
    pub api_versions: Option<ApiVersionsResponse>,
    /// The SASL mechanisms that its listener has; `None` before it has told.
    pub mechanisms: Option<Vec<String>>,
    /// How long the session is good for (KIP-368); `None`: for ever, or not told yet.
    pub session_lifetime: Option<Duration>,
}

impl Line {
    /// Talks to the broker there as a producer with this configuration does, whatever bootstrap servers it has. `server` is what the broker is called.
    pub fn converse(
        self,
        server: HostPort,
        mut config: ClusterConfig,
        #[cfg(feature = "sasl")] credentials: Option<Arc<dyn Credentials>>,
    ) -> Conversation {
        config.bootstrap_servers = vec![server];
        config.request_timeout = FOR_EVER;
        config.socket_connection_setup_timeout = FOR_EVER;
        config.socket_connection_setup_timeout_max = FOR_EVER;
        config.metadata_max_age = FOR_EVER;
        config.connections_max_idle = None;
        Conversation {
            stream: self.stream,
            reader: FrameReader::new(self.max_answer.min(MAX_FRAME_BEFORE_READY)),
            max_answer: self.max_answer,
            scratch: vec![0; SCRATCH].into(),
            queue: WriteQueue::default(),
            frames_reported: 0,
            origin: Instant::now(),
            address: self.address,
            cluster: Cluster::new(config, Time::ZERO),
            connection: None,
            node: None,
            wants_credentials: None,
            #[cfg(feature = "sasl")]
            credentials,
            asked: VecDeque::new(),
            answers: VecDeque::new(),
            learned: Learned::default(),
            failure: None,
        }
    }
}

impl Conversation {
    /// Asks for the broker's versions.
    ///
    /// # Errors
    /// [`ProbeError`].
    pub async fn negotiate(&mut self, timeout: Duration) -> Result<(), ProbeError> {
        let negotiated = |of: &Self| of.node.is_some() || of.wants_credentials.is_some();
        let late = || TroubleKind::Silent { timeout };
        self.advance(negotiated, timeout, late).await
    }

    /// Says who the client is, if the configuration has a mechanism. After [`negotiate`](Self::negotiate).
    ///
    /// # Errors
    /// [`ProbeError`].
    pub async fn authenticate(&mut self, timeout: Duration) -> Result<(), ProbeError> {
        let start = Instant::now();
        if let Some(host) = self.wants_credentials.take() {
            #[cfg(feature = "sasl")]
            let client = network::client(self.credentials.as_ref(), &host);
            #[cfg(not(feature = "sasl"))]
            let client = network::no_client();
            let ended = tokio::time::timeout(timeout, client).await;
            let result =
                ended.map_err(|_| ProbeError::Trouble(self.without_credentials(timeout)))?;
            drop(host);
            if let Some(connection) = self.connection {
                let now = self.now();
                self.cluster.handle(now, NetworkInput::Credentials { connection, result });
            }
        }
        let late = || TroubleKind::AuthenticationTimedOut { timeout };
        let left = timeout.saturating_sub(start.elapsed());
        self.advance(|of| of.node.is_some(), left, late).await
    }

    /// Why there were none in time.
    #[cfg_attr(not(feature = "sasl"), allow(clippy::unused_self, reason = "with SASL it looks"))]
    fn without_credentials(&self, timeout: Duration) -> TroubleKind {
        #[cfg(feature = "sasl")]
        if let Some(error) = self.credentials.as_ref().and_then(|source| source.last_failure()) {
            return TroubleKind::Credentials(error);
        }
        TroubleKind::CredentialsTimedOut { timeout }
    }

    /// Sends a request in the newest version that both sides speak, and waits for the answer. After [`authenticate`](Self::authenticate).
    ///
    /// # Errors
    /// [`ProbeError`].
    pub async fn call<R: Request>(
        &mut self,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Response, ProbeError> {
        let api_key = R::API_KEY;
        let ours = R::VERSIONS;
        let theirs = self.versions_of(api_key);
        let late = || TroubleKind::RequestTimedOut { api_key, timeout };
        let version = theirs.and_then(|theirs| theirs.intersect(ours)).map(|both| both.max);
        let (Some(version), Some(node)) = (version, self.node) else {
            let kind = TroubleKind::NoCommonVersion { api_key, ours, theirs };
            return Err(ProbeError::Trouble(kind));
        };
        let options = SendOptions { expects_answer: true, timeout: FOR_EVER };
        let start = Instant::now();
        let id = loop {
            let now = self.now();
            match self.cluster.send(now, node, request, version, options) {
                Ok(id) => break id,
                Err(SendError::Throttled { until }) => {
                    let pause = until.since(now);
                    if start.elapsed() + pause >= timeout {
                        return Err(ProbeError::Trouble(late()));
                    }
                    tokio::time::sleep(pause).await;
                }
                Err(SendError::Encode(error)) => {
                    return Err(ProbeError::Trouble(TroubleKind::Unsendable(error)));
                }
                Err(_) => {
                    let lost = rohrpost_cluster::LostError::Closed;
                    return Err(self
                        .failure
                        .take()
                        .unwrap_or(ProbeError::Trouble(TroubleKind::Lost(lost))));
                }
            }
        };
        let answered = |of: &Self| of.answers.iter().any(|answer| answer.request == id);
        self.advance(answered, timeout.saturating_sub(start.elapsed()), late).await?;
        let place = self.answers.iter().position(|answer| answer.request == id);
        match place.and_then(|place| self.answers.remove(place)) {
            Some(answer) => {
                answer.decode().map_err(|error| ProbeError::Trouble(TroubleKind::Unreadable(error)))
            }
            None => Err(ProbeError::Trouble(late())),
        }
    }

    /// What the broker told so far.
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    /// The versions of an API that the broker has told.
    pub fn versions_of(&self, api_key: ApiKey) -> Option<VersionRange> {
        let told = self.learned.api_versions.as_ref()?;
        let found = told.api_keys.iter().find(|api| api.api_key == i16::from(api_key))?;
        Some(VersionRange::new(found.min_version, found.max_version))
    }

    fn now(&self) -> Time {
        Time::from_duration(self.origin.elapsed())
    }

    /// Goes on until this is so.
    async fn advance(
        &mut self,
        until: impl Fn(&Self) -> bool,
        timeout: Duration,
        late: impl Fn() -> TroubleKind,
    ) -> Result<(), ProbeError> {
        let going = async {
            loop {
                self.drain();
                if until(self) {
                    return Ok(());
                }
                if let Some(failure) = self.failure.take() {
                    return Err(failure);
                }
                poll_fn(|cx| self.poll_traffic(cx)).await;
            }
        };
        let ended = tokio::time::timeout(timeout, going).await;
        ended.unwrap_or_else(|_| Err(ProbeError::Trouble(late())))
    }

    /// Does what the cluster wants, and hears what it has to tell.
    fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.cluster.poll_transmit(now) {
            match output {
                NetworkOutput::Resolve { lookup, .. } => {
                    let result = Ok(vec![self.address.ip()]);
                    self.cluster.handle(now, NetworkInput::Resolved { lookup, result });
                }
                // There is one connection, and it is made. Another would be a new attempt, after the failure that ends this.
                NetworkOutput::Connect { connection, .. } if self.connection.is_none() => {
                    self.connection = Some(connection);
                    self.cluster.handle(now, NetworkInput::Connected { connection });
                }
                NetworkOutput::Connect { .. } | NetworkOutput::Disconnect { .. } => {}
                NetworkOutput::Ready { .. } => self.reader.set_max_frame(self.max_answer),
                NetworkOutput::Authenticate { host, .. } => self.wants_credentials = Some(host),
                NetworkOutput::Transmit { frame, .. } => self.transmit(frame),
            }
        }
        while let Some(event) = self.cluster.poll_event() {
            match event {
                ClusterEvent::NodeReady(node) => self.node = Some(node),
                ClusterEvent::Answered(answer) => self.answers.push_back(answer),
                ClusterEvent::AuthenticationFailed { error, .. } => {
                    self.fail(TroubleKind::Authentication(error));
                }
                ClusterEvent::NodeLost(_) => {
                    let trouble = self.cluster.troubles().into_iter().next();
                    let closed = TroubleKind::Lost(rohrpost_cluster::LostError::Closed);
                    self.fail(trouble.map_or(closed, |trouble| trouble.kind));
                }
                _ => {}
            }
        }
    }

    fn fail(&mut self, kind: TroubleKind) {
        self.node = None;
        self.failure.get_or_insert(ProbeError::Trouble(kind));
    }

    fn transmit(&mut self, frame: Frame) {
        let head = frame.segments().iter().flat_map(|segment| segment.iter().copied());
        let head: Vec<u8> = head.skip(LENGTH_PREFIX).take(8).collect();
        if let Ok(preamble) = peek_request(&Bytes::from(head)) {
            self.asked.push_back((preamble.api_key, preamble.api_version));
        }
        self.queue.push(frame.into_segments());
    }

    /// Writes what the socket takes, and waits for something to read.
    fn poll_traffic(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let broken = self.write(cx);
        let Self { stream, scratch, .. } = self;
        let mut buffer = ReadBuf::new(scratch);
        match (stream.poll_read(cx, &mut buffer), broken) {
            (Poll::Pending, None) => return Poll::Pending,
            (Poll::Pending, Some(error)) | (Poll::Ready(Err(error)), _) => {
                self.lose(Loss::Io(error));
            }
            (Poll::Ready(Ok(())), _) if buffer.filled().is_empty() => self.lose(Loss::Closed),
            (Poll::Ready(Ok(())), _) => {
                self.reader.extend(buffer.filled());
                self.receive();
            }
        }
        Poll::Ready(())
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        let Self { stream, queue, .. } = self;
        let mut broken = None;
        while !queue.is_empty() && broken.is_none() {
            let written = queue.write_with(|slices| match stream.poll_write_vectored(cx, slices) {
                Poll::Ready(Ok(0)) => Err(Some(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => Ok(written),
                Poll::Ready(Err(error)) => Err(Some(error)),
                Poll::Pending => Err(None),
            });
            match written {
                Ok(_) => {}
                Err(None) => break,
                Err(error) => broken = error,
            }
        }
        if broken.is_none() {
            if let Poll::Ready(Err(error)) = stream.poll_flush(cx) {
                broken = Some(error);
            }
        }
        let frames = queue.frames_written();
        if let (true, Some(connection)) = (frames > self.frames_reported, self.connection) {
            self.frames_reported = frames;
            let now = self.now();
            self.cluster.handle(now, NetworkInput::Written { connection, frames });
        }
        broken
    }

    fn receive(&mut self) {
        loop {
            match self.reader.next_frame() {
                Ok(Some(frame)) => {
                    let Some(connection) = self.connection else { return };
                    self.read_along(&frame);
                    let now = self.now();
                    self.cluster.handle(now, NetworkInput::Received { connection, frame });
                }
                Ok(None) => return,
                Err(error) => return self.lose(Loss::Frame(error)),
            }
        }
    }

    /// Keeps what the cluster does not. Whatever is wrong with the answer is for the cluster to say.
    fn read_along(&mut self, frame: &Bytes) {
        let Some((api_key, version)) = self.asked.pop_front() else { return };
        if api_key == i16::from(ApiKey::ApiVersions) {
            if let Ok((_, response)) = decode_response::<ApiVersionsResponse>(frame, version) {
                self.learned.api_versions = Some(response);
            }
        } else if api_key == i16::from(ApiKey::SaslHandshake) {
            if let Ok((_, response)) = decode_response::<SaslHandshakeResponse>(frame, version) {
                let names = response.mechanisms.iter().take(MOST_MECHANISMS);
                self.learned.mechanisms = Some(names.map(ToString::to_string).collect());
            }
        } else if api_key == i16::from(ApiKey::SaslAuthenticate) {
            if let Ok((_, response)) = decode_response::<SaslAuthenticateResponse>(frame, version) {
                let millis = u64::try_from(response.session_lifetime_ms).unwrap_or(0);
                let lifetime = (millis > 0).then(|| Duration::from_millis(millis));
                self.learned.session_lifetime = lifetime.or(self.learned.session_lifetime);
            }
        }
    }

    fn lose(&mut self, loss: Loss) {
        #[cfg(feature = "tls")]
        if let Loss::Io(error) = &loss {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            if let Some(error) = cause.cloned() {
                self.failure.get_or_insert(ProbeError::Tls(error));
            }
        }
        let Some(connection) = self.connection else { return };
        let event = crate::socket::SocketEvent::Lost(loss);
        let now = self.now();
        self.cluster.handle(now, network::input(connection, event));
    }
}

/// The most mechanisms that are kept.
const MOST_MECHANISMS: usize = 32;

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation").field("address", &self.address).finish_non_exhaustive()
    }
}
