//! Room for what comes out of codecs.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::lock;

/// What part of the budget large outputs may take together: one that is larger is made alone.
const PART: usize = 8;
/// Smaller batches are not looked at: as many as there are threads do not amount to much.
const LARGE: usize = 1 << 20;

/// Room for what comes out of codecs, which is beside the budget until the batch that it is made of is gone: many threads that compress large batches at the same time would hold all
/// of them twice.
pub(crate) struct Outputs {
    held: Mutex<usize>,
    freed: Condvar,
    most: usize,
}

/// Room that is given back when this is dropped.
pub(crate) struct Room<'a>(Option<(&'a Outputs, usize)>);

impl Outputs {
    pub(crate) fn new(budget: usize) -> Self {
        Self { held: Mutex::new(0), freed: Condvar::new(), most: budget / PART }
    }

    /// Waits until a batch of so many bytes may be compressed. Whoever holds room is compressing, and waits for nothing.
    pub(crate) fn wait(&self, bytes: usize) -> Room<'_> {
        if bytes < LARGE {
            return Room(None);
        }
        let mut held = lock(&self.held);
        while *held > 0 && *held + bytes > self.most {
            held = self.freed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held += bytes;
        Room(Some((self, bytes)))
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some((outputs, bytes)) = self.0 {
            *lock(&outputs.held) -= bytes;
            outputs.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn large_outputs_together_stay_within_their_part_and_everybody_has_a_turn() {
        let outputs = Outputs::new(32 << 20);
        let (now, most, turns) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for thread in 0..8 {
                let (outputs, now, most, turns) = (&outputs, &now, &most, &turns);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let room = outputs.wait((thread % 3 + 1) << 20);
                        let held = now.fetch_add((thread % 3 + 1) << 20, Ordering::SeqCst);
                        most.fetch_max(held + ((thread % 3 + 1) << 20), Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub((thread % 3 + 1) << 20, Ordering::SeqCst);
                        drop(room);
                        turns.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((turns.load(Ordering::SeqCst), *lock(&outputs.held)), (1_600, 0));
        assert!(most.load(Ordering::SeqCst) <= 4 << 20);
    }

    #[test]
    fn the_largest_is_made_alone_and_small_ones_beside_it() {
        let outputs = Outputs::new(32 << 20);
        let largest = outputs.wait(30 << 20);
        let _small = outputs.wait(LARGE - 1);
        let went = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (outputs, went) = (&outputs, &went);
            scope.spawn(move || {
                let _second = outputs.wait(LARGE);
                went.fetch_add(1, Ordering::SeqCst);
            });
            thread::yield_now();
            assert_eq!(went.load(Ordering::SeqCst), 0);
            drop(largest);
        });
    }
}
