//! The records of a batch, read as leniently as a broker does: of those that are not compressed it never looks at the offset deltas.

use rohrpost_codec::ErrorCode;
use rohrpost_records::{BATCH_OVERHEAD, BatchErrorKind, Codec, RecordBatch};

use super::{MAX_DECOMPRESSED, Refusal};

/// What a broker looks at in a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) timestamp: i64,
    pub(super) has_key: bool,
}

/// Shows every record of a batch.
///
/// # Errors
///
/// INVALID_RECORD for bytes that are no records, or not as many as the batch says; UNKNOWN_SERVER_ERROR for such that do not
/// decompress, as Kafka has no code for it.
pub(super) fn each(batch: &RecordBatch, mut show: impl FnMut(Seen)) -> Result<(), Refusal> {
    if batch.header().attributes.codec() == Some(Codec::None) {
        return each_plain(batch, show).ok_or_else(|| {
            Refusal::new(ErrorCode::INVALID_RECORD, "the batch has other bytes than records".into())
        });
    }
    let records = batch.records(MAX_DECOMPRESSED).map_err(|error| refusal(&error))?;
    for record in records {
        let record = record.map_err(|error| refusal(&error))?;
        show(Seen { timestamp: record.timestamp, has_key: record.key.is_some() });
    }
    Ok(())
}

fn refusal(error: &rohrpost_records::BatchError) -> Refusal {
    let code = match error.kind {
        BatchErrorKind::Corrupt { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
        _ => ErrorCode::INVALID_RECORD,
    };
    Refusal::new(code, error.to_string())
}

fn each_plain(batch: &RecordBatch, mut show: impl FnMut(Seen)) -> Option<()> {
    let header = batch.header();
    let mut input = batch.bytes().get(BATCH_OVERHEAD..)?;
    for _ in 0..header.record_count {
        let size = usize::try_from(varint(&mut input)?).ok()?;
        let (mut record, rest) = input.split_at_checked(size)?;
        input = rest;
        show(read(&mut record, header.base_timestamp)?);
        if !record.is_empty() {
            return None;
        }
    }
    input.is_empty().then_some(())
}

/// Reads a record behind its length.
fn read(record: &mut &[u8], base_timestamp: i64) -> Option<Seen> {
    skip(record, 1)?; // Attributes, of which none has a meaning.
    let timestamp = base_timestamp.wrapping_add(varlong(record)?);
    varint(record)?; // The offset delta.
    let key = varint(record)?;
    skip(record, usize::try_from(key).unwrap_or_default())?;
    let value = varint(record)?;
    skip(record, usize::try_from(value).unwrap_or_default())?;
    let headers = usize::try_from(varint(record)?).ok().filter(|&count| count <= record.len())?;
    for _ in 0..headers {
        let key = usize::try_from(varint(record)?).ok()?;
        skip(record, key)?;
        let value = varint(record)?;
        skip(record, usize::try_from(value).unwrap_or_default())?;
    }
    Some(Seen { timestamp, has_key: key >= 0 })
}

fn skip(input: &mut &[u8], count: usize) -> Option<()> {
    *input = input.get(count..)?;
    Some(())
}

fn varint(input: &mut &[u8]) -> Option<i32> {
    let value = zigzag(input, 5)?;
    // Bits beyond the 32 are lost, as they are in Java.
    Some(((value as u32 >> 1) as i32) ^ -((value as u32 & 1) as i32))
}

fn varlong(input: &mut &[u8]) -> Option<i64> {
    let value = zigzag(input, 10)?;
    Some(((value >> 1) as i64) ^ -((value & 1) as i64))
}

/// The groups of seven bits of at most so many bytes.
fn zigzag(input: &mut &[u8], most: u32) -> Option<u64> {
    let mut value = 0_u64;
    for index in 0..most {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        value |= u64::from(byte & 0x7f).checked_shl(7 * index).unwrap_or_default();
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
