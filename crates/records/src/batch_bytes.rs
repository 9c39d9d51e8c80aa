//! The stamped batch.

use alloc::sync::Arc;
use core::fmt;

use bytes::Bytes;

use crate::references::{self, Reference};

/// A batch as it goes out, shared by every attempt to send it: immutable, and cheap to clone.
///
/// It is one piece, unless values were appended by reference
/// ([`BatchBuilder::append_shared`](crate::BatchBuilder::append_shared)). Then these stand between pieces of the batch's own
/// buffer, and a vectored write of the [`segments`](Self::segments) copies nothing.
#[derive(Clone)]
pub struct BatchBytes {
    own: Bytes,
    references: Option<Arc<[Reference]>>,
    len: usize,
}

impl BatchBytes {
    pub(crate) fn new(own: Bytes, references: Option<Arc<[Reference]>>) -> Self {
        let values = references.iter().flat_map(|all| all.iter());
        let len = own.len() + values.map(|reference| reference.value.len()).sum::<usize>();
        Self { own, references, len }
    }

    /// Bytes of the batch, header included.
    #[expect(clippy::len_without_is_empty, reason = "a batch has its header at least")]
    pub const fn len(&self) -> usize {
        self.len
    }

    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        references::slices(&self.own, self.references.as_deref().unwrap_or_default())
    }

    /// The bytes in order, in as few pieces as they lie in memory; none is empty.
    pub fn segments(&self) -> impl Iterator<Item = Bytes> + '_ {
        let references = self.references.as_deref().unwrap_or_default();
        let mut taken = 0;
        let tail = references.last().map_or(0, |last| last.at);
        let pairs = references.iter().flat_map(move |Reference { at, value, .. }| {
            let before = self.own.slice(taken..*at);
            taken = *at;
            [before, value.clone()]
        });
        pairs.chain([self.own.slice(tail..)]).filter(|segment| !segment.is_empty())
    }

    /// The bytes in one piece: a copy, if there are several segments.
    pub fn to_bytes(&self) -> Bytes {
        match &self.references {
            None => self.own.clone(),
            Some(references) => references::gather(&self.own, references, 0).into(),
        }
    }
}

/// One piece; a copy, if there are several segments.
impl From<BatchBytes> for Bytes {
    fn from(batch: BatchBytes) -> Self {
        batch.to_bytes()
    }
}

/// Equality is that of the bytes, however they lie in memory.
impl PartialEq for BatchBytes {
    fn eq(&self, other: &Self) -> bool {
        match (&self.references, &other.references) {
            (None, None) => self.own == other.own,
            _ => self.len == other.len && self.slices().flatten().eq(other.slices().flatten()),
        }
    }
}

impl Eq for BatchBytes {}

/// Shows sizes, not contents.
impl fmt::Debug for BatchBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBytes")
            .field("len", &self.len)
            .field("referenced", &(self.len - self.own.len()))
            .finish()
    }
}
