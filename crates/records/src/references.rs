//! Values that a batch refers to instead of holding a copy.
//!
//! Such a batch is its own buffer, which has everything but these values, and for each of them the place in that buffer
//! before which it stands. Whoever needs the batch's bytes walks both in turns.

use alloc::vec::Vec;

use bytes::Bytes;

/// A value, and where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// Bytes of the batch's own buffer before it.
    pub(crate) at: usize,
    /// Its record's index in the batch.
    pub(crate) record: i32,
    pub(crate) value: Bytes,
}

/// The values that an open batch refers to, in order.
#[derive(Debug, Default)]
pub(crate) struct References {
    list: Vec<Reference>,
    size: usize,
}

impl References {
    /// Bytes of all values.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn push(&mut self, reference: Reference) {
        self.size += reference.value.len();
        self.list.push(reference);
    }

    pub(crate) fn as_slice(&self) -> &[Reference] {
        &self.list
    }
}

/// The batch's bytes in order: pieces of its `own` buffer, and the values between them.
pub(crate) fn slices<'a>(
    own: &'a [u8],
    references: &'a [Reference],
) -> impl Iterator<Item = &'a [u8]> {
    let mut taken = 0;
    let tail = references.last().map_or(0, |last| last.at);
    let pairs = references.iter().flat_map(move |Reference { at, value, .. }| {
        let before = &own[taken..*at];
        taken = *at;
        [before, &value[..]]
    });
    pairs.chain([&own[tail..]])
}

/// The same in one piece, from byte `from` on.
pub(crate) fn gather(own: &[u8], references: &[Reference], from: usize) -> Vec<u8> {
    let values: usize = references.iter().map(|reference| reference.value.len()).sum();
    let mut gathered = Vec::with_capacity(own.len() + values - from);
    // The first piece has the batch's header at least.
    let mut skip = from;
    for slice in slices(own, references) {
        gathered.extend_from_slice(&slice[skip..]);
        skip = 0;
    }
    gathered
}
