//! Encoding one record into a batch's buffer.

use bytes::{BufMut, BytesMut};

use crate::varint::Prefix;

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

/// A record whose sizes and deltas are known and within the format.
pub(crate) struct Encoding<'a> {
    /// Bytes behind the length prefix.
    pub(crate) body: i32,
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i32,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl Encoding<'_> {
    /// Writes everything up to the headers. `roomy` says that the buffer has [`Prefix::CAPACITY`] bytes to spare
    /// beyond the record.
    #[inline]
    pub(crate) fn write(&self, out: &mut BytesMut, roomy: bool) {
        let mut prefix = Prefix::new();
        prefix.varint(self.body);
        prefix.byte(0);
        prefix.varlong(self.timestamp_delta);
        prefix.varint(self.offset_delta);
        if let Some(key) = self.key {
            prefix.varint(key.len() as i32);
            put_prefix(out, &prefix, roomy);
            out.extend_from_slice(key);
            prefix = Prefix::new();
        } else {
            prefix.varint(-1);
        }
        prefix.varint(self.value.map_or(-1, |value| value.len() as i32));
        put_prefix(out, &prefix, roomy);
        if let Some(value) = self.value {
            out.extend_from_slice(value);
        }
    }
}

/// Writes the header count and the headers, whose sizes are within the format.
#[inline]
pub(crate) fn write_headers<'a>(
    out: &mut BytesMut,
    headers: impl ExactSizeIterator<Item = RecordHeader<'a>>,
) {
    if headers.len() == 0 {
        out.put_u8(0);
        return;
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

/// A copy of a fixed size and a cut cost less than a copy of a variable size.
#[inline]
fn put_prefix(out: &mut BytesMut, prefix: &Prefix, roomy: bool) {
    if roomy {
        let end = out.len() + prefix.len();
        out.extend_from_slice(prefix.padded());
        out.truncate(end);
    } else {
        out.extend_from_slice(prefix.written());
    }
}
