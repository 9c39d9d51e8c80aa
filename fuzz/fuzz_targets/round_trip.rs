//! Any records, codec and level: written and read.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::round_trip(data));
