//! The future of one record's acknowledgement.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::completion::{Completion, Verdict, WakerSlot};
use crate::failure::Failure;

/// One record's part of its batch's completion. Awaiting it is [`poll_result`](Self::poll_result).
pub struct Delivery {
    /// Goes into the result when a poll gives it, which spares a record two atomic counts.
    completion: Option<Arc<Completion>>,
    index: u32,
    slot: WakerSlot,
    timestamp: i64,
    /// -1 for null.
    key_size: i32,
    value_size: i32,
}

impl Delivery {
    pub(crate) fn new(
        completion: Arc<Completion>,
        index: u32,
        timestamp: i64,
        key_size: Option<usize>,
        value_size: Option<usize>,
    ) -> Self {
        // Records have at most 2 GiB: the appender has checked it.
        let size = |size: Option<usize>| size.map_or(-1, |size| size as i32);
        let (key_size, value_size) = (size(key_size), size(value_size));
        let completion = Some(completion);
        Self { completion, index, slot: WakerSlot::NONE, timestamp, key_size, value_size }
    }

    /// The topic; empty once a poll has given the result.
    pub fn topic(&self) -> &str {
        self.completion.as_ref().map_or("", |completion| completion.topic())
    }

    /// The partition; -1 once a poll has given the result.
    pub fn partition(&self) -> i32 {
        self.completion.as_ref().map_or(-1, |completion| completion.partition())
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// What it shares with the other deliveries of its batch; `None` once a poll has given the result.
    pub(crate) fn into_completion(self) -> Option<Arc<Completion>> {
        self.completion
    }

    /// Whether the result is known, or was given by a poll.
    #[inline]
    pub fn is_resolved(&self) -> bool {
        self.completion.as_ref().is_none_or(|completion| completion.is_resolved(self.index))
    }

    /// The result, if it is known and no poll has given it.
    pub fn result(&self) -> Option<Result<Acknowledged, Failed>> {
        let completion = self.completion.as_ref()?;
        let (range, verdict) = completion.verdict(self.index)?;
        Some(self.settle(completion.clone(), range.start, verdict))
    }

    /// Whether the result is known, or a promise to wake the task when it is. Takes nothing.
    pub fn poll_resolved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.completion {
            Some(completion) => completion.poll(cx, self.index, &mut self.slot).map(drop),
            None => Poll::Ready(()),
        }
    }

    /// The result, or a promise to wake the task when it is known.
    ///
    /// # Panics
    /// If an earlier poll has given the result, as futures may.
    #[inline]
    pub fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<Acknowledged, Failed>> {
        let Some(completion) = &self.completion else { polled_again() };
        let (range, verdict) = ready!(completion.poll(cx, self.index, &mut self.slot));
        match self.completion.take() {
            Some(completion) => Poll::Ready(self.settle(completion, range.start, verdict)),
            None => polled_again(),
        }
    }

    /// Calls back, once, when the result is known: from the driver's task, or at once if it is known already. The callback must not block; a
    /// panic in it is caught.
    pub fn call_back(self, callback: impl FnOnce(Result<Acknowledged, Failed>) + Send + 'static) {
        if let Some(completion) = self.completion.clone() {
            completion.call_back(self, Box::new(callback));
        }
    }

    #[inline]
    fn settle(
        &self,
        completion: Arc<Completion>,
        first: u32,
        verdict: Verdict,
    ) -> Result<Acknowledged, Failed> {
        match verdict {
            Ok(appended) => Ok(Acknowledged {
                completion,
                offset: appended.base_offset.map(|base| base + i64::from(self.index - first)),
                timestamp: appended.log_append_time.unwrap_or(self.timestamp),
                is_log_append_time: appended.log_append_time.is_some(),
                key_size: self.key_size,
                value_size: self.value_size,
            }),
            Err(failure) => Err(Failed { completion, failure }),
        }
    }
}

#[cold]
#[allow(
    clippy::panic,
    reason = "what a future does that is polled after its end; an error would look like the record's"
)]
fn polled_again() -> ! {
    panic!("a delivery was polled after it had given its result")
}

impl Clone for Delivery {
    /// The clone waits for itself: it has no place in the list of wakers yet.
    fn clone(&self) -> Self {
        Self { completion: self.completion.clone(), slot: WakerSlot::NONE, ..*self }
    }
}

/// A record that was acknowledged.
#[derive(Clone)]
pub struct Acknowledged {
    completion: Arc<Completion>,
    offset: Option<i64>,
    timestamp: i64,
    is_log_append_time: bool,
    key_size: i32,
    value_size: i32,
}

impl Acknowledged {
    /// The topic.
    pub fn topic(&self) -> &str {
        self.completion.topic()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.completion.partition()
    }

    /// The record's offset, where the broker said it.
    pub fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// Milliseconds since the Unix epoch.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Whether the broker set the timestamp.
    pub fn is_log_append_time(&self) -> bool {
        self.is_log_append_time
    }

    /// Bytes of the key; `None` for null.
    pub fn key_size(&self) -> Option<usize> {
        usize::try_from(self.key_size).ok()
    }

    /// Bytes of the value; `None` for null.
    pub fn value_size(&self) -> Option<usize> {
        usize::try_from(self.value_size).ok()
    }
}

/// A record that was not acknowledged.
#[derive(Clone)]
pub struct Failed {
    pub(crate) completion: Arc<Completion>,
    pub(crate) failure: Arc<Failure>,
}

impl Failed {
    /// The topic.
    pub fn topic(&self) -> &str {
        self.completion.topic()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.completion.partition()
    }

    /// Why.
    pub fn failure(&self) -> &Arc<Failure> {
        &self.failure
    }
}
