//! "Why is it not sent?", held against what is the case. Whatever the engine says must be true, and it must have a reason at all.

use rohrpost_engine::{NodeId, Waiting};

use crate::life::Life;

impl Life {
    /// Asks the engine of every partition what it waits for, now that nothing more happens by itself.
    pub(crate) fn check_waiting(&mut self) {
        // Once a close is over, nothing waits any more.
        if self.is_closed || self.is_closing && self.now >= self.report.closed_at {
            return;
        }
        for topic in 0..self.plan.topics.len() {
            for &lane in &self.ledger.lanes_of(topic).to_vec() {
                let partition = self.ledger.lanes[lane].partition;
                let Some(index) = self.senders.index_of(topic, partition) else { continue };
                let why = self.engine.why(self.now, index);
                self.report.reasons[reason(why)] += 1;
                if let Err(truth) = self.is_true(why, lane, topic, partition, index) {
                    let name = self.ledger.name(lane);
                    self.violation(&format!("I8: {name} waits: {why:?}, but {truth}"));
                }
            }
        }
    }

    fn is_true(
        &self,
        why: Waiting,
        lane: usize,
        topic: usize,
        partition: i32,
        index: rohrpost_engine::PartitionIndex,
    ) -> Result<(), &'static str> {
        let claim = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        let in_flight = self.ledger.is_in_flight(lane);
        let is_sealing = self.sealing.get(&index).is_some_and(|&count| count > 0);
        match why {
            Waiting::Nothing => {
                claim(is_sealing || !self.ledger.is_owed(lane), "somebody waits for a record")
            }
            Waiting::Turn { .. } => Err("nothing keeps it"),
            Waiting::Answers { .. } | Waiting::FirstAnswer | Waiting::Window | Waiting::Muted => {
                claim(in_flight, "nothing of it is in flight")
            }
            Waiting::FormerLeader { node } => claim(
                in_flight && self.leader_known(topic, partition).is_none_or(|of| of != Some(node)),
                "nothing of it is with a former leader",
            ),
            Waiting::Retry | Waiting::UnresolvedSequence => {
                claim(in_flight || self.ledger.is_tried(lane), "no batch before it is open")
            }
            Waiting::BackOff { until } => {
                let most = self.plan.engine.cluster.retry_backoff_max * 2;
                claim(until > self.now && until <= self.now + most, "its pause is over, or endless")
            }
            Waiting::Linger { until } => {
                let is_hurried = self.senders.is_pressing || self.is_closing;
                let linger = self.ledger.settings(lane).linger;
                claim(
                    !is_hurried && until > self.now && until <= self.now + linger,
                    "it need not linger",
                )
            }
            Waiting::Sealing => claim(is_sealing, "nobody seals it"),
            Waiting::Leader => claim(self.is_led_by(topic, partition, None), "its leader is known"),
            Waiting::Connection { node } => {
                claim(self.is_led_by(topic, partition, Some(node)), "another leads it")?;
                // The network does not know who has said already who it is.
                let may_introduce_itself = self.plan.model.sasl.is_some();
                claim(
                    may_introduce_itself || !self.network.is_connected(node.0),
                    "there is a connection to it",
                )
            }
            Waiting::Session { node } => {
                claim(self.is_led_by(topic, partition, Some(node)), "another leads it")?;
                claim(self.plan.has_lifetimes, "its session does not end")
            }
            Waiting::Node { node } => {
                let is_busy = self.network.connections.iter().any(|(&id, of)| {
                    of.broker == node.0
                        && of.is_open
                        && self.frames.open_on(id) >= self.plan.engine.cluster.max_in_flight
                });
                let is_throttled = self.frames.is_throttled(node.0, self.now);
                claim(is_busy || is_throttled, "the leader takes more")
            }
            Waiting::ProducerId => {
                claim(self.engine.producer_id().is_none(), "there is a producer id")
            }
            _ => Ok(()),
        }
    }

    /// The partition's leader, if there is one, by the metadata; `None` for a topic that was not wanted for long, and is not in them.
    fn leader_known(&self, topic: usize, partition: i32) -> Option<Option<NodeId>> {
        let name = &self.plan.topics[topic].name;
        let known = self.engine.cluster().metadata().topic(name)?;
        let of = known.partitions.iter().find(|of| of.index == partition);
        Some(of.and_then(|of| of.leader))
    }

    fn is_led_by(&self, topic: usize, partition: i32, node: Option<NodeId>) -> bool {
        self.leader_known(topic, partition).is_none_or(|leader| leader == node)
    }

    /// What is on the wire is in the budget.
    pub(crate) fn check_memory(&mut self) {
        let plain = rohrpost_records::Codec::None;
        let is_exact = self.plan.settings().all(|of| of.compression.codec() == plain)
            && self.engine.journal().arms[2] == 0;
        if is_exact && self.frames.bytes > self.senders.budget.used() {
            let (sent, used) = (self.frames.bytes, self.senders.budget.used());
            self.violation(&format!("I6: {sent} bytes are in flight, {used} are accounted for"));
        }
    }
}

/// The number of a reason in [`REASONS`].
const fn reason(why: Waiting) -> usize {
    match why {
        Waiting::Nothing => 0,
        Waiting::Answers { .. } => 1,
        Waiting::Linger { .. } => 2,
        Waiting::Sealing => 3,
        Waiting::Leader => 4,
        Waiting::Connection { .. } => 5,
        Waiting::Node { .. } => 6,
        Waiting::Muted => 7,
        Waiting::FirstAnswer => 8,
        Waiting::Window => 9,
        Waiting::Retry => 10,
        Waiting::FormerLeader { .. } => 11,
        Waiting::BackOff { .. } => 12,
        Waiting::ProducerId => 13,
        Waiting::UnresolvedSequence => 14,
        Waiting::Session { .. } => 15,
        _ => 16,
    }
}

/// What a partition can wait for.
pub(crate) const REASONS: [&str; 17] = [
    "nothing to send",
    "answers",
    "linger",
    "sealing",
    "leader",
    "connection",
    "node busy or throttled",
    "muted",
    "first answer",
    "window",
    "retry before it",
    "former leader",
    "back-off",
    "producer id",
    "unresolved sequence",
    "session",
    "other",
];
