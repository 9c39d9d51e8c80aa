//! Sends that wait for metadata.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use rohrpost_codec::ByteStr;
use rohrpost_engine::{AdmissionError, TopicIndex, WaiterId};

use crate::lock;

#[derive(Default)]
pub(crate) struct Awaits {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    waiting: HashMap<WaiterId, Entry>,
    /// Topics that somebody who does not wait has asked for.
    probed: HashSet<ByteStr>,
    /// The driver is gone: no answer will come.
    closed: bool,
}

enum Entry {
    Waiting(Option<Waker>),
    Answered(Result<TopicIndex, AdmissionError>),
    /// Nobody waits; the topic can be asked for again once there is an answer.
    Probe(ByteStr),
}

/// The driver went away before it answered.
#[derive(Debug)]
pub(crate) struct DriverGone;

impl Awaits {
    /// A place for somebody who waits.
    pub(crate) fn register(&self) -> WaiterId {
        lock(&self.state).register(Entry::Waiting(None))
    }

    /// An id to ask for a topic with, on behalf of somebody who does not wait; `None` if that has been done and not been answered.
    pub(crate) fn probe(&self, topic: &str) -> Option<WaiterId> {
        let mut state = lock(&self.state);
        if state.closed || state.probed.contains(topic) {
            return None;
        }
        let topic = ByteStr::copy_from(topic);
        state.probed.insert(topic.clone());
        Some(state.register(Entry::Probe(topic)))
    }

    /// The answer, which uses the place up, or a promise to wake the task.
    pub(crate) fn poll(
        &self,
        cx: &mut Context<'_>,
        waiter: WaiterId,
    ) -> Poll<Result<Result<TopicIndex, AdmissionError>, DriverGone>> {
        let mut state = lock(&self.state);
        match state.waiting.remove(&waiter) {
            Some(Entry::Answered(answer)) => Poll::Ready(Ok(answer)),
            Some(Entry::Waiting(_)) if !state.closed => {
                state.waiting.insert(waiter, Entry::Waiting(Some(cx.waker().clone())));
                Poll::Pending
            }
            _ => Poll::Ready(Err(DriverGone)),
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        let state = lock(&self.state);
        state.waiting.values().filter(|entry| matches!(entry, Entry::Waiting(_))).count()
    }

    /// Gives a place up; the answer, if it comes, is dropped.
    pub(crate) fn cancel(&self, waiter: WaiterId) {
        lock(&self.state).waiting.remove(&waiter);
    }

    /// The engine's answer.
    pub(crate) fn answer(&self, waiter: WaiterId, result: Result<TopicIndex, AdmissionError>) {
        let mut state = lock(&self.state);
        let waker = match state.waiting.remove(&waiter) {
            Some(Entry::Waiting(waker)) => {
                state.waiting.insert(waiter, Entry::Answered(result));
                waker
            }
            Some(Entry::Probe(topic)) => {
                state.probed.remove(&topic);
                None
            }
            Some(Entry::Answered(_)) | None => None,
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// No answers any more: wakes everybody.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let wakers: Vec<Waker> = state
            .waiting
            .values_mut()
            .filter_map(|entry| match entry {
                Entry::Waiting(waker) => waker.take(),
                Entry::Answered(_) | Entry::Probe(_) => None,
            })
            .collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn register(&mut self, entry: Entry) -> WaiterId {
        let id = WaiterId(self.next);
        self.next += 1;
        self.waiting.insert(id, entry);
        id
    }
}
