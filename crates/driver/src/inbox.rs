//! What the senders tell the driver: once or twice a batch, never per record.

use std::sync::Arc;

use crate::bell::Bell;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// So many items make a crowd: what about eight batches put in.
const CROWD: usize = 16;

/// A queue with one reader, the driver, that is woken only if it sleeps.
pub(crate) struct Inbox<T> {
    state: Mutex<State<T>>,
    /// More is in here than the driver should have left.
    crowded: AtomicBool,
    bell: Arc<Bell>,
}

struct State<T> {
    items: Vec<T>,
    /// The driver found nothing and sleeps, or is about to: whoever puts something in now has to ring. Read and written under the lock, so that no
    /// message falls between the driver's last look and its sleep.
    asleep: bool,
    /// The driver is gone: nothing is taken any more.
    closed: bool,
}

/// Wakes the driver, if it sleeps, when it is dropped: to be held until the caller holds no lock any more, and no longer than for a moment, for nobody else
/// wakes the driver meanwhile.
#[must_use = "dropped under a lock it would run foreign code there"]
pub(crate) struct Wake<'a>(Option<&'a Bell>);

impl<T> Inbox<T> {
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        let state = State { items: Vec::new(), asleep: false, closed: false };
        Self { state: Mutex::new(state), crowded: AtomicBool::new(false), bell }
    }

    /// Puts an item in, and wakes the driver if it sleeps.
    ///
    /// # Errors
    /// The item, if the driver is gone.
    pub(crate) fn send(&self, item: T) -> Result<(), T> {
        self.put(item).map(drop)
    }

    /// Puts an item in, for a caller that holds a lock: it wakes the driver afterwards.
    ///
    /// # Errors
    /// The item, if the driver is gone.
    pub(crate) fn put(&self, item: T) -> Result<Wake<'_>, T> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(item);
        }
        state.items.push(item);
        if state.items.len() >= CROWD {
            self.crowded.store(true, Ordering::Relaxed);
        }
        let was_asleep = std::mem::take(&mut state.asleep);
        Ok(Wake(was_asleep.then_some(&*self.bell)))
    }

    /// Takes everything into `items`, which is empty and whose room the inbox uses next.
    pub(crate) fn take(&self, items: &mut Vec<T>) {
        debug_assert!(items.is_empty());
        let mut state = lock(&self.state);
        state.asleep = false;
        std::mem::swap(&mut state.items, items);
        if items.len() >= CROWD {
            self.crowded.store(false, Ordering::Relaxed);
        }
    }

    /// Whether [`take_crowded`](Self::take_crowded) has something to tell.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Whether the driver has not had a turn for so long that a sender should give way to it. One sender is told, once for each item that comes on top.
    #[inline]
    pub(crate) fn take_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed) && self.crowded.swap(false, Ordering::Relaxed)
    }

    /// Whether the driver may sleep: if nothing is there. From then on the next item wakes it.
    pub(crate) fn sleep(&self) -> bool {
        let mut state = lock(&self.state);
        state.asleep = state.items.is_empty();
        state.asleep
    }

    /// Takes nothing more, and gives out what is left.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut state = lock(&self.state);
        state.closed = true;
        self.crowded.store(false, Ordering::Relaxed);
        std::mem::take(&mut state.items)
    }
}

impl Wake<'_> {
    /// One for two: the driver is woken once.
    pub(crate) fn or(mut self, mut other: Self) -> Self {
        Self(self.0.take().or(other.0.take()))
    }

    pub(crate) const fn no() -> Self {
        Self(None)
    }
}

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        if let Some(bell) = self.0 {
            bell.ring();
        }
    }
}
