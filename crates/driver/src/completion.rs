//! One completion a batch: what all deliveries of a batch share.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use crate::delivery::{Acknowledged, Delivery, Failed};
use crate::failure::Failure;
use crate::lock;

/// What the cluster said of some records of a batch.
pub(crate) type Verdict = Result<Appended, Arc<Failure>>;

/// Where a run of records was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// Offset of the run's first record, where the broker said it.
    pub(crate) base_offset: Option<i64>,
    /// The broker's time of appending, where it overrides the records' own.
    pub(crate) log_append_time: Option<i64>,
}

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

/// Where a delivery left its waker in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WakerSlot(u32);

impl Completion {
    pub(crate) fn new(topic: Arc<str>, partition: i32) -> Self {
        Self {
            topic,
            partition,
            whole: OnceLock::new(),
            parts: Mutex::default(),
            open: AtomicU32::new(u32::MAX),
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    /// The verdict on a record and the index of the first record that the verdict is about.
    #[inline]
    pub(crate) fn verdict(&self, index: u32) -> Option<(u32, Verdict)> {
        if let Some(verdict) = self.whole.get() {
            return Some((0, verdict.clone()));
        }
        self.verdict_of(&lock(&self.parts), index)
    }

    fn verdict_of(&self, parts: &Parts, index: u32) -> Option<(u32, Verdict)> {
        if let Some(verdict) = self.whole.get() {
            return Some((0, verdict.clone()));
        }
        let (range, verdict) = parts.verdicts.iter().find(|(range, _)| range.contains(&index))?;
        Some((range.start, verdict.clone()))
    }

    /// The verdict, or a promise to wake the task once there is one.
    pub(crate) fn poll(
        &self,
        cx: &mut Context<'_>,
        index: u32,
        slot: &mut Option<WakerSlot>,
    ) -> Poll<(u32, Verdict)> {
        if let Some(verdict) = self.whole.get() {
            return Poll::Ready((0, verdict.clone()));
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

    /// Says how many records the batch has, now that it is closed.
    pub(crate) fn close(&self, records: u32) {
        self.open.store(records, Ordering::Relaxed);
    }

    /// Sets the verdict on some records, wakes who waits for them and runs their callbacks, outside of any lock. Returns whether every
    /// record of the batch has its verdict now.
    pub(crate) fn resolve(&self, records: Range<u32>, verdict: Verdict) -> bool {
        let count = records.end.saturating_sub(records.start);
        let mut parts = lock(&self.parts);
        let open = self.open.load(Ordering::Relaxed);
        self.open.store(open.saturating_sub(count), Ordering::Relaxed);
        let done = count >= open;
        if done && parts.verdicts.is_empty() {
            // Nobody else sets it: all of this happens under the lock.
            let _ = self.whole.set(verdict);
        } else {
            parts.verdicts.push((records, verdict));
        }
        let waiting = std::mem::take(&mut parts.waiting);
        let callbacks = if done {
            std::mem::take(&mut parts.callbacks)
        } else {
            let all = std::mem::take(&mut parts.callbacks);
            let (due, rest) = all
                .into_iter()
                .partition(|(delivery, _)| self.verdict_of(&parts, delivery.index()).is_some());
            parts.callbacks = rest;
            due
        };
        drop(parts);
        for entry in waiting {
            entry.waker.wake();
        }
        for (delivery, callback) in callbacks {
            run(&delivery, callback);
        }
        done
    }
}

impl Parts {
    /// Tasks that await many deliveries of a batch, one after another or all at once, share an entry where their wakers are the same.
    fn wait(&mut self, waker: &Waker, slot: &mut Option<WakerSlot>) {
        if let Some(entry) = slot.and_then(|WakerSlot(at)| self.waiting.get_mut(at as usize)) {
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
        *slot = u32::try_from(at).ok().map(WakerSlot);
    }
}

/// A callback is the user's code: a panic in it must not end the driver. The panic hook has reported it.
fn run(delivery: &Delivery, callback: Callback) {
    if let Some(result) = delivery.result() {
        let _ = catch_unwind(AssertUnwindSafe(|| callback(result)));
    }
}
