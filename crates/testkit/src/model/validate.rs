//! What a leader checks in the records of a Produce request before it looks at their producer.

use bytes::Bytes;
use rohrpost_codec::{ByteStr, ErrorCode, messages::produce_response::BatchIndexAndErrorMessage};
use rohrpost_records::{
    BatchError, BatchErrorKind, BatchHeader, Codec, LOG_OVERHEAD, MAGIC, RecordBatch,
};

/// The most bytes that the records of one batch may decompress to: far above what a request can hold in earnest.
pub const MAX_DECOMPRESSED: usize = 256 << 20;

const NO_TIMESTAMP: i64 = -1;

/// Where a batch's length and magic are.
const LENGTH_AT: usize = 8;
const MAGIC_AT: usize = 16;

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

/// Takes the one batch out of a partition's records and checks all that does not depend on the log.
///
/// # Errors
///
/// INVALID_RECORD for no batch, less or more than one, another magic than 2, a wrong count, a control batch, records that are none,
/// a record without the key that a compacted topic needs, a batch that is cut; MESSAGE_TOO_LARGE; CORRUPT_MESSAGE for a wrong CRC, the one of these
/// that a retry may mend; UNKNOWN_SERVER_ERROR for records that do not decompress, as Kafka has no code for it;
/// UNSUPPORTED_COMPRESSION_TYPE; INVALID_TIMESTAMP.
pub fn validate(
    records: Option<&Bytes>,
    version: i16,
    limits: &Limits,
) -> Result<RecordBatch, Refusal> {
    let Some(records) = records.filter(|records| !records.is_empty()) else {
        return refuse(ErrorCode::INVALID_RECORD, "the request has no record batch");
    };
    check_frame(records, limits)?;
    let (batch, _) = RecordBatch::parse(records).map_err(|error| {
        let code = match error.kind {
            BatchErrorKind::WrongCrc { .. } => ErrorCode::CORRUPT_MESSAGE,
            _ => ErrorCode::INVALID_RECORD,
        };
        Refusal::new(code, error.to_string())
    })?;
    check_header(batch.header(), version)?;
    check_records(&batch, limits)?;
    Ok(batch)
}

/// That there is one batch, whole, of a size and magic that are allowed: Kafka looks at that before the CRC.
fn check_frame(records: &Bytes, limits: &Limits) -> Result<(), Refusal> {
    let length = records.get(LENGTH_AT..LOG_OVERHEAD).and_then(|bytes| bytes.first_chunk::<4>());
    let (Some(length), Some(&magic)) = (length, records.get(MAGIC_AT)) else {
        return refuse(ErrorCode::INVALID_RECORD, "the batch is shorter than its header");
    };
    if magic as i8 != MAGIC {
        let message = format!("the batch has magic {magic}, only {MAGIC} is taken");
        return refuse(ErrorCode::INVALID_RECORD, message);
    }
    let size = i64::from(i32::from_be_bytes(*length)) + LOG_OVERHEAD as i64;
    let present = records.len() as i64;
    if size != present {
        let message = format!("the first batch has {size} of the {present} bytes, not all of them");
        return refuse(ErrorCode::INVALID_RECORD, message);
    }
    let max = i64::from(limits.max_message_bytes);
    if size > max {
        let message = format!("the batch has {size} bytes, the topic allows {max}");
        return refuse(ErrorCode::MESSAGE_TOO_LARGE, message);
    }
    Ok(())
}

fn check_header(header: &BatchHeader, version: i16) -> Result<(), Refusal> {
    if header.base_offset != 0 {
        return refuse(ErrorCode::INVALID_RECORD, "the base offset of a producer's batch is not 0");
    }
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
    if header.attributes.is_transactional() {
        return refuse(ErrorCode::INVALID_TXN_STATE, "the producer has no transaction here");
    }
    if header.attributes.codec() == Some(Codec::Zstd) && version < ZSTD_SINCE {
        let message = format!("zstd needs Produce {ZSTD_SINCE}, this is {version}");
        return refuse(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, message);
    }
    Ok(())
}

fn check_records(batch: &RecordBatch, limits: &Limits) -> Result<(), Refusal> {
    let unreadable = |error: BatchError| {
        let code = match error.kind {
            BatchErrorKind::Corrupt { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
            _ => ErrorCode::INVALID_RECORD,
        };
        Refusal::new(code, error.to_string())
    };
    let says_broker_time = batch.header().attributes.is_log_append_time();
    let mut keyless = Vec::new();
    let mut late = Vec::new();
    for (index, record) in (0..).zip(batch.records(MAX_DECOMPRESSED).map_err(unreadable)?) {
        let record = record.map_err(unreadable)?;
        if limits.is_compacted && record.key.is_none() {
            keyless.push(record_error(index, "a compacted topic needs a key"));
        }
        // Kafka looks at the type only where it does not look at the time.
        match limits.max_timestamp.filter(|_| record.timestamp != NO_TIMESTAMP) {
            Some(max) if record.timestamp > max => {
                late.push(record_error(index, "the timestamp is too far in the future"));
            }
            None if says_broker_time => {
                late.push(record_error(index, "a producer may not set LogAppendTime"));
            }
            _ => {}
        }
    }
    if !keyless.is_empty() {
        let refusal = Refusal::new(ErrorCode::INVALID_RECORD, "records without a key".into());
        return Err(Refusal { record_errors: keyless, ..refusal });
    }
    if !late.is_empty() {
        let refusal = Refusal::new(ErrorCode::INVALID_TIMESTAMP, "timestamps out of range".into());
        return Err(Refusal { record_errors: late, ..refusal });
    }
    Ok(())
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
