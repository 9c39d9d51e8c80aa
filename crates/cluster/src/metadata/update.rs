//! How answers change [`Metadata`].
//!
//! The order of leader epochs decides what is news: brokers learn of a change at different times, and an answer may come from one that
//! is behind (KIP-320).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rohrpost_codec::messages::MetadataResponse;
use rohrpost_codec::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use super::{Broker, Metadata, PartitionMetadata, TopicMetadata};
use crate::{HostPort, NodeId};

/// From this version on brokers' leader epochs can be relied on: earlier ones could answer with an epoch that they had not applied.
const RELIABLE_EPOCHS: i16 = 9;

/// What an answer brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Something is newer than before; else the same was said again.
    pub(crate) is_news: bool,
    /// Something is wrong that another answer may set right, such as a partition without a leader.
    pub(crate) is_incomplete: bool,
}

impl Metadata {
    /// Takes an answer over. Topics that `is_wanted` denies are left out, those that the answer does not name stay as they are.
    pub(crate) fn update(
        &mut self,
        response: &MetadataResponse,
        version: i16,
        is_wanted: impl Fn(&ByteStr) -> bool,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let brokers = brokers(response);
        let controller = Some(NodeId(response.controller_id)).filter(|id| !id.is_bootstrap());
        if self.brokers != brokers || self.cluster_id != response.cluster_id {
            outcome.is_news = true;
        }
        let former = core::mem::replace(&mut self.brokers, brokers);
        if former.keys().any(|id| !self.brokers.contains_key(id)) {
            self.drop_missing_leaders(&mut outcome);
        }
        self.cluster_id = response.cluster_id.as_deref().map(ByteStr::copy_from);
        self.controller = controller;
        for topic in &response.topics {
            let Some(name) = &topic.name else { continue };
            if is_wanted(name) {
                self.update_topic(name, topic, version, &mut outcome);
            }
        }
        self.revision += 1;
        outcome
    }

    /// Takes a leader over that a broker named in an answer to something else (KIP-951): only with a newer epoch, only if its address is
    /// known.
    pub(crate) fn apply_hint(
        &mut self,
        topic: &str,
        partition: i32,
        leader: NodeId,
        leader_epoch: i32,
        endpoint: Option<&Broker>,
    ) -> bool {
        let endpoint = endpoint.filter(|broker| broker.id == leader);
        let is_known = endpoint.is_some() || self.brokers.contains_key(&leader);
        let known = self.topics.get_mut(topic).and_then(|topic| topic.partition_mut(partition));
        let Some(known) = known.filter(|_| is_known && !leader.is_bootstrap()) else {
            return false;
        };
        if known.leader_epoch.is_some_and(|epoch| leader_epoch <= epoch) || leader_epoch < 0 {
            return false;
        }
        known.leader = Some(leader);
        known.leader_epoch = Some(leader_epoch);
        if let Some(endpoint) = endpoint {
            self.brokers.insert(leader, endpoint.clone());
        }
        self.revision += 1;
        true
    }

    /// Notes that no broker can know a topic of this name.
    pub(crate) fn refuse_name(&mut self, name: &ByteStr) {
        let partitions = Vec::new();
        let error = ErrorCode::INVALID_TOPIC_EXCEPTION;
        let refused = TopicMetadata {
            name: name.clone(),
            id: Uuid::NIL,
            error,
            is_internal: false,
            partitions,
        };
        self.topics.insert(name.clone(), refused);
        self.revision += 1;
    }

    /// Forgets topics that are no longer wanted.
    pub(crate) fn retain_topics(&mut self, is_wanted: impl Fn(&ByteStr) -> bool) {
        let before = self.topics.len();
        self.topics.retain(|name, _| is_wanted(name));
        if self.topics.len() != before {
            let topics = &self.topics;
            self.names.retain(|_, name| topics.contains_key(name));
            self.revision += 1;
        }
    }

    /// Partitions led by a broker that is gone have no leader, until an answer names one.
    fn drop_missing_leaders(&mut self, outcome: &mut Outcome) {
        let partitions = self.topics.values_mut().flat_map(|topic| &mut topic.partitions);
        for partition in partitions {
            if partition.leader.is_some_and(|leader| !self.brokers.contains_key(&leader)) {
                partition.leader = None;
                outcome.is_incomplete = true;
            }
        }
    }

    fn update_topic(
        &mut self,
        name: &ByteStr,
        response: &MetadataResponseTopic,
        version: i16,
        outcome: &mut Outcome,
    ) {
        let error = response.error_code;
        outcome.is_incomplete |= error.is_invalid_metadata();
        if !self.topics.contains_key(name) {
            outcome.is_news = true;
            // What is kept must not keep the whole answer.
            let name = ByteStr::copy_from(name);
            let (id, partitions) = (Uuid::NIL, Vec::new());
            let topic =
                TopicMetadata { name: name.clone(), id, error, is_internal: false, partitions };
            self.topics.insert(name, topic);
        }
        let Some(known) = self.topics.get_mut(name) else { return };
        if known.error != error {
            known.error = error;
            outcome.is_news = true;
        }
        if !error.is_none() {
            // A broker that starts may not know the topic yet: what was known stays, until the topic is known to be another.
            return;
        }
        known.is_internal = response.is_internal;
        let id = response.topic_id;
        let is_another = id != Uuid::NIL && id != known.id;
        if is_another {
            self.names.remove(&known.id);
            known.id = id;
            outcome.is_news = true;
        }
        let former = core::mem::take(&mut known.partitions);
        let trusts_epochs = version >= RELIABLE_EPOCHS;
        let mut partitions: Vec<PartitionMetadata> = Vec::with_capacity(response.partitions.len());
        for partition in response.partitions.iter().filter(|found| found.partition_index >= 0) {
            let news = read_partition(partition, trusts_epochs);
            let place = former.binary_search_by_key(&news.index, |old| old.index).ok();
            let old = place.and_then(|place| former.get(place)).filter(|_| !is_another);
            partitions.push(newer(old, news, outcome));
        }
        if id != Uuid::NIL && !is_another {
            // The same topic never loses a partition: this broker has not heard of the new ones yet.
            let missing = |old: &&PartitionMetadata| {
                !response.partitions.iter().any(|found| found.partition_index == old.index)
            };
            if former.len() > partitions.len() {
                partitions.extend(former.iter().filter(missing).cloned());
                outcome.is_incomplete = true;
            }
        }
        partitions.sort_by_key(|partition| partition.index);
        partitions.dedup_by_key(|partition| partition.index);
        for partition in &mut partitions {
            partition.leader = partition.leader.filter(|id| self.brokers.contains_key(id));
            outcome.is_incomplete |=
                partition.leader.is_none() || partition.error.is_invalid_metadata();
        }
        outcome.is_news |= former.len() != partitions.len();
        known.partitions = partitions;
        if id != Uuid::NIL {
            self.names.insert(id, known.name.clone());
        }
    }
}

/// The newer of what was known and what is said now.
fn newer(
    old: Option<&PartitionMetadata>,
    news: PartitionMetadata,
    outcome: &mut Outcome,
) -> PartitionMetadata {
    let Some(old) = old else {
        outcome.is_news = true;
        return news;
    };
    match (old.leader_epoch, news.leader_epoch) {
        (Some(known), Some(said)) if said < known => {
            outcome.is_incomplete = true;
            old.clone()
        }
        _ => {
            outcome.is_news |= (old.leader, old.leader_epoch) != (news.leader, news.leader_epoch);
            news
        }
    }
}

fn read_partition(partition: &MetadataResponsePartition, trusts_epochs: bool) -> PartitionMetadata {
    let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId).collect();
    PartitionMetadata {
        index: partition.partition_index,
        error: partition.error_code,
        leader: Some(NodeId(partition.leader_id)).filter(|id| !id.is_bootstrap()),
        leader_epoch: Some(partition.leader_epoch).filter(|&epoch| trusts_epochs && epoch >= 0),
        replicas: nodes(&partition.replica_nodes),
        in_sync: nodes(&partition.isr_nodes),
        offline: nodes(&partition.offline_replicas),
    }
}

/// The brokers of an answer that can be connected to.
pub(crate) fn brokers(response: &MetadataResponse) -> BTreeMap<NodeId, Broker> {
    response.brokers.iter().filter_map(broker).map(|broker| (broker.id, broker)).collect()
}

/// The broker; `None` if it has no address that can be connected to.
fn broker(broker: &MetadataResponseBroker) -> Option<Broker> {
    let id = Some(NodeId(broker.node_id)).filter(|id| !id.is_bootstrap())?;
    let port = u16::try_from(broker.port).ok().filter(|&port| port != 0)?;
    if broker.host.is_empty() {
        return None;
    }
    let address = HostPort::new(broker.host.as_str(), port);
    Some(Broker { id, address, rack: broker.rack.as_deref().map(ByteStr::copy_from) })
}
