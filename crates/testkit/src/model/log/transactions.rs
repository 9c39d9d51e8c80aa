//! Transactions in a log: which are open, which were aborted, and how far a reader of committed records gets (KIP-98).

use std::collections::BTreeMap;

use bytes::BytesMut;
use rohrpost_codec::ErrorCode;
use rohrpost_records::{
    BatchHeader, EndTxnMarker, ProducerId, assign_offset, end_txn_marker, set_log_append_time,
};

use super::{AppendContext, Appended, Log, LoggedBatch};
use crate::model::producers::ProducerState;

/// A transaction that was aborted in a partition: readers of committed records leave its records out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Who produced in it.
    pub producer_id: ProducerId,
    /// The offset of its first record.
    pub first_offset: i64,
    /// The offset of its marker.
    pub last_offset: i64,
}

/// What a batch changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    None,
    Began(ProducerId, i64),
    Committed(AbortedTransaction),
    Aborted(AbortedTransaction),
}

/// The transactions of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    /// Those that are open, by where they began.
    open: BTreeMap<i64, ProducerId>,
    /// Those whose marker is not below the high watermark, by where they began: their marker's offset.
    ended: BTreeMap<i64, i64>,
    /// Those that were aborted, by where they ended.
    aborted: Vec<AbortedTransaction>,
}

impl Transactions {
    pub(super) fn apply(&mut self, change: Change, high_watermark: i64) {
        let ended = match change {
            Change::None => return,
            Change::Began(producer, offset) => {
                self.open.insert(offset, producer);
                return;
            }
            Change::Committed(ended) => ended,
            Change::Aborted(ended) => {
                self.aborted.push(ended);
                ended
            }
        };
        self.open.remove(&ended.first_offset);
        if ended.last_offset >= high_watermark {
            self.ended.insert(ended.first_offset, ended.last_offset);
        }
    }

    pub(super) fn forget_ended(&mut self, high_watermark: i64) {
        self.ended.retain(|_, marker| *marker >= high_watermark);
    }

    pub(super) fn forget_aborted(&mut self, start: i64) {
        self.aborted.retain(|aborted| aborted.last_offset >= start);
    }

    /// What ended at `end` or behind it has not, and what began there neither.
    pub(super) fn truncate(&mut self, end: i64, producers: &BTreeMap<ProducerId, ProducerState>) {
        self.ended.retain(|_, marker| *marker < end);
        self.aborted.retain(|aborted| aborted.last_offset < end);
        let open =
            producers.iter().filter_map(|(id, state)| Some((state.transaction_start()?, *id)));
        self.open = open.collect();
    }
}

impl Log {
    /// The offset below which no transaction is open: how far consumers get that read committed records only.
    #[must_use]
    pub fn last_stable_offset(&self) -> i64 {
        let open = self.transactions.open.keys().next().copied();
        let ended = self.transactions.ended.keys().next().copied();
        let first = [open, ended].into_iter().flatten().fold(self.high_watermark, i64::min);
        // What is left of a log whose start was moved on begins with a whole batch (seen on Kafka 4.3.1).
        first.max(self.batches.front().map_or(self.start_offset, |batch| batch.header.base_offset))
    }

    /// The transactions that were aborted, by where they ended, as far as retention has left them.
    pub fn aborted(&self) -> impl Iterator<Item = &AbortedTransaction> {
        self.transactions.aborted.iter()
    }

    /// The transactions that are open: where each began, and who produces in it.
    pub fn open_transactions(&self) -> impl Iterator<Item = (i64, ProducerId)> {
        self.transactions.open.iter().map(|(&offset, &producer)| (offset, producer))
    }

    /// The batches of records that are committed or were never part of a transaction, below the last stable offset.
    pub fn committed_batches(&self) -> impl Iterator<Item = &LoggedBatch> {
        let readable = self.readable_from(self.start_offset, self.last_stable_offset());
        readable.filter(|batch| {
            let header = &batch.header;
            let is_of = |aborted: &AbortedTransaction| {
                aborted.producer_id == header.producer_id
                    && (aborted.first_offset..=aborted.last_offset).contains(&header.base_offset)
            };
            match header.attributes {
                attributes if attributes.is_control() => false,
                attributes if attributes.is_transactional() => !self.aborted().any(is_of),
                _ => true,
            }
        })
    }

    /// Appends the marker that ends a producer's transaction, or says that there is none.
    ///
    /// # Errors
    ///
    /// INVALID_PRODUCER_EPOCH for an epoch below the producer's; TRANSACTION_COORDINATOR_FENCED for a coordinator that another one has
    /// followed.
    pub fn append_marker(
        &mut self,
        marker: &EndTxnMarker,
        context: AppendContext,
    ) -> Result<Appended, ErrorCode> {
        if let Some(state) = self.producers().get(&marker.producer_id) {
            if marker.producer_epoch < state.epoch() {
                return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
            }
            if marker.coordinator_epoch < state.coordinator_epoch() {
                return Err(ErrorCode::TRANSACTION_COORDINATOR_FENCED);
            }
        }
        let batch = end_txn_marker(marker).map_err(|_| ErrorCode::INVALID_TIMESTAMP)?;
        let mut bytes = BytesMut::from(&batch[..]);
        let corrupt = |_| ErrorCode::CORRUPT_MESSAGE;
        if let Some(timestamp) = context.log_append_time {
            set_log_append_time(&mut bytes, timestamp).map_err(corrupt)?;
        }
        assign_offset(&mut bytes, self.end_offset, context.leader_epoch).map_err(corrupt)?;
        let header = BatchHeader::parse(&bytes).map_err(corrupt)?;
        self.verifying.remove(&marker.producer_id);
        self.push(LoggedBatch { header, bytes: bytes.freeze(), appended_at: context.now });
        Ok(Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time: -1,
            is_duplicate: false,
        })
    }
}
