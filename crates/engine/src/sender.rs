//! From partitions that can send to Produce requests.
//!
//! Each node has a line of partitions that can send. A request takes from the front of the line, at most one batch of each
//! partition, up to `max.request.size`; a partition that has more gets in line again at the back. A blocked partition is in no line, and
//! so stops nobody. A batch that is still open is asked for only now, when it could go: until then it keeps filling.
//!
//! A request has one `acks`, that of whoever is first in line. Partitions of topics with other acks are passed over and keep their places, so that the first of
//! them is the first of the next request.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::{NodeId, NodeState, RequestId, SendOptions, Time};
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::{ApiKey, Uuid, VersionRange};
use rohrpost_records::{BatchBytes, Codec};

use crate::config::Acks;
use crate::engine::Engine;
use crate::error::{DeliveryError, DeliveryErrorKind, Outcome};
use crate::identity::Current;
use crate::ids::{BatchId, PartitionIndex, TopicIndex};
use crate::io::Output;
use crate::partition::{Partition, Step};
use crate::plants::Plant;
use crate::request::{Part, ProduceInFlight, RequestTopic};
use crate::stats::NodeStats;
use crate::transaction::Version;
use crate::window::{Key, Sent, State};

/// The first version of Produce that carries batches of magic 2.
const PRODUCE_MIN: i16 = 3;
/// The first version of Produce that carries zstd (KIP-110).
const PRODUCE_ZSTD: i16 = 7;
/// The last version of Produce that names topics; the next one has their ids.
const PRODUCE_BY_NAME: i16 = 12;
/// The last version of Produce that does not add partitions to transactions, and the first that does (KIP-890).
const PRODUCE_V1_MAX: i16 = 11;
const PRODUCE_V2_MIN: i16 = 12;
/// The last version of Produce.
const PRODUCE_MAX: i16 = 13;

/// A node's line of partitions that can send to it.
#[derive(Debug)]
pub(crate) struct NodeLane {
    /// May hold partitions that got into another line meanwhile; their `listed` tells.
    pub(crate) can_send: VecDeque<PartitionIndex>,
    /// Connections that were lost or could not be made since one was last ready.
    pub(crate) losses: u32,
    pub(crate) stats: NodeStats,
}

impl NodeLane {
    pub(crate) const fn new(node: NodeId) -> Self {
        Self { can_send: VecDeque::new(), losses: 0, stats: NodeStats::new(node) }
    }
}

/// What a look along a node's line found.
enum Picked {
    /// These partitions' batches go into a request now.
    Request(Vec<PartitionIndex>),
    /// Batches were asked for first; they go with the next look.
    Asked,
    Nothing,
}

impl Engine {
    /// Lets every node that can take a request have one, until none can.
    pub(crate) fn drain_nodes(&mut self, now: Time) {
        let mut next = self.lanes.keys().next().copied();
        while let Some(node) = next {
            while self.drain_node(now, node) {}
            let above = (core::ops::Bound::Excluded(node), core::ops::Bound::Unbounded);
            next = self.lanes.range(above).next().map(|(&node, _)| node);
        }
    }

    /// Sends one request to the node if there is anything to send and it can take one. Whether another might follow.
    fn drain_node(&mut self, now: Time, node: NodeId) -> bool {
        if self.lanes.get(&node).is_none_or(|lane| lane.can_send.is_empty()) {
            return false;
        }
        if self.cluster.ensure_connected(now, node) != NodeState::Ready
            || !self.cluster.can_send(node, now)
        {
            return false;
        }
        let is_stuck = |partition: &Partition| partition.leader.is_none() && !partition.is_idle();
        if self.config.planted.is(Plant::StallTogether) && self.partitions.iter().any(is_stuck) {
            return false;
        }
        match self.pick(now, node) {
            Picked::Request(picked) => self.send_produce(now, node, picked),
            Picked::Asked | Picked::Nothing => false,
        }
    }

    /// Takes partitions from the front of the node's line, as many as a request holds.
    fn pick(&mut self, now: Time, node: NodeId) -> Picked {
        let around = self.circumstances(now);
        let limit = self.config.max_request_size;
        let mut picked = Vec::new();
        let mut passed_over = Vec::new();
        let mut acks = None;
        let (mut asked, mut bytes) = (false, 0_usize);
        let in_line = self.lane(node).can_send.len();
        for _ in 0..in_line {
            let Some(index) = self.lane(node).can_send.pop_front() else { break };
            let partition = &mut self.partitions[index.at()];
            // It may be in this line twice, if its leader went away and came back: what is not in line any more counts once.
            if partition.listed != Some(node) {
                continue;
            }
            let planted = self.config.planted.is(Plant::MixAcks);
            if acks.is_some_and(|acks| acks != partition.settings.acks) && !planted {
                passed_over.push(index);
                continue;
            }
            partition.listed = None;
            let (of, size, slot) = match partition.next_step(around) {
                Step::Resend { node, size, .. } => (node, size, None),
                Step::Send { node, size } => (node, size, None),
                Step::Seal { node, slot } => (node, self.config.batch_size, Some(slot)),
                Step::Renew | Step::Wait { .. } => {
                    self.mark(index);
                    continue;
                }
            };
            if of != node {
                self.mark(index);
                continue;
            }
            if bytes > 0 && bytes.saturating_add(size) > limit {
                self.put_first(node, index);
                break;
            }
            bytes = bytes.saturating_add(size);
            acks = Some(partition.settings.acks);
            if let Some(slot) = slot {
                partition.queue.ask_front();
                asked = true;
                self.mark(index);
                self.outputs.push_back(Output::Seal { batch: BatchId { partition: index, slot } });
            } else {
                picked.push(index);
            }
        }
        // They are still in line.
        let line = &mut self.lane(node).can_send;
        passed_over.into_iter().rev().for_each(|index| line.push_front(index));
        if asked {
            // They keep their places; what was asked for joins them.
            for &index in picked.iter().rev() {
                self.put_first(node, index);
            }
            self.is_stirred = true;
            return Picked::Asked;
        }
        if picked.is_empty() { Picked::Nothing } else { Picked::Request(picked) }
    }

    fn put_first(&mut self, node: NodeId, index: PartitionIndex) {
        self.partitions[index.at()].listed = Some(node);
        self.lane(node).can_send.push_front(index);
    }

    /// Stamps and sends the batches of these partitions in one request. Whether the node may take another.
    fn send_produce(&mut self, now: Time, node: NodeId, picked: Vec<PartitionIndex>) -> bool {
        picked.iter().for_each(|&index| self.mark(index));
        let Some(version) = self.produce_version(node, &picked) else {
            return self.cannot_send(now, node, picked);
        };
        // The same for all of them.
        let first = picked.first().map(|index| self.partitions[index.at()].settings.acks);
        let acks = first.unwrap_or_default();
        // Grouped by topic, and so that an answer's partitions can be found by a binary search.
        let mut picked: Vec<(usize, PartitionIndex)> = picked.into_iter().enumerate().collect();
        picked.sort_unstable_by_key(|&(_, index)| {
            let partition = &self.partitions[index.at()];
            (partition.topic, partition.number)
        });
        let mut request = ProduceRequest {
            transactional_id: self.transactions.as_ref().map(|of| of.id().clone()),
            acks: acks.wire(),
            timeout_ms: i32::try_from(self.config.effective_ack_timeout().as_millis())
                .unwrap_or(i32::MAX),
            ..ProduceRequest::default()
        };
        let mut topics: Vec<RequestTopic> = Vec::new();
        let mut parts: Vec<Part> = Vec::with_capacity(picked.len());
        let mut bytes = 0;
        for (turn, index) in picked {
            let Some((key, records)) = self.prepare(now, index) else { continue };
            bytes += records.len();
            let partition = &self.partitions[index.at()];
            if topics.last().map(|topic| topic.topic) != Some(partition.topic) {
                let topic = self.topics.get(partition.topic);
                topics.push(RequestTopic { topic: partition.topic, id: topic.id });
                request.topic_data.push(TopicProduceData {
                    name: topic.name.clone(),
                    topic_id: topic.id,
                    ..TopicProduceData::default()
                });
            }
            parts.push(Part {
                topic: topics.len() - 1,
                number: partition.number,
                partition: index,
                key,
                turn,
            });
            if let Some(topic) = request.topic_data.last_mut() {
                topic.partition_data.push(PartitionProduceData {
                    index: partition.number,
                    records: Some(records.segments().collect()),
                    ..PartitionProduceData::default()
                });
            }
        }
        if parts.is_empty() {
            return true;
        }
        let options = SendOptions {
            expects_answer: acks != Acks::None,
            timeout: match self.config.planted.is(Plant::KeepDeadSockets) {
                true => Duration::from_secs(3600),
                false => self.config.cluster.request_timeout,
            },
        };
        let Ok(id) = self.cluster.send(now, node, &request, version, options) else {
            // It never left: everything is as before, and tries again a little later.
            let not_before = self.pause(now, 1);
            for part in &parts {
                self.put_off(part, not_before);
            }
            return false;
        };
        self.sent(node, id, topics, parts, bytes, version <= PRODUCE_BY_NAME);
        true
    }

    fn sent(
        &mut self,
        node: NodeId,
        id: RequestId,
        topics: Vec<RequestTopic>,
        parts: Vec<Part>,
        bytes: usize,
        by_name: bool,
    ) {
        self.stats.produce_requests += 1;
        if let Some(of) = &mut self.transactions {
            of.may_begin();
        }
        self.stats.bytes_sent += bytes as u64;
        for part in &parts {
            let window = &mut self.partitions[part.partition.at()].window;
            if let Some(sent) = window.iter_mut().find(|sent| sent.key == part.key) {
                sent.state = State::InFlight { request: id, node, abandoned: false };
                sent.node = Some(node);
                sent.attempts += 1;
                sent.by_name |= by_name;
                if sent.attempts > 1 {
                    self.stats.retries += 1;
                    self.stats.records_retried += u64::from(sent.count);
                }
            }
        }
        self.requests.insert(id, ProduceInFlight { node, topics, parts });
    }

    /// Makes the partition's next batch ready for the wire: in its window, stamped, waiting. Its bytes, or `None` if it ended here.
    fn prepare(&mut self, now: Time, index: PartitionIndex) -> Option<(Key, BatchBytes)> {
        let around = self.circumstances(now);
        let at = match self.partitions[index.at()].next_step(around) {
            Step::Resend { at, .. } => at,
            Step::Send { .. } => {
                let partition = &self.partitions[index.at()];
                if let Current::Denied(last) = partition.identity(around.identity) {
                    if partition.epoch.is_none() {
                        self.fail_next(now, index, DeliveryErrorKind::NoProducerId { last });
                        return None;
                    }
                }
                self.stamp_next(now, index)?
            }
            _ => return None,
        };
        let entry = |sent: &Sent| sent.attempts > 0 && sent.count > 1;
        if self.config.planted.is(Plant::SplitRetries)
            && self.partitions[index.at()].window.get(at).is_some_and(entry)
        {
            self.split(now, index, at);
        }
        let sent = self.partitions[index.at()].window.get_mut(at)?;
        let records = sent.records.as_mut()?;
        let bytes = match records.bytes() {
            Some(bytes) if records.producer() == sent.stamp => bytes,
            // Ids, epochs and sequences are checked where they come from: this cannot fail.
            _ => records.stamp(sent.stamp, self.transactions.is_some()).ok()?,
        };
        Some((sent.key, bytes))
    }

    /// Moves the batch at the front of the queue into the window, with the sequences that follow. Its place there.
    fn stamp_next(&mut self, now: Time, index: PartitionIndex) -> Option<usize> {
        let identity = self.identity.current();
        let partition = &mut self.partitions[index.at()];
        let (batch, born) = partition.queue.pop()?;
        self.stages.queue.count(now.since(batch.arrived));
        self.stats.queue_time_max = self.stats.queue_time_max.max(now.since(batch.created));
        let count = batch.record_count();
        let (created, charge, slot) = (batch.created, batch.charge, batch.id.slot);
        let Some(records) = batch.records else {
            self.pending.done(born);
            self.release(charge, None);
            return None;
        };
        let stamp = partition.take_sequences(identity, count, self.config.planted);
        if let Some(of) = &self.transactions {
            partition.enrolled = of.number;
        }
        let at = partition.window.len();
        partition.window.push(Sent {
            key: Key { slot, first: 0 },
            count: count.unsigned_abs(),
            born,
            created,
            stamp,
            attempts: 0,
            failures: 0,
            ambiguous: false,
            by_name: false,
            last: None,
            node: None,
            state: State::Waiting { not_before: now },
            records: Some(records),
            charge,
        });
        Some(at)
    }

    fn put_off(&mut self, part: &Part, until: Time) {
        let window = &mut self.partitions[part.partition.at()].window;
        if let Some(sent) = window.iter_mut().find(|sent| sent.key == part.key) {
            if sent.is_waiting() {
                sent.state = State::Waiting { not_before: until };
            }
        }
    }

    /// Ends the batch that the partition would send next. Nothing of it was appended by this.
    pub(crate) fn fail_next(&mut self, now: Time, index: PartitionIndex, kind: DeliveryErrorKind) {
        match self.partitions[index.at()].next_step(self.circumstances(now)) {
            Step::Resend { at, .. } => {
                let ambiguous =
                    self.partitions[index.at()].window.get(at).is_some_and(|sent| sent.ambiguous);
                let outcome = if ambiguous { Outcome::MaybeWritten } else { Outcome::NotWritten };
                self.give_up(index, at, &DeliveryError::new(kind, outcome));
            }
            Step::Send { .. } => {
                let error = DeliveryError::new(kind, Outcome::NotWritten);
                self.fail_front(index, &error);
            }
            _ => {}
        }
    }

    /// There is no version for all of these batches together. Those that want more of it than others are failed, and the others sent. Whether the node may take
    /// another request.
    fn cannot_send(&mut self, now: Time, node: NodeId, picked: Vec<PartitionIndex>) -> bool {
        let (zstd, others): (Vec<_>, Vec<_>) =
            picked.into_iter().partition(|&index| self.is_zstd(index));
        let (failed, left) = if zstd.is_empty() { (others, zstd) } else { (zstd, others) };
        for index in failed {
            self.fail_next(now, index, DeliveryErrorKind::Unsupported);
        }
        left.is_empty() || self.send_produce(now, node, left)
    }

    fn is_zstd(&self, index: PartitionIndex) -> bool {
        self.partitions[index.at()].settings.compression.codec() == Codec::Zstd
    }

    /// The best version that this node and these batches agree on.
    fn produce_version(&self, node: NodeId, picked: &[PartitionIndex]) -> Option<i16> {
        let id_of = |topic: TopicIndex| self.topics.get(topic).id;
        let all_have_ids =
            picked.iter().all(|index| id_of(self.partitions[index.at()].topic) != Uuid::NIL);
        let min = if picked.iter().any(|&index| self.is_zstd(index)) {
            PRODUCE_ZSTD
        } else {
            PRODUCE_MIN
        };
        let max = if all_have_ids { PRODUCE_MAX } else { PRODUCE_BY_NAME };
        let (min, max) = match self.transactions.as_ref().map(|of| of.version()) {
            Some(Version::V1) => (min, max.min(PRODUCE_V1_MAX)),
            Some(Version::V2) => (min.max(PRODUCE_V2_MIN), max),
            None => (min, max),
        };
        self.cluster.api_version(node, ApiKey::Produce, VersionRange::new(min, max))
    }
}
