//! Promises that every message keeps.

#[cfg(feature = "producer")]
mod frames;
