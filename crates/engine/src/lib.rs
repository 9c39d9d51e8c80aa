//! A Kafka producer as a deterministic, sans-IO state machine.
#![no_std]

extern crate alloc;
