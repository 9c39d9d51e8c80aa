//! A cache whose misses are fetched once, however many tasks want them.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use tokio::time::Instant;

/// What was fetched, by key, and what is being fetched.
///
/// A hit takes a lock for reading, for as long as a look into a map takes, and allocates nothing. Of several tasks that miss the same key one fetches, the others
/// share what comes of it; if its future is dropped meanwhile, the next one of them fetches. A failure is shared by those that had waited for it; others get
/// it for as long as `pause` says before there is another attempt.
pub(crate) struct Flights<K, V, E> {
    ready: RwLock<Ready<K, V>>,
    flights: Mutex<HashMap<K, Arc<Flight<E>>, RandomState>>,
    most: usize,
    pause: Duration,
}

struct Ready<K, V> {
    entries: HashMap<K, Entry<V>, RandomState>,
    /// The oldest first.
    order: VecDeque<K>,
}

struct Entry<V> {
    value: V,
    /// `None`: never.
    expires: Option<Instant>,
}

struct Flight<E> {
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
    failures: Mutex<Failures<E>>,
}

struct Failures<E> {
    count: u64,
    last: Option<(E, Instant)>,
}

impl<K, V, E> Flights<K, V, E>
where
    K: Hash + Eq + Clone,
    V: Clone,
    E: Clone,
{
    /// Keeps at most so many; of more, the oldest go. `pause` is for how long a failure is remembered.
    pub(crate) fn new(most: usize, pause: Duration) -> Self {
        let ready = Ready { entries: HashMap::default(), order: VecDeque::new() };
        Self { ready: RwLock::new(ready), flights: Mutex::default(), most: most.max(1), pause }
    }

    /// What is there, and has not outlived its life.
    #[inline]
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        let entry = ready.entries.get(key)?;
        match entry.expires {
            Some(expires) if expires <= Instant::now() => None,
            _ => Some(entry.value.clone()),
        }
    }

    /// What is there, even if its life is over.
    #[inline]
    #[cfg_attr(
        not(any(feature = "avro", feature = "protobuf", feature = "json")),
        allow(dead_code, reason = "there are no serializers")
    )]
    pub(crate) fn peek<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        Some(ready.entries.get(key)?.value.clone())
    }

    /// What is there, even if its life is over, while somebody fetches it anew: one waits for that, not all.
    #[cfg_attr(
        not(any(feature = "avro", feature = "protobuf", feature = "json")),
        allow(dead_code, reason = "there are no serializers")
    )]
    pub(crate) fn meanwhile<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        let flight = self.lock().get(key).map(Arc::clone)?;
        let is_fetched = flight.turn.try_lock().is_err();
        if is_fetched { self.peek(key) } else { None }
    }

    /// What is there, or comes of fetching it, to be kept for `life`; for ever, where that is `None`.
    pub(crate) async fn fetch<F>(
        &self,
        key: K,
        life: Option<Duration>,
        fetch: impl FnOnce() -> F,
    ) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        if let Some(value) = self.get(&key) {
            return Ok(value);
        }
        let flight = self.flight(&key);
        let seen = {
            let failures = flight.failures();
            match &failures.last {
                Some((error, at)) if at.elapsed() < self.pause => return Err(error.clone()),
                _ => failures.count,
            }
        };
        let _turn = flight.turn.lock().await;
        if let Some(value) = self.get(&key) {
            return Ok(value);
        }
        {
            let failures = flight.failures();
            if let Some((error, _)) = failures.last.as_ref().filter(|_| failures.count != seen) {
                return Err(error.clone());
            }
        }
        let outcome = fetch().await;
        match &outcome {
            Ok(value) => {
                self.insert(key.clone(), value.clone(), life);
                self.lock().remove(&key);
            }
            Err(error) => {
                let mut failures = flight.failures();
                failures.count += 1;
                failures.last = Some((error.clone(), Instant::now()));
            }
        }
        outcome
    }

    /// Keeps what became known otherwise.
    pub(crate) fn insert(&self, key: K, value: V, life: Option<Duration>) {
        // Who says "for centuries" means for ever.
        let expires = life.and_then(|life| Instant::now().checked_add(life));
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if ready.entries.insert(key.clone(), Entry { value, expires }).is_none() {
            ready.order.push_back(key);
        }
        while ready.entries.len() > self.most {
            let Some(oldest) = ready.order.pop_front() else { return };
            ready.entries.remove(&oldest);
        }
    }

    /// Forgets those that this says are no longer so.
    pub(crate) fn forget(&self, mut is_void: impl FnMut(&K) -> bool) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.order.retain(|key| !is_void(key));
        ready.entries.retain(|key, _| !is_void(key));
    }

    fn flight(&self, key: &K) -> Arc<Flight<E>> {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(key) {
            return Arc::clone(flight);
        }
        if flights.len() >= self.most {
            // What nobody waits for is only there to remember a failure.
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        }
        let failures = Mutex::new(Failures { count: 0, last: None });
        let flight = Arc::new(Flight { turn: tokio::sync::Mutex::new(()), failures });
        flights.insert(key.clone(), Arc::clone(&flight));
        flight
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Flight<E>>, RandomState>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Flight<E> {
    fn failures(&self) -> MutexGuard<'_, Failures<E>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
