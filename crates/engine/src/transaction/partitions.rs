//! How partitions join a transaction of version 1: AddPartitionsToTxn.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::{Answer, Time};
use rohrpost_codec::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use rohrpost_codec::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode, VersionRange};

use super::TransactionError;
use super::requests::{Refusal, Sending};
use super::state::{Begun, Gate, Question, State};
use crate::engine::Engine;
use crate::ids::PartitionIndex;

/// Later versions are for brokers.
const ADD_PARTITIONS: VersionRange = VersionRange::new(0, 3);

/// The pause after CONCURRENT_TRANSACTIONS while no partition has joined: the markers of the transaction before are being written, which takes
/// milliseconds (Java's).
const CONCURRENT_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    /// A partition has something to send, and the gate keeps it back.
    pub(crate) fn want_in_transaction(&mut self, index: PartitionIndex) {
        let Some(of) = &mut self.transactions else { return };
        let Gate::Members { number, before } = of.gate() else { return };
        let partition = &self.partitions[index.at()];
        let is_of_it = partition.queue.front_born().is_some_and(|born| born < before);
        if is_of_it && partition.enrolled != number && !of.is_being_added(index) {
            of.wanted.insert(index);
        }
    }

    pub(super) fn want_again(&mut self, partitions: Vec<PartitionIndex>) {
        let Some(of) = &mut self.transactions else { return };
        if of.is_whole() {
            of.wanted.extend(partitions);
        }
    }

    pub(super) fn add_partitions(&mut self, now: Time) {
        let Some(node) = self.ready_coordinator(now) else { return };
        let needed_for = "add a partition to a transaction";
        let version =
            self.agreed_version::<AddPartitionsToTxnRequest>(now, node, ADD_PARTITIONS, needed_for);
        let (Some(version), Some(epoch)) = (version, self.present_epoch()) else { return };
        let Some(of) = &mut self.transactions else { return };
        let partitions: Vec<PartitionIndex> = core::mem::take(&mut of.wanted).into_iter().collect();
        let mut topics: BTreeMap<_, Vec<i32>> = BTreeMap::new();
        for index in &partitions {
            let partition = &self.partitions[index.at()];
            topics.entry(partition.topic).or_default().push(partition.number);
        }
        let topics = topics.into_iter().map(|(topic, numbers)| AddPartitionsToTxnTopic {
            name: self.topics.get(topic).name.clone(),
            partitions: numbers.into_iter().collect(),
            ..AddPartitionsToTxnTopic::default()
        });
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: of.config.id.clone(),
            v3_and_below_producer_id: epoch.producer_id.0,
            v3_and_below_producer_epoch: epoch.epoch.0,
            v3_and_below_topics: topics.collect(),
            ..AddPartitionsToTxnRequest::default()
        };
        let what = Question::Partitions(partitions);
        self.ask(now, Sending { request: &request, node, version, what });
    }

    pub(super) fn partitions_added(
        &mut self,
        now: Time,
        answer: &Answer,
        partitions: Vec<PartitionIndex>,
    ) {
        let what = Question::Partitions(partitions);
        let throttle = |read: &AddPartitionsToTxnResponse| read.throttle_time_ms;
        let Some(read) = self.read(now, answer, &what, throttle) else { return };
        let codes = self.codes_by_partition(&read);
        let Question::Partitions(partitions) = what else { return };
        if partitions.iter().any(|index| !codes.contains_key(index)) {
            return self.was_misanswered(now, Question::Partitions(partitions));
        }
        // Brokers refuse all or none; what is worst decides.
        let mut refused: BTreeMap<ErrorCode, Vec<ByteStr>> = BTreeMap::new();
        let mut again = Vec::new();
        let mut joined = 0;
        for index in partitions {
            let code = codes.get(&index).copied().unwrap_or(ErrorCode::NONE);
            if code.is_none() {
                self.partition_joined(index);
                joined += 1;
            } else {
                let partition = &self.partitions[index.at()];
                let topic = &self.topics.get(partition.topic).name;
                let name = match code {
                    ErrorCode::TOPIC_AUTHORIZATION_FAILED => topic.clone(),
                    _ => ByteStr::from(format!("{}-{}", &**topic, partition.number)),
                };
                let names = refused.entry(code).or_default();
                if names.last() != Some(&name) {
                    names.push(name);
                }
                again.push(index);
            }
        }
        if joined > 0 {
            self.transaction_goes_well(now);
        }
        if !refused.is_empty() {
            self.partitions_refused(now, answer, refused, again);
        }
    }

    fn partitions_refused(
        &mut self,
        now: Time,
        answer: &Answer,
        mut refused: BTreeMap<ErrorCode, Vec<ByteStr>>,
        again: Vec<PartitionIndex>,
    ) {
        // Not attempted because of the others: where one of those passes, so does this.
        if refused.keys().any(|code| code.is_retriable()) {
            refused.remove(&ErrorCode::OPERATION_NOT_ATTEMPTED);
        }
        let is_concurrent = refused.contains_key(&ErrorCode::CONCURRENT_TRANSACTIONS);
        let mut worst: Option<TransactionError> = None;
        for (code, what) in refused {
            let refusal = Refusal { api: ApiKey::AddPartitionsToTxn, code, message: None, what };
            let is_worse = |error: &TransactionError| {
                let of = |error: &TransactionError| {
                    (error.remedy(), error.code() != Some(ErrorCode::OPERATION_NOT_ATTEMPTED))
                };
                worst.as_ref().is_none_or(|worst| of(error) > of(worst))
            };
            match self.judge_answer(now, answer.node, false, refusal) {
                Err(error) if is_worse(&error) => worst = Some(error),
                Ok(_) | Err(_) => {}
            }
        }
        if let Some(error) = worst {
            return self.was_refused(now, error);
        }
        self.want_again(again);
        let Some(of) = &mut self.transactions else { return };
        if is_concurrent && !of.has_partition && of.coordinator.is_some() {
            of.not_before = now + CONCURRENT_PAUSE;
        }
    }

    fn partition_joined(&mut self, index: PartitionIndex) {
        let Some(of) = &mut self.transactions else { return };
        of.has_partition = true;
        of.begun = Begun::Yes;
        of.is_worn = true;
        self.partitions[index.at()].enrolled = of.number;
        self.mark(index);
    }

    /// What an answer says of each partition that the engine knows.
    fn codes_by_partition(
        &self,
        answer: &AddPartitionsToTxnResponse,
    ) -> BTreeMap<PartitionIndex, ErrorCode> {
        let mut codes = BTreeMap::new();
        for topic in &answer.results_by_topic_v3_and_below {
            let Some(index) = self.topics.find(&topic.name) else { continue };
            let partitions = &self.topics.get(index).partitions;
            for result in &topic.results_by_partition {
                let number = usize::try_from(result.partition_index).ok();
                if let Some(&at) = number.and_then(|number| partitions.get(number)) {
                    codes.insert(at, result.partition_error_code);
                }
            }
        }
        codes
    }
}

impl super::Transactions {
    fn is_being_added(&self, index: PartitionIndex) -> bool {
        let asked = self.asked.as_ref().map(|asked| &asked.what);
        matches!(asked, Some(Question::Partitions(partitions)) if partitions.contains(&index))
    }

    /// Whether its partitions' records can be looked for at all.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }
}
