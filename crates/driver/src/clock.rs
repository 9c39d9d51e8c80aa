//! The two clocks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds: ten ticks of the slowest kernel.
const MOST_LAG: i64 = 100_000_000;

/// Monotonic time since the driver began: what the engine counts in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// The system's, for a driver on a thread of its own.
    System { origin: Instant },
    /// The runtime's that the driver shares with the program. It is the system's too, unless a test has paused it: then time-outs keep to the test's time.
    Runtime { origin: tokio::time::Instant },
}

impl Clock {
    /// The clock for a driver on a thread of its own, or on the current runtime.
    pub(crate) fn start(own_thread: bool) -> Self {
        if own_thread {
            Self::System { origin: Instant::now() }
        } else {
            Self::Runtime { origin: tokio::time::Instant::now() }
        }
    }

    /// Exact: costs about 25 ns, so at most once a batch.
    pub(crate) fn now(&self) -> Duration {
        match self {
            Self::System { origin } => origin.elapsed(),
            Self::Runtime { origin } => origin.elapsed(),
        }
    }

    /// The instant of a time; `None` beyond what the system can say.
    pub(crate) fn instant(&self, at: Duration) -> Option<tokio::time::Instant> {
        match self {
            Self::System { origin } => origin.checked_add(at).map(Into::into),
            Self::Runtime { origin } => origin.checked_add(at),
        }
    }
}

/// How far the coarse clock lags at least, in nanoseconds, as far as we know.
static LAG: AtomicI64 = AtomicI64::new(0);

/// Milliseconds since the Unix epoch, for a record's timestamp: at most one tick of the kernel (1 to 4 ms) too early, once [`compare_clocks`] has been
/// called some hundred times. Costs a quarter of the exact time.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn wall_milliseconds() -> i64 {
    let time = clock_gettime(ClockId::RealtimeCoarse);
    time.tv_sec * 1_000 + (time.tv_nsec + LAG.load(Ordering::Relaxed)) / 1_000_000
}

/// Milliseconds since the Unix epoch, for a record's timestamp.
#[cfg(not(target_os = "linux"))]
#[inline]
pub(crate) fn wall_milliseconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Looks how far the coarse clock lags behind the exact one, once a batch: beside its tick it may lag by some milliseconds all the time, on virtual machines above all.
#[cfg(target_os = "linux")]
pub(crate) fn compare_clocks() {
    let [coarse, exact] = [ClockId::RealtimeCoarse, ClockId::Realtime].map(clock_gettime);
    let lag = (exact.tv_sec - coarse.tv_sec) * 1_000_000_000 + exact.tv_nsec - coarse.tv_nsec;
    // Somebody has set the clock in between: no lag is that large.
    if (0..MOST_LAG).contains(&lag) {
        LAG.store(least_lag(LAG.load(Ordering::Relaxed), lag), Ordering::Relaxed);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn compare_clocks() {}

/// What a lag makes of the least one that is known: a smaller one counts at once, larger ones by and by.
fn least_lag(least: i64, lag: i64) -> i64 {
    if lag < least { lag } else { least + (lag - least) / 64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_the_system_time_but_for_a_tick() {
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        (0..1_000).for_each(|_| compare_clocks());
        let before = now();
        let ours = wall_milliseconds();
        let after = now();
        assert!(ours >= before.as_millis() as i64 - 20, "{ours} {before:?}");
        assert!(ours <= after.as_millis() as i64 + 20, "{ours} {after:?}");
    }

    #[test]
    fn the_least_lag_is_found_and_followed() {
        let mut least = 0;
        // A tick of 4 ms, and 3.6 ms always.
        for round in 0..400_i64 {
            let lag = 3_600_000 + round * 1_234_567 % 4_000_000;
            least = least_lag(least, lag);
            assert!(least <= 4_700_000, "{least}");
        }
        assert!(least >= 3_600_000, "{least}");
        assert_eq!(least_lag(least, 100), 100);
    }
}
