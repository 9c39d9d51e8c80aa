//! Kafka partitioners: Java-compatible murmur2, uniform sticky, round robin and your own.
#![no_std]

extern crate alloc;
