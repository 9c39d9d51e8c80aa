//! Which node to ask when any will do.

use super::Cluster;
use crate::node::{Node, State};
use crate::{NodeId, Time};

/// A node, and what it takes to ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Ready, and not throttled.
    Ready(NodeId),
    /// To be waited for.
    Connecting(NodeId),
    /// To be connected to.
    Disconnected(NodeId),
}

/// So many nodes out of reach, and none that is ready, are reason enough to ask the bootstrap servers: among hundreds of brokers that have
/// all moved, the search would take minutes.
const ENOUGH: usize = 3;

impl Choice {
    const fn node(self) -> NodeId {
        match self {
            Self::Ready(node) | Self::Connecting(node) | Self::Disconnected(node) => node,
        }
    }
}

impl Cluster {
    /// The node that a request should go to which any node can answer: the one with the fewest requests in flight among those that are ready; else one
    /// that is being connected to; else the one that has been left alone for longest, which
    /// [`ensure_connected`](Self::ensure_connected) connects to. May be a bootstrap server.
    #[must_use]
    pub fn least_loaded(&self, now: Time) -> Option<NodeId> {
        self.choose(now).map(Choice::node)
    }

    pub(super) fn choose(&self, now: Time) -> Option<Choice> {
        self.least_loaded_ready(now)
            .or_else(|| self.connecting(now))
            .or_else(|| self.longest_disconnected().map(Choice::Disconnected))
    }

    /// Whether no connection is ready, and all nodes, or a few of many, were tried in vain.
    pub(super) fn is_out_of_reach(&self) -> bool {
        let current = self.nodes.values().filter(|node| node.is_current);
        let unreachable = current.clone().filter(|node| node.is_unreachable).count();
        unreachable >= current.count().min(ENOUGH) && !self.nodes.values().any(Node::is_up)
    }

    fn least_loaded_ready(&self, now: Time) -> Option<Choice> {
        // A bootstrap server's connection still serves when metadata has named the brokers, until one of theirs is ready.
        let load = |node: &Node| {
            let (connection, _) = node.ready()?;
            let serves = node.is_current || node.id.is_bootstrap();
            (serves && node.throttled_until.is_none() && node.takes_requests(now))
                .then(|| (!node.is_current, connection.in_flight_above()))
        };
        self.by_preference()
            .filter_map(|node| Some((load(node)?, node)))
            .min_by_key(|(load, _)| *load)
            .map(|(_, node)| Choice::Ready(node.id))
    }

    fn connecting(&self, now: Time) -> Option<Choice> {
        let mut nodes = self.by_preference();
        nodes
            .find(|node| node.is_current && node.waited_for_since(now).is_some())
            .map(|node| Choice::Connecting(node.id))
    }

    /// The node that could be connected to and has been left alone for longest.
    pub(super) fn longest_disconnected(&self) -> Option<NodeId> {
        self.by_preference()
            .filter(|node| node.is_current && matches!(node.state, State::Disconnected))
            .min_by_key(|node| node.last_attempt)
            .map(|node| node.id)
    }

    /// The nodes, beginning somewhere by chance, so that not every client asks the first.
    fn by_preference(&self) -> impl Iterator<Item = &Node> {
        let len = self.nodes.len().max(1);
        let first = (self.preference % len as u64) as usize;
        self.nodes.values().skip(first).chain(self.nodes.values().take(first))
    }
}
