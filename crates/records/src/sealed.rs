//! The closed batch: compressed once, stamped as often as its identity changes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::{Bytes, BytesMut};

use crate::append::RecordHeader;
use crate::batch_bytes::BatchBytes;
use crate::builder::BatchBuilder;
use crate::cap::BatchCap;
use crate::compression::{Codec, Compression, Compressor};
use crate::error::{AppendError, SealError, SplitError, StampError};
use crate::header::{
    Attributes, BATCH_OVERHEAD, BatchHeader, LOG_OVERHEAD, write_crc_with, write_stamp,
};
use crate::producer::{ProducerEpoch, ProducerId, ProducerStamp, Sequence};
use crate::record::{Record, Records};
use crate::references::{self, Reference};

/// A batch whose records no longer change.
///
/// It becomes bytes to send by a [`stamp`](Self::stamp): the producer's identity and the CRC. Every attempt to send it shares
/// these bytes. A new stamp costs a new CRC, and a copy (of all but the values that the batch refers to) only while an earlier attempt still holds
/// the bytes.
pub struct SealedBatch {
    /// The batch but for the values that it refers to.
    state: State,
    references: Option<Arc<[Reference]>>,
    header: BatchHeader,
    records_size: usize,
    max_record_size: usize,
}

/// Buffers beyond this size are not kept for the next batch where a codec has made another of it.
const LARGE: usize = 4 << 20;

enum State {
    Unstamped(BytesMut),
    Stamped(Bytes),
}

impl SealedBatch {
    pub(crate) fn seal(
        builder: &mut BatchBuilder,
        compression: Compression,
        compressor: &mut Compressor,
        out: impl FnOnce(usize) -> BytesMut,
        flags: Attributes,
    ) -> Result<Self, SealError> {
        let codec = compression.codec();
        let mut header = BatchHeader {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: -1,
            crc: 0,
            attributes: Attributes(flags.0 | i16::from(codec.id())),
            last_offset_delta: builder.record_count() - 1,
            base_timestamp: builder.base_timestamp(),
            max_timestamp: builder.max_timestamp(),
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: Sequence::NONE,
            record_count: builder.record_count(),
        };
        let records_size = builder.records_size();
        let max_record_size = builder.max_record_size();
        let mut references = None;
        let mut bytes = if codec == Codec::None {
            references = (builder.referenced_size() > 0).then(|| builder.references().into());
            core::mem::take(builder.buffer_mut())
        } else {
            let compressed = if builder.referenced_size() == 0 {
                compressor.compress(compression, &builder.buffer_mut()[BATCH_OVERHEAD..])?
            } else {
                compressor.compress(compression, &builder.gather_records())?
            };
            let size = BATCH_OVERHEAD.saturating_add(compressed.len());
            if size > i32::MAX as usize {
                return Err(SealError::TooLarge { size });
            }
            if builder.capacity() > LARGE {
                // Nobody needs the records any more: three such buffers at once would be one too many.
                *builder.buffer_mut() = BytesMut::new();
            }
            let mut bytes = out(size);
            bytes.clear();
            bytes.reserve(size);
            bytes.extend_from_slice(&[0; BATCH_OVERHEAD]);
            bytes.extend_from_slice(compressed);
            compressor.shrink_to(LARGE);
            bytes
        };
        let referenced = if codec == Codec::None { builder.referenced_size() } else { 0 };
        header.batch_length = (bytes.len() + referenced - LOG_OVERHEAD) as i32;
        if let Some(place) = bytes.first_chunk_mut() {
            header.write(place);
        }
        let state = State::Unstamped(bytes);
        Ok(Self { state, references, header, records_size, max_record_size })
    }

    /// How many records the batch holds, at least 1.
    pub const fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// Bytes of the batch as sent, header included.
    pub const fn size(&self) -> usize {
        self.header.size()
    }

    /// Bytes of the records before compression.
    pub const fn records_size(&self) -> usize {
        self.records_size
    }

    /// Size of the largest record before compression.
    pub const fn max_record_size(&self) -> usize {
        self.max_record_size
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.header.attributes.codec().unwrap_or(Codec::None)
    }

    /// Compressed by uncompressed size of the records, for a [`RatioEstimator`](crate::RatioEstimator); 1.0 without a codec.
    pub fn ratio(&self) -> f32 {
        (self.size() - BATCH_OVERHEAD) as f32 / self.records_size as f32
    }

    /// Timestamp of the first record, ms.
    pub const fn base_timestamp(&self) -> i64 {
        self.header.base_timestamp
    }

    /// The largest timestamp, ms.
    pub const fn max_timestamp(&self) -> i64 {
        self.header.max_timestamp
    }

    /// The header as of the last stamp; its CRC is only in the bytes.
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// Gives the batch its identity, computes the CRC, and returns the bytes to send; `producer` is `None` without idempotence.
    ///
    /// A second call replaces the identity. **Only with proof that the batch was not appended under the first one**: else its
    /// records can end up in the log twice.
    ///
    /// # Errors
    /// [`StampError`] for a negative id, epoch or sequence, and for a transactional batch without a producer.
    pub fn stamp(
        &mut self,
        producer: Option<ProducerStamp>,
        transactional: bool,
    ) -> Result<BatchBytes, StampError> {
        match producer {
            None if transactional => return Err(StampError::TransactionalWithoutProducer),
            None => {}
            Some(stamp) => {
                not_negative("base sequence", stamp.base_sequence.0.into())?;
                not_negative("producer epoch", stamp.producer_epoch.0.into())?;
                not_negative("producer id", stamp.producer_id.0)?;
            }
        }
        Ok(self.stamp_unchecked(producer.unwrap_or(ProducerStamp::NONE), transactional))
    }

    pub(crate) fn stamp_unchecked(
        &mut self,
        stamp: ProducerStamp,
        transactional: bool,
    ) -> BatchBytes {
        let state = core::mem::replace(&mut self.state, State::Stamped(Bytes::new()));
        let mut batch = match state {
            State::Unstamped(bytes) => bytes,
            // Shared with an attempt that is still under way: that one keeps its bytes.
            State::Stamped(bytes) => {
                bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
            }
        };
        write_stamp(&mut batch, stamp, transactional);
        write_crc_with(&mut batch, self.references());
        self.header.producer_id = stamp.producer_id;
        self.header.producer_epoch = stamp.producer_epoch;
        self.header.base_sequence = stamp.base_sequence;
        self.header.attributes.set_transactional(transactional);
        let bytes = batch.freeze();
        self.state = State::Stamped(bytes.clone());
        BatchBytes::new(bytes, self.references.clone())
    }

    /// The stamped bytes, as the last [`stamp`](Self::stamp) returned them; `None` before the first.
    pub fn bytes(&self) -> Option<BatchBytes> {
        match &self.state {
            State::Unstamped(_) => None,
            State::Stamped(bytes) => Some(BatchBytes::new(bytes.clone(), self.references.clone())),
        }
    }

    /// The identity of the last stamp; `None` before the first, and without a producer.
    pub fn producer(&self) -> Option<ProducerStamp> {
        self.header.producer_id.is_some().then_some(ProducerStamp {
            producer_id: self.header.producer_id,
            producer_epoch: self.header.producer_epoch,
            base_sequence: self.header.base_sequence,
        })
    }

    /// The batch's buffer for a pool, emptied; `None` while an attempt still holds the bytes.
    pub fn into_buffer(self) -> Option<BytesMut> {
        let mut buffer = match self.state {
            State::Unstamped(bytes) => bytes,
            State::Stamped(bytes) => bytes.try_into_mut().ok()?,
        };
        buffer.clear();
        Some(buffer)
    }

    /// Reads the records back. Offsets count from 0. Copies a batch that is not stamped, or refers to values.
    ///
    /// # Errors
    /// Only where the codec fails to decompress what it compressed.
    pub fn records(&self) -> Result<Records, SplitError> {
        let bytes = match &self.state {
            State::Stamped(bytes) if self.references.is_none() => bytes.slice(BATCH_OVERHEAD..),
            State::Stamped(bytes) => self.gather_records(bytes),
            State::Unstamped(bytes) => self.gather_records(bytes),
        };
        Ok(Records::open(&self.header, bytes, self.records_size)?)
    }

    /// Divides a batch that the broker finds too large (KIP-126): children of the same records in the same order, each of at
    /// most `target` bytes before compression, header included, or of one record. What the parent refers to, the children refer to. Unstamped: the children share out the
    /// parent's sequences by their record counts.
    ///
    /// `out` gives buffers, of at least the asked capacity (smaller ones grow).
    ///
    /// # Errors
    /// [`SplitError`]; the parent is unchanged in any case.
    pub fn split(
        &self,
        target: usize,
        compression: Compression,
        compressor: &mut Compressor,
        mut out: impl FnMut(usize) -> BytesMut,
    ) -> Result<Vec<Self>, SplitError> {
        let mut children = Vec::new();
        let mut left = self.records_size - self.referenced_size();
        let mut references = self.references().iter().peekable();
        let cap = BatchCap::new(target).with_large_record(BatchCap::FORMAT.bytes());
        let buffer = out(target.min(left.saturating_add(BATCH_OVERHEAD)));
        let mut child = BatchBuilder::with_cap(buffer, cap);
        for (index, record) in (0..).zip(self.records()?) {
            let record = record?;
            let shared = references.next_if(|reference| reference.record == index);
            let shared = shared.map(|reference| &reference.value);
            match append(&mut child, &record, shared) {
                Err(full) if full.is_full() => {
                    left = left.saturating_sub(child.records_size() - child.referenced_size());
                    children.push(child.seal(compression, compressor, &mut out)?);
                    if child.capacity() == 0 {
                        child.replace_buffer(out(target.min(left.saturating_add(BATCH_OVERHEAD))));
                    }
                    append(&mut child, &record, shared)?;
                }
                appended => drop(appended?),
            }
        }
        children.push(child.seal(compression, compressor, &mut out)?);
        Ok(children)
    }

    fn references(&self) -> &[Reference] {
        self.references.as_deref().unwrap_or_default()
    }

    fn referenced_size(&self) -> usize {
        self.references().iter().map(|reference| reference.value.len()).sum()
    }

    /// The records section in one piece.
    fn gather_records(&self, own: &[u8]) -> Bytes {
        references::gather(own, self.references(), BATCH_OVERHEAD).into()
    }
}

impl fmt::Debug for SealedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedBatch")
            .field("header", &self.header)
            .field("records_size", &self.records_size)
            .field("referenced_size", &self.referenced_size())
            .field("stamped", &matches!(self.state, State::Stamped(_)))
            .finish_non_exhaustive()
    }
}

fn append(
    child: &mut BatchBuilder,
    record: &Record,
    shared: Option<&Bytes>,
) -> Result<i32, AppendError> {
    let headers = record.headers.iter();
    let headers =
        headers.map(|header| RecordHeader::from_raw(&header.key, header.value.as_deref()));
    let (timestamp, key) = (record.timestamp, record.key.as_deref());
    match shared {
        None => child.append(timestamp, key, record.value.as_deref(), headers),
        Some(value) => child.append_shared(timestamp, key, value, headers),
    }
}

const fn not_negative(what: &'static str, value: i64) -> Result<(), StampError> {
    if value < 0 { Err(StampError::Negative { what, value }) } else { Ok(()) }
}
