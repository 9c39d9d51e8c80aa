//! Promises that every message keeps.

mod every_message;
#[cfg(feature = "producer")]
mod frames;
#[cfg(feature = "producer")]
mod known;
mod sample;
mod samples;
mod vectors;
