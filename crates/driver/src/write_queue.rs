//! What waits to be written to a socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// At most so many segments in one vectored write: Linux takes 1,024, and a round's request has about two a partition.
const SLICES: usize = 128;

/// Segments of frames, in order, and where the frames end. Nothing is copied.
#[derive(Default)]
pub(crate) struct WriteQueue {
    segments: VecDeque<Bytes>,
    /// Bytes ever queued, and written.
    queued: u64,
    written: u64,
    /// Where each frame that is not wholly written ends, counted as `queued` is.
    ends: VecDeque<u64>,
    frames_written: u64,
}

impl WriteQueue {
    /// Queues one frame.
    pub(crate) fn push(&mut self, segments: impl IntoIterator<Item = Bytes>) {
        for segment in segments {
            if !segment.is_empty() {
                self.queued += segment.len() as u64;
                self.segments.push_back(segment);
            }
        }
        self.ends.push_back(self.queued);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Frames wholly written so far.
    pub(crate) fn frames_written(&self) -> u64 {
        self.frames_written
    }

    /// Hands the front of the queue to `write`, and takes what it wrote off.
    pub(crate) fn write_with<E>(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = slices.len().min(self.segments.len());
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(segment);
        }
        #[cfg(test)]
        crate::tests::counts::writes(&slices[..count]);
        let written = write(&slices[..count])?;
        self.advance(written);
        Ok(written)
    }

    fn advance(&mut self, mut bytes: usize) {
        self.written += bytes as u64;
        while let Some(front) = self.segments.front_mut() {
            if bytes < front.len() {
                front.advance(bytes);
                break;
            }
            bytes -= front.len();
            self.segments.pop_front();
        }
        while self.ends.front().is_some_and(|end| *end <= self.written) {
            self.ends.pop_front();
            self.frames_written += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn writes_every_byte_once_in_order_and_counts_whole_frames() {
        for step in [1, 2, 3, 5, 100] {
            let mut queue = WriteQueue::default();
            queue.push(["abc", "", "de"].map(|text| Bytes::from_static(text.as_bytes())));
            queue.push(["f"].map(|text| Bytes::from_static(text.as_bytes())));
            let (mut written, mut frames) = (Vec::new(), Vec::new());
            while !queue.is_empty() {
                let result: Result<usize, Infallible> = queue.write_with(|slices| {
                    let all: Vec<u8> =
                        slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                    let count = step.min(all.len());
                    written.extend_from_slice(&all[..count]);
                    Ok(count)
                });
                result.unwrap();
                frames.push(queue.frames_written());
                assert_eq!(
                    queue.frames_written(),
                    u64::from(written.len() >= 5) + u64::from(written.len() >= 6)
                );
            }
            assert_eq!(written, b"abcdef", "{step}");
        }
    }

    #[test]
    fn many_segments_are_written_in_several_goes() {
        let mut queue = WriteQueue::default();
        queue.push((0..1000_u32).map(|n| Bytes::from(n.to_be_bytes().to_vec())));
        let mut written = Vec::new();
        while !queue.is_empty() {
            let _ = queue.write_with(|slices| {
                assert!(slices.len() <= SLICES);
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                written.extend_from_slice(&all);
                Ok::<_, Infallible>(all.len())
            });
        }
        let expected: Vec<u8> = (0..1000_u32).flat_map(u32::to_be_bytes).collect();
        assert_eq!(written, expected);
        assert_eq!(queue.frames_written(), 1);
    }
}
