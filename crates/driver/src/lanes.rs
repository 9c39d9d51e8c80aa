//! The driver's own list of lanes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rohrpost_engine::{
    AppenderConfig, BatchId, FilledBatch, PartitionAppender, PartitionIndex, TopicChange,
};

use crate::chooser::{Chooser, ChooserConfig};
use crate::completion::Completion;
use crate::lock;
use crate::shared::Shared;
use crate::topics::{Lane, Open, Partition, Topic};

pub(crate) struct Lanes {
    appenders: AppenderConfig,
    choosers: ChooserConfig,
    by_index: HashMap<PartitionIndex, Arc<Lane>>,
}

impl Lanes {
    pub(crate) fn new(appenders: AppenderConfig, choosers: ChooserConfig) -> Self {
        Self { appenders, choosers, by_index: HashMap::new() }
    }

    /// Shows the senders a topic's new state. Lanes that exist stay what they are.
    pub(crate) fn update(&mut self, shared: &Shared, change: TopicChange) {
        let known = shared.topics.get(&change.name);
        let name = known.as_ref().map_or_else(|| Arc::from(&*change.name), |t| t.name.clone());
        let chooser = known
            .map_or_else(|| Arc::new(Chooser::new(&self.choosers, &name)), |t| t.chooser.clone());
        chooser.update(&change.partitions);
        let mut partitions = Vec::with_capacity(change.partitions.len());
        for entry in &change.partitions {
            let lane = self.by_index.entry(entry.index).or_insert_with(|| {
                let ratio = change.ratio.clone();
                let appender = PartitionAppender::new(entry.index, self.appenders, ratio);
                Arc::new(Lane {
                    topic: name.clone(),
                    partition: entry.partition,
                    index: entry.index,
                    chooser: chooser.clone(),
                    open: Mutex::new(Open { appender, completion: None, closed: false }),
                })
            });
            partitions.push(Partition { lane: lane.clone(), leader: entry.leader.map(|n| n.0) });
        }
        shared.topics.update(Arc::new(Topic { name, partitions, chooser }));
    }

    /// Takes a partition's open batch, if it is this one.
    pub(crate) fn take_open(&self, batch: BatchId) -> Option<(FilledBatch, Arc<Completion>)> {
        let lane = self.by_index.get(&batch.partition)?;
        let mut open = lock(&lane.open);
        let bytes = open.appender.open_bytes();
        let filled = open.appender.take_open(batch.slot)?;
        let completion = open.completion.take()?;
        drop(open);
        lane.chooser.batch_ended(lane.partition, bytes);
        Some((filled, completion))
    }

    /// Closes every lane, and gives the completions of the batches that were open.
    pub(crate) fn close(&self) -> Vec<Arc<Completion>> {
        let mut open_batches = Vec::new();
        for lane in self.by_index.values() {
            let mut open = lock(&lane.open);
            open.closed = true;
            drop(open.appender.take_any());
            open_batches.extend(open.completion.take());
        }
        open_batches
    }
}
