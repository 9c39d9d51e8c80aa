//! What a partition's leader remembers of producers, and how it judges their next batch (KIP-98, KIP-360).

use std::collections::VecDeque;

use rohrpost_codec::ErrorCode;
use rohrpost_records::{BatchHeader, ProducerEpoch, Sequence};

/// How many batches a leader remembers for each producer: a duplicate of an older one is out of order.
pub const WINDOW: usize = 5;

/// A batch that a producer appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedBatch {
    /// The sequence of its first record.
    pub base_sequence: Sequence,
    /// The sequence of its last record.
    pub last_sequence: Sequence,
    /// The offset of its first record.
    pub base_offset: i64,
    /// The offset of its last record.
    pub last_offset: i64,
    /// Its largest timestamp, ms: what a duplicate is answered with.
    pub max_timestamp: i64,
}

/// A producer in a partition: its epoch, its last batches in that epoch, and its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerState {
    epoch: ProducerEpoch,
    /// The oldest first; empty where a marker began the epoch.
    window: VecDeque<AppendedBatch>,
    /// The largest timestamp of the last batch or marker, ms.
    last_timestamp: i64,
    /// Where the transaction that is open began.
    transaction_start: Option<i64>,
    /// The epoch of the transaction coordinator that wrote the last marker; -1 before the first.
    coordinator_epoch: i32,
}

/// A transaction that a producer wants to begin in a partition, and that the coordinator has not confirmed (KIP-890).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The producer's epoch.
    pub epoch: ProducerEpoch,
    /// The lowest sequence that it has tried to begin with: no later one is taken before that.
    pub lowest: Sequence,
    /// Whether it was asked for as in transaction version 2: then a producer that the partition does not know begins with 0.
    pub is_version_2: bool,
}

/// What is to be done with a batch that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Append it.
    Append,
    /// It is in the log already, there.
    Duplicate(AppendedBatch),
}

/// Judges an idempotent batch by what the partition knows of its producer, and of a transaction that it wants to begin.
///
/// A producer that is not known and does not ask for a transaction may begin anywhere, as on a real broker (seen on Kafka 4.3.1, on
/// a topic just created).
///
/// # Errors
///
/// INVALID_PRODUCER_EPOCH for an epoch below the producer's; OUT_OF_ORDER_SEQUENCE_NUMBER for a gap, for a new epoch that
/// does not begin with 0, for a duplicate that has left the window; INVALID_TXN_STATE for a batch outside of a transaction from a
/// producer that is in one.
pub fn admit(
    state: Option<&ProducerState>,
    verification: Option<&Verification>,
    header: &BatchHeader,
) -> Result<Admission, ErrorCode> {
    let admission = admit_in_order(state, verification, header)?;
    let is_in_transaction = state.is_some_and(|state| state.transaction_start.is_some());
    let is_outside = is_in_transaction && !header.attributes.is_transactional();
    match admission {
        Admission::Append if is_outside => Err(ErrorCode::INVALID_TXN_STATE),
        admission => Ok(admission),
    }
}

fn admit_in_order(
    state: Option<&ProducerState>,
    verification: Option<&Verification>,
    header: &BatchHeader,
) -> Result<Admission, ErrorCode> {
    let is_too_early = verification.is_some_and(|v| header.base_sequence.0 > v.lowest.0);
    let Some(state) = state else {
        let begins_at_zero = verification.is_some_and(|verification| verification.is_version_2);
        return if header.producer_epoch < ProducerEpoch::NONE {
            Err(ErrorCode::INVALID_PRODUCER_EPOCH)
        } else if is_too_early || (begins_at_zero && header.base_sequence != Sequence::ZERO) {
            Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        } else {
            Ok(Admission::Append)
        };
    };
    if header.producer_epoch < state.epoch {
        return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
    }
    if let Some(duplicate) = state.duplicate(header) {
        return Ok(Admission::Duplicate(duplicate));
    }
    if is_too_early {
        return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    }
    if state.epoch == ProducerEpoch::NONE {
        // Batches without an epoch leave no trace that the next one would have to follow.
        return Ok(Admission::Append);
    }
    if header.producer_epoch > state.epoch {
        return if header.base_sequence == Sequence::ZERO {
            Ok(Admission::Append)
        } else {
            Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        };
    }
    if header.base_sequence == state.next_sequence() {
        Ok(Admission::Append)
    } else {
        Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
    }
}

impl ProducerState {
    /// A producer's first batch in the partition.
    #[must_use]
    pub fn new(epoch: ProducerEpoch, batch: AppendedBatch) -> Self {
        let mut state = Self::unknown();
        state.record(epoch, batch);
        state
    }

    /// A producer of which nothing has come yet.
    pub(super) fn unknown() -> Self {
        Self {
            epoch: ProducerEpoch::NONE,
            window: VecDeque::new(),
            last_timestamp: -1,
            transaction_start: None,
            coordinator_epoch: -1,
        }
    }

    /// Remembers a batch that was appended. A new epoch forgets the batches of the old one.
    pub fn record(&mut self, epoch: ProducerEpoch, batch: AppendedBatch) {
        self.enter(epoch);
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(batch);
        self.last_timestamp = batch.max_timestamp;
    }

    /// A transaction begins at this offset, if none is open.
    pub(super) fn begin_transaction(&mut self, offset: i64) {
        self.transaction_start.get_or_insert(offset);
    }

    /// A marker ends the transaction that is open, if one is: where that began. A new epoch forgets the batches of the old one, so
    /// that the next batch has to begin with 0.
    pub(super) fn end_transaction(
        &mut self,
        epoch: ProducerEpoch,
        coordinator_epoch: i32,
        timestamp: i64,
    ) -> Option<i64> {
        self.enter(epoch);
        self.coordinator_epoch = coordinator_epoch;
        self.last_timestamp = timestamp;
        self.transaction_start.take()
    }

    fn enter(&mut self, epoch: ProducerEpoch) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.window.clear();
        }
    }

    /// The producer's epoch.
    #[must_use]
    pub fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// The batches that are remembered, the oldest first; none where a marker has begun the epoch.
    pub fn window(&self) -> impl ExactSizeIterator<Item = &AppendedBatch> {
        self.window.iter()
    }

    /// The sequence that the next batch must begin with, unless it has a new epoch.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.window.back().map_or(Sequence::ZERO, |batch| batch.last_sequence.add(1))
    }

    /// The offset of the last record that is remembered; -1 for none.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.window.back().map_or(-1, |batch| batch.last_offset)
    }

    /// The largest timestamp of the last batch or marker, ms.
    #[must_use]
    pub fn last_timestamp(&self) -> i64 {
        self.last_timestamp
    }

    /// Where the transaction began that is open in the partition; `None` outside of one.
    #[must_use]
    pub fn transaction_start(&self) -> Option<i64> {
        self.transaction_start
    }

    /// The epoch of the transaction coordinator that wrote the last marker; -1 before the first.
    #[must_use]
    pub fn coordinator_epoch(&self) -> i32 {
        self.coordinator_epoch
    }

    fn duplicate(&self, header: &BatchHeader) -> Option<AppendedBatch> {
        let is_it = |batch: &&AppendedBatch| {
            header.producer_epoch == self.epoch
                && batch.base_sequence == header.base_sequence
                && batch.last_sequence == header.last_sequence()
        };
        self.window.iter().find(is_it).copied()
    }
}
