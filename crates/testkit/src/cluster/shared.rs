//! What the connections of a cluster share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::model::{Model, Now};

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The model, its clock, and who is to be told when something happens.
#[derive(Debug)]
pub(crate) struct Shared {
    model: Mutex<Model>,
    started: Started,
    #[cfg(feature = "tls")]
    pub(super) tls: super::tls::Listeners,
    /// Told after everything.
    activity: watch::Sender<()>,
    /// Told when [`Model::changes`] rises.
    changes: watch::Sender<u64>,
}

/// When the cluster started, by the clock that it keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Started {
    /// The system's, for a cluster on a thread of its own.
    System(std::time::Instant),
    /// That of the runtime that started it: where a test pauses that one, the brokers' time stands still too.
    Runtime(tokio::time::Instant),
}

impl Started {
    fn elapsed(self) -> Duration {
        match self {
            Self::System(at) => at.elapsed(),
            Self::Runtime(at) => at.elapsed(),
        }
    }
}

impl Shared {
    pub(crate) fn new(
        model: Model,
        started: Started,
        #[cfg(feature = "tls")] tls: super::tls::Listeners,
    ) -> Self {
        Self {
            #[cfg(feature = "tls")]
            tls,
            changes: watch::Sender::new(model.changes()),
            model: Mutex::new(model),
            started,
            activity: watch::Sender::new(()),
        }
    }

    /// Looks at the model.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Model) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the model as it is now, and wakes who waits for that.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        let mut model = self.lock();
        model.advance(self.now());
        let result = change(&mut model);
        let changes = model.changes();
        drop(model);
        self.changes.send_if_modified(|last| {
            let is_newer = *last < changes;
            *last = changes.max(*last);
            is_newer
        });
        self.activity.send_replace(());
        result
    }

    pub(crate) fn activity(&self) -> watch::Receiver<()> {
        self.activity.subscribe()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            elapsed: self.started.elapsed(),
            wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// When the model's time `elapsed` is; a month from now at the latest, which no connection lives to see.
    pub(crate) fn instant(&self, elapsed: Duration) -> tokio::time::Instant {
        let elapsed = elapsed.min(self.started.elapsed() + MONTH);
        match self.started {
            Started::System(at) => (at + elapsed).into(),
            Started::Runtime(at) => at + elapsed,
        }
    }

    /// A test that panicked while it looked has changed nothing by halves: the model goes on.
    fn lock(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
