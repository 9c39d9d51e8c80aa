//! Brokers.

use core::fmt;
use std::time::Duration;

/// A broker's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub i32);

impl From<i32> for BrokerId {
    fn from(id: i32) -> Self {
        Self(id)
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: BrokerId,
    /// The host that it tells clients.
    pub host: String,
    /// The port that it tells clients.
    pub port: u16,
    /// Its rack (`broker.rack`).
    pub rack: Option<String>,
    /// Whether it runs.
    pub is_up: bool,
    /// Whether it is frozen: connections stay open, requests wait.
    pub is_paused: bool,
    /// Whether it is cut off from the other brokers, not from clients.
    pub is_isolated: bool,
    /// Whether the controller takes it for dead: clients are not told of it.
    pub is_fenced: bool,
    /// Since when the controller has not heard of it.
    pub(super) silent_since: Option<Duration>,
    /// When it hears that it was replaced.
    pub(super) hears_at: Option<Duration>,
}

impl Broker {
    /// Whether the other brokers can reach it.
    pub(super) fn is_here(&self) -> bool {
        self.is_up && !self.is_paused && !self.is_isolated
    }

    /// Whether clients are told of it.
    pub(super) fn is_alive(&self) -> bool {
        self.is_up && !self.is_fenced
    }

    pub(super) fn new(id: i32) -> Self {
        Self {
            id: BrokerId(id),
            host: format!("broker-{id}"),
            port: 9092,
            rack: None,
            is_up: true,
            is_paused: false,
            is_isolated: false,
            is_fenced: false,
            silent_since: None,
            hears_at: None,
        }
    }
}
