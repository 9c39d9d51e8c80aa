#![doc = include_str!("../README.md")]

mod append;
mod awaits;
mod bell;
mod chooser;
mod clock;
mod completion;
mod delivery;
mod failure;
mod handle;
mod in_flight;
mod inbox;
mod lanes;
mod lookups;
mod memory;
mod network;
mod pool;
mod scales;
mod shared;
mod socket;
mod start;
mod stats;
mod task;
mod topics;
mod write_queue;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use append::Record;
pub use chooser::ChooserConfig;
pub use delivery::{Acknowledged, Delivery, Failed};
pub use failure::{Failure, SendFailure};
pub use handle::{Gone, Handle, Wait};
pub use start::{DriverConfig, look_up, pause, start};
pub use stats::Stats;

/// Locks a mutex. No code of the user runs under our locks, and what they guard is consistent between any two statements: a panic elsewhere is
/// no reason to give up.
#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
