//! Response frames to a request of any API key and version.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::responses(data));
