//! [`Backoff`] and the chance that it needs.

use core::time::Duration;

/// A pause, or a time-out, that doubles with each failure up to a maximum, 20 % longer or shorter by chance (KIP-144, KIP-580,
/// KIP-601).
///
/// ```
/// use core::time::Duration;
/// use rohrpost_cluster::{Backoff, Random};
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// let pause = backoff.after(3, &mut Random::new(42));
/// assert!(pause >= Duration::from_millis(640) && pause <= Duration::from_millis(960));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
}

/// Jitter is counted in these.
const ONE: u128 = 1 << 16;

impl Backoff {
    /// `initial` at first, `max` at last, both before jitter.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The pause after `doublings` earlier ones: `initial * 2^doublings`, at most `max`, times 0.8 to 1.2.
    pub fn after(&self, doublings: u32, random: &mut Random) -> Duration {
        let plain = self.initial.saturating_mul(1 << doublings.min(30)).min(self.max);
        let factor = ONE * 4 / 5 + u128::from(random.below((ONE * 2 / 5) as u64 + 1));
        let nanos = plain.as_nanos().saturating_mul(factor) / ONE;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Chance that a seed decides: SplitMix64. For spreading load, not for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The same seed gives the same numbers.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next_u64()) * u128::from(bound);
        (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum_and_spread_by_a_fifth_to_both_sides() {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut random = Random::new(7);
        for doublings in (0..40).chain([u32::MAX]) {
            let plain = Duration::from_millis((50_u64 << doublings.min(10)).min(1000));
            let (mut least, mut most) = (Duration::MAX, Duration::ZERO);
            for _ in 0..1_000 {
                let pause = backoff.after(doublings, &mut random);
                (least, most) = (least.min(pause), most.max(pause));
            }
            assert!(least >= plain * 799 / 1000 && least < plain * 82 / 100, "{least:?}");
            assert!(most <= plain * 1201 / 1000 && most > plain * 118 / 100, "{most:?}");
        }
    }

    #[test]
    fn no_configuration_overflows() {
        for (initial, max) in [
            (Duration::ZERO, Duration::ZERO),
            (Duration::MAX, Duration::MAX),
            (Duration::from_secs(9), Duration::from_secs(1)),
        ] {
            let pause = Backoff::new(initial, max).after(31, &mut Random::new(1));
            assert!(pause <= max.saturating_mul(2));
        }
    }
}
