//! The wall clock, which tests bring themselves. Waiting is tokio's, whose clock tests can pause.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time of day.
pub(crate) trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> SystemTime;
}

/// This machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Milliseconds since 1970; 0 for what was before.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The other way round. What no clock will ever show is cut to the year 9999.
pub(crate) fn from_millis(millis: u64) -> SystemTime {
    const YEAR_9999: u64 = 253_370_764_800_000;
    UNIX_EPOCH + Duration::from_millis(millis.min(YEAR_9999))
}

/// How long before or after `now`, for a person: `in 5m 3s`, `2h 0m ago`.
pub(crate) fn distance(now: SystemTime, then: SystemTime) -> String {
    match then.duration_since(now) {
        Ok(ahead) => format!("in {}", brief(ahead)),
        Err(behind) => format!("{} ago", brief(behind.duration())),
    }
}

fn brief(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A wall clock that goes as tokio's, paused or not, from a known moment on.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct TestClock {
    pub(crate) start: tokio::time::Instant,
}

#[cfg(test)]
impl TestClock {
    /// What it shows at first.
    pub(crate) const START: u64 = 1_800_000_000_000;

    pub(crate) fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { start: tokio::time::Instant::now() })
    }
}

#[cfg(test)]
impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        from_millis(Self::START) + self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_that_no_clock_shows_do_no_harm() {
        assert_eq!(millis(UNIX_EPOCH - Duration::from_secs(5)), 0);
        assert_eq!(from_millis(u64::MAX), from_millis(253_370_764_800_000));
        assert_eq!(millis(from_millis(1_234)), 1_234);
    }

    #[test]
    fn a_distance_is_told_for_a_person() {
        let now = from_millis(1_000_000_000);
        for (seconds, told) in
            [(0, "in 0s"), (63, "in 1m 3s"), (7_260, "in 2h 1m"), (180_000, "in 2d 2h")]
        {
            assert_eq!(distance(now, now + Duration::from_secs(seconds)), told);
        }
        assert_eq!(distance(now, now - Duration::from_secs(90)), "1m 30s ago");
    }
}
