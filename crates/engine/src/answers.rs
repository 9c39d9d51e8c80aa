//! What answers, disconnects and refusals do to batches: [`classify`] decides, this acts.

use core::ops::Range;
use core::time::Duration;

use bytes::BytesMut;
use rohrpost_cluster::{Answer, NodeId, RequestId, Time};
use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::ProduceResponse;
use rohrpost_codec::messages::produce_response::PartitionProduceResponse;
use rohrpost_records::ProducerStamp;

use crate::classify::{Context, Ending, Verdict, classify};
use crate::engine::Engine;
use crate::error::{AttemptFailure, DeliveryError, DeliveryErrorKind, Outcome};
use crate::hints::{Hint, hints};
use crate::identity::Epoch;
use crate::ids::{BatchId, PartitionIndex};
use crate::io::{Appended, Output};
use crate::plants::Plant;
use crate::record_errors::failures_by_range;
use crate::request::{Part, Reply};
use crate::window::State;

/// The shortest pause after CONCURRENT_TRANSACTIONS (Java's).
const CONCURRENT_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    /// A Produce request was answered.
    pub(crate) fn produce_answered(&mut self, now: Time, answered: &Answer) {
        let id = answered.request;
        if self.config.planted.is(Plant::DeafWhileClosing) && !self.lifecycle.is_running() {
            return;
        }
        let Some(mut request) = self.requests.remove(&id) else { return };
        let latency = now.since(answered.sent);
        self.lane(request.node).stats.answered(latency);
        self.stats.latency_max = self.stats.latency_max.max(latency);
        let (node, api_key, version) = (answered.node, answered.api_key, answered.version);
        let answer = match answered.decode::<ProduceResponse>() {
            Ok(answer) => answer,
            Err(error) => {
                self.stats.misanswers += 1;
                self.cluster.reject(now, answered.connection, error);
                for part in &request.parts {
                    self.misanswered(now, part, id);
                }
                return;
            }
        };
        self.stages.wire.count(answered.written.unwrap_or(now).since(answered.sent));
        self.stages.broker.count(now.since(answered.written.unwrap_or(now)));
        if let Some(pause) = u32::try_from(answer.throttle_time_ms).ok().filter(|pause| *pause > 0)
        {
            self.stages.throttle.count(Duration::from_millis(pause.into()));
        }
        self.cluster.throttle(now, node, api_key, version, answer.throttle_time_ms);
        let topics = &self.topics;
        if self.config.planted.is(Plant::MatchByCurrentId) {
            request.topics.iter_mut().for_each(|of| of.id = topics.get(of.topic).id);
        }
        let hints = hints(&request, &answer, |topic| &topics.get(topic).name);
        let (mut replies, strangers) = request.sort(answer, |topic| &topics.get(topic).name);
        self.stats.misanswers += strangers as u64;
        for place in request.turns() {
            let part = &request.parts[place];
            match core::mem::replace(&mut replies[place], Reply::Missing) {
                Reply::One(reply) => {
                    self.conclude(now, part, id, Ending::Code(reply.error_code), Some(&reply));
                }
                Reply::Missing | Reply::Contradictory => {
                    self.stats.misanswers += 1;
                    self.misanswered(now, part, id);
                }
            }
        }
        // After the verdicts: a newer leader ends the pauses that they began.
        for hint in hints {
            let name = self.topics.get(hint.topic).name.clone();
            let Hint { number, leader, epoch, .. } = hint;
            let endpoint = hint.endpoint.as_ref();
            if self.cluster.apply_hint(now, &name, number, leader, epoch, endpoint) {
                self.topic_updated(now, hint.topic);
            }
        }
    }

    /// A Produce request was wholly written, and no answer will come (acks=0).
    pub(crate) fn produce_written(&mut self, now: Time, id: RequestId) {
        let Some(request) = self.requests.remove(&id) else { return };
        for place in request.turns() {
            let part = &request.parts[place];
            self.conclude(now, part, id, Ending::Code(ErrorCode::NONE), None);
        }
    }

    /// A Produce request failed without an answer.
    pub(crate) fn produce_failed(
        &mut self,
        now: Time,
        id: RequestId,
        how: AttemptFailure,
        maybe: bool,
    ) {
        let Some(request) = self.requests.remove(&id) else { return };
        for part in &request.parts {
            self.conclude(now, part, id, Ending::Failed { how, maybe }, None);
        }
    }

    fn misanswered(&mut self, now: Time, part: &Part, id: RequestId) {
        let how = AttemptFailure::Misanswered;
        self.conclude(now, part, id, Ending::Failed { how, maybe: true }, None);
    }

    /// An attempt to send a batch has ended.
    fn conclude(
        &mut self,
        now: Time,
        part: &Part,
        id: RequestId,
        ending: Ending,
        reply: Option<&PartitionProduceResponse>,
    ) {
        let index = part.partition;
        let partition = &mut self.partitions[index.at()];
        let Some(at) = partition.window.find(part.key, id) else { return };
        let renewing = partition.must_renew || partition.window.has_lost();
        let behind = !renewing && partition.window.is_behind(at);
        let Some(sent) = partition.window.get_mut(at) else { return };
        let planted = self.config.planted;
        let abandoned = matches!(sent.state, State::InFlight { abandoned: true, .. })
            && !planted.is(Plant::CompleteTwice);
        let context = Context {
            idempotent: sent.stamp.is_some(),
            transactional: self.transactions.is_some(),
            acks: partition.settings.acks,
            ambiguous: sent.ambiguous,
            behind: behind || planted.is(Plant::RetryUnknownProducer),
            many: sent.count > 1 && !abandoned,
            may_retry: sent.attempts <= self.config.retries && !abandoned,
        };
        let how = match ending {
            Ending::Code(code) => AttemptFailure::Refused(code),
            Ending::Failed { how, .. } => how,
        };
        sent.last = Some(how);
        let mut verdict = classify(context, ending);
        #[cfg(feature = "plants")]
        {
            let (in_doubt, again) = (sent.ambiguous, sent.attempts > 1);
            let state = crate::BatchState { in_doubt, behind, abandoned, again };
            self.journal.note(context, state, ending, verdict);
        }
        if planted.is(Plant::RenewThoughDoubtful) && !behind && !abandoned && how.is_of_sequence() {
            sent.ambiguous = false;
            verdict = Verdict::Renew;
        }
        if planted.is(Plant::RenewInTransaction)
            && context.transactional
            && !behind
            && how.is_of_sequence()
        {
            verdict = Verdict::Renew;
        }
        if planted.is(Plant::NeverSplit) && verdict == Verdict::Split {
            verdict = Verdict::Retry { maybe: false, refresh: false };
        }
        // A new epoch is all that the remedy takes; should it not help, it gets pauses too.
        let is_first_renewal = verdict == Verdict::Renew && sent.failures == 0;
        let mut pause = self.backoff.after(sent.failures, &mut self.random);
        // The markers of the transaction before are being written, which takes milliseconds.
        if how == AttemptFailure::Refused(ErrorCode::CONCURRENT_TRANSACTIONS) {
            pause = pause.min(CONCURRENT_PAUSE * (1 << sent.failures.min(10)));
        }
        let at_once = is_first_renewal || planted.is(Plant::RetryWithoutPause);
        let retry_at = if at_once { now } else { now + pause };
        sent.failures = sent.failures.saturating_add(1);
        match verdict {
            Verdict::Appended { offset_known } => {
                let reply = reply.filter(|_| offset_known || planted.is(Plant::BelieveOffset));
                self.appended(now, index, at, reply, abandoned);
            }
            Verdict::Retry { maybe, .. } => {
                sent.ambiguous |= maybe;
                sent.state = State::Waiting { not_before: retry_at };
            }
            Verdict::Renew => {
                partition.is_forgotten |= ending == Ending::Code(ErrorCode::UNKNOWN_PRODUCER_ID);
                sent.state = State::Waiting { not_before: retry_at };
                partition.must_renew = true;
            }
            Verdict::Split => self.split(now, index, at),
            Verdict::Fail { outcome, .. } => {
                // What may have been appended stays in question, whatever the user is told.
                sent.ambiguous |= outcome != Outcome::NotWritten;
                if abandoned {
                    self.forget(index, at);
                } else {
                    self.fail(index, at, how, outcome, reply);
                }
            }
        }
        if matches!(
            verdict,
            Verdict::Retry { refresh: true, .. } | Verdict::Fail { refresh: true, .. }
        ) {
            self.cluster.request_update(now);
        }
        self.mark(index);
    }

    fn appended(
        &mut self,
        now: Time,
        index: PartitionIndex,
        at: usize,
        reply: Option<&PartitionProduceResponse>,
        abandoned: bool,
    ) {
        let partition = &mut self.partitions[index.at()];
        let Some(sent) = partition.window.get_mut(at) else { return };
        if let Some(of) = &mut self.transactions {
            of.has_begun();
        }
        let (key, count, born) = (sent.key, sent.count, sent.born);
        self.stages.delivery.count(now.since(sent.created));
        let charge = core::mem::take(&mut sent.charge);
        let records = if sent.stamp.is_some() {
            let stamp = partition.window.get(at).and_then(|sent| sent.stamp);
            let is_of = |(of, epoch): (ProducerStamp, Epoch)| {
                (of.producer_id, of.producer_epoch) == (epoch.producer_id, epoch.epoch)
            };
            if stamp.zip(partition.epoch).is_some_and(is_of) {
                partition.established = Some(now);
            }
            partition.window.done(at)
        } else {
            partition.window.remove(at).and_then(|sent| sent.records)
        };
        if !abandoned {
            let is_offset = |base: &i64| {
                *base >= 0 && base.checked_add(i64::from(count)).is_some()
                    || self.config.planted.is(Plant::BelieveOffset)
            };
            let appended = Appended {
                base_offset: reply.map(|reply| reply.base_offset).filter(is_offset),
                log_append_time: reply
                    .map(|reply| reply.log_append_time_ms)
                    .filter(|time| *time >= 0),
            };
            let batch = BatchId { partition: index, slot: key.slot };
            self.complete(batch, key.first..key.first + count, Ok(appended));
            self.stats.batches_delivered += 1;
            self.settle(index, key.slot, born);
        }
        self.release(charge, records.and_then(rohrpost_records::SealedBatch::into_buffer));
    }

    /// Ends an entry with the broker's refusal, or with the last of the attempts that `retries` allows.
    fn fail(
        &mut self,
        index: PartitionIndex,
        at: usize,
        how: AttemptFailure,
        outcome: Outcome,
        reply: Option<&PartitionProduceResponse>,
    ) {
        let Some(sent) = self.partitions[index.at()].window.get(at) else { return };
        let attempts = sent.attempts;
        let kind = match how {
            AttemptFailure::Refused(code) if !code.is_retriable() => {
                let errors = reply.map_or(&[][..], |reply| &reply.record_errors[..]);
                if !errors.is_empty() {
                    let (key, count) = (sent.key, sent.count);
                    let broker = sent.node.map(|node| self.broker_at(node));
                    let message = reply.and_then(|reply| reply.error_message.clone());
                    let batch = BatchId { partition: index, slot: key.slot };
                    for (range, kind) in failures_by_range(code, message, errors, count) {
                        let range = key.first + range.start..key.first + range.end;
                        let error = DeliveryError::new(kind, outcome).with_broker(broker.clone());
                        self.complete(batch, range, Err(error));
                    }
                    self.end(index, at);
                    return;
                }
                let message = reply.and_then(|reply| reply.error_message.clone());
                DeliveryErrorKind::Refused { code, message }
            }
            AttemptFailure::Unsupported => DeliveryErrorKind::Unsupported,
            last => DeliveryErrorKind::RetriesExhausted { attempts, last },
        };
        self.give_up(index, at, &DeliveryError::new(kind, outcome));
    }

    /// Ends an entry of a window with an error.
    pub(crate) fn give_up(&mut self, index: PartitionIndex, at: usize, error: &DeliveryError) {
        let Some(sent) = self.partitions[index.at()].window.get(at) else { return };
        let records = sent.key.first..sent.key.first + sent.count;
        let batch = BatchId { partition: index, slot: sent.key.slot };
        let error = self.of_broker(error, sent.node);
        self.complete(batch, records, Err(error));
        self.end(index, at);
    }

    /// The error, with the broker that the batch was last sent to, unless it is about another one.
    pub(crate) fn of_broker(&self, error: &DeliveryError, node: Option<NodeId>) -> DeliveryError {
        match (error.broker(), node) {
            (None, Some(node)) => error.clone().with_broker(Some(self.broker_at(node))),
            _ => error.clone(),
        }
    }

    /// The user knows the end of an entry, and it is not in flight: settles what follows from it.
    fn end(&mut self, index: PartitionIndex, at: usize) {
        let Some(sent) = self.partitions[index.at()].window.get(at) else { return };
        let (slot, born) = (sent.key.slot, sent.born);
        self.forget(index, at);
        self.settle(index, slot, born);
        self.mark(index);
    }

    /// Drops an entry that was not appended, as far as is known. Without idempotence that is all. With it, its sequences are lost
    /// to this epoch: known to be unused, or in question until a later batch's answer or a new epoch settles it.
    fn forget(&mut self, index: PartitionIndex, at: usize) {
        let partition = &mut self.partitions[index.at()];
        let Some(sent) = partition.window.get_mut(at) else { return };
        let charge = core::mem::take(&mut sent.charge);
        let mut records = sent.records.take();
        let planted = self.config.planted;
        if planted.is(Plant::ReuseSequence) {
            partition.reuse_sequence(at);
        } else if sent.stamp.is_some() && sent.ambiguous {
            sent.state = State::Lost;
            if planted.is(Plant::DoubtIsWritten) {
                partition.window.done(at);
            }
        } else {
            // Never sent at all, its stamp was never seen by anybody; the sequences are spent all the same.
            partition.must_renew |= sent.stamp.is_some();
            partition.window.remove(at);
        }
        let buffer = records.take().and_then(rohrpost_records::SealedBatch::into_buffer);
        self.release(charge, buffer);
    }

    /// Ends the batch at the front of a queue: it was never sent.
    pub(crate) fn fail_front(&mut self, index: PartitionIndex, error: &DeliveryError) {
        let Some((batch, born)) = self.partitions[index.at()].queue.pop() else { return };
        let count = batch.record_count().unsigned_abs();
        self.complete(batch.id, 0..count, Err(error.clone()));
        self.pending.done(born);
        let buffer = batch.records.and_then(rohrpost_records::SealedBatch::into_buffer);
        self.release(batch.charge, buffer);
        self.mark(index);
    }

    pub(crate) fn complete(
        &mut self,
        batch: BatchId,
        records: Range<u32>,
        result: Result<Appended, DeliveryError>,
    ) {
        if records.is_empty() {
            return;
        }
        let count = u64::from(records.end - records.start);
        match &result {
            Ok(_) => self.stats.records_delivered += count,
            Err(error) => {
                self.stats.records_failed += count;
                self.record_failed(batch.partition, error);
            }
        }
        self.outputs.push_back(Output::Complete { batch, records, result });
    }

    /// Tells the flushes if no part of the batch is owed any more.
    pub(crate) fn settle(&mut self, index: PartitionIndex, slot: crate::ids::Slot, born: u64) {
        if !self.partitions[index.at()].window.owes(slot) {
            self.pending.done(born);
        }
    }

    pub(crate) fn release(&mut self, bytes: usize, buffer: Option<BytesMut>) {
        self.charged = self.charged.saturating_sub(bytes);
        let buffer = buffer.filter(|buffer| buffer.capacity() > 0);
        if bytes > 0 || buffer.is_some() {
            self.outputs.push_back(Output::Release { bytes, buffer });
        }
    }
}
