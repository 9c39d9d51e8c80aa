//! A topic's compression estimate, shared between its appenders, its sealers and the engine.

use core::sync::atomic::{AtomicU32, Ordering};

use rohrpost_records::{BATCH_OVERHEAD, RatioEstimator};

/// How well a topic's batches compress, behind an atomic, so that appenders under different locks share it.
///
/// The estimator's rules are those of [`RatioEstimator`]. Two observations at the same moment may lose one of the two:
/// it is an estimate.
#[derive(Debug)]
pub struct SharedRatio(AtomicU32);

impl SharedRatio {
    /// A fresh estimate: 1.0, no gain.
    pub const fn new() -> Self {
        Self(AtomicU32::new(1.0_f32.to_bits()))
    }

    /// The present estimate of compressed by uncompressed size.
    pub fn ratio(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Takes a sealed batch's ratio into account.
    pub fn observe(&self, ratio: f32) {
        let mut estimator = self.estimator();
        estimator.observe(ratio);
        self.store(estimator);
    }

    /// Starts again after a batch came out too large for the broker (KIP-126).
    pub fn reset(&self, observed: f32) {
        let mut estimator = self.estimator();
        estimator.reset(observed);
        self.store(estimator);
    }

    /// The most bytes, uncompressed and with the header, that are expected to compress into a batch of `target` bytes.
    pub fn uncompressed_limit(&self, target: usize) -> usize {
        let per_byte = self.estimator().estimate(1 << 20) as f32 / (1 << 20) as f32;
        let records = target.saturating_sub(BATCH_OVERHEAD) as f32;
        // A ratio near zero must not turn a batch of 16 KiB into one of many megabytes.
        let records = records / per_byte.max(0.01);
        BATCH_OVERHEAD.saturating_add(records as usize)
    }

    fn estimator(&self) -> RatioEstimator {
        RatioEstimator::from_ratio(self.ratio())
    }

    fn store(&self, estimator: RatioEstimator) {
        self.0.store(estimator.ratio().to_bits(), Ordering::Relaxed);
    }
}

impl Default for SharedRatio {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_compresses_well_gets_larger_batches() {
        let ratio = SharedRatio::new();
        let before = ratio.uncompressed_limit(16_384);
        assert!((15_500..=16_384).contains(&before), "{before}");
        for _ in 0..200 {
            ratio.observe(0.25);
        }
        let after = ratio.uncompressed_limit(16_384);
        assert!((60_000..=65_000).contains(&after), "{after}");
        ratio.reset(0.25);
        assert_eq!(ratio.uncompressed_limit(16_384), before);
    }
}
