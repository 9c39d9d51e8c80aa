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

/// A producer in a partition: its epoch, and its last batches in that epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerState {
    epoch: ProducerEpoch,
    /// The oldest first; never empty.
    window: VecDeque<AppendedBatch>,
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
/// does not begin with 0, for a duplicate that has left the window.
pub fn admit(
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
        Self { epoch, window: VecDeque::from([batch]) }
    }

    /// Remembers a batch that was appended. A new epoch forgets the batches of the old one.
    pub fn record(&mut self, epoch: ProducerEpoch, batch: AppendedBatch) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.window.clear();
        }
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(batch);
    }

    /// The producer's epoch.
    #[must_use]
    pub fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// The batches that are remembered, the oldest first.
    pub fn window(&self) -> impl ExactSizeIterator<Item = &AppendedBatch> {
        self.window.iter()
    }

    /// The sequence that the next batch must begin with, unless it has a new epoch.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.window.back().map_or(Sequence::ZERO, |batch| batch.last_sequence.add(1))
    }

    /// The offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.window.back().map_or(-1, |batch| batch.last_offset)
    }

    /// The largest timestamp of the last batch, ms.
    #[must_use]
    pub fn last_timestamp(&self) -> i64 {
        self.window.back().map_or(-1, |batch| batch.max_timestamp)
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
