//! The future of one record's acknowledgement.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::completion::{Completion, Verdict, WakerSlot};
use crate::failure::Failure;

/// One record's part of its batch's completion. Awaiting it is [`poll_result`](Self::poll_result).
pub struct Delivery {
    completion: Arc<Completion>,
    index: u32,
    slot: Option<WakerSlot>,
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
        Self { completion, index, slot: None, timestamp, key_size, value_size }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        self.completion.topic()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.completion.partition()
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Whether the result is known.
    pub fn is_resolved(&self) -> bool {
        self.completion.verdict(self.index).is_some()
    }

    /// The result, if it is known.
    pub fn result(&self) -> Option<Result<Acknowledged, Failed>> {
        self.completion.verdict(self.index).map(|(first, verdict)| self.settle(first, verdict))
    }

    /// The result, or a promise to wake the task when it is known.
    pub fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<Acknowledged, Failed>> {
        let Self { completion, index, slot, .. } = self;
        completion.poll(cx, *index, slot).map(|(first, verdict)| self.settle(first, verdict))
    }

    /// Calls back, once, when the result is known: from the driver's task, or at once if it is known already. The callback must not block; a
    /// panic in it is caught.
    pub fn call_back(self, callback: impl FnOnce(Result<Acknowledged, Failed>) + Send + 'static) {
        let completion = self.completion.clone();
        completion.call_back(self, Box::new(callback));
    }

    fn settle(&self, first: u32, verdict: Verdict) -> Result<Acknowledged, Failed> {
        let completion = self.completion.clone();
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

impl Clone for Delivery {
    /// The clone waits for itself: it has no place in the list of wakers yet.
    fn clone(&self) -> Self {
        Self { completion: self.completion.clone(), slot: None, ..*self }
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
    completion: Arc<Completion>,
    failure: Arc<Failure>,
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
