//! Notices that nothing moves, and says each reason for it once.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

const LOOK: Duration = Duration::from_millis(500);

/// So long, beyond the linger, may a record wait before somebody is told why.
const PATIENCE: Duration = Duration::from_secs(2);

/// So many reasons are told of one standstill: they may come in turns.
const MOST_REASONS: usize = 5;

/// Looks now and then whether records are acknowledged, or at least fail.
#[derive(Debug)]
pub(crate) struct Watch {
    tick: Interval,
    patience: Duration,
    /// How many fates were known at the last look, and since when no more than that.
    fates: u64,
    since: Instant,
    told: Vec<String>,
}

impl Watch {
    /// For records that linger so long.
    pub(crate) fn new(linger: Duration) -> Self {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let patience = PATIENCE.saturating_add(linger);
        Self { tick, patience, fates: 0, since: Instant::now(), told: Vec::new() }
    }

    /// Waits until it is time to look. Cancel-safe.
    pub(crate) async fn due(&mut self) {
        self.tick.tick().await;
    }

    /// Looks: whether something waits, and has waited so long that somebody should be told why.
    pub(crate) fn is_stuck(&mut self, now: Instant, fates: u64, waits: bool) -> bool {
        if !waits || fates != self.fates {
            self.fates = fates;
            self.since = now;
            self.told.clear();
        }
        now.saturating_duration_since(self.since) >= self.patience && self.told.len() < MOST_REASONS
    }

    /// Whether this reason was not told yet of this standstill.
    pub(crate) fn is_news(&mut self, reason: &str) -> bool {
        let is_news = self.told.iter().all(|told| told != reason);
        if is_news {
            self.told.push(reason.to_owned());
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_standstill_is_told_once_it_has_lasted_and_each_reason_once() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(Duration::from_secs(1));
        assert!(!watch.is_stuck(at(0), 7, true));
        assert!(!watch.is_stuck(at(2), 7, true));
        assert!(watch.is_stuck(at(3), 7, true));
        assert!(watch.is_news("a") && watch.is_news("b"));
        assert!(!watch.is_news("a") && !watch.is_news("b"));
        assert!(!watch.is_stuck(at(4), 8, true), "something moved");
        assert!(!watch.is_stuck(at(9), 8, false), "nothing waits");
        assert!(!watch.is_stuck(at(10), 8, true));
        assert!(watch.is_stuck(at(12), 8, true) && watch.is_news("a"));
        for reason in 0..MOST_REASONS - 1 {
            assert!(watch.is_news(&reason.to_string()));
        }
        assert!(!watch.is_stuck(at(99), 8, true), "reasons that come in turns");
    }
}
