//! Lines out of a stream of chunks.

use memchr::memchr;

/// A line without its newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It has so many bytes, more than the limit; they are not kept.
    TooLong { bytes: u64 },
}

/// Cuts chunks into lines.
///
/// A line that lies in one chunk is handed out without a copy; of one that spans several, at most `limit` bytes are
/// held. Every byte is looked at once.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    limit: usize,
    /// The beginning of a line that has not ended yet.
    partial: Vec<u8>,
    /// `partial` was handed out as a line.
    handed_out: bool,
    /// Bytes of a line that is too long, so far; 0 where it is not.
    dropped: u64,
}

/// Held on to for the next line that spans chunks.
const KEPT_CAPACITY: usize = 4 << 20;

impl LineSplitter {
    /// Lines of more than `limit` bytes are too long.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, partial: Vec::new(), handed_out: false, dropped: 0 }
    }

    /// The next line that ends in `chunk`, looking from `at` on, which moves behind it. `None` when the rest of the chunk was taken in.
    #[inline]
    pub(crate) fn next<'a>(&'a mut self, chunk: &'a [u8], at: &mut usize) -> Option<Line<'a>> {
        self.forget();
        let rest = &chunk[*at..];
        let Some(end) = memchr(b'\n', rest) else {
            *at = chunk.len();
            self.keep(rest);
            return None;
        };
        *at += end + 1;
        let line = &rest[..end];
        if self.partial.is_empty() && self.dropped == 0 {
            return Some(match end > self.limit {
                false => Line::Whole(line),
                true => Line::TooLong { bytes: end as u64 },
            });
        }
        self.keep(line);
        Some(self.hand_out())
    }

    /// The last line, where no newline ends it.
    pub(crate) fn finish(&mut self) -> Option<Line<'_>> {
        self.forget();
        (!self.partial.is_empty() || self.dropped > 0).then(|| self.hand_out())
    }

    fn forget(&mut self) {
        if self.handed_out {
            self.handed_out = false;
            self.partial.clear();
            if self.partial.capacity() > KEPT_CAPACITY {
                self.partial = Vec::new();
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        if self.dropped > 0 {
            self.dropped += part.len() as u64;
        } else if self.partial.len() + part.len() > self.limit {
            self.dropped = (self.partial.len() + part.len()) as u64;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(part);
        }
    }

    fn hand_out(&mut self) -> Line<'_> {
        if self.dropped > 0 {
            return Line::TooLong { bytes: std::mem::take(&mut self.dropped) };
        }
        self.handed_out = true;
        Line::Whole(&self.partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `text`, given in chunks of `size` bytes; `Err` is the length of one that is too long.
    fn lines(text: &[u8], size: usize, limit: usize) -> Vec<Result<Vec<u8>, u64>> {
        fn owned(line: Line<'_>) -> Result<Vec<u8>, u64> {
            match line {
                Line::Whole(line) => Ok(line.to_vec()),
                Line::TooLong { bytes } => Err(bytes),
            }
        }
        let mut splitter = LineSplitter::new(limit);
        let mut found = Vec::new();
        for chunk in text.chunks(size) {
            let mut at = 0;
            while let Some(line) = splitter.next(chunk, &mut at) {
                found.push(owned(line));
            }
            assert_eq!(at, chunk.len());
        }
        found.extend(splitter.finish().map(owned));
        found
    }

    #[test]
    fn any_chunks_give_the_same_lines() {
        let text = b"one\n\n\ntwo\r\n\xff\x00three\nfour";
        let expected: Vec<&[u8]> = vec![b"one", b"", b"", b"two\r", b"\xff\x00three", b"four"];
        for size in 1..=text.len() {
            let found = lines(text, size, 100);
            let found: Vec<&[u8]> = found.iter().map(|line| &line.as_ref().unwrap()[..]).collect();
            assert_eq!(found, expected, "chunks of {size}");
        }
    }

    #[test]
    fn the_end_makes_no_line_of_its_own() {
        assert!(lines(b"", 1, 9).is_empty());
        assert_eq!(lines(b"a\n", 9, 9), [Ok(b"a".to_vec())]);
        assert_eq!(lines(b"\n", 9, 9), [Ok(Vec::new())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_the_next_one_is_whole() {
        for size in 1..=12 {
            let found = lines(b"abc\nabcdefgh\nabcd\nabcde", size, 4);
            let whole = |text: &[u8]| Ok(text.to_vec());
            assert_eq!(found, [whole(b"abc"), Err(8), whole(b"abcd"), Err(5)], "chunks of {size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_not_held() {
        let mut splitter = LineSplitter::new(1000);
        let chunk = [b'x'; 600];
        for _ in 0..10_000 {
            assert_eq!(splitter.next(&chunk, &mut 0), None);
            assert!(splitter.partial.capacity() <= 2000);
        }
        assert_eq!(splitter.finish(), Some(Line::TooLong { bytes: 6_000_000 }));
    }
}
