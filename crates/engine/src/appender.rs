//! The hot path: a record into its partition's open batch.
//!
//! ```text
//!            append                       append: full, or no room for the record     seal (outside the lock)
//!   empty ───────────► open (slot n) ─────────────────────────────────► FilledBatch ─────────────────► SealedBatch
//!     ▲   `opened`        │  │ append            `filled`, `earlier`        ▲                              │ Input::Sealed
//!     │                   │  └───────► (the same, one record more)          │                              ▼
//!     └───────────────────┴── take_open(n), because the engine asked ───────┘                            engine
//! ```
//!
//! The caller holds whatever lock guards the appender. A record is encoded once, in its final form, into the batch's
//! buffer; what is done per record beside that is a comparison or two. Growth of the buffer is paid for from a [`Grant`]
//! *before* it happens: [`Refused::NeedRoom`] names the bytes, and nothing has changed when it is returned.
//!
//! A large value that is shared ([`Value::Shared`]) is not copied where there is no codec: the batch refers to it, and the grant pays for its bytes
//! as if they were the buffer's. The quick way, [`append_to_open`](PartitionAppender::append_to_open), leaves every large record to
//! [`append`](PartitionAppender::append), and so need not know of this.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;

use bytes::BytesMut;
use rohrpost_cluster::Time;
use rohrpost_records::{
    AppendError, BATCH_OVERHEAD, BatchBuilder, BatchCap, Codec, Compression, RecordHeader,
    batch_size_upper_bound,
};

use crate::budget::Grant;
use crate::config::EngineConfig;
use crate::ids::{BatchId, PartitionIndex, Slot};
use crate::io::TopicChange;
use crate::ratio::SharedRatio;
use crate::sealed::{BufferSource, FilledBatch};
use crate::value::{Need, REFERENCE_FROM, Value};

/// The smallest buffer that a batch starts with.
const SMALLEST_BUFFER: usize = 512;
/// The largest batch that the format can say, less what no bound has to look at closely.
const MAX_BATCH: usize = i32::MAX as usize - 64;

/// What an appender needs to know of the configuration: the producer's, until [`for_topic`](Self::for_topic) makes it a topic's.
#[derive(Clone, Copy, Debug)]
pub struct AppenderConfig {
    /// `batch.size`.
    pub batch_size: usize,
    /// `max.request.size`.
    pub max_request_size: usize,
    /// `buffer.memory`.
    pub buffer_memory: usize,
    /// `compression.type` and level.
    pub compression: Compression,
    /// A shared value of so many bytes or more is referred to instead of copied, where there is no codec.
    pub reference_from: usize,
}

impl AppenderConfig {
    /// The same for the partitions of a topic, which may have a codec of its own.
    #[must_use]
    pub fn for_topic(self, topic: &TopicChange) -> Self {
        Self { compression: topic.compression, ..self }
    }

    /// From where on shared values are referred to; `None` where a codec will read them all.
    fn refer_from(&self) -> Option<usize> {
        (self.compression.codec() == Codec::None).then_some(self.reference_from)
    }
}

impl From<&EngineConfig> for AppenderConfig {
    fn from(config: &EngineConfig) -> Self {
        Self {
            batch_size: config.batch_size,
            max_request_size: config.max_request_size,
            buffer_memory: config.buffer_memory,
            compression: config.compression,
            reference_from: REFERENCE_FROM,
        }
    }
}

/// Where a record went. Small, for it is returned for every record: what a record that ends a batch leads to is asked for apart.
#[derive(Clone, Copy, Debug)]
#[must_use = "filled batches must be taken, sealed and handed to the engine"]
pub struct Placed {
    /// The slot of the batch that holds the record.
    pub slot: Slot,
    /// The record's index in that batch.
    pub index: u32,
    /// The record opened the batch, at this time: tell the engine ([`Input::Opened`](crate::Input::Opened)).
    pub opened: Option<Time>,
    /// The record ended one batch or two: the one before its own, which had no room for it, or its own, which it filled. Take them with
    /// [`take_filled`](PartitionAppender::take_filled).
    pub filled: bool,
}

/// Why a record was not appended. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The buffer has to grow: get the bytes from the [`Budget`](crate::Budget) into the grant and call again. With a grant of
    /// `least` the next call cannot ask for more, whatever happened to the partition in between: hand an insufficient grant
    /// back before waiting for a better one.
    NeedRoom {
        /// What suffices in any case.
        least: usize,
        /// What spares the batch from growing again soon; at least `least`.
        wanted: usize,
    },
    /// The record, uncompressed and by its upper bound, is larger than `max.request.size` or `buffer.memory` allow.
    TooLarge {
        /// The record's upper bound with the batch's header, bytes.
        size: usize,
        /// The limit that it exceeds.
        limit: usize,
        /// Whether the limit is `buffer.memory`, not `max.request.size`.
        is_memory: bool,
    },
    /// The timestamp is below -1.
    NegativeTimestamp {
        /// The timestamp, ms.
        timestamp: i64,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedRoom { least, .. } => write!(f, "{least} bytes of buffer.memory are needed"),
            Self::TooLarge { size, limit, is_memory } => {
                let name = if *is_memory { "buffer.memory" } else { "max.request.size" };
                write!(f, "the record takes up to {size} bytes, {name} is {limit}")
            }
            Self::NegativeTimestamp { timestamp } => {
                write!(f, "the timestamp is {timestamp} ms: it must be at least 0, or -1 for none")
            }
        }
    }
}

impl core::error::Error for Refused {}

/// A partition's open batch.
#[derive(Debug)]
pub struct PartitionAppender {
    partition: PartitionIndex,
    config: AppenderConfig,
    ratio: Arc<SharedRatio>,
    /// The most bytes that a record alone in a batch may take.
    largest: usize,
    /// The most bytes that a record may take to be copied without a look at whether it is shared.
    quick: usize,
    /// Slot of the open batch, or of the one to open next.
    slot: Slot,
    /// The open batch. Its cap is what is expected to compress to `batch.size`, and a single record beyond it; the buffer's capacity
    /// exceeds it for a single record only.
    builder: BatchBuilder,
    /// Budget bytes behind the builder's buffer.
    charge: usize,
    created: Time,
    /// Buffer that the last batch would have needed: what the next one starts with.
    hint: usize,
    /// Batches that records ended, until they are taken: two at the most.
    filled: VecDeque<FilledBatch>,
}

impl PartitionAppender {
    /// An appender for a partition, whose first batch will be slot 0.
    pub fn new(partition: PartitionIndex, config: AppenderConfig, ratio: Arc<SharedRatio>) -> Self {
        let largest = config.max_request_size.min(config.buffer_memory).min(MAX_BATCH);
        Self {
            partition,
            config,
            ratio,
            largest,
            quick: config.refer_from().map_or(largest, |from| largest.min(from)),
            slot: Slot(0),
            builder: BatchBuilder::new(BytesMut::new()),
            charge: 0,
            created: Time::ZERO,
            hint: SMALLEST_BUFFER,
            filled: VecDeque::new(),
        }
    }

    /// The open batch's slot; `None` where none is open.
    pub fn open_slot(&self) -> Option<Slot> {
        (!self.builder.is_empty()).then_some(self.slot)
    }

    /// What a batch that is opened now would best be given, bytes: 0 where one is open.
    pub fn room_wanted(&self) -> usize {
        if self.builder.is_empty() { self.hint } else { 0 }
    }

    /// Bytes of records in the open batch, before compression: 0 where none is open.
    pub fn open_bytes(&self) -> usize {
        self.builder.records_size()
    }

    /// Appends a record if that takes no more than writing it: a batch is open, its buffer has room, and the record surely does not fill it. That
    /// is almost every record. Its index; `None` says that nothing was done, and [`append`](Self::append) knows what to do or why not.
    #[inline]
    pub fn append_to_open<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
    ) -> Option<u32>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        self.builder.append_usual(timestamp, key, value, headers, self.quick).map(i32::unsigned_abs)
    }

    /// Appends a record.
    ///
    /// `now` is asked only when a batch opens. `timestamp` is in ms since the epoch, or -1. `grant` pays for the
    /// buffer's growth; what is left of it stays the caller's.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    #[inline]
    #[allow(
        clippy::too_many_arguments,
        reason = "a record's parts, and what the caller's locks guard"
    )]
    pub fn append<'a, H>(
        &mut self,
        now: impl FnOnce() -> Time,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Value<'_>,
        headers: H,
        grant: &mut Grant,
        buffers: &mut impl BufferSource,
    ) -> Result<Placed, Refused>
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        if timestamp < -1 {
            return Err(Refused::NegativeTimestamp { timestamp });
        }
        let headers = headers.into_iter();
        let mut size = upper_bound(key, value.as_slice(), headers.clone());
        if size > self.largest {
            size = self.check(key, value.as_slice(), headers.clone())?;
        }
        let value = value.referred_from(self.config.refer_from());
        let need = Need { size, referenced: value.referenced() };
        if self.builder.is_empty() {
            self.open(now, need, grant, buffers)?;
            return self.first(timestamp, key, value, headers, false);
        }
        if need.referenced > 0 && grant.bytes() < size {
            let wanted = self.wanted(need, self.builder.cap().bytes());
            return Err(Refused::NeedRoom { least: size, wanted });
        }
        let mut appended =
            value.append_to(&mut self.builder, timestamp, key, headers.clone(), false);
        if let Err(error) = appended {
            if self.make_room(error, now, need, grant, buffers)? {
                return self.first(timestamp, key, value, headers, true);
            }
            appended = value.append_to(&mut self.builder, timestamp, key, headers, false);
        }
        match appended {
            Ok(index) => {
                self.charge += grant.take(need.referenced);
                Ok(self.placed(index, false))
            }
            Err(error) => Err(refused(error, size)),
        }
    }

    /// Ends the open batch if a record does not fit into it, and appends nothing: for a record that may go to another partition just as well, where it would begin
    /// a batch here that nobody adds to for a while. Whether the batch was ended: [`take_filled`](Self::take_filled) gives it.
    ///
    /// What is ended so is more than half full: a record that takes half a batch itself ends none, for it would find no room in most batches, and ends
    /// one wherever it goes.
    pub fn end_unless_fits<'a, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
    ) -> bool
    where
        H: IntoIterator<Item = RecordHeader<'a>, IntoIter: ExactSizeIterator + Clone>,
    {
        let headers = headers.into_iter();
        let half = self.builder.cap().bytes() / 2;
        let size = upper_bound(key, value, headers.clone());
        if self.builder.is_empty() || size > half.min(self.largest) {
            return false;
        }
        let fits = self.builder.fits(timestamp, key, value, headers);
        let is_full = fits.is_err_and(|error| error.is_full());
        if is_full {
            self.fill();
        }
        is_full
    }

    /// Takes a batch that a record ended, the earlier first ([`Placed::filled`]).
    pub fn take_filled(&mut self) -> Option<FilledBatch> {
        self.filled.pop_front()
    }

    /// Takes the open batch if it is `slot`, as the engine asked ([`Output::Seal`](crate::Output::Seal)).
    pub fn take_open(&mut self, slot: Slot) -> Option<FilledBatch> {
        (self.open_slot() == Some(slot)).then(|| self.take())
    }

    /// Takes whatever batch is open: nothing more will be appended.
    pub fn take_any(&mut self) -> Option<FilledBatch> {
        self.open_slot().map(|_| self.take())
    }

    /// The first record of a batch that [`open`](Self::open) made room for: nothing is left to refuse.
    #[inline]
    fn first<'a>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Value<'_>,
        headers: impl ExactSizeIterator<Item = RecordHeader<'a>> + Clone,
        filled: bool,
    ) -> Result<Placed, Refused> {
        match value.append_to(&mut self.builder, timestamp, key, headers, true) {
            Ok(index) => {
                let mut placed = self.placed(index, filled);
                placed.opened = Some(self.created);
                Ok(placed)
            }
            Err(error) => {
                let size = self.builder.size();
                Err(refused(error, size))
            }
        }
    }

    #[inline]
    fn placed(&mut self, index: i32, mut filled: bool) -> Placed {
        let slot = self.slot;
        if self.builder.size() >= self.builder.cap().bytes() {
            self.fill();
            filled = true;
        }
        Placed { slot, index: index as u32, opened: None, filled }
    }

    /// Gets a buffer for a new batch, whose first record needs `need`.
    fn open(
        &mut self,
        now: impl FnOnce() -> Time,
        need: Need,
        grant: &mut Grant,
        buffers: &mut impl BufferSource,
    ) -> Result<(), Refused> {
        let limit = match self.config.compression.codec() {
            Codec::None => self.config.batch_size,
            _ => self.ratio.uncompressed_limit(self.config.batch_size),
        };
        let wanted = self.wanted(need, limit);
        if grant.bytes() < need.size {
            return Err(Refused::NeedRoom { least: need.size, wanted });
        }
        self.charge = grant.take(wanted);
        let cap = BatchCap::new(limit).with_large_record(MAX_BATCH);
        self.builder = BatchBuilder::with_cap(buffers.take(self.charge - need.referenced), cap);
        self.created = now();
        Ok(())
    }

    /// The charge that a new batch of at most `limit` bytes should begin with: room for the record, and in the buffer for those after it.
    fn wanted(&self, need: Need, limit: usize) -> usize {
        // No other record comes into a batch that this one fills.
        let hint = if need.size < limit { self.hint } else { 0 };
        let buffer = size_class(need.buffer().max(hint)).min(limit).max(need.buffer());
        buffer + need.referenced
    }

    /// The record did not fit into the buffer: lets it grow, or closes the batch and opens the next. Whether a batch was closed.
    #[cold]
    fn make_room(
        &mut self,
        error: AppendError,
        now: impl FnOnce() -> Time,
        need: Need,
        grant: &mut Grant,
        buffers: &mut impl BufferSource,
    ) -> Result<bool, Refused> {
        let size = need.size;
        if let AppendError::NoRoom { needed } = error {
            let referenced = self.builder.referenced_size();
            let limit = self.builder.cap().bytes().saturating_sub(referenced);
            let charge = self.charge - referenced;
            let wanted = size_class(needed).min(limit).max(needed) - charge;
            let least = needed.saturating_sub(charge);
            if grant.bytes() < least {
                // What a new batch would need suffices here too: a record takes less than its upper bound and a header.
                return Err(Refused::NeedRoom { least: size.max(least), wanted: wanted.max(size) });
            }
            // What the value needs stays there: a grant with a value to pay for is at least `size`.
            self.charge += grant.take(wanted.min(grant.bytes() - need.referenced));
            let larger = buffers.take(self.charge - referenced);
            buffers.give(self.builder.replace_buffer(larger));
            return Ok(false);
        }
        if !error.is_full() {
            return Err(refused(error, size));
        }
        if grant.bytes() < size {
            let wanted = self.wanted(need, self.builder.cap().bytes());
            return Err(Refused::NeedRoom { least: size, wanted });
        }
        self.fill();
        self.open(now, need, grant, buffers)?;
        Ok(true)
    }

    #[cold]
    fn fill(&mut self) {
        let batch = self.take();
        self.filled.push_back(batch);
    }

    fn take(&mut self) -> FilledBatch {
        let referenced = self.builder.referenced_size();
        let used = self.builder.size() - referenced;
        // One batch larger than the rest does not make all later buffers large, nor one of references all later ones small.
        let hint = size_class(used).min(self.builder.cap().bytes().max(SMALLEST_BUFFER));
        self.hint = if referenced > 0 { hint.max(self.hint) } else { hint };
        let builder = core::mem::replace(&mut self.builder, BatchBuilder::new(BytesMut::new()));
        let id = BatchId { partition: self.partition, slot: self.slot };
        self.slot = self.slot.next();
        FilledBatch {
            id,
            builder,
            charge: core::mem::take(&mut self.charge),
            created: self.created,
            compression: self.config.compression,
            ratio: Arc::clone(&self.ratio),
        }
    }

    /// The exact upper bound of a record that seems too large by the quick one, if it is not.
    #[cold]
    fn check<'a>(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = RecordHeader<'a>>,
    ) -> Result<usize, Refused> {
        let size = batch_size_upper_bound(key.map(<[u8]>::len), value.map(<[u8]>::len), headers);
        if size <= self.largest {
            return Ok(size);
        }
        let is_memory = size <= self.config.max_request_size.min(MAX_BATCH);
        Err(Refused::TooLarge { size, limit: self.largest, is_memory })
    }
}

/// The most bytes that a batch of this one record takes.
#[inline]
fn upper_bound<'a>(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl ExactSizeIterator<Item = RecordHeader<'a>>,
) -> usize {
    if headers.len() == 0 {
        // Two length varints of at most five bytes and a header count of one, beside what no record is without.
        const LEAST: usize = BATCH_OVERHEAD + 21 + 5 + 5 + 1;
        let (key, value) = (key.map_or(0, <[u8]>::len), value.map_or(0, <[u8]>::len));
        return LEAST.saturating_add(key).saturating_add(value);
    }
    batch_size_upper_bound(key.map(<[u8]>::len), value.map(<[u8]>::len), headers)
}

#[cold]
fn refused(error: AppendError, size: usize) -> Refused {
    match error {
        AppendError::NegativeTimestamp { timestamp } => Refused::NegativeTimestamp { timestamp },
        _ => Refused::TooLarge { size, limit: MAX_BATCH, is_memory: false },
    }
}

/// Buffers come in powers of two, so that they can be used again.
fn size_class(bytes: usize) -> usize {
    bytes.checked_next_power_of_two().unwrap_or(bytes).max(SMALLEST_BUFFER)
}
