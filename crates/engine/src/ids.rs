//! Dense ids: what the engine, the driver and the senders call things by.

use core::fmt;

/// A topic, numbered by the engine when metadata first shows it. Stable for the engine's life, a deletion included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicIndex(pub u32);

impl TopicIndex {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// A partition of a topic, numbered by the engine across all topics. Stable for the engine's life.
///
/// Not the partition's number within its topic: that is an `i32` (see [`PartitionEntry`](crate::PartitionEntry)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionIndex(pub u32);

impl PartitionIndex {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// A batch's place in its partition's order: 0, 1, 2, …, given by the partition's appender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u64);

impl Slot {
    /// The place behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A batch: its partition and its place there. Unique for the engine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// The partition.
    pub partition: PartitionIndex,
    /// The batch's place in the partition's order.
    pub slot: Slot,
}

/// A send that waits for metadata; chosen by the driver, unique among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);

/// A flush; chosen by the driver, unique among those under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlushId(pub u64);

/// A call about transactions; chosen by the driver, unique among those under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);
