//! Tests of the modules that `tests/interleavings.rs` takes apart from the crate: there, on loom's locks, these could not run.

mod bell;
mod completion;
