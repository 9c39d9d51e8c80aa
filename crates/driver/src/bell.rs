//! How the driver's task is woken, and how it learns by whom.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// Wakes the driver's task, wherever it runs.
pub(crate) struct Bell {
    waker: Mutex<Option<Waker>>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { waker: Mutex::new(None) }
    }
}

impl Bell {
    pub(crate) fn ring(&self) {
        // Cloned, so that no foreign code runs under the lock.
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// From now on the bell wakes this task.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut current = lock(&self.waker);
        match &mut *current {
            Some(current) => current.clone_from(waker),
            None => *current = Some(waker.clone()),
        }
    }
}

/// The waker of one thing that the driver polls (a socket, a look-up, the timer): raises a flag, so that the driver polls that thing and
/// no other, and rings the bell.
pub(crate) struct Flag {
    raised: AtomicBool,
    bell: Arc<Bell>,
}

impl Flag {
    /// A raised flag: what is new has to be polled once.
    pub(crate) fn raised(bell: &Arc<Bell>) -> Arc<Self> {
        Arc::new(Self { raised: AtomicBool::new(true), bell: bell.clone() })
    }

    /// Raises the flag without ringing, for the driver's own next round.
    pub(crate) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Whether it was raised; lowers it. What is polled after this sees everything that happened before the flag was raised.
    pub(crate) fn take(&self) -> bool {
        // The load alone is the usual case, and leaves the cache line with whoever raises.
        self.is_raised() && self.raised.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.bell.ring();
        }
    }
}
