//! `buffer.memory`, shared: the engine's budget behind a mutex, and the wakers of those who wait for it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rohrpost_engine::{Budget, Claim, Grant, OverBudget, Ticket, Time};

use crate::lock;
use crate::pacing::Pacing;

/// How long bytes that came free are gathered at most, before those who wait for them are woken. Where memory is scarce, the connections have work for
/// longer than that; and each who waits is woken for a good many records instead of a few.
const GATHER: Duration = Duration::from_millis(2);
/// What part of the memory is enough to wake them at once.
const ENOUGH: usize = 16;

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
    /// Since when bytes are gathered for the first in line.
    gathering: Option<Time>,
    pacing: Pacing,
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
        let state = State {
            budget,
            wakers: HashMap::new(),
            refused: false,
            told: false,
            gathering: None,
            pacing: Pacing::new(),
            closed: false,
        };
        Self { state: Mutex::new(state) }
    }

    /// Takes between `least` and `wanted` bytes, if they are there and nobody waits for them; not for somebody who `can_wait` while those are held.
    #[inline]
    pub(crate) fn try_reserve(&self, least: usize, wanted: usize, can_wait: bool) -> Option<Grant> {
        let mut state = lock(&self.state);
        if can_wait && state.pacing.holds() {
            return None;
        }
        state.budget.try_reserve(least, wanted)
    }

    /// Lets the first of those who are held go, too: whoever does not wait may pass them all the time, and they wait for nobody's sake then.
    pub(crate) fn take_along(&self) {
        self.change(|state| {
            if state.pacing.holds() {
                state.budget.hand_out_up_to(1);
            }
        });
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
        least: usize,
        wanted: usize,
        deadline: Option<Time>,
    ) -> Result<(Ticket, bool), Denied> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Denied::DriverGone);
        }
        let (known, next) = (state.wants_memory(), state.budget.next_deadline());
        let ticket = state.budget.wait(least, wanted, deadline).map_err(Denied::OverBudget)?;
        let news = (!known || state.budget.next_deadline() != next) && state.tell();
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

    /// Takes back the bytes of a batch that is done with; only in the driver's round, or where one follows. Returns how many are free then.
    pub(crate) fn release(&self, bytes: usize) -> usize {
        self.change(|state| {
            state.pacing.done_with(bytes);
            state.take_back(bytes)
        })
    }

    /// Takes back bytes that a batch needs no more, likewise.
    pub(crate) fn give_back(&self, bytes: usize) -> usize {
        self.change(|state| state.take_back(bytes))
    }

    /// Sends everybody home: the driver is gone.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_values().for_each(Waker::wake);
    }

    /// Sends those home whose deadline has come, and says whether anybody wants memory that is not there: for the driver, which has looked then.
    pub(crate) fn look(&self, now: Time) -> bool {
        self.change(|state| {
            state.told = false;
            if state.budget.next_deadline().is_some_and(|deadline| deadline <= now) {
                state.budget.expire(now);
            }
            state.refused
                || state.budget.is_short()
                || (!state.pacing.holds() && state.budget.waiting() > 0)
        })
    }

    /// At the end of a round, with `on_their_way` bytes of batches sealed and not done with: holds those who can wait, lets them go, and gives out what was
    /// gathered for long enough. Returns when to look again: for those who are held, for what is being gathered, and for the next deadline of
    /// those who wait.
    pub(crate) fn hand_out(&self, now: Time, on_their_way: usize) -> Option<Time> {
        self.change(|state| {
            let held = state.pace(now, on_their_way);
            let since = state.budget.keeps_back().then(|| state.gathering.unwrap_or(now));
            let until = since.map(|since| since + GATHER);
            let is_due = until.is_some_and(|until| until <= now);
            state.gathering = since.filter(|_| !is_due);
            if is_due {
                state.budget.hand_out();
            }
            let until = until.filter(|_| !is_due);
            [held, until, state.budget.next_deadline()].into_iter().flatten().min()
        })
    }

    /// Bytes in use, all bytes, and how many senders wait.
    pub(crate) fn usage(&self) -> (usize, usize, usize) {
        let budget = &lock(&self.state).budget;
        (budget.used(), budget.total(), budget.waiting())
    }

    /// Whether those who wait are held although there is room for the first of them.
    pub(crate) fn holds(&self) -> bool {
        let state = lock(&self.state);
        state.pacing.holds() && state.budget.waiting() > 0 && !state.budget.is_short()
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

    fn take_back(&mut self, bytes: usize) -> usize {
        self.refused = false;
        let enough = self.budget.total() / ENOUGH;
        self.budget.gather(bytes, enough);
        self.budget.available()
    }

    /// Holds those who can wait, or lets them go. Returns when to look again.
    fn pace(&mut self, now: Time, on_their_way: usize) -> Option<Time> {
        let room = self.pacing.look(now, on_their_way);
        self.budget.hold(self.pacing.holds());
        self.budget.hand_out_up_to(room);
        if self.budget.waiting() > 0 {
            return self.pacing.until();
        }
        self.pacing.none_waits(on_their_way);
        self.budget.hold(self.pacing.holds());
        None
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

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(memory: &Memory, ticket: Ticket) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        matches!(memory.poll_claim(&mut cx, ticket), Poll::Ready(Ok(_)))
    }

    #[test]
    fn those_who_wait_are_woken_for_a_sixteenth_of_the_memory_or_after_two_milliseconds() {
        let memory = Memory::new(1_600);
        let _all = memory.try_reserve(1_600, 1_600, true).unwrap();
        let [first, second] = [10, 10].map(|bytes| memory.wait(bytes, bytes, None).unwrap().0);
        assert!(!memory.holds(), "there is no room");
        memory.release(60);
        assert!(!granted(&memory, first), "60 bytes are gathered");
        assert_eq!(memory.hand_out(Time::from_millis(7), 0), Some(Time::from_millis(9)));
        memory.release(60);
        assert!(granted(&memory, first) && granted(&memory, second), "120 bytes are enough");
        assert_eq!(memory.hand_out(Time::from_millis(8), 0), None);

        let _rest = memory.try_reserve(100, 100, true).unwrap();
        let third = memory.wait(50, 50, None).unwrap().0;
        memory.release(55);
        assert_eq!(memory.hand_out(Time::from_millis(20), 0), Some(Time::from_millis(22)));
        assert_eq!(memory.hand_out(Time::from_millis(21), 0), Some(Time::from_millis(22)));
        assert!(!granted(&memory, third));
        assert_eq!(memory.hand_out(Time::from_millis(22), 0), None);
        assert!(granted(&memory, third));
    }

    #[test]
    fn whoever_gives_up_lets_the_next_one_have_what_is_there_at_once() {
        let memory = Memory::new(1_600);
        let _all = memory.try_reserve(1_600, 1_600, true).unwrap();
        let [large, small] = [500, 10].map(|bytes| memory.wait(bytes, bytes, None).unwrap().0);
        memory.release(60);
        assert!(!granted(&memory, small));
        memory.cancel(large);
        assert!(granted(&memory, small));
    }

    #[test]
    fn those_who_can_wait_are_held_while_much_is_on_its_way_and_the_others_are_not() {
        let memory = Memory::new(32 << 20);
        let now = Time::from_millis;
        assert_eq!(memory.hand_out(now(1), 2 << 20), None);
        assert_eq!(memory.try_reserve(10, 10, true), None);
        let _impatient = memory.try_reserve(10, 10, false).unwrap();
        let waits = memory.wait(10, 1_000, Some(now(100))).unwrap().0;
        assert!(!granted(&memory, waits));
        assert!(!memory.look(now(1)), "nobody is short of memory");
        assert!(memory.holds(), "and that is told");
        memory.restore(memory.try_reserve(10, 10, false).unwrap());
        assert!(!granted(&memory, waits));
        memory.take_along();
        memory.cancel(waits);
        let [next, waits] = [10, 10].map(|bytes| memory.wait(bytes, 1_000, None).unwrap().0);
        memory.take_along();
        assert!(granted(&memory, next), "whoever passes the line takes its first along");
        memory.release(1_000);
        memory.release(10);
        assert!(!granted(&memory, waits), "what is on its way counts, not what is free");
        assert_eq!(memory.hand_out(now(1), 2 << 20), Some(now(11)));
        memory.hand_out(now(2), 0);
        assert!(granted(&memory, waits));
        assert_eq!(memory.usage(), (1_000, 32 << 20, 0));
        let _more = memory.try_reserve(10, 10, true).unwrap();
    }

    #[test]
    fn whoever_is_held_gets_the_memory_that_there_is_when_its_time_is_up() {
        let memory = Memory::new(32 << 20);
        memory.hand_out(Time::ZERO, 2 << 20);
        let waits = memory.wait(10, 10, Some(Time::from_millis(1))).unwrap().0;
        memory.look(Time::from_millis(1));
        assert!(granted(&memory, waits));
    }
}
