//! Answers to Metadata requests of any version.
#![no_main]

use rohrpost_codec::messages::MetadataResponse;

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::response::<MetadataResponse>(data));
