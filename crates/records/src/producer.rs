//! Who wrote a batch: producer id, epoch and sequence (KIP-98).

use core::fmt;

/// A producer id, assigned by the cluster (InitProducerId).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub i64);

impl ProducerId {
    /// No producer id: the batch is neither idempotent nor transactional.
    pub const NONE: Self = Self(-1);

    /// Whether this is an assigned id.
    pub const fn is_some(self) -> bool {
        self.0 >= 0
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The epoch of a producer id: a higher one fences the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerEpoch(pub i16);

impl ProducerEpoch {
    /// No epoch, beside [`ProducerId::NONE`].
    pub const NONE: Self = Self(-1);
}

impl fmt::Display for ProducerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record's number within (producer id, epoch, partition). Wraps from 2147483647 to 0.
///
/// Not `Ord`: what comes first depends on the window that one looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(pub i32);

impl Sequence {
    /// No sequence, beside [`ProducerId::NONE`], and that of a transaction marker.
    pub const NONE: Self = Self(-1);
    /// The first sequence of an epoch.
    pub const ZERO: Self = Self(0);

    /// The sequence `count` records later, modulo 2^31. `count` is taken modulo 2^31 too.
    #[must_use]
    pub const fn add(self, count: i32) -> Self {
        Self(self.0.wrapping_add(count) & i32::MAX)
    }

    /// The sequence `count` records earlier, modulo 2^31.
    #[must_use]
    pub const fn sub(self, count: i32) -> Self {
        Self(self.0.wrapping_sub(count) & i32::MAX)
    }

    /// How many records `self` is after `earlier`, modulo 2^31 (0 to 2147483647).
    pub const fn distance_from(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) & i32::MAX
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity that a batch is sent under. One identity carries one payload for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProducerStamp {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of the batch's first record.
    pub base_sequence: Sequence,
}

impl ProducerStamp {
    /// The identity of a producer that has none.
    pub const NONE: Self = Self {
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch::NONE,
        base_sequence: Sequence::NONE,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        let last = Sequence(i32::MAX);
        assert_eq!(last.add(1), Sequence(0));
        assert_eq!(Sequence(i32::MAX - 1).add(4), Sequence(2));
        assert_eq!(Sequence(2).sub(4), Sequence(i32::MAX - 1));
        assert_eq!(Sequence(2).distance_from(Sequence(i32::MAX - 1)), 4);
        assert_eq!(Sequence(5).distance_from(Sequence(5)), 0);
    }
}
