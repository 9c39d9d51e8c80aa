//! Prints a log segment as `kafka-dump-log --deep-iteration` does.
//!
//! `cargo run -p rohrpost-records --example dump_log -- 00000000000000000000.log`

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rohrpost_records::{
    BatchHeader, Bytes, Codec, ControlKind, ControlRecord, Record, RecordBatch, RecordBatches,
    Sequence,
};

/// What a batch may decompress to: well above any `message.max.bytes`.
const LIMIT: usize = 256 << 20;

fn main() -> ExitCode {
    let paths: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("dump_log FILE...: the log segments to print");
        return ExitCode::from(2);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    for path in &paths {
        if let Err(error) = dump(path, &mut out).and_then(|()| Ok(out.flush()?)) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn dump(path: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    writeln!(out, "Dumping {}", path.display())?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Ok(offset) = stem.parse::<i64>() {
        writeln!(out, "Log starting offset: {offset}")?;
    }
    let segment = Bytes::from(std::fs::read(path)?);
    let size = segment.len();
    let mut batches = RecordBatches::new(segment);
    let mut position = 0;
    for batch in &mut batches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) if error.is_truncated() => break,
            Err(error) => return Err(format!("position {position}: {error}").into()),
        };
        write_batch(&batch, position, out)?;
        position += batch.bytes().len();
    }
    if position < size {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        writeln!(out, "Found {} invalid bytes at the end of {name}", size - position)?;
    }
    Ok(())
}

fn write_batch(
    batch: &RecordBatch,
    position: usize,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let header = batch.header();
    let attributes = header.attributes;
    let delete_horizon = if attributes.has_delete_horizon() {
        format!("OptionalLong[{}]", header.base_timestamp)
    } else {
        "OptionalLong.empty".to_owned()
    };
    write!(
        out,
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} producerEpoch: {}",
        header.base_offset,
        header.last_offset(),
        header.record_count,
        header.base_sequence,
        header.last_sequence(),
        header.producer_id,
        header.producer_epoch,
    )?;
    write!(
        out,
        " partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {delete_horizon}",
        header.partition_leader_epoch,
        attributes.is_transactional(),
        attributes.is_control(),
    )?;
    writeln!(
        out,
        " position: {position} {}: {} size: {} magic: 2 compresscodec: {} crc: {} isvalid: true",
        timestamp_type(header),
        header.max_timestamp,
        header.size(),
        attributes.codec().unwrap_or(Codec::None),
        header.crc,
    )?;
    for record in batch.records(LIMIT)? {
        write_record(header, &record?, out)?;
    }
    Ok(())
}

fn write_record(
    header: &BatchHeader,
    record: &Record,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let size = |field: &Option<Bytes>| field.as_ref().map_or(-1, |field| field.len() as i64);
    let sequence = if header.base_sequence == Sequence::NONE {
        Sequence::NONE
    } else {
        header.base_sequence.add((record.offset - header.base_offset) as i32)
    };
    let names: Vec<_> =
        record.headers.iter().map(|header| String::from_utf8_lossy(&header.key)).collect();
    write!(
        out,
        "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {sequence} headerKeys: [{}]",
        record.offset,
        timestamp_type(header),
        record.timestamp,
        size(&record.key),
        size(&record.value),
        names.join(","),
    )?;
    if header.attributes.is_control() {
        let control = ControlRecord::decode(record)?;
        match (control.kind, control.coordinator_epoch) {
            (ControlKind::Commit, Some(epoch)) => {
                write!(out, " endTxnMarker: COMMIT coordinatorEpoch: {epoch}")?;
            }
            (ControlKind::Abort, Some(epoch)) => {
                write!(out, " endTxnMarker: ABORT coordinatorEpoch: {epoch}")?;
            }
            (kind, _) => write!(out, " controlType: {kind:?}({})", kind.id())?,
        }
    }
    Ok(writeln!(out)?)
}

const fn timestamp_type(header: &BatchHeader) -> &'static str {
    if header.attributes.is_log_append_time() { "LogAppendTime" } else { "CreateTime" }
}
