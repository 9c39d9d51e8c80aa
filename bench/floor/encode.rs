//! Encode and send, and nothing else.

use std::io::IoSlice;
use std::num::NonZeroU32;
use std::time::Instant;

use bytes::BytesMut;
use rohrpost_bench_load::{Latencies, Load};
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::{ByteStr, FrameBuffer};
use rohrpost_partitioner::KeyHash;
use rohrpost_records::{
    BatchBuilder, ProducerEpoch, ProducerId, ProducerStamp, SealedBatch, Sequence,
};

use crate::Result;
use crate::batches::Batches;
use crate::connection::{CLIENT_ID, Connection, MOST_BYTES, Sent, Topic};

/// So many records carry the same time: some microseconds' worth.
const SAME_TIME: usize = 64;
/// `buffer.memory`: when so much is open, all of it goes.
const MEMORY: usize = 32 << 20;
/// What a record's own bytes come to at least, for the bound on memory.
const RECORD_OVERHEAD: usize = 8;

pub(crate) struct Encoder<'r> {
    topics: Vec<Topic>,
    /// Every topic's partitions, one topic after the other.
    lanes: Vec<Lane>,
    /// Each topic's first lane, and the one whose turn it is.
    turns: Vec<Turn>,
    batches: Batches<'r>,
    producer: (ProducerId, ProducerEpoch),
    /// The request to come: lanes and their batches.
    pending: Vec<(usize, SealedBatch)>,
    pending_bytes: usize,
    /// Records ever put into requests: the number of the next request's first, where they go out in order.
    requested: usize,
    request: ProduceRequest,
    frame: FrameBuffer,
    client_id: ByteStr,
    /// What a batch's buffer begins with.
    room: usize,
    /// How many records may be open.
    most_open: usize,
}

struct Lane {
    topic: usize,
    partition: i32,
    builder: BatchBuilder,
    sequence: Sequence,
    is_pending: bool,
}

struct Turn {
    first: usize,
    now: usize,
    count: NonZeroU32,
}

impl<'r> Encoder<'r> {
    pub(crate) fn new(
        topics: Vec<Topic>,
        producer: (ProducerId, ProducerEpoch),
        batches: Batches<'r>,
        load: &Load,
    ) -> Self {
        let (mut lanes, mut turns) = (Vec::new(), Vec::new());
        for (topic, Topic { partitions, .. }) in topics.iter().enumerate() {
            let (first, count) = (lanes.len(), NonZeroU32::new(*partitions));
            turns.push(Turn { first, now: first, count: count.unwrap_or(NonZeroU32::MIN) });
            lanes.extend((0..*partitions as i32).map(|partition| Lane {
                topic,
                partition,
                builder: BatchBuilder::new(BytesMut::new()),
                sequence: Sequence::ZERO,
                is_pending: false,
            }));
        }
        let record = load.size + RECORD_OVERHEAD + 16 * usize::from(load.has_keys);
        let (room, most_open) = match MEMORY / lanes.len() {
            share if share >= load.batch_bytes => (usize::MAX, usize::MAX),
            share => (share, MEMORY / (record + 26 * load.headers)),
        };
        Self {
            topics,
            lanes,
            turns,
            batches,
            producer,
            pending: Vec::new(),
            pending_bytes: 0,
            requested: 0,
            request: ProduceRequest { acks: -1, timeout_ms: 30_000, ..Default::default() },
            frame: FrameBuffer::new(),
            client_id: ByteStr::from_static(CLIENT_ID),
            room,
            most_open,
        }
    }

    /// All records, as fast as it goes.
    pub(crate) fn all(
        &mut self,
        connection: &mut Connection,
        records: usize,
    ) -> Result<Option<Latencies>> {
        let mut open = 0;
        for number in 0..records {
            if number % SAME_TIME == 0 {
                self.batches.look_at_clock()?;
                if open >= self.most_open {
                    self.send_all(connection)?;
                    open = 0;
                }
                open += SAME_TIME;
            }
            self.append(connection, number)?;
        }
        self.send_all(connection)?;
        while !connection.is_idle() {
            connection.answer()?;
        }
        Ok(None)
    }

    /// One awaited record after the other.
    pub(crate) fn each(
        &mut self,
        connection: &mut Connection,
        records: usize,
    ) -> Result<Latencies> {
        let mut latencies = Latencies::with_capacity(records);
        for number in 0..records {
            let start = Instant::now();
            self.some(connection, number, 1)?;
            connection.answer()?;
            latencies.note(start.elapsed());
        }
        Ok(latencies)
    }

    /// A few records, sent at once.
    pub(crate) fn some(
        &mut self,
        connection: &mut Connection,
        first: usize,
        count: usize,
    ) -> Result {
        self.batches.look_at_clock()?;
        for number in first..first + count {
            self.append(connection, number)?;
        }
        self.send_all(connection)
    }

    #[inline]
    fn append(&mut self, connection: &mut Connection, number: usize) -> Result {
        let topic = if self.turns.len() == 1 { 0 } else { number % self.turns.len() };
        let turn = &self.turns[topic];
        let key = self.batches.key(number);
        let at = match key {
            Some(key) => turn.first + KeyHash::Murmur2.partition(key, turn.count) as usize,
            None => turn.now,
        };
        let builder = &mut self.lanes[at].builder;
        if builder.is_empty() {
            self.batches.open(builder, self.room);
        }
        if self.batches.append(builder, number, key)? {
            return Ok(());
        }
        self.next_batch(connection, topic, at, number, key)
    }

    /// The batch is full: it goes, and the record begins another.
    #[cold]
    #[inline(never)]
    fn next_batch(
        &mut self,
        connection: &mut Connection,
        topic: usize,
        mut at: usize,
        number: usize,
        key: Option<&[u8]>,
    ) -> Result {
        self.close(connection, at)?;
        if key.is_none() {
            self.take_turn(topic);
            at = self.turns[topic].now;
        }
        let builder = &mut self.lanes[at].builder;
        self.batches.open(builder, self.room);
        self.batches.append(builder, number, key)?;
        Ok(())
    }

    fn take_turn(&mut self, topic: usize) {
        let turn = &mut self.turns[topic];
        turn.now += 1;
        if turn.now == turn.first + turn.count.get() as usize {
            turn.now = turn.first;
        }
    }

    /// Adds a lane's batch to the request, which goes first if it cannot take it, and next if it is complete.
    fn close(&mut self, connection: &mut Connection, at: usize) -> Result {
        let lane = &mut self.lanes[at];
        let (producer_id, producer_epoch) = self.producer;
        let base_sequence = lane.sequence;
        lane.sequence = base_sequence.add(lane.builder.record_count());
        let stamp = ProducerStamp { producer_id, producer_epoch, base_sequence };
        let sealed = self.batches.seal(&mut lane.builder, Some(stamp))?;
        let is_pending = lane.is_pending;
        if is_pending || self.pending_bytes + sealed.size() > MOST_BYTES {
            self.send(connection)?;
        }
        self.lanes[at].is_pending = true;
        self.pending_bytes += sealed.size();
        self.pending.push((at, sealed));
        if self.pending.len() == self.lanes.len() {
            self.send(connection)?;
        }
        Ok(())
    }

    fn send_all(&mut self, connection: &mut Connection) -> Result {
        for at in 0..self.lanes.len() {
            if !self.lanes[at].builder.is_empty() {
                self.close(connection, at)?;
            }
        }
        self.send(connection)
    }

    /// Sends the request that has come together.
    fn send(&mut self, connection: &mut Connection) -> Result {
        if self.pending.is_empty() {
            return Ok(());
        }
        connection.make_room()?;
        if self.topics.len() > 1 {
            // Partitions of one topic stand together.
            self.pending.sort_unstable_by_key(|(lane, _)| *lane);
        }
        let (mut records, topics) = (0, &mut self.request.topic_data);
        let mut topic = usize::MAX;
        for (at, sealed) in &self.pending {
            let lane = &mut self.lanes[*at];
            lane.is_pending = false;
            if lane.topic != topic {
                topic = lane.topic;
                let Topic { name, id, .. } = &self.topics[topic];
                topics.push(TopicProduceData {
                    name: name.clone(),
                    topic_id: *id,
                    partition_data: Vec::with_capacity(self.pending.len()),
                    ..Default::default()
                });
            }
            records += sealed.record_count() as usize;
            if let Some(topic) = topics.last_mut() {
                topic.partition_data.push(PartitionProduceData {
                    index: lane.partition,
                    records: sealed.bytes().map(|batch| batch.segments().collect()),
                    ..Default::default()
                });
            }
        }
        self.frame.put_request(
            connection.next_correlation_id(),
            Some(&self.client_id),
            &self.request,
            connection.produce_version(),
        )?;
        let batches = self.pending.len();
        let sent = Sent { first: self.requested, records, batches, bytes: self.pending_bytes };
        let mut slices: Vec<IoSlice<'_>> = self.frame.slices().map(IoSlice::new).collect();
        connection.write(&mut slices, sent)?;
        self.requested += records;
        // Nobody refers to the batches any more: their buffers are free.
        self.frame.clear();
        self.request.topic_data.clear();
        self.pending_bytes = 0;
        for (_, sealed) in self.pending.drain(..) {
            self.batches.recycle(sealed);
        }
        Ok(())
    }
}
