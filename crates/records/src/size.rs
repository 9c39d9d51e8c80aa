//! How large a record will be, before it is appended.

use crate::append::RecordHeader;
use crate::header::BATCH_OVERHEAD;
use crate::varint::{varint_size, varlong_size};

/// Bytes of a record's length, attributes, timestamp delta and offset delta at their largest.
const MAX_RECORD_OVERHEAD: usize = 5 + 1 + 10 + 5;

/// Exact bytes of an encoded record, its length prefix included.
///
/// Lengths are `None` for null. Saturates at `usize::MAX`; what exceeds the format is refused by the append.
pub fn record_size<'a>(
    offset_delta: i32,
    timestamp_delta: i64,
    key_len: Option<usize>,
    value_len: Option<usize>,
    headers: impl IntoIterator<Item = RecordHeader<'a>>,
) -> usize {
    record_size_with(offset_delta, timestamp_delta, key_len, value_len, headers_size(headers))
}

/// The same, of headers whose size is known.
pub(crate) fn record_size_with(
    offset_delta: i32,
    timestamp_delta: i64,
    key_len: Option<usize>,
    value_len: Option<usize>,
    headers_size: usize,
) -> usize {
    let body = body_size(offset_delta, timestamp_delta, key_len, value_len, headers_size);
    body.saturating_add(length_size(body))
}

/// The same without the record's length prefix: what that says. The parts are slices that may be one and the same, so their sum saturates.
pub(crate) fn body_size(
    offset_delta: i32,
    timestamp_delta: i64,
    key_len: Option<usize>,
    value_len: Option<usize>,
    headers_size: usize,
) -> usize {
    (1 + varlong_size(timestamp_delta) + varint_size(offset_delta))
        .saturating_add(nullable_size(key_len))
        .saturating_add(nullable_size(value_len))
        .saturating_add(headers_size)
}

/// The most bytes that a record can take whatever its offset and timestamp delta: what Java's producer compares with
/// `max.request.size` (less the batch's header, see [`batch_size_upper_bound`]).
pub fn record_size_upper_bound<'a>(
    key_len: Option<usize>,
    value_len: Option<usize>,
    headers: impl IntoIterator<Item = RecordHeader<'a>>,
) -> usize {
    MAX_RECORD_OVERHEAD
        .saturating_add(nullable_size(key_len))
        .saturating_add(nullable_size(value_len))
        .saturating_add(headers_size(headers))
}

/// The most bytes that a batch of this one record can take, uncompressed.
pub fn batch_size_upper_bound<'a>(
    key_len: Option<usize>,
    value_len: Option<usize>,
    headers: impl IntoIterator<Item = RecordHeader<'a>>,
) -> usize {
    record_size_upper_bound(key_len, value_len, headers).saturating_add(BATCH_OVERHEAD)
}

/// Length varint and bytes of a nullable key or value.
#[inline]
pub(crate) fn nullable_size(len: Option<usize>) -> usize {
    match len {
        None => 1,
        Some(len) => length_size(len).saturating_add(len),
    }
}

/// Header count and headers.
pub(crate) fn headers_size<'a>(headers: impl IntoIterator<Item = RecordHeader<'a>>) -> usize {
    let mut count = 0usize;
    let mut size = 0usize;
    for header in headers {
        count += 1;
        size = size
            .saturating_add(nullable_size(Some(header.key().len())))
            .saturating_add(nullable_size(header.value().map(<[u8]>::len)));
    }
    size.saturating_add(length_size(count))
}

/// Bytes of a length's varint; the largest for a length beyond the format.
#[inline]
pub(crate) fn length_size(len: usize) -> usize {
    match i32::try_from(len) {
        Ok(len) => varint_size(len),
        Err(_) => varint_size(i32::MAX),
    }
}
