//! `buffer.memory`: one byte budget over open, sealed, in-flight and completing batches, and the queue of those who wait for it.
//!
//! ```text
//!             try_reserve (nobody waits, and there is room)
//!   caller ───────────────────────────────────────────────────────► Grant
//!      │ wait                                                        ▲  │ what was not used
//!      ▼                          room, in first-come order          │  ▼
//!   Waiting ─────────────────────────────────────────────► Granted ──┘  release ──► the next ones in line
//!      │ expire ───► Expired                                │ cancel
//!      │ cancel ───► (gone; the next in line moves up)      └──────► the bytes go to the next in line
//! ```
//!
//! Nobody overtakes: while somebody waits for room, [`Budget::try_reserve`] refuses even what would fit. A waiter whose turn has come
//! *owns* its bytes from then on, whether or not it has looked yet; giving up (a dropped future) gives them back
//! and hands them on. Whoever's state changed is named by [`Budget::next_woken`], once each.
//!
//! Where memory is what everybody waits for, each batch that comes free would wake everybody for a handful of records each. So bytes may also be
//! [gathered](Budget::gather): the line moves up once enough are free, or when the caller's patience ends ([`Budget::hand_out`]).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::fmt;

use rohrpost_cluster::Time;

use crate::plants::{Plant, Planted};

/// A place in the queue for memory. Unique for the budget's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// Bytes of the budget that somebody holds. What is not used up goes back by [`Budget::restore`].
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "bytes that are dropped here are lost to the budget"]
pub struct Grant {
    bytes: usize,
}

impl Grant {
    /// No bytes.
    pub const NONE: Self = Self { bytes: 0 };

    /// How many bytes are left in the grant.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Moves up to `bytes` into a batch's charge; answers how many.
    pub(crate) fn take(&mut self, bytes: usize) -> usize {
        let taken = bytes.min(self.bytes);
        self.bytes -= taken;
        taken
    }

    /// Unites two grants.
    #[allow(clippy::needless_pass_by_value, reason = "the other grant is used up")]
    pub fn merge(&mut self, other: Self) {
        self.bytes += other.bytes;
    }
}

/// More than the whole budget was asked for: no waiting would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// The bytes asked for.
    pub bytes: usize,
    /// The whole budget (`buffer.memory`).
    pub total: usize,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes do not fit into buffer.memory, {} bytes", self.bytes, self.total)
    }
}

impl core::error::Error for OverBudget {}

/// What became of a [`Ticket`].
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// Its turn came. The ticket is used up.
    Granted(Grant),
    /// Still in line.
    Waiting,
    /// Its deadline passed first, or it was cancelled or claimed before. The ticket is used up.
    Expired,
}

/// The budget and its queue. See the module's picture.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    used: usize,
    next_ticket: u64,
    /// In order of arrival; those who gave up leave their place as `gone` until they reach the front.
    line: VecDeque<Waiter>,
    /// How many in `line` are not gone.
    waiting: usize,
    deadlines: BTreeSet<(Time, Ticket)>,
    /// Granted or expired, not claimed yet.
    settled: BTreeMap<Ticket, Settled>,
    woken: VecDeque<Ticket>,
    /// The line moves only by [`Budget::hand_out_up_to`] and deadlines.
    held: bool,
    planted: Planted,
}

#[derive(Debug)]
struct Waiter {
    ticket: Ticket,
    least: usize,
    wanted: usize,
    deadline: Option<Time>,
    gone: bool,
}

#[derive(Debug)]
enum Settled {
    Granted(usize),
    Expired,
}

impl Budget {
    /// A budget of `total` bytes, all free.
    pub const fn new(total: usize) -> Self {
        Self {
            planted: Planted::NONE,
            total,
            used: 0,
            next_ticket: 0,
            line: VecDeque::new(),
            waiting: 0,
            deadlines: BTreeSet::new(),
            settled: BTreeMap::new(),
            woken: VecDeque::new(),
            held: false,
        }
    }

    /// Has it behave as naive clients do, in one respect or none.
    #[cfg(feature = "plants")]
    pub fn plant(&mut self, plant: Option<Plant>) {
        self.planted.set(plant);
    }

    /// The whole budget, bytes.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Bytes that are handed out: in batches, in grants, and granted to waiters who have not looked yet.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Bytes that are free.
    pub const fn available(&self) -> usize {
        self.total - self.used
    }

    /// How many wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes between `least` and `wanted` bytes, as many as there are, if `least` is there and nobody waits, or those who do are [held](Self::hold)
    /// though there is room.
    #[inline]
    pub fn try_reserve(&mut self, least: usize, wanted: usize) -> Option<Grant> {
        let available = self.available();
        if least > available || self.waiting > 0 && (!self.held || self.is_short()) {
            return None;
        }
        let bytes = wanted.max(least).min(available);
        self.used += bytes;
        Some(Grant { bytes })
    }

    /// Gets in line for at least `least` bytes, and as many up to `wanted` as there are then, until `deadline`. Where nobody waits and there is room, the
    /// turn comes at once: [`claim`](Self::claim) right away.
    ///
    /// # Errors
    /// [`OverBudget`] where the whole budget is smaller.
    pub fn wait(
        &mut self,
        least: usize,
        wanted: usize,
        deadline: Option<Time>,
    ) -> Result<Ticket, OverBudget> {
        if least > self.total {
            return Err(OverBudget { bytes: least, total: self.total });
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.line.push_back(Waiter { ticket, least, wanted, deadline, gone: false });
        self.waiting += 1;
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, ticket));
        }
        // Where others wait, what is free is not enough for them, or is being gathered.
        if self.waiting == 1 {
            self.hand_out();
        }
        Ok(ticket)
    }

    /// Asks what became of a ticket; takes the grant where there is one.
    pub fn claim(&mut self, ticket: Ticket) -> Claim {
        match self.settled.remove(&ticket) {
            Some(Settled::Granted(bytes)) => Claim::Granted(Grant { bytes }),
            Some(Settled::Expired) => Claim::Expired,
            None if self.place_of(ticket).is_some() => Claim::Waiting,
            None => Claim::Expired,
        }
    }

    /// Gives a ticket up, whatever became of it; bytes that were granted go to the next in line.
    pub fn cancel(&mut self, ticket: Ticket) {
        match self.settled.remove(&ticket) {
            Some(Settled::Granted(_)) if self.planted.is(Plant::CancelKeepsMemory) => {}
            Some(Settled::Granted(bytes)) => self.release(bytes),
            Some(Settled::Expired) => {}
            None => {
                self.leave(ticket);
                self.hand_out();
            }
        }
    }

    /// Takes bytes back: a batch's charge that came free. Those next in line get them.
    pub fn release(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.used, "{bytes} bytes released of {}", self.used);
        self.used = self.used.saturating_sub(bytes);
        self.hand_out();
    }

    /// Takes bytes back as [`release`](Self::release) does, but lets the line move up only if at least `enough` bytes are free then. Where not,
    /// [`keeps_back`](Self::keeps_back) says whether somebody waits for what is free: call [`hand_out`](Self::hand_out) soon.
    pub fn gather(&mut self, bytes: usize, enough: usize) {
        debug_assert!(bytes <= self.used, "{bytes} bytes released of {}", self.used);
        self.used = self.used.saturating_sub(bytes);
        if self.available() >= enough {
            self.hand_out();
        }
    }

    /// Whether the first in line could have its bytes, and is not [held](Self::hold).
    pub fn keeps_back(&self) -> bool {
        !self.held && self.waiting > 0 && !self.is_short()
    }

    /// Whether somebody waits, and the first in line needs more than is free.
    pub fn is_short(&self) -> bool {
        let first = self.line.iter().find(|waiter| !waiter.gone);
        first.is_some_and(|first| first.least > self.available())
    }

    /// Takes back what is left of a grant.
    #[allow(clippy::needless_pass_by_value, reason = "the grant is used up")]
    pub fn restore(&mut self, grant: Grant) {
        if grant.bytes > 0 {
            self.release(grant.bytes);
        }
    }

    /// Expires those whose deadline has come, unless there are bytes for them.
    pub fn expire(&mut self, now: Time) {
        let held = core::mem::take(&mut self.held);
        if self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.hand_out();
        }
        while let Some(&(deadline, ticket)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.leave(ticket);
            self.settled.insert(ticket, Settled::Expired);
            self.woken.push_back(ticket);
        }
        self.held = held;
        self.hand_out();
    }

    /// The next deadline of somebody who waits.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// The next ticket that was granted or expired since the last call: whoever holds it should claim it.
    pub fn next_woken(&mut self) -> Option<Ticket> {
        self.woken.pop_front()
    }

    /// Gives those next in line what is free, as far as it goes.
    pub fn hand_out(&mut self) {
        if !self.held {
            self.hand_out_up_to(usize::MAX);
        }
    }

    /// Holds the line even though there may be room, or lets it move again. Who would not wait is not held.
    pub fn hold(&mut self, held: bool) {
        if core::mem::replace(&mut self.held, held) != held {
            self.hand_out();
        }
    }

    /// Gives those next in line what is free, as far as it goes, until they have got `most` bytes or a little more.
    pub fn hand_out_up_to(&mut self, most: usize) {
        let mut given = 0;
        while let Some(first) = self.line.front() {
            if !first.gone {
                let available = self.total - self.used;
                if first.least > available || given >= most {
                    return;
                }
                let (ticket, bytes) = (first.ticket, first.wanted.max(first.least).min(available));
                given += bytes;
                if let Some(deadline) = first.deadline {
                    self.deadlines.remove(&(deadline, ticket));
                }
                self.used += bytes;
                self.waiting -= 1;
                self.settled.insert(ticket, Settled::Granted(bytes));
                self.woken.push_back(ticket);
            }
            self.line.pop_front();
        }
    }

    fn leave(&mut self, ticket: Ticket) {
        let Some(place) = self.place_of(ticket) else { return };
        let waiter = &mut self.line[place];
        waiter.gone = true;
        self.waiting -= 1;
        if let Some(deadline) = waiter.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
    }

    fn place_of(&self, ticket: Ticket) -> Option<usize> {
        let place = self.line.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        (!self.line[place].gone).then_some(place)
    }
}

#[cfg(test)]
mod tests {

    use alloc::vec::Vec;

    use super::*;

    fn granted(claim: Claim) -> usize {
        match claim {
            Claim::Granted(grant) => grant.bytes(),
            other => panic!("{other:?}"),
        }
    }

    fn woken(budget: &mut Budget) -> Vec<Ticket> {
        core::iter::from_fn(|| budget.next_woken()).collect()
    }

    #[test]
    fn those_who_wait_are_served_in_order_and_nobody_overtakes() {
        let mut budget = Budget::new(100);
        let mut held = budget.try_reserve(80, 90).unwrap();
        assert_eq!(held.bytes(), 90);
        let first = budget.wait(50, 50, None).unwrap();
        let second = budget.wait(5, 5, None).unwrap();
        // 10 bytes are free and the second asks for 5, but the first was first; neither does a newcomer pass.
        assert_eq!(budget.claim(second), Claim::Waiting);
        assert_eq!(budget.try_reserve(1, 1), None);
        let part = held.take(40);
        budget.release(part);
        assert_eq!(woken(&mut budget), [first]);
        assert_eq!(granted(budget.claim(first)), 50);
        budget.release(50);
        assert_eq!(granted(budget.claim(second)), 5);
        budget.release(5);
        budget.restore(held);
        assert_eq!((budget.used(), budget.waiting()), (0, 0));
    }

    #[test]
    fn a_waiter_that_gives_up_hands_its_turn_on() {
        let mut budget = Budget::new(100);
        let mut held = budget.try_reserve(100, 100).unwrap();
        let large = budget.wait(100, 100, None).unwrap();
        let small = budget.wait(10, 10, None).unwrap();
        budget.release(held.take(20));
        assert_eq!(budget.claim(small), Claim::Waiting);
        budget.cancel(large);
        assert_eq!(woken(&mut budget), [small]);
        // Granted and then dropped without a look: the bytes come back too.
        let last = budget.wait(15, 15, None).unwrap();
        assert_eq!(budget.claim(last), Claim::Waiting);
        budget.cancel(small);
        assert_eq!(granted(budget.claim(last)), 15);
        budget.restore(held);
        budget.release(15);
        assert_eq!((budget.used(), budget.waiting()), (0, 0));
    }

    #[test]
    fn a_deadline_ends_the_wait_and_moves_the_line_up() {
        let mut budget = Budget::new(10);
        let held = budget.try_reserve(5, 5).unwrap();
        let large = budget.wait(10, 10, Some(Time::from_millis(5))).unwrap();
        let small = budget.wait(5, 5, Some(Time::from_millis(9))).unwrap();
        assert_eq!(budget.next_deadline(), Some(Time::from_millis(5)));
        budget.expire(Time::from_millis(4));
        assert_eq!(woken(&mut budget), []);
        budget.expire(Time::from_millis(5));
        assert_eq!(woken(&mut budget), [large, small]);
        assert_eq!(budget.claim(large), Claim::Expired);
        assert_eq!(granted(budget.claim(small)), 5);
        assert_eq!(budget.next_deadline(), None);
        budget.release(5);
        budget.restore(held);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn gathered_bytes_wait_until_they_are_enough_or_time_is_up() {
        let mut budget = Budget::new(100);
        let mut held = budget.try_reserve(100, 100).unwrap();
        let [first, second, third] =
            [5, 5, 5].map(|bytes| budget.wait(bytes, bytes, Some(Time::from_millis(9))).unwrap());
        budget.gather(held.take(4), 20);
        assert!(!budget.keeps_back(), "too little for the first");
        budget.gather(held.take(6), 20);
        assert_eq!((woken(&mut budget).len(), budget.keeps_back()), (0, true));
        assert_eq!(budget.try_reserve(1, 1), None, "nobody passes those who wait");
        budget.gather(held.take(10), 20);
        assert_eq!(
            (woken(&mut budget), budget.keeps_back()),
            (alloc::vec![first, second, third], false)
        );
        for ticket in [first, second, third] {
            assert_eq!(granted(budget.claim(ticket)), 5);
        }
        let late = budget.wait(50, 50, None).unwrap();
        budget.gather(held.take(60), 90);
        assert_eq!((woken(&mut budget).len(), budget.keeps_back()), (0, true));
        budget.hand_out();
        assert_eq!(woken(&mut budget), [late]);
    }

    #[test]
    fn a_held_line_moves_only_as_far_as_it_is_let() {
        let mut budget = Budget::new(100);
        budget.hold(true);
        let [first, second, third] = [10; 3].map(|bytes| budget.wait(1, bytes, None).unwrap());
        assert_eq!(
            (woken(&mut budget).len(), budget.keeps_back(), budget.is_short()),
            (0, false, false)
        );
        budget.hand_out_up_to(11);
        assert_eq!(woken(&mut budget), [first, second]);
        budget.cancel(first);
        assert_eq!((budget.claim(third), budget.waiting()), (Claim::Waiting, 1));
        let passed = budget.try_reserve(70, 70).expect("who would not wait is not held");
        budget.restore(passed);
        budget.hold(false);
        assert_eq!(woken(&mut budget), [third]);
        assert_eq!((granted(budget.claim(second)), granted(budget.claim(third))), (10, 10));
        // What is wanted is given as far as it is there, and what is needed or nothing.
        let fourth = budget.wait(80, 200, None).unwrap();
        assert_eq!((granted(budget.claim(fourth)), budget.available()), (80, 0));
        budget.hold(true);
        budget.wait(30, 30, None).unwrap();
        budget.release(20);
        assert!(budget.is_short());
        assert_eq!(budget.try_reserve(1, 1), None, "the first in line needs it");
    }

    #[test]
    fn nobody_expires_beside_gathered_bytes() {
        let mut budget = Budget::new(100);
        let mut held = budget.try_reserve(100, 100).unwrap();
        let patient = budget.wait(40, 40, Some(Time::from_millis(9))).unwrap();
        budget.gather(held.take(40), 90);
        assert!(budget.keeps_back());
        budget.expire(Time::from_millis(9));
        assert_eq!(granted(budget.claim(patient)), 40);
    }

    #[test]
    fn more_than_the_whole_budget_is_refused_at_once() {
        let mut budget = Budget::new(10);
        assert_eq!(budget.wait(11, 11, None), Err(OverBudget { bytes: 11, total: 10 }));
        assert_eq!(budget.waiting(), 0);
    }

    #[test]
    fn every_byte_comes_back_whatever_the_order_of_events() {
        // A fixed pseudo-random walk over all operations.
        let mut state = 7_u64;
        let mut dice = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % sides
        };
        let mut budget = Budget::new(1000);
        let (mut tickets, mut grants) = (Vec::new(), Vec::new());
        for step in 0..20_000_u64 {
            let now = Time::from_millis(step);
            match dice(6) {
                0 => tickets.extend(budget.wait(
                    dice(1000) as usize,
                    dice(2000) as usize,
                    Some(now + core::time::Duration::from_millis(dice(50))),
                )),
                1 => grants.extend(budget.try_reserve(dice(500) as usize, dice(1000) as usize)),
                2 if !tickets.is_empty() => {
                    budget.cancel(tickets.swap_remove(dice(tickets.len() as u64) as usize));
                }
                3 if !grants.is_empty() => {
                    budget.restore(grants.swap_remove(dice(grants.len() as u64) as usize));
                }
                4 => budget.expire(now),
                _ => {
                    while let Some(ticket) = budget.next_woken() {
                        if let Claim::Granted(grant) = budget.claim(ticket) {
                            grants.push(grant);
                        }
                        tickets.retain(|&other| other != ticket);
                    }
                }
            }
            assert!(budget.used() <= budget.total());
        }
        tickets.into_iter().for_each(|ticket| budget.cancel(ticket));
        while let Some(ticket) = budget.next_woken() {
            budget.cancel(ticket);
        }
        grants.into_iter().for_each(|grant| budget.restore(grant));
        assert_eq!((budget.used(), budget.waiting()), (0, 0));
        assert!(budget.settled.is_empty() && budget.deadlines.is_empty());
    }
}
