//! The open batch.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::append::{Parts, RecordHeader, write_headers, write_usual_headers};
use crate::cap::BatchCap;
use crate::compression::{Compression, Compressor};
use crate::error::{AppendError, SealError};
use crate::header::{Attributes, BATCH_OVERHEAD};
use crate::references::{self, Reference, References};
use crate::sealed::SealedBatch;
use crate::size::{headers_size, record_size, record_size_with};

/// An open batch: records in their final wire form behind 61 bytes that the seal fills in.
///
/// One copy of the payload, and no allocation but the growth of the buffer, which the caller can take into its own
/// hands: ask [`size_with`](Self::size_with) and [`capacity`](Self::capacity), or use [`try_append`](Self::try_append), which
/// never grows, and hand over a larger buffer ([`replace_buffer`](Self::replace_buffer)).
///
/// A [`BatchCap`] bounds bytes and records. What a record comes to is known before it is appended: [`fits`](Self::fits) answers as
/// [`append`](Self::append) would.
///
/// A large value can be referred to instead of copied: [`append_shared`](Self::append_shared).
///
/// Offsets are deltas from 0 on, timestamps are deltas from the first record's. The builder allocates nothing before
/// the first record, so that an empty one costs nothing to keep.
#[derive(Debug)]
pub struct BatchBuilder {
    /// Empty, or the header's place and the records, without the values that they refer to.
    buffer: BytesMut,
    /// Apart, because few batches have any: what every record touches lies close together.
    references: Option<Box<References>>,
    /// What the cap leaves for the buffer: its bytes less those of the references. All that the usual way has to know of them.
    buffer_cap: usize,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    max_record_size: usize,
    cap: BatchCap,
}

impl BatchBuilder {
    /// An empty batch that will fill `buffer`, of any capacity; what it holds is discarded. It ends where the format does.
    pub fn new(buffer: BytesMut) -> Self {
        Self::with_cap(buffer, BatchCap::FORMAT)
    }

    /// An empty batch that will fill `buffer`, of any capacity, up to `cap`; what the buffer holds is discarded.
    pub fn with_cap(mut buffer: BytesMut, cap: BatchCap) -> Self {
        buffer.clear();
        Self {
            buffer,
            references: None,
            buffer_cap: cap.bytes(),
            count: 0,
            base_timestamp: -1,
            max_timestamp: -1,
            max_record_size: 0,
            cap,
        }
    }

    /// The most that the batch may hold.
    pub const fn cap(&self) -> BatchCap {
        self.cap
    }

    /// Sets another cap, for this batch and the next ones. What a batch holds beyond it stays.
    pub const fn set_cap(&mut self, cap: BatchCap) {
        self.cap = cap;
        self.buffer_cap = cap.bytes().saturating_sub(self.referenced_size());
    }

    /// How many records the batch holds.
    pub const fn record_count(&self) -> i32 {
        self.count
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch as it stands, uncompressed, header included: 61 for an empty one.
    #[inline]
    pub fn size(&self) -> usize {
        self.buffer_size() + self.referenced_size()
    }

    /// Bytes of the values that the batch refers to: those of its size that its buffer does not hold.
    pub const fn referenced_size(&self) -> usize {
        match &self.references {
            None => 0,
            Some(references) => references.size(),
        }
    }

    /// Whether the batch stays below its cap with so many bytes more.
    #[inline]
    pub fn is_below_cap_with(&self, more: usize) -> bool {
        self.buffer_size().saturating_add(more) < self.buffer_cap
    }

    /// Bytes of the records, uncompressed.
    pub fn records_size(&self) -> usize {
        self.size() - BATCH_OVERHEAD
    }

    /// Bytes that the batch would have with this record too, header included. Less what is or will be referred to
    /// ([`referenced_size`](Self::referenced_size)): the capacity that appending it needs.
    pub fn size_with<'a>(
        &self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = RecordHeader<'a>>,
    ) -> usize {
        let delta = self.timestamp_delta(timestamp);
        let (key, value) = (key.map(<[u8]>::len), value.map(<[u8]>::len));
        record_size(self.count, delta, key, value, headers).saturating_add(self.size())
    }

    /// What [`append`](Self::append) would answer, without appending: the bytes that the batch would have then, as
    /// [`size_with`](Self::size_with), or why it does not take the record.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn fits<'a>(
        &self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = RecordHeader<'a>>,
    ) -> Result<usize, AppendError> {
        if timestamp < -1 {
            return Err(AppendError::NegativeTimestamp { timestamp });
        }
        let headers = headers_size(headers);
        let (key, value) = (key.map(<[u8]>::len), value.map(<[u8]>::len));
        let delta = self.timestamp_delta(timestamp);
        let record = record_size_with(self.count, delta, key, value, headers);
        let end = self.size().saturating_add(record);
        if end > self.cap.bytes() || self.count >= self.cap.records() {
            self.beyond_cap(end, key, value, headers)?;
        }
        Ok(end)
    }

    /// Bytes that the buffer holds before it has to grow.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes of records that still fit into the buffer.
    pub fn room(&self) -> usize {
        self.capacity().saturating_sub(self.buffer_size())
    }

    /// Size of the largest record, its length prefix included: no split makes a smaller batch than this and a header.
    pub const fn max_record_size(&self) -> usize {
        self.max_record_size
    }

    /// Timestamp of the first record, ms; -1 for an empty batch.
    pub const fn base_timestamp(&self) -> i64 {
        self.base_timestamp
    }

    /// The largest timestamp, ms; -1 for an empty batch.
    pub const fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Appends a record, growing the buffer where it has to (at least doubling it). Returns the record's index in the batch.
    ///
    /// `timestamp` is in milliseconds since the epoch, or -1; it may be smaller than an earlier one.
    ///
    /// # Errors
    /// [`AppendError::NegativeTimestamp`], `FullOfBytes`, `FullOfRecords`, `TooLarge`; the batch is unchanged then.
    #[inline]
    pub fn append<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
    ) -> Result<i32, AppendError>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        self.append_within(timestamp, key, value, headers.into_iter(), true)
    }

    /// Appends a record if the buffer has room for it, and never grows it.
    ///
    /// # Errors
    /// [`AppendError::NoRoom`] with the capacity that is needed, where the cap allows it; else as [`append`](Self::append).
    #[inline]
    pub fn try_append<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
    ) -> Result<i32, AppendError>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        self.append_within(timestamp, key, value, headers.into_iter(), false)
    }

    /// Appends a record if that takes no more than writing it and surely leaves the batch below its cap: it is not the first, the buffer has room, and a batch of
    /// this record alone would take at most `most` bytes ([`batch_size_upper_bound`](crate::batch_size_upper_bound), or a few more). Its index in the batch;
    /// `None` says that nothing was done, and [`try_append`](Self::try_append) knows why, or does it. The headers are looked at twice: measured, and written.
    #[inline]
    pub fn append_usual<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
        most: usize,
    ) -> Option<i32>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        // A record's numbers at their largest, and two length varints of at most five bytes.
        const BESIDE: usize = BATCH_OVERHEAD + 21 + 5 + 5;
        let headers = headers.into_iter();
        let headers_size = if headers.len() == 0 { 1 } else { headers_size(headers.clone()) };
        let (key_len, value_len) = (key.map_or(0, <[u8]>::len), value.map_or(0, <[u8]>::len));
        let bound =
            BESIDE.saturating_add(key_len).saturating_add(value_len).saturating_add(headers_size);
        let offset_delta = self.count;
        let start = self.buffer.len();
        if start == 0
            || bound > most
            || !self.is_below_cap_with(bound)
            || timestamp < -1
            || offset_delta >= self.cap.records()
        {
            return None;
        }
        let timestamp_delta = self.timestamp_delta(timestamp);
        let parts = Parts { timestamp_delta, offset_delta, key, value, headers_size };
        if start + parts.usual_room()? > self.buffer.capacity() {
            return None;
        }
        self.write_usual(timestamp, parts, headers);
        Some(offset_delta)
    }

    /// As [`append`](Self::append), but refers to the value instead of copying it, whatever its length. The batch holds
    /// on to it until it is done, and becomes [`BatchBytes`](crate::BatchBytes) of several segments.
    ///
    /// That costs a few small pieces of memory and some hundred instructions, so it pays from some kilobytes on, and only without a codec: sealing
    /// with one gathers the records first, which is a copy more.
    ///
    /// ```
    /// use rohrpost_records::{BatchBuilder, Bytes, BytesMut, Compression, Compressor};
    ///
    /// let value = Bytes::from(vec![7; 100_000]);
    /// let mut builder = BatchBuilder::new(BytesMut::new());
    /// builder.append_shared(0, Some(b"key"), &value, [])?;
    /// let mut sealed = builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity)?;
    /// let batch = sealed.stamp(None, false)?;
    /// assert_eq!(batch.segments().nth(1).map(|segment| segment.as_ptr()), Some(value.as_ptr()));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_shared<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: &Bytes,
        headers: H,
    ) -> Result<i32, AppendError>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        self.refer(timestamp, key, value, headers.into_iter(), true)
    }

    /// As [`append_shared`](Self::append_shared) if the buffer has room for the record without its value, and never grows it.
    ///
    /// # Errors
    /// As [`try_append`](Self::try_append).
    pub fn try_append_shared<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: &Bytes,
        headers: H,
    ) -> Result<i32, AppendError>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        self.refer(timestamp, key, value, headers.into_iter(), false)
    }

    /// Moves the batch into `larger`, whose content is discarded, and returns the buffer that it had (for a pool). Does nothing
    /// but hand `larger` back if it is too small.
    pub fn replace_buffer(&mut self, mut larger: BytesMut) -> BytesMut {
        larger.clear();
        if larger.capacity() < self.buffer.len() {
            return larger;
        }
        larger.extend_from_slice(&self.buffer);
        core::mem::swap(&mut self.buffer, &mut larger);
        larger.clear();
        larger
    }

    /// Makes the buffer `capacity` bytes large, exactly, by allocating; never makes it smaller.
    pub fn grow_to(&mut self, capacity: usize) {
        if capacity > self.buffer.capacity() {
            drop(self.replace_buffer(BytesMut::with_capacity(capacity)));
        }
    }

    /// Closes the batch: compresses the records, once and for all, and writes everything but the stamp.
    ///
    /// Without a codec the sealed batch takes the builder's buffer. With one, `out` is asked for a buffer of at least the
    /// given capacity (a smaller one grows), and the builder keeps its own, unless that is larger than 4 MiB. The builder is empty afterwards and can be used
    /// again; [`into_buffer`](Self::into_buffer) gives its buffer to a pool. As Java does, the codec stays even where the
    /// result is larger than the input.
    ///
    /// # Errors
    /// [`SealError`]; the batch is unchanged then.
    pub fn seal(
        &mut self,
        compression: Compression,
        compressor: &mut Compressor,
        out: impl FnOnce(usize) -> BytesMut,
    ) -> Result<SealedBatch, SealError> {
        self.seal_as(compression, compressor, out, Attributes::default())
    }

    /// The builder's buffer, emptied.
    pub fn into_buffer(mut self) -> BytesMut {
        self.buffer.clear();
        self.buffer
    }

    pub(crate) fn seal_as(
        &mut self,
        compression: Compression,
        compressor: &mut Compressor,
        out: impl FnOnce(usize) -> BytesMut,
        flags: Attributes,
    ) -> Result<SealedBatch, SealError> {
        if self.count == 0 {
            return Err(SealError::Empty);
        }
        let sealed = SealedBatch::seal(self, compression, compressor, out, flags)?;
        self.count = 0;
        self.base_timestamp = -1;
        self.max_timestamp = -1;
        self.max_record_size = 0;
        self.buffer.clear();
        self.references = None;
        self.buffer_cap = self.cap.bytes();
        Ok(sealed)
    }

    pub(crate) const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The values that the batch refers to.
    pub(crate) fn references(&self) -> &[Reference] {
        self.references.as_ref().map_or(&[], |references| references.as_slice())
    }

    /// The records section in one piece.
    pub(crate) fn gather_records(&self) -> Vec<u8> {
        references::gather(&self.buffer, self.references(), BATCH_OVERHEAD)
    }

    /// Bytes of the batch that its buffer holds.
    #[inline]
    pub(crate) fn buffer_size(&self) -> usize {
        self.buffer.len().max(BATCH_OVERHEAD)
    }

    #[inline]
    fn timestamp_delta(&self, timestamp: i64) -> i64 {
        if self.count == 0 { 0 } else { timestamp.wrapping_sub(self.base_timestamp) }
    }

    #[inline]
    fn append_within<'a>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl ExactSizeIterator<Item = RecordHeader<'a>> + Clone,
        grow: bool,
    ) -> Result<i32, AppendError> {
        let offset_delta = self.count;
        let timestamp_delta = self.timestamp_delta(timestamp);
        let headers_size = if headers.len() == 0 { 1 } else { headers_size(headers.clone()) };
        let parts = Parts { timestamp_delta, offset_delta, key, value, headers_size };
        // Almost every record: not the first, small, and far from the end of the buffer and the cap.
        let start = self.buffer.len();
        let usual = parts.usual_room().is_some_and(|room| {
            let end = start + room;
            end <= self.buffer.capacity() && end <= self.buffer_cap
        });
        if !usual || start == 0 || timestamp < -1 || offset_delta >= self.cap.records() {
            return self.append_any(timestamp, parts, None, headers, grow);
        }
        self.write_usual(timestamp, parts, headers);
        Ok(offset_delta)
    }

    /// For a record that is usual, where there is room for it.
    #[inline]
    fn write_usual<'a>(
        &mut self,
        timestamp: i64,
        parts: Parts<'_>,
        headers: impl ExactSizeIterator<Item = RecordHeader<'a>>,
    ) {
        let start = self.buffer.len();
        let size = parts.write_usual(&mut self.buffer);
        if headers.len() == 0 {
            self.buffer.extend_from_slice(&[0]);
        } else {
            write_usual_headers(&mut self.buffer, headers);
        }
        debug_assert_eq!(self.buffer.len(), start + size);
        self.appended(timestamp, size);
    }

    fn refer<'a>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: &Bytes,
        headers: impl ExactSizeIterator<Item = RecordHeader<'a>> + Clone,
        grow: bool,
    ) -> Result<i32, AppendError> {
        let parts = Parts {
            timestamp_delta: self.timestamp_delta(timestamp),
            offset_delta: self.count,
            key,
            value: Some(value),
            headers_size: headers_size(headers.clone()),
        };
        self.append_any(timestamp, parts, Some(value), headers, grow)
    }

    /// Appends what is not usual, or not allowed. `shared` is the value where the batch is to refer to it.
    #[cold]
    #[inline(never)]
    fn append_any<'a>(
        &mut self,
        timestamp: i64,
        parts: Parts<'_>,
        shared: Option<&Bytes>,
        headers: impl ExactSizeIterator<Item = RecordHeader<'a>>,
        grow: bool,
    ) -> Result<i32, AppendError> {
        if timestamp < -1 {
            return Err(AppendError::NegativeTimestamp { timestamp });
        }
        let size = parts.size();
        let end = self.size().saturating_add(size);
        if end > self.cap.bytes() || self.count >= self.cap.records() {
            let (key, value) = (parts.key.map(<[u8]>::len), parts.value.map(<[u8]>::len));
            self.beyond_cap(end, key, value, parts.headers_size)?;
        }
        let end = end - self.referenced_size() - shared.map_or(0, Bytes::len);
        if end > self.buffer.capacity() {
            if !grow {
                return Err(AppendError::NoRoom { needed: end });
            }
            self.buffer.reserve(end - self.buffer.len());
        }
        if self.count == 0 {
            self.buffer.extend_from_slice(&[0; BATCH_OVERHEAD]);
            self.base_timestamp = timestamp;
        }
        parts.write_up_to_value(&mut self.buffer);
        match shared {
            None => self.buffer.extend_from_slice(parts.value.unwrap_or_default()),
            Some(value) => {
                let (at, record) = (self.buffer.len(), self.count);
                let references = self.references.get_or_insert_default();
                references.push(Reference { at, record, value: value.clone() });
                self.buffer_cap = self.cap.bytes().saturating_sub(references.size());
            }
        }
        write_headers(&mut self.buffer, headers);
        debug_assert_eq!(self.buffer.len(), end);
        self.appended(timestamp, size);
        Ok(parts.offset_delta)
    }

    #[inline]
    fn appended(&mut self, timestamp: i64, size: usize) {
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.max_record_size = self.max_record_size.max(size);
    }

    /// The record would bring the batch to `end` bytes, or is one too many: the answer, which is good only for a large record alone.
    #[cold]
    fn beyond_cap(
        &self,
        end: usize,
        key_len: Option<usize>,
        value_len: Option<usize>,
        headers_size: usize,
    ) -> Result<(), AppendError> {
        let alone = record_size_with(0, 0, key_len, value_len, headers_size);
        let (size, cap) = (alone.saturating_add(BATCH_OVERHEAD), self.cap.large_record());
        if size > cap {
            return Err(AppendError::TooLarge { size, cap });
        }
        if self.count == 0 {
            return Ok(());
        }
        if end > self.cap.bytes() {
            return Err(AppendError::FullOfBytes { size: end, cap: self.cap.bytes() });
        }
        Err(AppendError::FullOfRecords { cap: self.cap.records() })
    }
}
