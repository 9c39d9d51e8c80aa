//! CreateTopics and DeleteTopics.

use rohrpost_codec::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreateTopicsRequest,
};
use rohrpost_codec::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult, CreateTopicsResponse,
};
use rohrpost_codec::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use rohrpost_codec::messages::delete_topics_response::{
    DeletableTopicResult, DeleteTopicsResponse,
};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{BrokerId, Model, TopicError, TopicSpec};

/// Since then topics can be deleted by their ids.
const STATES_SINCE: i16 = 6;
/// What a configuration that the topic itself has is marked with (`DYNAMIC_TOPIC_CONFIG`).
const TOPIC_CONFIG: i8 = 1;

/// Why a topic was not created: the code, and words.
pub(super) type Failure = (ErrorCode, String);

impl Serve for CreateTopicsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let target = |name: &ByteStr| Target { topic: name.to_string(), partition: None };
        self.topics.iter().map(|topic| target(&topic.name)).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<CreateTopicsResponse> {
        let is_first = |(at, topic): &(usize, &CreatableTopic)| {
            self.topics[..*at].iter().all(|other| other.name != topic.name)
        };
        // A topic that is named twice is answered once.
        let distinct = self.topics.iter().enumerate().filter(is_first);
        let topics = distinct.map(|(_, topic)| {
            let is_double = self.topics.iter().filter(|other| other.name == topic.name).count() > 1;
            let created = match call.verdict.refusal_of(Some(&topic.name)) {
                Some(code) => Err((code, String::new())),
                None if is_double => {
                    Err((ErrorCode::INVALID_REQUEST, "the request names the topic twice".into()))
                }
                None => create(model, topic, self.validate_only),
            };
            let disguise = call.verdict.disguise_of(Some(&topic.name));
            match (created, disguise) {
                (Ok(_), Some(code)) => failed(topic, (code, String::new())),
                (Ok(created), None) => created,
                (Err(failure), _) => failed(topic, failure),
            }
        });
        Reply::With(CreateTopicsResponse {
            topics: topics.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..CreateTopicsResponse::default()
        })
    }
}

fn failed(topic: &CreatableTopic, (error_code, message): Failure) -> CreatableTopicResult {
    let error_message = Some(message).filter(|message| !message.is_empty());
    CreatableTopicResult {
        name: topic.name.clone(),
        error_code,
        error_message: error_message.map(ByteStr::from),
        ..CreatableTopicResult::default()
    }
}

fn create(
    model: &mut Model,
    topic: &CreatableTopic,
    validate_only: bool,
) -> Result<CreatableTopicResult, Failure> {
    let mut spec = TopicSpec::new(topic.name.as_str());
    // -1 is the cluster's default.
    spec.partitions = Some(topic.num_partitions).filter(|&count| count != -1);
    spec.replication_factor = Some(topic.replication_factor).filter(|&factor| factor != -1);
    for config in &topic.configs {
        let value = config.value.as_deref().unwrap_or_default();
        spec.set(&config.name, value).map_err(|words| (ErrorCode::INVALID_CONFIG, words))?;
    }
    let is_assigned = !topic.assignments.is_empty();
    if is_assigned && (spec.partitions, spec.replication_factor) != (None, None) {
        let words = "with replicas assigned, the numbers of partitions and replicas must be -1";
        return Err((ErrorCode::INVALID_REQUEST, words.into()));
    }
    let mut replicas = model.plan(&spec).map_err(|error| (code_of(&error), error.to_string()))?;
    if is_assigned {
        replicas = assigned(model, &topic.assignments)
            .map_err(|words| (ErrorCode::INVALID_REPLICA_ASSIGNMENT, words.into()))?;
    }
    let configs = topic.configs.iter().map(|config| CreatableTopicConfigs {
        name: config.name.clone(),
        value: config.value.clone(),
        config_source: TOPIC_CONFIG,
        ..CreatableTopicConfigs::default()
    });
    let mut result = CreatableTopicResult {
        name: topic.name.clone(),
        error_message: None,
        num_partitions: replicas.len() as i32,
        replication_factor: replicas.first().map_or(-1, |replicas| replicas.len() as i16),
        configs: Some(configs.collect()),
        ..CreatableTopicResult::default()
    };
    if !validate_only {
        result.topic_id = model.insert_topic(&spec.name, spec.config, replicas);
    }
    Ok(result)
}

/// The replicas of each partition, if the client's assignment is one.
fn assigned(
    model: &Model,
    assignments: &[CreatableReplicaAssignment],
) -> Result<Vec<Vec<BrokerId>>, &'static str> {
    let factor = assignments.first().map_or(0, |first| first.broker_ids.len());
    let mut assigned = Vec::new();
    for index in 0..assignments.len() as i32 {
        let assignment = assignments.iter().find(|one| one.partition_index == index);
        let brokers = &assignment.ok_or("the partitions are not 0, 1, 2 and so on")?.broker_ids;
        assigned.push(replicas(model, brokers, factor)?);
    }
    Ok(assigned)
}

/// The replicas of a partition, `factor` of them, if the client's list is one.
pub(super) fn replicas(
    model: &Model,
    brokers: &[i32],
    factor: usize,
) -> Result<Vec<BrokerId>, &'static str> {
    if brokers.is_empty() || brokers.len() != factor {
        return Err("the partitions do not have equally many replicas, one at least");
    }
    let brokers: Vec<_> = brokers.iter().copied().map(BrokerId).collect();
    let is_double = |at: usize| brokers[..at].contains(&brokers[at]);
    if (0..brokers.len()).any(is_double) {
        return Err("a broker has two replicas of a partition");
    }
    if brokers.iter().any(|broker| !model.brokers.contains_key(broker)) {
        return Err("there is no such broker");
    }
    Ok(brokers)
}

pub(super) fn code_of(error: &TopicError) -> ErrorCode {
    match error {
        TopicError::Exists(_) => ErrorCode::TOPIC_ALREADY_EXISTS,
        TopicError::InvalidName(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
        TopicError::InvalidPartitions(_) => ErrorCode::INVALID_PARTITIONS,
        TopicError::InvalidReplicationFactor(_) => ErrorCode::INVALID_REPLICATION_FACTOR,
        TopicError::Unknown(_) | TopicError::UnknownPartition { .. } => {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        }
        TopicError::NotInSync(_) => ErrorCode::INVALID_REQUEST,
    }
}

impl Serve for DeleteTopicsRequest {
    fn targets(&self, model: &Model, version: i16) -> Vec<Target> {
        let named = self.states(version).into_iter().filter_map(|state| match &state.name {
            Some(name) => Some(name.to_string()),
            None => model.name_of(state.topic_id).map(Into::into),
        });
        named.map(|topic| Target { topic, partition: None }).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DeleteTopicsResponse> {
        let states = self.states(call.version);
        let responses = states.into_iter().map(|state| {
            let (name, deleted) = delete(model, call, &state);
            DeletableTopicResult {
                name,
                topic_id: state.topic_id,
                error_code: deleted.err().unwrap_or_default(),
                ..DeletableTopicResult::default()
            }
        });
        Reply::With(DeleteTopicsResponse {
            responses: responses.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..DeleteTopicsResponse::default()
        })
    }
}

trait States {
    /// What is to be deleted, in the form of the newer versions.
    fn states(&self, version: i16) -> Vec<DeleteTopicState>;
}

impl States for DeleteTopicsRequest {
    fn states(&self, version: i16) -> Vec<DeleteTopicState> {
        if version >= STATES_SINCE {
            return self.topics.clone();
        }
        let named = self.topic_names.iter().map(|name| DeleteTopicState {
            name: Some(name.clone()),
            ..DeleteTopicState::default()
        });
        named.collect()
    }
}

fn delete(
    model: &mut Model,
    call: &Call,
    state: &DeleteTopicState,
) -> (Option<ByteStr>, Result<(), ErrorCode>) {
    let name = match &state.name {
        Some(name) if !state.topic_id.is_nil() => {
            return (Some(name.clone()), Err(ErrorCode::INVALID_REQUEST));
        }
        Some(name) => name.to_string(),
        None if state.topic_id.is_nil() => return (None, Err(ErrorCode::INVALID_REQUEST)),
        None => match model.name_of(state.topic_id) {
            Some(name) => name.to_owned(),
            None => return (None, Err(ErrorCode::UNKNOWN_TOPIC_ID)),
        },
    };
    let deleted = match call.verdict.refusal_of(Some(&name)) {
        Some(code) => Err(code),
        None => model.delete_topic(&name).map_err(|error| code_of(&error)),
    };
    let disguise = call.verdict.disguise_of(Some(&name));
    let deleted = deleted.and(disguise.map_or(Ok(()), Err));
    (Some(ByteStr::from(name)), deleted)
}
