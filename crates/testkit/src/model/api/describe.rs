//! DescribeCluster (KIP-700) and DescribeTopicPartitions (KIP-966).

use rohrpost_codec::messages::describe_cluster_response::{
    DescribeClusterBroker, DescribeClusterResponse,
};
use rohrpost_codec::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
};
use rohrpost_codec::messages::{DescribeClusterRequest, DescribeTopicPartitionsRequest};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::model::fault::Target;
use crate::model::operate::is_topic_name;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Model, Partition};

/// The endpoints of brokers, which these are.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;
/// The most partitions of an answer, whatever is asked (`max.request.partition.size.limit`).
const MAX_PARTITIONS: i32 = 2000;

impl Serve for DescribeClusterRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DescribeClusterResponse> {
        let mut response = DescribeClusterResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            cluster_id: ByteStr::copy_from(&model.config.cluster_id),
            controller_id: model.controller(),
            ..DescribeClusterResponse::default()
        };
        let faulted = call.verdict.refusal_of(None).or_else(|| call.verdict.disguise_of(None));
        if let Some(code) = faulted {
            response.error_code = code;
        } else if self.endpoint_type != BROKERS {
            response.error_code = match self.endpoint_type {
                CONTROLLERS => ErrorCode::MISMATCHED_ENDPOINT_TYPE,
                _ => ErrorCode::UNSUPPORTED_ENDPOINT_TYPE,
            };
        } else {
            let seen = model.seen_by(call.broker).brokers;
            let told = seen.values().filter(|b| b.is_alive() || self.include_fenced_brokers);
            let brokers = told.map(|broker| DescribeClusterBroker {
                broker_id: broker.id.0,
                host: ByteStr::copy_from(&broker.host),
                port: broker.port.into(),
                rack: broker.rack.as_deref().map(ByteStr::copy_from),
                is_fenced: !broker.is_alive(),
                ..DescribeClusterBroker::default()
            });
            response.brokers = brokers.collect();
        }
        Reply::With(response)
    }
}

impl Serve for DescribeTopicPartitionsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let target = |name: &ByteStr| Target { topic: name.to_string(), partition: None };
        self.topics.iter().map(|topic| target(&topic.name)).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DescribeTopicPartitionsResponse> {
        let mut names: Vec<String> = match self.topics.is_empty() {
            true => {
                let all = model.seen_by(call.broker).topics.keys();
                all.filter(|name| model.may_describe(call.session, name)).cloned().collect()
            }
            false => self.topics.iter().map(|topic| topic.name.to_string()).collect(),
        };
        names.sort();
        names.dedup();
        let (from, first) = match &self.cursor {
            Some(cursor) => (cursor.topic_name.as_str(), cursor.partition_index),
            None => ("", 0),
        };
        let mut room = self.response_partition_limit.clamp(1, MAX_PARTITIONS) as usize;
        let mut response = DescribeTopicPartitionsResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..DescribeTopicPartitionsResponse::default()
        };
        for name in names.iter().filter(|name| name.as_str() >= from) {
            let skip = if name == from { usize::try_from(first).unwrap_or_default() } else { 0 };
            if room == 0 {
                response.next_cursor = Some(cursor(name, skip));
                break;
            }
            let (topic, next) = model.describe_topic(call, name, skip, room);
            room -= topic.partitions.len();
            response.topics.push(topic);
            if let Some(next) = next {
                response.next_cursor = Some(cursor(name, next));
                break;
            }
        }
        Reply::With(response)
    }
}

fn cursor(name: &str, partition: usize) -> Cursor {
    Cursor {
        topic_name: ByteStr::copy_from(name),
        partition_index: partition as i32,
        ..Cursor::default()
    }
}

impl Model {
    /// Up to `room` partitions of a topic, and the first one that is left out.
    fn describe_topic(
        &self,
        call: &Call,
        name: &str,
        skip: usize,
        room: usize,
    ) -> (DescribeTopicPartitionsResponseTopic, Option<usize>) {
        let mut answer = DescribeTopicPartitionsResponseTopic {
            name: Some(ByteStr::copy_from(name)),
            ..DescribeTopicPartitionsResponseTopic::default()
        };
        let faulted = call.verdict.refusal_of(Some(name));
        if let Some(code) = faulted.or_else(|| call.verdict.disguise_of(Some(name))) {
            answer.error_code = code;
            return (answer, None);
        }
        if !self.may_describe(call.session, name) {
            answer.error_code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
            return (answer, None);
        }
        let Some(topic) = self.seen_by(call.broker).topics.get(name) else {
            answer.error_code = match is_topic_name(name) {
                true => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                false => ErrorCode::INVALID_TOPIC_EXCEPTION,
            };
            return (answer, None);
        };
        answer.topic_id = topic.id;
        let partitions = topic.partitions.iter().enumerate().skip(skip).take(room);
        answer.partitions = partitions
            .map(|(index, partition)| self.describe_partition(index, partition))
            .collect();
        let next = skip + answer.partitions.len();
        (answer, (next < topic.partitions.len()).then_some(next))
    }

    fn describe_partition(
        &self,
        index: usize,
        partition: &Partition,
    ) -> DescribeTopicPartitionsResponsePartition {
        let offline = partition.replicas.iter().filter(|&&replica| !self.is_alive(replica));
        DescribeTopicPartitionsResponsePartition {
            error_code: match partition.leader {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::LEADER_NOT_AVAILABLE,
            },
            partition_index: index as i32,
            leader_id: partition.leader.map_or(-1, |leader| leader.0),
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.iter().map(|replica| replica.0).collect(),
            isr_nodes: partition.isr.iter().map(|replica| replica.0).collect(),
            eligible_leader_replicas: Some([].into()),
            last_known_elr: Some([].into()),
            offline_replicas: offline.map(|replica| replica.0).collect(),
            ..DescribeTopicPartitionsResponsePartition::default()
        }
    }
}
