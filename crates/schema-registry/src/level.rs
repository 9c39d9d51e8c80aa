//! The rules by which schemas of a subject follow each other: [`CompatibilityLevel`].

use std::fmt;

/// How schemas of a subject may follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompatibilityLevel {
    /// However they like.
    None,
    /// The new one reads what the last one wrote. Confluent's default.
    Backward,
    /// The new one reads what all before it wrote.
    BackwardTransitive,
    /// The last one reads what the new one writes.
    Forward,
    /// All before it read what the new one writes.
    ForwardTransitive,
    /// The new one and the last one read what either writes.
    Full,
    /// The new one and all before it read what either writes.
    FullTransitive,
}

impl CompatibilityLevel {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The API's name: `BACKWARD_TRANSITIVE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

impl fmt::Display for CompatibilityLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for CompatibilityLevel {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownLevel { name: name.to_owned() })
    }
}

/// A compatibility level that is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel {
    /// As it was given.
    pub name: String,
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no compatibility level {:?}", self.name)
    }
}

impl std::error::Error for UnknownLevel {}
