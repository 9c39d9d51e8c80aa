//! Received batches.

use core::iter::FusedIterator;

use bytes::Bytes;

use crate::error::{BatchError, BatchErrorKind};
use crate::header::{BATCH_OVERHEAD, BatchHeader, CRC_AT, compute_crc};
use crate::record::Records;

/// A received batch whose header makes sense and whose CRC is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBatch {
    header: BatchHeader,
    bytes: Bytes,
}

impl RecordBatch {
    /// Reads the batch at the start of `input`: the batch, a slice of the input, and the bytes that it took.
    ///
    /// # Errors
    /// [`BatchError`]; [`is_truncated`](BatchError::is_truncated) where the input ends inside of the batch.
    pub fn parse(input: &Bytes) -> Result<(Self, usize), BatchError> {
        let header = BatchHeader::parse_frame(input)?;
        let size = header.size();
        if size > input.len() {
            let kind = BatchErrorKind::Truncated { needed: size, available: input.len() };
            return Err(BatchError::new("batch", 0, kind));
        }
        let bytes = input.slice(..size);
        let computed = compute_crc(&bytes);
        if computed != header.crc {
            let kind = BatchErrorKind::WrongCrc { stored: header.crc, computed };
            return Err(BatchError::new("CRC", CRC_AT, kind));
        }
        header.check()?;
        Ok((Self { header, bytes }, size))
    }

    /// The header.
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch as it was read.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records: slices of the batch where it is not compressed, and of one buffer of at most `max_decompressed` bytes
    /// where it is. Without a codec nothing is decompressed, and the limit bounds nothing.
    ///
    /// Every item can be an error: record lengths, deltas and counts are checked as they are read.
    ///
    /// # Errors
    /// [`BatchErrorKind::TooLarge`], `Corrupt`, `CodecNotCompiledIn`.
    pub fn records(&self, max_decompressed: usize) -> Result<Records, BatchError> {
        Records::open(&self.header, self.bytes.slice(BATCH_OVERHEAD..), max_decompressed)
    }
}

/// Iterates over the batches of a Produce request, a Fetch response or a log segment.
///
/// A last batch that is cut comes as an error that [is truncated](BatchError::is_truncated), which is usual in a Fetch response.
/// Ends after the first error; [`remaining`](Self::remaining) is what was not read, for whoever iterates by reference.
///
/// ```
/// use rohrpost_records::{BatchError, Bytes, RecordBatches};
///
/// /// The records in `input`, and the bytes of the batch that is cut at its end.
/// fn count(input: Bytes) -> Result<(usize, usize), BatchError> {
///     let mut batches = RecordBatches::new(input);
///     let mut records = 0;
///     for batch in &mut batches {
///         match batch {
///             Ok(batch) if batch.header().attributes.is_control() => {} // the cluster's own
///             Ok(batch) => {
///                 for record in batch.records(1 << 20)? {
///                     record?;
///                     records += 1;
///                 }
///             }
///             Err(cut) if cut.is_truncated() => break,
///             Err(error) => return Err(error),
///         }
///     }
///     Ok((records, batches.remaining().len()))
/// }
/// # assert_eq!(count(Bytes::from_static(&[0; 9]))?, (0, 9));
/// # Ok::<(), BatchError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordBatches {
    remaining: Bytes,
    done: bool,
}

impl RecordBatches {
    /// Iterates over the batches in `input`.
    pub const fn new(input: Bytes) -> Self {
        Self { remaining: input, done: false }
    }

    /// The bytes behind the last good batch.
    pub const fn remaining(&self) -> &Bytes {
        &self.remaining
    }
}

impl Iterator for RecordBatches {
    type Item = Result<RecordBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.remaining.is_empty() {
            return None;
        }
        match RecordBatch::parse(&self.remaining) {
            Ok((batch, consumed)) => {
                self.remaining = self.remaining.slice(consumed..);
                Some(Ok(batch))
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}

impl FusedIterator for RecordBatches {}
