//! OffsetFetch (KIP-447, KIP-709).

use rohrpost_codec::messages::offset_fetch_request::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use rohrpost_codec::messages::offset_fetch_response::{
    OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Model, Permission};

/// Since then a request is for several groups.
const GROUPS_SINCE: i16 = 8;
/// Since then topics go by their ids.
const IDS_SINCE: i16 = 10;
/// Since then the answer has a code of its own; before, each partition has it.
const CODES_SINCE: i16 = 2;

impl Serve for OffsetFetchRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let mut targets = Vec::new();
        for topic in self.topics.iter().flatten() {
            targets.extend(
                topic
                    .partition_indexes
                    .iter()
                    .copied()
                    .map(|index| Target { topic: topic.name.to_string(), partition: Some(index) }),
            );
        }
        for topic in self.groups.iter().flat_map(|group| group.topics.iter().flatten()) {
            targets.extend(
                topic
                    .partition_indexes
                    .iter()
                    .copied()
                    .map(|index| Target { topic: topic.name.to_string(), partition: Some(index) }),
            );
        }
        targets
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<OffsetFetchResponse> {
        let mut response = OffsetFetchResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..OffsetFetchResponse::default()
        };
        let stable = self.require_stable;
        if call.version >= GROUPS_SINCE {
            let groups = self.groups.iter().map(|group| offsets(model, call, group, stable));
            response.groups = groups.collect();
            return Reply::With(response);
        }
        let topics = self.topics.map(|topics| {
            let each = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..OffsetFetchRequestTopics::default()
            });
            each.collect()
        });
        let group = OffsetFetchRequestGroup {
            group_id: self.group_id,
            topics,
            ..OffsetFetchRequestGroup::default()
        };
        let mut found = offsets(model, call, &group, stable);
        if !found.error_code.is_none() && call.version < CODES_SINCE {
            let asked = group.topics.iter().flatten();
            found.topics = asked.map(|topic| refused(topic, found.error_code)).collect();
        }
        response.error_code = found.error_code;
        response.topics = found.topics.into_iter().map(of_one_group).collect();
        Reply::With(response)
    }
}

fn of_one_group(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|p| OffsetFetchResponsePartition {
        partition_index: p.partition_index,
        committed_offset: p.committed_offset,
        committed_leader_epoch: p.committed_leader_epoch,
        metadata: p.metadata,
        error_code: p.error_code,
        ..OffsetFetchResponsePartition::default()
    });
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: partitions.collect(),
        ..OffsetFetchResponseTopic::default()
    }
}

fn offsets(
    model: &Model,
    call: &Call,
    asked: &OffsetFetchRequestGroup,
    stable: bool,
) -> OffsetFetchResponseGroup {
    let group = asked.group_id.as_str();
    let mut answer = OffsetFetchResponseGroup {
        group_id: asked.group_id.clone(),
        ..OffsetFetchResponseGroup::default()
    };
    let served = call.faulted(|| {
        if model.is_denied(call.session, &Permission::DescribeGroup(group.into())) {
            return Err(ErrorCode::GROUP_AUTHORIZATION_FAILED);
        }
        model.check_coordinator(call.broker, group)
    });
    if let Err(code) = served {
        answer.error_code = code;
        return answer;
    }
    answer.topics = match &asked.topics {
        Some(topics) => {
            topics.iter().map(|topic| of_topic(model, call, group, topic, stable)).collect()
        }
        None => all(model, call, group, stable),
    };
    answer
}

/// Every offset that the group has, of topics that the client may hear of.
fn all(model: &Model, call: &Call, group: &str, stable: bool) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    for (topic, index) in model.groups.places(group) {
        if !model.may_describe(call.session, &topic) {
            continue;
        }
        let partition = of_partition(model, group, &topic, index, stable);
        match topics.last_mut().filter(|last| *last.name == *topic) {
            Some(last) => last.partitions.push(partition),
            None => topics.push(OffsetFetchResponseTopics {
                topic_id: model.topic(&topic).map_or(Uuid::NIL, |topic| topic.id),
                name: ByteStr::from(topic),
                partitions: vec![partition],
                ..OffsetFetchResponseTopics::default()
            }),
        }
    }
    if call.version >= IDS_SINCE {
        // Topics that are deleted have no id to be told by.
        topics.retain(|topic| !topic.topic_id.is_nil());
    }
    topics
}

fn of_topic(
    model: &Model,
    call: &Call,
    group: &str,
    asked: &OffsetFetchRequestTopics,
    stable: bool,
) -> OffsetFetchResponseTopics {
    let seen = model.seen_by(call.broker);
    let name = match call.version {
        IDS_SINCE.. => seen.name_of(asked.topic_id),
        _ => Some(asked.name.as_str()),
    };
    let Some(name) = name else { return refused(asked, ErrorCode::UNKNOWN_TOPIC_ID) };
    if !model.may_describe(call.session, name) {
        return refused(asked, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    }
    let partitions = asked.partition_indexes.iter().copied().map(|index| {
        let code = call.verdict.refusal(name, index);
        match code.or_else(|| call.verdict.disguise(name, index)) {
            Some(code) => nothing(index, code),
            None => of_partition(model, group, name, index, stable),
        }
    });
    OffsetFetchResponseTopics {
        name: asked.name.clone(),
        topic_id: asked.topic_id,
        partitions: partitions.collect(),
        ..OffsetFetchResponseTopics::default()
    }
}

fn of_partition(
    model: &Model,
    group: &str,
    topic: &str,
    index: i32,
    stable: bool,
) -> OffsetFetchResponsePartitions {
    match model.groups.offset(group, &(topic.to_owned(), index), stable) {
        Err(code) => nothing(index, code),
        Ok(None) => nothing(index, ErrorCode::NONE),
        Ok(Some(found)) => OffsetFetchResponsePartitions {
            partition_index: index,
            committed_offset: found.offset,
            committed_leader_epoch: found.leader_epoch.unwrap_or(-1),
            metadata: Some(ByteStr::copy_from(&found.metadata)),
            ..OffsetFetchResponsePartitions::default()
        },
    }
}

fn nothing(index: i32, error_code: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(ByteStr::default()),
        error_code,
        ..OffsetFetchResponsePartitions::default()
    }
}

fn refused(asked: &OffsetFetchRequestTopics, code: ErrorCode) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics {
        name: asked.name.clone(),
        topic_id: asked.topic_id,
        partitions: asked
            .partition_indexes
            .iter()
            .copied()
            .map(|index| nothing(index, code))
            .collect(),
        ..OffsetFetchResponseTopics::default()
    }
}
