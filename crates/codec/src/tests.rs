//! Promises that every message keeps.

mod any;
mod every_message;
#[cfg(feature = "producer")]
mod frames;
#[cfg(all(feature = "producer", feature = "admin"))]
mod hostile;
#[cfg(feature = "producer")]
mod known;
mod sample;
mod samples;
mod vectors;

use crate::messages;
use sample::{NEVER, Sample, Source, with_sample};

samples::with_every_structure!(with_sample);
