use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rohrpost_engine::Appended;

use crate::completion::{Completion, News, Verdict};
use crate::delivery::Delivery;
use crate::failure::Failure;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn deliveries(count: u32) -> (Arc<Completion>, Vec<Delivery>) {
    let completion = Arc::new(Completion::new("t".into(), 7));
    let delivery = |index| Delivery::new(completion.clone(), index, 5, None, Some(1));
    let deliveries = (0..count).map(delivery).collect();
    completion.close(count);
    (completion, deliveries)
}

/// Whether the batch is done.
fn tell(news: News) -> bool {
    let is_done = news.is_done;
    news.tell();
    is_done
}

fn at(offset: i64) -> Verdict {
    Ok(Appended { base_offset: Some(offset), log_append_time: None })
}

fn offsets(deliveries: &[Delivery]) -> Vec<Option<i64>> {
    let offset = |d: &Delivery| d.result().and_then(|result| result.ok()?.offset());
    deliveries.iter().map(offset).collect()
}

#[test]
fn one_verdict_resolves_the_whole_batch_with_offsets_in_order() {
    let (completion, deliveries) = deliveries(3);
    assert_eq!(offsets(&deliveries), [None; 3]);
    assert!(tell(completion.resolve(0..3, at(100))));
    assert_eq!(offsets(&deliveries), [100, 101, 102].map(Some));
}

#[test]
fn runs_of_records_resolve_by_themselves() {
    let (completion, deliveries) = deliveries(4);
    let failure = Arc::new(Failure::Closed);
    assert!(!tell(completion.resolve(2..3, Err(failure))));
    assert!(!tell(completion.resolve(0..2, at(100))));
    assert_eq!(offsets(&deliveries), [Some(100), Some(101), None, None]);
    assert!(deliveries[2].result().unwrap().is_err());
    assert!(!deliveries[3].is_resolved());
    assert!(tell(completion.resolve(3..4, at(200))));
    assert_eq!(offsets(&deliveries), [Some(100), Some(101), None, Some(200)]);
}

#[test]
fn what_is_left_fails_and_what_was_resolved_stays() {
    let (completion, deliveries) = deliveries(2);
    completion.resolve(0..1, at(9)).tell();
    completion.resolve_rest(Arc::new(Failure::Closed));
    assert_eq!(offsets(&deliveries), [Some(9), None]);
    assert!(deliveries[1].result().unwrap().is_err());
}

#[test]
fn a_task_that_awaits_a_thousand_deliveries_is_woken_once() {
    let (completion, mut deliveries) = deliveries(1000);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    for _ in 0..2 {
        for delivery in &mut deliveries {
            assert!(delivery.poll_result(&mut cx).is_pending());
        }
    }
    assert_eq!(completion.waiting(), 1);
    completion.resolve(0..1000, at(0)).tell();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(deliveries.iter_mut().all(|delivery| delivery.poll_result(&mut cx).is_ready()));
}

#[test]
fn a_poll_that_gives_the_result_gives_the_hold_on_the_batch_with_it() {
    let (completion, mut deliveries) = deliveries(2);
    let again = deliveries[0].clone();
    completion.resolve(0..2, at(5)).tell();
    let holders = Arc::strong_count(&completion);
    let poll = deliveries[0].poll_result(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Ok(acknowledged)) = poll else { panic!("it is resolved") };
    assert_eq!(Arc::strong_count(&completion), holders);
    assert_eq!((acknowledged.topic(), acknowledged.offset()), ("t", Some(5)));
    assert!(deliveries[0].is_resolved() && deliveries[0].result().is_none());
    assert_eq!(offsets(&[again]), [Some(5)]);
}

#[test]
fn every_task_that_awaits_is_woken_and_a_changed_waker_counts() {
    let (completion, mut deliveries) = deliveries(2);
    let counts = [(); 3].map(|()| Arc::new(Count::default()));
    for (delivery, count) in [(0, 0), (1, 1), (0, 2), (1, 1)] {
        let waker = Waker::from(counts[count].clone());
        assert!(deliveries[delivery].poll_result(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(completion.waiting(), 2);
    completion.resolve(0..2, at(0)).tell();
    assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [0, 1, 1]);
}

#[test]
fn a_task_that_polls_again_after_a_part_of_the_batch_is_resolved_takes_nobodys_place() {
    let (completion, mut deliveries) = deliveries(3);
    let counts = [(); 2].map(|()| Arc::new(Count::default()));
    let poll = |delivery: &mut Delivery, count: &Arc<Count>| {
        let waker = Waker::from(count.clone());
        assert!(delivery.poll_result(&mut Context::from_waker(&waker)).is_pending());
    };
    poll(&mut deliveries[0], &counts[0]);
    poll(&mut deliveries[1], &counts[1]);
    completion.resolve(2..3, at(50)).tell();
    poll(&mut deliveries[1], &counts[1]);
    poll(&mut deliveries[0], &counts[0]);
    assert_eq!(completion.waiting(), 2);
    assert!(tell(completion.resolve(0..2, at(0))));
    assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [2, 2]);
}

#[test]
fn polling_with_ever_new_wakers_keeps_one() {
    let (completion, mut deliveries) = deliveries(1);
    for _ in 0..100 {
        let waker = Waker::from(Arc::new(Count::default()));
        assert!(deliveries[0].poll_result(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(completion.waiting(), 1);
}

#[test]
fn callbacks_run_once_and_a_panic_in_one_spares_the_others() {
    let (completion, deliveries) = deliveries(3);
    let count = Arc::new(Count::default());
    for (delivery, index) in deliveries.iter().zip(0..) {
        let count = count.clone();
        delivery.clone().call_back(move |result| {
            assert_ne!(index, 1, "this panic is part of the test");
            assert_eq!(result.ok().and_then(|result| result.offset()), Some(index));
            count.wake();
        });
    }
    completion.resolve(0..3, at(0)).tell();
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    let late = count.clone();
    deliveries[0].clone().call_back(move |_| late.wake());
    assert_eq!(count.0.load(Ordering::Relaxed), 3);
}
