//! "Why is it not sent?": what a partition waits for.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use rohrpost_cluster::{NodeId, Time};
use rohrpost_codec::ByteStr;

use crate::engine::Engine;
use crate::error::BrokerAt;

/// What keeps a partition's oldest unsent batch from being sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// Nothing to send.
    Nothing,
    /// Nothing unsent; this many batches wait for their answers.
    Answers {
        /// How many.
        batches: usize,
    },
    /// The open batch is neither full nor has it lingered.
    Linger {
        /// Until then.
        until: Time,
    },
    /// The batch was asked for and is being sealed (compressed).
    Sealing,
    /// The partition has no known leader.
    Leader,
    /// No connection to the leader is ready.
    Connection {
        /// The leader.
        node: NodeId,
    },
    /// The leader's connection takes no more now: it is throttled (KIP-219) or has as many requests in flight as it may.
    Node {
        /// The leader.
        node: NodeId,
    },
    /// The leader's connection takes no more until its session is renewed (KIP-368).
    Session {
        /// The leader.
        node: NodeId,
    },
    /// Ready; its turn in a request to this node is next.
    Turn {
        /// The leader.
        node: NodeId,
    },
    /// With one request in flight at most, the one that is out.
    Muted,
    /// The answer to the first batch under a producer id and epoch, which travels alone.
    FirstAnswer,
    /// The broker's window of five batches for duplicate detection.
    Window,
    /// An earlier batch is being sent again.
    Retry,
    /// An earlier request to the former leader.
    FormerLeader {
        /// The former leader.
        node: NodeId,
    },
    /// Back-off after a failed attempt.
    BackOff {
        /// Until then.
        until: Time,
    },
    /// A producer id from the cluster.
    ProducerId,
    /// Its transaction: the coordinator has to know of the partition first, or no transaction takes it.
    Transaction,
    /// An earlier batch may or may not have been written; what is still under way will tell.
    UnresolvedSequence,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing to send"),
            Self::Answers { batches } => {
                let plural = if *batches == 1 { "" } else { "es" };
                write!(f, "waiting for the answer to {batches} batch{plural}")
            }
            Self::Linger { .. } => f.write_str("lingering (linger.ms)"),
            Self::Sealing => f.write_str("the batch is being sealed"),
            Self::Leader => f.write_str("the partition has no known leader"),
            Self::Connection { node } => {
                write!(f, "no connection to the partition's leader, node {}", node.0)
            }
            Self::Node { node } => {
                write!(f, "the leader, node {}, is throttled or its requests are all out", node.0)
            }
            Self::Session { node } => {
                write!(f, "the session with the leader, node {}, is being renewed", node.0)
            }
            Self::Turn { node } => write!(f, "about to be sent to node {}", node.0),
            Self::Muted => f.write_str("waiting for the one request in flight"),
            Self::FirstAnswer => {
                f.write_str("waiting for the answer to the first batch of this producer epoch")
            }
            Self::Window => f.write_str(
                "five of its batches are unacknowledged, the most that a broker can tell from duplicates",
            ),
            Self::Retry => f.write_str("an earlier batch is being sent again"),
            Self::FormerLeader { node } => {
                write!(f, "an earlier request to the former leader, node {}, is open", node.0)
            }
            Self::BackOff { .. } => f.write_str("backing off after a failed attempt"),
            Self::ProducerId => f.write_str("the cluster has not assigned a producer id yet"),
            Self::Transaction => {
                f.write_str("the transaction's coordinator does not know of the partition yet, or no transaction is open")
            }
            Self::UnresolvedSequence => {
                f.write_str("it is not known yet whether an earlier batch was written")
            }
        }
    }
}

impl Engine {
    /// What the records of a partition wait for, in words, with the network's trouble where that is what keeps them. Of a topic or a
    /// partition that is not known: what keeps it from being known.
    pub fn explain(&self, now: Time, topic: &ByteStr, partition: i32) -> String {
        let known = self.topics.find(topic).map(|index| self.topics.get(index));
        let count = known.map_or(0, |known| known.partitions.len());
        let at = usize::try_from(partition).ok().and_then(|at| known?.partitions.get(at));
        if let Some(&index) = at {
            let waiting = self.why(now, index);
            return match self.trouble_behind(waiting) {
                Some(trouble) => format!("{waiting}: {trouble}"),
                None => waiting.to_string(),
            };
        }
        let mut text = if count > 0 {
            format!("topic {topic} has {count} partitions, and none of number {partition} yet")
        } else {
            format!("nothing is known of topic {topic} yet")
        };
        if let Some(code) = self.topic_error(topic) {
            text = format!("{text}; the cluster says {code}");
        }
        if let Some(trouble) = self.cluster.troubles().first() {
            text = format!("{text}; {trouble}");
        }
        text
    }

    /// A node, and its address as far as it is known.
    pub(crate) fn broker_at(&self, node: NodeId) -> BrokerAt {
        let address = self.cluster.metadata().broker(node).map(|broker| broker.address.clone());
        BrokerAt { node, address }
    }

    /// The node that is waited for; without a leader, the one that is in trouble.
    pub(crate) fn broker_behind(&self, waiting: Waiting) -> Option<BrokerAt> {
        match waiting {
            Waiting::Connection { node }
            | Waiting::Node { node }
            | Waiting::Session { node }
            | Waiting::Turn { node }
            | Waiting::FormerLeader { node } => Some(self.broker_at(node)),
            Waiting::Leader | Waiting::ProducerId | Waiting::Transaction => {
                self.broker_in_trouble()
            }
            _ => None,
        }
    }

    pub(crate) fn broker_in_trouble(&self) -> Option<BrokerAt> {
        let trouble = self.cluster.troubles().into_iter().next()?;
        Some(BrokerAt { node: trouble.node, address: Some(trouble.address) })
    }

    /// The trouble of the node that is waited for; without a leader, the latest of any.
    pub(crate) fn trouble_behind(&self, waiting: Waiting) -> Option<String> {
        let troubles = self.cluster.troubles();
        let trouble = match waiting {
            Waiting::Connection { node } | Waiting::Session { node } => {
                troubles.iter().find(|trouble| trouble.node == node)
            }
            Waiting::Leader | Waiting::ProducerId | Waiting::Transaction => troubles.first(),
            _ => None,
        };
        trouble.map(ToString::to_string)
    }
}
