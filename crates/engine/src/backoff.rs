//! How long a batch waits before it is sent again: doubling, with jitter (KIP-580).

use core::time::Duration;

/// A pause that doubles from `initial` up to `max`, each time 20 % longer or shorter at random.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    /// SplitMix64: jitter needs to be spread, not secret.
    state: u64,
}

impl Backoff {
    pub(crate) const fn new(initial: Duration, max: Duration, seed: u64) -> Self {
        Self { initial, max, state: seed }
    }

    /// The pause after the `failures`th failure, counted from 1.
    pub(crate) fn after(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let max = self.max.max(self.initial);
        let plain = self.initial.saturating_mul(1 << doublings).min(max);
        let fifths = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        plain.mul_f64(0.8 + 0.4 * fifths).min(max.mul_f64(1.2))
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_maximum_and_jitter_by_a_fifth() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), 42);
        let mut different = 0;
        for failures in 1..40 {
            let plain = Duration::from_millis((100_u64 << (failures - 1).min(10)).min(1000));
            let pause = backoff.after(failures);
            assert!(pause >= plain.mul_f64(0.799) && pause <= plain.mul_f64(1.201), "{pause:?}");
            different += u32::from(pause != plain);
        }
        assert!(different > 30);
        let mut again = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), 42);
        let mut other = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), 43);
        assert_ne!(again.after(1), other.after(1));
    }
}
