//! How many locks a record takes, and a batch.

use super::counts::Locks;
use super::life::{live, record};
use crate::topics::Open;

#[test]
fn a_record_takes_its_partitions_lock_once_and_no_other() {
    live(
        1,
        |config| config.engine.batch_size = 100_000,
        async |life| {
            for records in [1, 100, 800] {
                // Grows the batch's buffer: the next batch begins with as much.
                life.deliver(life.send_at_once(records, record(&[7; 100]))).await;
                life.settle().await;

                let before = Locks::so_far();
                let deliveries = life.send_at_once(records, record(&[7; 100]));
                let sent = Locks::since(&before);
                // The record that begins the batch takes the lock once more, and the only others: for a buffer, for memory, to tell the driver, to wake it.
                assert_eq!(sent.of::<Open>(), u64::from(records) + 1, "{sent:?}");
                assert!(sent.all() <= u64::from(records) + 5, "{sent:?}");

                let before = Locks::so_far();
                life.deliver(deliveries).await;
                life.settle().await;
                let delivered = Locks::since(&before);
                // The driver's, when it takes the batch.
                assert_eq!(delivered.of::<Open>(), 1, "{delivered:?}");
                // About ten a turn of the driver, which never looks at a record; two or three turns. A delivery that is known takes none.
                assert!(delivered.all() <= 60, "{delivered:?}");
            }
        },
    );
}

#[test]
fn locks_beside_the_records_own_are_counted_by_the_batch() {
    live(
        4,
        |_| {},
        async |life| {
            let mut records = 0;
            let (mut locks, mut batches) = (Locks::so_far(), 0);
            for round in 0..40 {
                if round == 10 {
                    life.settle().await;
                    (locks, batches, records) = (Locks::so_far(), life.handle.stats().batches, 0);
                }
                let mut deliveries = Vec::new();
                for number in 0..1_000 {
                    let record = crate::Record { partition: Some(number % 4), ..record(&[7; 100]) };
                    deliveries.push(life.send(record).await);
                }
                records += deliveries.len() as u64;
                life.deliver(deliveries).await;
            }
            life.settle().await;
            let (locks, batches) = (Locks::since(&locks), life.handle.stats().batches - batches);
            assert!(records >= 50 * batches, "{records} records in {batches} batches");
            // The record that ends a batch finds no room in it, and the driver takes those that were flushed.
            let lanes = locks.of::<Open>();
            assert!(
                (records..=records + 3 * batches).contains(&lanes),
                "{batches} batches: {locks:?}"
            );
            let others = locks.all() - lanes;
            assert!(others <= 20 * batches, "{batches} batches: {locks:?}");
        },
    );
}

#[test]
fn records_that_follow_each_other_in_a_partition_take_its_lock_once_for_all() {
    live(
        2,
        |config| config.engine.batch_size = 100_000,
        async |life| {
            let of = |partition| crate::Record { partition: Some(partition), ..record(&[7; 100]) };
            let both = |records| {
                let mut deliveries = life.send_at_once(records, of(0));
                deliveries.extend(life.send_at_once(records, of(1)));
                deliveries
            };
            // Grows the batches' buffers: the next ones begin with as much.
            life.deliver(both(800)).await;
            life.settle().await;
            let opening = both(1);

            let no_headers = std::iter::empty::<rohrpost_records::RecordHeader<'_>>;
            let run: Vec<_> = [0, 1, 0]
                .into_iter()
                .flat_map(|partition| std::iter::repeat_n((of(partition), no_headers()), 50))
                .collect();
            let (before, mut deliveries) = (Locks::so_far(), crate::Deliveries::new());
            assert_eq!(life.handle.send_run_now(&mut deliveries, &run), 150);
            let sent = Locks::since(&before);
            assert_eq!((sent.of::<Open>(), sent.all()), (3, 3), "{sent:?}");
            assert_eq!(deliveries.records(), 150);
            life.deliver(opening).await;
        },
    );
}
