//! An LZ4 frame from anywhere, as the records of a batch.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::lz4(data));
