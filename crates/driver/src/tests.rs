//! Tests of the modules that `tests/interleavings.rs` takes apart from the crate: there, on loom's locks, these could not run. And what the whole costs a
//! record, a batch and a request, counted.

mod bell;
mod completion;
mod copies;
pub(crate) mod counts;
mod deliveries;
mod life;
mod locks;
mod memory;
mod turns;
mod wakeups;
