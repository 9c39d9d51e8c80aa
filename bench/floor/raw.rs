//! Requests that were encoded before.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rohrpost_bench_load::{Await, Latencies, Load};
use rohrpost_codec::encode_request;
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_records::BatchBuilder;

use crate::Result;
use crate::batches::Batches;
use crate::connection::{CLIENT_ID, Connection, MOST_BYTES, Sent, Topic};

/// Different requests that are sent in turns.
const REQUESTS: usize = 4;
/// After so many batches the estimate of their compression stands still.
const BATCHES_TO_LEARN: usize = 200;
/// Where a frame has its correlation id: behind length, API and version.
const CORRELATION_ID: std::ops::Range<usize> = 8..12;

pub(crate) struct Raw {
    /// In the order in which they are to be sent first.
    requests: Vec<Encoded>,
    /// How often to send each, in turns, before the last.
    full: usize,
    last: Option<Encoded>,
}

struct Encoded {
    frame: Vec<u8>,
    sent: Sent,
}

impl Raw {
    pub(crate) fn prepare(
        connection: &Connection,
        topics: &[Topic],
        batches: Batches<'_>,
        load: &Load,
    ) -> Result<Self> {
        let mut maker = Maker { connection, topics, batches, number: 0, turn: 0 };
        if load.awaits != Await::All {
            let one = |_| maker.request(1, 1);
            let requests = (0..topics.len().max(topics[0].partitions as usize) * 2).map(one);
            return Ok(Self { requests: requests.collect::<Result<_>>()?, full: 0, last: None });
        }
        if load.codec != "none" {
            for _ in 0..BATCHES_TO_LEARN {
                maker.batch(usize::MAX)?;
            }
        }
        let (mut requests, mut left, mut full) = (Vec::<Encoded>::new(), load.records, 0);
        loop {
            if full < REQUESTS {
                requests.push(maker.request(usize::MAX, usize::MAX)?);
            }
            let records = requests[full % REQUESTS].sent.records;
            if records > left {
                break;
            }
            (left, full) = (left - records, full + 1);
        }
        let last = if left > 0 { Some(maker.request(usize::MAX, left)?) } else { None };
        Ok(Self { requests, full, last })
    }

    /// All of it, five requests in flight.
    pub(crate) fn all(&mut self, connection: &mut Connection) -> Result<Option<Latencies>> {
        for number in 0..self.full {
            self.requests[number % REQUESTS].write(connection, 0)?;
        }
        if let Some(last) = &mut self.last {
            last.write(connection, 0)?;
        }
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
            self.one(connection, number)?;
            connection.answer()?;
            latencies.note(start.elapsed());
        }
        Ok(latencies)
    }

    /// One record; how many that is.
    pub(crate) fn one(&mut self, connection: &mut Connection, number: usize) -> Result<usize> {
        let count = self.requests.len();
        self.requests[number % count].write(connection, number)?;
        Ok(1)
    }
}

impl Encoded {
    fn write(&mut self, connection: &mut Connection, first: usize) -> Result {
        connection.make_room()?;
        let id = connection.next_correlation_id();
        self.frame[CORRELATION_ID].copy_from_slice(&id.to_be_bytes());
        connection.write_all(&self.frame, Sent { first, ..self.sent })
    }
}

struct Maker<'m, 'r> {
    connection: &'m Connection,
    topics: &'m [Topic],
    batches: Batches<'r>,
    /// The next record.
    number: usize,
    /// Requests made.
    turn: usize,
}

impl Maker<'_, '_> {
    /// A request of at most so many batches, each of another partition, and records.
    fn request(&mut self, most_batches: usize, most_records: usize) -> Result<Encoded> {
        let topic = &self.topics[self.turn % self.topics.len()];
        let start = (self.turn / self.topics.len()) as u32;
        self.turn += 1;
        let mut sent = Sent { first: 0, records: 0, batches: 0, bytes: 0 };
        let mut partition_data = Vec::new();
        while sent.batches < most_batches.min(topic.partitions as usize)
            && sent.records < most_records
        {
            let (records, batch) = self.batch(most_records - sent.records)?;
            if sent.bytes + batch.len() > MOST_BYTES && sent.batches > 0 {
                break;
            }
            partition_data.push(PartitionProduceData {
                index: ((start + sent.batches as u32) % topic.partitions) as i32,
                records: Some(batch.clone().freeze().into()),
                ..Default::default()
            });
            sent.records += records;
            sent.batches += 1;
            sent.bytes += batch.len();
        }
        let topic_data = TopicProduceData {
            name: topic.name.clone(),
            topic_id: topic.id,
            partition_data,
            ..Default::default()
        };
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic_data],
            ..Default::default()
        };
        let version = self.connection.produce_version();
        let frame = encode_request(0, Some(CLIENT_ID), &request, version)?;
        Ok(Encoded { frame: frame.to_bytes().to_vec(), sent })
    }

    /// A batch of at most so many records, and how many they are.
    fn batch(&mut self, most_records: usize) -> Result<(usize, BytesMut)> {
        let mut builder = BatchBuilder::new(BytesMut::new());
        self.batches.open(&mut builder, usize::MAX);
        let mut records = 0;
        while records < most_records {
            let key = self.batches.key(self.number);
            if !self.batches.append(&mut builder, self.number, key)? {
                break;
            }
            self.number += 1;
            records += 1;
        }
        let sealed = self.batches.seal(&mut builder, None)?;
        let bytes = sealed.bytes().map(Bytes::from).unwrap_or_default();
        Ok((records, BytesMut::from(&bytes[..])))
    }
}
