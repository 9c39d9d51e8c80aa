//! Message formats 0 and 1, from before Kafka 0.11: read, never written.
//!
//! A message, all integers big-endian:
//!
//! | offset | field | type |
//! |---:|---|---|
//! | 0 | offset; of compressed messages, that of the last one inside | i64 |
//! | 8 | message size, from byte 12 on | i32 |
//! | 12 | CRC-32 (not CRC-32C) of byte 16 to the end | u32 |
//! | 16 | magic, 0 or 1 | i8 |
//! | 17 | attributes: codec (bits 0-2), log append time (3, magic 1) | i8 |
//! | 18 | timestamp, ms; magic 1 alone | i64 |
//! | 18 or 26 | key length (-1 for null) and key, value length and value | i32 each |
//!
//! Several messages compressed together are the value of one more message, which names the codec. The offsets inside are absolute in
//! magic 0, and in magic 1 count from the first one (KIP-31).

use alloc::vec::Vec;
use core::iter::FusedIterator;

use bytes::Bytes;

use crate::compression::{self, Codec};
use crate::error::{BatchError, BatchErrorKind};
use crate::header::{Attributes, LENGTH_AT, LOG_OVERHEAD, MAGIC_AT, field};
use crate::reader::RecordBatch;
use crate::record::Record;

const CRC_AT: usize = 12;
const ATTRIBUTES_AT: usize = 17;
const TIMESTAMP_AT: usize = 18;
/// CRC, magic, attributes, and the lengths of key and value.
const MIN_SIZE: i32 = 4 + 1 + 1 + 4 + 4;

/// A message of magic 0 or 1 as it is stored, with the messages that are compressed into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyBatch {
    message: Message,
    magic: i8,
    attributes: Attributes,
    bytes: Bytes,
}

/// A message whose CRC is right.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    offset: i64,
    timestamp: i64,
    key: Option<Bytes>,
    value: Option<Bytes>,
}

impl LegacyBatch {
    /// Reads the message at the start of `input`: a slice of the input, and the bytes that it took.
    ///
    /// # Errors
    /// [`BatchError`]; [`is_truncated`](BatchError::is_truncated) where the input ends inside of the message.
    pub fn parse(input: &Bytes) -> Result<(Self, usize), BatchError> {
        let available = input.len();
        let truncated = |what, needed| {
            BatchError::new(what, 0, BatchErrorKind::Truncated { needed, available })
        };
        if available <= MAGIC_AT {
            return Err(truncated("message header", MAGIC_AT + 1));
        }
        let magic = input[MAGIC_AT] as i8;
        if !(0..=1).contains(&magic) {
            return Err(BatchError::new(
                "magic",
                MAGIC_AT,
                BatchErrorKind::UnsupportedMagic(magic),
            ));
        }
        let size = i32::from_be_bytes(field(input, LENGTH_AT));
        let min = MIN_SIZE + if magic == 1 { 8 } else { 0 };
        if size < min {
            return Err(range("message size", LENGTH_AT, size.into(), min.into(), i32::MAX.into()));
        }
        let size = size as usize + LOG_OVERHEAD;
        if size > available {
            return Err(truncated("message", size));
        }
        let bytes = input.slice(..size);
        let stored = u32::from_be_bytes(field(&bytes, CRC_AT));
        let computed = crc32(&bytes[MAGIC_AT..]);
        if stored != computed {
            return Err(BatchError::new(
                "CRC",
                CRC_AT,
                BatchErrorKind::WrongCrc { stored, computed },
            ));
        }
        let attributes = Attributes(bytes[ATTRIBUTES_AT].into());
        // Zstandard came with magic 2.
        if !matches!(attributes.codec(), Some(codec) if codec != Codec::Zstd) {
            let id = i64::from(bytes[ATTRIBUTES_AT] & 7);
            return Err(range("codec id", ATTRIBUTES_AT, id, 0, Codec::Lz4.id().into()));
        }
        let mut at = TIMESTAMP_AT;
        let mut timestamp = -1;
        if magic == 1 {
            timestamp = i64::from_be_bytes(field(&bytes, at));
            at += 8;
        }
        let key = nullable("key length", &bytes, &mut at)?;
        let value = nullable("value length", &bytes, &mut at)?;
        if at < size {
            let kind = BatchErrorKind::TrailingBytes(size - at);
            return Err(BatchError::new("end of the message", at, kind));
        }
        let offset = i64::from_be_bytes(field(&bytes, 0));
        let message = Message { offset, timestamp, key, value };
        Ok((Self { message, magic, attributes, bytes }, size))
    }

    /// The format: 0 or 1.
    pub const fn magic(&self) -> i8 {
        self.magic
    }

    /// The codec of the messages inside; [`Codec::None`] where this is one message.
    pub fn codec(&self) -> Codec {
        self.attributes.codec().unwrap_or_default()
    }

    /// Whether every timestamp is the broker's. Never in magic 0, which has none.
    pub const fn is_log_append_time(&self) -> bool {
        self.magic == 1 && self.attributes.is_log_append_time()
    }

    /// Offset of the last message.
    pub const fn last_offset(&self) -> i64 {
        self.message.offset
    }

    /// The whole message as it was read.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The message, or those compressed into it, to at most `max_decompressed` bytes; without headers, which the formats have not,
    /// and with a timestamp of -1 in magic 0.
    ///
    /// # Errors
    /// [`BatchErrorKind::TooLarge`], `Corrupt`, `CodecNotCompiledIn`, and what is wrong with a message inside, by its index.
    pub fn records(&self, max_decompressed: usize) -> Result<Vec<Record>, BatchError> {
        let codec = self.codec();
        if codec == Codec::None {
            return Ok(alloc::vec![self.record(&self.message, self.message.offset)]);
        }
        let compressed = self.message.value.as_deref().unwrap_or_default();
        let fixed =
            (self.magic == 0 && codec == Codec::Lz4).then(|| with_right_checksum(compressed));
        let input = fixed.as_deref().unwrap_or(compressed);
        let data = compression::decompress(codec, input, max_decompressed)
            .map_err(|kind| BatchError::new("messages", 0, kind))?;
        let inside = self.read_inside(Bytes::from(data))?;
        let Some(last) = inside.last().map(|message| message.offset) else {
            return Err(range("compressed messages", 0, 0, 1, i32::MAX.into()));
        };
        let base = if self.magic == 0 { 0 } else { self.message.offset.wrapping_sub(last) };
        Ok(inside
            .iter()
            .map(|message| self.record(message, base.wrapping_add(message.offset)))
            .collect())
    }

    fn read_inside(&self, mut data: Bytes) -> Result<Vec<Message>, BatchError> {
        let mut messages = Vec::new();
        while !data.is_empty() {
            let index = messages.len() as i32;
            let inside = |mut error: BatchError| {
                error.record = Some(index);
                error
            };
            let (batch, consumed) = Self::parse(&data).map_err(inside)?;
            let (magic, own) = (i64::from(batch.magic), i64::from(self.magic));
            if magic != own {
                return Err(inside(range("magic", MAGIC_AT, magic, own, own)));
            }
            if batch.codec() != Codec::None {
                let id = batch.codec().id().into();
                return Err(inside(range("codec id of a message inside", ATTRIBUTES_AT, id, 0, 0)));
            }
            messages.push(batch.message);
            data = data.slice(consumed..);
        }
        Ok(messages)
    }

    fn record(&self, message: &Message, offset: i64) -> Record {
        let timestamp =
            if self.is_log_append_time() { self.message.timestamp } else { message.timestamp };
        let (key, value) = (message.key.clone(), message.value.clone());
        Record { offset, timestamp, key, value, headers: Vec::new() }
    }
}

/// A batch of any format that Kafka ever had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyBatch {
    /// Magic 2.
    Current(RecordBatch),
    /// Magic 0 or 1.
    Legacy(LegacyBatch),
}

impl AnyBatch {
    /// Reads the batch at the start of `input`, and the bytes that it took.
    ///
    /// # Errors
    /// As [`RecordBatch::parse`] and [`LegacyBatch::parse`].
    pub fn parse(input: &Bytes) -> Result<(Self, usize), BatchError> {
        if matches!(input.get(MAGIC_AT), Some(0 | 1)) {
            let (batch, consumed) = LegacyBatch::parse(input)?;
            return Ok((Self::Legacy(batch), consumed));
        }
        let (batch, consumed) = RecordBatch::parse(input)?;
        Ok((Self::Current(batch), consumed))
    }

    /// The records, decompressed to at most `max_decompressed` bytes.
    ///
    /// # Errors
    /// As [`RecordBatch::records`], those of its items, and [`LegacyBatch::records`].
    pub fn records(&self, max_decompressed: usize) -> Result<Vec<Record>, BatchError> {
        match self {
            Self::Current(batch) => batch.records(max_decompressed)?.collect(),
            Self::Legacy(batch) => batch.records(max_decompressed),
        }
    }
}

/// Iterates over batches of any format, as [`RecordBatches`](crate::RecordBatches) does over those of magic 2.
#[derive(Clone, Debug)]
pub struct AnyBatches {
    remaining: Bytes,
    done: bool,
}

impl AnyBatches {
    /// Iterates over the batches in `input`.
    pub const fn new(input: Bytes) -> Self {
        Self { remaining: input, done: false }
    }

    /// The bytes behind the last good batch.
    pub const fn remaining(&self) -> &Bytes {
        &self.remaining
    }
}

impl Iterator for AnyBatches {
    type Item = Result<AnyBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.remaining.is_empty() {
            return None;
        }
        let parsed = AnyBatch::parse(&self.remaining).map(|(batch, consumed)| {
            self.remaining = self.remaining.slice(consumed..);
            batch
        });
        self.done = parsed.is_err();
        Some(parsed)
    }
}

impl FusedIterator for AnyBatches {}

/// A nullable field with its length before it, from `at` on.
fn nullable(
    what: &'static str,
    bytes: &Bytes,
    at: &mut usize,
) -> Result<Option<Bytes>, BatchError> {
    let start = *at + 4;
    let Some(left) = bytes.len().checked_sub(start) else {
        let kind = BatchErrorKind::Truncated { needed: 4, available: bytes.len() - *at };
        return Err(BatchError { record: Some(0), ..BatchError::new(what, *at, kind) });
    };
    let len = i32::from_be_bytes(field(bytes, *at));
    if len < -1 || i64::from(len) > left as i64 {
        return Err(range(what, *at, len.into(), -1, left as i64));
    }
    let Ok(len) = usize::try_from(len) else {
        *at = start;
        return Ok(None);
    };
    *at = start + len;
    Ok(Some(bytes.slice(start..*at)))
}

const fn range(what: &'static str, at: usize, value: i64, min: i64, max: i64) -> BatchError {
    BatchError::new(what, at, BatchErrorKind::OutOfRange { value, min, max })
}

/// The LZ4 frame with the checksum of its descriptor put right: with magic 0, Kafka's clients computed it over the frame's magic
/// too (KAFKA-3160), and nobody looks at it.
fn with_right_checksum(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let has_size = frame.get(4).is_some_and(|flags| flags & 0x08 != 0);
    let at = if has_size { 14 } else { 6 };
    if at < frame.len() {
        frame[at] = (xxh32_short(&frame[4..at]) >> 8) as u8;
    }
    frame
}

/// xxHash-32, seed 0, of less than 16 bytes.
fn xxh32_short(input: &[u8]) -> u32 {
    const P1: u32 = 0x9e37_79b1;
    const P2: u32 = 0x85eb_ca77;
    const P3: u32 = 0xc2b2_ae3d;
    const P4: u32 = 0x27d4_eb2f;
    const P5: u32 = 0x1656_67b1;
    let mut hash = P5.wrapping_add(input.len() as u32);
    let mut words = input.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes(field(word, 0));
        hash = hash.wrapping_add(word.wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
    }
    for byte in words.remainder() {
        let byte = u32::from(*byte).wrapping_mul(P5);
        hash = hash.wrapping_add(byte).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(P2);
    hash = (hash ^ hash >> 13).wrapping_mul(P3);
    hash ^ hash >> 16
}

/// CRC-32 as in zlib.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| crc >> 8 ^ CRC32_TABLE[usize::from(crc as u8 ^ byte)])
}

const CRC32_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_their_specifications() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(xxh32_short(b""), 0x02cc_5d05);
        assert_eq!(xxh32_short(b"abc"), 0x32d1_53ff);
        // Java's descriptor: 60 40, and 82.
        assert_eq!(xxh32_short(&[0x60, 0x40]) >> 8 & 0xff, 0x82);
    }
}
