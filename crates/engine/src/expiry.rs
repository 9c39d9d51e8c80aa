//! `delivery.timeout.ms`: what happens to batches whose time has passed.
//!
//! It counts from a batch's creation and covers lingering, waiting and being in flight. What the user is told depends on what was sent
//! before: a batch that never left, or whose every attempt was refused for certain, was not written; any other may have been.
//! A batch in flight keeps its bytes and its charge until its answer or its disconnect comes.

use rohrpost_cluster::Time;

use crate::engine::Engine;
use crate::error::{DeliveryError, DeliveryErrorKind, Outcome};
use crate::ids::{BatchId, PartitionIndex};
use crate::io::Output;
use crate::plants::Plant;
use crate::queue::Front;
use crate::why::Waiting;
use crate::window::State;

impl Engine {
    /// Ends whatever is overdue in a partition.
    pub(crate) fn expire(&mut self, now: Time, index: PartitionIndex) {
        let timeout = self.partitions[index.at()].settings.delivery_timeout;
        let is_due = |created: Time| created + timeout <= now;
        if !self.partitions[index.at()].oldest().is_some_and(is_due) {
            return;
        }
        let waiting = self.why(now, index);
        let trouble = self.trouble_behind(waiting);
        let broker = self.broker_behind(waiting);
        let error = |last, outcome| {
            let trouble = trouble.clone();
            let kind = DeliveryErrorKind::Expired { timeout, waiting, trouble, last };
            DeliveryError::new(kind, outcome).with_broker(broker.clone())
        };
        let overdue = |engine: &Self| {
            let mut window = engine.partitions[index.at()].window.iter();
            let spared = engine.config.planted.is(Plant::ExpireOnlyUnsent);
            window.position(|sent| {
                sent.is_owed() && is_due(sent.created) && !(spared && sent.is_in_flight())
            })
        };
        while let Some(at) = overdue(self) {
            self.stats.expired += 1;
            let Some(sent) = self.partitions[index.at()].window.get(at) else { break };
            let may_be_there = sent.ambiguous || sent.is_in_flight();
            let outcome = if may_be_there { Outcome::MaybeWritten } else { Outcome::NotWritten };
            let error = error(sent.last, outcome);
            self.expire_sent(index, at, &error);
        }
        loop {
            let partition = &self.partitions[index.at()];
            if !partition.queue.oldest().is_some_and(is_due) {
                break;
            }
            match partition.queue.front() {
                Front::Sealed { .. } => {
                    self.stats.expired += 1;
                    if self.config.planted.is(Plant::SpendUnsentSequences) {
                        let partition = &mut self.partitions[index.at()];
                        partition.next_sequence = partition.next_sequence.add(1);
                    }
                    let last = self.identity.last_failure();
                    let last = last.filter(|_| waiting == Waiting::ProducerId);
                    self.fail_front(index, &error(last, Outcome::NotWritten));
                }
                Front::Open { slot, .. } => {
                    // It ends when it comes in.
                    self.partitions[index.at()].queue.ask_front();
                    let batch = BatchId { partition: index, slot };
                    self.outputs.push_back(Output::Seal { batch });
                    break;
                }
                Front::Missing | Front::Nothing => break,
            }
        }
    }

    /// Ends an entry of the window for the user. In flight, it stays for its answer.
    pub(crate) fn expire_sent(&mut self, index: PartitionIndex, at: usize, error: &DeliveryError) {
        let Some(sent) = self.partitions[index.at()].window.get_mut(at) else { return };
        let State::InFlight { request, node, .. } = sent.state else {
            self.give_up(index, at, error);
            return;
        };
        sent.state = State::InFlight { request, node, abandoned: true };
        let (key, count, born) = (sent.key, sent.count, sent.born);
        let error = self.of_broker(error, Some(node));
        let Some(sent) = self.partitions[index.at()].window.get_mut(at) else { return };
        if self.config.planted.is(Plant::RecycleInFlight) {
            let charge = core::mem::take(&mut sent.charge);
            self.release(charge, None);
        }
        let batch = BatchId { partition: index, slot: key.slot };
        self.complete(batch, key.first..key.first + count, Err(error));
        self.settle(index, key.slot, born);
        self.mark(index);
    }
}
