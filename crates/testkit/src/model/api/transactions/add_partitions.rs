//! AddPartitionsToTxn: up to version 3 from clients; later from brokers, which ask for many transactional ids, and may only want to know
//! (KIP-890).

use rohrpost_codec::messages::AddPartitionsToTxnRequest;
use rohrpost_codec::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use rohrpost_codec::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResponse, AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
};
use rohrpost_codec::{ByteStr, ErrorCode};
use rohrpost_records::{ProducerEpoch, ProducerId};

use super::{FENCED_SINCE, check_id, code_of};
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Model, Permission};

/// Since then it is for brokers.
const BROKERS_SINCE: i16 = 4;

impl Serve for AddPartitionsToTxnRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let topics = self.transactions.iter().flat_map(|transaction| &transaction.topics);
        let all = topics.chain(&self.v3_and_below_topics);
        let target = |topic: &AddPartitionsToTxnTopic, partition| Target {
            topic: topic.name.to_string(),
            partition: Some(partition),
        };
        all.flat_map(|topic| topic.partitions.iter().copied().map(move |p| target(topic, p)))
            .collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<AddPartitionsToTxnResponse> {
        let mut response = AddPartitionsToTxnResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..AddPartitionsToTxnResponse::default()
        };
        if call.version < BROKERS_SINCE {
            let transaction = AddPartitionsToTxnTransaction {
                transactional_id: self.v3_and_below_transactional_id,
                producer_id: self.v3_and_below_producer_id,
                producer_epoch: self.v3_and_below_producer_epoch,
                topics: self.v3_and_below_topics,
                ..AddPartitionsToTxnTransaction::default()
            };
            response.results_by_topic_v3_and_below = add(model, call, &transaction);
        } else if model.is_denied(call.session, &Permission::ClusterAction) {
            response.error_code = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
        } else if model.transaction_version() < 1
            && self.transactions.iter().any(|transaction| !transaction.verify_only)
        {
            // Seen on Kafka 4.3.1.
            response.error_code = ErrorCode::UNSUPPORTED_VERSION;
        } else {
            let answered = self.transactions.iter().map(|transaction| AddPartitionsToTxnResult {
                transactional_id: transaction.transactional_id.clone(),
                topic_results: add(model, call, transaction),
                ..AddPartitionsToTxnResult::default()
            });
            response.results_by_transaction = answered.collect();
        }
        Reply::With(response)
    }
}

/// Adds all partitions of a transaction, or none.
fn add(
    model: &mut Model,
    call: &Call,
    asked: &AddPartitionsToTxnTransaction,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let is_client = call.version < BROKERS_SINCE;
    if is_client && !model.may_use(call.session, &asked.transactional_id) {
        return answer(asked, |_, _| ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    }
    let refusal = |model: &Model, topic: &ByteStr, index| {
        if let Some(code) = call.verdict.refusal(topic, index) {
            return code;
        }
        if is_client && !model.may_write(call.session, topic) {
            return ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        }
        let seen = model.seen_by(call.broker);
        let known = seen.topics.get(topic.as_str());
        let partitions = known.map_or(0, |known| known.partitions.len());
        match usize::try_from(index).is_ok_and(|index| index < partitions) {
            true => ErrorCode::NONE,
            false => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        }
    };
    let mut all = asked
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().copied().map(move |p| (topic, p)));
    if all.any(|(topic, index)| !refusal(model, &topic.name, index).is_none()) {
        return answer(asked, |topic, index| match refusal(model, topic, index) {
            ErrorCode::NONE => ErrorCode::OPERATION_NOT_ATTEMPTED,
            code => code,
        });
    }
    let who = (ProducerId(asked.producer_id), ProducerEpoch(asked.producer_epoch));
    let id = asked.transactional_id.as_str();
    let outcome = check_id(model, call, id);
    if asked.verify_only {
        return answer(asked, |topic, index| {
            let place = (topic.to_string(), index);
            let verified = outcome.and_then(|()| model.verify_in_transaction(id, who, &place));
            let code = verified.err().unwrap_or_default();
            call.verdict.disguise(topic, index).filter(|_| code.is_none()).unwrap_or(code)
        });
    }
    let places = asked.topics.iter().flat_map(|topic| {
        topic.partitions.iter().copied().map(|index| (topic.name.to_string(), index))
    });
    let added = outcome.and_then(|()| model.add_to_transaction(id, who, places, call.now));
    let code = code_of(added.err(), call.version, FENCED_SINCE);
    answer(asked, |topic, index| {
        call.verdict.disguise(topic, index).filter(|_| code.is_none()).unwrap_or(code)
    })
}

/// An answer for each partition.
fn answer(
    asked: &AddPartitionsToTxnTransaction,
    code: impl Fn(&ByteStr, i32) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let result = |topic: &ByteStr, index| AddPartitionsToTxnPartitionResult {
        partition_index: index,
        partition_error_code: code(topic, index),
        ..AddPartitionsToTxnPartitionResult::default()
    };
    let topics = asked.topics.iter().map(|topic| AddPartitionsToTxnTopicResult {
        name: topic.name.clone(),
        results_by_partition: topic
            .partitions
            .iter()
            .copied()
            .map(|p| result(&topic.name, p))
            .collect(),
        ..AddPartitionsToTxnTopicResult::default()
    });
    topics.collect()
}
