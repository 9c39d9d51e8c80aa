//! [`Sink`]: where an encoder puts its bytes.

use alloc::vec::Vec;

use bytes::Bytes;

/// Bytes of at least this length are referenced by a segment of their own instead of being copied.
const REFERENCE_FROM: usize = 1024;

/// The receiver of an encoder's bytes: it counts, copies, or copies what is small and references
/// what is large. One encoding function serves it in each mode, so that sizes and bytes cannot
/// disagree; and it is one type, so that the messages are compiled once.
#[derive(Debug)]
pub(crate) struct Sink {
    mode: Mode,
    copied: Vec<u8>,
    /// What stands between the copied bytes, and before how many of them it stands.
    shared: Vec<(usize, Bytes)>,
    /// The bytes of `shared`; or those counted.
    elsewhere: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Count,
    Copy,
    Share,
}

/// A length of a sink to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    copied: usize,
    shared: usize,
    elsewhere: usize,
}

impl Sink {
    /// Keeps no byte.
    pub(crate) const fn counting() -> Self {
        Self::of(Mode::Count, Vec::new())
    }

    /// Appends every byte to `buffer`.
    pub(crate) const fn copying(buffer: Vec<u8>) -> Self {
        Self::of(Mode::Copy, buffer)
    }

    /// Appends small values to `buffer`, and references large ones between them.
    pub(crate) const fn sharing(buffer: Vec<u8>) -> Self {
        Self::of(Mode::Share, buffer)
    }

    const fn of(mode: Mode, copied: Vec<u8>) -> Self {
        Self { mode, copied, shared: Vec::new(), elsewhere: 0 }
    }

    /// Takes a copy of `bytes`.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if self.mode == Mode::Count {
            self.elsewhere += bytes.len();
        } else {
            self.copied.extend_from_slice(bytes);
        }
    }

    /// Takes `bytes`, by reference where that is worth it.
    pub(crate) fn put_shared(&mut self, bytes: &Bytes) {
        if self.mode == Mode::Share && bytes.len() >= REFERENCE_FROM {
            self.shared.push((self.copied.len(), bytes.clone()));
            self.elsewhere += bytes.len();
        } else {
            self.put(bytes);
        }
    }

    /// The bytes put so far.
    pub(crate) fn len(&self) -> usize {
        self.copied.len() + self.elsewhere
    }

    /// Whether [`Sink::len`] is all that is kept.
    pub(crate) fn is_counting(&self) -> bool {
        self.mode == Mode::Count
    }

    /// Takes note of bytes that are only counted.
    pub(crate) fn count(&mut self, bytes: usize) {
        debug_assert!(self.is_counting());
        self.elsewhere += bytes;
    }

    /// What is in the sink now; a byte that is put next can be patched at this place.
    pub(crate) fn mark(&self) -> Mark {
        Mark { copied: self.copied.len(), shared: self.shared.len(), elsewhere: self.elsewhere }
    }

    /// The bytes put since `mark`.
    pub(crate) fn len_since(&self, mark: Mark) -> usize {
        self.len() - mark.copied - mark.elsewhere
    }

    /// Overwrites copied bytes from `mark` on.
    pub(crate) fn patch(&mut self, mark: Mark, bytes: &[u8]) {
        self.copied[mark.copied..mark.copied + bytes.len()].copy_from_slice(bytes);
    }

    /// Drops what was put since `mark`.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        self.copied.truncate(mark.copied);
        self.shared.truncate(mark.shared);
        self.elsewhere = mark.elsewhere;
    }

    /// Drops everything; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.truncate(Mark { copied: 0, shared: 0, elsewhere: 0 });
    }

    /// The slices in order, none of them empty.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut taken = 0;
        let tail = self.shared.last().map_or(0, |(before, _)| *before);
        let pairs = self.shared.iter().flat_map(move |(before, shared)| {
            let copied = &self.copied[taken..*before];
            taken = *before;
            [copied, &shared[..]]
        });
        pairs.chain([&self.copied[tail..]]).filter(|slice| !slice.is_empty())
    }

    /// The segments in order, none of them empty.
    pub(crate) fn into_segments(self) -> Vec<Bytes> {
        let mut copied = Bytes::from(self.copied);
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

    /// The buffer of a copying sink.
    pub(crate) fn into_copied(self) -> Vec<u8> {
        debug_assert!(self.shared.is_empty());
        self.copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn concat(sink: &Sink) -> Vec<u8> {
        sink.slices().flatten().copied().collect()
    }

    #[test]
    fn large_bytes_become_segments_and_small_ones_are_copied() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let small = Bytes::from(vec![8; REFERENCE_FROM - 1]);
        let mut sink = Sink::sharing(Vec::new());
        sink.put(b"a");
        let mark = sink.mark();
        sink.put(b"b");
        sink.put_shared(&large);
        sink.put_shared(&large);
        sink.put_shared(&small);
        sink.patch(mark, b"x");
        assert_eq!(sink.len(), 2 + 2 * large.len() + small.len());
        assert_eq!(sink.len_since(mark), sink.len() - 1);
        let slices = concat(&sink);
        let segments = sink.into_segments();
        assert_eq!(segments, [Bytes::from_static(b"ax"), large.clone(), large.clone(), small]);
        assert_eq!(segments[1].as_ptr(), large.as_ptr());
        assert_eq!(slices, segments.concat());
    }

    #[test]
    fn no_segment_is_empty() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let mut sink = Sink::sharing(Vec::new());
        sink.put_shared(&large);
        assert_eq!(sink.slices().collect::<Vec<_>>(), [&large[..]]);
        assert_eq!(sink.into_segments(), [large]);
        assert!(Sink::sharing(Vec::new()).into_segments().is_empty());
    }

    #[test]
    fn what_is_counted_is_what_is_copied() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let mut sinks = [Sink::counting(), Sink::copying(vec![1, 2]), Sink::sharing(Vec::new())];
        let lengths = sinks.each_mut().map(|sink| {
            let mark = sink.mark();
            sink.put(b"abc");
            sink.put_shared(&large);
            sink.len_since(mark)
        });
        assert_eq!(lengths, [large.len() + 3; 3]);
        let [_, copying, _] = sinks;
        assert_eq!(copying.into_copied(), [&[1, 2][..], b"abc", &large].concat());
    }

    #[test]
    fn what_is_cut_off_is_gone_and_what_was_there_stays() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let mut sink = Sink::sharing(Vec::new());
        sink.put(b"kept");
        sink.put_shared(&large);
        let (mark, before) = (sink.mark(), concat(&sink));
        sink.put(b"gone");
        sink.put_shared(&large);
        sink.truncate(mark);
        assert_eq!((sink.len(), concat(&sink)), (before.len(), before));
        sink.clear();
        assert_eq!((sink.len(), sink.slices().count()), (0, 0));
    }
}
