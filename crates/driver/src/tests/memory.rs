//! Who waits for memory, through any order of events: nobody hangs, is overtaken, or goes home beside bytes that are enough.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rohrpost_engine::{Grant, Ticket, Time};

use crate::memory::{Denied, Memory};

const TOTAL: usize = 1_600;
/// So much more than it needs somebody may want.
const EXTRA: usize = 100;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Waiter {
    bytes: usize,
    deadline: Time,
    /// It has looked once, and sleeps until it is woken.
    woken: Option<Arc<Woken>>,
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

struct World {
    memory: Memory,
    waiting: BTreeMap<Ticket, Waiter>,
    grants: Vec<Grant>,
    /// Bytes of batches.
    held: usize,
    /// What the driver says is on its way: often so much that those who can wait are held.
    on_their_way: usize,
    /// The driver sleeps until then, or until it is told of something.
    sleeps_until: Option<Time>,
    told: bool,
}

impl World {
    /// Everybody who was woken, or never looked, looks.
    fn look(&mut self) {
        let mut last_granted = None;
        let due = |waiter: &Waiter| {
            waiter.woken.as_ref().is_none_or(|woken| woken.0.load(Ordering::Relaxed))
        };
        let tickets: Vec<_> =
            self.waiting.iter().filter(|(_, waiter)| due(waiter)).map(|(t, _)| *t).collect();
        for ticket in tickets {
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(woken.clone());
            match self.memory.poll_claim(&mut Context::from_waker(&waker), ticket) {
                Poll::Ready(Ok(grant)) => {
                    let waiter = &self.waiting[&ticket];
                    assert!((waiter.bytes..=waiter.bytes + EXTRA).contains(&grant.bytes()));
                    self.waiting.remove(&ticket);
                    self.grants.push(grant);
                    last_granted = Some(ticket);
                }
                Poll::Ready(Err(Denied::Expired)) => drop(self.waiting.remove(&ticket)),
                Poll::Ready(Err(denied)) => panic!("{denied:?}"),
                Poll::Pending => {
                    if let Some(waiter) = self.waiting.get_mut(&ticket) {
                        waiter.woken = Some(woken);
                    }
                }
            }
        }
        // Whoever came before the last one that got its bytes is not in line any more.
        if let (Some(last), Some((first, _))) = (last_granted, self.waiting.first_key_value()) {
            assert!(last < *first, "overtaken");
        }
    }

    /// The driver's round, in which so many bytes come free.
    fn round(&mut self, now: Time, bytes: usize) {
        self.told = false;
        self.memory.look(now);
        if bytes > 0 {
            self.held -= bytes;
            self.memory.release(bytes);
        }
        self.sleeps_until = self.memory.hand_out(now, self.on_their_way);
    }
}

#[test]
fn whatever_happens_who_waits_is_woken_in_order_and_in_time() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut world = World {
            memory: Memory::new(TOTAL),
            waiting: BTreeMap::new(),
            grants: Vec::new(),
            held: 0,
            on_their_way: 0,
            sleeps_until: None,
            told: false,
        };
        let mut now = Time::ZERO;
        // How long the first in line has seen enough bytes free.
        let mut idle_since: Option<(Ticket, Time)> = None;
        for _ in 0..3_000 {
            now += Duration::from_micros(dice.roll(1_500));
            match dice.roll(8) {
                0..=2 => {
                    let bytes = 1 + dice.roll(400) as usize;
                    let (_, _, waiting) = world.memory.usage();
                    if let Some(grant) = world.memory.try_reserve(bytes, bytes, true) {
                        assert_eq!(waiting, 0, "overtaken");
                        world.grants.push(grant);
                    } else {
                        let deadline = now + Duration::from_millis(1 + dice.roll(60));
                        let (ticket, news) =
                            world.memory.wait(bytes, bytes + EXTRA, Some(deadline)).unwrap();
                        world.told |= news;
                        world.waiting.insert(ticket, Waiter { bytes, deadline, woken: None });
                    }
                }
                3 if !world.waiting.is_empty() => {
                    let at = dice.roll(world.waiting.len() as u64) as usize;
                    let ticket = *world.waiting.keys().nth(at).unwrap();
                    world.waiting.remove(&ticket);
                    world.memory.cancel(ticket);
                }
                4 => {
                    // Some of it goes into a batch, and the rest back.
                    if let Some(grant) = world.grants.pop() {
                        match dice.roll(3) {
                            0 => world.memory.restore(grant),
                            _ => world.held += grant.bytes(),
                        }
                    }
                }
                5 if world.held > 0 => {
                    let bytes = 1 + dice.roll(world.held as u64) as usize;
                    world.round(now, bytes);
                }
                6 => world.look(),
                7 if seed % 2 == 1 => {
                    world.on_their_way = [0, 4 << 20][dice.roll(2) as usize];
                    world.round(now, 0);
                }
                _ => {}
            }
            if world.told || world.sleeps_until.is_some_and(|until| until <= now) {
                world.round(now, 0);
            }
            if dice.roll(2) == 0 {
                world.look();
            }
            let (used, _, _) = world.memory.usage();
            let unclaimed = |waiter: &Waiter| {
                waiter.woken.as_ref().is_some_and(|woken| !woken.0.load(Ordering::Relaxed))
            };
            let first = world.waiting.iter().find(|(_, waiter)| unclaimed(waiter));
            match first {
                Some((ticket, waiter)) if waiter.bytes <= TOTAL - used => {
                    // What is free is gathered for it: for two milliseconds and the step in which the driver wakes, no longer. Or it is held for ten at most.
                    let most = [3_500, 13_500][seed as usize % 2];
                    let since = match idle_since {
                        Some((whose, since)) if whose == *ticket => since,
                        _ => now,
                    };
                    idle_since = Some((*ticket, since));
                    assert!(world.sleeps_until.is_some(), "nobody would look again");
                    assert!(now <= since + Duration::from_micros(most), "kept waiting");
                }
                _ => idle_since = None,
            }
            if let Some((_, waiter)) = first {
                assert!(now < waiter.deadline + Duration::from_micros(1_500), "never sent home");
            }
        }
        // In the end everything comes back, and everybody goes.
        world.grants.drain(..).for_each(|grant| world.memory.restore(grant));
        while !world.waiting.is_empty() || world.held > 0 {
            now += Duration::from_millis(1);
            let held = world.held;
            world.round(now, held);
            world.look();
            world.grants.drain(..).for_each(|grant| world.memory.restore(grant));
        }
        let (used, _, waiting) = world.memory.usage();
        assert_eq!((used, waiting), (0, 0), "seed {seed}");
    }
}
