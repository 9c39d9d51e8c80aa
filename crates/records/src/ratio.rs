//! How well a topic's batches compress: the estimate that lets a batch grow to `batch.size` after compression.

/// Java adds 5 % to its estimate, so that batches do not come out larger than the limit too often.
const SAFETY: f32 = 1.05;
/// A batch that compressed better moves the estimate by this much at most.
const IMPROVING_STEP: f32 = 0.005;
/// A batch that compressed worse moves the estimate by this much at least.
const DETERIORATING_STEP: f32 = 0.05;

/// A running estimate of compressed by uncompressed size, for one topic and one codec.
///
/// It starts at 1.0 (no gain), grows quickly and shrinks slowly: too low an estimate makes batches that the broker
/// refuses. The rules are those of Java's producer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioEstimator {
    ratio: f32,
}

impl RatioEstimator {
    /// A fresh estimate: 1.0.
    pub const fn new() -> Self {
        Self { ratio: 1.0 }
    }

    /// An estimate taken up again, as [`ratio`](Self::ratio) gave it.
    pub const fn from_ratio(ratio: f32) -> Self {
        Self { ratio }
    }

    /// The present estimate.
    pub const fn ratio(&self) -> f32 {
        self.ratio
    }

    /// Takes a sealed batch's ratio into account ([`SealedBatch::ratio`](crate::SealedBatch::ratio)). NaN and infinities
    /// are ignored.
    pub fn observe(&mut self, ratio: f32) {
        if !ratio.is_finite() {
            return;
        }
        if ratio > self.ratio {
            self.ratio = ratio.max(self.ratio + DETERIORATING_STEP);
        } else if ratio < self.ratio {
            self.ratio = ratio.max(self.ratio - IMPROVING_STEP);
        }
    }

    /// Starts again after a batch came out too large for the broker (KIP-126): from that batch's ratio, and from 1.0 at the
    /// least, so that its children fit.
    pub fn reset(&mut self, observed: f32) {
        self.ratio = if observed.is_finite() { observed.max(1.0) } else { 1.0 };
    }

    /// Bytes that `uncompressed` bytes of records are expected to take in a batch, 5 % on the safe side; without
    /// the batch's header.
    pub fn estimate(&self, uncompressed: usize) -> usize {
        (uncompressed as f32 * self.ratio * SAFETY) as usize
    }
}

impl Default for RatioEstimator {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_at_once_and_shrinks_by_small_steps() {
        let mut estimator = RatioEstimator::new();
        estimator.observe(0.3);
        assert_eq!(estimator.ratio(), 0.995);
        for _ in 0..200 {
            estimator.observe(0.3);
        }
        assert_eq!(estimator.ratio(), 0.3);
        estimator.observe(0.31);
        assert!((estimator.ratio() - 0.35).abs() < 1e-6);
        estimator.observe(0.9);
        assert_eq!(estimator.ratio(), 0.9);
        estimator.observe(f32::NAN);
        assert_eq!(estimator.ratio(), 0.9);
    }

    #[test]
    fn a_reset_never_promises_a_gain() {
        let mut estimator = RatioEstimator::new();
        estimator.observe(0.2);
        estimator.reset(0.4);
        assert_eq!(estimator.ratio(), 1.0);
        estimator.reset(1.2);
        assert_eq!(estimator.ratio(), 1.2);
        assert_eq!(RatioEstimator::new().estimate(1000), 1050);
    }
}
