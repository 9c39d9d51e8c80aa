//! A batch as text, exactly as `java/src/GoldenBatches.java` prints it.

use std::fmt::Write as _;

use rohrpost_records::{BatchError, Bytes, Codec, RecordBatch};

/// More than any batch of the tests decompresses to.
const LIMIT: usize = 16 << 20;

/// The header on one line, each record on another.
#[allow(dead_code, reason = "not every program that shares this file reads magic 2")]
pub(crate) fn dump(bytes: &Bytes) -> Result<String, BatchError> {
    let (batch, consumed) = RecordBatch::parse(bytes)?;
    let header = batch.header();
    let attributes = header.attributes;
    let mut out = format!(
        "batch offset={} last={} count={} leader={} codec={} max={} append_time={} transactional={} control={} producer={}/{}/{}..{}\n",
        header.base_offset,
        header.last_offset(),
        header.record_count,
        header.partition_leader_epoch,
        attributes.codec().unwrap_or(Codec::None),
        header.max_timestamp,
        attributes.is_log_append_time(),
        attributes.is_transactional(),
        attributes.is_control(),
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        header.last_sequence(),
    );
    for record in batch.records(LIMIT)? {
        let record = record?;
        let (key, value) = (text(record.key.as_deref()), text(record.value.as_deref()));
        let _ = write!(out, "record {} {} {key} {value}", record.offset, record.timestamp);
        for header in &record.headers {
            let _ = write!(out, " {}={}", text(Some(&header.key)), text(header.value.as_deref()));
        }
        out.push('\n');
    }
    if consumed < bytes.len() {
        out.push_str("another batch\n");
    }
    Ok(out)
}

fn text(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "null".into(),
        Some(bytes) if bytes.len() <= 64 => format!("x{}", hex(bytes)),
        Some(bytes) => {
            let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            });
            format!("{}:{hash:016x}", bytes.len())
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The bytes of hexadecimal digits.
#[allow(dead_code, reason = "not every program that shares this file reads")]
pub(crate) fn unhex(digits: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(digits.get(at..at + 2).unwrap_or("?"), 16)).collect()
}

/// Messages of formats 0 and 1 as text, exactly as `java/src/GoldenBatches.java` prints them.
#[cfg(feature = "legacy")]
#[allow(dead_code, reason = "not every program that shares this file reads them")]
pub(crate) fn dump_legacy(bytes: &Bytes) -> Result<String, BatchError> {
    let mut out = String::new();
    for batch in rohrpost_records::AnyBatches::new(bytes.clone()) {
        let rohrpost_records::AnyBatch::Legacy(batch) = batch? else {
            out.push_str("magic 2\n");
            continue;
        };
        let _ = writeln!(
            out,
            "batch magic={} last={} codec={} append_time={}",
            batch.magic(),
            batch.last_offset(),
            batch.codec(),
            batch.is_log_append_time(),
        );
        for record in batch.records(LIMIT)? {
            let (key, value) = (text(record.key.as_deref()), text(record.value.as_deref()));
            let _ = writeln!(out, "record {} {} {key} {value}", record.offset, record.timestamp);
        }
    }
    Ok(out)
}
