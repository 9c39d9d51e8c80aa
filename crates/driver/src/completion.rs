//! One completion a batch: what all deliveries of a batch share.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rohrpost_engine::Appended;

use crate::delivery::{Acknowledged, Delivery, Failed};
use crate::failure::Failure;
use crate::sync::{AtomicU32, Mutex, OnceLock, Ordering, lock};

/// What the cluster said of some records of a batch.
pub(crate) type Verdict = Result<Appended, Arc<Failure>>;

/// A callback of one record.
pub(crate) type Callback = Box<dyn FnOnce(Result<Acknowledged, Failed>) + Send>;

/// The fate of one batch's records.
///
/// Almost always one verdict covers them all: then reading it is one atomic load. A batch that is split, or of which single
/// records are refused (KIP-467), gets a verdict for each run of records.
pub(crate) struct Completion {
    topic: Arc<str>,
    partition: i32,
    whole: OnceLock<Verdict>,
    parts: Mutex<Parts>,
    /// Records that have no verdict yet; known once the batch is sealed.
    open: AtomicU32,
}

#[derive(Default)]
struct Parts {
    verdicts: Vec<(Range<u32>, Verdict)>,
    waiting: Vec<Waiting>,
    callbacks: Vec<(Delivery, Callback)>,
}

/// A task that waits for some deliveries of the batch.
struct Waiting {
    waker: Waker,
    /// How many deliveries rely on this entry.
    users: u32,
}

/// A verdict that is set, and who is to hear of it.
#[must_use = "whoever waits has to be told"]
pub(crate) struct News {
    /// Every record of the batch has its verdict now.
    pub(crate) is_done: bool,
    wakers: Vec<Waker>,
    callbacks: Vec<(Delivery, Callback)>,
}

/// Where a delivery left its waker in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WakerSlot(u32);

impl WakerSlot {
    /// Nowhere.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

impl Completion {
    pub(crate) fn new(topic: Arc<str>, partition: i32) -> Self {
        Self {
            topic,
            partition,
            whole: OnceLock::new(),
            parts: Mutex::new(Parts::default()),
            open: AtomicU32::new(u32::MAX),
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    /// Whether there is a verdict on a record.
    #[inline]
    pub(crate) fn is_resolved(&self, index: u32) -> bool {
        self.whole.get().is_some() || self.verdict_of(&lock(&self.parts), index).is_some()
    }

    /// The verdict on a record, and the records that it is about: from the first one on as far as nothing else was said before.
    #[inline]
    pub(crate) fn verdict(&self, index: u32) -> Option<(Range<u32>, Verdict)> {
        if let Some(verdict) = self.whole.get() {
            return Some((0..u32::MAX, verdict.clone()));
        }
        self.verdict_of(&lock(&self.parts), index)
    }

    fn verdict_of(&self, parts: &Parts, index: u32) -> Option<(Range<u32>, Verdict)> {
        if let Some(verdict) = self.whole.get() {
            return Some((0..u32::MAX, verdict.clone()));
        }
        let at = parts.verdicts.iter().position(|(range, _)| range.contains(&index))?;
        let (range, verdict) = &parts.verdicts[at];
        let earlier = parts.verdicts[..at].iter().map(|(range, _)| range.start);
        let end = earlier.filter(|start| *start > index).fold(range.end, u32::min);
        Some((range.start..end, verdict.clone()))
    }

    /// The verdict, or a promise to wake the task once there is one.
    pub(crate) fn poll(
        &self,
        cx: &mut Context<'_>,
        index: u32,
        slot: &mut WakerSlot,
    ) -> Poll<(Range<u32>, Verdict)> {
        if let Some(verdict) = self.whole.get() {
            return Poll::Ready((0..u32::MAX, verdict.clone()));
        }
        let mut parts = lock(&self.parts);
        match self.verdict_of(&parts, index) {
            Some(verdict) => Poll::Ready(verdict),
            None => {
                parts.wait(cx.waker(), slot);
                Poll::Pending
            }
        }
    }

    /// Calls back when the record has its verdict; at once if it has.
    pub(crate) fn call_back(&self, delivery: Delivery, callback: Callback) {
        let mut parts = lock(&self.parts);
        if self.verdict_of(&parts, delivery.index()).is_none() {
            parts.callbacks.push((delivery, callback));
            return;
        }
        drop(parts);
        run(&delivery, callback);
    }

    /// How many wakers are kept.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.parts).waiting.len()
    }

    /// Says how many records the batch has, now that it is closed.
    pub(crate) fn close(&self, records: u32) {
        self.open.store(records, Ordering::Relaxed);
    }

    /// How many records of a batch that is closed have no verdict.
    pub(crate) fn unresolved(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// Sets the verdict on all records that have none.
    pub(crate) fn resolve_rest(&self, failure: Arc<Failure>) {
        // Where runs overlap, the one that came first counts.
        self.resolve(0..u32::MAX, Err(failure)).tell();
    }

    /// Sets the verdict on some records. Whoever waits for them hears of it by [`News::tell`].
    pub(crate) fn resolve(&self, records: Range<u32>, verdict: Verdict) -> News {
        let count = records.end.saturating_sub(records.start);
        let mut parts = lock(&self.parts);
        let open = self.open.load(Ordering::Relaxed);
        self.open.store(open.saturating_sub(count), Ordering::Relaxed);
        let is_done = count >= open;
        if is_done && parts.verdicts.is_empty() {
            // Nobody else sets it: all of this happens under the lock.
            let _ = self.whole.set(verdict);
        } else {
            parts.verdicts.push((records, verdict));
        }
        // Where some still wait, the list stays as it is, since their deliveries know their places in it.
        let wakers = if is_done {
            std::mem::take(&mut parts.waiting).into_iter().map(|entry| entry.waker).collect()
        } else {
            parts.waiting.iter().map(|entry| entry.waker.clone()).collect()
        };
        let mut callbacks = std::mem::take(&mut parts.callbacks);
        if !is_done {
            let is_due = |(delivery, _): &(Delivery, Callback)| {
                self.verdict_of(&parts, delivery.index()).is_some()
            };
            let rest;
            (callbacks, rest) = callbacks.into_iter().partition(is_due);
            parts.callbacks = rest;
        }
        News { is_done, wakers, callbacks }
    }
}

impl News {
    /// Wakes who waits, and runs callbacks. Not under any lock: it is foreign code.
    pub(crate) fn tell(self) {
        self.wakers.into_iter().for_each(Waker::wake);
        for (delivery, callback) in self.callbacks {
            run(&delivery, callback);
        }
    }
}

impl Parts {
    /// Tasks that await many deliveries of a batch, one after another or all at once, share an entry where their wakers are the same.
    fn wait(&mut self, waker: &Waker, slot: &mut WakerSlot) {
        if let Some(entry) = self.waiting.get_mut(slot.0 as usize) {
            if entry.waker.will_wake(waker) {
                return;
            }
            if entry.users == 1 {
                entry.waker.clone_from(waker);
                return;
            }
            entry.users -= 1;
        }
        let last = self.waiting.len().checked_sub(1);
        let at = match self.waiting.last_mut() {
            Some(entry) if entry.waker.will_wake(waker) => {
                entry.users += 1;
                last.unwrap_or_default()
            }
            _ => {
                self.waiting.push(Waiting { waker: waker.clone(), users: 1 });
                self.waiting.len() - 1
            }
        };
        *slot = u32::try_from(at).map_or(WakerSlot::NONE, WakerSlot);
    }
}

/// A callback is the user's code: a panic in it must not end the driver. The panic hook has reported it.
fn run(delivery: &Delivery, callback: Callback) {
    if let Some(result) = delivery.result() {
        let _ = catch_unwind(AssertUnwindSafe(|| callback(result)));
    }
}
