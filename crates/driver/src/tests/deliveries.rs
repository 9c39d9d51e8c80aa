use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use rohrpost_engine::Appended;

use crate::completion::{Completion, Verdict};
use crate::deliveries::{Deliveries, Settled};
use crate::delivery::Delivery;
use crate::failure::Failure;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn batch(partition: i32, records: u32) -> Arc<Completion> {
    let completion = Arc::new(Completion::new("t".into(), partition));
    completion.close(records);
    completion
}

fn at(offset: i64) -> Verdict {
    Ok(Appended { base_offset: Some(offset), log_append_time: None })
}

fn closed() -> Verdict {
    Err(Arc::new(Failure::Closed))
}

/// Partition, records, offset of the first, and whether they failed.
fn seen(settled: &Settled) -> (i32, u32, Option<i64>, bool) {
    (settled.partition(), settled.records(), settled.offset(), settled.failed().is_some())
}

fn all(deliveries: &mut Deliveries) -> Vec<(i32, u32, Option<i64>, bool)> {
    std::iter::from_fn(|| deliveries.take_next()).map(|settled| seen(&settled)).collect()
}

#[test]
fn records_of_a_batch_share_an_entry_however_partitions_alternate() {
    let batches: Vec<_> = (0..12).map(|partition| batch(partition, 100)).collect();
    let mut deliveries = Deliveries::new();
    for index in 0..100 {
        for batch in &batches {
            deliveries.note(batch, index);
        }
    }
    assert_eq!(deliveries.records(), 1_200);
    assert!(batches.iter().all(|batch| Arc::strong_count(batch) == 2));
    assert!(deliveries.take_next().is_none());
    for (batch, offset) in batches.iter().zip((0..).step_by(1_000)) {
        batch.resolve(0..100, at(offset)).tell();
    }
    let expected: Vec<_> = (0..12).map(|n| (n, 100, Some(i64::from(n) * 1_000), false)).collect();
    assert_eq!(all(&mut deliveries), expected);
    assert_eq!(deliveries.records(), 0);
}

#[test]
fn batches_of_a_partition_follow_each_other_and_partitions_that_share_a_place_do_not_mix() {
    let batches = [batch(3, 2), batch(67, 2), batch(3, 2), batch(3, 1)];
    let mut deliveries = Deliveries::new();
    for (batch, index) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (2, 1), (3, 0)] {
        deliveries.note(&batches[batch], index);
    }
    for (batch, offset) in batches.iter().zip([0, 10, 20, 30]) {
        batch.resolve(0..2, at(offset)).tell();
    }
    let seen = all(&mut deliveries);
    let of = |partition| {
        let runs = seen.iter().filter(|run| run.0 == partition);
        runs.flat_map(|run| run.2.unwrap()..run.2.unwrap() + i64::from(run.1)).collect::<Vec<_>>()
    };
    assert_eq!((of(3), of(67)), (vec![0, 1, 20, 21, 30], vec![10, 11]));
}

#[test]
fn records_share_an_entry_too_after_results_were_taken() {
    let batches: Vec<_> = (0..30).map(|number| batch(number % 3, 2)).collect();
    let mut deliveries = Deliveries::new();
    for (one, next) in batches.iter().zip(&batches[1..]) {
        deliveries.note(one, 1);
        deliveries.note(next, 0);
        one.resolve(0..2, at(0)).tell();
        while deliveries.take_next().is_some() {}
    }
    let open = &batches[29];
    for index in 1..100 {
        deliveries.note(open, index);
    }
    assert_eq!((deliveries.records(), Arc::strong_count(open)), (100, 2));
}

#[test]
fn records_of_other_senders_in_between_are_not_counted() {
    let batch = batch(0, 6);
    let mut deliveries = Deliveries::new();
    for index in [1, 2, 5] {
        deliveries.note(&batch, index);
    }
    batch.resolve(0..6, at(100)).tell();
    assert_eq!(all(&mut deliveries), [(0, 2, Some(101), false), (0, 1, Some(105), false)]);
}

#[test]
fn each_record_has_the_verdict_that_was_given_first() {
    let batch = batch(0, 10);
    let mut deliveries = Deliveries::new();
    (0..10).for_each(|index| deliveries.note(&batch, index));
    batch.resolve(4..6, closed()).tell();
    assert!(deliveries.take_next().is_none(), "the first record has none yet");
    batch.resolve(0..2, at(50)).tell();
    assert_eq!(all(&mut deliveries), [(0, 2, Some(50), false)]);
    assert_eq!(deliveries.records(), 8);
    // What comes last is said of all, and counts for those that had nothing.
    batch.resolve(0..u32::MAX, at(200)).tell();
    assert_eq!(
        all(&mut deliveries),
        [(0, 2, Some(202), false), (0, 2, None, true), (0, 4, Some(206), false)]
    );
}

#[test]
fn who_waits_is_woken_once_a_batch_and_gets_the_results_in_order() {
    let batches = [batch(0, 500), batch(1, 500)];
    let mut deliveries = Deliveries::new();
    for index in 0..500 {
        batches.iter().for_each(|batch| deliveries.note(batch, index));
    }
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(deliveries.poll_next(&mut cx).is_pending());
    batches[1].resolve(0..500, at(7)).tell();
    assert_eq!(count.0.load(Ordering::Relaxed), 0, "the first one is waited for");
    batches[0].resolve(0..500, at(5)).tell();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    for expected in [(0, 500, Some(5), false), (1, 500, Some(7), false)] {
        let Poll::Ready(Some(settled)) = deliveries.poll_next(&mut cx) else { panic!("resolved") };
        assert_eq!(seen(&settled), expected);
    }
    assert!(matches!(deliveries.poll_next(&mut cx), Poll::Ready(None)));
}

#[test]
fn a_delivery_can_be_added_and_one_that_was_awaited_counts_for_nothing() {
    let batch = batch(2, 2);
    let mut deliveries = Deliveries::new();
    let [first, mut second] =
        [0, 1].map(|index| Delivery::new(batch.clone(), index, 5, None, Some(1)));
    batch.resolve(0..2, at(9)).tell();
    assert!(second.poll_result(&mut Context::from_waker(Waker::noop())).is_ready());
    deliveries.push(first);
    deliveries.push(second);
    assert_eq!(all(&mut deliveries), [(2, 1, Some(9), false)]);
}
