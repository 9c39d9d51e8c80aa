//! What can go wrong with a batch, each error with the values that explain it.

use alloc::string::String;
use core::fmt;

use crate::compression::{Codec, CompressionError};

/// Why a record was not appended. The batch is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// Only from [`BatchBuilder::try_append`](crate::BatchBuilder::try_append): the buffer is too small, and growing it is
    /// the caller's decision.
    NoRoom {
        /// The whole capacity that the buffer needs to take this record.
        needed: usize,
    },
    /// A timestamp below -1 (-1 means "none").
    NegativeTimestamp {
        /// The timestamp, ms.
        timestamp: i64,
    },
    /// The batch would exceed its cap in bytes ([`BatchCap`](crate::BatchCap)), but the next one can take the record.
    FullOfBytes {
        /// The bytes that the batch would have had.
        size: usize,
        /// The most that it may have.
        cap: usize,
    },
    /// The batch holds as many records as its cap allows; the next one can take the record.
    FullOfRecords {
        /// The most that it may have.
        cap: i32,
    },
    /// No batch of this cap takes the record, not even alone.
    TooLarge {
        /// The bytes of a batch of this record alone.
        size: usize,
        /// The most that such a batch may have.
        cap: usize,
    },
}

impl AppendError {
    /// Whether the batch is full and an empty one would take the record: seal this one and begin the next.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::FullOfBytes { .. } | Self::FullOfRecords { .. })
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom { needed } => {
                write!(f, "the batch's buffer needs {needed} bytes to take the record")
            }
            Self::NegativeTimestamp { timestamp } => {
                write!(
                    f,
                    "a record's timestamp is {timestamp} ms: it must be at least 0, or -1 for none"
                )
            }
            Self::FullOfBytes { size, cap } => write!(
                f,
                "the batch would have {size} bytes and its cap is {cap}: the record belongs in the next one"
            ),
            Self::FullOfRecords { cap } => write!(
                f,
                "the batch holds {cap} records, which is its cap: the record belongs in the next one"
            ),
            Self::TooLarge { size, cap } => write!(
                f,
                "the record alone makes a batch of {size} bytes: no batch may have more than {cap}"
            ),
        }
    }
}

impl core::error::Error for AppendError {}

/// Why a batch was not sealed. The builder is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// It has no records.
    Empty,
    /// The compressed batch would exceed 2147483647 bytes.
    TooLarge {
        /// The bytes that it would have had.
        size: usize,
    },
    /// The codec failed, or is not compiled in.
    Compression(CompressionError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a batch without records cannot be sealed"),
            Self::TooLarge { size } => {
                write!(f, "the compressed batch has {size} bytes: the format ends at {}", i32::MAX)
            }
            Self::Compression(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SealError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Compression(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CompressionError> for SealError {
    fn from(error: CompressionError) -> Self {
        Self::Compression(error)
    }
}

/// Why a batch cannot carry a stamp: a mistake of the caller. The batch is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StampError {
    /// A negative producer id, epoch or base sequence.
    Negative {
        /// Which of them.
        what: &'static str,
        /// Its value.
        value: i64,
    },
    /// A transactional batch needs a producer id.
    TransactionalWithoutProducer,
}

impl fmt::Display for StampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative { what, value } => {
                write!(
                    f,
                    "a batch cannot be stamped with the {what} {value}: it must be at least 0"
                )
            }
            Self::TransactionalWithoutProducer => {
                f.write_str("a transactional batch needs a producer id")
            }
        }
    }
}

impl core::error::Error for StampError {}

/// Why a batch was not split.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitError {
    /// Its records could not be read back.
    Read(BatchError),
    /// A child did not take its record.
    Append(AppendError),
    /// A child could not be sealed.
    Seal(SealError),
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "splitting a batch: {error}"),
            Self::Append(error) => write!(f, "splitting a batch: {error}"),
            Self::Seal(error) => write!(f, "splitting a batch: {error}"),
        }
    }
}

impl core::error::Error for SplitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Read(error) => error,
            Self::Append(error) => error,
            Self::Seal(error) => error,
        })
    }
}

impl From<BatchError> for SplitError {
    fn from(error: BatchError) -> Self {
        Self::Read(error)
    }
}

impl From<AppendError> for SplitError {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}

impl From<SealError> for SplitError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

/// A received batch that breaks the format: where, in what, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchError {
    /// The field or part that is wrong, in Kafka's words.
    pub what: &'static str,
    /// Byte offset: from the start of the batch for its header, from the start of the (decompressed) records section for
    /// records. Of a [`ControlRecord`](crate::ControlRecord), from the start of the record's key or value.
    pub at: usize,
    /// The record's index in the batch, where the error lies in one.
    pub record: Option<i32>,
    /// What is wrong with it.
    pub kind: BatchErrorKind,
}

/// What is wrong with a received batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchErrorKind {
    /// The input ends too early. At the end of a Fetch response or a log segment this is usual: the last batch is cut.
    Truncated {
        /// Bytes needed from `at` on.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// Not magic 2. 0 and 1 are the message formats before Kafka 0.11.
    UnsupportedMagic(i8),
    /// A number outside of what the field allows.
    OutOfRange {
        /// The number.
        value: i64,
        /// The smallest allowed.
        min: i64,
        /// The largest allowed.
        max: i64,
    },
    /// The stored CRC-32C is not that of the bytes: they were damaged.
    WrongCrc {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// A varint of more bits than its type has.
    VarintTooLong,
    /// Bytes left over behind the last one that is accounted for.
    TrailingBytes(usize),
    /// The records are compressed with a codec that this build lacks.
    CodecNotCompiledIn(Codec),
    /// The records decompress to more than the caller allows.
    TooLarge {
        /// The caller's limit, bytes.
        limit: usize,
    },
    /// The compressed data is damaged.
    Corrupt {
        /// Its codec.
        codec: Codec,
        /// What the decompressor says.
        reason: String,
    },
}

impl BatchError {
    pub(crate) const fn new(what: &'static str, at: usize, kind: BatchErrorKind) -> Self {
        Self { what, at, record: None, kind }
    }

    /// Whether the input ended inside of the batch: more bytes may complete it.
    pub const fn is_truncated(&self) -> bool {
        matches!(self.kind, BatchErrorKind::Truncated { .. }) && self.record.is_none()
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, at, record, kind } = self;
        f.write_str("record batch: ")?;
        if let Some(record) = record {
            write!(f, "record {record}: ")?;
        }
        write!(f, "{what} at byte {at}")?;
        match kind {
            BatchErrorKind::Truncated { needed, available } => {
                write!(f, " needs {needed} bytes, {available} are there")
            }
            BatchErrorKind::UnsupportedMagic(magic) => {
                write!(f, " is {magic}: only version 2 (Kafka 0.11 and later) can be read")
            }
            BatchErrorKind::OutOfRange { value, min, max } => {
                write!(f, " is {value}, not within {min} to {max}")
            }
            BatchErrorKind::WrongCrc { stored, computed } => write!(
                f,
                " is {stored:#010x} but the bytes give {computed:#010x}: they were damaged"
            ),
            BatchErrorKind::VarintTooLong => f.write_str(" is a varint of too many bits"),
            BatchErrorKind::TrailingBytes(count) => write!(f, ": {count} bytes left over"),
            BatchErrorKind::CodecNotCompiledIn(codec) => {
                write!(f, ": {codec} is not compiled in; enable the feature `{codec}`")
            }
            BatchErrorKind::TooLarge { limit } => {
                write!(f, " decompress to more than the limit of {limit} bytes")
            }
            BatchErrorKind::Corrupt { codec, reason } => {
                write!(f, ": damaged {codec} data: {reason}")
            }
        }
    }
}

impl core::error::Error for BatchError {}
