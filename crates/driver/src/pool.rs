//! Buffers and compressors that are used again.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::BytesMut;
use rohrpost_engine::{BufferSource, FilledBatch, SealedBatch};
use rohrpost_records::Compressor;

use crate::lock;
use crate::outputs::Outputs;

/// How many buffers are looked at for one that fits.
const LOOKS: usize = 16;
/// What part of the budget may lie here even if the budget has nothing free.
const SLACK: usize = 16;

/// Buffers and compressors that nobody uses at the moment.
///
/// What lies here is not charged to `buffer.memory`, so it may take what the budget has free and little more: batches and pool together stay within it and its
/// [`SLACK`]. Without that, a producer that waits for memory would free each buffer just before it needs one.
pub(crate) struct Pool {
    buffers: Mutex<Buffers>,
    compressors: Mutex<Vec<Compressor>>,
    outputs: Outputs,
}

struct Buffers {
    free: VecDeque<BytesMut>,
    bytes: usize,
    most_bytes: usize,
    /// What `most_bytes` does not fall below.
    least_bytes: usize,
}

impl Pool {
    /// A pool that holds at most `most_bytes` for now.
    pub(crate) fn new(most_bytes: usize) -> Self {
        let least_bytes = most_bytes / SLACK;
        let buffers = Buffers { free: VecDeque::new(), bytes: 0, most_bytes, least_bytes };
        let outputs = Outputs::new(most_bytes);
        Self { buffers: Mutex::new(buffers), compressors: Mutex::default(), outputs }
    }

    fn take(&self, capacity: usize) -> BytesMut {
        let mut buffers = lock(&self.buffers);
        // The budget is charged with `capacity`: a buffer that is much larger would cheat it.
        let fits =
            |buffer: &BytesMut| (capacity..=capacity + capacity / 8).contains(&buffer.capacity());
        let place = buffers.free.iter().rev().take(LOOKS).position(fits);
        if let Some(place) = place {
            let at = buffers.free.len() - 1 - place;
            if let Some(buffer) = buffers.free.swap_remove_back(at) {
                buffers.bytes -= buffer.capacity();
                return buffer;
            }
        }
        // What is allocated now takes the place of the buffers that have lain here longest.
        let unused = buffers.shrink(capacity);
        drop(buffers);
        drop(unused);
        BytesMut::with_capacity(capacity)
    }

    /// Takes a buffer back, where the budget has `available` bytes free.
    pub(crate) fn give_within(&self, buffer: BytesMut, available: usize) {
        let mut buffers = lock(&self.buffers);
        buffers.most_bytes = available.max(buffers.least_bytes);
        let unused = buffers.put(buffer);
        drop(buffers);
        drop(unused);
    }

    fn give(&self, buffer: BytesMut) {
        let unused = lock(&self.buffers).put(buffer);
        drop(unused);
    }

    /// Closes a batch for good, compressed if it is to be. Returns it with the bytes of the budget that came free.
    pub(crate) fn seal(&self, batch: FilledBatch) -> (SealedBatch, usize) {
        if !batch.has_codec() {
            return batch.seal(&mut Compressor::default(), &mut &*self);
        }
        let _room = self.outputs.wait(batch.size());
        // There are as many compressors as batches are compressed at the same time, not as many as threads.
        let free = lock(&self.compressors).pop();
        let mut compressor = free.unwrap_or_default();
        let sealed = batch.seal(&mut compressor, &mut &*self);
        lock(&self.compressors).push(compressor);
        sealed
    }
}

impl Buffers {
    /// Keeps a buffer, or gives it back to be freed outside of the lock.
    fn put(&mut self, buffer: BytesMut) -> Option<BytesMut> {
        let capacity = buffer.capacity();
        if capacity == 0 || self.bytes + capacity > self.most_bytes {
            return Some(buffer);
        }
        self.bytes += capacity;
        self.free.push_back(buffer);
        None
    }

    /// Takes out the oldest buffers, of so many bytes or a little more.
    fn shrink(&mut self, bytes: usize) -> Vec<BytesMut> {
        let (mut unused, mut taken) = (Vec::new(), 0);
        while taken < bytes {
            let Some(buffer) = self.free.pop_front() else { break };
            taken += buffer.capacity();
            unused.push(buffer);
        }
        self.bytes -= taken;
        unused
    }
}

impl BufferSource for &Pool {
    fn take(&mut self, capacity: usize) -> BytesMut {
        let buffer = Pool::take(self, capacity);
        #[cfg(test)]
        crate::tests::counts::lent(&buffer);
        buffer
    }

    fn give(&mut self, buffer: BytesMut) {
        Pool::give(self, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_for_what_it_fits_and_no_smaller_need() {
        let pool = Pool::new(10_000);
        pool.give(BytesMut::with_capacity(4096));
        pool.give(BytesMut::with_capacity(4096));
        assert_eq!(lock(&pool.buffers).bytes, 8192);
        assert!(pool.take(4000).capacity() >= 4000);
        assert_eq!(lock(&pool.buffers).bytes, 4096);
        assert!(pool.take(1024).capacity() < 2048);
        // Nothing fitted: what was allocated displaces what lay there.
        assert_eq!(lock(&pool.buffers).bytes, 0);
    }

    #[test]
    fn the_pool_holds_no_more_than_it_may() {
        let pool = Pool::new(10_000);
        for _ in 0..10 {
            pool.give(BytesMut::with_capacity(4096));
        }
        assert_eq!(lock(&pool.buffers).free.len(), 2);
        pool.give_within(BytesMut::with_capacity(1), 8_192);
        assert_eq!(lock(&pool.buffers).free.len(), 2);
        // A sixteenth of all may lie here whatever the budget has free.
        let (pool, small) = (Pool::new(32_768), || BytesMut::with_capacity(1_024));
        (0..10).for_each(|_| pool.give_within(small(), 0));
        assert_eq!(lock(&pool.buffers).free.len(), 2);
    }
}
