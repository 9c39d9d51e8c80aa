//! Ten thousand tasks that wait for room: each gets its turn, in its order, and nothing is left of those who gave up. Counted, not timed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use rohrpost::{Producer, ProducerRecord};
use rohrpost_testkit::Cluster;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, LocalSet, yield_now};

const CROWD: u64 = 10_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// A producer with memory for a hundred records, which is full, and whose broker is paused. It runs on the thread of its senders, so that all it allocates is
/// counted.
struct Life {
    runtime: Runtime,
    producer: Producer,
    cluster: Cluster,
}

impl Life {
    fn new() -> Self {
        let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
        cluster.create_topic("t", 1).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let producer = runtime.block_on(async {
            let producer = Producer::builder()
                .bootstrap_servers(cluster.bootstrap_servers())
                .buffer_memory(100_000)
                .batch_size(5_000)
                .linger(Duration::ZERO)
                .max_block(HOUR)
                .delivery_timeout(3 * HOUR)
                .request_timeout(HOUR)
                .build()
                .await
                .unwrap();
            producer.partitions_for("t").await.unwrap();
            producer
        });
        Self { runtime, producer, cluster }
    }

    /// Fills the memory, and lets ten thousand tasks send. They wait when this goes on.
    fn crowd<F: Future>(&self, then: impl FnOnce(Vec<Task>, Rc<Crowd>) -> F) -> F::Output {
        fill(&self.producer, &self.cluster);
        LocalSet::new().block_on(&self.runtime, async {
            // So the driver has heard of all that, and nobody has to give way to it.
            assert!(self.producer.why("t", 0).await.is_some());
            let crowd = Rc::new(Crowd::default());
            let tasks = (0..CROWD).map(|number| {
                tokio::task::spawn_local(crowd.clone().send(self.producer.clone(), number))
            });
            let tasks = tasks.collect();
            while self.producer.stats().senders_waiting_now < CROWD {
                yield_now().await;
            }
            assert_eq!(crowd.polls.get(), CROWD);
            then(tasks, crowd).await
        })
    }

    fn assert_nothing_is_left(&self) {
        let stats = self.producer.stats();
        assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
        assert_eq!((stats.records_in_flight_now, stats.records_failed), (0, 0));
    }
}

type Task = JoinHandle<()>;

#[derive(Default)]
struct Crowd {
    /// How often sends were polled.
    polls: Cell<u64>,
    /// Who was served, in that order.
    served: RefCell<Vec<u64>>,
}

impl Crowd {
    async fn send(self: Rc<Self>, producer: Producer, number: u64) {
        let mut send = pin!(producer.send(record(number)));
        let delivery = poll_fn(|cx| {
            self.polls.set(self.polls.get() + 1);
            send.as_mut().poll(cx)
        });
        let delivery = delivery.await.unwrap();
        self.served.borrow_mut().push(number);
        delivery.await.unwrap();
    }
}

fn fill(producer: &Producer, cluster: &Cluster) {
    cluster.pause_broker(1);
    while producer.try_send(record(u64::MAX)).is_ok() {}
}

fn record(number: u64) -> ProducerRecord<'static> {
    let mut value = vec![7; 1_000];
    value[..8].copy_from_slice(&number.to_be_bytes());
    ProducerRecord::new("t").value(value)
}

#[test]
fn ten_thousand_who_wait_are_served_in_their_order_and_woken_once_each() {
    let life = Life::new();
    life.crowd(async |tasks, crowd| {
        life.cluster.resume_broker(1);
        for task in tasks {
            task.await.unwrap();
        }
        // Whoever is woken finds room; now and then somebody lets the driver have its turn first.
        let woken = crowd.polls.get() - CROWD;
        assert!(woken <= CROWD * 5 / 4, "{woken} wakes");
        assert!(crowd.served.borrow().iter().copied().eq(0..CROWD), "somebody overtook");
    });
    let log = life.cluster.log("t", 0);
    let numbers = log
        .iter()
        .map(|record| u64::from_be_bytes(record.value.as_ref().unwrap()[..8].try_into().unwrap()));
    assert!(numbers.filter(|number| *number != u64::MAX).eq(0..CROWD));
    life.assert_nothing_is_left();
}

#[test]
fn of_ten_thousand_who_give_up_nothing_is_left_and_who_stays_is_served() {
    let life = Life::new();
    let round = || {
        life.crowd(async |tasks, crowd| {
            // One in a hundred stays.
            let mut staying = Vec::new();
            for (number, task) in (0_u64..).zip(tasks) {
                if number % 100 == 50 {
                    staying.push(task);
                } else {
                    task.abort();
                    assert!(task.await.unwrap_err().is_cancelled());
                }
            }
            assert_eq!(life.producer.stats().senders_waiting_now, CROWD / 100);
            life.cluster.resume_broker(1);
            for task in staying {
                task.await.unwrap();
            }
            life.producer.flush().await.unwrap();
            assert!(crowd.polls.get() <= CROWD + 2 * CROWD / 100, "who stayed was disturbed");
            assert!(crowd.served.borrow().iter().copied().eq((50..CROWD).step_by(100)));
        });
        life.assert_nothing_is_left();
    };
    // What the first crowd needed is used again by the later ones.
    round();
    round();
    let counts = allocation_counter::measure(|| (0..3).for_each(|_| round()));
    assert!(counts.bytes_current.unsigned_abs() < 50_000, "{counts:?}");
}
