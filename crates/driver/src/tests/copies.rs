//! Where a record's bytes lie on their way to the socket.

use std::ops::Range;

use bytes::Bytes;

use super::counts::take_places;
use super::life::{live, record};
use crate::Record;

/// Of batches from 1 KiB on: smaller ones are copied into their request, which spares the system a slice for each.
#[test]
fn the_socket_is_written_from_the_buffers_that_the_batches_were_encoded_into() {
    live(
        4,
        |_| {},
        async |life| {
            // Sixteen of these fill a batch: also the last ones of each partition, after which the next would begin with less.
            let value = [7; 1_000];
            let stream = async || {
                let mut deliveries = Vec::new();
                for number in 0..2_048 {
                    let record = Record { partition: Some(number % 4), ..record(&value) };
                    deliveries.push(life.send(record).await);
                }
                life.deliver(deliveries).await;
                life.settle().await;
            };
            stream().await;
            take_places();
            let before = life.handle.stats();
            stream().await;
            let (slices, lent) = take_places();
            let after = life.handle.stats();
            let batches = after.batches - before.batches;
            // No batch has moved from one buffer to another.
            assert_eq!(lent.len() as u64, batches);
            let is_lent = |slice: &Range<usize>| {
                lent.iter().any(|lent| lent.start <= slice.start && slice.end <= lent.end)
            };
            let (of_batches, others): (Vec<_>, Vec<_>) = slices.into_iter().partition(is_lent);
            let bytes =
                |slices: &[Range<usize>]| slices.iter().map(Range::len).sum::<usize>() as u64;
            // The kernel may take a part: then the rest is offered again.
            assert!(bytes(&of_batches) >= after.batch_bytes - before.batch_bytes);
            assert!(of_batches.len() as u64 >= batches);
            // What lies elsewhere are the requests' own fields: no room for a record in them.
            let most = others.iter().map(Range::len).max();
            assert!(most < Some(200), "{most:?} of {} bytes", bytes(&others));
        },
    );
}

/// What the producer holds of them counts as memory all the same, and is let go.
#[test]
fn the_socket_is_written_from_where_the_caller_has_large_values() {
    live(
        1,
        |config| config.engine.batch_size = 128 * 1024,
        async |life| {
            let values: Vec<Bytes> =
                (0..16).map(|at| Bytes::from(vec![at; 16_384 + 1_000 * usize::from(at)])).collect();
            let bytes: usize = values.iter().map(Bytes::len).sum();
            take_places();
            let mut deliveries = Vec::new();
            for value in &values {
                deliveries.push(life.send_shared(record(value), Some(value)).await);
                deliveries.push(life.send(record(b"a small one in between")).await);
            }
            assert!(life.handle.stats().buffered_bytes >= bytes as u64);
            life.deliver(deliveries).await;
            life.settle().await;
            let (slices, lent) = take_places();
            let lies_in = |slice: &Range<usize>, value: &Bytes| {
                let start = value.as_ptr() as usize;
                start <= slice.start && slice.end <= start + value.len()
            };
            for value in &values {
                let of_value = slices.iter().filter(|slice| lies_in(slice, value));
                assert!(of_value.map(Range::len).sum::<usize>() >= value.len());
            }
            let is_other =
                |slice: &&Range<usize>| !values.iter().any(|value| lies_in(slice, value));
            let most = slices.iter().filter(is_other).map(Range::len).max();
            assert!(most < Some(1_024), "{most:?}");
            // Nor is there a buffer that could hold one.
            let most = lent.iter().map(Range::len).max();
            assert!(most < Some(16_384), "{most:?}");
            assert!(values.iter().all(Bytes::is_unique));
            assert_eq!(life.handle.stats().buffered_bytes, 0);
        },
    );
}
