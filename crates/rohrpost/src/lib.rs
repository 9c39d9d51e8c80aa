//! The Kafka producer that Rust deserves.
