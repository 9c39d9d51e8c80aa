//! Messages of formats 0 and 1 from anywhere.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::legacy(data));
