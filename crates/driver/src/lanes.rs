//! The driver's own list of lanes.

use std::collections::HashMap;
use std::sync::Arc;

use rohrpost_engine::{
    AppenderConfig, BatchId, FilledBatch, PartitionAppender, PartitionIndex, TopicChange,
};

use crate::chooser::ChooserConfig;
use crate::completion::Completion;
use crate::lock;
use crate::scales;
use crate::shared::Shared;
use crate::topics::Lane;

pub(crate) struct Lanes {
    appenders: AppenderConfig,
    choosers: ChooserConfig,
    by_index: HashMap<PartitionIndex, Arc<Lane>>,
}

impl Lanes {
    pub(crate) fn new(appenders: AppenderConfig, choosers: ChooserConfig) -> Self {
        Self { appenders, choosers, by_index: HashMap::new() }
    }

    /// Shows the senders a topic's new state.
    pub(crate) fn update(&mut self, shared: &Shared, change: &TopicChange) {
        let topic = shared.topics.get_or_add(&change.name, &self.choosers);
        for (entry, number) in change.partitions.iter().zip(0..) {
            let lane = match topic.lane(number) {
                Some(lane) => lane.clone(),
                None => {
                    let ratio = change.ratio.clone();
                    let config = self.appenders.for_topic(change);
                    let appender = PartitionAppender::new(entry.index, config, ratio);
                    let lane = Lane::new(topic, entry.partition, entry.index, appender);
                    let lane = Arc::new(lane);
                    self.by_index.insert(entry.index, lane.clone());
                    topic.push(lane.clone());
                    lane
                }
            };
            let rack = self.choosers.rack.as_deref();
            let is_near = rack.is_some() && entry.leader_rack.as_deref() == rack;
            lane.set_leader(entry.leader.map(|node| node.0), is_near);
        }
        if let Some(table) = scales::table(topic) {
            topic.chooser.update(table);
        }
    }

    /// Takes a partition's open batch, if it is this one.
    pub(crate) fn take_open(&self, batch: BatchId) -> Option<(FilledBatch, Arc<Completion>)> {
        let lane = self.by_index.get(&batch.partition)?;
        let mut open = lock(&lane.open);
        let bytes = open.appender.open_bytes();
        let filled = open.appender.take_open(batch.slot)?;
        let completion = open.completion.take()?;
        drop(open);
        lane.chooser.batch_ended(lane.partition.unsigned_abs(), bytes);
        Some((filled, completion))
    }

    /// The partition's lane.
    pub(crate) fn get(&self, partition: PartitionIndex) -> Option<&Arc<Lane>> {
        self.by_index.get(&partition)
    }

    /// Closes every lane, and gives the batches that were open and their completions.
    pub(crate) fn close(&self) -> Vec<(FilledBatch, Arc<Completion>)> {
        let mut open_batches = Vec::new();
        for lane in self.by_index.values() {
            let mut open = lock(&lane.open);
            open.closed = true;
            // A batch that is open has a completion.
            open_batches.extend(open.appender.take_any().zip(open.completion.take()));
        }
        open_batches
    }
}
