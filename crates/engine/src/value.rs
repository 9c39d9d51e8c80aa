//! Values, copied and referred to.

use bytes::Bytes;
use rohrpost_records::{AppendError, BatchBuilder, RecordHeader};

/// [`AppenderConfig::reference_from`](crate::AppenderConfig::reference_from) of the producer. In batches of 16 KiB a reference costs what copying 2 to 4 KB
/// costs, and saves a tenth of a record's CPU up to 8 KB, a third from 16 KiB on. A reference may also keep more memory than its length, for it may be a
/// piece of something larger: what saves little is copied.
pub const REFERENCE_FROM: usize = 16 * 1024;

/// A record's value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// To be copied; `None` for null.
    Copied(Option<&'a [u8]>),
    /// To be referred to if it is large ([`AppenderConfig::reference_from`](crate::AppenderConfig::reference_from)): until the batch is done it is not freed then.
    Shared(&'a Bytes),
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Copied(value)
    }
}

impl<'a> From<&'a Bytes> for Value<'a> {
    fn from(value: &'a Bytes) -> Self {
        Self::Shared(value)
    }
}

impl<'a> Value<'a> {
    pub(crate) fn as_slice(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Copied(value) => value,
            Self::Shared(value) => Some(value),
        }
    }

    /// The same, to be copied if it is shorter than `limit`; `None`: however long it is.
    pub(crate) fn referred_from(self, limit: Option<usize>) -> Self {
        match self {
            Self::Shared(value) if limit.is_none_or(|limit| value.len() < limit) => {
                Self::Copied(Some(value))
            }
            value => value,
        }
    }

    /// Bytes of the batch that its buffer does not hold.
    pub(crate) fn referenced(&self) -> usize {
        match self {
            Self::Copied(_) => 0,
            Self::Shared(value) => value.len(),
        }
    }

    /// Appends a record with this value, growing the builder's buffer only if it may.
    pub(crate) fn append_to<'h>(
        self,
        builder: &mut BatchBuilder,
        timestamp: i64,
        key: Option<&[u8]>,
        headers: impl ExactSizeIterator<Item = RecordHeader<'h>> + Clone,
        may_grow: bool,
    ) -> Result<i32, AppendError> {
        match (self, may_grow) {
            (Self::Copied(value), true) => builder.append(timestamp, key, value, headers),
            (Self::Copied(value), false) => builder.try_append(timestamp, key, value, headers),
            (Self::Shared(value), true) => builder.append_shared(timestamp, key, value, headers),
            (Self::Shared(value), false) => {
                builder.try_append_shared(timestamp, key, value, headers)
            }
        }
    }
}

/// What a record needs room for.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    /// The most bytes that a batch of this record takes.
    pub(crate) size: usize,
    /// Those of them that the buffer does not hold.
    pub(crate) referenced: usize,
}

impl Need {
    pub(crate) const fn buffer(self) -> usize {
        self.size - self.referenced
    }
}
