//! A partition's batches that have not been sent yet, in slot order.
//!
//! ```text
//!   (unheard of) ── Opened ──► Open ── Seal asked ──► Open, asked
//!        │                      │                        │
//!        └────────── Sealed ────┴────────── Sealed ──────┴──► Sealed ── its turn ──► window
//! ```
//!
//! Slots are heard of in any order: a batch is sealed by whoever filled it, and the next one may be opened meanwhile. Only the
//! batch with the next slot may leave, and only when it is sealed.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use rohrpost_cluster::Time;

use crate::ids::Slot;
use crate::sealed::SealedBatch;

/// See the module's picture.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The slot that leaves next.
    next: u64,
    /// In slot order.
    entries: VecDeque<Queued>,
}

#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) slot: Slot,
    /// The batch's number in the order in which the engine heard of batches, for flushes.
    pub(crate) born: u64,
    pub(crate) created: Time,
    state: State,
}

#[derive(Debug)]
enum State {
    Open { asked: bool },
    Sealed(SealedBatch),
}

/// What stands at the front of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// Nothing is queued.
    Nothing,
    /// The next slot is not heard of yet, but a later one is: somebody is sealing it.
    Missing,
    /// Open since `created`. `asked`: a `Seal` is under way.
    Open { slot: Slot, born: u64, created: Time, asked: bool },
    /// Ready to go.
    Sealed { size: usize },
}

impl Queue {
    /// Hears of an open batch. False if it was known, or gone, already.
    pub(crate) fn opened(&mut self, slot: Slot, created: Time, born: u64) -> bool {
        let Err(place) = self.place(slot) else { return false };
        if slot.0 < self.next {
            return false;
        }
        let state = State::Open { asked: false };
        self.entries.insert(place, Queued { slot, born, created, state });
        true
    }

    /// Takes a sealed batch. `Ok(true)` if it was not heard of before; the batch comes back if its slot was sealed already.
    pub(crate) fn sealed(
        &mut self,
        batch: SealedBatch,
        born: u64,
    ) -> Result<bool, Box<SealedBatch>> {
        let slot = batch.id.slot;
        if slot.0 < self.next {
            return Err(Box::new(batch));
        }
        match self.place(slot) {
            Ok(place) => {
                let entry = &mut self.entries[place];
                if matches!(entry.state, State::Sealed(_)) {
                    return Err(Box::new(batch));
                }
                entry.state = State::Sealed(batch);
                Ok(false)
            }
            Err(place) => {
                let created = batch.created;
                let state = State::Sealed(batch);
                self.entries.insert(place, Queued { slot, born, created, state });
                Ok(true)
            }
        }
    }

    /// Whether a slot has not left yet.
    pub(crate) const fn is_ahead(&self, slot: Slot) -> bool {
        slot.0 >= self.next
    }

    pub(crate) fn front(&self) -> Front {
        let Some(first) = self.entries.front() else { return Front::Nothing };
        if first.slot.0 != self.next {
            return Front::Missing;
        }
        match &first.state {
            State::Open { asked } => Front::Open {
                slot: first.slot,
                born: first.born,
                created: first.created,
                asked: *asked,
            },
            State::Sealed(batch) => Front::Sealed { size: batch.size() },
        }
    }

    /// The number of the batch at the front, in the order in which the engine heard of batches.
    pub(crate) fn front_born(&self) -> Option<u64> {
        self.entries.front().map(|first| first.born)
    }

    /// The slot that leaves next.
    pub(crate) const fn front_slot(&self) -> Slot {
        Slot(self.next)
    }

    /// The slot behind all that the engine heard of.
    pub(crate) fn end(&self) -> Slot {
        Slot(self.entries.back().map_or(self.next, |last| last.slot.0 + 1))
    }

    /// Whether everything that the engine heard of has left.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When the batch at the front was created, if something can be done about it: not while somebody is sealing it.
    pub(crate) fn oldest(&self) -> Option<Time> {
        match self.front() {
            Front::Open { created, asked: false, .. } => Some(created),
            Front::Sealed { .. } => self.entries.front().map(|first| first.created),
            Front::Open { .. } | Front::Missing | Front::Nothing => None,
        }
    }

    /// Notes that the batch at the front was asked for.
    pub(crate) fn ask_front(&mut self) {
        if let Some(Queued { state: State::Open { asked }, .. }) = self.entries.front_mut() {
            *asked = true;
        }
    }

    /// Every open batch that was not asked for yet, noted as asked for.
    pub(crate) fn ask_all(&mut self) -> impl Iterator<Item = Slot> + '_ {
        self.entries.iter_mut().filter_map(|entry| match &mut entry.state {
            State::Open { asked } if !*asked => {
                *asked = true;
                Some(entry.slot)
            }
            _ => None,
        })
    }

    /// Takes the batch at the front if it is next in order and sealed.
    pub(crate) fn pop(&mut self) -> Option<(SealedBatch, u64)> {
        let first = self.entries.pop_front()?;
        match first.state {
            State::Sealed(batch) if first.slot.0 == self.next => {
                self.next += 1;
                Some((batch, first.born))
            }
            state => {
                self.entries.push_front(Queued { state, ..first });
                None
            }
        }
    }

    /// Takes out every sealed batch, in order or not: nothing will be sent any more.
    pub(crate) fn take_sealed(&mut self) -> impl Iterator<Item = (SealedBatch, u64)> {
        let (mut sealed, mut open) = (VecDeque::new(), VecDeque::new());
        for entry in self.entries.drain(..) {
            match entry.state {
                State::Sealed(batch) => sealed.push_back((batch, entry.born)),
                State::Open { .. } => open.push_back(entry),
            }
        }
        self.entries = open;
        sealed.into_iter()
    }

    /// Takes out what is known of a slot; its number in the order of births.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<u64> {
        let place = self.place(slot).ok()?;
        self.entries.remove(place).map(|entry| entry.born)
    }

    fn place(&self, slot: Slot) -> Result<usize, usize> {
        match self.entries.back() {
            Some(last) if last.slot < slot => Err(self.entries.len()),
            None => Err(0),
            _ => self.entries.binary_search_by_key(&slot, |entry| entry.slot),
        }
    }
}
