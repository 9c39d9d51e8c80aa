//! Kafka record batches: an in-place builder, a zero-copy reader and every compression codec.
#![no_std]

extern crate alloc;
