//! The Apache Kafka wire protocol: messages, headers and frames, both directions, zero-copy.
#![no_std]

extern crate alloc;
