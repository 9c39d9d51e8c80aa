//! [`ClusterBuilder`].

use std::io;
use std::sync::Arc;
use std::thread::{Builder as ThreadBuilder, JoinHandle};
use std::time::Duration;

use rohrpost_codec::{ApiKey, VersionRange};
use tokio::runtime::{Builder as RuntimeBuilder, Handle};
use tokio::sync::oneshot;

use super::Cluster;
use super::node::Nodes;
use super::shared::{Shared, Started};
use crate::model::{Model, ModelConfig};

/// Configures a [`Cluster`] and starts it.
#[derive(Clone, Debug, Default)]
pub struct ClusterBuilder {
    config: ModelConfig,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Tls>,
}

impl ClusterBuilder {
    /// The number of brokers, 3 if not said. Their ids are 1, 2, 3 and so on.
    #[must_use]
    pub fn brokers(mut self, count: i32) -> Self {
        self.config.brokers = count;
        self
    }

    /// The partitions of a topic that does not say, 1 if not said.
    #[must_use]
    pub fn default_partitions(mut self, count: i32) -> Self {
        self.config.default_partitions = count;
        self
    }

    /// The replicas of a topic that does not say: 3 if not said, or as many as there are brokers.
    #[must_use]
    pub fn default_replication_factor(mut self, count: i16) -> Self {
        self.config.default_replication_factor = count;
        self
    }

    /// Creates topics that clients ask for. Off if not said.
    #[must_use]
    pub fn auto_create_topics(mut self, on: bool) -> Self {
        self.config.auto_create_topics = on;
        self
    }

    /// Bytes that each partition keeps in a topic that does not say. Everything, if not said.
    #[must_use]
    pub fn retention_bytes(mut self, bytes: u64) -> Self {
        self.config.retention_bytes = Some(bytes);
        self
    }

    /// How long followers take to copy a batch, none if not said: with acks=all an answer waits for them.
    #[must_use]
    pub fn replication_lag(mut self, lag: Duration) -> Self {
        self.config.replication_lag = lag;
        self
    }

    /// The bytes of Produce requests that each client may send to each broker in a second; no limit, if not said. Whoever sends more
    /// is told to pause, and served nothing for so long (KIP-219).
    #[must_use]
    pub fn producer_byte_rate(mut self, bytes: u64) -> Self {
        self.config.producer_byte_rate = Some(bytes);
        self
    }

    /// Lets the brokers speak no other versions of an API than these, as older brokers do. With [`VersionRange::EMPTY`] they lack
    /// it.
    #[must_use]
    pub fn versions(mut self, api: ApiKey, versions: VersionRange) -> Self {
        self.config.versions.insert(api, versions);
        self
    }

    /// The version of transactions that the cluster has agreed on (the feature `transaction.version`): 2 if not said, which is that of
    /// Kafka 4 (KIP-890); 0 or 1 for the one before. [`Cluster::set_transaction_version`] changes it.
    #[must_use]
    pub fn transaction_version(mut self, version: i16) -> Self {
        let feature = self.config.features.get_mut("transaction.version");
        if let Some(feature) = feature {
            feature.finalized = version;
        }
        self
    }

    /// The longest timeout that a transactional producer may ask for (`transaction.max.timeout.ms`); 15 minutes if not said.
    #[must_use]
    pub fn transaction_max_timeout(mut self, timeout: Duration) -> Self {
        self.config.transaction_max_timeout = timeout;
        self
    }

    /// How often the brokers look for transactions that take longer than their producer's timeout; every 10 seconds if not said.
    #[must_use]
    pub fn transaction_timeout_check(mut self, interval: Duration) -> Self {
        self.config.transaction_timeout_check = interval;
        self
    }

    /// How long after EndTxn was answered the markers are written, so that the transaction's records are seen, or left out; at once if
    /// not said.
    #[must_use]
    pub fn marker_delay(mut self, delay: Duration) -> Self {
        self.config.marker_delay = delay;
        self
    }

    /// Lets in whoever authenticates, and nobody else; anybody, if not said.
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn sasl(mut self, sasl: crate::model::Sasl) -> Self {
        self.config.sasl = Some(sasl);
        self
    }

    /// Speaks TLS at every port; plain text, if not said. Clients find whom to trust in [`Cluster::ca_pem`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: super::tls::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What the topic ids come from; 0 if not said.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Starts the brokers on the tokio runtime that this is called from, which must have time and I/O enabled. They keep to its clock, also where a test
    /// has paused it.
    ///
    /// # Errors
    ///
    /// The operating system's, if a port cannot be opened; `InvalidInput` for less than one broker.
    #[expect(clippy::unused_async, reason = "only a runtime can call it, and brokers run on that")]
    pub async fn start(self) -> io::Result<Cluster> {
        self.launch(Handle::current(), None)
    }

    /// Starts the brokers on a thread of their own, with its own runtime: for programs and tests without one, and for those that
    /// block theirs.
    ///
    /// # Errors
    ///
    /// The operating system's, if a port cannot be opened or a thread not started; `InvalidInput` for less than one broker.
    pub fn start_blocking(self) -> io::Result<Cluster> {
        let (thread, handle) = RuntimeThread::start()?;
        self.launch(handle, Some(thread))
    }

    fn launch(self, runtime: Handle, thread: Option<RuntimeThread>) -> io::Result<Cluster> {
        if self.config.brokers < 1 {
            let message = format!("a cluster has one broker at least, not {}", self.config.brokers);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let started = match thread {
            Some(_) => Started::System(std::time::Instant::now()),
            None => Started::Runtime(tokio::time::Instant::now()),
        };
        let shared = Shared::new(
            Model::new(self.config),
            started,
            #[cfg(feature = "tls")]
            super::tls::Listeners::new(self.tls)?,
        );
        let shared = Arc::new(shared);
        let nodes = Nodes::launch(&shared, &runtime)?;
        Ok(Cluster { shared, nodes, runtime, _thread: thread })
    }
}

/// A thread with a runtime, until this is dropped.
#[derive(Debug)]
pub(crate) struct RuntimeThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RuntimeThread {
    fn start() -> io::Result<(Self, Handle)> {
        let runtime = RuntimeBuilder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            // Either way the cluster is gone.
            let _ = runtime.block_on(stopped);
        };
        let thread = ThreadBuilder::new().name("rohrpost-testkit".into()).spawn(run)?;
        Ok((Self { stop: Some(stop), thread: Some(thread) }, handle))
    }
}

impl Drop for RuntimeThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
