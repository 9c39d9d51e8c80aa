//! Every message and version: what decodes encodes, and comes back.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::messages(data));
