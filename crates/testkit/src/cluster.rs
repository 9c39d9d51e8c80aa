//! [`Cluster`]: the broker model behind real TCP.

mod builder;
mod connection;
mod hostile;
mod node;
#[cfg(any(feature = "sasl", feature = "tls"))]
mod security;
mod shared;
#[cfg(feature = "tls")]
mod tls;
mod transactions;

pub use builder::ClusterBuilder;
#[cfg(feature = "tls")]
pub use tls::{CertificateFlaw, ClientAuth, Identity, Tls};

use core::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rohrpost_codec::Uuid;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::model::{
    BrokerId, Fault, FaultId, LoggedBatch, LoggedRecord, Model, Permission, Stats, TopicError,
    TopicSpec,
};
use builder::RuntimeThread;
use node::{Nodes, Port};
use shared::Shared;

/// A Kafka cluster on the loopback interface, for as long as the value lives.
///
/// Clients that are not written for it talk to it: it is the [`Model`] behind a port for each broker. What a test does to it
/// happens at once: when a method returns, the next request sees it.
///
/// Dropping it closes every connection and port.
#[derive(Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
    nodes: Nodes,
    runtime: Handle,
    /// The runtime's thread, if the cluster brought its own. Dropped last.
    _thread: Option<RuntimeThread>,
}

/// [`Cluster::wait_until`] did not see what it waited for in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitError {
    /// How long it waited.
    pub waited: Duration,
    /// What the cluster had counted at the end.
    pub stats: Stats,
}

impl Cluster {
    /// How long [`Cluster::wait_until`] waits.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// A cluster that is to be configured and started.
    #[must_use]
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// The addresses of all brokers, as clients want them in `bootstrap.servers`: `127.0.0.1:PORT,...`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.shared.with(|model| {
            let addresses =
                model.brokers().map(|broker| format!("{}:{}", broker.host, broker.port));
            addresses.collect::<Vec<_>>().join(",")
        })
    }

    /// Creates a topic with the cluster's defaults for all but its partitions, and gives its id.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a name that is taken or none, and for numbers that the cluster cannot do.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<Uuid, TopicError> {
        self.create_topic_with(&TopicSpec::new(name).partitions(partitions))
    }

    /// Creates a topic, and gives its id.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a name that is taken or none, and for numbers that the cluster cannot do.
    pub fn create_topic_with(&self, spec: &TopicSpec) -> Result<Uuid, TopicError> {
        self.shared.change(|model| model.create_topic(spec))
    }

    /// Deletes a topic and what is in it. A topic of this name that is created later has another id.
    ///
    /// # Errors
    ///
    /// [`TopicError::Unknown`].
    pub fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        self.shared.change(|model| model.delete_topic(name))
    }

    /// Adds partitions, so that the topic has `count`.
    ///
    /// # Errors
    ///
    /// [`TopicError::Unknown`]; [`TopicError::InvalidPartitions`] if it has as many already.
    pub fn add_partitions(&self, name: &str, count: i32) -> Result<(), TopicError> {
        self.shared.change(|model| model.add_partitions(name, count))
    }

    /// Makes a replica in sync the leader of a partition, in a new leader epoch.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not, and for a broker that is not in sync.
    pub fn move_leader(
        &self,
        topic: &str,
        partition: i32,
        to: impl Into<BrokerId>,
    ) -> Result<(), TopicError> {
        self.shared.change(|model| model.move_leader(topic, partition, to))
    }

    /// The broker that leads a partition; `None` while nobody does, and where there is no such partition.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> Option<BrokerId> {
        self.shared.with(|model| model.partition(topic, partition)?.leader)
    }

    /// Stops a broker, if it is up: its port refuses, its connections are closed, and the next replica in sync leads what it led.
    /// All that has happened when this is done.
    pub async fn stop_broker(&self, broker: impl Into<BrokerId>) {
        let broker = broker.into();
        self.shared.change(|model| model.stop_broker(broker));
        self.nodes.stop(broker).await;
    }

    /// Starts a broker that was stopped, at the port that it had.
    ///
    /// # Errors
    ///
    /// The operating system's, if the port is taken meanwhile.
    pub async fn start_broker(&self, broker: impl Into<BrokerId>) -> io::Result<()> {
        self.start_at(broker.into(), Port::Same).await
    }

    /// Starts a broker that was stopped at another port, as one that moves to another host: clients that only know the old address
    /// do not find it. [`Cluster::bootstrap_servers`] says the new one.
    ///
    /// # Errors
    ///
    /// The operating system's, if it has no port to give.
    pub async fn start_broker_elsewhere(&self, broker: impl Into<BrokerId>) -> io::Result<()> {
        self.start_at(broker.into(), Port::Other).await
    }

    /// Freezes a broker, as a debugger or a long pause does: its connections stay open, new ones are accepted, nothing is
    /// answered, and nobody takes over. [`Cluster::resume_broker`] lets it go on.
    pub fn pause_broker(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.pause_broker(broker));
    }

    /// Lets a frozen broker go on with the requests that wait.
    pub fn resume_broker(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.resume_broker(broker));
    }

    /// Cuts a broker off from the others, while clients still reach it: see [`Model::isolate_broker`]. [`Cluster::heal_broker`] ends
    /// it.
    pub fn isolate_broker(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.isolate_broker(broker));
    }

    /// Joins a broker that was cut off to the others again.
    pub fn heal_broker(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.heal_broker(broker));
    }

    /// Has the others take over from a broker that is paused or cut off, which does not hear of it: see [`Model::fence_broker`].
    pub fn fence_broker(&self, broker: impl Into<BrokerId>) {
        self.shared.change(|model| model.fence_broker(broker));
    }

    /// Refuses something to all clients.
    pub fn deny(&self, permission: Permission) {
        self.shared.change(|model| model.deny(permission));
    }

    /// Allows what was refused.
    pub fn allow(&self, permission: &Permission) {
        self.shared.change(|model| model.allow(permission));
    }

    /// Refuses something to one client, by its user's name or the subject of its certificate: see [`Model::deny_to`].
    pub fn deny_to(&self, principal: &str, permission: Permission) {
        self.shared.change(|model| model.deny_to(principal, permission));
    }

    /// Allows what was refused to one client.
    pub fn allow_to(&self, principal: &str, permission: &Permission) {
        self.shared.change(|model| model.allow_to(principal, permission));
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.shared.change(|model| model.inject(fault))
    }

    /// Takes a fault back. Says whether it was still waiting for a request.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.shared.change(|model| model.remove_fault(id))
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.shared.change(Model::clear_faults);
    }

    /// Every record of a partition by its offset, those of open and aborted transactions too; none where there is no such partition.
    #[must_use]
    pub fn log(&self, topic: &str, partition: i32) -> Vec<LoggedRecord> {
        // Batches are shared, so that decompressing them does not hold the brokers up.
        self.batches(topic, partition).iter().flat_map(LoggedBatch::records).collect()
    }

    /// Every batch of a partition as it is stored, the oldest first, markers of transactions included; none where there is no such
    /// partition.
    #[must_use]
    pub fn batches(&self, topic: &str, partition: i32) -> Vec<LoggedBatch> {
        self.shared.with(|model| model.batches(topic, partition).cloned().collect())
    }

    /// What the cluster has counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.with(|model| model.stats().clone())
    }

    /// Waits until the counters are as wanted: `cluster.wait_until(|stats| stats.records >= 10).await?`. It looks when something
    /// has happened, and gives up after [`Cluster::PATIENCE`].
    ///
    /// # Errors
    ///
    /// [`WaitError`], with what was counted by then.
    pub async fn wait_until(&self, wanted: impl FnMut(&Stats) -> bool) -> Result<Stats, WaitError> {
        self.wait_until_within(Self::PATIENCE, wanted).await
    }

    /// [`Cluster::wait_until`] with another patience.
    ///
    /// # Errors
    ///
    /// [`WaitError`], with what was counted by then.
    pub async fn wait_until_within(
        &self,
        patience: Duration,
        mut wanted: impl FnMut(&Stats) -> bool,
    ) -> Result<Stats, WaitError> {
        let mut activity: watch::Receiver<()> = self.shared.activity();
        let watching = async {
            loop {
                activity.mark_unchanged();
                let stats = self.stats();
                if wanted(&stats) {
                    return stats;
                }
                if activity.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        // The time-out needs the cluster's runtime, whatever polls this.
        let timer = self.runtime.spawn(tokio::time::sleep(patience));
        let abort = timer.abort_handle();
        let seen = tokio::select! {
            stats = watching => Ok(stats),
            _ = timer => Err(WaitError { waited: patience, stats: self.stats() }),
        };
        abort.abort();
        seen
    }

    /// Looks at, or changes, the model behind the cluster: for what has no method here. The brokers wait meanwhile.
    pub fn with_model<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        self.shared.change(change)
    }

    /// Runs a future from a thread that runs none: for the asynchronous methods of a cluster of
    /// [`ClusterBuilder::start_blocking`].
    ///
    /// # Panics
    ///
    /// In a thread that already runs futures on tokio.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    async fn start_at(&self, broker: BrokerId, port: Port) -> io::Result<()> {
        self.nodes.start(broker, port, &self.shared, &self.runtime).await?;
        self.shared.change(|model| model.start_broker(broker));
        Ok(())
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cluster did not get there in {:?}: {:?}", self.waited, self.stats)
    }
}

impl core::error::Error for WaitError {}
