//! Record batches from anywhere: no panic, and no more memory than the limit allows.
//!
//! The first byte chooses how far the input gets: as it is; with a length and CRC that fit, so that the header's other fields and
//! the records are reached; or as the compressed records of a good header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_records::{
    BatchBuilder, Bytes, BytesMut, Codec, Compression, Compressor, ControlRecord, RecordBatch,
    RecordBatches, RecordHeader,
};

const LIMIT: usize = 1 << 20;
const CODECS: u8 = Codec::ALL.len() as u8;

fuzz_target!(|input: &[u8]| {
    let Some((mode, input)) = input.split_first() else { return };
    match mode {
        0 => read(Bytes::copy_from_slice(input)),
        1 => {
            let mut bytes = input.to_vec();
            if bytes.len() >= 61 {
                finish(&mut bytes);
            }
            read(bytes.into());
        }
        _ => {
            let mut bytes = one_record();
            bytes.truncate(61);
            bytes[22] = mode % CODECS;
            // Many records may follow, with any offset delta.
            bytes[23..27].copy_from_slice(&1000u32.to_be_bytes());
            bytes[57..61].copy_from_slice(&u32::from(*mode).to_be_bytes());
            bytes.extend_from_slice(input);
            finish(&mut bytes);
            read(bytes.into());
        }
    }
});

/// Makes the magic, the length and the CRC right.
fn finish(bytes: &mut [u8]) {
    let length = bytes.len() as u32 - 12;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[16] = 2;
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
}

fn one_record() -> Vec<u8> {
    let mut builder = BatchBuilder::new(BytesMut::new());
    builder.append(0, None, None, []).expect("an empty record fits");
    let sealed = builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
    sealed.expect("one record").stamp(None, false).expect("no producer").to_bytes().to_vec()
}

fn read(bytes: Bytes) {
    for batch in RecordBatches::new(bytes).flatten() {
        let Ok(records) = batch.records(LIMIT) else { continue };
        let is_compressed = batch.header().attributes.codec() != Some(Codec::None);
        assert!(!is_compressed || records.uncompressed_size() <= LIMIT);
        let records: Vec<_> = records.map_while(Result::ok).collect();
        for record in &records {
            let _ = ControlRecord::decode(record);
        }
        write_again(&batch, &records);
    }
}

/// What was read can be written, and reads the same.
fn write_again(batch: &RecordBatch, records: &[rohrpost_records::Record]) {
    let mut builder = BatchBuilder::new(BytesMut::new());
    let mut written = Vec::new();
    for record in records {
        let headers = record
            .headers
            .iter()
            .map(|header| RecordHeader::from_raw(&header.key, header.value.as_deref()));
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let size = builder.size_with(record.timestamp, key, value, headers.clone());
        if builder.append(record.timestamp, key, value, headers).is_ok() {
            assert_eq!(builder.size(), size);
            written.push(record);
        }
    }
    if written.is_empty() {
        return;
    }
    let codec = batch.header().attributes.codec().unwrap_or_default();
    let compression = Compression::new(codec).expect("every codec is compiled in");
    let size = builder.records_size();
    let sealed = builder.seal(compression, &mut Compressor::new(), BytesMut::with_capacity);
    let bytes = sealed.expect("records").stamp(None, false).expect("no producer").to_bytes();
    let (again, _) = RecordBatch::parse(&bytes).expect("a batch of ours");
    let again = again.records(size).expect("it decompresses to its size");
    for (record, again) in written.iter().zip(again) {
        let again = again.expect("a record of ours");
        assert_eq!(record.timestamp, again.timestamp);
        assert_eq!((&record.key, &record.value), (&again.key, &again.value));
        assert_eq!(record.headers, again.headers);
    }
}
