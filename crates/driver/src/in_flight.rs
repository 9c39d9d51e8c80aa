//! The completions of the batches that the engine has.

use std::collections::VecDeque;
use std::sync::Arc;

use rohrpost_engine::{BatchId, PartitionIndex, Slot, Time};

use crate::completion::Completion;

/// By partition and slot. A partition's slots come nearly in order and leave nearly in order: a ring each.
#[derive(Default)]
pub(crate) struct InFlight {
    partitions: Vec<Ring>,
}

#[derive(Default)]
struct Ring {
    /// The slot of the first place.
    first: u64,
    /// The last time that a batch was done, or that the first one came.
    since: Time,
    places: VecDeque<Place>,
}

#[derive(Clone)]
enum Place {
    /// A later batch came first.
    Coming,
    Here(Arc<Completion>),
    Done,
}

impl InFlight {
    pub(crate) fn insert(&mut self, now: Time, batch: BatchId, completion: Arc<Completion>) {
        let at = batch.partition.0 as usize;
        if at >= self.partitions.len() {
            self.partitions.resize_with(at + 1, Ring::default);
        }
        self.partitions[at].insert(now, batch.slot, completion);
    }

    pub(crate) fn get(&self, batch: BatchId) -> Option<&Arc<Completion>> {
        let ring = self.partitions.get(batch.partition.0 as usize)?;
        match ring.places.get(ring.place(batch.slot)?)? {
            Place::Here(completion) => Some(completion),
            Place::Coming | Place::Done => None,
        }
    }

    /// Forgets a batch all of whose records have their verdict.
    pub(crate) fn remove(&mut self, now: Time, batch: BatchId) {
        if let Some(ring) = self.partitions.get_mut(batch.partition.0 as usize) {
            ring.remove(now, batch.slot);
        }
    }

    /// How many batches of a partition are not done, and since when none of them has been.
    pub(crate) fn queue(&self, partition: PartitionIndex) -> (usize, Time) {
        let ring = self.partitions.get(partition.0 as usize);
        ring.map_or((0, Time::ZERO), |ring| (ring.places.len(), ring.since))
    }

    /// Everything that is left.
    pub(crate) fn drain(&mut self) -> Vec<(BatchId, Arc<Completion>)> {
        let rings = (0..).map(PartitionIndex).zip(std::mem::take(&mut self.partitions));
        let mut left = Vec::new();
        for (partition, ring) in rings {
            for (slot, place) in (ring.first..).map(Slot).zip(ring.places) {
                if let Place::Here(completion) = place {
                    left.push((BatchId { partition, slot }, completion));
                }
            }
        }
        left
    }
}

impl Ring {
    fn place(&self, slot: Slot) -> Option<usize> {
        usize::try_from(slot.0.checked_sub(self.first)?).ok()
    }

    fn insert(&mut self, now: Time, slot: Slot, completion: Arc<Completion>) {
        if self.places.is_empty() {
            self.since = now;
        }
        let Some(place) = self.place(slot) else { return };
        if place >= self.places.len() {
            self.places.resize(place + 1, Place::Coming);
        }
        self.places[place] = Place::Here(completion);
    }

    fn remove(&mut self, now: Time, slot: Slot) {
        self.since = now;
        if let Some(place) = self.place(slot).and_then(|place| self.places.get_mut(place)) {
            *place = Place::Done;
        }
        while let Some(Place::Done) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_and_go_in_any_order() {
        let id = |slot| BatchId { partition: PartitionIndex(3), slot: Slot(slot) };
        let mut in_flight = InFlight::default();
        for round in 0..10 {
            let slots = [2, 0, 1].map(|slot| round * 3 + slot);
            for slot in slots {
                in_flight.insert(
                    Time::ZERO,
                    id(slot),
                    Arc::new(Completion::new("t".into(), slot as i32)),
                );
            }
            for slot in slots {
                assert_eq!(in_flight.get(id(slot)).unwrap().partition(), slot as i32);
                in_flight.remove(Time::ZERO, id(slot));
                assert!(in_flight.get(id(slot)).is_none());
            }
            assert!(in_flight.partitions[3].places.is_empty());
        }
        in_flight.insert(Time::ZERO, id(31), Arc::new(Completion::new("t".into(), 31)));
        let left: Vec<_> = in_flight.drain().into_iter().map(|(batch, _)| batch).collect();
        assert_eq!(left, [id(31)]);
    }
}
