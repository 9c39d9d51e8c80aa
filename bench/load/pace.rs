//! When each record is to be sent.

use std::thread;
use std::time::{Duration, Instant};

/// The intended send times of a run at a rate.
///
/// Latency counts from there, so that what waits behind a stall is counted as waiting.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Instant,
    interval_ns: f64,
}

impl Pace {
    /// Starts now. The calling thread, and the threads that it starts from now on, wake within microseconds of the time that they sleep until,
    /// instead of Linux's usual 50.
    pub fn start(rate: f64) -> Self {
        #[cfg(target_os = "linux")]
        let _ = nix::sys::prctl::set_timerslack(1);
        Self { start: Instant::now(), interval_ns: 1e9 / rate }
    }

    /// When record `number` is to be sent.
    #[inline]
    pub fn intended(&self, number: usize) -> Instant {
        self.start + Duration::from_nanos((number as f64 * self.interval_ns) as u64)
    }

    /// How many records are due by now: those before that number.
    #[inline]
    pub fn due(&self) -> usize {
        (self.start.elapsed().as_nanos() as f64 / self.interval_ns) as usize + 1
    }

    /// Sleeps until record `number` is due.
    pub fn sleep_until(&self, number: usize) {
        let left = self.intended(number).saturating_duration_since(Instant::now());
        if !left.is_zero() {
            thread::sleep(left);
        }
    }
}
