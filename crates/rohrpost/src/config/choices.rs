//! The settings that are one of a few.

use std::fmt;

use rohrpost_records as records;

use super::ConfigError;

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

impl Compression {
    /// The property that sets the codec's level.
    pub(crate) fn level_property(self) -> Result<&'static str, ConfigError> {
        match self {
            Self::Gzip => Ok("compression.gzip.level"),
            Self::Lz4 => Ok("compression.lz4.level"),
            Self::Zstd => Ok("compression.zstd.level"),
            Self::None | Self::Snappy => Err(ConfigError::InvalidValue {
                name: "compression.type",
                value: Some(self.to_string()),
                accepted: "no level: none and snappy have none".to_owned(),
            }),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(codec(*self).name())
    }
}

/// Who chooses the partition of a record that names none (`partitioner.class`; librdkafka's `partitioner`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Partitioning {
    /// Kafka's default: a key's murmur2 hash; without a key, one partition for about `batch.size` bytes, then another (KIP-794).
    /// librdkafka calls it `murmur2_random`.
    #[default]
    Default,
    /// One partition after another, whatever the key (Java's `RoundRobinPartitioner`).
    RoundRobin,
    /// As [`Default`](Self::Default), but no key is hashed as an empty one (librdkafka's `murmur2`).
    Murmur2,
    /// A key's CRC-32; no key is hashed as an empty one (librdkafka's `consistent`).
    Consistent,
    /// A key's CRC-32; records without a key or with an empty one are spread as by [`Default`](Self::Default) (librdkafka's default,
    /// `consistent_random`).
    ConsistentRandom,
    /// A key's FNV-1a hash; no key is hashed as an empty one (librdkafka's `fnv1a`).
    Fnv1a,
    /// A key's FNV-1a hash; records without a key are spread as by [`Default`](Self::Default) (librdkafka's `fnv1a_random`, Sarama's default).
    Fnv1aRandom,
    /// A key's FNV-1a hash without its sign bit; records without a key are spread as by [`Default`](Self::Default) (Sarama's
    /// `NewReferenceHashPartitioner`).
    SaramaReference,
    /// A key's CRC-32, an empty one's too; records without a key are spread as by [`Default`](Self::Default) (Sarama's
    /// `NewConsistentCRCHashPartitioner`).
    SaramaCrc32,
    /// Any partition for each record, whatever the key (librdkafka's `random`).
    Random,
}

/// How the bootstrap servers' names become addresses (`client.dns.lookup`, KIP-235, KIP-302).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DnsLookup {
    /// Every address that a name resolves to is tried.
    #[default]
    UseAllDnsIps,
    /// An alias stands for many brokers: each of its addresses is looked up for the name that is its own, and those names are the bootstrap servers.
    /// Kerberos knows brokers by those names.
    ResolveCanonicalBootstrapServersOnly,
}

impl DnsLookup {
    /// In the order of their names in the tables.
    pub(crate) const ALL: [Self; 2] =
        [Self::UseAllDnsIps, Self::ResolveCanonicalBootstrapServersOnly];
}

/// Which addresses of brokers are connected to (librdkafka's `broker.address.family`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// All.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// One of Kafka's own serializers (`key.serializer`, `value.serializer`).
///
/// A [`Producer`](crate::Producer) sends bytes and text as they are, which is what the first four do; it refuses a configuration that asks for
/// another one. A [`TypedProducer`](crate::TypedProducer) takes that of its own [serializer](crate::serializer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SerializerClass {
    /// `ByteArraySerializer`: bytes as they are.
    ByteArray,
    /// `ByteBufferSerializer`: bytes as they are.
    ByteBuffer,
    /// `BytesSerializer`: bytes as they are.
    Bytes,
    /// `StringSerializer`: text as UTF-8.
    String,
    /// `ShortSerializer`: 2 bytes, big-endian.
    Short,
    /// `IntegerSerializer`: 4 bytes, big-endian.
    Integer,
    /// `LongSerializer`: 8 bytes, big-endian.
    Long,
    /// `FloatSerializer`: 4 bytes, big-endian IEEE 754.
    Float,
    /// `DoubleSerializer`: 8 bytes, big-endian IEEE 754.
    Double,
    /// `BooleanSerializer`: one byte, 0 or 1.
    Boolean,
    /// `UUIDSerializer`: 36 characters of text.
    Uuid,
    /// `VoidSerializer`: nothing, ever.
    Void,
}

impl SerializerClass {
    /// In the order of [`NAMES`](Self::NAMES).
    pub(super) const ALL: [Self; 12] = [
        Self::ByteArray,
        Self::ByteBuffer,
        Self::Bytes,
        Self::String,
        Self::Short,
        Self::Integer,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Boolean,
        Self::Uuid,
        Self::Void,
    ];

    /// Java's classes and their short names.
    pub(super) const NAMES: &[&[&str]] = &[
        &["org.apache.kafka.common.serialization.ByteArraySerializer", "ByteArraySerializer"],
        &["org.apache.kafka.common.serialization.ByteBufferSerializer", "ByteBufferSerializer"],
        &["org.apache.kafka.common.serialization.BytesSerializer", "BytesSerializer"],
        &["org.apache.kafka.common.serialization.StringSerializer", "StringSerializer"],
        &["org.apache.kafka.common.serialization.ShortSerializer", "ShortSerializer"],
        &["org.apache.kafka.common.serialization.IntegerSerializer", "IntegerSerializer"],
        &["org.apache.kafka.common.serialization.LongSerializer", "LongSerializer"],
        &["org.apache.kafka.common.serialization.FloatSerializer", "FloatSerializer"],
        &["org.apache.kafka.common.serialization.DoubleSerializer", "DoubleSerializer"],
        &["org.apache.kafka.common.serialization.BooleanSerializer", "BooleanSerializer"],
        &["org.apache.kafka.common.serialization.UUIDSerializer", "UUIDSerializer"],
        &["org.apache.kafka.common.serialization.VoidSerializer", "VoidSerializer"],
    ];

    /// By the full name of Java's class.
    pub(crate) fn of_class(class: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|names| names[0] == class)?;
        Some(Self::ALL[index])
    }

    /// Whether it leaves bytes and text as they are.
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::ByteArray | Self::ByteBuffer | Self::Bytes | Self::String)
    }

    /// The name of Java's class, without its package.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByteArray => "ByteArraySerializer",
            Self::ByteBuffer => "ByteBufferSerializer",
            Self::Bytes => "BytesSerializer",
            Self::String => "StringSerializer",
            Self::Short => "ShortSerializer",
            Self::Integer => "IntegerSerializer",
            Self::Long => "LongSerializer",
            Self::Float => "FloatSerializer",
            Self::Double => "DoubleSerializer",
            Self::Boolean => "BooleanSerializer",
            Self::Uuid => "UUIDSerializer",
            Self::Void => "VoidSerializer",
        }
    }
}

impl fmt::Display for SerializerClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
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
