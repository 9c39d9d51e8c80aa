//! DescribeTransactions, ListTransactions and DescribeProducers: what `kafka-transactions` asks (KIP-664).

use rohrpost_codec::messages::describe_producers_request::TopicRequest;
use rohrpost_codec::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use rohrpost_codec::messages::describe_transactions_response::{TopicData, TransactionState};
use rohrpost_codec::messages::list_transactions_response::TransactionState as Listed;
use rohrpost_codec::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest,
    DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse,
};
use rohrpost_codec::{ByteStr, ErrorCode};

use super::check_id;
use crate::model::fault::Target;
use crate::model::operate::is_topic_name;
use crate::model::request::{Call, Reply, Serve};
use crate::model::transactions::{TransactionMetadata, TransactionState as State};
use crate::model::{Log, Model, Permission};

/// States that Kafka has names for, and no transaction here is ever in.
const OTHER_STATES: [&str; 2] = ["Dead", "PrepareEpochFence"];

impl Serve for DescribeTransactionsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DescribeTransactionsResponse> {
        let described = self.transactional_ids.iter().map(|id| {
            let found = call.faulted(|| {
                if !model.may_describe_id(call, id) {
                    return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
                }
                check_id(model, call, id)?;
                model.transaction(id).ok_or(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)
            });
            match found {
                Ok(metadata) => describe(model, call, id, metadata),
                Err(error_code) => TransactionState {
                    transactional_id: id.clone(),
                    error_code,
                    ..TransactionState::default()
                },
            }
        });
        let transaction_states = described.collect();
        Reply::With(DescribeTransactionsResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            transaction_states,
            ..DescribeTransactionsResponse::default()
        })
    }
}

fn describe(
    model: &Model,
    call: &Call,
    id: &ByteStr,
    metadata: &TransactionMetadata,
) -> TransactionState {
    let mut topics: Vec<(&str, Vec<i32>)> = Vec::new();
    for (topic, index) in metadata.partitions() {
        match topics.last_mut() {
            Some((last, indexes)) if *last == topic => indexes.push(index),
            _ if model.may_describe(call.session, topic) => topics.push((topic, vec![index])),
            _ => {}
        }
    }
    let topics = topics.into_iter().map(|(topic, partitions)| TopicData {
        topic: ByteStr::copy_from(topic),
        partitions: partitions.into_iter().collect(),
        ..TopicData::default()
    });
    TransactionState {
        transactional_id: id.clone(),
        transaction_state: ByteStr::from_static(metadata.state().name()),
        transaction_timeout_ms: i32::try_from(metadata.timeout().as_millis()).unwrap_or(i32::MAX),
        transaction_start_time_ms: metadata.started_ms(),
        producer_id: metadata.producer_id().0,
        producer_epoch: metadata.producer_epoch().0,
        topics: topics.collect(),
        ..TransactionState::default()
    }
}

impl Serve for ListTransactionsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<ListTransactionsResponse> {
        let mut response = ListTransactionsResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..ListTransactionsResponse::default()
        };
        let is_loading = || match model.is_loading(call.broker) {
            true => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            false => Ok(()),
        };
        if let Err(code) = call.faulted(is_loading) {
            response.error_code = code;
            return Reply::With(response);
        }
        let is_known = |name: &ByteStr| {
            State::ALL.iter().any(|state| state.name() == name.as_str())
                || OTHER_STATES.contains(&name.as_str())
        };
        let unknown = self.state_filters.iter().filter(|name| !is_known(name));
        response.unknown_state_filters = unknown.cloned().collect();
        let is_wanted = |metadata: &TransactionMetadata| {
            let lasts = call.now.wall_ms - metadata.started_ms();
            let name = metadata.state().name();
            (self.producer_id_filters.is_empty()
                || self.producer_id_filters.contains(&metadata.producer_id().0))
                && (self.state_filters.is_empty()
                    || self.state_filters.iter().any(|wanted| wanted.as_str() == name))
                && (self.duration_filter < 0 || lasts > self.duration_filter)
        };
        let ours = model.transactions().filter(|(id, metadata)| {
            model.coordinator_of(id) == Some(call.broker)
                && is_wanted(metadata)
                && model.may_describe_id(call, id)
        });
        let listed = ours.map(|(id, metadata)| Listed {
            transactional_id: ByteStr::copy_from(id),
            producer_id: metadata.producer_id().0,
            transaction_state: ByteStr::from_static(metadata.state().name()),
            ..Listed::default()
        });
        response.transaction_states = listed.collect();
        Reply::With(response)
    }
}

impl Serve for DescribeProducersRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let target = |topic: &TopicRequest, partition| Target {
            topic: topic.name.to_string(),
            partition: Some(partition),
        };
        let partitions = self.topics.iter().flat_map(|topic| {
            topic.partition_indexes.iter().copied().map(move |partition| target(topic, partition))
        });
        partitions.collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DescribeProducersResponse> {
        let topics = self.topics.iter().map(|topic| TopicResponse {
            name: topic.name.clone(),
            partitions: (topic.partition_indexes.iter().copied())
                .map(|index| producers(model, call, &topic.name, index))
                .collect(),
            ..TopicResponse::default()
        });
        let topics = topics.collect();
        Reply::With(DescribeProducersResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            topics,
            ..DescribeProducersResponse::default()
        })
    }
}

fn producers(model: &Model, call: &Call, topic: &str, index: i32) -> PartitionResponse {
    let mut answer = PartitionResponse { partition_index: index, ..PartitionResponse::default() };
    let faulted =
        call.verdict.refusal(topic, index).or_else(|| call.verdict.disguise(topic, index));
    let found = match faulted {
        Some(code) => Err(code),
        None if !is_topic_name(topic) => Err(ErrorCode::INVALID_TOPIC_EXCEPTION),
        None if model.is_denied(call.session, &Permission::ReadTopic(topic.into())) => {
            Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED)
        }
        None => model.led_partition(call, topic, index, -1),
    };
    match found {
        Ok(partition) => answer.active_producers = active(&partition.log),
        Err(code) => answer.error_code = code,
    }
    answer
}

fn active(log: &Log) -> Vec<ProducerState> {
    let states = log.producers().iter().map(|(id, state)| ProducerState {
        producer_id: id.0,
        producer_epoch: state.epoch().0.into(),
        last_sequence: state.window().last().map_or(-1, |batch| batch.last_sequence.0),
        last_timestamp: state.last_timestamp(),
        coordinator_epoch: state.coordinator_epoch(),
        current_txn_start_offset: state.transaction_start().unwrap_or(-1),
        ..ProducerState::default()
    });
    states.collect()
}

impl Model {
    fn may_describe_id(&self, call: &Call, id: &str) -> bool {
        !self.is_denied(call.session, &Permission::DescribeTransactionalId(id.into()))
    }
}
