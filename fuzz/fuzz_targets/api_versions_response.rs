//! Answers to ApiVersions requests of any version.
#![no_main]

use rohrpost_codec::messages::ApiVersionsResponse;

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::response::<ApiVersionsResponse>(data));
