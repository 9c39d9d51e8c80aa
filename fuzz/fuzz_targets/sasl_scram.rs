//! Messages of a SCRAM server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::sasl_scram(data));
