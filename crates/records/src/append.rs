//! Encoding one record into a batch's buffer.

use bytes::BytesMut;

use crate::varint::{Prefix, Varint, Word};

/// A header of a record to append: a name and a nullable value. A name may occur several times; order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> RecordHeader<'a> {
    /// A header.
    pub const fn new(key: &'a str, value: Option<&'a [u8]>) -> Self {
        Self { key: key.as_bytes(), value }
    }

    /// A header whose name was read from a batch. Kafka's names are UTF-8, but nothing on the way checks it.
    pub const fn from_raw(key: &'a [u8], value: Option<&'a [u8]>) -> Self {
        Self { key, value }
    }

    /// The name.
    pub const fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The value.
    pub const fn value(&self) -> Option<&'a [u8]> {
        self.value
    }
}

/// A record whose every number is encoded: its size is known, and writing it is copying.
pub(crate) struct Encoding<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    timestamp_delta: i64,
    offset_delta: i32,
    timestamp: Varint,
    offset: Varint,
    key_len: Varint,
    value_len: Varint,
    body: usize,
    body_len: Varint,
}

impl<'a> Encoding<'a> {
    /// Bytes beyond the record that the buffer should have to spare for the fast way.
    pub(crate) const SPARE: usize = 2 * Word::CAPACITY;

    #[inline]
    pub(crate) fn new(
        timestamp_delta: i64,
        offset_delta: i32,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers_size: usize,
    ) -> Self {
        let timestamp = Varint::new(timestamp_delta);
        let offset = Varint::new(offset_delta.into());
        let key_len = key.map_or(Varint::NULL_LENGTH, |key| Varint::length(key.len()));
        let value_len = value.map_or(Varint::NULL_LENGTH, |value| Varint::length(value.len()));
        // Two slices and a sum that saturates: together they may exceed usize.
        let body = (1 + timestamp.size() + offset.size() + key_len.size() + value_len.size())
            .saturating_add(key.unwrap_or_default().len())
            .saturating_add(value.unwrap_or_default().len())
            .saturating_add(headers_size);
        let body_len = Varint::length(body);
        Self {
            key,
            value,
            timestamp_delta,
            offset_delta,
            timestamp,
            offset,
            key_len,
            value_len,
            body,
            body_len,
        }
    }

    /// Bytes of the record, its length included. Not to be written where it exceeds the format.
    #[inline]
    pub(crate) const fn size(&self) -> usize {
        self.body.saturating_add(self.body_len.size())
    }

    /// Writes everything up to the headers. `spare` says that the buffer has [`SPARE`](Self::SPARE) bytes beyond the record.
    #[inline]
    pub(crate) fn write(&self, out: &mut BytesMut, spare: bool) {
        // A varint of more than 5 bytes is not whole, and a word has 8. No length is longer than the body's, so the second word
        // holds an offset, a null and a length.
        let short = self.timestamp.size() <= 5
            && self.body_len.size() + self.timestamp.size() < Word::CAPACITY
            && self.body_len.size() <= 4
            && self.offset.size() <= 3;
        if !(spare && short) {
            return self.write_any(out);
        }
        put(out, Word::EMPTY.varint(self.body_len).zero().varint(self.timestamp));
        let mut word = Word::EMPTY.varint(self.offset).varint(self.key_len);
        if let Some(key) = self.key {
            put(out, word);
            out.extend_from_slice(key);
            word = Word::EMPTY;
        }
        put(out, word.varint(self.value_len));
        if let Some(value) = self.value {
            out.extend_from_slice(value);
        }
    }

    /// The same for every record and every buffer: timestamps that are weeks apart, batches of a million records, the last
    /// record that just fits.
    #[cold]
    fn write_any(&self, out: &mut BytesMut) {
        let mut prefix = Prefix::new();
        prefix.varint(self.body as i32);
        prefix.byte(0);
        prefix.varlong(self.timestamp_delta);
        prefix.varint(self.offset_delta);
        for field in [self.key, self.value] {
            prefix.varint(field.map_or(-1, |field| field.len() as i32));
            out.extend_from_slice(prefix.written());
            out.extend_from_slice(field.unwrap_or_default());
            prefix = Prefix::new();
        }
    }
}

/// Copies the whole word, which is one store, and cuts off what it does not fill.
#[inline]
fn put(out: &mut BytesMut, word: Word) {
    let end = out.len() + word.len();
    out.extend_from_slice(&word.bytes());
    out.truncate(end);
}

/// Writes the header count and the headers, whose sizes are within the format.
#[inline]
pub(crate) fn write_headers<'a>(
    out: &mut BytesMut,
    headers: impl ExactSizeIterator<Item = RecordHeader<'a>>,
) {
    if headers.len() == 0 {
        return out.extend_from_slice(&[0]);
    }
    let mut prefix = Prefix::new();
    prefix.varint(headers.len() as i32);
    for header in headers {
        prefix.varint(header.key.len() as i32);
        out.extend_from_slice(prefix.written());
        out.extend_from_slice(header.key);
        prefix = Prefix::new();
        prefix.varint(header.value.map_or(-1, |value| value.len() as i32));
        if let Some(value) = header.value {
            out.extend_from_slice(prefix.written());
            out.extend_from_slice(value);
            prefix = Prefix::new();
        }
    }
    out.extend_from_slice(prefix.written());
}
