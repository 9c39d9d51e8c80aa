//! What every Kafka client needs, sans-IO: connections, negotiation, metadata.
#![no_std]

extern crate alloc;
