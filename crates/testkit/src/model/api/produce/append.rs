//! One partition's append, and what keeps it from happening.

use bytes::Bytes;
use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::messages::produce_request::PartitionProduceData;
use rohrpost_records::ProducerStamp;

use super::ALL;
use crate::model::Model;
use crate::model::log::{AppendContext, Appended};
use crate::model::request::Call;
use crate::model::topic::{TimestampType, TopicConfig};
use crate::model::validate::{
    Limits, Refusal, check_batch, is_transactional, only_batch_of, producer_of,
};

/// Since then a client takes part in transaction version 2 (KIP-890).
const VERSION_2_SINCE: i16 = 12;
/// Since then a client understands TRANSACTION_ABORTABLE.
const ABORTABLE_SINCE: i16 = 11;
/// How far ahead of the broker's clock a timestamp may be, ms (`message.timestamp.after.max.ms`).
const TIMESTAMP_AFTER_MAX: i64 = 60 * 60 * 1000;

/// An append that did not happen.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// Where the log begins, for refusals that Kafka makes with the log in hand; else -1.
    pub(super) log_start_offset: i64,
}

impl From<ErrorCode> for Refused {
    fn from(error_code: ErrorCode) -> Self {
        Refusal { error_code, message: String::new(), record_errors: Vec::new() }.into()
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, log_start_offset: -1 }
    }
}

/// Appends what a request has for a partition: the last of its batches that has the form of one. Any that has not is what is answered.
pub(super) fn append(
    model: &mut Model,
    call: &Call,
    request: &ProduceRequest,
    name: &str,
    data: &[&PartitionProduceData],
) -> Result<Appended, Refused> {
    let index = data.first().map_or(-1, |data| data.index);
    if !model.may_write(call.session, name) {
        return Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED.into());
    }
    if let Some(code) = call.verdict.refusal(name, index) {
        return Err(code.into());
    }
    model.find_partition(call, name, index)?;
    let mut good = None;
    let mut bad = None;
    for data in data {
        match only_batch_of(data, call.version) {
            Ok(batch) => good = Some(batch),
            Err(refusal) => bad = Some(Refused::from(refusal)),
        }
    }
    let appended = good.map(|batch| append_batch(model, call, request, (name, index), &batch));
    match (bad, appended) {
        (Some(bad), _) => Err(bad),
        (None, Some(appended)) => appended,
        (None, None) => Err(ErrorCode::INVALID_RECORD.into()),
    }
}

fn append_batch(
    model: &mut Model,
    call: &Call,
    request: &ProduceRequest,
    (name, index): (&str, i32),
    batch: &Bytes,
) -> Result<Appended, Refused> {
    let retention_bytes = model.config.retention_bytes;
    let verifies =
        model.config.transaction_partition_verification || call.version >= VERSION_2_SINCE;
    if let Some(producer) = wanting_transaction(batch).filter(|_| verifies) {
        let id = request.transactional_id.as_deref().unwrap_or_default();
        if model.begin_verification(call, (name, index), &producer)? {
            model.verify(call, id, &producer, (name, index))?;
        }
    }
    if !(ALL..=1).contains(&request.acks) {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
    }
    let config = model.find_partition(call, name, index)?;
    let partition = model.partition_mut(name, index);
    let partition = partition.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let partition = partition.known_to_mut(call.broker);
    if partition.leader != Some(call.broker) {
        return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into());
    }
    let log_start_offset = partition.log.start_offset();
    let by_log = |refused: Refused| match refused.refusal.error_code {
        ErrorCode::CORRUPT_MESSAGE | ErrorCode::MESSAGE_TOO_LARGE => refused,
        _ => Refused { log_start_offset, ..refused },
    };
    if request.acks == ALL && !partition.has_enough_replicas(config.min_insync_replicas) {
        return Err(by_log(ErrorCode::NOT_ENOUGH_REPLICAS.into()));
    }
    let limits = limits(&config, call.now.wall_ms);
    let batch = check_batch(batch, &limits).map_err(|refusal| by_log(refusal.into()))?;
    let is_broker_time = config.timestamp_type == TimestampType::LogAppendTime;
    let context = AppendContext {
        now: call.now.elapsed,
        log_append_time: is_broker_time.then_some(call.now.wall_ms),
        leader_epoch: partition.leader_epoch,
    };
    let appended = partition.log.append(&batch, context).map_err(|code| by_log(code.into()))?;
    model.replicate(name, index);
    if let Some(limit) = config.retention_bytes.or(retention_bytes) {
        if let Some(partition) = model.partition_mut(name, index) {
            partition.known_to_mut(call.broker).log.retain_bytes(limit);
        }
    }
    if appended.is_duplicate {
        model.stats.duplicates += 1;
    } else {
        model.stats.batches += 1;
        model.stats.records += u64::from(batch.header().record_count.unsigned_abs());
        model.stats.bytes += batch.bytes().len() as u64;
        model.changes += 1;
    }
    Ok(appended)
}

/// The producer of a batch that is part of a transaction; without a producer the mark means nothing.
pub(super) fn wanting_transaction(batch: &Bytes) -> Option<ProducerStamp> {
    let producer = producer_of(batch).filter(|producer| producer.producer_id.is_some())?;
    is_transactional(batch).is_ok_and(|is_one| is_one).then_some(producer)
}

fn limits(config: &TopicConfig, wall_ms: i64) -> Limits {
    let is_producers_time = config.timestamp_type == TimestampType::CreateTime;
    Limits {
        max_message_bytes: config.max_message_bytes,
        is_compacted: config.is_compacted,
        max_timestamp: is_producers_time.then(|| wall_ms.saturating_add(TIMESTAMP_AFTER_MAX)),
    }
}

impl Model {
    /// A leader notes that a producer wants to begin a transaction, before it asks the coordinator. Says whether it has to ask: not
    /// about a transaction that is open in the partition.
    fn begin_verification(
        &mut self,
        call: &Call,
        (name, index): (&str, i32),
        producer: &ProducerStamp,
    ) -> Result<bool, ErrorCode> {
        let partition = self.partition_mut(name, index);
        let partition = partition.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let partition = partition.known_to_mut(call.broker);
        if partition.leader != Some(call.broker) {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        let state = partition.log.producers().get(&producer.producer_id);
        if let Some(state) = state {
            if producer.producer_epoch < state.epoch() {
                return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
            }
            if state.transaction_start().is_some() && producer.producer_epoch == state.epoch() {
                return Ok(false);
            }
        }
        partition.log.begin_verification(producer, call.version >= VERSION_2_SINCE);
        Ok(true)
    }

    /// Asks the transaction coordinator whether the partition is part of the producer's transaction, or has it added (KIP-890).
    fn verify(
        &mut self,
        call: &Call,
        transactional_id: &str,
        producer: &ProducerStamp,
        (name, index): (&str, i32),
    ) -> Result<(), ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let who = (producer.producer_id, producer.producer_epoch);
        let place = (name.to_owned(), index);
        let verified = match self.reach_coordinator(call.broker, transactional_id) {
            Err(code) => Err(code),
            Ok(()) if call.version < VERSION_2_SINCE => {
                self.verify_in_transaction(transactional_id, who, &place)
            }
            Ok(()) => self.add_implicitly(transactional_id, who, place, call.now),
        };
        // What older clients would not know how to take.
        verified.map_err(|code| match code {
            ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::TRANSACTION_ABORTABLE if call.version < ABORTABLE_SINCE => {
                ErrorCode::INVALID_TXN_STATE
            }
            ErrorCode::CONCURRENT_TRANSACTIONS if call.version >= VERSION_2_SINCE => code,
            ErrorCode::CONCURRENT_TRANSACTIONS
            | ErrorCode::NETWORK_EXCEPTION
            | ErrorCode::NOT_COORDINATOR
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => ErrorCode::NOT_ENOUGH_REPLICAS,
            code => code,
        })
    }

    /// The configuration of the topic of a partition that is there, and that the broker knows.
    pub(super) fn find_partition(
        &self,
        call: &Call,
        name: &str,
        index: i32,
    ) -> Result<TopicConfig, ErrorCode> {
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let index = usize::try_from(index).map_err(|_| unknown)?;
        let known = self.seen_by(call.broker).topics.get(name).ok_or(unknown)?;
        let topic = self.topics.get(name).filter(|topic| topic.id == known.id).ok_or(unknown)?;
        if index >= known.partitions.len().min(topic.partitions.len()) {
            return Err(unknown);
        }
        Ok(topic.config)
    }
}
