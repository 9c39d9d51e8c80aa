//! A batch between its last record and the engine: filled, then sealed.

use alloc::sync::Arc;

use bytes::BytesMut;
use rohrpost_cluster::Time;
use rohrpost_records::{self as records, BatchBuilder, Compression, Compressor};

use crate::ids::BatchId;
use crate::ratio::SharedRatio;

/// Where batches get their buffers from.
pub trait BufferSource {
    /// An empty buffer of `capacity` bytes: not less, and not much more, for the budget is charged with `capacity`.
    fn take(&mut self, capacity: usize) -> BytesMut;

    /// Takes a buffer back, for another batch.
    fn give(&mut self, buffer: BytesMut);
}

/// A [`BufferSource`] without a pool: every buffer is allocated and freed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unpooled;

impl BufferSource for Unpooled {
    fn take(&mut self, capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    fn give(&mut self, buffer: BytesMut) {
        drop(buffer);
    }
}

/// A batch that takes no more records and is not sealed yet. Whoever holds it must seal it, outside of any lock, and hand the result to the
/// engine: the partition's later batches wait for it.
#[derive(Debug)]
#[must_use = "the partition's later batches wait for this one"]
pub struct FilledBatch {
    pub(crate) id: BatchId,
    pub(crate) builder: BatchBuilder,
    pub(crate) charge: usize,
    pub(crate) created: Time,
    pub(crate) compression: Compression,
    pub(crate) ratio: Arc<SharedRatio>,
}

impl FilledBatch {
    /// The batch's name.
    pub const fn id(&self) -> BatchId {
        self.id
    }

    /// How many records it holds.
    pub const fn record_count(&self) -> i32 {
        self.builder.record_count()
    }

    /// Bytes of the batch before it is compressed.
    pub fn size(&self) -> usize {
        self.builder.size()
    }

    /// Whether sealing compresses it, which takes its time.
    pub fn has_codec(&self) -> bool {
        self.compression != Compression::NONE
    }

    /// Bytes of the budget that the batch holds: to be released where it is dropped instead of sealed.
    pub const fn charge(&self) -> usize {
        self.charge
    }

    /// Compresses the batch and closes it for good. Returns it with the bytes of the budget that came free thereby:
    /// release them, then hand the batch in as [`Input::Sealed`](crate::Input::Sealed).
    ///
    /// Where the codec fails, the batch goes uncompressed: a codec's trouble is no reason to lose records.
    pub fn seal(
        self,
        compressor: &mut Compressor,
        buffers: &mut impl BufferSource,
    ) -> (SealedBatch, usize) {
        let Self { id, mut builder, charge, created, compression, ratio } = self;
        let uncompressed = builder.size();
        let mut sealed =
            builder.seal(compression, compressor, |capacity| buffers.take(capacity)).ok();
        if let Some(batch) = &sealed {
            if compression != Compression::NONE {
                ratio.observe(batch.ratio());
            }
        } else {
            sealed = builder.seal(Compression::NONE, compressor, |_| BytesMut::new()).ok();
        }
        let in_place = sealed.as_ref().is_some_and(|batch| batch.codec() == records::Codec::None);
        let left = match &sealed {
            _ if in_place => charge,
            Some(batch) => batch.size().min(charge),
            None => 0,
        };
        if !in_place {
            buffers.give(builder.into_buffer());
        }
        let sealed = SealedBatch {
            id,
            records: sealed,
            charge: left,
            created,
            arrived: created,
            uncompressed,
        };
        (sealed, charge - left)
    }
}

/// A closed batch on its way to the engine.
#[derive(Debug)]
pub struct SealedBatch {
    pub(crate) id: BatchId,
    /// `None` for a batch without records, which no appender hands out.
    pub(crate) records: Option<records::SealedBatch>,
    /// Bytes of the budget that the batch holds until it is done.
    pub(crate) charge: usize,
    pub(crate) created: Time,
    /// When the engine got it.
    pub(crate) arrived: Time,
    /// Bytes before compression, header included.
    pub(crate) uncompressed: usize,
}

impl SealedBatch {
    /// Bytes of the budget that the batch holds: to be released where it is dropped instead of handed in.
    pub const fn charge(&self) -> usize {
        self.charge
    }

    /// The batch's name.
    pub const fn id(&self) -> BatchId {
        self.id
    }

    /// Bytes as sent, header included.
    pub fn size(&self) -> usize {
        self.records.as_ref().map_or(0, records::SealedBatch::size)
    }

    /// How many records it holds.
    pub fn record_count(&self) -> i32 {
        self.records.as_ref().map_or(0, records::SealedBatch::record_count)
    }
}
