//! The 61 bytes before the records.

use crate::compression::Codec;
use crate::error::{BatchError, BatchErrorKind};
use crate::producer::{ProducerEpoch, ProducerId, ProducerStamp, Sequence};
use crate::references::{self, Reference};

/// Bytes of a batch's header: where its records begin.
pub const BATCH_OVERHEAD: usize = 61;
/// Bytes of base offset and batch length, which the batch length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// The format's version.
pub const MAGIC: i8 = 2;

pub(crate) const BASE_OFFSET_AT: usize = 0;
pub(crate) const LENGTH_AT: usize = 8;
pub(crate) const LEADER_EPOCH_AT: usize = 12;
pub(crate) const MAGIC_AT: usize = 16;
pub(crate) const CRC_AT: usize = 17;
pub(crate) const ATTRIBUTES_AT: usize = 21;
pub(crate) const LAST_OFFSET_DELTA_AT: usize = 23;
pub(crate) const BASE_TIMESTAMP_AT: usize = 27;
pub(crate) const MAX_TIMESTAMP_AT: usize = 35;
pub(crate) const PRODUCER_ID_AT: usize = 43;
pub(crate) const PRODUCER_EPOCH_AT: usize = 51;
pub(crate) const BASE_SEQUENCE_AT: usize = 53;
pub(crate) const COUNT_AT: usize = 57;

/// Bytes that the batch length counts at the least.
const MIN_LENGTH: i32 = (BATCH_OVERHEAD - LOG_OVERHEAD) as i32;

/// A batch's flags and codec. Bits without a meaning are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0x07;
    pub(crate) const LOG_APPEND_TIME: i16 = 0x08;
    pub(crate) const TRANSACTIONAL: i16 = 0x10;
    pub(crate) const CONTROL: i16 = 0x20;
    const DELETE_HORIZON: i16 = 0x40;

    /// The codec of the records section; `None` for an id without a codec (5 to 7).
    pub const fn codec(self) -> Option<Codec> {
        Codec::from_id((self.0 & Self::CODEC) as u8)
    }

    /// Whether every record's timestamp is the broker's, in [`BatchHeader::max_timestamp`] (`message.timestamp.type`).
    pub const fn is_log_append_time(self) -> bool {
        self.0 & Self::LOG_APPEND_TIME != 0
    }

    /// Whether the batch is part of a transaction.
    pub const fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Whether the records are markers of the cluster, not a user's ([`ControlRecord`](crate::ControlRecord)).
    pub const fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    pub(crate) const fn set_transactional(&mut self, on: bool) {
        self.0 = if on { self.0 | Self::TRANSACTIONAL } else { self.0 & !Self::TRANSACTIONAL };
    }

    /// Whether the base timestamp is the time at which tombstones may go (KIP-534).
    pub const fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }
}

/// Every field of a batch's header, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; 0 as a producer writes it.
    pub base_offset: i64,
    /// Bytes of the batch from its byte 12 on.
    pub batch_length: i32,
    /// Epoch of the leader that appended it; -1 as a producer writes it.
    pub partition_leader_epoch: i32,
    /// CRC-32C of the bytes from the attributes on.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// Offset of the last record less the base offset. Stays when compaction removes records.
    pub last_offset_delta: i32,
    /// Timestamp of the first record, ms; what the records' deltas count from.
    pub base_timestamp: i64,
    /// The largest timestamp, ms; -1 for none.
    pub max_timestamp: i64,
    /// The producer, or [`ProducerId::NONE`].
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// The first record's sequence.
    pub base_sequence: Sequence,
    /// How many records there are.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`, which need not hold the records.
    ///
    /// Checks magic, batch length, codec, last offset delta and count, and their sense; not the CRC.
    ///
    /// # Errors
    /// [`BatchErrorKind::Truncated`] below 61 bytes; `UnsupportedMagic`; `OutOfRange`.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let header = Self::parse_frame(bytes)?;
        header.check()?;
        Ok(header)
    }

    /// Reads the header and checks only what the batch's extent depends on, magic and length: of damaged bytes, the CRC should
    /// speak before the other fields do.
    pub(crate) fn parse_frame(bytes: &[u8]) -> Result<Self, BatchError> {
        // The magic lies at the same place in every version: look at it before anything else.
        if let Some(&magic) = bytes.get(MAGIC_AT) {
            if magic as i8 != MAGIC {
                let kind = BatchErrorKind::UnsupportedMagic(magic as i8);
                return Err(BatchError::new("magic", MAGIC_AT, kind));
            }
        }
        let Some(header) = bytes.first_chunk::<BATCH_OVERHEAD>() else {
            let kind = BatchErrorKind::Truncated { needed: BATCH_OVERHEAD, available: bytes.len() };
            return Err(BatchError::new("header", 0, kind));
        };
        let header = Self::read(header);
        let length = i64::from(header.batch_length);
        range("batch length", LENGTH_AT, length, MIN_LENGTH.into(), i32::MAX.into())?;
        Ok(header)
    }

    /// Checks the fields that the CRC covers.
    pub(crate) fn check(&self) -> Result<(), BatchError> {
        if self.attributes.codec().is_none() {
            let id = i64::from(self.attributes.0 & Attributes::CODEC);
            range("codec id", ATTRIBUTES_AT, id, 0, Codec::Zstd.id().into())?;
        }
        let delta = i64::from(self.last_offset_delta);
        range("last offset delta", LAST_OFFSET_DELTA_AT, delta, 0, i32::MAX.into())?;
        // Compaction removes records and keeps the last offset delta: there may be fewer records, never more.
        range("record count", COUNT_AT, self.record_count.into(), 0, delta + 1)
    }

    /// Bytes of the whole batch, header included.
    pub const fn size(&self) -> usize {
        self.batch_length as usize + LOG_OVERHEAD
    }

    /// Offset of the last record.
    pub const fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(self.last_offset_delta as i64)
    }

    /// Sequence of the last record; [`Sequence::NONE`] without one.
    pub const fn last_sequence(&self) -> Sequence {
        if self.base_sequence.0 < 0 {
            return Sequence::NONE;
        }
        self.base_sequence.add(self.last_offset_delta)
    }

    fn read(b: &[u8; BATCH_OVERHEAD]) -> Self {
        Self {
            base_offset: i64::from_be_bytes(field(b, BASE_OFFSET_AT)),
            batch_length: i32::from_be_bytes(field(b, LENGTH_AT)),
            partition_leader_epoch: i32::from_be_bytes(field(b, LEADER_EPOCH_AT)),
            crc: u32::from_be_bytes(field(b, CRC_AT)),
            attributes: Attributes(i16::from_be_bytes(field(b, ATTRIBUTES_AT))),
            last_offset_delta: i32::from_be_bytes(field(b, LAST_OFFSET_DELTA_AT)),
            base_timestamp: i64::from_be_bytes(field(b, BASE_TIMESTAMP_AT)),
            max_timestamp: i64::from_be_bytes(field(b, MAX_TIMESTAMP_AT)),
            producer_id: ProducerId(i64::from_be_bytes(field(b, PRODUCER_ID_AT))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(field(b, PRODUCER_EPOCH_AT))),
            base_sequence: Sequence(i32::from_be_bytes(field(b, BASE_SEQUENCE_AT))),
            record_count: i32::from_be_bytes(field(b, COUNT_AT)),
        }
    }

    /// Writes the header. The CRC is left to [`write_crc`].
    pub(crate) fn write(&self, b: &mut [u8; BATCH_OVERHEAD]) {
        put(b, BASE_OFFSET_AT, self.base_offset.to_be_bytes());
        put(b, LENGTH_AT, self.batch_length.to_be_bytes());
        put(b, LEADER_EPOCH_AT, self.partition_leader_epoch.to_be_bytes());
        b[MAGIC_AT] = MAGIC as u8;
        put(b, CRC_AT, self.crc.to_be_bytes());
        put(b, ATTRIBUTES_AT, self.attributes.0.to_be_bytes());
        put(b, LAST_OFFSET_DELTA_AT, self.last_offset_delta.to_be_bytes());
        put(b, BASE_TIMESTAMP_AT, self.base_timestamp.to_be_bytes());
        put(b, MAX_TIMESTAMP_AT, self.max_timestamp.to_be_bytes());
        put(b, PRODUCER_ID_AT, self.producer_id.0.to_be_bytes());
        put(b, PRODUCER_EPOCH_AT, self.producer_epoch.0.to_be_bytes());
        put(b, BASE_SEQUENCE_AT, self.base_sequence.0.to_be_bytes());
        put(b, COUNT_AT, self.record_count.to_be_bytes());
    }
}

/// Overwrites the producer's identity and the transactional flag in a batch, whose CRC is wrong then.
pub(crate) fn write_stamp(batch: &mut [u8], stamp: ProducerStamp, transactional: bool) {
    let mut attributes = Attributes(i16::from_be_bytes(field(batch, ATTRIBUTES_AT)));
    attributes.set_transactional(transactional);
    put(batch, ATTRIBUTES_AT, attributes.0.to_be_bytes());
    put(batch, PRODUCER_ID_AT, stamp.producer_id.0.to_be_bytes());
    put(batch, PRODUCER_EPOCH_AT, stamp.producer_epoch.0.to_be_bytes());
    put(batch, BASE_SEQUENCE_AT, stamp.base_sequence.0.to_be_bytes());
}

/// Computes the CRC of a whole batch and writes it into its place.
pub(crate) fn write_crc(batch: &mut [u8]) {
    write_crc_with(batch, &[]);
}

/// The same for a batch that refers to values beside its `own` bytes.
pub(crate) fn write_crc_with(own: &mut [u8], references: &[Reference]) {
    let mut slices = references::slices(own, references);
    let crc = compute_crc(slices.next().unwrap_or_default());
    let crc = slices.fold(crc, crc32c::crc32c_append);
    put(own, CRC_AT, crc.to_be_bytes());
}

/// CRC-32C of a whole batch, from its attributes to its end; or of the beginning of one.
pub(crate) fn compute_crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(&batch[ATTRIBUTES_AT..])
}

/// Writes a field. The caller holds at least a header.
pub(crate) fn put<const N: usize>(bytes: &mut [u8], at: usize, field: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&field);
}

/// Reads a field. The caller holds at least a header.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn range(what: &'static str, at: usize, value: i64, min: i64, max: i64) -> Result<(), BatchError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(BatchError::new(what, at, BatchErrorKind::OutOfRange { value, min, max }))
}
