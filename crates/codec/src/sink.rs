//! Where an encoder puts its bytes: into a count, or into segments.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

/// Bytes of at least this length are referenced by a segment of their own instead of being copied.
const REFERENCE_FROM: usize = 1024;

/// The receiver of an encoder's bytes. One encoding function serves them all, so that sizes and
/// bytes cannot disagree.
pub(crate) trait Sink {
    /// Takes a copy of `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Takes `bytes`, by reference where that is worth it.
    fn put_shared(&mut self, bytes: &Bytes) {
        self.put(bytes);
    }
}

/// Counts bytes.
#[derive(Debug, Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Collects bytes in one buffer, and references to large ones between them.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    copied: BytesMut,
    /// What stands between the copied bytes, and before how many of them it stands.
    shared: Vec<(usize, Bytes)>,
    len: usize,
}

impl Segments {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { copied: BytesMut::with_capacity(capacity), ..Self::default() }
    }

    /// The bytes put so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Overwrites copied bytes from `at` on.
    pub(crate) fn patch(&mut self, at: usize, bytes: &[u8]) {
        self.copied[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The segments in order, none of them empty.
    pub(crate) fn finish(self) -> Vec<Bytes> {
        let mut copied = self.copied.freeze();
        let mut taken = 0;
        let mut segments = Vec::with_capacity(2 * self.shared.len() + 1);
        for (before, shared) in self.shared {
            segments.push(copied.split_to(before - taken));
            segments.push(shared);
            taken = before;
        }
        segments.push(copied);
        segments.retain(|segment| !segment.is_empty());
        segments
    }
}

impl Sink for Segments {
    fn put(&mut self, bytes: &[u8]) {
        self.copied.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < REFERENCE_FROM {
            self.put(bytes);
        } else {
            self.shared.push((self.copied.len(), bytes.clone()));
            self.len += bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn large_bytes_become_segments_and_small_ones_are_copied() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let small = Bytes::from(vec![8; REFERENCE_FROM - 1]);
        let mut sink = Segments::default();
        sink.put(b"ab");
        sink.put_shared(&large);
        sink.put_shared(&large);
        sink.put_shared(&small);
        sink.patch(1, b"x");
        assert_eq!(sink.len(), 2 + 2 * large.len() + small.len());
        let segments = sink.finish();
        assert_eq!(segments, [Bytes::from_static(b"ax"), large.clone(), large.clone(), small]);
        assert_eq!(segments[1].as_ptr(), large.as_ptr());
    }

    #[test]
    fn no_segment_is_empty() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let mut sink = Segments::default();
        sink.put_shared(&large);
        assert_eq!(sink.finish(), [large]);
        assert!(Segments::default().finish().is_empty());
    }
}
