//! What a broker writes into a batch that it appends.

use crate::error::{BatchError, BatchErrorKind};
use crate::header::{
    ATTRIBUTES_AT, Attributes, BASE_OFFSET_AT, BatchHeader, LEADER_EPOCH_AT, MAX_TIMESTAMP_AT, put,
    write_crc,
};

/// Gives the batch at the start of `batches` its place in the log: base offset and partition leader epoch, which the CRC does
/// not cover.
///
/// # Errors
/// As [`BatchHeader::parse`].
pub fn assign_offset(
    batches: &mut [u8],
    base_offset: i64,
    partition_leader_epoch: i32,
) -> Result<(), BatchError> {
    BatchHeader::parse(batches)?;
    put(batches, BASE_OFFSET_AT, base_offset.to_be_bytes());
    put(batches, LEADER_EPOCH_AT, partition_leader_epoch.to_be_bytes());
    Ok(())
}

/// Gives every record of the batch at the start of `batches` the broker's time (`message.timestamp.type=LogAppendTime`), and
/// computes the CRC anew.
///
/// # Errors
/// As [`BatchHeader::parse`]; [`BatchErrorKind::Truncated`] where the batch is not whole.
pub fn set_log_append_time(batches: &mut [u8], timestamp: i64) -> Result<(), BatchError> {
    let header = BatchHeader::parse(batches)?;
    let (needed, available) = (header.size(), batches.len());
    let Some(batch) = batches.get_mut(..needed) else {
        let kind = BatchErrorKind::Truncated { needed, available };
        return Err(BatchError::new("batch", 0, kind));
    };
    let attributes = header.attributes.0 | Attributes::LOG_APPEND_TIME;
    put(batch, ATTRIBUTES_AT, attributes.to_be_bytes());
    put(batch, MAX_TIMESTAMP_AT, timestamp.to_be_bytes());
    write_crc(batch);
    Ok(())
}
