//! JKS from anywhere, as a keystore and as a truststore.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::jks(data));
