//! `buffer.memory`, shared: the engine's budget behind a mutex, and the wakers of those who wait for it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use rohrpost_engine::{Budget, Claim, Grant, OverBudget, Ticket, Time};

use crate::lock;

pub(crate) struct Memory {
    state: Mutex<State>,
}

struct State {
    budget: Budget,
    wakers: HashMap<Ticket, Waker>,
    /// Somebody who does not wait found no room since the last bytes came free.
    refused: bool,
    /// The driver has been told to look, and has not looked yet: telling it again would only fill its inbox.
    told: bool,
    /// The driver is gone: no bytes will ever come free.
    closed: bool,
}

/// Why a sender got no bytes.
#[derive(Debug)]
pub(crate) enum Denied {
    /// Its deadline passed.
    Expired,
    OverBudget(OverBudget),
    DriverGone,
}

impl Memory {
    pub(crate) fn new(total: usize) -> Self {
        let budget = Budget::new(total);
        let state =
            State { budget, wakers: HashMap::new(), refused: false, told: false, closed: false };
        Self { state: Mutex::new(state) }
    }

    /// Takes between `least` and `wanted` bytes, if they are there and nobody waits.
    #[inline]
    pub(crate) fn try_reserve(&self, least: usize, wanted: usize) -> Option<Grant> {
        lock(&self.state).budget.try_reserve(least, wanted)
    }

    /// Notes that somebody found no room and will not wait. Returns whether the driver does not know of a want of memory yet.
    pub(crate) fn note_refusal(&self) -> bool {
        let mut state = lock(&self.state);
        let news = !state.wants_memory();
        state.refused = true;
        news && state.tell()
    }

    /// Gets in line, and says whether the driver has to hear of it: it does not know of a want of memory yet, or of a deadline so early.
    pub(crate) fn wait(
        &self,
        bytes: usize,
        deadline: Option<Time>,
    ) -> Result<(Ticket, bool), Denied> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Denied::DriverGone);
        }
        let (wanted, next) = (state.wants_memory(), state.budget.next_deadline());
        let ticket = state.budget.wait(bytes, deadline).map_err(Denied::OverBudget)?;
        let news = (!wanted || state.budget.next_deadline() != next) && state.tell();
        let woken = state.take_woken();
        drop(state);
        wake(woken);
        Ok((ticket, news))
    }

    /// Asks for the bytes of a ticket. An error or a grant uses the ticket up.
    pub(crate) fn poll_claim(
        &self,
        cx: &mut Context<'_>,
        ticket: Ticket,
    ) -> Poll<Result<Grant, Denied>> {
        let mut state = lock(&self.state);
        if state.closed {
            state.budget.cancel(ticket);
            return Poll::Ready(Err(Denied::DriverGone));
        }
        match state.budget.claim(ticket) {
            Claim::Granted(grant) => Poll::Ready(Ok(grant)),
            Claim::Expired => Poll::Ready(Err(Denied::Expired)),
            Claim::Waiting => {
                state.wakers.insert(ticket, cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Gives a ticket up.
    pub(crate) fn cancel(&self, ticket: Ticket) {
        self.change(|state| {
            state.wakers.remove(&ticket);
            state.budget.cancel(ticket);
        });
    }

    /// Takes back what is left of a grant.
    #[inline]
    pub(crate) fn restore(&self, grant: Grant) {
        if grant.bytes() > 0 {
            self.change(|state| state.budget.restore(grant));
        }
    }

    /// Takes back the bytes of a batch. Returns how many are free then.
    pub(crate) fn release(&self, bytes: usize) -> usize {
        self.change(|state| {
            state.refused = false;
            state.budget.release(bytes);
            state.budget.available()
        })
    }

    /// Sends those home whose deadline has come.
    pub(crate) fn expire(&self, now: Time) {
        self.change(|state| state.budget.expire(now));
    }

    /// Sends everybody home: the driver is gone.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_values().for_each(Waker::wake);
    }

    /// Whether anybody wants memory, and the next deadline of those who wait: for the driver, which has looked then.
    pub(crate) fn demand(&self) -> (bool, Option<Time>) {
        let mut state = lock(&self.state);
        state.told = false;
        (state.wants_memory(), state.budget.next_deadline())
    }

    /// Bytes in use, all bytes, and how many senders wait.
    pub(crate) fn usage(&self) -> (usize, usize, usize) {
        let budget = &lock(&self.state).budget;
        (budget.used(), budget.total(), budget.waiting())
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let result = change(&mut state);
        let woken = state.take_woken();
        drop(state);
        wake(woken);
        result
    }
}

impl State {
    fn wants_memory(&self) -> bool {
        self.refused || self.budget.waiting() > 0
    }

    fn tell(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// The wakers of those whose turn has come or passed. No allocation where there are none.
    fn take_woken(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some(ticket) = self.budget.next_woken() {
            woken.extend(self.wakers.remove(&ticket));
        }
        woken
    }
}

fn wake(woken: Vec<Waker>) {
    woken.into_iter().for_each(Waker::wake);
}
