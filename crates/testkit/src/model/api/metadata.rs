//! Metadata: who the brokers are, and who leads what.

use rohrpost_codec::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use rohrpost_codec::messages::metadata_response::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::model::fault::Target;
use crate::model::operate::is_topic_name;
use crate::model::request::{Call, Reply, Serve};
use crate::model::view::Seen;
use crate::model::{Model, Partition, Topic, TopicSpec};

/// Since then a client says whether it wants topics to be created; before, they are.
const AUTO_CREATION_SINCE: i16 = 4;
/// Since then the answer as a whole has an error code.
const REBOOTSTRAP_SINCE: i16 = 13;

impl Serve for MetadataRequest {
    fn targets(&self, model: &Model, version: i16) -> Vec<Target> {
        let target = |name: &str| Target { topic: name.into(), partition: None };
        let Some(asked) = asked(self, version) else {
            return model.topics.keys().map(|name| target(name)).collect();
        };
        let names = asked.iter().filter_map(|topic| match &topic.name {
            Some(name) => Some(name.as_str()),
            None => model.name_of(topic.topic_id),
        });
        names.map(target).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<MetadataResponse> {
        let may_create = model.config.auto_create_topics
            && (self.allow_auto_topic_creation || call.version < AUTO_CREATION_SINCE);
        // The one code that is about the whole answer (KIP-1102).
        let is_lost = call.verdict.refusal_of(None) == Some(ErrorCode::REBOOTSTRAP_REQUIRED);
        if is_lost && call.version >= REBOOTSTRAP_SINCE {
            return Reply::With(MetadataResponse {
                throttle_time_ms: call.verdict.throttle_ms(),
                error_code: ErrorCode::REBOOTSTRAP_REQUIRED,
                ..MetadataResponse::default()
            });
        }
        let topics = match asked(&self, call.version) {
            Some(asked) => {
                asked.iter().map(|topic| model.describe(call, topic, may_create)).collect()
            }
            None => {
                let seen = model.seen_by(call.broker);
                let all =
                    seen.topics.iter().filter(|(name, _)| model.may_describe(call.session, name));
                all.map(|(name, topic)| seen.topic_metadata(call, name, topic)).collect()
            }
        };
        Reply::With(MetadataResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            brokers: model.seen_by(call.broker).broker_metadata(),
            cluster_id: Some(ByteStr::copy_from(&model.config.cluster_id)),
            controller_id: model.controller(),
            topics,
            ..MetadataResponse::default()
        })
    }
}

/// The topics that a request names; `None` if it wants all. No list in version 0 is an empty one.
fn asked(request: &MetadataRequest, version: i16) -> Option<&[MetadataRequestTopic]> {
    let asked = request.topics.as_deref()?;
    (version > 0 || !asked.is_empty()).then_some(asked)
}

impl Model {
    /// The broker that stands for the controller: the first that is up, or none (-1).
    pub(super) fn controller(&self) -> i32 {
        self.brokers.values().find(|broker| broker.is_alive()).map_or(-1, |broker| broker.id.0)
    }

    fn describe(
        &mut self,
        call: &Call,
        asked: &MetadataRequestTopic,
        may_create: bool,
    ) -> MetadataResponseTopic {
        let failed = |error_code| MetadataResponseTopic {
            error_code,
            name: asked.name.clone(),
            topic_id: asked.topic_id,
            ..MetadataResponseTopic::default()
        };
        let seen = self.seen_by(call.broker);
        let name = match &asked.name {
            Some(name) if !self.may_describe(call.session, name) => {
                return failed(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
            }
            Some(name) => name.as_str(),
            None => match seen.name_of(asked.topic_id) {
                Some(name) if !self.may_describe(call.session, name) => {
                    return failed(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
                }
                Some(name) => name,
                None => return failed(ErrorCode::UNKNOWN_TOPIC_ID),
            },
        };
        let code = call.verdict.refusal_of(Some(name)).or(call.verdict.disguise_of(Some(name)));
        if let Some(code) = code {
            return failed(code);
        }
        if let Some(topic) = seen.topics.get(name) {
            return seen.topic_metadata(call, name, topic);
        }
        if !is_topic_name(name) {
            return failed(ErrorCode::INVALID_TOPIC_EXCEPTION);
        }
        if may_create {
            // The topic is there when the client asks again: that is how a cluster answers that creates it meanwhile.
            let name = name.to_owned();
            let _ = self.create_topic(&TopicSpec::new(name));
        }
        failed(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    }
}

impl Seen<'_> {
    fn broker_metadata(&self) -> Vec<MetadataResponseBroker> {
        let up = self.brokers.values().filter(|broker| broker.is_alive());
        let described = up.map(|broker| MetadataResponseBroker {
            node_id: broker.id.0,
            host: ByteStr::copy_from(&broker.host),
            port: broker.port.into(),
            rack: broker.rack.as_deref().map(ByteStr::copy_from),
            ..MetadataResponseBroker::default()
        });
        described.collect()
    }

    fn topic_metadata(&self, call: &Call, name: &str, topic: &Topic) -> MetadataResponseTopic {
        let faulted = call.verdict.refusal_of(Some(name));
        let error_code = faulted.or_else(|| call.verdict.disguise_of(Some(name)));
        let error_code = error_code.unwrap_or_default();
        let partitions = (0..).zip(&topic.partitions);
        let partitions =
            partitions.map(|(index, partition)| self.partition_metadata(index, partition));
        MetadataResponseTopic {
            error_code,
            name: Some(ByteStr::copy_from(name)),
            topic_id: topic.id,
            partitions: if error_code.is_none() { partitions.collect() } else { Vec::new() },
            ..MetadataResponseTopic::default()
        }
    }

    fn partition_metadata(&self, index: i32, partition: &Partition) -> MetadataResponsePartition {
        let offline = partition.replicas.iter().filter(|&&replica| !self.is_alive(replica));
        MetadataResponsePartition {
            error_code: match partition.leader {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::LEADER_NOT_AVAILABLE,
            },
            partition_index: index,
            leader_id: partition.leader.map_or(-1, |leader| leader.0),
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.iter().map(|replica| replica.0).collect(),
            isr_nodes: partition.isr.iter().map(|replica| replica.0).collect(),
            offline_replicas: offline.map(|replica| replica.0).collect(),
            ..MetadataResponsePartition::default()
        }
    }
}
