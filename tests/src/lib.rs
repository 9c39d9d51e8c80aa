//! What the tests against real parts need: [`kafka`] runs real Apache Kafka clusters on loopback.
//!
//! The tests themselves are in `tests/tests/`, behind the feature `real-kafka`. `cargo xtask kafka`
//! is a thin command line over the same library.

pub mod kafka;
