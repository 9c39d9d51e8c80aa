//! What brokers tell of the cluster, which may not be as it is.

use std::collections::BTreeMap;

use rohrpost_codec::Uuid;

use super::{Broker, BrokerId, Model, Partition, Topic};

/// The cluster as it was at some time, without what is in the logs: for brokers whose metadata lags.
#[derive(Clone, Debug)]
pub struct MetadataView {
    brokers: BTreeMap<BrokerId, Broker>,
    topics: BTreeMap<String, Topic>,
}

/// The cluster as a broker sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) brokers: &'a BTreeMap<BrokerId, Broker>,
    pub(crate) topics: &'a BTreeMap<String, Topic>,
}

impl MetadataView {
    /// The same without any topic: what a broker may tell that has only just started.
    #[must_use]
    pub fn without_topics(self) -> Self {
        Self { topics: BTreeMap::new(), ..self }
    }

    /// The same without this topic.
    #[must_use]
    pub fn without_topic(mut self, name: &str) -> Self {
        self.topics.remove(name);
        self
    }
}

impl Model {
    /// The cluster's metadata as they are now.
    #[must_use]
    pub fn metadata_view(&self) -> MetadataView {
        let outline = |topic: &Topic| Topic {
            id: topic.id,
            config: topic.config,
            replication_factor: topic.replication_factor,
            partitions: topic.partitions.iter().map(Partition::outline).collect(),
        };
        let topics = self.topics.iter().map(|(name, topic)| (name.clone(), outline(topic)));
        MetadataView { brokers: self.brokers.clone(), topics: topics.collect() }
    }

    /// Has a broker tell this of the cluster, in Metadata, in the leader hints of KIP-951 and when it looks for a topic, until
    /// [`Model::release_metadata`]: metadata that lag, or go back.
    pub fn show_metadata(&mut self, broker: impl Into<BrokerId>, view: MetadataView) {
        self.views.insert(broker.into(), view);
    }

    /// Has a broker tell of the cluster as it is now, whatever changes, until [`Model::release_metadata`].
    pub fn hold_metadata(&mut self, broker: impl Into<BrokerId>) {
        let view = self.metadata_view();
        self.show_metadata(broker, view);
    }

    /// Lets a broker hear of everything. Says whether it was behind.
    pub fn release_metadata(&mut self, broker: impl Into<BrokerId>) -> bool {
        self.views.remove(&broker.into()).is_some()
    }

    pub(crate) fn seen_by(&self, broker: BrokerId) -> Seen<'_> {
        match self.views.get(&broker) {
            Some(view) => Seen { brokers: &view.brokers, topics: &view.topics },
            None => Seen { brokers: &self.brokers, topics: &self.topics },
        }
    }
}

impl Seen<'_> {
    pub(crate) fn name_of(&self, id: Uuid) -> Option<&str> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name.as_str())
    }

    pub(crate) fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(Broker::is_alive)
    }
}
