//! How often somebody is woken, and how often a socket is written to.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use super::counts::writes_so_far;
use super::life::{Life, live, record};
use crate::Record;

/// What was done, by the driver's own count and by this thread's.
#[derive(Debug)]
struct Work {
    batches: u64,
    requests: u64,
    writes: u64,
    wakes: u64,
    turns: u64,
}

impl Work {
    fn so_far(life: &Life) -> Self {
        let stats = life.handle.stats();
        Self {
            batches: stats.batches,
            requests: stats.requests,
            writes: writes_so_far(),
            wakes: life.wakes(),
            turns: life.polls(),
        }
    }

    fn since(life: &Life, before: &Self) -> Self {
        let now = Self::so_far(life);
        Self {
            batches: now.batches - before.batches,
            requests: now.requests - before.requests,
            writes: now.writes - before.writes,
            wakes: now.wakes - before.wakes,
            turns: now.turns - before.turns,
        }
    }
}

#[test]
fn the_driver_is_woken_when_something_is_there_and_not_again_until_it_sleeps() {
    live(
        1,
        |_| {},
        async |life| {
            life.deliver(life.send_at_once(1, record(&[7; 100]))).await;
            for records in [1, 10, 100, 900] {
                life.settle().await;
                let before = Work::so_far(life);
                // Up to eight batches, each of which is told of when it begins and when it is full.
                let deliveries = life.send_at_once(records, record(&[7; 100]));
                let work = Work::since(life, &before);
                assert_eq!((work.wakes, work.turns), (1, 0), "{records} records: {work:?}");
                life.deliver(deliveries).await;
            }
        },
    );
}

#[test]
fn one_awaited_record_at_a_time_costs_one_write_and_two_wakes() {
    live(
        1,
        |config| config.engine.linger = Duration::ZERO,
        async |life| {
            let send = async || {
                // Large enough to be referred to by the request, not copied into it.
                let mut delivery = life.send(record(&[7; 2_000])).await;
                assert!(poll_fn(|cx| delivery.poll_result(cx)).await.is_ok());
            };
            send().await;
            life.settle().await;
            let before = Work::so_far(life);
            for _ in 0..200 {
                send().await;
            }
            life.settle().await;
            let work = Work::since(life, &before);
            assert_eq!((work.batches, work.requests, work.writes), (200, 200, 200), "{work:?}");
            // By the sender, and by the answer. Once in a while the timer goes off in vain.
            assert!(work.wakes <= 2 * 200 + 20 && work.turns <= work.wakes, "{work:?}");
        },
    );
}

#[test]
fn a_stream_of_records_costs_at_most_one_write_and_few_wakes_a_request() {
    live(
        4,
        |config| config.engine.batch_size = 2_048,
        async |life| {
            let unkeyed = Record { partition: None, ..record(&[7; 100]) };
            let stream = async |records| {
                let mut deliveries = Vec::new();
                for _ in 0..records {
                    deliveries.push(life.send(unkeyed).await);
                }
                life.deliver(deliveries).await;
                life.settle().await;
            };
            stream(2_000).await;
            let before = Work::so_far(life);
            stream(20_000).await;
            let work = Work::since(life, &before);
            assert!(work.batches >= 1_000 && work.requests <= work.batches, "{work:?}");
            assert!(work.writes <= work.requests, "{work:?}");
            // By answers, and by the sender where the driver sleeps: it gives the driver a turn every eight batches.
            assert!(work.wakes <= 2 * work.requests + work.batches / 8 + 10, "{work:?}");
        },
    );
}

#[test]
fn while_all_requests_are_under_way_a_batch_that_is_full_costs_one_wake() {
    live(
        1,
        |_| {},
        async |life| {
            life.deliver(life.send_at_once(1, record(&[7; 100]))).await;
            life.cluster.pause_broker(1);
            let mut deliveries = Vec::new();
            let mut fill = || deliveries.extend(life.send_at_once(150, record(&[7; 100])));
            for _ in 0..10 {
                fill();
                life.settle().await;
            }
            let before = Work::so_far(life);
            for _ in 0..50 {
                fill();
                life.settle().await;
            }
            let work = Work::since(life, &before);
            assert_eq!((work.requests, work.writes), (0, 0), "{work:?}");
            assert!((50..=51).contains(&work.wakes), "{work:?}");
            life.cluster.resume_broker(1);
            life.deliver(deliveries).await;
        },
    );
}

#[test]
fn awaiting_deliveries_in_order_wakes_the_task_once_a_batch_at_most() {
    live(
        4,
        |_| {},
        async |life| {
            life.deliver(life.send_at_once(1, record(&[7; 100]))).await;
            life.cluster.pause_broker(1);
            let mut deliveries = Vec::new();
            let before = Work::so_far(life);
            for number in 0..10_000 {
                let record = Record { partition: Some(number / 100 % 4), ..record(&[7; 100]) };
                deliveries.push(life.send(record).await);
            }
            life.cluster.resume_broker(1);
            let polls = Cell::new(0);
            let mut delivering = pin!(life.deliver(deliveries));
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                delivering.as_mut().poll(cx)
            })
            .await;
            let work = Work::since(life, &before);
            assert!(work.batches >= 60, "{work:?}");
            // The first poll, and the flush's end.
            assert!(polls.get() <= work.batches + 2, "polled {} times: {work:?}", polls.get());
        },
    );
}
