//! Quotas: how long a broker has a client pause that sends too much (KIP-13, KIP-219).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{BrokerId, Model};

/// How many samples a rate is made of, the one that is being filled included (`quota.window.num`).
const SAMPLES: u32 = 11;
/// How long each sample is (`quota.window.size.seconds`).
const WINDOW: Duration = Duration::from_secs(1);

/// What each client has sent to each broker of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage(BTreeMap<(BrokerId, String), VecDeque<Sample>>);

#[derive(Clone, Copy, Debug)]
struct Sample {
    began: Duration,
    last: Duration,
    bytes: u64,
}

impl Model {
    /// Changes [`ModelConfig::producer_byte_rate`](super::ModelConfig::producer_byte_rate).
    pub fn set_producer_byte_rate(&mut self, bytes: Option<u64>) {
        self.config.producer_byte_rate = bytes;
    }
}

impl Usage {
    /// Counts a request, and says how long the client has to pause to be within `rate` bytes a second.
    pub(crate) fn pause(
        &mut self,
        broker: BrokerId,
        client_id: &str,
        bytes: usize,
        rate: u64,
        now: Duration,
    ) -> Duration {
        let samples = self.0.entry((broker, client_id.to_owned())).or_default();
        samples.retain(|sample| sample.last + WINDOW * SAMPLES > now);
        match samples.back_mut().filter(|last| last.began + WINDOW > now) {
            Some(sample) => (sample.last, sample.bytes) = (now, sample.bytes + bytes as u64),
            None => samples.push_back(Sample { began: now, last: now, bytes: bytes as u64 }),
        }
        let first = samples.front().map_or(now, |first| first.began);
        // A rate is over all samples but the one that is being filled, at least.
        let part = Duration::from_nanos(((now - first).as_nanos() % WINDOW.as_nanos()) as u64);
        let window = (now - first).max(WINDOW * (SAMPLES - 1) + part);
        let total: u64 = samples.iter().map(|sample| sample.bytes).sum();
        // Whole milliseconds are what an answer can say.
        let due = u128::from(total) * 1000 / u128::from(rate.max(1));
        let due = Duration::from_millis(u64::try_from(due).unwrap_or(u64::MAX));
        Duration::from_millis(due.saturating_sub(window).as_millis() as u64)
    }
}
