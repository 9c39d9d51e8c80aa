//! The two clocks.

use std::time::{Duration, Instant};

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

/// Milliseconds since the Unix epoch, for a record's timestamp. Linux's coarse clock costs a quarter of the exact one, and lags it by one
/// tick of the kernel, 1 to 4 ms.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn wall_milliseconds() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

/// Milliseconds since the Unix epoch, for a record's timestamp.
#[cfg(not(target_os = "linux"))]
#[inline]
pub(crate) fn wall_milliseconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_within_a_tick_of_the_system_time() {
        let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let ours = wall_milliseconds();
        let after = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(ours >= before.as_millis() as i64 - 20, "{ours} {before:?}");
        assert!(ours <= after.as_millis() as i64, "{ours} {after:?}");
    }
}
