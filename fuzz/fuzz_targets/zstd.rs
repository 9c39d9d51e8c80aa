//! Zstandard from anywhere, as the records of a batch.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::zstd(data));
