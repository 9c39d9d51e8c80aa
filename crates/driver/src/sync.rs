//! What `inbox`, `bell` and `completion` are made of. `tests/interleavings.rs` puts loom's in the place of these, and so tries every order in which
//! threads may pass through them.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};

use std::sync::{PoisonError, TryLockError};

/// Locks a mutex. No code of the user runs under our locks, and what they guard is consistent between any two statements: a panic elsewhere is
/// no reason to give up.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(test)]
    crate::tests::counts::locked::<T>();
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex if nobody else has it.
#[inline]
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let guard = match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    };
    #[cfg(test)]
    if guard.is_some() {
        crate::tests::counts::locked::<T>();
    }
    guard
}
