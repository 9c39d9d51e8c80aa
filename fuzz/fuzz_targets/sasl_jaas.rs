//! The text of `sasl.jaas.config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::sasl_jaas(data));
