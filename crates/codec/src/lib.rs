//! The Apache Kafka wire protocol: messages, headers and frames, both directions, zero-copy.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod primitive;

mod byte_str;
mod error_code;
mod uuid;

pub use byte_str::ByteStr;
pub use bytes::Bytes;
pub use error_code::ErrorCode;
pub use uuid::{ParseUuidError, Uuid};
