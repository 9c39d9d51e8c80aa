//! Closing.
//!
//! ```text
//!   Running ── Close ──► Closing ── everything done ──────────────► Closed
//!                           │                                         ▲
//!                           └── deadline ──► Failing ── sealed ones ──┘
//!                                            come in and fail
//! ```
//!
//! While closing, an open transaction is aborted once its batches are done.
//!
//! While closing, every open batch is ready at once and no topic is waited for any more. At the deadline everything fails:
//! what never left as `NotWritten`, what is in flight as `MaybeWritten`; the connections are closed with it. Batches that are still
//! open, or being sealed by somebody, are asked for, and fail as they come in.

use alloc::vec::Vec;

use rohrpost_cluster::Time;

use crate::engine::Engine;
use crate::error::{DeliveryError, DeliveryErrorKind, Outcome};
use crate::ids::{BatchId, PartitionIndex};
use crate::io::Output;
use crate::plants::Plant;
use crate::sealed::SealedBatch;
use crate::window::State;

/// See the module's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Running,
    Closing { deadline: Option<Time> },
    Failing,
    Closed,
}

impl Lifecycle {
    pub(crate) const fn is_running(self) -> bool {
        matches!(self, Self::Running)
    }

    /// Whether a batch that comes in now fails.
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Failing | Self::Closed)
    }

    pub(crate) const fn deadline(self) -> Option<Time> {
        match self {
            Self::Closing { deadline } => deadline,
            _ => None,
        }
    }
}

impl Engine {
    pub(crate) fn begin_close(&mut self, deadline: Option<Time>) {
        let sooner = match (self.lifecycle, deadline) {
            (Lifecycle::Running, deadline) => deadline,
            (Lifecycle::Closing { deadline: Some(old) }, Some(new)) => Some(old.min(new)),
            (Lifecycle::Closing { deadline: old }, new) => old.or(new),
            (Lifecycle::Failing | Lifecycle::Closed, _) => return,
        };
        self.lifecycle = Lifecycle::Closing { deadline: sooner };
        self.refuse_waiters();
        self.refuse_transactions();
        self.mark_all();
    }

    pub(crate) fn check_close_deadline(&mut self, now: Time) {
        if self.lifecycle.deadline().is_some_and(|deadline| deadline <= now) {
            self.lifecycle = Lifecycle::Failing;
            for at in 0..self.partitions.len() {
                self.fail_partition(self.partitions[at].index);
            }
            self.close_transactions();
            self.requests.clear();
            self.timers.clear();
            self.cluster.close();
        }
    }

    /// Closes the connections once everything is done. Whether it did: then there is more to be said before the end.
    pub(crate) fn say_farewell(&mut self) -> bool {
        let says = matches!(self.lifecycle, Lifecycle::Closing { .. }) && self.is_done();
        if says {
            self.close_transactions();
            self.cluster.close();
            self.lifecycle = Lifecycle::Failing;
        }
        says
    }

    /// Whether the engine is closed with this call.
    pub(crate) fn finish_close(&mut self) -> bool {
        let closes = self.lifecycle == Lifecycle::Failing && self.is_done();
        if closes {
            self.lifecycle = Lifecycle::Closed;
        }
        closes
    }

    fn is_done(&self) -> bool {
        let is_over = self.transactions.as_ref().is_none_or(|of| of.is_over());
        self.pending.open() == 0 && self.charged == 0 && is_over
    }

    /// A batch comes in too late to be sent: it fails, and what it holds comes free.
    pub(crate) fn refuse_late(&mut self, batch: SealedBatch) {
        let count = batch.record_count().unsigned_abs();
        let (id, charge) = (batch.id, batch.charge);
        let born = self.partitions.get_mut(id.partition.at()).and_then(|p| p.queue.remove(id.slot));
        let error = DeliveryError::new(DeliveryErrorKind::Closed, Outcome::NotWritten);
        self.complete(id, 0..count, Err(error));
        if let Some(born) = born {
            self.pending.done(born);
        }
        let buffer = batch.records.and_then(rohrpost_records::SealedBatch::into_buffer);
        self.release(charge, buffer);
    }

    fn fail_partition(&mut self, index: PartitionIndex) {
        let closed = |outcome| DeliveryError::new(DeliveryErrorKind::Closed, outcome);
        // In flight or not, nobody waits for anything any more.
        while let Some(sent) = self.partitions[index.at()].window.get_mut(0) {
            let is_owed = sent.is_owed();
            let may_be_there = sent.ambiguous || sent.is_in_flight();
            let outcome = if may_be_there { Outcome::MaybeWritten } else { Outcome::NotWritten };
            let (key, count, born) = (sent.key, sent.count, sent.born);
            let charge = core::mem::take(&mut sent.charge);
            let records = sent.records.take();
            sent.state = State::Lost;
            let batch = BatchId { partition: index, slot: key.slot };
            if is_owed {
                self.complete(batch, key.first..key.first + count, Err(closed(outcome)));
                self.settle(index, key.slot, born);
            }
            self.release(charge, records.and_then(rohrpost_records::SealedBatch::into_buffer));
            self.partitions[index.at()].window.remove(0);
        }
        let sealed: Vec<_> = self.partitions[index.at()].queue.take_sealed().collect();
        for (batch, born) in sealed {
            let count = batch.record_count().unsigned_abs();
            if !self.config.planted.is(Plant::DropOnClose) {
                self.complete(batch.id, 0..count, Err(closed(Outcome::NotWritten)));
            }
            self.pending.done(born);
            let buffer = batch.records.and_then(rohrpost_records::SealedBatch::into_buffer);
            self.release(batch.charge, buffer);
        }
        for slot in self.partitions[index.at()].queue.ask_all() {
            let batch = BatchId { partition: index, slot };
            self.outputs.push_back(Output::Seal { batch });
        }
    }
}
