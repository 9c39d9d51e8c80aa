//! Sends that wait for metadata.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use rohrpost_codec::ByteStr;
use rohrpost_engine::{AdmissionError, Time, TopicIndex, WaiterId};

use crate::lock;

/// Who waits, for what, and what the driver has yet to hear of it: that is bounded by who waits, however often somebody begins and gives up while the driver
/// has no turn.
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
    /// What the driver has not taken yet, in the order in which they came.
    wishes: BTreeMap<WaiterId, Wish>,
    /// Who gave up after the driver had taken the wish.
    given_up: Vec<WaiterId>,
    /// The driver has been told to look, and has not looked yet.
    told: bool,
    /// The driver is gone: no answer will come.
    closed: bool,
}

enum Entry {
    Waiting(Option<Waker>),
    Answered(Result<TopicIndex, AdmissionError>),
    /// Nobody waits; the topic can be asked for again once there is an answer.
    Probe(ByteStr),
}

/// What is waited for.
pub(crate) struct Wish {
    pub(crate) topic: ByteStr,
    pub(crate) partition: Option<i32>,
    pub(crate) deadline: Time,
}

/// What the driver has to hear.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) wishes: BTreeMap<WaiterId, Wish>,
    pub(crate) given_up: Vec<WaiterId>,
}

/// The driver went away before it answered.
#[derive(Debug)]
pub(crate) struct DriverGone;

/// Whether the driver has to be told to look.
pub(crate) type IsNews = bool;

impl Awaits {
    /// A place for somebody who waits.
    pub(crate) fn register(&self, wish: Wish) -> Result<(WaiterId, IsNews), DriverGone> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(DriverGone);
        }
        let id = state.register(Entry::Waiting(None), wish);
        Ok((id, state.tell()))
    }

    /// Asks for a topic on behalf of somebody who does not wait, if that has not been done before without being answered.
    pub(crate) fn probe(
        &self,
        topic: &str,
        partition: Option<i32>,
        deadline: impl FnOnce() -> Time,
    ) -> Result<IsNews, DriverGone> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(DriverGone);
        }
        if state.probed.contains(topic) {
            return Ok(false);
        }
        let topic = ByteStr::copy_from(topic);
        state.probed.insert(topic.clone());
        let wish = Wish { topic: topic.clone(), partition, deadline: deadline() };
        state.register(Entry::Probe(topic), wish);
        Ok(state.tell())
    }

    /// What is new since the driver looked last.
    pub(crate) fn take(&self) -> Changes {
        let mut state = lock(&self.state);
        state.told = false;
        Changes {
            wishes: std::mem::take(&mut state.wishes),
            given_up: std::mem::take(&mut state.given_up),
        }
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
    pub(crate) fn cancel(&self, waiter: WaiterId) -> IsNews {
        let mut state = lock(&self.state);
        let Some(Entry::Waiting(_)) = state.waiting.remove(&waiter) else { return false };
        if state.wishes.remove(&waiter).is_some() || state.closed {
            return false;
        }
        state.given_up.push(waiter);
        state.tell()
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
    fn register(&mut self, entry: Entry, wish: Wish) -> WaiterId {
        let id = WaiterId(self.next);
        self.next += 1;
        self.waiting.insert(id, entry);
        self.wishes.insert(id, wish);
        id
    }

    fn tell(&mut self) -> IsNews {
        !std::mem::replace(&mut self.told, true)
    }
}
