//! Anything, compressed by the matcher: decompressed by the libraries.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::compressors(data));
