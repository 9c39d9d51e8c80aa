//! How connections come and go.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::mem::replace;
use core::net::{IpAddr, SocketAddr};

use super::Cluster;
use crate::connection::{Connection, InFlight, Purpose};
use crate::node::{Addresses, Node, State, Timer};
use crate::session::Stage;
use crate::trouble::TroubleKind;
use crate::{
    AuthenticationError, ClusterEvent, ConnectError, ConnectErrorKind, ConnectionId, LookupError,
    LookupId, LostError, NetworkOutput, NodeId, RequestError, Time,
};

impl Cluster {
    /// Begins to connect to a node that is disconnected.
    pub(super) fn start(&mut self, now: Time, id: NodeId) {
        let lookup = LookupId(self.next_id());
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.is_wanted = false;
        node.last_attempt = Some(now);
        if let Some(ip) = node.address.ip() {
            let addresses = [SocketAddr::new(ip, node.address.port())].into();
            self.connect_next(now, id, addresses);
            return;
        }
        let timeout = self.setup_timeout.after(node.setup_failures, &mut self.random);
        node.state = State::Resolving { lookup, timer: Timer { since: now, timeout } };
        self.lookups.insert(lookup, id);
        let host = node.address.host().to_owned();
        self.outputs.push_back(NetworkOutput::Resolve { lookup, host });
    }

    pub(super) fn resolved(
        &mut self,
        now: Time,
        lookup: LookupId,
        result: Result<Vec<IpAddr>, LookupError>,
    ) {
        let Some(id) = self.lookups.remove(&lookup) else { return };
        let Some(node) = self.nodes.get(&id) else { return };
        let port = node.address.port();
        let result = result.and_then(|ips| {
            let none = || LookupError { detail: "the resolver found none".to_owned() };
            if ips.is_empty() { Err(none()) } else { Ok(ips) }
        });
        match result {
            Ok(ips) => {
                let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
                self.connect_next(now, id, addresses);
            }
            Err(error) => self.attempt_failed(now, id, TroubleKind::Lookup(error)),
        }
    }

    /// Tries the first of these addresses, of which there is one.
    fn connect_next(&mut self, now: Time, id: NodeId, mut rest: Addresses) {
        let connection = ConnectionId(self.next_id());
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(address) = rest.pop_front() else { return };
        let timeout = self.setup_timeout.after(node.setup_failures, &mut self.random);
        let timer = Timer { since: now, timeout };
        node.state = State::Connecting {
            connection: Connection::new(connection, now),
            address,
            rest,
            timer,
        };
        self.connections.insert(connection, id);
        let host = node.address.host().to_owned();
        self.outputs.push_back(NetworkOutput::Connect { connection, node: id, address, host });
    }

    pub(super) fn connected(&mut self, now: Time, connection: ConnectionId) {
        let Some(&id) = self.connections.get(&connection) else { return };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let State::Connecting { .. } = node.state else { return };
        if let State::Connecting { connection, rest, .. } =
            replace(&mut node.state, State::Disconnected)
        {
            node.setup_failures = 0;
            node.state = State::Negotiating { connection, since: now, rest };
            self.negotiate(now, id, None);
        }
    }

    pub(super) fn connect_failed(
        &mut self,
        now: Time,
        connection: ConnectionId,
        error: ConnectError,
    ) {
        let Some(&id) = self.connections.get(&connection) else { return };
        let kind = match self.nodes.get(&id).map(|node| &node.state) {
            Some(State::Connecting { .. }) if error.kind == ConnectErrorKind::TlsRefused => {
                let ConnectError { detail, .. } = error;
                TroubleKind::Authentication(AuthenticationError::Tls { detail })
            }
            Some(State::Connecting { address, .. }) => {
                TroubleKind::Connect { address: *address, error }
            }
            _ => TroubleKind::Lost(LostError::Broken { detail: error.detail }),
        };
        self.end_connection(id, true, None);
        self.attempt_failed(now, id, kind);
    }

    pub(super) fn lost(&mut self, now: Time, connection: ConnectionId, error: LostError) {
        let Some(&id) = self.connections.get(&connection) else { return };
        let is_anonymous = self.config.sasl_mechanism.is_none();
        let kind = match self.nodes.get(&id).map(|node| &node.state) {
            Some(State::Ready { connection, .. }) if is_anonymous && connection.is_unserved() => {
                TroubleKind::LostUnserved(error)
            }
            Some(State::Ready { .. }) => TroubleKind::Lost(error),
            Some(State::Authenticating { .. }) => TroubleKind::LostInAuthentication(error),
            // Nothing but the handshake's end has come: Java, too, takes a reason that comes later for the network's.
            Some(State::Negotiating { .. }) => match error {
                LostError::TlsRefused { detail } => {
                    TroubleKind::Authentication(AuthenticationError::Tls { detail })
                }
                error => TroubleKind::LostEarly(error),
            },
            _ => TroubleKind::LostEarly(error),
        };
        self.end_connection(id, true, None);
        self.attempt_failed(now, id, kind);
    }

    pub(super) fn written(&mut self, now: Time, connection: ConnectionId, frames: u64) {
        let Some(&id) = self.connections.get(&connection) else { return };
        let Some(connection) = self.nodes.get_mut(&id).and_then(Node::connection_mut) else {
            return;
        };
        connection.set_written(frames, now);
        while let Some(InFlight { purpose: Purpose::Above(request), .. }) = connection.pop_written()
        {
            self.events.push_back(ClusterEvent::Written { request, node: id });
        }
    }

    /// Closes a node's connection, whatever its state, because of this trouble.
    pub(super) fn disconnect(&mut self, now: Time, id: NodeId, kind: TroubleKind) {
        self.end_connection(id, false, None);
        self.attempt_failed(now, id, kind);
    }

    /// What is due with the nodes.
    pub(super) fn expire(&mut self, now: Time) {
        let max_idle = self.config.connections_max_idle;
        let is_due = |node: &&Node| node.deadline(max_idle).is_some_and(|deadline| deadline <= now);
        let due: Vec<NodeId> = self.nodes.values().filter(is_due).map(|node| node.id).collect();
        for id in due {
            self.expire_node(now, id);
        }
    }

    fn expire_node(&mut self, now: Time, id: NodeId) {
        let max_idle = self.config.connections_max_idle;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.throttled_until.is_some_and(|until| until <= now) {
            node.throttled_until = None;
        }
        if node.deadline(max_idle).is_none_or(|deadline| deadline > now)
            || self.renew_session(now, id)
        {
            return;
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        match &node.state {
            State::Disconnected => {}
            State::Resolving { timer, .. } => {
                let timeout = timer.timeout;
                node.setup_failures = node.setup_failures.saturating_add(1);
                self.attempt_failed(now, id, TroubleKind::LookupTimedOut { timeout });
            }
            State::Connecting { address, timer, .. } => {
                let (address, timeout) = (*address, timer.timeout);
                node.setup_failures = node.setup_failures.saturating_add(1);
                self.disconnect(now, id, TroubleKind::ConnectTimedOut { address, timeout });
            }
            State::Negotiating { .. } => {
                let timeout = self.config.request_timeout;
                self.disconnect(now, id, TroubleKind::Silent { timeout });
            }
            State::Authenticating { exchange, timer, .. } => {
                let timeout = timer.timeout;
                let kind = match exchange.stage {
                    Stage::Credentials => match exchange.delayed_by() {
                        Some(error) => TroubleKind::Credentials(error.clone()),
                        None => TroubleKind::CredentialsTimedOut { timeout },
                    },
                    _ => TroubleKind::AuthenticationTimedOut { timeout },
                };
                self.disconnect(now, id, kind);
            }
            State::Ready { connection, .. } => match connection.timed_out(now).copied() {
                Some(late) => {
                    let InFlight { api_key, timeout, .. } = late;
                    self.end_connection(id, false, Some(late));
                    let kind = TroubleKind::RequestTimedOut { api_key, timeout };
                    self.attempt_failed(now, id, kind);
                }
                None => self.close_quietly(id),
            },
            State::BackingOff { .. } => {
                node.state = State::Disconnected;
                if node.is_wanted {
                    self.start(now, id);
                }
            }
        }
    }

    /// An attempt to connect failed, or a connection was lost: on to the next address if there was no connection yet, else back off.
    pub(super) fn attempt_failed(&mut self, now: Time, id: NodeId, kind: TroubleKind) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let failed = match &kind {
            TroubleKind::Authentication(error) => Some(error.clone()),
            _ => None,
        };
        // Who refuses the credentials can be reached. Who has another's certificate may be another, at an address that was the broker's.
        let is_broker = matches!(&failed, Some(error) if !error.is_tls());
        node.is_unreachable = !node.is_up() && !is_broker;
        let state = replace(&mut node.state, State::Disconnected);
        // A look-up is no connection.
        self.connections_failed += u64::from(!matches!(state, State::Resolving { .. }));
        if let TroubleKind::Connect { .. } = kind {
            node.setup_failures = node.setup_failures.saturating_add(1);
        }
        node.set_trouble(now, kind);
        if let State::Resolving { lookup, .. } = &state {
            self.lookups.remove(lookup);
        }
        if let State::Connecting { rest, .. }
        | State::Negotiating { rest, .. }
        | State::Authenticating { rest, .. } = state
        {
            // The other addresses are the same broker's, who is as little pleased there.
            if !rest.is_empty() && node.is_current && failed.is_none() {
                self.connect_next(now, id, rest);
                return;
            }
        }
        let backoff =
            if failed.is_some() { &self.authentication_backoff } else { &self.reconnect_backoff };
        let pause = backoff.after(node.failures, &mut self.random);
        node.failures = node.failures.saturating_add(1);
        self.attempts_failed += 1;
        node.state = State::BackingOff { until: now + pause };
        node.throttled_until = None;
        self.refresh_after_loss(now);
        if let Some(error) = failed {
            self.tell_of_failed_authentication(id, error);
        }
        self.events.push_back(ClusterEvent::NodeLost(id));
    }

    /// Closes a connection that nobody misses.
    pub(super) fn close_quietly(&mut self, id: NodeId) {
        self.end_connection(id, false, None);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.state = State::Disconnected;
            node.throttled_until = None;
            self.events.push_back(ClusterEvent::NodeLost(id));
        }
    }

    /// Gives up what is being made, without a trace.
    pub(super) fn abandon_attempt(&mut self, id: NodeId) {
        self.end_connection(id, false, None);
        if let Some(node) = self.nodes.get_mut(&id) {
            if let State::Resolving { lookup, .. } = &node.state {
                self.lookups.remove(lookup);
            }
            node.state = State::Disconnected;
        }
    }

    /// Closes all connections for good.
    pub(super) fn close_connections(&mut self) {
        let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
        for id in ids {
            self.end_connection(id, false, None);
        }
    }

    /// Closes retired nodes' connections when they have drained, and forgets those nodes. A bootstrap server's stays until a broker's
    /// is ready: it still serves.
    pub(super) fn release_retired(&mut self) {
        let has_ready =
            || self.nodes.values().any(|node| node.is_current && node.ready().is_some());
        let is_done = |node: &&Node| {
            !node.is_current
                && node.ready().is_some_and(|(connection, _)| connection.is_idle())
                && (!node.id.is_bootstrap() || has_ready())
        };
        let done: Vec<NodeId> = self.nodes.values().filter(is_done).map(|node| node.id).collect();
        for id in done {
            self.close_quietly(id);
            self.nodes.remove(&id);
        }
    }

    /// Forgets the connection and fails what is in flight on it. `is_lost`: the driver said that it is over. `late`: the request that timed out.
    /// The node's state keeps an empty connection; the caller sets the next one.
    fn end_connection(&mut self, id: NodeId, is_lost: bool, late: Option<InFlight>) {
        let Some(connection) = self.nodes.get_mut(&id).and_then(Node::connection_mut) else {
            return;
        };
        let ended = replace(connection, Connection::new(connection.id, Time::ZERO));
        let connection = ended.id;
        if self.connections.remove(&connection).is_none() {
            return;
        }
        let mut was_begun = true;
        self.outputs.retain(|output| match output {
            NetworkOutput::Transmit { connection: of, .. } => *of != connection,
            NetworkOutput::Authenticate { connection: of, .. }
            | NetworkOutput::Ready { connection: of } => *of != connection,
            NetworkOutput::Connect { connection: of, .. } => {
                was_begun &= *of != connection;
                *of != connection
            }
            NetworkOutput::Resolve { .. } | NetworkOutput::Disconnect { .. } => true,
        });
        if !is_lost && was_begun {
            self.outputs.push_back(NetworkOutput::Disconnect { connection });
        }
        let is_closed = self.is_closed;
        for (request, maybe_processed) in ended.end(is_lost) {
            match request.purpose {
                Purpose::Above(of) => {
                    let error = if is_closed {
                        RequestError::Closed
                    } else if late == Some(request) {
                        RequestError::TimedOut
                    } else {
                        RequestError::Disconnected
                    };
                    let event =
                        ClusterEvent::Failed { request: of, node: id, error, maybe_processed };
                    self.events.push_back(event);
                }
                Purpose::Metadata => self.refresh.lose(),
                Purpose::Negotiation | Purpose::Authentication => {}
            }
        }
    }
}
