//! Answers to Produce requests of any version.
#![no_main]

use rohrpost_codec::messages::ProduceResponse;

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::response::<ProduceResponse>(data));
