//! Challenges of a GSSAPI server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::sasl_gssapi(data));
