//! CreatePartitions.

use rohrpost_codec::messages::create_partitions_request::{
    CreatePartitionsRequest, CreatePartitionsTopic,
};
use rohrpost_codec::messages::create_partitions_response::{
    CreatePartitionsResponse, CreatePartitionsTopicResult,
};
use rohrpost_codec::{ByteStr, ErrorCode};

use super::topics::{Failure, code_of, replicas};
use crate::model::Model;
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};

impl Serve for CreatePartitionsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let target = |name: &ByteStr| Target { topic: name.to_string(), partition: None };
        self.topics.iter().map(|topic| target(&topic.name)).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<CreatePartitionsResponse> {
        let results = self.topics.iter().map(|topic| {
            let grown = match call.verdict.refusal_of(Some(&topic.name)) {
                Some(code) => Err((code, String::new())),
                None => grow(model, topic, self.validate_only),
            };
            let disguise = call.verdict.disguise_of(Some(&topic.name));
            let grown = grown.and(disguise.map_or(Ok(()), |code| Err((code, String::new()))));
            let (error_code, message) = grown.err().unwrap_or_default();
            CreatePartitionsTopicResult {
                name: topic.name.clone(),
                error_code,
                error_message: Some(message).filter(|words| !words.is_empty()).map(ByteStr::from),
                ..CreatePartitionsTopicResult::default()
            }
        });
        Reply::With(CreatePartitionsResponse {
            results: results.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..CreatePartitionsResponse::default()
        })
    }
}

fn grow(
    model: &mut Model,
    topic: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), Failure> {
    let planned = model.plan_partitions(&topic.name, topic.count);
    let mut added = planned.map_err(|error| (code_of(&error), error.to_string()))?;
    if let Some(assignments) = &topic.assignments {
        let wrong = |words: &str| (ErrorCode::INVALID_REPLICA_ASSIGNMENT, words.to_owned());
        if assignments.len() != added.len() {
            return Err(wrong("not every new partition has replicas assigned"));
        }
        let factor = added.first().map_or(0, Vec::len);
        for (planned, assigned) in added.iter_mut().zip(assignments) {
            *planned = replicas(model, &assigned.broker_ids, factor).map_err(wrong)?;
        }
    }
    if !validate_only {
        model.extend_topic(&topic.name, added);
    }
    Ok(())
}
