//! Encoding one record into a batch's buffer.

use bytes::BytesMut;

use crate::size::{body_size, length_size};
use crate::varint::{Prefix, Varint, Word, Words, zigzag64};

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

/// What a record to append is made of, beside its headers.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i32,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    /// Bytes of the header count and the headers.
    pub(crate) headers_size: usize,
}

impl Parts<'_> {
    /// Bytes that a usual record takes at most beside its key, value and headers, and those that writing it overwrites behind it.
    const SLACK: usize = 3 + 1 + 4 + 3 + 3 + 3 + Words::CAPACITY;
    /// What no length and no offset of a usual record reaches. Three of them together are still a varint of 3 bytes.
    const LARGE: usize = 1 << 18;
    /// What no zigzagged timestamp delta of a usual record reaches, which is 37 hours: a varint of 4 bytes.
    const FAR: u64 = 1 << 28;

    /// The bytes that the buffer needs beyond its present end to take this record the usual way; `None` for a record with large numbers.
    #[inline]
    pub(crate) fn usual_room(&self) -> Option<usize> {
        let (key, value) = (self.key.map_or(0, <[u8]>::len), self.value.map_or(0, <[u8]>::len));
        let all = key | value | self.headers_size | self.offset_delta as usize;
        (all < Self::LARGE && zigzag64(self.timestamp_delta) < Self::FAR)
            .then_some(key + value + self.headers_size + Self::SLACK)
    }

    /// Writes everything up to the headers, where [`usual_room`](Self::usual_room) is there. Returns the record's bytes, headers included.
    #[inline]
    pub(crate) fn write_usual(&self, out: &mut BytesMut) -> usize {
        let timestamp = Varint::new(self.timestamp_delta);
        let offset = Varint::new(self.offset_delta.into());
        let key_len = self.key.map_or(Varint::NULL_LENGTH, |key| Varint::short(key.len()));
        let value_len = self.value.map_or(Varint::NULL_LENGTH, |value| Varint::short(value.len()));
        let (key, value) = (self.key.unwrap_or_default(), self.value.unwrap_or_default());
        let numbers = 1 + timestamp.size() + offset.size() + key_len.size() + value_len.size();
        let body = numbers + key.len() + value.len() + self.headers_size;
        let body_len = Varint::short(body);
        // At most 8 bytes, and 6.
        let first = Word::EMPTY.varint(body_len).zero().varint(timestamp);
        let second = Word::EMPTY.varint(offset).varint(key_len);
        if key.is_empty() {
            put(out, first.followed_by(second.varint(value_len)));
        } else {
            put(out, first.followed_by(second));
            out.extend_from_slice(key);
            put(out, Word::EMPTY.varint(value_len).followed_by(Word::EMPTY));
        }
        out.extend_from_slice(value);
        body_len.size() + body
    }

    /// Bytes of the record, headers included. Not to be written where it exceeds the format.
    pub(crate) fn size(&self) -> usize {
        let body = self.body();
        body.saturating_add(length_size(body))
    }

    /// Writes everything up to the value, whatever the numbers and the room: timestamps that are weeks apart, batches of a million
    /// records, the last record that just fits.
    pub(crate) fn write_up_to_value(&self, out: &mut BytesMut) {
        let mut prefix = Prefix::new();
        prefix.varint(self.body() as i32);
        prefix.byte(0);
        prefix.varlong(self.timestamp_delta);
        prefix.varint(self.offset_delta);
        prefix.varint(self.key.map_or(-1, |key| key.len() as i32));
        out.extend_from_slice(prefix.written());
        out.extend_from_slice(self.key.unwrap_or_default());
        let mut prefix = Prefix::new();
        prefix.varint(self.value.map_or(-1, |value| value.len() as i32));
        out.extend_from_slice(prefix.written());
    }

    /// Bytes behind the record's length.
    fn body(&self) -> usize {
        let (key, value) = (self.key.map(<[u8]>::len), self.value.map(<[u8]>::len));
        body_size(self.offset_delta, self.timestamp_delta, key, value, self.headers_size)
    }
}

/// Copies the whole words, which is one store, and cuts off what they do not fill.
#[inline]
fn put(out: &mut BytesMut, words: Words) {
    let end = out.len() + words.len();
    out.extend_from_slice(&words.bytes());
    out.truncate(end);
}

/// Writes the header count and the headers of a usual record, for which [`Parts::usual_room`] was there: the numbers in registers, as those of the record.
#[inline]
pub(crate) fn write_usual_headers<'a>(
    out: &mut BytesMut,
    headers: impl ExactSizeIterator<Item = RecordHeader<'a>>,
) {
    let mut before = Word::EMPTY.varint(Varint::short(headers.len()));
    for header in headers {
        let name = Word::EMPTY.varint(Varint::short(header.key.len()));
        put(out, before.followed_by(name));
        out.extend_from_slice(header.key);
        before = Word::EMPTY.varint(Varint::NULL_LENGTH);
        if let Some(value) = header.value {
            let len = Word::EMPTY.varint(Varint::short(value.len()));
            put(out, len.followed_by(Word::EMPTY));
            out.extend_from_slice(value);
            before = Word::EMPTY;
        }
    }
    put(out, before.followed_by(Word::EMPTY));
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
