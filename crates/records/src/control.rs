//! Control batches: the cluster's own markers in a log.

use bytes::{Bytes, BytesMut};

use crate::builder::BatchBuilder;
use crate::compression::{Compression, Compressor};
use crate::error::{AppendError, BatchError, BatchErrorKind, SealError};
use crate::header::Attributes;
use crate::producer::{ProducerEpoch, ProducerId, ProducerStamp, Sequence};
use crate::record::Record;

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ControlKind {
    /// The transaction of the batch's producer was aborted.
    Abort,
    /// It was committed.
    Commit,
    /// A raft leader was elected (metadata log).
    LeaderChange,
    /// A snapshot begins (metadata log).
    SnapshotHeader,
    /// A snapshot ends (metadata log).
    SnapshotFooter,
    /// The raft protocol's version (metadata log).
    KraftVersion,
    /// The raft voters (metadata log).
    KraftVoters,
    /// A kind that this version does not know: to be skipped.
    Unknown(i16),
}

impl ControlKind {
    /// The kind's number in the record's key.
    pub const fn id(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::LeaderChange => 2,
            Self::SnapshotHeader => 3,
            Self::SnapshotFooter => 4,
            Self::KraftVersion => 5,
            Self::KraftVoters => 6,
            Self::Unknown(id) => id,
        }
    }

    /// The kind of a number.
    pub const fn from_id(id: i16) -> Self {
        match id {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KraftVersion,
            6 => Self::KraftVoters,
            id => Self::Unknown(id),
        }
    }
}

/// A record of a control batch, decoded ([`Attributes::is_control`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord {
    /// What it says.
    pub kind: ControlKind,
    /// For a commit or abort: the epoch of the transaction coordinator that wrote it.
    pub coordinator_epoch: Option<i32>,
}

impl ControlRecord {
    /// Decodes a control record: the key's version and type, and a commit's or abort's value. Later versions may have more
    /// fields behind the known ones.
    ///
    /// # Errors
    /// [`BatchErrorKind::Truncated`] or `OutOfRange`, `at` from the start of the key or value.
    pub fn decode(record: &Record) -> Result<Self, BatchError> {
        let key = record.key.as_deref().unwrap_or_default();
        let kind = ControlKind::from_id(i16::from_be_bytes(versioned("control record key", key)?));
        let coordinator_epoch = match kind {
            ControlKind::Abort | ControlKind::Commit => {
                let value = record.value.as_deref().unwrap_or_default();
                Some(i32::from_be_bytes(versioned("end transaction marker", value)?))
            }
            _ => None,
        };
        Ok(Self { kind, coordinator_epoch })
    }
}

/// The bytes of the first field behind a version that must not be negative.
fn versioned<const N: usize>(what: &'static str, bytes: &[u8]) -> Result<[u8; N], BatchError> {
    let field = bytes.split_first_chunk::<2>().and_then(|(version, rest)| {
        rest.first_chunk::<N>().map(|field| (i16::from_be_bytes(*version), *field))
    });
    match field {
        Some((version, field)) if version >= 0 => Ok(field),
        Some((version, _)) => {
            let kind =
                BatchErrorKind::OutOfRange { value: version.into(), min: 0, max: i16::MAX.into() };
            Err(BatchError::new(what, 0, kind))
        }
        None => {
            let kind = BatchErrorKind::Truncated { needed: N + 2, available: bytes.len() };
            Err(BatchError::new(what, 0, kind))
        }
    }
}

/// The marker that a transaction coordinator has written at the end of a transaction (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// Whether the transaction was committed; else it was aborted.
    pub committed: bool,
    /// The coordinator's epoch.
    pub coordinator_epoch: i32,
    /// When, ms since the epoch.
    pub timestamp: i64,
    /// The producer whose transaction ends.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
}

/// The control batch of one end-of-transaction marker, as a broker appends it; base offset 0.
///
/// # Errors
/// [`AppendError::NegativeTimestamp`].
pub fn end_txn_marker(marker: &EndTxnMarker) -> Result<Bytes, AppendError> {
    let kind = if marker.committed { ControlKind::Commit } else { ControlKind::Abort };
    let mut key = [0; 4];
    key[2..].copy_from_slice(&kind.id().to_be_bytes());
    let mut value = [0; 6];
    value[2..].copy_from_slice(&marker.coordinator_epoch.to_be_bytes());
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(96));
    builder.append(marker.timestamp, Some(&key), Some(&value), [])?;
    let flags = Attributes(Attributes::CONTROL);
    let sealed =
        builder.seal_as(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity, flags);
    let stamp = ProducerStamp {
        producer_id: marker.producer_id,
        producer_epoch: marker.producer_epoch,
        base_sequence: Sequence::NONE,
    };
    match sealed {
        Ok(mut sealed) => Ok(sealed.stamp_unchecked(stamp, true).into()),
        // One record and no codec: neither empty, nor too large, nor compressed.
        Err(SealError::Empty | SealError::TooLarge { .. } | SealError::Compression(_)) => {
            Err(AppendError::TooLarge { size: builder.size(), cap: builder.cap().large_record() })
        }
    }
}
