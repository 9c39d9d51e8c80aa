//! What a producer remembers of its transaction.

use std::sync::atomic::{AtomicBool, Ordering};

use super::calls::Kept;

/// Shared with the transaction that is open.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How the last commit ended, until somebody has heard it.
    pub(super) ending: Kept,
    /// A transaction was handed out, and has neither ended nor been dropped.
    is_open: AtomicBool,
}

impl Memory {
    pub(super) fn opened(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }

    /// Whether a transaction was lost without being dropped (`mem::forget`): nothing else leaves one open, for it borrows the producer.
    pub(super) fn has_lost_one(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}
