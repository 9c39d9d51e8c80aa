//! What a failed authentication ends (KIP-152).
//!
//! Who waits for it learns it at once, not when a time-out comes: the records of the broker's partitions, and, where no other broker can be asked, those that wait for
//! a leader or a producer id, and whoever waits for metadata. What is in flight elsewhere goes on. What is sent later is tried anew, after the cluster's pause.
//!
//! A batch that is open, or is being sealed by somebody, is doomed: it fails when it comes in.

use rohrpost_cluster::{AuthenticationError, NodeId};

use crate::engine::Engine;
use crate::error::{BrokerAt, DeliveryError, DeliveryErrorKind, Outcome};
use crate::identity::Current;
use crate::ids::{BatchId, PartitionIndex};
use crate::io::Output;
use crate::queue::Front;

impl Engine {
    /// A node and this client do not agree on who the client is. `is_cut_off`: no other node can be asked anything.
    pub(crate) fn authentication_failed(
        &mut self,
        node: NodeId,
        error: &AuthenticationError,
        is_cut_off: bool,
    ) {
        self.is_stirred = true;
        self.is_cut_off |= is_cut_off;
        let broker = self.broker_refusing(node);
        let kind = DeliveryErrorKind::Authentication(error.clone());
        let not_written =
            DeliveryError::new(kind, Outcome::NotWritten).with_broker(Some(broker.clone()));
        for at in 0..self.partitions.len() {
            if self.waits_for(at, node, is_cut_off) {
                self.doom(self.partitions[at].index, &not_written);
            }
        }
        self.leave_line(node);
        if is_cut_off {
            self.turn_away(error, &broker);
            self.turn_away_calls(error);
        }
    }

    fn broker_refusing(&self, node: NodeId) -> BrokerAt {
        let mut troubles = self.cluster.troubles().into_iter();
        let address = troubles.find(|trouble| trouble.node == node).map(|trouble| trouble.address);
        BrokerAt { node, address: address.or_else(|| self.broker_at(node).address) }
    }

    /// Whether a partition's records wait for this node, or for something that nobody else can tell.
    fn waits_for(&self, at: usize, node: NodeId, is_cut_off: bool) -> bool {
        let partition = &self.partitions[at];
        if partition.is_idle() {
            return false;
        }
        if partition.leader == Some(node) {
            return true;
        }
        let has_no_leader = partition.leader.is_none_or(|leader| !self.cluster.is_current(leader));
        let identity = partition.identity(self.identity.current());
        let has_no_id = identity == Current::None && partition.epoch.is_none();
        is_cut_off && (has_no_leader || has_no_id)
    }

    /// Ends what a partition has and has not in flight.
    fn doom(&mut self, index: PartitionIndex, not_written: &DeliveryError) {
        let waits = |engine: &Self| {
            let mut window = engine.partitions[index.at()].window.iter();
            window.position(|sent| sent.is_owed() && sent.is_waiting())
        };
        while let Some(at) = waits(self) {
            let is_ambiguous =
                self.partitions[index.at()].window.get(at).is_some_and(|sent| sent.ambiguous);
            let error = match is_ambiguous {
                true => not_written.clone().with_outcome(Outcome::MaybeWritten),
                false => not_written.clone(),
            };
            self.give_up(index, at, &error);
        }
        self.doom_unsent(index, not_written);
        self.mark(index);
    }

    /// Ends what a partition has in its queue, and what of that comes in later.
    pub(crate) fn doom_unsent(&mut self, index: PartitionIndex, not_written: &DeliveryError) {
        let partition = &mut self.partitions[index.at()];
        let end = partition.queue.end();
        if partition.doomed.as_ref().is_some_and(|(doomed, _)| *doomed >= end) {
            return;
        }
        partition.doomed = Some((end, not_written.clone()));
        for slot in partition.queue.ask_all() {
            let batch = BatchId { partition: index, slot };
            self.outputs.push_back(Output::Seal { batch });
        }
    }

    /// Ends those at the front of the queue that are doomed and have come in.
    pub(crate) fn end_doomed(&mut self, index: PartitionIndex) {
        while let Some((end, error)) = &self.partitions[index.at()].doomed {
            let queue = &self.partitions[index.at()].queue;
            if queue.front_slot() >= *end {
                self.partitions[index.at()].doomed = None;
                return;
            }
            if !matches!(queue.front(), Front::Sealed { .. }) {
                return;
            }
            let error = error.clone();
            self.fail_front(index, &error);
        }
    }

    /// Takes everybody out of a node's line, so that nobody's place there has it connected to. Those that still have something to send get in line again.
    fn leave_line(&mut self, node: NodeId) {
        let Some(lane) = self.lanes.get_mut(&node) else { return };
        for index in core::mem::take(&mut lane.can_send) {
            let partition = &mut self.partitions[index.at()];
            if partition.listed == Some(node) {
                partition.listed = None;
                self.mark(index);
            }
        }
    }
}
