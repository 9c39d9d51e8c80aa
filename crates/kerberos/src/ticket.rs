//! Tickets, and the key that goes with each.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{Key, Principal};

/// A client's ticket for a service, and the key that both know by it.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Whose it is.
    pub client: Principal,
    /// For whom: with `krbtgt` the KDC, for other tickets.
    pub service: Principal,
    /// The session's key.
    pub key: Key,
    /// Since when it is valid; since 1970, in whole seconds.
    pub start: Duration,
    /// When it ends; since 1970.
    pub end: Duration,
    /// Until when it can be renewed, if at all; since 1970.
    pub renewable_until: Option<Duration>,
    /// Its flags (RFC 4120, section 5.3), the first one in the highest bit.
    pub flags: u32,
    /// The ticket as the KDC wrote it, which the service alone can read.
    pub bytes: Vec<u8>,
}

impl Ticket {
    /// Whether it is valid at a time, since 1970.
    pub fn is_valid_at(&self, now: Duration) -> bool {
        now < self.end
    }
}
