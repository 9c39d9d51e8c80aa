//! What a log is made of: batches, records, and the markers between them.

use std::time::Duration;

use bytes::Bytes;
use rohrpost_records::{
    BatchHeader, ControlKind, ControlRecord, Header, ProducerEpoch, ProducerId, RecordBatch,
    Sequence,
};

use crate::model::producers::AppendedBatch;
use crate::model::validate::MAX_DECOMPRESSED;

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

/// The end of a transaction, in the log of one of its partitions (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) committed: bool,
    pub(crate) coordinator_epoch: i32,
}

impl LoggedBatch {
    /// The batch's records in order, decompressed: what a producer sent, and so none of a transaction's marker. They were checked when
    /// the batch was appended.
    pub fn records(&self) -> impl Iterator<Item = LoggedRecord> + use<> {
        let header = self.header;
        let parsed = RecordBatch::parse(&self.bytes).and_then(|(b, _)| b.records(MAX_DECOMPRESSED));
        let parsed = parsed.ok().filter(|_| !header.attributes.is_control());
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

impl LoggedBatch {
    /// Whether it is the marker of a transaction that was committed (`true`) or aborted (`false`); `None` for records.
    #[must_use]
    pub fn committed(&self) -> Option<bool> {
        self.marker().map(|marker| marker.committed)
    }

    pub(crate) fn marker(&self) -> Option<Marker> {
        if !self.header.attributes.is_control() {
            return None;
        }
        let (batch, _) = RecordBatch::parse(&self.bytes).ok()?;
        let record = batch.records(MAX_DECOMPRESSED).ok()?.next()?.ok()?;
        let control = ControlRecord::decode(&record).ok()?;
        let committed = match control.kind {
            ControlKind::Commit => true,
            ControlKind::Abort => false,
            _ => return None,
        };
        Some(Marker { committed, coordinator_epoch: control.coordinator_epoch? })
    }
}

impl Appended {
    /// A duplicate is answered with the place of the first, and with its largest timestamp whatever the topic's timestamp type.
    pub(super) fn again(found: &AppendedBatch) -> Self {
        Self {
            base_offset: found.base_offset,
            last_offset: found.last_offset,
            log_append_time: found.max_timestamp,
            is_duplicate: true,
        }
    }
}
