//! The settings that are one of a few.

use std::fmt;

use rohrpost_records as records;

/// What has to happen before a record counts as acknowledged (`acks`). Only with `All` can the producer be idempotent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acks {
    /// `0`: nothing. A record counts as sent when it was written to a socket; its offset stays unknown, and a lost connection loses
    /// records silently.
    None,
    /// `1`: the partition's leader has written it. A failover may lose it.
    Leader,
    /// `all`: every in-sync replica has it.
    #[default]
    All,
}

impl Acks {
    /// The number in the protocol.
    pub const fn number(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        })
    }
}

/// How batches are compressed (`compression.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip: small and slow.
    Gzip,
    /// Snappy: fast.
    Snappy,
    /// LZ4: fast.
    Lz4,
    /// Zstandard: small, and not slow.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(codec(*self).name())
    }
}

/// Who chooses the partition of a record that names none (`partitioner.class`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Partitioning {
    /// Kafka's default: a key's murmur2 hash; without a key, one partition for about `batch.size` bytes, then another (KIP-794).
    #[default]
    Default,
    /// One partition after another, whatever the key (Java's `RoundRobinPartitioner`).
    RoundRobin,
}

/// What to do when no known broker can be reached (`metadata.recovery.strategy`, KIP-899).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetadataRecovery {
    /// Start again from the bootstrap servers.
    #[default]
    Rebootstrap,
    /// Go on trying the known brokers.
    None,
}

const fn codec(compression: Compression) -> records::Codec {
    match compression {
        Compression::None => records::Codec::None,
        Compression::Gzip => records::Codec::Gzip,
        Compression::Snappy => records::Codec::Snappy,
        Compression::Lz4 => records::Codec::Lz4,
        Compression::Zstd => records::Codec::Zstd,
    }
}

pub(super) fn record_compression(
    compression: Compression,
    level: Option<i32>,
) -> Result<records::Compression, records::CompressionError> {
    match level {
        Some(level) => records::Compression::with_level(codec(compression), level),
        None => records::Compression::new(codec(compression)),
    }
}
