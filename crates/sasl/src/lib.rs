#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod client;
mod error;
mod plain;
mod secret;

pub use bytes::Bytes;
pub use client::{SaslClient, Step};
pub use error::{Blame, Fault, Problem, Refusal, SaslError};
pub use plain::Plain;
pub use secret::Secret;
