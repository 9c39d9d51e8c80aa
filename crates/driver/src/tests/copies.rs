//! Where a record's bytes lie on their way to the socket.

use std::ops::Range;

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
