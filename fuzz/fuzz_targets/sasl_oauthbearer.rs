//! Errors of an OAUTHBEARER server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::sasl_oauthbearer(data));
