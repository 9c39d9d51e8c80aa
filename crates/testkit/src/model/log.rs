//! A partition's log: batches as they were appended, and what is remembered of their producers.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rohrpost_records::{
    BatchError, BatchHeader, Header, ProducerEpoch, ProducerId, ProducerStamp, RecordBatch,
    Sequence, assign_offset, set_log_append_time,
};

use super::producers::{Admission, AppendedBatch, ProducerState, Verification, admit};
use super::validate::MAX_DECOMPRESSED;
use rohrpost_codec::ErrorCode;

/// A batch in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedBatch {
    /// The batch's header: its `base_offset` is its place in the log.
    pub header: BatchHeader,
    /// The whole batch as a consumer fetches it.
    pub bytes: Bytes,
    /// When it was appended.
    pub appended_at: Duration,
}

/// A record in a log, with what its batch says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRecord {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch: the producer's, or the broker's in a topic with log append time.
    pub timestamp: i64,
    /// The key; `None` for null.
    pub key: Option<Bytes>,
    /// The value; `None` for null.
    pub value: Option<Bytes>,
    /// The headers in order.
    pub headers: Vec<Header>,
    /// Who produced it; [`ProducerId::NONE`] without idempotence.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The record's own sequence; [`Sequence::NONE`] without idempotence.
    pub sequence: Sequence,
}

/// Where a batch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub base_offset: i64,
    /// The offset of its last record.
    pub last_offset: i64,
    /// What the answer says of the time: -1 where the producer's timestamps stand.
    pub log_append_time: i64,
    /// Whether it had been appended before, and was not again.
    pub is_duplicate: bool,
}

/// The log of a partition, as its leader has it.
#[derive(Clone, Debug, Default)]
pub struct Log {
    batches: VecDeque<LoggedBatch>,
    bytes: u64,
    start_offset: i64,
    end_offset: i64,
    high_watermark: i64,
    /// Each leader epoch that appended, and the offset at which it began.
    epochs: Vec<(i32, i64)>,
    producers: BTreeMap<ProducerId, ProducerState>,
    /// Transactions that were asked for and not confirmed.
    verifying: Verifications,
}

/// What a leader remembers of transactions that are to begin.
pub(super) type Verifications = BTreeMap<ProducerId, Verification>;

/// What an append needs to know besides the batch.
#[derive(Clone, Copy, Debug)]
pub struct AppendContext {
    /// The time since the start.
    pub now: Duration,
    /// The wall time, ms, if the topic has log append time.
    pub log_append_time: Option<i64>,
    /// The leader's epoch.
    pub leader_epoch: i32,
}

impl Log {
    /// The batches, the oldest first.
    pub fn batches(&self) -> impl DoubleEndedIterator<Item = &LoggedBatch> {
        self.batches.iter()
    }

    /// The offset of the first record that is left.
    #[must_use]
    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The offset that the next record gets.
    #[must_use]
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// The offset up to which every in-sync replica has the log: what consumers see, and what survives the leader.
    #[must_use]
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// What is remembered of each producer.
    #[must_use]
    pub fn producers(&self) -> &BTreeMap<ProducerId, ProducerState> {
        &self.producers
    }

    /// Appends a batch that has been checked, or finds that it is there already.
    ///
    /// # Errors
    ///
    /// What [`admit`] says; CORRUPT_MESSAGE for bytes that are no batch.
    pub fn append(
        &mut self,
        batch: &RecordBatch,
        context: AppendContext,
    ) -> Result<Appended, ErrorCode> {
        let header = batch.header();
        if header.producer_id.is_some() {
            let state = self.producers.get(&header.producer_id);
            match admit(state, self.verifying.get(&header.producer_id), header)? {
                Admission::Duplicate(found) => return Ok(Appended::again(&found)),
                Admission::Append => {}
            }
        }
        let corrupt = |_: BatchError| ErrorCode::CORRUPT_MESSAGE;
        let mut bytes = BytesMut::from(&batch.bytes()[..]);
        if let Some(timestamp) = context.log_append_time {
            set_log_append_time(&mut bytes, timestamp).map_err(corrupt)?;
        }
        assign_offset(&mut bytes, self.end_offset, context.leader_epoch).map_err(corrupt)?;
        let header = BatchHeader::parse(&bytes).map_err(corrupt)?;
        self.push(LoggedBatch { header, bytes: bytes.freeze(), appended_at: context.now });
        Ok(Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time: context.log_append_time.unwrap_or(-1),
            is_duplicate: false,
        })
    }

    /// Moves the high watermark on to `end`, never back.
    pub fn advance_high_watermark(&mut self, end: i64) {
        self.high_watermark = end.min(self.end_offset).max(self.high_watermark);
    }

    /// Where the batches end that were appended by then.
    #[must_use]
    pub fn end_of_appended_by(&self, until: Duration) -> i64 {
        let after = self.batches.partition_point(|batch| batch.appended_at <= until);
        self.batches.get(after).map_or(self.end_offset, |batch| batch.header.base_offset)
    }

    /// The first batch of which anything is at `offset` or behind it.
    #[must_use]
    pub fn first_batch_from(&self, offset: i64) -> Option<&LoggedBatch> {
        self.batches.get(self.batches.partition_point(|b| b.header.last_offset() < offset))
    }

    /// Loses everything from `end` on, as happens when a replica takes over that has no more: the number of records.
    pub fn truncate(&mut self, end: i64) -> u64 {
        let lost = (self.end_offset - end).max(0).unsigned_abs();
        if lost == 0 {
            return 0;
        }
        while let Some(last) = self.batches.back().filter(|last| last.header.base_offset >= end) {
            self.bytes -= last.bytes.len() as u64;
            self.batches.pop_back();
        }
        self.end_offset = end;
        self.start_offset = self.start_offset.min(end);
        self.high_watermark = self.high_watermark.min(end);
        self.epochs.retain(|&(_, start)| start < end);
        self.rebuild_producers();
        lost
    }

    /// Removes the batches before `offset`, and says that what is left of the first one begins there, as DeleteRecords does.
    pub fn delete_before(&mut self, offset: i64) {
        self.start_offset = offset.clamp(self.start_offset, self.high_watermark);
        while let Some(first) = self.batches.front() {
            if first.header.last_offset() >= self.start_offset {
                return;
            }
            self.bytes -= first.bytes.len() as u64;
            self.batches.pop_front();
        }
    }

    /// Removes the oldest batches that have no record since `timestamp`, ms. What followers lack stays.
    pub fn retain_since(&mut self, timestamp: i64) {
        let old = self.batches.iter().take_while(|batch| {
            batch.header.max_timestamp < timestamp
                && batch.header.last_offset() < self.high_watermark
        });
        if let Some(last) = old.last() {
            self.delete_before(last.header.last_offset() + 1);
        }
    }

    /// Removes the oldest batches while the log is over `limit` bytes: a tighter bound than Kafka's, which keeps the segment that
    /// crosses the limit. The last batch stays, and what followers lack.
    pub fn retain_bytes(&mut self, limit: u64) {
        while self.batches.len() > 1 && self.bytes > limit {
            let Some(first) = self.batches.front() else { return };
            if first.header.last_offset() >= self.high_watermark {
                return;
            }
            self.start_offset = first.header.last_offset() + 1;
            self.bytes -= first.bytes.len() as u64;
            self.batches.pop_front();
        }
    }

    /// Remembers that a producer wants to begin a transaction with this batch, until it has (KIP-890).
    pub fn begin_verification(&mut self, producer: &ProducerStamp, is_version_2: bool) {
        let (epoch, lowest) = (producer.producer_epoch, producer.base_sequence);
        let new = Verification { epoch, lowest, is_version_2 };
        let entry = self.verifying.entry(producer.producer_id).or_insert(new);
        if epoch > entry.epoch || (epoch == entry.epoch && lowest.0 < entry.lowest.0) {
            (entry.epoch, entry.lowest) = (epoch, lowest);
        }
    }

    /// Goes on with what another broker remembers of such transactions, which followers do not copy; gives what this one did.
    pub(super) fn exchange_verifications(&mut self, others: Verifications) -> Verifications {
        std::mem::replace(&mut self.verifying, others)
    }

    /// Forgets every producer, as a broker does after `producer.id.expiration.ms`.
    pub fn forget_producers(&mut self) {
        self.producers.clear();
    }

    /// Forgets the producers whose last batch has no timestamp since `timestamp`, ms. Kafka goes by the timestamps of records too,
    /// which are the producer's own (seen on 4.3.1).
    pub fn forget_producers_since(&mut self, timestamp: i64) {
        self.producers.retain(|_, state| state.last_timestamp() > timestamp);
    }

    /// A leader begins with the next record.
    pub fn begin_epoch(&mut self, epoch: i32) {
        // An epoch that appended nothing leaves no trace.
        self.epochs.retain(|&(_, start)| start < self.end_offset);
        self.epochs.push((epoch, self.end_offset));
    }

    /// The leader epoch of the record at `offset`, or of the next one; -1 before the first leader.
    #[must_use]
    pub fn epoch_at(&self, offset: i64) -> i32 {
        let after = self.epochs.partition_point(|&(_, start)| start <= offset);
        after
            .checked_sub(1)
            .and_then(|index| self.epochs.get(index))
            .map_or(-1, |&(epoch, _)| epoch)
    }

    /// Where the records of `epoch` end: the largest epoch up to it that appended, and the offset behind its last record. For an
    /// epoch before the first, that one and where the first begins; `None` for an epoch that is still to come.
    #[must_use]
    pub fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        let after = self.epochs.partition_point(|&(known, _)| known <= epoch);
        let next = self.epochs.get(after).map(|&(_, start)| start);
        match after.checked_sub(1).and_then(|index| self.epochs.get(index)) {
            Some(&(found, _)) if found < epoch && next.is_none() => None,
            Some(&(found, _)) => Some((found, next.unwrap_or(self.end_offset))),
            None => next.map(|start| (epoch, start)),
        }
    }

    /// The batches from the one that holds `offset` on, below the high watermark.
    pub fn readable_from(&self, offset: i64) -> impl Iterator<Item = &LoggedBatch> {
        let first = self.batches.partition_point(|batch| batch.header.last_offset() < offset);
        let end = self.high_watermark;
        self.batches.range(first..).take_while(move |batch| batch.header.last_offset() < end)
    }

    /// The first record with a timestamp of at least `timestamp`: its offset and timestamp.
    #[must_use]
    pub fn first_since(&self, timestamp: i64) -> Option<(i64, i64)> {
        let mut batches = self.batches.iter().filter(|b| b.header.max_timestamp >= timestamp);
        batches.find_map(|batch| {
            let record = batch.records().find(|record| record.timestamp >= timestamp)?;
            (record.offset < self.high_watermark).then_some((record.offset, record.timestamp))
        })
    }

    /// The record with the largest timestamp, the first of them: its offset and timestamp.
    #[must_use]
    pub fn newest(&self) -> Option<(i64, i64)> {
        let max = self.readable_from(self.start_offset).map(|b| b.header.max_timestamp).max()?;
        self.first_since(max)
    }

    fn push(&mut self, batch: LoggedBatch) {
        self.end_offset = batch.header.last_offset() + 1;
        self.bytes += batch.bytes.len() as u64;
        remember(&mut self.producers, &batch.header);
        self.batches.push_back(batch);
    }

    /// Producer state is what the log says, but for producers whose batches retention has removed.
    fn rebuild_producers(&mut self) {
        let mut producers = BTreeMap::new();
        for batch in &self.batches {
            remember(&mut producers, &batch.header);
        }
        for (id, state) in std::mem::take(&mut self.producers) {
            if state.last_offset() < self.start_offset {
                producers.entry(id).or_insert(state);
            }
        }
        self.producers = producers;
    }
}

impl LoggedBatch {
    /// The batch's records in order, decompressed. They were checked when the batch was appended.
    pub fn records(&self) -> impl Iterator<Item = LoggedRecord> + use<> {
        let header = self.header;
        let parsed = RecordBatch::parse(&self.bytes).and_then(|(b, _)| b.records(MAX_DECOMPRESSED));
        parsed.into_iter().flatten().flatten().map(move |record| LoggedRecord {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            sequence: if header.base_sequence == Sequence::NONE {
                Sequence::NONE
            } else {
                header.base_sequence.add((record.offset - header.base_offset) as i32)
            },
        })
    }
}

impl Appended {
    /// A duplicate is answered with the place of the first, and with its largest timestamp whatever the topic's timestamp type.
    fn again(found: &AppendedBatch) -> Self {
        Self {
            base_offset: found.base_offset,
            last_offset: found.last_offset,
            log_append_time: found.max_timestamp,
            is_duplicate: true,
        }
    }
}

fn remember(producers: &mut BTreeMap<ProducerId, ProducerState>, header: &BatchHeader) {
    if !header.producer_id.is_some() {
        return;
    }
    let batch = AppendedBatch {
        base_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        max_timestamp: header.max_timestamp,
    };
    match producers.get_mut(&header.producer_id) {
        Some(state) => state.record(header.producer_epoch, batch),
        None => {
            producers.insert(header.producer_id, ProducerState::new(header.producer_epoch, batch));
        }
    }
}
