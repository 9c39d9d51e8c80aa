//! Runs the rohrpost engine on tokio.

mod completion;
mod delivery;
mod failure;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use delivery::{Acknowledged, Delivery, Failed};
pub use failure::Failure;

/// Locks a mutex. No code of the user runs under our locks, and what they guard is consistent between any two statements: a panic elsewhere is
/// no reason to give up.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
