//! Numbers with a meaning.

use core::fmt;

/// A broker's id (`node.id` in its configuration).
///
/// A bootstrap address has a negative one, which this crate gives it, until metadata names the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub i32);

impl NodeId {
    /// Whether this is a bootstrap address rather than a broker known by its id.
    #[must_use]
    pub const fn is_bootstrap(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bootstrap() {
            write!(f, "bootstrap server {}", -i64::from(self.0))
        } else {
            write!(f, "node {}", self.0)
        }
    }
}

/// One attempt to connect, and the connection that comes of it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One look-up of a host name. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(pub u64);

/// One request of the layer above. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);
