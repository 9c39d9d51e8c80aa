//! [`Node`]: one broker, or one bootstrap server, and the state of its connection.

use alloc::collections::VecDeque;
use core::net::SocketAddr;
use core::time::Duration;

use crate::connection::Connection;
use crate::session::{Duty, Exchange, Session, Stage};
use crate::trouble::{Trouble, TroubleKind};
use crate::versions::Versions;
use crate::{HostPort, LookupId, NodeId, Time};

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) address: HostPort,
    /// Metadata names it, or the bootstrap servers are all that is known. Else it is kept only until its connection has drained.
    pub(crate) is_current: bool,
    pub(crate) state: State,
    /// Somebody wants a connection: makes one once it has backed off.
    pub(crate) is_wanted: bool,
    /// The last attempt to connect failed.
    pub(crate) is_unreachable: bool,
    /// Failures since a connection was last ready, for the back-off.
    pub(crate) failures: u32,
    /// Connections in a row that could not be made, for the time-out.
    pub(crate) setup_failures: u32,
    /// It asked for a pause until then (KIP-219).
    pub(crate) throttled_until: Option<Time>,
    /// When a connection was last tried.
    pub(crate) last_attempt: Option<Time>,
    trouble: Option<(Time, TroubleKind)>,
}

/// The life of a node's connection.
///
/// ```text
///                 wanted            addresses            connected               versions
///  Disconnected ──────────► Resolving ──────► Connecting ─────────► Negotiating ─────────► Ready
///    ▲      ▲                   │              ▲      │ failed,          │ failed,          │  │
///    │      │            failed │              └──────┤ next address     │ next address     │  │ idle
///    │      └───────────┐       ▼                     ▼ none left        ▼ none left        │  │
///    │       time comes └── BackingOff ◄──────────────┴──────────────────┴────── lost ──────┘  │
///    └─────────────────────────────────────────────────────────────────────────────────────────┘
///
///  with SASL:  Negotiating ── versions ──► Authenticating ── complete ──► Ready
///                                              ▲                            │
///                                              └─── drained, renewing ──────┘
/// ```
///
/// What happens within `Authenticating`, and when a session is renewed, is told in [`session`](crate::session).
///
/// Every state but `Disconnected` ends by itself at a deadline. An IP address needs no resolving. Each new round resolves again: a lost
/// connection may mean that the host has moved.
#[derive(Debug)]
pub(crate) enum State {
    Disconnected,
    Resolving {
        lookup: LookupId,
        timer: Timer,
    },
    Connecting {
        connection: Connection,
        address: SocketAddr,
        rest: Addresses,
        timer: Timer,
    },
    Negotiating {
        connection: Connection,
        since: Time,
        rest: Addresses,
    },
    Authenticating {
        connection: Connection,
        versions: Versions,
        exchange: Exchange,
        timer: Timer,
        rest: Addresses,
        /// Since when the connection has not been used, if it was ready before: this renews its session.
        renews: Option<Time>,
    },
    Ready {
        connection: Connection,
        versions: Versions,
        session: Option<Session>,
    },
    BackingOff {
        until: Time,
    },
}

/// Addresses that are still to be tried.
pub(crate) type Addresses = VecDeque<SocketAddr>;

/// A state's time-out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    pub(crate) since: Time,
    pub(crate) timeout: Duration,
}

impl Timer {
    pub(crate) fn deadline(self) -> Time {
        self.since + self.timeout
    }
}

impl Node {
    pub(crate) const fn new(id: NodeId, address: HostPort) -> Self {
        Self {
            id,
            address,
            is_current: true,
            state: State::Disconnected,
            is_wanted: false,
            is_unreachable: false,
            failures: 0,
            setup_failures: 0,
            throttled_until: None,
            last_attempt: None,
            trouble: None,
        }
    }

    /// The connection, if there is one, or one is being made.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Connecting { connection, .. }
            | State::Negotiating { connection, .. }
            | State::Authenticating { connection, .. }
            | State::Ready { connection, .. } => Some(connection),
            State::Disconnected | State::Resolving { .. } | State::BackingOff { .. } => None,
        }
    }

    /// The same, to change it.
    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Connecting { connection, .. }
            | State::Negotiating { connection, .. }
            | State::Authenticating { connection, .. }
            | State::Ready { connection, .. } => Some(connection),
            State::Disconnected | State::Resolving { .. } | State::BackingOff { .. } => None,
        }
    }

    /// The connection and what the node speaks, once both are there.
    pub(crate) const fn ready(&self) -> Option<(&Connection, &Versions)> {
        match &self.state {
            State::Ready { connection, versions, .. } => Some((connection, versions)),
            _ => None,
        }
    }

    /// Whether the connection is ready, or renews its session, after which it will be.
    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.state, State::Ready { .. } | State::Authenticating { renews: Some(_), .. })
    }

    /// Whether the connection is ready and takes requests, which it does not while its session is to be renewed, or the node is throttled.
    pub(crate) fn takes_requests(&self, now: Time) -> bool {
        let State::Ready { session, .. } = &self.state else { return false };
        session.as_ref().is_none_or(|session| session.held_since(now).is_none())
            && self.throttled_until.is_none_or(|until| until <= now)
    }

    /// Since when the session is being renewed, if it is.
    pub(crate) fn renewing_since(&self) -> Option<Time> {
        match &self.state {
            State::Authenticating { renews: Some(_), timer, .. } => Some(timer.since),
            _ => None,
        }
    }

    /// Whether a connection is on its way.
    pub(crate) const fn is_connecting(&self) -> bool {
        matches!(
            self.state,
            State::Resolving { .. }
                | State::Connecting { .. }
                | State::Negotiating { .. }
                | State::Authenticating { .. }
        )
    }

    /// Whether it has neither failed nor refused anything since it is known, or since its connection was last ready.
    pub(crate) const fn may_still_answer(&self) -> bool {
        self.is_current && self.trouble.is_none()
    }

    /// Since when it is waited for, if a connection is on its way, or takes nothing until its session is renewed.
    pub(crate) fn waited_for_since(&self, now: Time) -> Option<Time> {
        match &self.state {
            State::Ready { session: Some(session), .. } => session.held_since(now),
            State::Authenticating { renews: Some(_), timer, .. } => Some(timer.since),
            _ if self.is_connecting() => self.last_attempt,
            _ => None,
        }
    }

    /// When something happens by itself.
    pub(crate) fn deadline(&self, max_idle: Option<Duration>) -> Option<Time> {
        let deadline = match &self.state {
            State::Disconnected => None,
            State::Resolving { timer, .. }
            | State::Connecting { timer, .. }
            | State::Authenticating { timer, .. } => Some(timer.deadline()),
            State::Negotiating { connection, .. } => connection.deadline(None),
            State::Ready { connection, session, .. } => {
                earliest(connection.deadline(max_idle), self.session_deadline(connection, session))
            }
            State::BackingOff { until } => Some(*until),
        };
        earliest(deadline, self.throttled_until)
    }

    /// When something is to be done about the session. A throttled node's renewal waits: the broker would not read it.
    fn session_deadline(&self, connection: &Connection, session: &Option<Session>) -> Option<Time> {
        let deadline = session.as_ref()?.deadline(connection.is_idle())?;
        Some(self.throttled_until.map_or(deadline, |until| until.max(deadline)))
    }

    /// What is to be done about the session now.
    pub(crate) fn duty(&self, now: Time) -> Option<Duty> {
        let State::Ready { connection, session: Some(session), .. } = &self.state else {
            return None;
        };
        session
            .duty(now, connection.is_idle())
            .filter(|_| self.throttled_until.is_none_or(|until| until <= now))
    }

    /// Something went wrong.
    pub(crate) fn set_trouble(&mut self, now: Time, kind: TroubleKind) {
        self.trouble = Some((now, kind));
    }

    /// All is well.
    pub(crate) fn clear_trouble(&mut self) {
        self.trouble = None;
    }

    /// What went wrong last; else what is waited for.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let delay = match &self.state {
            State::Authenticating { exchange, .. } => exchange.delayed_by(),
            _ => None,
        };
        let (at, kind) = match (&self.trouble, &self.state) {
            // Of what went wrong, the last.
            (_, State::Authenticating { timer, .. }) if delay.is_some() => {
                (timer.since, delay.cloned().map(TroubleKind::Credentials)?)
            }
            (Some((at, kind)), _) => (*at, kind.clone()),
            (None, State::Resolving { timer, .. }) => (timer.since, TroubleKind::LookingUp),
            (None, State::Connecting { timer, address, .. }) => {
                (timer.since, TroubleKind::Connecting { address: *address })
            }
            (None, State::Negotiating { since, .. }) => (*since, TroubleKind::Unanswered),
            (None, State::Authenticating { exchange, timer, .. }) => {
                let has_credentials = !matches!(exchange.stage, Stage::Credentials);
                (timer.since, TroubleKind::Authenticating { has_credentials })
            }
            (None, State::Disconnected | State::Ready { .. } | State::BackingOff { .. }) => {
                return None;
            }
        };
        Some(Trouble { node: self.id, address: self.address.clone(), at, kind })
    }
}

/// The earlier of two times that may be.
pub(crate) fn earliest(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}
