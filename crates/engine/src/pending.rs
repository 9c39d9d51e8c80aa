//! Which batches are not done yet, in the order in which the engine heard of them: what a flush waits for.

use alloc::collections::VecDeque;

use crate::ids::FlushId;

/// A sliding window of flags, one a batch, and the flushes that wait for it to slide on.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The oldest batch that is not done.
    base: u64,
    /// Whether each batch from `base` on is done. Never begins with `true`.
    done: VecDeque<bool>,
    open: usize,
    /// Each with the batches that it waits for: all below.
    flushes: VecDeque<(u64, FlushId)>,
    /// Batches below this number are wanted by a commit.
    hurried: u64,
}

impl Pending {
    /// The number of the next batch to be heard of.
    pub(crate) fn next(&self) -> u64 {
        self.base + self.done.len() as u64
    }

    /// A batch was heard of; it is [`next`](Self::next).
    pub(crate) fn born(&mut self) {
        self.done.push_back(false);
        self.open += 1;
    }

    /// A batch is done, all of its records.
    pub(crate) fn done(&mut self, born: u64) {
        let place = born.checked_sub(self.base).and_then(|place| usize::try_from(place).ok());
        let Some(flag) = place.and_then(|place| self.done.get_mut(place)) else { return };
        if !core::mem::replace(flag, true) {
            self.open -= 1;
        }
        while self.done.front() == Some(&true) {
            self.done.pop_front();
            self.base += 1;
        }
    }

    /// How many batches are not done.
    pub(crate) const fn open(&self) -> usize {
        self.open
    }

    /// A flush of everything heard of so far.
    pub(crate) fn flush(&mut self, flush: FlushId) {
        self.flushes.push_back((self.next(), flush));
    }

    /// Batches below this number are wanted by a flush, or by a commit.
    pub(crate) fn flush_before(&self) -> u64 {
        self.flushes.back().map_or(0, |&(before, _)| before).max(self.hurried)
    }

    /// A commit of everything heard of so far: below this number.
    pub(crate) fn hurry(&mut self) -> u64 {
        self.hurried = self.next();
        self.hurried
    }

    /// Whether every batch below this number is done.
    pub(crate) const fn is_done_before(&self, before: u64) -> bool {
        self.base >= before
    }

    /// The next flush that is done.
    pub(crate) fn next_flushed(&mut self) -> Option<FlushId> {
        let &(before, flush) = self.flushes.front()?;
        if before > self.base {
            return None;
        }
        self.flushes.pop_front();
        Some(flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_waits_for_what_was_before_it_and_for_nothing_else() {
        let mut pending = Pending::default();
        pending.flush(FlushId(0));
        assert_eq!(pending.next_flushed(), Some(FlushId(0)));
        for _ in 0..3 {
            pending.born();
        }
        pending.flush(FlushId(1));
        pending.born();
        pending.flush(FlushId(2));
        assert_eq!(pending.flush_before(), 4);
        pending.done(2);
        pending.done(0);
        pending.done(0);
        assert_eq!(pending.next_flushed(), None);
        pending.done(1);
        assert_eq!(pending.next_flushed(), Some(FlushId(1)));
        assert_eq!(pending.next_flushed(), None);
        assert_eq!(pending.open(), 1);
        pending.done(3);
        assert_eq!(pending.next_flushed(), Some(FlushId(2)));
        assert_eq!((pending.open(), pending.next(), pending.done.len()), (0, 4, 0));
    }
}
