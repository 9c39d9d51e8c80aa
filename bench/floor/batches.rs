//! Batches of records, as large as the producer would make them.

use bytes::BytesMut;
use nix::time::{ClockId, clock_gettime};
use rohrpost_bench_load::{Load, Records};
use rohrpost_records::{
    AppendError, BATCH_OVERHEAD, BatchBuilder, BatchCap, Codec, Compression, Compressor,
    ProducerStamp, RatioEstimator, RecordHeader, SealedBatch,
};

use crate::Result;

/// Makes batches, out of buffers that are used again.
pub(crate) struct Batches<'r> {
    records: &'r Records,
    headers: Vec<RecordHeader<'r>>,
    compression: Compression,
    compressor: Compressor,
    ratio: RatioEstimator,
    batch_bytes: usize,
    buffers: Vec<BytesMut>,
    timestamp: i64,
}

impl<'r> Batches<'r> {
    pub(crate) fn new(records: &'r Records, load: &Load) -> Result<Self> {
        let header = |(name, value): &'r (String, [u8; 16])| RecordHeader::new(name, Some(value));
        Ok(Self {
            records,
            headers: records.headers().iter().map(header).collect(),
            compression: load.codec.parse::<Codec>()?.try_into()?,
            compressor: Compressor::new(),
            ratio: RatioEstimator::new(),
            batch_bytes: load.batch_bytes,
            buffers: Vec::new(),
            timestamp: now()?,
        })
    }

    /// Reads the clock for the records to come.
    #[inline]
    pub(crate) fn look_at_clock(&mut self) -> Result {
        self.timestamp = now()?;
        Ok(())
    }

    pub(crate) fn key(&self, number: usize) -> Option<&'r [u8]> {
        self.records.key(number)
    }

    /// Makes an empty builder ready for its first record: `room` is what its buffer begins with.
    pub(crate) fn open(&mut self, builder: &mut BatchBuilder, room: usize) {
        let cap = BatchCap::new(self.uncompressed_limit()).with_large_record(i32::MAX as usize);
        if builder.capacity() == 0 {
            let room = room.min(cap.bytes());
            let buffer = self.buffers.pop().unwrap_or_else(|| BytesMut::with_capacity(room));
            *builder = BatchBuilder::with_cap(buffer, cap);
        } else {
            builder.set_cap(cap);
        }
    }

    /// Appends a record, or says that the batch is full.
    #[inline]
    pub(crate) fn append(
        &self,
        builder: &mut BatchBuilder,
        number: usize,
        key: Option<&[u8]>,
    ) -> Result<bool, AppendError> {
        let (value, headers) = (self.records.value(number), self.headers.iter().copied());
        match builder.append(self.timestamp, key, Some(value), headers) {
            Ok(_) => Ok(true),
            Err(error) if error.is_full() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Compresses a batch and gives it its identity.
    pub(crate) fn seal(
        &mut self,
        builder: &mut BatchBuilder,
        producer: Option<ProducerStamp>,
    ) -> Result<SealedBatch> {
        let buffers = &mut self.buffers;
        let out = |capacity| buffers.pop().unwrap_or_else(|| BytesMut::with_capacity(capacity));
        let mut sealed = builder.seal(self.compression, &mut self.compressor, out)?;
        sealed.stamp(producer, false)?;
        self.ratio.observe(sealed.ratio());
        Ok(sealed)
    }

    /// Takes the buffer of a batch that nobody needs any more.
    pub(crate) fn recycle(&mut self, sealed: SealedBatch) {
        self.buffers.extend(sealed.into_buffer());
    }

    /// What is expected to compress to the batch size, as the producer estimates it.
    fn uncompressed_limit(&self) -> usize {
        if self.compression == Compression::NONE {
            return self.batch_bytes;
        }
        const SAMPLE: usize = 1 << 20;
        let ratio = self.ratio.estimate(SAMPLE) as f32 / SAMPLE as f32;
        let records = self.batch_bytes.saturating_sub(BATCH_OVERHEAD) as f32 / ratio.max(0.01);
        BATCH_OVERHEAD + records as usize
    }
}

/// Milliseconds since the epoch, by the clock that costs least.
fn now() -> nix::Result<i64> {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::CLOCK_REALTIME_COARSE;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::CLOCK_REALTIME;
    let time = clock_gettime(CLOCK)?;
    Ok(time.tv_sec() * 1_000 + time.tv_nsec() / 1_000_000)
}
