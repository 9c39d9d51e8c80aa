//! Schemas of Avro, and values of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::avro(data));
