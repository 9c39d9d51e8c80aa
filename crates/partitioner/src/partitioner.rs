//! The [`Partitioner`] trait, for one's own, and the built-in ones that look at the key.

use core::fmt;
use core::num::NonZeroU32;

use crate::{KeyHash, Table};

/// Chooses a partition for each record that names none (`partitioner.class`). Called by every sender on its own thread, at the same time, so it must be
/// quick and not block. For a record that has to wait it may be asked more than once.
///
/// ```
/// use rohrpost_partitioner::{Choice, Hashed, Partitioner, Query};
///
/// /// Orders of the big customer have partition 0 for themselves.
/// struct BigCustomer;
///
/// impl Partitioner for BigCustomer {
///     fn choose(&self, query: &Query<'_>) -> Choice {
///         match query.key {
///             Some(b"big") => Choice::Partition(0),
///             _ => Hashed::JAVA.choose(query),
///         }
///     }
/// }
/// ```
pub trait Partitioner: Send + Sync {
    /// The partition for this record, of those that `query.table` counts. Any other fails the send, and so does a panic.
    fn choose(&self, query: &Query<'_>) -> Choice;
}

/// What there is to choose by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Query<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The record's key, as encoded.
    pub key: Option<&'a [u8]>,
    /// The record's value, as encoded.
    pub value: Option<&'a [u8]>,
    /// The topic's partitions.
    pub table: &'a Table,
}

impl<'a> Query<'a> {
    /// A question about a record.
    #[inline]
    #[must_use]
    pub const fn new(
        topic: &'a str,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        table: &'a Table,
    ) -> Self {
        Self { topic, key, value, table }
    }
}

/// A partitioner's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This partition.
    Partition(u32),
    /// Any: the producer fills batch after batch, as [`UniformSticky`](crate::UniformSticky) does.
    Sticky,
}

/// Partitions by a hash of the key, over all partitions, available or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// The hash.
    pub hash: KeyHash,
    /// Which keys do not decide.
    pub spread: Spread,
}

/// Which records are spread over the partitions instead of being hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Those without a key. An empty key is a key.
    NoKey,
    /// Those without a key or with an empty one.
    NoKeyOrEmpty,
    /// None: no key is hashed as an empty one.
    Nothing,
}

impl Hashed {
    /// Java's default. librdkafka calls it `murmur2_random`.
    pub const JAVA: Self = Self { hash: KeyHash::Murmur2, spread: Spread::NoKey };
    /// librdkafka's `murmur2`.
    pub const MURMUR2: Self = Self { hash: KeyHash::Murmur2, spread: Spread::Nothing };
    /// librdkafka's `consistent`.
    pub const CONSISTENT: Self = Self { hash: KeyHash::Crc32, spread: Spread::Nothing };
    /// librdkafka's default, `consistent_random`.
    pub const CONSISTENT_RANDOM: Self = Self { hash: KeyHash::Crc32, spread: Spread::NoKeyOrEmpty };
    /// librdkafka's `fnv1a`.
    pub const FNV1A: Self = Self { hash: KeyHash::Fnv1a, spread: Spread::Nothing };
    /// librdkafka's `fnv1a_random`; Sarama's default, `NewHashPartitioner`.
    pub const FNV1A_RANDOM: Self = Self { hash: KeyHash::Fnv1a, spread: Spread::NoKey };
    /// Sarama's `NewReferenceHashPartitioner`.
    pub const SARAMA_REFERENCE: Self = Self { hash: KeyHash::Fnv1aUnsigned, spread: Spread::NoKey };
    /// Sarama's `NewConsistentCRCHashPartitioner`: librdkafka's default, but for empty keys.
    pub const SARAMA_CRC32: Self = Self { hash: KeyHash::Crc32, spread: Spread::NoKey };

    /// The partition of a key, or that it does not decide.
    #[inline]
    #[must_use]
    pub fn of_key(self, key: Option<&[u8]>, table: &Table) -> Choice {
        self.of_key_in(key, table.count())
    }

    /// The same of a topic of so many partitions.
    #[inline]
    #[must_use]
    pub fn of_key_in(self, key: Option<&[u8]>, count: NonZeroU32) -> Choice {
        if self.is_spread(key) {
            return Choice::Sticky;
        }
        Choice::Partition(self.hash.partition(key.unwrap_or_default(), count))
    }

    /// Whether a key does not decide.
    #[inline]
    #[must_use]
    pub const fn is_spread(self, key: Option<&[u8]>) -> bool {
        matches!(
            (key, self.spread),
            (None, Spread::NoKey | Spread::NoKeyOrEmpty) | (Some([]), Spread::NoKeyOrEmpty)
        )
    }
}

impl Default for Hashed {
    fn default() -> Self {
        Self::JAVA
    }
}

impl Partitioner for Hashed {
    #[inline]
    fn choose(&self, query: &Query<'_>) -> Choice {
        self.of_key(query.key, query.table)
    }
}

/// Checks a partition that the record itself names.
///
/// # Errors
///
/// A negative number is no partition. One beyond the topic's count may come to be one: the caller asks for fresh metadata and waits.
#[inline]
pub fn explicit(partition: i32, table: &Table) -> Result<u32, InvalidPartition> {
    match u32::try_from(partition) {
        Ok(partition) if partition < table.count().get() => Ok(partition),
        Ok(_) => Err(InvalidPartition::Beyond { partition, count: table.count().get() }),
        Err(_) => Err(InvalidPartition::Negative { partition }),
    }
}

/// A partition that the topic does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPartition {
    /// No topic has it.
    Negative {
        /// The number.
        partition: i32,
    },
    /// The topic has fewer, as far as is known.
    Beyond {
        /// The number.
        partition: i32,
        /// How many the topic has.
        count: u32,
    },
}

impl fmt::Display for InvalidPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative { partition } => {
                write!(f, "partition {partition} is negative: partitions are numbered from 0")
            }
            Self::Beyond { partition, count } => {
                write!(f, "partition {partition} does not exist: the topic has {count}")
            }
        }
    }
}

impl core::error::Error for InvalidPartition {}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        // Only partition 2 has a leader; a key's partition does not depend on that.
        Table::new(NonZeroU32::new(7).unwrap(), [2])
    }

    #[test]
    fn an_empty_key_is_a_key_and_no_key_is_none() {
        let table = table();
        let partition =
            |key: &[u8], hash: KeyHash| Choice::Partition(hash.partition(key, table.count()));
        for (hashed, without, empty) in [
            (Hashed::JAVA, Choice::Sticky, partition(b"", KeyHash::Murmur2)),
            (Hashed::MURMUR2, partition(b"", KeyHash::Murmur2), partition(b"", KeyHash::Murmur2)),
            (Hashed::CONSISTENT, Choice::Partition(0), Choice::Partition(0)),
            (Hashed::CONSISTENT_RANDOM, Choice::Sticky, Choice::Sticky),
            (Hashed::FNV1A, partition(b"", KeyHash::Fnv1a), partition(b"", KeyHash::Fnv1a)),
            (Hashed::FNV1A_RANDOM, Choice::Sticky, partition(b"", KeyHash::Fnv1a)),
            (Hashed::SARAMA_REFERENCE, Choice::Sticky, partition(b"", KeyHash::Fnv1aUnsigned)),
            (Hashed::SARAMA_CRC32, Choice::Sticky, Choice::Partition(0)),
        ] {
            assert_eq!(hashed.of_key(None, &table), without, "{hashed:?}");
            assert_eq!(hashed.of_key(Some(b""), &table), empty, "{hashed:?}");
            let query = Query::new("t", Some(b"k"), None, &table);
            assert_eq!(hashed.choose(&query), partition(b"k", hashed.hash), "{hashed:?}");
        }
    }

    #[test]
    fn an_explicit_partition_must_exist() {
        let table = table();
        assert_eq!(explicit(0, &table), Ok(0));
        assert_eq!(explicit(6, &table), Ok(6));
        assert_eq!(explicit(7, &table), Err(InvalidPartition::Beyond { partition: 7, count: 7 }));
        assert_eq!(explicit(-1, &table), Err(InvalidPartition::Negative { partition: -1 }));
        assert_eq!(
            explicit(i32::MIN, &table),
            Err(InvalidPartition::Negative { partition: i32::MIN })
        );
    }
}
