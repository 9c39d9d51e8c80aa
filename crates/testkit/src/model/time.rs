//! What passes with time alone: copying, leaving the replicas in sync, the ends of transactions, retention, forgetting.

use std::time::Duration;

use super::partition::Pace;
use super::topic::TopicConfig;
use super::{Model, ModelConfig, Now};

/// When time is to do what next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// When followers have something to do; `None` for when they are asked to.
    replication: Option<Duration>,
    producers: Duration,
    retention: Duration,
}

impl Model {
    /// Lets time pass: followers copy what is due or leave the replicas in sync, silent brokers are fenced, transactions end that
    /// took too long or were decided, old records and producers go. [`Model::handle`] and [`Model::resume`] do it themselves; before something happens without a request at that time, such
    /// as the end of a leader, call this, so that what was copied long ago is not lost.
    pub fn advance(&mut self, now: Now) {
        self.elapsed = self.elapsed.max(now.elapsed);
        self.wall_ms = now.wall_ms;
        self.fence_silent();
        self.wake_zombies();
        if self.clock.replication.is_some_and(|due| due <= self.elapsed) {
            self.replicate_all();
        }
        self.time_out_transactions();
        self.unwedge(None);
        self.write_markers();
        self.expire_producers(now.wall_ms);
        self.expire_records(now.wall_ms);
    }

    /// Lets all followers do what is due.
    pub(crate) fn replicate_all(&mut self) {
        let names: Vec<_> = self.topics.keys().cloned().collect();
        self.clock.replication = None;
        for name in names {
            for index in 0..self.topics.get(&name).map_or(0, |topic| topic.partitions.len()) {
                self.replicate(&name, index as i32);
            }
        }
    }

    /// Lets the followers of a partition do what is due; says when there is something again.
    pub(crate) fn replicate(&mut self, topic: &str, index: i32) -> Option<Duration> {
        let pace = self.pace(&self.topics.get(topic)?.config);
        let partition = self.partition_mut(topic, index)?;
        let has_changed = partition.replicate(&pace);
        let next = partition.next_change(&pace);
        self.changes += u64::from(has_changed);
        self.clock.replication = match (self.clock.replication, next) {
            (Some(known), Some(next)) => Some(known.min(next)),
            (known, next) => known.or(next),
        };
        next
    }

    pub(crate) fn pace(&self, config: &TopicConfig) -> Pace {
        Pace {
            now: self.elapsed,
            lag: self.config.replication_lag,
            lag_max: self.config.replica_lag_time_max,
            min_insync_replicas: config.min_insync_replicas,
        }
    }

    fn expire_producers(&mut self, wall_ms: i64) {
        let Some(expiration) = self.config.producer_id_expiration else { return };
        if self.elapsed < self.clock.producers {
            return;
        }
        self.clock.producers = self.elapsed + self.config.producer_id_expiration_check;
        let since = before(wall_ms, expiration);
        for partition in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
            partition.log.forget_producers_since(since);
        }
    }

    fn expire_records(&mut self, wall_ms: i64) {
        if self.elapsed < self.clock.retention {
            return;
        }
        self.clock.retention = self.elapsed + ModelConfig::RETENTION_CHECK;
        for topic in self.topics.values_mut() {
            let Some(age) = topic.config.retention else { continue };
            for partition in &mut topic.partitions {
                partition.log.retain_since(before(wall_ms, age));
            }
        }
    }
}

/// The wall clock so long ago, ms.
fn before(wall_ms: i64, ago: Duration) -> i64 {
    wall_ms.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
}
