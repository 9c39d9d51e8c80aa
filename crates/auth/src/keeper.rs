//! Keeps something that expires: fetched when first wanted, and anew ahead of its end by a task of its own.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::clock::{Clock, distance};
use crate::{BoxFuture, CredentialsError, RefreshSettings};

/// How long after attempts of [`RefreshSettings::retry_backoff_max`] failed the next ones begin, as in Java.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// What lives shorter than this is not worth a task that does nothing else.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);
/// The longest sleep between two looks at the wall clock, which may be set, or go on while the machine sleeps.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Something that expires.
pub(crate) trait Expiring: Send + Sync + 'static {
    /// What it is, for errors: `token`.
    const WHAT: &'static str;

    /// `None`: it does not say; it is then fetched each time.
    fn expires_at(&self) -> Option<SystemTime>;

    /// Since when it is valid, where that is known.
    fn valid_from(&self) -> Option<SystemTime> {
        None
    }
}

/// Where it comes from.
pub(crate) trait Source: Send + Sync + fmt::Debug + 'static {
    type Item: Expiring;

    fn fetch(&self) -> BoxFuture<'_, Result<Self::Item, CredentialsError>>;
}

/// Gives what it keeps while that is valid, without waiting for anybody. Of several that wait for the first one, or for one in the place of one that
/// expired, a single one fetches, and the others share what comes of it.
///
/// The task that fetches ahead of time begins with the first one fetched, on the runtime where that happened, and ends with the keeper or the
/// runtime; in the latter case the next one who asks begins another. While it fails, what is kept is given out until it expires.
pub(crate) struct Keeper<S: Source>(Arc<Inner<S>>);

struct Inner<S: Source> {
    source: S,
    settings: RefreshSettings,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept<S::Item>>,
    /// Held by the one who fetches.
    flight: tokio::sync::Mutex<()>,
}

struct Kept<T> {
    current: Option<Arc<T>>,
    /// How many series of attempts have ended.
    ended: u64,
    /// How the last one ended, if badly.
    failure: Option<CredentialsError>,
    /// How the last attempt ended, if badly.
    stumble: Option<CredentialsError>,
    refresher: Option<JoinHandle<()>>,
}

impl<S: Source> Keeper<S> {
    pub(crate) fn new(source: S, settings: RefreshSettings, clock: Arc<dyn Clock>) -> Self {
        let kept = Kept { current: None, ended: 0, failure: None, stumble: None, refresher: None };
        let (kept, flight) = (Mutex::new(kept), tokio::sync::Mutex::new(()));
        Self(Arc::new(Inner { source, settings, clock, kept, flight }))
    }

    /// What is valid now.
    pub(crate) async fn get(&self) -> Result<Arc<S::Item>, CredentialsError> {
        self.get_unless(|_| false).await
    }

    /// What is valid now, but for what is void by what is known of it elsewhere: that is fetched anew.
    pub(crate) async fn get_unless(
        &self,
        is_void: impl Fn(&S::Item) -> bool,
    ) -> Result<Arc<S::Item>, CredentialsError> {
        let inner = &self.0;
        let valid = |kept: &Kept<S::Item>| inner.valid(kept).filter(|item| !is_void(item));
        let seen = {
            let kept = inner.kept();
            if let Some(item) = valid(&kept) {
                drop(kept);
                inner.keep_refreshing();
                return Ok(item);
            }
            kept.ended
        };
        let _flight = inner.flight.lock().await;
        {
            let kept = inner.kept();
            if let Some(item) = valid(&kept) {
                return Ok(item);
            }
            if let Some(failure) = kept.failure.as_ref().filter(|_| kept.ended != seen) {
                return Err(failure.clone());
            }
        }
        let item = inner.fetch().await?;
        inner.keep_refreshing();
        Ok(item)
    }

    /// Why the last attempt failed, if it did: what whoever waits for [`get`](Self::get) waits because of.
    pub(crate) fn last_failure(&self) -> Option<CredentialsError> {
        self.0.kept().stumble.clone()
    }
}

impl<S: Source> Inner<S> {
    fn kept(&self) -> MutexGuard<'_, Kept<S::Item>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn valid(&self, kept: &Kept<S::Item>) -> Option<Arc<S::Item>> {
        let current = kept.current.as_ref()?;
        (current.expires_at()? > self.clock.now()).then(|| Arc::clone(current))
    }

    /// A series of attempts, by the holder of `flight`.
    async fn fetch(&self) -> Result<Arc<S::Item>, CredentialsError> {
        let begun = Instant::now();
        let mut attempts = 0;
        let outcome = loop {
            attempts += 1;
            let outcome = self.source.fetch().await.and_then(|item| self.check(item));
            let Err(error) = &outcome else { break outcome };
            let pause = self.settings.pause(attempts, begun.elapsed());
            let Some(pause) = pause.filter(|_| error.is_retriable) else { break outcome };
            self.kept().stumble = Some(error.clone());
            sleep(pause).await;
        };
        let mut kept = self.kept();
        kept.ended += 1;
        kept.failure = outcome.as_ref().err().cloned();
        kept.stumble = outcome.as_ref().err().cloned();
        if let Ok(item) = &outcome {
            kept.current = Some(Arc::clone(item));
        }
        outcome
    }

    fn check(&self, item: S::Item) -> Result<Arc<S::Item>, CredentialsError> {
        let now = self.clock.now();
        match item.expires_at() {
            Some(end) if end <= now => Err(CredentialsError::passing(format!(
                "the {} that {:?} gave expired {} by the clock of this machine: compare the clocks of both",
                S::Item::WHAT,
                self.source,
                distance(now, end)
            ))),
            _ => Ok(Arc::new(item)),
        }
    }

    /// Sees to it that there is a task which fetches ahead of time, if there is anything to do for it.
    fn keep_refreshing(self: &Arc<Self>) {
        let mut kept = self.kept();
        let expires = kept.current.as_ref().is_some_and(|item| item.expires_at().is_some());
        let runs = kept.refresher.as_ref().is_some_and(|task| !task.is_finished());
        if !expires || runs {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            kept.refresher = Some(runtime.spawn(refresh(Arc::downgrade(self))));
        }
    }
}

impl<S: Source> Drop for Inner<S> {
    fn drop(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = kept.refresher.take() {
            task.abort();
        }
    }
}

/// The task. It holds the keeper only while it fetches.
async fn refresh<S: Source>(keeper: Weak<Inner<S>>) {
    let mut seen = u64::MAX;
    let mut due = None;
    loop {
        let Some(inner) = keeper.upgrade() else { return };
        let now = inner.clock.now();
        let (ended, item) = {
            let kept = inner.kept();
            (kept.ended, kept.current.clone())
        };
        let Some(end) = item.as_ref().and_then(|item| item.expires_at()) else { return };
        // Another one was fetched, or failed to be, perhaps by somebody who could not wait: what was planned is void.
        let at = match due {
            Some(at) if seen == ended => at,
            _ => {
                let failed = inner.kept().failure.is_some();
                let start = item.as_ref().and_then(|item| item.valid_from());
                let planned = inner.settings.refresh_at(now, start, end, chance());
                if failed { now + AFTER_FAILURE } else { planned.max(now + SHORTEST_PERIOD) }
            }
        };
        (seen, due) = (ended, Some(at));
        let left = at.duration_since(now).unwrap_or_default();
        if !left.is_zero() {
            drop((inner, item));
            sleep(left.min(LONGEST_SLEEP)).await;
            continue;
        }
        let _flight = inner.flight.lock().await;
        if inner.kept().ended == ended {
            // What fails is kept for whoever asks once it matters, and tried again.
            drop(inner.fetch().await);
        }
    }
}

/// Between 0 and 1, for jitter.
fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0) >> 11;
    random as f64 / (1_u64 << 53) as f64
}

impl<S: Source> Clone for Keeper<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Source> fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keeper").field(&self.0.source).finish()
    }
}

#[cfg(test)]
mod tests;
