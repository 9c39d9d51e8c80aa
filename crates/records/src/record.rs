//! The records of a batch.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::Range;

use bytes::Bytes;

use crate::compression::{self, Codec};
use crate::error::{BatchError, BatchErrorKind};
use crate::header::{BATCH_OVERHEAD, BatchHeader};
use crate::varint::{VarintError, read_varint, read_varlong};

/// A record as read from a batch. Its bytes are slices of the batch, or of its decompressed records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The batch's base offset and the record's delta.
    pub offset: i64,
    /// Milliseconds since the epoch, -1 for none: the producer's, or the broker's under log append time.
    pub timestamp: i64,
    /// The key; `None` for null, which is not the empty key.
    pub key: Option<Bytes>,
    /// The value; `None` for null (a tombstone, in a compacted topic).
    pub value: Option<Bytes>,
    /// The headers, in order, duplicates included.
    pub headers: Vec<Header>,
}

/// A header as read from a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name: UTF-8 by Kafka's rules, though nothing on the way checks it.
    pub key: Bytes,
    /// The value; `None` for null.
    pub value: Option<Bytes>,
}

impl Header {
    /// The name as a string.
    ///
    /// # Errors
    /// The name is not UTF-8.
    pub fn name(&self) -> Result<&str, core::str::Utf8Error> {
        core::str::from_utf8(&self.key)
    }
}

/// Iterates over the records of a batch, in order. Ends after the first error.
#[derive(Clone)]
pub struct Records {
    /// The records section, decompressed.
    data: Bytes,
    position: usize,
    index: i32,
    /// The smallest offset delta that the next record may have.
    next_delta: i64,
    header: BatchHeader,
    done: bool,
}

impl Records {
    /// Decompresses the records section `data` of a batch to at most `limit` bytes.
    pub(crate) fn open(
        header: &BatchHeader,
        data: Bytes,
        limit: usize,
    ) -> Result<Self, BatchError> {
        let data = match header.attributes.codec() {
            None | Some(Codec::None) => data,
            Some(codec) => Bytes::from(
                compression::decompress(codec, &data, limit)
                    .map_err(|kind| BatchError::new("records", BATCH_OVERHEAD, kind))?,
            ),
        };
        Ok(Self { data, position: 0, index: 0, next_delta: 0, header: *header, done: false })
    }

    /// Bytes of the records section, decompressed.
    pub fn uncompressed_size(&self) -> usize {
        self.data.len()
    }

    fn read(&mut self) -> Result<Option<Record>, BatchError> {
        if self.index == self.header.record_count {
            let left = self.data.len() - self.position;
            if left > 0 {
                let kind = BatchErrorKind::TrailingBytes(left);
                return Err(BatchError::new("end of the records", self.position, kind));
            }
            return Ok(None);
        }
        let mut cursor = Cursor { data: &self.data, at: self.position, end: self.data.len() };
        let record = self.read_one(&mut cursor).map_err(|mut error| {
            error.record = Some(self.index);
            error
        })?;
        self.position = cursor.at;
        self.index += 1;
        self.next_delta = record.offset.wrapping_sub(self.header.base_offset) + 1;
        Ok(Some(record))
    }

    fn read_one(&self, cursor: &mut Cursor<'_>) -> Result<Record, BatchError> {
        let size = cursor.length("record length", 0)?.unwrap_or(0);
        cursor.end = cursor.at + size;
        cursor.skip("record attributes", 1)?;
        let timestamp_delta = cursor.varlong("timestamp delta")?;
        let at = cursor.at;
        let offset_delta = i64::from(cursor.varint("offset delta")?);
        let (min, max) = (self.next_delta, i64::from(self.header.last_offset_delta));
        if offset_delta < min || offset_delta > max {
            let kind = BatchErrorKind::OutOfRange { value: offset_delta, min, max };
            return Err(BatchError::new("offset delta", at, kind));
        }
        let key = cursor.nullable("key length")?;
        let value = cursor.nullable("value length")?;
        let headers = self.read_headers(cursor)?;
        if cursor.at < cursor.end {
            let kind = BatchErrorKind::TrailingBytes(cursor.end - cursor.at);
            return Err(BatchError::new("end of the record", cursor.at, kind));
        }
        let timestamp = if self.header.attributes.is_log_append_time() {
            self.header.max_timestamp
        } else {
            self.header.base_timestamp.wrapping_add(timestamp_delta)
        };
        Ok(Record {
            offset: self.header.base_offset.wrapping_add(offset_delta),
            timestamp,
            key: key.map(|range| self.data.slice(range)),
            value: value.map(|range| self.data.slice(range)),
            headers,
        })
    }

    fn read_headers(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Header>, BatchError> {
        // A header has two bytes at the least, so the count is bounded by what is left; the vector grows with what is read.
        let count = cursor.count("header count", 2)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let len = cursor.length("header key length", 0)?.unwrap_or(0);
            let key = self.data.slice(cursor.take(len));
            let value = cursor.nullable("header value length")?.map(|range| self.data.slice(range));
            headers.push(Header { key, value });
        }
        Ok(headers)
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.read().transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Nothing is promised from below: the count is a claim of the input.
        (0, Some(self.header.record_count.saturating_sub(self.index) as usize + 1))
    }
}

impl FusedIterator for Records {}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("position", &self.position)
            .field("index", &self.index)
            .field("record_count", &self.header.record_count)
            .finish_non_exhaustive()
    }
}

/// A position in the records section that goes no further than `end`, the end of the section or of the record.
struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    #[inline]
    fn left(&self) -> usize {
        self.end - self.at
    }

    #[inline]
    fn varint(&mut self, what: &'static str) -> Result<i32, BatchError> {
        let (value, len) = read_varint(&self.data[self.at..self.end])
            .map_err(|error| self.bad_varint(what, error))?;
        self.at += len;
        Ok(value)
    }

    #[inline]
    fn varlong(&mut self, what: &'static str) -> Result<i64, BatchError> {
        let (value, len) = read_varlong(&self.data[self.at..self.end])
            .map_err(|error| self.bad_varint(what, error))?;
        self.at += len;
        Ok(value)
    }

    /// A length whose bytes are there; `None` for -1, where `min` allows it.
    #[inline]
    fn length(&mut self, what: &'static str, min: i64) -> Result<Option<usize>, BatchError> {
        let at = self.at;
        let value = self.varint(what)?;
        if i64::from(value) < min {
            let kind =
                BatchErrorKind::OutOfRange { value: value.into(), min, max: self.left() as i64 };
            return Err(BatchError::new(what, at, kind));
        }
        let Ok(len) = usize::try_from(value) else { return Ok(None) };
        if len > self.left() {
            let kind = BatchErrorKind::Truncated { needed: len, available: self.left() };
            return Err(BatchError::new(what, at, kind));
        }
        Ok(Some(len))
    }

    /// A count of things of at least `size` bytes each.
    fn count(&mut self, what: &'static str, size: usize) -> Result<usize, BatchError> {
        let at = self.at;
        let value = self.varint(what)?;
        let max = self.left() / size;
        match usize::try_from(value) {
            Ok(count) if count <= max => Ok(count),
            _ => {
                let kind =
                    BatchErrorKind::OutOfRange { value: value.into(), min: 0, max: max as i64 };
                Err(BatchError::new(what, at, kind))
            }
        }
    }

    /// A nullable field with its length before it.
    #[inline]
    fn nullable(&mut self, what: &'static str) -> Result<Option<Range<usize>>, BatchError> {
        Ok(self.length(what, -1)?.map(|len| self.take(len)))
    }

    /// The next `len` bytes, which are there.
    #[inline]
    fn take(&mut self, len: usize) -> Range<usize> {
        let start = self.at;
        self.at += len;
        start..self.at
    }

    fn skip(&mut self, what: &'static str, len: usize) -> Result<(), BatchError> {
        if len > self.left() {
            let kind = BatchErrorKind::Truncated { needed: len, available: self.left() };
            return Err(BatchError::new(what, self.at, kind));
        }
        self.at += len;
        Ok(())
    }

    #[cold]
    fn bad_varint(&self, what: &'static str, error: VarintError) -> BatchError {
        let kind = match error {
            VarintError::Truncated => {
                BatchErrorKind::Truncated { needed: self.left() + 1, available: self.left() }
            }
            VarintError::TooLong => BatchErrorKind::VarintTooLong,
        };
        BatchError::new(what, self.at, kind)
    }
}
