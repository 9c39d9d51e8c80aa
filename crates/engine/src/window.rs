//! A partition's batches from their first drain until their fate is known, in sequence order.
//!
//! ```text
//!                       ┌──────────────── retry ◄────────────────┐
//!                       ▼                                        │
//!   queue ── stamp ─► Waiting ── send ─► InFlight ── answer ─────┼─► Done (appended)
//!                       │                   │                    └─► removed (refused for certain; divided)
//!                       │ expired           │ expired
//!                       ▼                   ▼
//!              Lost, or removed       InFlight, abandoned ── answer ─► Done, removed, or Lost
//!                       │
//!                       └─ a later batch was appended ─► Done;   a new epoch is begun ─► removed
//! ```
//!
//! The user hears of a batch's end when it is appended, refused or expired. Its place here outlives that: an abandoned batch keeps its
//! bytes (and its charge) until the answer or the disconnect, and a `Lost` one keeps its successors from being sent, because
//! nobody knows whether its sequences were used. `Done` entries stay behind an open one, for the broker's window of five
//! counts them too: the window's length is what must not exceed five.

use alloc::collections::VecDeque;

use rohrpost_cluster::{NodeId, RequestId, Time};
use rohrpost_records::{ProducerStamp, SealedBatch};

use crate::error::AttemptFailure;
use crate::ids::Slot;

/// How many batches a broker remembers per producer and partition, to recognise duplicates.
pub(crate) const BROKER_WINDOW: usize = 5;

/// What names an entry: its batch's slot and its first record there (children of a divided batch share the slot).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) slot: Slot,
    pub(crate) first: u32,
}

/// A stamped batch, or a part of a divided one.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) key: Key,
    pub(crate) count: u32,
    pub(crate) born: u64,
    pub(crate) created: Time,
    /// Its identity; `None` without idempotence. Carried by `records` from its next send on.
    pub(crate) stamp: Option<ProducerStamp>,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// How many of its attempts failed since its pauses last began anew ([`hurry`](Self::hurry)).
    pub(crate) failures: u32,
    /// An attempt may have appended it.
    pub(crate) ambiguous: bool,
    /// An attempt named the topic, not its id.
    pub(crate) by_name: bool,
    pub(crate) last: Option<AttemptFailure>,
    /// Where the last attempt went.
    pub(crate) node: Option<NodeId>,
    pub(crate) state: State,
    /// Gone when the batch is done.
    pub(crate) records: Option<SealedBatch>,
    pub(crate) charge: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// To be sent, not before then.
    Waiting { not_before: Time },
    /// Its answer is awaited. `abandoned`: the user was told `MaybeWritten` already.
    InFlight { request: RequestId, node: NodeId, abandoned: bool },
    /// Nobody awaits it any more, and whether it was appended is not known.
    Lost,
    /// Appended.
    Done,
}

impl Sent {
    /// Whether the user has not heard of its end yet.
    pub(crate) const fn is_owed(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::InFlight { abandoned: false, .. })
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// What it failed on is gone: a pause ends, and the next failure begins with the shortest again.
    pub(crate) fn hurry(&mut self, now: Time) {
        self.failures = 0;
        if self.is_waiting() {
            self.state = State::Waiting { not_before: now };
        }
    }

    pub(crate) const fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight { .. })
    }
}

/// See the module's picture.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Begins with an entry that is not `Done`.
    entries: VecDeque<Sent>,
}

impl Window {
    pub(crate) fn push(&mut self, sent: Sent) {
        self.entries.push_back(sent);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many batches there are from the oldest open one on, those that are done among them.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Sent> + ExactSizeIterator {
        self.entries.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sent> {
        self.entries.iter_mut()
    }

    /// Whether all of a batch that is still open is in no log for certain. Not for a batch that is not here.
    pub(crate) fn is_unwritten(&self, slot: Slot) -> bool {
        let mut open = self
            .iter()
            .filter(|sent| sent.key.slot == slot && sent.state != State::Done)
            .peekable();
        open.peek().is_some() && open.all(|sent| sent.is_waiting() && !sent.ambiguous)
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Sent> {
        self.entries.get(at)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Sent> {
        self.entries.get_mut(at)
    }

    /// The entry that waits for this request's answer.
    pub(crate) fn find(&self, key: Key, request: RequestId) -> Option<usize> {
        self.entries.iter().position(|sent| {
            sent.key == key
                && matches!(sent.state, State::InFlight { request: of, .. } if of == request)
        })
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.entries.iter().filter(|sent| sent.is_in_flight()).count()
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.entries.iter().any(|sent| sent.state == State::Lost)
    }

    /// Whether an entry before this one is unresolved.
    pub(crate) fn is_behind(&self, at: usize) -> bool {
        self.entries.iter().take(at).any(|sent| sent.state != State::Done)
    }

    /// The user is still owed the end of any entry.
    pub(crate) fn owes_any(&self) -> bool {
        self.entries.iter().any(Sent::is_owed)
    }

    /// The user is still owed the end of an entry of this batch.
    pub(crate) fn owes(&self, slot: Slot) -> bool {
        self.entries.iter().any(|sent| sent.key.slot == slot && sent.is_owed())
    }

    /// The entry was appended. Everything lost before it was appended too, for a broker takes no sequence before its
    /// predecessor. Returns what the entry held.
    pub(crate) fn done(&mut self, at: usize) -> Option<SealedBatch> {
        let sent = self.entries.get_mut(at)?;
        let stamp = sent.stamp;
        sent.state = State::Done;
        let records = sent.records.take();
        if let Some(stamp) = stamp {
            for earlier in self.entries.iter_mut().take(at) {
                let same = earlier.stamp.is_some_and(|of| {
                    (of.producer_id, of.producer_epoch) == (stamp.producer_id, stamp.producer_epoch)
                });
                if same && earlier.state == State::Lost {
                    earlier.state = State::Done;
                }
            }
        }
        self.trim();
        records
    }

    /// Takes an entry out: refused for certain, or given up without idempotence.
    pub(crate) fn remove(&mut self, at: usize) -> Option<Sent> {
        let sent = self.entries.remove(at);
        self.trim();
        sent
    }

    /// Puts the parts of a divided entry into its place.
    pub(crate) fn replace(&mut self, at: usize, parts: impl DoubleEndedIterator<Item = Sent>) {
        self.entries.remove(at);
        for part in parts.rev() {
            self.entries.insert(at, part);
        }
    }

    /// Forgets what is done and what is lost: a new epoch begins.
    pub(crate) fn begin_epoch(&mut self) {
        self.entries.retain(|sent| !matches!(sent.state, State::Lost | State::Done));
    }

    fn trim(&mut self) {
        while self.entries.front().is_some_and(|sent| sent.state == State::Done) {
            self.entries.pop_front();
        }
    }
}
