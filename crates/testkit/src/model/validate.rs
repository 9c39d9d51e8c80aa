//! What a leader checks in the records of a Produce request before it looks at their producer.

mod records;

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::produce_request::PartitionProduceData;
use rohrpost_codec::messages::produce_response::BatchIndexAndErrorMessage;
use rohrpost_codec::{ByteStr, ErrorCode, Segments};
use rohrpost_records::{
    BatchError, BatchErrorKind, BatchHeader, Codec, LOG_OVERHEAD, MAGIC, ProducerEpoch, ProducerId,
    ProducerStamp, RecordBatch, Sequence,
};

/// The most bytes that the records of one batch may decompress to: far above what a request can hold in earnest.
pub const MAX_DECOMPRESSED: usize = 256 << 20;

const NO_TIMESTAMP: i64 = -1;

/// Where a batch's length and magic are, and the byte with its codec.
const LENGTH_AT: usize = 8;
const MAGIC_AT: usize = 16;
const CODEC_AT: usize = 22;
const MAX_TIMESTAMP_AT: usize = 35;
const PRODUCER_ID_AT: usize = 43;
const CRC_AT: usize = 17;
/// What the CRC covers begins here, with the attributes.
const CRC_FROM: usize = 21;
/// In the byte with the codec.
const TRANSACTIONAL: u8 = 0x10;
/// The attributes that mean something.
const ATTRIBUTES: i16 = 0x7f;
const LOG_APPEND_TIME: i16 = 0x08;

/// The least that the length of anything in a log can be: that of a message of magic 0.
const MIN_LENGTH: i32 = 14;

/// The first version of Produce that may carry zstd (KIP-110).
const ZSTD_SINCE: i16 = 7;

/// What a topic allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the largest batch (`max.message.bytes`).
    pub max_message_bytes: i32,
    /// Whether every record needs a key (`cleanup.policy=compact`).
    pub is_compacted: bool,
    /// The largest timestamp that a producer may set, ms: the broker's time and `message.timestamp.after.max.ms`; none for
    /// topics with log append time.
    pub max_timestamp: Option<i64>,
}

/// Why records were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The partition's error.
    pub error_code: ErrorCode,
    /// What the partition's answer says in words.
    pub message: String,
    /// The records at fault, if only some are (KIP-467).
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
}

/// Takes the one batch out of a partition's records and checks all that does not depend on the log: [`only_batch`], and then
/// [`check_batch`].
///
/// # Errors
///
/// As those two.
pub fn validate(
    records: Option<&Bytes>,
    version: i16,
    limits: &Limits,
) -> Result<RecordBatch, Refusal> {
    check_batch(&only_batch(records, version)?, limits)
}

/// Finds the one batch that a partition's records may be, which a broker does before it looks for the partition's log. Bytes
/// behind it that are no whole batch are cut off, as Kafka does.
///
/// # Errors
///
/// INVALID_RECORD for no whole batch, or more than one, or magic 0 or 1; CORRUPT_MESSAGE for a length or magic that no batch has;
/// UNSUPPORTED_COMPRESSION_TYPE for zstd before Produce 7, UNKNOWN_SERVER_ERROR for no codec at all before it.
pub fn only_batch(records: Option<&Bytes>, version: i16) -> Result<Bytes, Refusal> {
    let found = records.map(|records| Ok((records, batch_size(records)?))).transpose()?;
    let Some((records, Some(size))) = found else {
        return refuse(ErrorCode::INVALID_RECORD, "the request has no whole record batch");
    };
    let batch = records.slice(..size);
    if batch[MAGIC_AT] as i8 != MAGIC {
        let message = format!("the batch has magic {}, only {MAGIC} is taken", batch[MAGIC_AT]);
        return refuse(ErrorCode::INVALID_RECORD, message);
    }
    if version < ZSTD_SINCE {
        match batch.get(CODEC_AT).map(|byte| Codec::from_id(byte & 7)) {
            Some(Some(Codec::Zstd)) => {
                let message = format!("zstd needs Produce {ZSTD_SINCE}, this is {version}");
                return refuse(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, message);
            }
            Some(None) => {
                return refuse(ErrorCode::UNKNOWN_SERVER_ERROR, "there is no such codec");
            }
            _ => {}
        }
    }
    if batch_size(&records[size..])?.is_some() {
        return refuse(ErrorCode::INVALID_RECORD, "more than one batch for the partition");
    }
    Ok(batch)
}

/// The one batch of a partition's part in a request.
pub(super) fn only_batch_of(data: &PartitionProduceData, version: i16) -> Result<Bytes, Refusal> {
    only_batch(data.records.as_ref().map(Segments::to_bytes).as_ref(), version)
}

/// Whether the first whole batch of a partition's records is part of a transaction; of older magic, none is.
///
/// # Errors
///
/// CORRUPT_MESSAGE for a length or magic that no batch has.
pub(super) fn is_transactional(records: &Bytes) -> Result<bool, Refusal> {
    let is_batch = batch_size(records)?.is_some() && records[MAGIC_AT] as i8 == MAGIC;
    Ok(is_batch && records.get(CODEC_AT).is_some_and(|byte| byte & TRANSACTIONAL != 0))
}

/// Who a batch says that it is from, whatever else is wrong with it; `None` if it is too short to say.
pub(super) fn producer_of(batch: &Bytes) -> Option<ProducerStamp> {
    let stamp = batch.get(PRODUCER_ID_AT..)?;
    let (id, stamp) = stamp.split_first_chunk::<8>()?;
    let (epoch, stamp) = stamp.split_first_chunk::<2>()?;
    let sequence = stamp.first_chunk::<4>()?;
    Some(ProducerStamp {
        producer_id: ProducerId(i64::from_be_bytes(*id)),
        producer_epoch: ProducerEpoch(i16::from_be_bytes(*epoch)),
        base_sequence: Sequence(i32::from_be_bytes(*sequence)),
    })
}

/// Whether a batch is too short for the id of its producer, which Kafka 4.3.1 looks for before it checks the length.
pub(super) fn is_without_producer(batch: &Bytes) -> bool {
    batch.len() < PRODUCER_ID_AT + 8
}

/// Checks a batch as a log does that is to take it, and corrects its header's largest timestamp and timestamp type, as that does.
///
/// # Errors
///
/// MESSAGE_TOO_LARGE; CORRUPT_MESSAGE for a wrong CRC, the one of these that a retry may mend; INVALID_RECORD for a wrong count, a
/// control batch, records that are none, a record without the key that a compacted topic needs; INVALID_TIMESTAMP;
/// UNKNOWN_SERVER_ERROR for records that do not decompress, as Kafka has no code for it.
pub fn check_batch(batch: &Bytes, limits: &Limits) -> Result<RecordBatch, Refusal> {
    if batch.first_chunk::<8>().is_some_and(|base_offset| *base_offset != [0; 8]) {
        return refuse(ErrorCode::INVALID_RECORD, "the base offset of a producer's batch is not 0");
    }
    let (size, max) = (batch.len(), limits.max_message_bytes);
    if i64::try_from(size).unwrap_or(i64::MAX) > i64::from(max) {
        let message = format!("the batch has {size} bytes, the topic allows {max}");
        return refuse(ErrorCode::MESSAGE_TOO_LARGE, message);
    }
    let (batch, _) = RecordBatch::parse(batch).map_err(|error| {
        let code = match (&error.kind, error.what) {
            (BatchErrorKind::WrongCrc { .. }, _) | (_, "batch length" | "header") => {
                ErrorCode::CORRUPT_MESSAGE
            }
            (_, "codec id") => ErrorCode::UNKNOWN_SERVER_ERROR,
            _ => ErrorCode::INVALID_RECORD,
        };
        Refusal::new(code, error.to_string())
    })?;
    check_header(batch.header())?;
    let max_timestamp = check_records(&batch, limits)?;
    correct(batch, max_timestamp, limits)
}

/// Where a broker writes a batch's time type and largest timestamp, for they are not what they should be, it writes all attributes
/// anew, without those that mean nothing. The broker's own time is written later.
fn correct(
    batch: RecordBatch,
    max_timestamp: i64,
    limits: &Limits,
) -> Result<RecordBatch, Refusal> {
    let header = batch.header();
    let (attributes, max) = match limits.max_timestamp {
        None => (header.attributes.0 & ATTRIBUTES, header.max_timestamp),
        Some(_) => (header.attributes.0 & ATTRIBUTES & !LOG_APPEND_TIME, max_timestamp),
    };
    let is_right = header.max_timestamp == max
        && (header.attributes.0 == attributes
            || (limits.max_timestamp.is_some() && !header.attributes.is_log_append_time()));
    if is_right {
        return Ok(batch);
    }
    let mut bytes = BytesMut::from(&batch.bytes()[..]);
    bytes[CRC_FROM..][..2].copy_from_slice(&attributes.to_be_bytes());
    bytes[MAX_TIMESTAMP_AT..][..8].copy_from_slice(&max.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[CRC_FROM..]);
    bytes[CRC_AT..][..4].copy_from_slice(&crc.to_be_bytes());
    let corrected = RecordBatch::parse(&bytes.freeze());
    let refused = |error: BatchError| Refusal::new(ErrorCode::CORRUPT_MESSAGE, error.to_string());
    corrected.map(|(batch, _)| batch).map_err(refused)
}

/// The bytes of the batch at the front, if it is whole, of any magic.
fn batch_size(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    let length = bytes.get(LENGTH_AT..LOG_OVERHEAD).and_then(|bytes| bytes.first_chunk::<4>());
    let Some(length) = length else { return Ok(None) };
    let length = i32::from_be_bytes(*length);
    if length < MIN_LENGTH {
        let message = format!("a batch says that it has {length} bytes");
        return refuse(ErrorCode::CORRUPT_MESSAGE, message);
    }
    let Some(&magic) = bytes.get(MAGIC_AT) else { return Ok(None) };
    if !(0..=MAGIC).contains(&(magic as i8)) {
        return refuse(ErrorCode::CORRUPT_MESSAGE, format!("a batch has magic {magic}"));
    }
    let size = length.unsigned_abs() as usize + LOG_OVERHEAD;
    Ok((size <= bytes.len()).then_some(size))
}

fn check_header(header: &BatchHeader) -> Result<(), Refusal> {
    if header.record_count < 1 || header.record_count != header.last_offset_delta.wrapping_add(1) {
        let message = format!(
            "the batch has {} records and a last offset delta of {}",
            header.record_count, header.last_offset_delta
        );
        return refuse(ErrorCode::INVALID_RECORD, message);
    }
    if header.attributes.is_control() {
        return refuse(
            ErrorCode::INVALID_RECORD,
            "clients are not allowed to write control batches",
        );
    }
    if header.producer_id.is_some() && header.base_sequence.0 < 0 {
        return refuse(ErrorCode::INVALID_RECORD, "a batch with a producer id has no sequence");
    }
    Ok(())
}

/// Gives the largest timestamp.
fn check_records(batch: &RecordBatch, limits: &Limits) -> Result<i64, Refusal> {
    let says_broker_time = batch.header().attributes.is_log_append_time();
    let broker_time = batch.header().max_timestamp;
    let mut faulty = Vec::new();
    let mut code = ErrorCode::INVALID_RECORD;
    let mut max_timestamp = NO_TIMESTAMP;
    let mut index = 0;
    records::each(batch, |mut record| {
        if says_broker_time {
            record.timestamp = broker_time;
        }
        let is_keyless = limits.is_compacted && !record.has_key;
        // Kafka looks at the type only where it does not look at the time, and at neither without a key that is needed.
        match limits.max_timestamp.filter(|_| record.timestamp != NO_TIMESTAMP) {
            _ if is_keyless => {
                faulty.push(record_error(index, "a compacted topic needs a key"));
            }
            // The difference of two times overflows in Kafka too.
            Some(max) if record.timestamp.wrapping_sub(max) > 0 => {
                faulty.push(record_error(index, "the timestamp is too far in the future"));
                code = ErrorCode::INVALID_TIMESTAMP;
            }
            None if says_broker_time => {
                faulty.push(record_error(index, "a producer may not set LogAppendTime"));
                code = ErrorCode::INVALID_TIMESTAMP;
            }
            _ => {}
        }
        max_timestamp = record.timestamp.max(max_timestamp);
        index += 1;
    })?;
    if !faulty.is_empty() {
        let refusal = Refusal::new(code, format!("{} records are not taken", faulty.len()));
        return Err(Refusal { record_errors: faulty, ..refusal });
    }
    Ok(max_timestamp)
}

fn record_error(index: i32, message: &'static str) -> BatchIndexAndErrorMessage {
    BatchIndexAndErrorMessage {
        batch_index: index,
        batch_index_error_message: Some(ByteStr::from_static(message)),
        ..Default::default()
    }
}

fn refuse<T>(error_code: ErrorCode, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(error_code, message.into()))
}

impl Refusal {
    fn new(error_code: ErrorCode, message: String) -> Self {
        Self { error_code, message, record_errors: Vec::new() }
    }
}
