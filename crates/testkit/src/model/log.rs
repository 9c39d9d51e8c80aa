//! A partition's log: batches as they were appended, and what is remembered of their producers.

mod batch;
mod transactions;

pub use batch::{AppendContext, Appended, LoggedBatch, LoggedRecord};
pub use transactions::AbortedTransaction;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::BytesMut;
use rohrpost_codec::ErrorCode;
use rohrpost_records::{
    BatchError, BatchHeader, ProducerId, ProducerStamp, RecordBatch, assign_offset,
    set_log_append_time,
};

use self::transactions::{Change, Transactions};
use super::producers::{Admission, AppendedBatch, ProducerState, Verification, admit};

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
    /// What was remembered of producers before the first batch that is left.
    retired: BTreeMap<ProducerId, ProducerState>,
    transactions: Transactions,
    /// Transactions that were asked for and not confirmed.
    verifying: Verifications,
}

/// What a leader remembers of transactions that are to begin.
pub(super) type Verifications = BTreeMap<ProducerId, Verification>;

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
        if header.attributes.is_transactional() {
            self.verifying.remove(&header.producer_id);
        }
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
        self.transactions.forget_ended(self.high_watermark);
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
        self.transactions.truncate(end, &self.producers);
        lost
    }

    /// Removes the batches before `offset`, and says that what is left of the first one begins there, as DeleteRecords does.
    pub fn delete_before(&mut self, offset: i64) {
        self.start_offset = offset.clamp(self.start_offset, self.high_watermark);
        while let Some(first) = self.batches.front() {
            if first.header.last_offset() >= self.start_offset {
                break;
            }
            self.drop_first();
        }
        self.transactions.forget_aborted(self.start_offset);
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
                break;
            }
            self.start_offset = first.header.last_offset() + 1;
            self.drop_first();
        }
        self.transactions.forget_aborted(self.start_offset);
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

    /// Forgets every producer that is in no transaction, as a broker does after `producer.id.expiration.ms`.
    pub fn forget_producers(&mut self) {
        self.forget_producers_since(i64::MAX);
    }

    /// Forgets the producers that are in no transaction and whose last batch has no timestamp since `timestamp`, ms. Kafka goes by the
    /// timestamps of records too, which are the producer's own (seen on 4.3.1).
    pub fn forget_producers_since(&mut self, timestamp: i64) {
        self.producers.retain(|_, state| {
            state.last_timestamp() > timestamp || state.transaction_start().is_some()
        });
        self.retired.retain(|id, _| self.producers.contains_key(id));
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

    /// The batches from the one that holds `offset` on, below `end`: the high watermark for whoever reads everything, the last stable
    /// offset for whoever reads what is committed.
    pub fn readable_from(&self, offset: i64, end: i64) -> impl Iterator<Item = &LoggedBatch> {
        let first = self.batches.partition_point(|batch| batch.header.last_offset() < offset);
        self.batches.range(first..).take_while(move |batch| batch.header.last_offset() < end)
    }

    /// The first record below `end` with a timestamp of at least `timestamp`, be it a marker: its offset and timestamp.
    #[must_use]
    pub fn first_since(&self, timestamp: i64, end: i64) -> Option<(i64, i64)> {
        let mut batches = self.batches.iter().filter(|b| b.header.max_timestamp >= timestamp);
        batches.find_map(|batch| {
            let (offset, at) = match batch.header.attributes.is_control() {
                true => (batch.header.base_offset, batch.header.max_timestamp),
                false => {
                    let record = batch.records().find(|record| record.timestamp >= timestamp)?;
                    (record.offset, record.timestamp)
                }
            };
            (offset < end).then_some((offset, at))
        })
    }

    /// The record below `end` with the largest timestamp, the first of them: its offset and timestamp.
    #[must_use]
    pub fn newest(&self, end: i64) -> Option<(i64, i64)> {
        let readable = self.readable_from(self.start_offset, end);
        let max = readable.map(|batch| batch.header.max_timestamp).max()?;
        self.first_since(max, end)
    }

    fn push(&mut self, batch: LoggedBatch) {
        self.end_offset = batch.header.last_offset() + 1;
        self.bytes += batch.bytes.len() as u64;
        let change = remember(&mut self.producers, &batch);
        self.transactions.apply(change, self.high_watermark);
        self.batches.push_back(batch);
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.batches.pop_front() {
            self.bytes -= first.bytes.len() as u64;
            remember(&mut self.retired, &first);
        }
    }

    /// Producer state is what the log says, and what it said before the batches that retention has removed.
    fn rebuild_producers(&mut self) {
        self.producers.clone_from(&self.retired);
        for batch in &self.batches {
            remember(&mut self.producers, batch);
        }
    }
}

/// What a batch says of its producer, and of a transaction.
fn remember(producers: &mut BTreeMap<ProducerId, ProducerState>, batch: &LoggedBatch) -> Change {
    let header = &batch.header;
    if !header.producer_id.is_some() {
        return Change::None;
    }
    let state = producers.entry(header.producer_id).or_insert_with(ProducerState::unknown);
    if let Some(marker) = batch.marker() {
        let (epoch, at) = (header.producer_epoch, header.max_timestamp);
        let began = state.end_transaction(epoch, marker.coordinator_epoch, at);
        return began.map_or(Change::None, |first_offset| {
            let (producer_id, last_offset) = (header.producer_id, header.last_offset());
            let ended = AbortedTransaction { producer_id, first_offset, last_offset };
            if marker.committed { Change::Committed(ended) } else { Change::Aborted(ended) }
        });
    }
    let appended = AppendedBatch {
        base_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        max_timestamp: header.max_timestamp,
    };
    state.record(header.producer_epoch, appended);
    if header.attributes.is_transactional() && state.transaction_start().is_none() {
        state.begin_transaction(header.base_offset);
        return Change::Began(header.producer_id, header.base_offset);
    }
    Change::None
}
