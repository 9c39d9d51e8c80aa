//! What tellers share: the books, the door, and what is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use harness::bank::Bank;

/// The group whose offsets go with the transfers, and the topic of which they are: partition N has teller N's orders.
pub(crate) const GROUP: &str = "tellers";
pub(crate) const ORDERS: &str = "orders";
/// Of each topic.
pub(crate) const PARTITIONS: u32 = 6;

#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) servers: String,
    books: Mutex<Bank>,
    is_closed: AtomicBool,
    /// Held by whoever has begun.
    door: RwLock<()>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Office {
    pub(crate) fn new(servers: &str) -> Self {
        Self {
            servers: servers.to_owned(),
            books: Mutex::default(),
            is_closed: AtomicBool::new(false),
            door: RwLock::default(),
            counts: Mutex::default(),
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Bank> {
        self.books.lock().unwrap()
    }

    /// Waits until one may begin; `None` when it is time to go home.
    pub(crate) fn enter(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let entered = self.door.read().unwrap();
        (!self.is_closed.load(Ordering::Relaxed)).then_some(entered)
    }

    /// Waits until everybody has ended what they began; nobody begins until this is dropped.
    pub(crate) fn let_nobody_begin(&self) -> RwLockWriteGuard<'_, ()> {
        self.door.write().unwrap()
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// One more of these.
    pub(crate) fn count(&self, what: &str) {
        *self.counts.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    /// Notes what must not be, and sends everybody home.
    pub(crate) fn note(&self, result: Result<(), String>) {
        if let Err(breach) = result {
            self.books().breach(breach);
            self.close();
        }
    }

    pub(crate) fn verdict(&self) -> Result<(), String> {
        self.books().verdict()
    }

    pub(crate) fn summary(&self) -> String {
        let counts = self.counts.lock().unwrap();
        let counts: Vec<String> =
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        format!("{}; {}", self.books().tally(), counts.join(", "))
    }
}
