//! Connections that are made one step at a time, so that each step can be looked at: for diagnosis, never for records.
//!
//! # The steps
//!
//! ```text
//!   Line::connect ──► Line::secure ──► Line::converse ──► negotiate ──► authenticate ──► call …
//!        TCP              TLS                            ApiVersions       SASL
//! ```
//!
//! Nothing here is a second client. TCP is set up, and TLS is agreed on, by what the driver's own connections use. A [`Conversation`] is a `rohrpost_cluster::Cluster`
//! that has this one connection for its only bootstrap server: versions, credentials and the SASL exchange are the producer's own, and so are their errors. What is
//! added is looking: the conversation reads along what the broker answers to ApiVersions and SASL, of which the cluster keeps only what it needs.
//!
//! Each step takes the time that it may last. A step that failed ends the conversation. All need a tokio runtime with I/O and time: [`on_runtime`] has one where the
//! caller has not.

mod conversation;

pub use conversation::{Conversation, Learned};

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::time::Duration;

use rohrpost_cluster::{ConnectError, ConnectErrorKind, TroubleKind};
#[cfg(feature = "tls")]
use rohrpost_tls::{TlsClient, TlsError, TlsSession};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::network::connect_error;
use crate::socket::{self, SocketOptions};
use crate::start::check_current_runtime;
use crate::stream::Stream;

/// Why a step failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is no TCP connection.
    Connect(ConnectError),
    /// TLS was not agreed on, or was ended by the broker afterwards: with TLS 1.3 that is how it refuses a certificate.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// TLS was not agreed on in time, and nobody said anything against it.
    #[cfg(feature = "tls")]
    TlsTimedOut {
        /// How long it had.
        timeout: Duration,
    },
    /// Kafka's protocol: what the producer itself would say of the broker.
    Trouble(TroubleKind),
}

/// An open connection on which nothing of Kafka's has been said.
pub struct Line {
    pub(crate) stream: Stream,
    pub(crate) address: SocketAddr,
    pub(crate) max_answer: usize,
}

impl Line {
    /// Connects by TCP, with the socket options of a producer; TLS is a step of its own, whatever the options say.
    ///
    /// # Errors
    /// [`ProbeError::Connect`].
    pub async fn connect(
        address: SocketAddr,
        options: &SocketOptions,
        timeout: Duration,
    ) -> Result<Self, ProbeError> {
        let connected = tokio::time::timeout(timeout, socket::connect(address, options)).await;
        match connected {
            Ok(Ok(stream)) => {
                let max_answer = options.max_answer;
                Ok(Self { stream: Stream::Plain(stream), address, max_answer })
            }
            Ok(Err(error)) => Err(ProbeError::Connect(connect_error(&error))),
            Err(_) => Err(ProbeError::Connect(ConnectError {
                kind: ConnectErrorKind::TimedOut,
                detail: format!("within {timeout:?}"),
            })),
        }
    }

    /// Agrees on TLS with the host of this name.
    ///
    /// # Errors
    /// [`ProbeError::Tls`], [`ProbeError::TlsTimedOut`].
    #[cfg(feature = "tls")]
    pub async fn secure(
        self,
        client: &TlsClient,
        host: &str,
        timeout: Duration,
    ) -> Result<(Self, TlsSession), ProbeError> {
        let Self { stream, address, max_answer } = self;
        let Stream::Plain(stream) = stream else {
            let reason = "the connection has TLS already".to_owned();
            return Err(ProbeError::Tls(TlsError::Settings { reason }));
        };
        let handshake = async {
            let terms = crate::tls::Terms::for_host(client.clone(), host.to_owned()).await?;
            terms.agree(stream).await
        };
        match tokio::time::timeout(timeout, handshake).await {
            Ok(Ok(secured)) => {
                let session = secured.session();
                let stream = Stream::Secured(Box::new(secured));
                Ok((Self { stream, address, max_answer }, session))
            }
            Ok(Err(error)) => Err(ProbeError::Tls(error)),
            Err(_) => Err(ProbeError::TlsTimedOut { timeout }),
        }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Runs what needs tokio: right here where there is a runtime with I/O and time, else on a thread of its own.
///
/// # Errors
/// The thread or its runtime could not be made.
pub async fn on_runtime<F>(make: impl FnOnce() -> F + Send + 'static) -> io::Result<F::Output>
where
    F: Future,
    F::Output: Send + 'static,
{
    if runtime::Handle::try_current().is_ok() && check_current_runtime().is_ok() {
        return Ok(make().await);
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("rohrpost-probe".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _ = done.send(runtime.block_on(async { make().await }));
        // A look-up may hang in the system's resolver: it must not hold up the thread's end.
        runtime.shutdown_background();
    })?;
    result.await.map_err(|_| io::Error::other("the thread ended early"))
}

/// Waits, on the current runtime, for at most so long.
pub async fn within<F: Future>(timeout: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(timeout, future).await.ok()
}

/// The most steps that [`all`] takes at the same time.
const MOST_AT_ONCE: usize = 32;

/// Runs futures on the current runtime, 32 of them at a time; their results are in the futures' order. Dropped, it stops them.
pub async fn all<F>(futures: Vec<F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut waiting = futures.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut results = Vec::new();
    loop {
        while running.len() < MOST_AT_ONCE {
            let Some((place, future)) = waiting.next() else { break };
            running.spawn(async move { (place, future.await) });
        }
        match running.join_next().await {
            Some(Ok(result)) => results.push(result),
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Nobody else can stop them; the runtime is ending.
                Err(_) => std::future::pending().await,
            },
            None => break,
        }
    }
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}
