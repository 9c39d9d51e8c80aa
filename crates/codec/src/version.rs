//! [`VersionRange`].

use core::fmt;

/// The versions of a message that somebody speaks: `min` to `max`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version.
    pub max: i16,
}

impl VersionRange {
    /// No version at all.
    pub const EMPTY: Self = Self::new(0, -1);

    /// The versions `min` to `max`; none if `min` is above `max`.
    #[must_use]
    pub const fn new(min: i16, max: i16) -> Self {
        Self { min, max }
    }

    /// Whether `version` is in the range.
    #[must_use]
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// Whether no version is in the range.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.min > self.max
    }

    /// The versions that are in both ranges; `None` if there is no such version.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        let both = Self::new(self.min.max(other.min), self.max.min(other.max));
        (!both.is_empty()).then_some(both)
    }

    /// Every version of the range, the lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i16> + Clone {
        self.min..=self.max
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            f.write_str("none")
        } else if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}-{}", self.min, self.max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn ranges_meet_where_both_have_a_version() {
        let ours = VersionRange::new(3, 13);
        assert_eq!(ours.intersect(VersionRange::new(0, 8)), Some(VersionRange::new(3, 8)));
        assert_eq!(ours.intersect(VersionRange::new(13, 20)), Some(VersionRange::new(13, 13)));
        assert_eq!(ours.intersect(VersionRange::new(0, 2)), None);
        assert_eq!(ours.intersect(VersionRange::EMPTY), None);
        assert!(ours.contains(3) && ours.contains(13) && !ours.contains(2) && !ours.contains(14));
        assert!(VersionRange::EMPTY.is_empty() && !VersionRange::EMPTY.contains(0));
        assert_eq!(ours.to_string(), "3-13");
        assert_eq!(VersionRange::new(0, 0).to_string(), "0");
        assert_eq!(VersionRange::EMPTY.to_string(), "none");
        assert_eq!(VersionRange::EMPTY.iter().count(), 0);
    }
}
