//! One completion a batch: what all deliveries of a batch share.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use rohrpost_engine::Appended;

use crate::delivery::{Acknowledged, Delivery, Failed};
use crate::failure::Failure;
use crate::lock;

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
    waiting: Vec<Waiting>,
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

    /// Whether there is a verdict on a record.
    #[inline]
    pub(crate) fn is_resolved(&self, index: u32) -> bool {
        self.whole.get().is_some() || self.verdict_of(&lock(&self.parts), index).is_some()
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
        slot: &mut WakerSlot,
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
        let waiting = std::mem::take(&mut parts.waiting);
        let mut callbacks = std::mem::take(&mut parts.callbacks);
        if !is_done {
            let is_due = |(delivery, _): &(Delivery, Callback)| {
                self.verdict_of(&parts, delivery.index()).is_some()
            };
            let rest;
            (callbacks, rest) = callbacks.into_iter().partition(is_due);
            parts.callbacks = rest;
        }
        News { is_done, waiting, callbacks }
    }
}

impl News {
    /// Wakes who waits, and runs callbacks. Not under any lock: it is foreign code.
    pub(crate) fn tell(self) {
        for entry in self.waiting {
            entry.waker.wake();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn deliveries(count: u32) -> (Arc<Completion>, Vec<Delivery>) {
        let completion = Arc::new(Completion::new("t".into(), 7));
        let delivery = |index| Delivery::new(completion.clone(), index, 5, None, Some(1));
        let deliveries = (0..count).map(delivery).collect();
        completion.close(count);
        (completion, deliveries)
    }

    /// Whether the batch is done.
    fn tell(news: News) -> bool {
        let is_done = news.is_done;
        news.tell();
        is_done
    }

    fn at(offset: i64) -> Verdict {
        Ok(Appended { base_offset: Some(offset), log_append_time: None })
    }

    fn offsets(deliveries: &[Delivery]) -> Vec<Option<i64>> {
        let offset = |d: &Delivery| d.result().and_then(|result| result.ok()?.offset());
        deliveries.iter().map(offset).collect()
    }

    #[test]
    fn one_verdict_resolves_the_whole_batch_with_offsets_in_order() {
        let (completion, deliveries) = deliveries(3);
        assert_eq!(offsets(&deliveries), [None; 3]);
        assert!(tell(completion.resolve(0..3, at(100))));
        assert_eq!(offsets(&deliveries), [100, 101, 102].map(Some));
    }

    #[test]
    fn runs_of_records_resolve_by_themselves() {
        let (completion, deliveries) = deliveries(4);
        let failure = Arc::new(Failure::Closed);
        assert!(!tell(completion.resolve(2..3, Err(failure))));
        assert!(!tell(completion.resolve(0..2, at(100))));
        assert_eq!(offsets(&deliveries), [Some(100), Some(101), None, None]);
        assert!(deliveries[2].result().unwrap().is_err());
        assert!(!deliveries[3].is_resolved());
        assert!(tell(completion.resolve(3..4, at(200))));
        assert_eq!(offsets(&deliveries), [Some(100), Some(101), None, Some(200)]);
    }

    #[test]
    fn what_is_left_fails_and_what_was_resolved_stays() {
        let (completion, deliveries) = deliveries(2);
        completion.resolve(0..1, at(9)).tell();
        completion.resolve_rest(Arc::new(Failure::Closed));
        assert_eq!(offsets(&deliveries), [Some(9), None]);
        assert!(deliveries[1].result().unwrap().is_err());
    }

    #[test]
    fn a_task_that_awaits_a_thousand_deliveries_is_woken_once() {
        let (completion, mut deliveries) = deliveries(1000);
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        for _ in 0..2 {
            for delivery in &mut deliveries {
                assert!(delivery.poll_result(&mut cx).is_pending());
            }
        }
        assert_eq!(lock(&completion.parts).waiting.len(), 1);
        completion.resolve(0..1000, at(0)).tell();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(deliveries.iter_mut().all(|delivery| delivery.poll_result(&mut cx).is_ready()));
    }

    #[test]
    fn a_poll_that_gives_the_result_gives_the_hold_on_the_batch_with_it() {
        let (completion, mut deliveries) = deliveries(2);
        let again = deliveries[0].clone();
        completion.resolve(0..2, at(5)).tell();
        let holders = Arc::strong_count(&completion);
        let poll = deliveries[0].poll_result(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok(acknowledged)) = poll else { panic!("it is resolved") };
        assert_eq!(Arc::strong_count(&completion), holders);
        assert_eq!((acknowledged.topic(), acknowledged.offset()), ("t", Some(5)));
        assert!(deliveries[0].is_resolved() && deliveries[0].result().is_none());
        assert_eq!(offsets(&[again]), [Some(5)]);
    }

    #[test]
    fn every_task_that_awaits_is_woken_and_a_changed_waker_counts() {
        let (completion, mut deliveries) = deliveries(2);
        let counts = [(); 3].map(|()| Arc::new(Count::default()));
        for (delivery, count) in [(0, 0), (1, 1), (0, 2), (1, 1)] {
            let waker = Waker::from(counts[count].clone());
            assert!(
                deliveries[delivery].poll_result(&mut Context::from_waker(&waker)).is_pending()
            );
        }
        assert_eq!(lock(&completion.parts).waiting.len(), 2);
        completion.resolve(0..2, at(0)).tell();
        assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [0, 1, 1]);
    }

    #[test]
    fn polling_with_ever_new_wakers_keeps_one() {
        let (completion, mut deliveries) = deliveries(1);
        for _ in 0..100 {
            let waker = Waker::from(Arc::new(Count::default()));
            assert!(deliveries[0].poll_result(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(lock(&completion.parts).waiting.len(), 1);
    }

    #[test]
    fn callbacks_run_once_and_a_panic_in_one_spares_the_others() {
        let (completion, deliveries) = deliveries(3);
        let count = Arc::new(Count::default());
        for (delivery, index) in deliveries.iter().zip(0..) {
            let count = count.clone();
            delivery.clone().call_back(move |result| {
                assert_ne!(index, 1, "this panic is part of the test");
                assert_eq!(result.ok().and_then(|result| result.offset()), Some(index));
                count.wake();
            });
        }
        completion.resolve(0..3, at(0)).tell();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        let late = count.clone();
        deliveries[0].clone().call_back(move |_| late.wake());
        assert_eq!(count.0.load(Ordering::Relaxed), 3);
    }
}
