//! [`Cluster`].
//!
//! Four kinds of methods: `handle` takes in what happened; commands come from the layer above; `poll_*` and `next_deadline` say what to do; the rest
//! only look. The parts: `life` makes and ends connections, `answers` reads what brokers say, `authenticating` says who
//! the client is, `refreshing` asks for metadata.

mod answers;
mod authenticating;
mod choice;
mod life;
mod refreshing;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::{ApiKey, ByteStr, DecodeError, Request, VersionRange, encode_request};

use crate::backoff::{Backoff, Random};
use crate::connection::{Call, Purpose};
use crate::node::{Node, State, earliest};
use crate::refresh::Refresh;
use crate::trouble::TroubleKind;
use crate::versions::{Features, client_throttles};
use crate::{
    Broker, ClusterConfig, ClusterEvent, ConnectionId, LookupId, Metadata, NetworkInput,
    NetworkOutput, NodeId, NodeState, RequestId, SendError, SendOptions, Time, Trouble,
};

/// The longest name that a topic can have, in bytes.
const MAX_TOPIC_NAME: usize = 249;

/// The pause after a failed authentication grows to so many times `reconnect.backoff.max.ms`, where it begins: 1 to 16 s by default. Brokers' logs and
/// the accounts that lock themselves are to be spared.
const AUTHENTICATION_BACKOFF_GROWTH: u32 = 16;

/// A client's view of a Kafka cluster, without I/O: which brokers there are, the connections to them, and who leads what.
///
/// The contract: call whatever there is to call, then [`poll_transmit`](Self::poll_transmit) and [`poll_event`](Self::poll_event) until both answer
/// `None`, then sleep until [`next_deadline`](Self::next_deadline) or the next input. Time never goes back. Equal configurations,
/// times and inputs give equal outputs.
#[derive(Debug)]
pub struct Cluster {
    config: ClusterConfig,
    random: Random,
    reconnect_backoff: Backoff,
    setup_timeout: Backoff,
    /// After a failed authentication.
    authentication_backoff: Backoff,
    /// Between attempts to get new credentials for a session.
    credentials_backoff: Backoff,
    nodes: BTreeMap<NodeId, Node>,
    connections: BTreeMap<ConnectionId, NodeId>,
    lookups: BTreeMap<LookupId, NodeId>,
    metadata: Metadata,
    refresh: Refresh,
    /// Metadata is due, but when that was looked at, no node could be asked: something else has to happen first, which has its own deadline.
    refresh_blocked_at: Option<Time>,
    features: Features,
    outputs: VecDeque<NetworkOutput>,
    events: VecDeque<ClusterEvent>,
    /// Which of several equal nodes is preferred.
    preference: u64,
    last_id: u64,
    connections_failed: u64,
    attempts_failed: u64,
    connections_ready: u64,
    sessions_renewed: u64,
    is_closed: bool,
}

impl Cluster {
    /// The longest pause that a broker's `throttle_time_ms` is believed. Quotas ask for seconds, and `int32` milliseconds are weeks: one wrong answer is not
    /// to silence a client for so long. A broker that means more holds the requests back itself, as it does in any case.
    pub const MAX_THROTTLE: Duration = Duration::from_secs(600);

    /// A cluster to be found through the bootstrap servers, in an order that the seed decides. Asks for metadata at once.
    #[must_use]
    pub fn new(config: ClusterConfig, now: Time) -> Self {
        let config = with_least_durations(config);
        let mut random = Random::new(config.seed);
        let mut cluster = Self {
            reconnect_backoff: Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max),
            setup_timeout: Backoff::new(
                config.socket_connection_setup_timeout,
                config.socket_connection_setup_timeout_max,
            ),
            authentication_backoff: Backoff::new(
                config.reconnect_backoff_max,
                config.reconnect_backoff_max.saturating_mul(AUTHENTICATION_BACKOFF_GROWTH),
            ),
            credentials_backoff: Backoff::new(config.retry_backoff, config.retry_backoff_max),
            nodes: BTreeMap::new(),
            connections: BTreeMap::new(),
            lookups: BTreeMap::new(),
            metadata: Metadata::default(),
            refresh: Refresh::new(&config, now),
            refresh_blocked_at: None,
            features: Features::new(),
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            preference: random.next_u64(),
            last_id: 0,
            connections_failed: 0,
            attempts_failed: 0,
            connections_ready: 0,
            sessions_renewed: 0,
            is_closed: false,
            random,
            config,
        };
        cluster.add_bootstrap_servers();
        cluster.drive_refresh(now);
        cluster
    }

    // What happened.

    /// Takes in what happened on the network.
    pub fn handle(&mut self, now: Time, input: NetworkInput) {
        match input {
            NetworkInput::Resolved { lookup, result } => self.resolved(now, lookup, result),
            NetworkInput::Connected { connection } => self.connected(now, connection),
            NetworkInput::ConnectFailed { connection, error } => {
                self.connect_failed(now, connection, error);
            }
            NetworkInput::Credentials { connection, result } => {
                self.credentials(now, connection, result);
            }
            NetworkInput::Received { connection, frame } => self.received(now, connection, frame),
            NetworkInput::Written { connection, frames } => self.written(now, connection, frames),
            NetworkInput::Lost { connection, error } => self.lost(now, connection, error),
        }
        self.drive(now);
    }

    // What to do.

    /// What to do on the network next; runs what is due. To be called until it answers `None`.
    pub fn poll_transmit(&mut self, now: Time) -> Option<NetworkOutput> {
        if self.outputs.is_empty() && self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.drive(now);
        }
        let output = self.outputs.pop_front()?;
        if let NetworkOutput::Transmit { connection, .. } = &output {
            if let Some(connection) = self.connection_mut(*connection) {
                connection.take();
            }
        }
        Some(output)
    }

    /// What happened, in order. To be called until it answers `None`.
    pub fn poll_event(&mut self) -> Option<ClusterEvent> {
        self.events.pop_front()
    }

    /// When to call [`poll_transmit`](Self::poll_transmit) again, if nothing happens before. Once that has been drained, always later than
    /// the time it was called with.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let max_idle = self.config.connections_max_idle;
        let nodes = self.nodes.values().filter_map(|node| node.deadline(max_idle)).min();
        let refresh = match self.refresh_blocked_at {
            Some(blocked_at) => self.unblocked_at(blocked_at),
            None => self.refresh.due(),
        };
        earliest(nodes, refresh.filter(|_| !self.nodes.is_empty()))
    }

    // Commands.

    /// Asks for a topic's metadata, and keeps it fresh until `metadata.max.idle.ms` after the last call. After that the topic is
    /// forgotten, unless it is wanted again.
    ///
    /// An empty name, or one of more than 249 bytes, no broker accepts: the topic gets INVALID_TOPIC_EXCEPTION without being asked for.
    pub fn want_topic(&mut self, now: Time, topic: &ByteStr) {
        if topic.is_empty() || topic.len() > MAX_TOPIC_NAME {
            if self.metadata.topic(topic).is_none() {
                self.metadata.refuse_name(topic);
                self.events.push_back(ClusterEvent::MetadataUpdated);
            }
            return;
        }
        self.refresh.wake();
        self.refresh.want(now, topic);
        self.drive_refresh(now);
    }

    /// Whether the topic is wanted and no answer has been about it yet: it is asked for without [`request_update`](Self::request_update), which would ask for
    /// all other topics with it.
    #[must_use]
    pub fn is_new_topic(&self, topic: &ByteStr) -> bool {
        self.refresh.is_new(topic)
    }

    /// Asks for fresh metadata soon: something showed that it is stale. `retry.backoff.ms` apart at the least; longer if the answers bring nothing
    /// new.
    pub fn request_update(&mut self, now: Time) {
        self.refresh.wake();
        self.refresh.request();
        self.drive_refresh(now);
    }

    /// Makes sure that a node has a connection, is getting one, or will try to once it has backed off. To be called again after
    /// [`NodeLost`](ClusterEvent::NodeLost), if the connection is still wanted.
    pub fn ensure_connected(&mut self, now: Time, node: NodeId) -> NodeState {
        let Some(found) = self.nodes.get_mut(&node) else { return NodeState::Unknown };
        match &found.state {
            State::Ready { .. } => NodeState::Ready,
            State::Authenticating { .. } => NodeState::Connecting,
            _ if !found.is_current => NodeState::Unknown,
            State::BackingOff { until } => {
                found.is_wanted = true;
                NodeState::BackingOff { until: *until }
            }
            State::Disconnected => {
                self.start(now, node);
                NodeState::Connecting
            }
            _ => NodeState::Connecting,
        }
    }

    /// Sends a request: [`poll_transmit`](Self::poll_transmit) has its frame next. Takes what [`can_send`](Self::can_send) allows, in a
    /// version that [`api_version`](Self::api_version) gave.
    ///
    /// # Errors
    ///
    /// [`SendError`]; then nothing is sent and nothing more is heard of the request.
    pub fn send<R: Request>(
        &mut self,
        now: Time,
        node: NodeId,
        request: &R,
        version: i16,
        options: SendOptions,
    ) -> Result<RequestId, SendError> {
        let found = self.nodes.get(&node).ok_or(SendError::NotReady)?;
        let (connection, versions) = found.ready().ok_or(SendError::NotReady)?;
        if let Some(until) = found.throttled_until.filter(|&until| until > now) {
            return Err(SendError::Throttled { until });
        }
        if !found.takes_requests(now) {
            return Err(SendError::NotReady);
        }
        if connection.in_flight_above() >= self.config.max_in_flight {
            return Err(SendError::Full);
        }
        let api_key = R::API_KEY;
        let theirs = versions.of(api_key);
        if !theirs.is_some_and(|theirs| theirs.contains(version)) {
            return Err(SendError::Unsupported { api_key, version, theirs });
        }
        let id = RequestId(self.next_id());
        let SendOptions { expects_answer, timeout } = options;
        let purpose = Purpose::Above(id);
        self.transmit(
            now,
            node,
            request,
            Call { purpose, api_key, version, expects_answer, timeout },
        )
        .map(|()| id)
    }

    /// A node's answer asks this client to pause (`throttle_time_ms`): nothing more is sent to the node until then, and the requests that are in
    /// flight on it get that much more time (KIP-219). Takes the API and the version of the answer, because with older versions the broker
    /// itself waits. A pause of more than [`MAX_THROTTLE`](Self::MAX_THROTTLE) counts as one of that length.
    pub fn throttle(
        &mut self,
        now: Time,
        node: NodeId,
        api_key: ApiKey,
        version: i16,
        throttle_time_ms: i32,
    ) {
        let millis = u64::try_from(throttle_time_ms).unwrap_or(0);
        if millis == 0 || !client_throttles(api_key, version) {
            return;
        }
        let pause = Duration::from_millis(millis).min(Self::MAX_THROTTLE);
        let Some(found) = self.nodes.get_mut(&node) else { return };
        if let Some(connection) = found.connection_mut() {
            connection.extend_deadlines(pause);
        }
        found.throttled_until = found.throttled_until.max(Some(now + pause));
    }

    /// An answer could not be read: the broker and this client do not understand each other. Closes the connection, whose other requests
    /// fail.
    pub fn reject(&mut self, now: Time, connection: ConnectionId, error: DecodeError) {
        if let Some(&node) = self.connections.get(&connection) {
            self.disconnect(now, node, TroubleKind::Unreadable(error));
            self.drive(now);
        }
    }

    /// A broker named a partition's leader in its answer to something else (KIP-951). Taken over if its epoch is newer than what is known,
    /// and its address is known or given in `endpoint`; fresh metadata is asked for in any case. Answers whether it was taken over.
    pub fn apply_hint(
        &mut self,
        now: Time,
        topic: &str,
        partition: i32,
        leader: NodeId,
        leader_epoch: i32,
        endpoint: Option<&Broker>,
    ) -> bool {
        // While bootstrapping, an answer that was still on its way speaks of brokers that are given up.
        let is_news = !self.is_closed
            && !self.is_bootstrapping()
            && self.metadata.apply_hint(topic, partition, leader, leader_epoch, endpoint);
        if is_news {
            self.sync_nodes(now);
            self.events.push_back(ClusterEvent::MetadataUpdated);
        }
        self.request_update(now);
        is_news
    }

    /// Closes every connection. Requests in flight fail with [`Closed`](crate::RequestError::Closed); nothing more happens after that.
    pub fn close(&mut self) {
        self.is_closed = true;
        self.close_connections();
        self.nodes.clear();
        self.lookups.clear();
        self.outputs.retain(|output| !matches!(output, NetworkOutput::Resolve { .. }));
    }

    // Views.

    /// What is known of the cluster and of the topics that are wanted.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Whether the node takes a request now: its connection is ready, fewer than `max.in.flight.requests.per.connection` requests are in
    /// flight, its session is not about to be renewed, and it does not throttle this client.
    #[must_use]
    pub fn can_send(&self, node: NodeId, now: Time) -> bool {
        let Some(found) = self.nodes.get(&node).filter(|node| node.takes_requests(now)) else {
            return false;
        };
        let in_flight = found.connection().map(crate::connection::Connection::in_flight_above);
        in_flight.is_some_and(|in_flight| in_flight < self.config.max_in_flight)
    }

    /// How many requests of the layer above are in flight to a node.
    #[must_use]
    pub fn in_flight(&self, node: NodeId) -> usize {
        let connection = self.nodes.get(&node).and_then(Node::connection);
        connection.map_or(0, crate::connection::Connection::in_flight_above)
    }

    /// The newest version of an API that both the node and `ours` have; `None` if there is none, or the node is not ready.
    #[must_use]
    pub fn api_version(&self, node: NodeId, api_key: ApiKey, ours: VersionRange) -> Option<i16> {
        self.nodes.get(&node)?.ready()?.1.newest(api_key, ours)
    }

    /// The versions of an API that a node speaks; `None` if it lacks the API, or is not ready.
    #[must_use]
    pub fn api_versions(&self, node: NodeId, api_key: ApiKey) -> Option<VersionRange> {
        self.nodes.get(&node)?.ready()?.1.of(api_key)
    }

    /// The level of a feature that the cluster has finalized (KIP-584), such as `transaction.version`.
    #[must_use]
    pub fn finalized_feature(&self, name: &str) -> Option<i16> {
        self.features.level(name)
    }

    /// Attempts to connect that failed or took too long, and connections that were lost, or given up because a broker did not answer or answered
    /// nonsense. Those that were closed for being idle or of no use do not count.
    #[must_use]
    pub const fn connections_failed(&self) -> u64 {
        self.connections_failed
    }

    /// How often a connection's session was renewed (KIP-368).
    #[must_use]
    pub const fn sessions_renewed(&self) -> u64 {
        self.sessions_renewed
    }

    /// Whether the node's connection takes no requests because its session is about to be renewed, or is (KIP-368).
    #[must_use]
    pub fn is_renewing(&self, node: NodeId, now: Time) -> bool {
        let renews = |node: &Node| node.is_up() && node.waited_for_since(now).is_some();
        self.nodes.get(&node).is_some_and(renews)
    }

    /// Whether metadata names the node, or it is a bootstrap server while nothing else is known: whether a connection to it can be had at all.
    #[must_use]
    pub fn is_current(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_current)
    }

    /// How many attempts to reach a node, by all of its addresses, failed so far, or connections that were up ended in trouble.
    #[must_use]
    pub const fn attempts_failed(&self) -> u64 {
        self.attempts_failed
    }

    /// How many connections became ready so far.
    #[must_use]
    pub const fn connections_ready(&self) -> u64 {
        self.connections_ready
    }

    /// Whether no connection is up, and every node there is was tried in vain: a whole round of all addresses failed.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let is_in_vain = |node: &Node| node.is_unreachable && node.failures > 0;
        let mut current = self.nodes.values().filter(|node| node.is_current);
        !self.nodes.values().any(Node::is_up) && current.all(is_in_vain)
    }

    /// While no connection is up, what is wrong with each address, or waited for there, in the order of the bootstrap servers or of the nodes' numbers; else nothing.
    #[must_use]
    pub fn unreached(&self) -> Vec<Trouble> {
        if self.nodes.values().any(Node::is_up) {
            return Vec::new();
        }
        let current = self.nodes.values().filter(|node| node.is_current);
        let mut troubles: Vec<Trouble> = current.filter_map(Node::trouble).collect();
        // Bootstrap servers are numbered downwards.
        troubles.sort_by_key(|trouble| trouble.node.0.unsigned_abs());
        troubles
    }

    /// What is wrong with each address, the latest first; behind that, what is being waited for.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles: Vec<Trouble> = self.nodes.values().filter_map(Node::trouble).collect();
        troubles.sort_by_key(|trouble| (trouble.kind.is_pending(), core::cmp::Reverse(trouble.at)));
        troubles
    }

    // Helpers of all parts.

    /// Runs what is due.
    fn drive(&mut self, now: Time) {
        self.expire(now);
        self.release_retired();
        self.drive_refresh(now);
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut crate::connection::Connection> {
        let node = self.connections.get(&id)?;
        self.nodes.get_mut(node)?.connection_mut()
    }

    /// Encodes a request and queues its frame.
    fn transmit<R: Request>(
        &mut self,
        now: Time,
        node: NodeId,
        request: &R,
        call: Call,
    ) -> Result<(), SendError> {
        let connection = self.nodes.get_mut(&node).and_then(Node::connection_mut);
        let connection = connection.ok_or(SendError::NotReady)?;
        let correlation_id = connection.next_correlation_id();
        let client_id = Some(self.config.client_id.as_str());
        let frame = encode_request(correlation_id, client_id, request, call.version)
            .map_err(SendError::Encode)?;
        connection.push(call, now);
        self.outputs.push_back(NetworkOutput::Transmit { connection: connection.id, frame });
        Ok(())
    }

    /// The same for what holds a secret: the frame's memory is wiped when it goes, and no copy stays behind.
    fn transmit_secret<R: Request>(
        &mut self,
        now: Time,
        node: NodeId,
        request: &R,
        call: Call,
    ) -> Result<(), SendError> {
        self.transmit(now, node, request, call)?;
        if let Some(NetworkOutput::Transmit { frame, .. }) = self.outputs.back_mut() {
            crate::secret::guard(frame);
        }
        Ok(())
    }

    /// When the bootstrap servers will be asked again if no metadata comes before.
    fn rebootstrap_at(&self) -> Option<Time> {
        let overdue_since = self.refresh.overdue_since()?;
        let trigger = self.config.metadata_recovery_rebootstrap_trigger;
        self.may_rebootstrap().then(|| overdue_since + trigger)
    }
}

/// The least that a pause or a time-out is: without it a zero could make a loop that never waits.
fn with_least_durations(mut config: ClusterConfig) -> ClusterConfig {
    for duration in [
        &mut config.request_timeout,
        &mut config.retry_backoff,
        &mut config.retry_backoff_max,
        &mut config.reconnect_backoff,
        &mut config.reconnect_backoff_max,
        &mut config.socket_connection_setup_timeout,
        &mut config.socket_connection_setup_timeout_max,
        &mut config.metadata_recovery_rebootstrap_trigger,
    ] {
        *duration = (*duration).max(Duration::from_millis(2));
    }
    let least_idle = |idle: Duration| idle.max(Duration::from_millis(2));
    config.connections_max_idle = config.connections_max_idle.map(least_idle);
    config
}
