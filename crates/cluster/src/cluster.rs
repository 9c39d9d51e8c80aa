//! [`Cluster`].

use alloc::vec::Vec;

use rohrpost_codec::{ApiKey, ByteStr, DecodeError, Request, VersionRange};

use crate::{
    Broker, ClusterConfig, ClusterEvent, ConnectionId, Metadata, NetworkInput, NetworkOutput,
    NodeId, NodeState, RequestId, SendError, SendOptions, Time, Trouble,
};

/// A client's view of a Kafka cluster, without I/O: which brokers there are, the connections to them, and who leads what.
#[derive(Debug)]
pub struct Cluster {
    metadata: Metadata,
}

impl Cluster {
    /// A cluster to be found through the bootstrap servers.
    #[must_use]
    pub fn new(_config: ClusterConfig, _now: Time) -> Self {
        Self { metadata: Metadata::default() }
    }

    /// Takes in what happened on the network.
    pub fn handle(&mut self, _now: Time, _input: NetworkInput) {}

    /// What to do on the network next; runs what is due. To be called until it answers `None`.
    pub fn poll_transmit(&mut self, _now: Time) -> Option<NetworkOutput> {
        None
    }

    /// What happened, in order. To be called until it answers `None`.
    pub fn poll_event(&mut self) -> Option<ClusterEvent> {
        None
    }

    /// When to call [`poll_transmit`](Self::poll_transmit) again, if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        None
    }

    /// Asks for a topic's metadata, and keeps it fresh until `metadata.max.idle.ms` after the last call.
    pub fn want_topic(&mut self, _now: Time, _topic: &ByteStr) {}

    /// Asks for fresh metadata soon: something showed that it is stale.
    pub fn request_update(&mut self, _now: Time) {}

    /// Makes sure that a node has a connection, is getting one, or will try to once it has backed off.
    pub fn ensure_connected(&mut self, _now: Time, _node: NodeId) -> NodeState {
        NodeState::Unknown
    }

    /// Whether the node takes a request now.
    #[must_use]
    pub fn can_send(&self, _node: NodeId, _now: Time) -> bool {
        false
    }

    /// The newest version of an API that both the node and `ours` have; `None` if there is none, or the node is not ready.
    #[must_use]
    pub fn api_version(&self, _node: NodeId, _api_key: ApiKey, _ours: VersionRange) -> Option<i16> {
        None
    }

    /// The node that a request should go to which any node can answer. May be a bootstrap server.
    #[must_use]
    pub fn least_loaded(&self) -> Option<NodeId> {
        None
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// [`SendError`]; then nothing is sent and nothing more is heard of the request.
    pub fn send<R: Request>(
        &mut self,
        _now: Time,
        _node: NodeId,
        _request: &R,
        _version: i16,
        _options: SendOptions,
    ) -> Result<RequestId, SendError> {
        Err(SendError::NotReady)
    }

    /// A node's answer asks this client to pause (`throttle_time_ms`, KIP-219).
    pub fn throttle(
        &mut self,
        _now: Time,
        _node: NodeId,
        _api_key: ApiKey,
        _version: i16,
        _throttle_time_ms: i32,
    ) {
    }

    /// An answer could not be read: closes its connection.
    pub fn reject(&mut self, _now: Time, _connection: ConnectionId, _error: DecodeError) {}

    /// The snapshot.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// A broker named a partition's leader in an answer (KIP-951).
    pub fn apply_hint(
        &mut self,
        _now: Time,
        _topic: &str,
        _partition: i32,
        _leader: NodeId,
        _leader_epoch: i32,
        _endpoint: Option<&Broker>,
    ) -> bool {
        false
    }

    /// The finalized level of a feature of the cluster (KIP-584), such as `transaction.version`.
    #[must_use]
    pub fn finalized_feature(&self, _name: &str) -> Option<i16> {
        None
    }

    /// What is wrong with each address, the latest first.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        Vec::new()
    }

    /// Closes every connection.
    pub fn close(&mut self) {}
}
