//! A full `buffer.memory` costs waiting, and nothing else: no turn of the processor, no byte more than it says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use rohrpost::{ErrorKind, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::Cluster;
use tokio::runtime::{Builder, Handle};
use tokio::task::LocalSet;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3_600);

/// More than any test takes, in the time of the wall.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs on a thread and a runtime of one thread, and tells if it never ends.
fn alone<F: Future<Output = ()>>(life: impl FnOnce(Cluster) -> F + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
        cluster.create_topic("t", 1).unwrap();
        Builder::new_current_thread().enable_all().build().unwrap().block_on(life(cluster));
        done.send(()).unwrap();
    });
    match ended.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs, or spins"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => thread.join().unwrap(),
    }
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).linger(Duration::ZERO)
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").value(&[7; 1_000])
}

/// Counts how often a future is polled.
async fn counted<F: Future>(count: &Cell<u32>, future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        count.set(count.get() + 1);
        future.as_mut().poll(cx)
    })
    .await
}

#[test]
fn a_send_that_waits_for_room_is_left_alone_until_its_time() {
    for down in [false, true] {
        alone(move |cluster| async move {
            let producer = builder(&cluster)
                .buffer_memory(10_000)
                .batch_size(2_000)
                .max_block(HOUR)
                .delivery_timeout(3 * HOUR)
                .build()
                .await
                .unwrap();
            producer.send(record()).await.unwrap().await.unwrap();
            match down {
                false => cluster.pause_broker(1),
                true => cluster.stop_broker(1).await,
            }
            while producer.try_send(record()).is_ok() {}
            // Whoever spins on this thread keeps the clock from moving on.
            tokio::time::pause();
            let (start, parked) =
                (Instant::now(), Handle::current().metrics().worker_park_count(0));
            let polls = Cell::new(0);
            let error = counted(&polls, producer.send(record())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MemoryTimeout);
            assert!(start.elapsed() >= HOUR);
            assert!(polls.get() <= 3, "polled {} times", polls.get());
            // Connecting again, which takes a look-up and a socket and is tried once a second, time-outs of requests, metadata that grows old.
            let wakeups = Handle::current().metrics().worker_park_count(0) - parked;
            assert!(wakeups <= 5 * 3_600, "{wakeups} wake-ups in an hour");
        });
    }
}

#[test]
fn room_that_comes_free_wakes_those_whom_it_serves_and_nobody_else() {
    alone(|cluster| async move {
        const SENDERS: u32 = 1_000;
        let producer = builder(&cluster)
            .buffer_memory(10_000)
            .batch_size(2_000)
            .max_block(HOUR)
            .build()
            .await
            .unwrap();
        producer.send(record()).await.unwrap().await.unwrap();
        cluster.pause_broker(1);
        while producer.try_send(record()).is_ok() {}
        let (polls, senders) = (std::rc::Rc::new(Cell::new(0)), LocalSet::new());
        for _ in 0..SENDERS {
            let (producer, polls) = (producer.clone(), polls.clone());
            senders.spawn_local(async move {
                drop(counted(&polls, producer.send(record())).await.unwrap());
            });
        }
        senders
            .run_until(async {
                while producer.stats().senders_waiting_now < u64::from(SENDERS) {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        cluster.resume_broker(1);
        senders.await;
        assert!(polls.get() <= 3 * SENDERS, "polled {} times", polls.get());
    });
}

const BUDGET: usize = 8 << 20;
const RECORDS: usize = 500_000;

/// The bytes that this thread holds at most while it runs this, over those that it held before.
fn peak(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).bytes_max
}

#[test]
fn half_a_million_records_stay_within_the_budget_while_their_broker_is_down() {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 4).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let peak = peak(|| {
        runtime.block_on(async {
            let producer = builder(&cluster).buffer_memory(BUDGET).build().await.unwrap();
            producer.partitions_for("t").await.unwrap();
            cluster.stop_broker(1).await;
            tokio::time::pause();
            let record =
                |number| ProducerRecord::new("t").partition((number % 4) as i32).value(&[7; 100]);
            let mut cx = Context::from_waker(Waker::noop());
            let (mut number, mut most) = (0, 0);
            // Batches expire and make room for others: so now and then a send waits, and all but a few of the records get in.
            while number < RECORDS / 2 {
                drop(producer.send(record(number)).await);
                most = most.max(producer.stats().buffered_bytes_now);
                number += 1;
            }
            // And now all who find no room go away again, and the producer does not even have its turn.
            while number < RECORDS {
                drop(pin!(producer.send(record(number))).poll(&mut cx));
                most = most.max(producer.stats().buffered_bytes_now);
                number += 1;
            }
            assert!(most > BUDGET as u64 * 9 / 10 && most <= BUDGET as u64, "{most} bytes");
            assert_eq!(producer.stats().senders_waiting_now, 0);
        });
    });
    // What is not records: the batches' completions, the connections' buffers, the runtime.
    assert!(peak <= BUDGET as u64 * 9 / 8, "{peak} bytes");
}

#[test]
fn half_a_million_records_for_a_cluster_that_was_never_reached_take_no_memory() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let peak = peak(|| {
        runtime.block_on(async {
            let producer = Producer::builder()
                .bootstrap_servers(nobody.to_string())
                .buffer_memory(BUDGET)
                .build()
                .await
                .unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            for turn in 0..RECORDS {
                if turn % 2 == 0 {
                    let refused = producer.try_send(record()).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
                } else {
                    // Given up again: whoever does so on a runtime of one thread never lets the producer have its turn.
                    assert!(pin!(producer.send(record())).poll(&mut cx).is_pending());
                }
                assert_eq!(producer.stats().buffered_bytes_now, 0);
            }
            assert!(producer.stats().senders_waiting_now == 0);
        });
    });
    assert!(peak < 1 << 20, "{peak} bytes");
}
