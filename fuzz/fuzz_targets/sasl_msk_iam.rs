//! Answers to AWS_MSK_IAM, and what it signs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rohrpost_fuzz::sasl_msk_iam(data));
