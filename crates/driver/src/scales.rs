//! How busy each partition is, for the partitioners of records without a key (KIP-794).

use std::sync::Arc;
use std::time::Duration;

use rohrpost_cluster::Time;
use rohrpost_partitioner::{Load, Table};

use crate::chooser::ChooserConfig;
use crate::in_flight::InFlight;
use crate::topics::{Lane, Topic, Topics};

/// Topics are weighed at most so often: within it a broker takes some hundred batches.
const PAUSE: Duration = Duration::from_millis(10);
/// And so much more seldom the more partitions they have: what weighing costs stays a small part of the time.
const PAUSE_PER_PARTITION: Duration = Duration::from_micros(10);

/// Weighs the topics that batches were sent to.
pub(crate) struct Scales {
    adaptive: bool,
    availability_timeout: Duration,
    stirred: Vec<Arc<str>>,
    next: Time,
}

impl Scales {
    pub(crate) fn new(config: &ChooserConfig) -> Self {
        Self {
            adaptive: config.adaptive && !config.round_robin,
            availability_timeout: config.availability_timeout,
            stirred: Vec::new(),
            next: Time::ZERO,
        }
    }

    /// A batch was sealed for this partition.
    pub(crate) fn stir(&mut self, lane: &Lane) {
        let same = |topic: &Arc<str>| Arc::ptr_eq(topic, &lane.topic);
        if self.adaptive && lane.chooser.uses_weights() && !self.stirred.iter().any(same) {
            self.stirred.push(lane.topic.clone());
        }
    }

    /// Weighs what was stirred, if it is time.
    pub(crate) fn weigh(&mut self, now: Time, topics: &Topics, in_flight: &InFlight) {
        if self.stirred.is_empty() || now < self.next {
            return;
        }
        let mut partitions = 0;
        for topic in self.stirred.drain(..) {
            let Some(topic) = topics.get(&topic) else { continue };
            let Some(table) = table(topic).filter(|table| table.count().get() > 1) else {
                continue;
            };
            partitions += table.count().get();
            let is_stuck = |since: Time| {
                !self.availability_timeout.is_zero() && now.since(since) > self.availability_timeout
            };
            let load = |&partition: &u32| {
                let (queue, since) = in_flight.queue(topic.lane(partition)?.index);
                let queue = u32::try_from(queue).unwrap_or(u32::MAX);
                (queue == 0 || !is_stuck(since)).then_some(Load { partition, queue })
            };
            let loads: Vec<Load> = table.available().iter().filter_map(load).collect();
            topic.chooser.update(table.weighted(&loads));
        }
        self.next = now + PAUSE.max(PAUSE_PER_PARTITION * partitions);
    }
}

/// A topic's partitions, as the partitioners see them; `None` while it has none.
pub(crate) fn table(topic: &Topic) -> Option<Table> {
    let table = Table::with_leaders(topic.lanes().map(|lane| lane.leader()))?;
    let near = topic.lanes().filter(|lane| lane.is_near());
    Some(table.near(near.map(|lane| lane.partition.unsigned_abs())))
}
