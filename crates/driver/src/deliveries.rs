//! Many records' deliveries as one: an entry for each batch instead of a future for each record.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::completion::{Completion, Verdict, WakerSlot};
use crate::delivery::{Delivery, Failed};
use crate::failure::Failure;

/// Partitions whose last entry is found at once.
const RECENT: usize = 64;

/// The deliveries of many records, in the order in which their batches began.
///
/// Records that follow each other in a batch share an entry: what is done for a record is a look at the entry of its partition.
pub struct Deliveries {
    runs: VecDeque<Run>,
    /// How many runs were taken from the front so far, modulo 2^32: the number of the first one that is left.
    taken: u32,
    /// The number of the last run of a partition, at its number modulo [`RECENT`].
    recent: [u32; RECENT],
    records: u64,
}

/// Records that follow each other in a batch.
struct Run {
    completion: Arc<Completion>,
    first: u32,
    end: u32,
    slot: WakerSlot,
}

/// What became of records that follow each other in a batch.
pub struct Settled {
    completion: Arc<Completion>,
    records: u32,
    /// Of the first one.
    offset: Option<i64>,
    failure: Option<Arc<Failure>>,
}

impl Deliveries {
    /// None yet.
    pub fn new() -> Self {
        // The run of this number comes last of all, so that none is taken for one that is there.
        Self { runs: VecDeque::new(), taken: 0, recent: [u32::MAX; RECENT], records: 0 }
    }

    /// Records whose result was not taken yet.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Adds a record's delivery. One that has given its result is none any more.
    pub fn push(&mut self, delivery: Delivery) {
        let index = delivery.index();
        if let Some(completion) = delivery.into_completion() {
            self.note(&completion, index);
        }
    }

    /// Adds a record of a batch.
    #[inline]
    pub(crate) fn note(&mut self, completion: &Arc<Completion>, index: u32) {
        self.records += 1;
        let place = completion.partition().unsigned_abs() as usize % RECENT;
        let at = self.recent[place].wrapping_sub(self.taken) as usize;
        match self.runs.get_mut(at) {
            Some(run) if run.end == index && Arc::ptr_eq(&run.completion, completion) => {
                run.end += 1;
            }
            _ => self.begin(completion, index, place),
        }
    }

    /// The first record of a batch, or the first after one that somebody else sent.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, completion: &Arc<Completion>, index: u32, place: usize) {
        self.recent[place] = self.taken.wrapping_add(self.runs.len() as u32);
        self.runs.push_back(Run {
            completion: completion.clone(),
            first: index,
            end: index + 1,
            slot: WakerSlot::NONE,
        });
    }

    /// Takes the next result that is known; `None`: the next one is not known yet, or there is none.
    pub fn take_next(&mut self) -> Option<Settled> {
        let run = self.runs.front()?;
        let (range, verdict) = run.completion.verdict(run.first)?;
        self.settle(range.end, range.start, verdict)
    }

    /// The next result, or a promise to wake the task when it is known; `None` when nothing is left.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Settled>> {
        let Some(run) = self.runs.front_mut() else { return Poll::Ready(None) };
        let (range, verdict) = ready!(run.completion.poll(cx, run.first, &mut run.slot));
        Poll::Ready(self.settle(range.end, range.start, verdict))
    }

    /// Takes the records up to `end` off the first run: a verdict that began at `start` is about them.
    fn settle(&mut self, end: u32, start: u32, verdict: Verdict) -> Option<Settled> {
        let run = self.runs.front_mut()?;
        let (first, end) = (run.first, end.min(run.end));
        run.first = end;
        let completion = if end == run.end {
            self.taken = self.taken.wrapping_add(1);
            self.runs.pop_front()?.completion
        } else {
            run.completion.clone()
        };
        let records = end - first;
        self.records -= u64::from(records);
        let (offset, failure) = match verdict {
            Ok(appended) => {
                (appended.base_offset.map(|base| base + i64::from(first - start)), None)
            }
            Err(failure) => (None, Some(failure)),
        };
        Some(Settled { completion, records, offset, failure })
    }
}

impl Default for Deliveries {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("records", &self.records)
            .field("runs", &self.runs.len())
            .finish()
    }
}

impl Settled {
    /// The topic.
    pub fn topic(&self) -> &str {
        self.completion.topic()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.completion.partition()
    }

    /// How many records, at least one.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// The offset of the first record, where it was acknowledged and the broker said it.
    pub fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// Why they failed; `None`: they were acknowledged.
    pub fn failed(&self) -> Option<Failed> {
        let failure = self.failure.clone()?;
        Some(Failed { completion: self.completion.clone(), failure })
    }
}
