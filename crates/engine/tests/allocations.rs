//! What the hot path allocates: nothing per record.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;

use bytes::BytesMut;
use rohrpost_engine::{
    AppenderConfig, Budget, BufferSource, Grant, PartitionAppender, PartitionIndex, Refused,
    SharedRatio, Time,
};
use rohrpost_records::{Compression, Compressor, RecordHeader};

/// A pool of buffers of one size class, as a driver keeps them.
#[derive(Default)]
struct Pool(Vec<BytesMut>);

impl BufferSource for Pool {
    fn take(&mut self, capacity: usize) -> BytesMut {
        match self.0.iter().position(|buffer| buffer.capacity() == capacity) {
            Some(place) => self.0.swap_remove(place),
            None => BytesMut::with_capacity(capacity),
        }
    }

    fn give(&mut self, mut buffer: BytesMut) {
        buffer.clear();
        self.0.push(buffer);
    }
}

/// Appends records until `batches` are full. How many records those were.
fn fill(
    appender: &mut PartitionAppender,
    budget: &mut Budget,
    pool: &mut Pool,
    batches: usize,
    mut full: impl FnMut(rohrpost_engine::FilledBatch, &mut Budget, &mut Pool),
) -> usize {
    let (mut filled, mut records) = (0, 0);
    let headers = [RecordHeader::new("trace", Some(b"1234"))];
    let mut grant = Grant::NONE;
    while filled < batches {
        let result = appender.append(
            || Time::ZERO,
            1_700_000_000_000,
            Some(b"key"),
            Some(&[7; 100][..]).into(),
            headers,
            &mut grant,
            pool,
        );
        let placed = match result {
            Ok(placed) => placed,
            Err(Refused::NeedRoom { least, wanted }) => {
                budget.restore(core::mem::take(&mut grant));
                grant = budget.try_reserve(least, wanted).unwrap();
                continue;
            }
            Err(refused) => panic!("{refused}"),
        };
        records += 1;
        if placed.filled {
            while let Some(batch) = appender.take_filled() {
                filled += 1;
                full(batch, budget, pool);
            }
        }
    }
    budget.restore(grant);
    records
}

#[test]
fn a_record_allocates_nothing_and_with_a_pool_neither_does_a_batch() {
    let config = AppenderConfig {
        batch_size: 16_384,
        max_request_size: 1 << 20,
        buffer_memory: 1 << 25,
        compression: Compression::NONE,
        reference_from: rohrpost_engine::REFERENCE_FROM,
    };
    let ratio = Arc::new(SharedRatio::new());
    let mut appender = PartitionAppender::new(PartitionIndex(0), config, ratio);
    let (mut budget, mut pool) = (Budget::new(1 << 25), Pool::default());
    let mut compressor = Compressor::new();
    let mut batches = Vec::with_capacity(128);
    let mut seal = |batch: rohrpost_engine::FilledBatch, budget: &mut Budget, pool: &mut Pool| {
        let (sealed, freed) = batch.seal(&mut compressor, pool);
        budget.release(freed);
        batches.push(sealed);
    };
    // The first batch grows its buffer; the later ones start at what it took.
    fill(&mut appender, &mut budget, &mut pool, 1, &mut seal);
    pool.0.reserve(256);
    for _ in 0..128 {
        pool.0.push(BytesMut::with_capacity(16_384));
    }
    let mut records = 0;
    let counts = allocation_counter::measure(|| {
        records = fill(&mut appender, &mut budget, &mut pool, 100, &mut seal);
    });
    assert!(records > 12_000, "{records}");
    assert_eq!(counts.count_total, 0, "{counts:?} for {records} records");
}
