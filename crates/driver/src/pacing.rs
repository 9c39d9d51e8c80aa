//! When senders wait although there is memory: while brokers acknowledge as fast as senders send, a longer queue only means colder buffers.
//!
//! A producer whose senders are faster than its brokers would fill all of `buffer.memory`: each record would go to bytes that no cache holds, wait
//! longest, and be read from memory again. So senders that are willing to wait do so once [`ENOUGH`] bytes of batches are on their way, until fewer
//! than [`FEW`] are. That lasts only as long as it costs nothing: if brokers take fewer than [`BRISK`] bytes in [`PATIENCE`] (400 MB/s) while senders are held, because
//! they are slow, far or gone, a longer queue may help, and the senders may have the whole memory, for longer each time that turns out so.
//!
//! ```text
//!              ENOUGH on their way            fewer than FEW, and nobody waits
//!   open ───────────────────────────► held ─────────────────────────────────► open
//!     ▲                                 │ held for PATIENCE, and fewer than BRISK done with
//!     │ after 8 ms, 16 ms, … 1 s        ▼
//!     └────────────────────────────── lifted
//! ```

use std::time::Duration;

use rohrpost_engine::Time;

/// Bytes of batches on their way from which on senders wait: what a core's cache holds beside the program's own data.
const ENOUGH: usize = 3 << 19;
/// Bytes of batches on their way from which on senders go on: so many fewer that each who is woken has work for a while.
const FEW: usize = 3 << 18;
/// Bytes that brokers have to take in [`PATIENCE`].
const BRISK: usize = 4 << 20;
/// So long senders are held, all in all, before it is judged whether that is right. Long beside a large request's time.
const PATIENCE: Duration = Duration::from_millis(10);
/// For how long the whole memory may be used if not: at first, and at most.
const LIFTED: (Duration, Duration) = (Duration::from_millis(8), Duration::from_secs(1));
/// Where that was necessary within this time before, it lasts twice as long.
const MEMORY: Duration = Duration::from_secs(1);
/// Those who were woken get so much time to fill their batches before more are woken.
const TURN: Duration = Duration::from_micros(500);

/// See the module.
#[derive(Debug)]
pub(crate) struct Pacing {
    phase: Phase,
    /// How long senders have been held since the last judgement, and the bytes that were done with meanwhile.
    held: Duration,
    done: usize,
    /// The last lift: its end, and how long it was.
    lifted: Option<(Time, Duration)>,
    /// Those who wait are let go then, if nothing changes: little is on its way, and only the turn of others has not ended.
    due: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Held {
        /// As far as `held` knows.
        until_now: Time,
        /// Before that nobody else is woken.
        turn_ends: Time,
    },
    Lifted {
        until: Time,
    },
}

impl Pacing {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Open, held: Duration::ZERO, done: 0, lifted: None, due: None }
    }

    /// Whether those who can wait shall.
    pub(crate) const fn holds(&self) -> bool {
        matches!(self.phase, Phase::Held { .. })
    }

    /// Takes note that bytes of batches were done with.
    pub(crate) fn done_with(&mut self, bytes: usize) {
        if self.holds() {
            self.done += bytes;
        }
    }

    /// Decides anew, with so many bytes of batches on their way. Returns how many bytes those who wait may have now.
    pub(crate) fn look(&mut self, now: Time, on_their_way: usize) -> usize {
        self.due = None;
        match self.phase {
            Phase::Held { until_now, turn_ends } => {
                self.held += now.since(until_now);
                self.phase = Phase::Held { until_now: now, turn_ends };
                if self.held >= PATIENCE && !self.is_brisk() {
                    self.lift(now);
                    return usize::MAX;
                }
                if on_their_way < FEW && now >= turn_ends {
                    self.phase = Phase::Held { until_now: now, turn_ends: now + TURN };
                    return ENOUGH - on_their_way;
                }
                self.due = (on_their_way < FEW).then_some(turn_ends);
            }
            Phase::Lifted { until } if now < until => {}
            Phase::Lifted { .. } | Phase::Open if on_their_way >= ENOUGH => {
                self.phase = Phase::Held { until_now: now, turn_ends: now };
            }
            Phase::Lifted { .. } | Phase::Open => self.phase = Phase::Open,
        }
        0
    }

    /// Nobody waits any more.
    pub(crate) fn none_waits(&mut self, on_their_way: usize) {
        if self.holds() && on_their_way < FEW {
            self.phase = Phase::Open;
        }
    }

    /// When to look again if nothing happens until then and somebody waits.
    pub(crate) fn until(&self) -> Option<Time> {
        match self.phase {
            Phase::Held { until_now, .. } => {
                let judged = until_now + PATIENCE.saturating_sub(self.held);
                Some(self.due.map_or(judged, |due| due.min(judged)))
            }
            Phase::Open | Phase::Lifted { .. } => None,
        }
    }

    /// Judges, and begins to measure again.
    fn is_brisk(&mut self) -> bool {
        self.held = Duration::ZERO;
        std::mem::take(&mut self.done) >= BRISK
    }

    fn lift(&mut self, now: Time) {
        let (first, most) = LIFTED;
        let long = match self.lifted {
            Some((end, long)) if now.since(end) < MEMORY => (long * 2).min(most),
            _ => first,
        };
        let until = now + long;
        self.lifted = Some((until, long));
        self.phase = Phase::Lifted { until };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 2 * ENOUGH;

    fn held_at(now: Time) -> Pacing {
        let mut pacing = Pacing::new();
        assert_eq!((pacing.look(now, ENOUGH - 1), pacing.holds()), (0, false));
        assert_eq!((pacing.look(now, ENOUGH), pacing.holds()), (0, true));
        pacing
    }

    #[test]
    fn senders_are_held_while_enough_is_on_its_way_and_woken_when_little_is() {
        let mut pacing = held_at(Time::ZERO);
        assert_eq!(pacing.look(Time::from_micros(100), FEW), 0);
        pacing.none_waits(FEW);
        assert!(pacing.holds());
        // Whoever waits may fill it up again; the others wait until those have had a turn.
        assert_eq!(pacing.look(Time::from_micros(200), FEW - 1), ENOUGH - (FEW - 1));
        assert_eq!(pacing.look(Time::from_micros(300), 0), 0);
        assert_eq!(pacing.until(), Some(Time::from_micros(700)), "not a moment later");
        assert_eq!(pacing.look(Time::from_micros(700), 0), ENOUGH);
        assert!(pacing.holds(), "others may still wait");
        pacing.none_waits(0);
        assert!(!pacing.holds());
    }

    #[test]
    fn brokers_that_are_brisk_keep_senders_held_for_ever() {
        let mut pacing = held_at(Time::ZERO);
        for millis in 1..5_000 {
            pacing.done_with(BRISK.div_ceil(10));
            assert_eq!(pacing.look(Time::from_millis(millis), MANY), 0);
            assert!(pacing.holds());
        }
    }

    #[test]
    fn senders_get_all_memory_for_longer_and_longer_where_brokers_are_slow() {
        let (mut pacing, mut now) = (held_at(Time::ZERO), Time::ZERO);
        for lift in [8, 16, 32, 64, 128, 256, 512, 1_000, 1_000] {
            assert_eq!(pacing.until(), Some(now + PATIENCE));
            pacing.done_with(BRISK - 1);
            now += PATIENCE;
            assert_eq!((pacing.look(now, MANY), pacing.holds()), (usize::MAX, false));
            assert_eq!(pacing.until(), None);
            now += Duration::from_millis(lift) - Duration::from_micros(1);
            assert_eq!((pacing.look(now, MANY), pacing.holds()), (0, false));
            now += Duration::from_micros(1);
            assert_eq!((pacing.look(now, MANY), pacing.holds()), (0, true));
        }
        // Long after that it begins anew.
        now += Duration::from_secs(2);
        pacing.none_waits(0);
        pacing.look(now, ENOUGH);
        now += PATIENCE;
        assert_eq!(pacing.look(now, MANY), usize::MAX);
        pacing.look(now + Duration::from_millis(8), MANY);
        assert!(pacing.holds());
    }

    #[test]
    fn brokers_that_are_far_are_not_brisk_however_soon_senders_go_on() {
        // A window of ENOUGH bytes every 5 ms: 315 MB/s, all of it because of the window.
        let (mut pacing, mut now, mut rounds) = (Pacing::new(), Time::ZERO, 0);
        while !matches!(pacing.phase, Phase::Lifted { .. }) {
            pacing.look(now, ENOUGH);
            now += Duration::from_millis(5);
            pacing.done_with(ENOUGH);
            pacing.look(now, 0);
            pacing.none_waits(0);
            rounds += 1;
            assert!(rounds < 5);
        }
    }
}
