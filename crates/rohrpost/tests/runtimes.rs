//! The producer works on any executor, and says so when the one that it runs on is gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rohrpost::{ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord, blocking};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};
use tokio::runtime::{Builder, Runtime};

const TIME: Duration = Duration::from_secs(20);

fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 2).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").value("v")
}

/// An executor that knows nothing of tokio.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn without_any_runtime_it_runs_on_a_thread_of_its_own() {
    let cluster = cluster();
    block_on(async {
        let producer = builder(&cluster).build().await.unwrap();
        for _ in 0..1_000 {
            drop(producer.send(record()).await.unwrap());
        }
        assert!(producer.send(record()).await.unwrap().await.is_ok());
        producer.close(TIME).await.unwrap();
    });
    assert_eq!(cluster.stats().records, 1_001);
}

#[test]
fn a_program_without_async_uses_it() {
    let cluster = cluster();
    let producer = blocking::Producer::build(builder(&cluster)).unwrap();
    assert_eq!(producer.partitions_for("t").unwrap().len(), 2);
    let deliveries: Vec<_> = (0..100).map(|_| producer.send(record()).unwrap()).collect();
    for delivery in deliveries {
        delivery.wait().unwrap();
    }
    producer.try_send(record()).unwrap().wait().unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    producer.send_with(record(), move |result| told.send(result.is_ok()).unwrap()).unwrap();
    producer.flush().unwrap();
    assert_eq!(heard.try_recv(), Ok(true));
    producer.close(TIME).unwrap();
    assert_eq!(cluster.stats().records, 102);
}

#[test]
fn it_can_be_used_from_another_thread_than_its_runtimes() {
    let cluster = cluster();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let producer = runtime.block_on(builder(&cluster).build()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let producer = producer.clone();
            std::thread::spawn(move || {
                block_on(async {
                    for _ in 0..100 {
                        producer.send(record()).await.unwrap().await.unwrap();
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(cluster.stats().records, 400);
}

#[test]
fn a_runtime_of_one_thread_is_enough_even_if_the_sender_never_waits() {
    let cluster = cluster();
    current_thread().block_on(async {
        let producer = builder(&cluster).buffer_memory(1 << 30).build().await.unwrap();
        let first = producer.send(record()).await.unwrap();
        // Nothing here ever waits: the driver gets its turns because sends give way now and then.
        let mut sent = 1_u64;
        while first.try_result().is_none() {
            drop(producer.send(record()).await.unwrap());
            sent += 1;
            assert!(sent < 20_000_000);
        }
        producer.close(TIME).await.unwrap();
        assert_eq!(producer.stats().records_acknowledged, sent);
    });
}

#[test]
fn a_starved_runtime_does_not_stall_a_producer_on_a_thread_of_its_own() {
    let cluster = cluster();
    current_thread().block_on(async {
        let producer = builder(&cluster).own_thread(true).build().await.unwrap();
        let delivery = producer.send(record()).await.unwrap();
        // The runtime's only thread does not run anything else meanwhile.
        while delivery.try_result().is_none() {
            std::thread::yield_now();
        }
        assert!(delivery.await.is_ok());
    });
}

#[test]
fn a_runtime_that_is_shut_down_fails_what_was_under_way() {
    let cluster = cluster();
    let runtime = current_thread();
    let (producer, sent, refused, queued) = runtime.block_on(async {
        let producer = builder(&cluster)
            .linger(Duration::ZERO)
            .batch_size(0)
            .retry_backoff(TIME, TIME)
            .build()
            .await
            .unwrap();
        producer.partitions_for("t").await.unwrap();
        // The batch of partition 1 was refused, and waits to be sent again; of partition 0 one batch is under way, and the others are behind it.
        cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce));
        let refused = producer.send(record().partition(1)).await.unwrap();
        while cluster.stats().faults == 0 || producer.stats().requests_in_flight_now > 0 {
            tokio::task::yield_now().await;
        }
        cluster.inject(Fault::swallow().on(ApiKey::Produce));
        let sent = producer.send(record().partition(0)).await.unwrap();
        cluster.wait_until(|stats| stats.faults >= 2).await.unwrap();
        let mut queued = Vec::new();
        for _ in 0..10 {
            queued.push(producer.send(record().partition(0)).await.unwrap());
        }
        tokio::task::yield_now().await;
        queued.push(producer.send(record().partition(0)).await.unwrap());
        (producer, sent, refused, queued)
    });
    drop(runtime);
    let error = block_on(sent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DriverGone);
    assert_eq!(error.outcome(), Outcome::MaybeWritten, "{error}");
    for delivery in queued.into_iter().chain([refused]) {
        let error = block_on(delivery).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DriverGone);
        assert_eq!(error.outcome(), Outcome::NotWritten, "{error}");
    }
    assert_eq!(producer.stats().buffered_bytes_now, 0);
    assert_eq!(block_on(producer.send(record())).unwrap_err().kind(), ErrorKind::DriverGone);
    assert_eq!(
        block_on(producer.send(ProducerRecord::new("new"))).unwrap_err().kind(),
        ErrorKind::DriverGone
    );
    assert_eq!(producer.try_send(record()).unwrap_err().kind(), ErrorKind::DriverGone);
    assert_eq!(block_on(producer.flush()).unwrap_err().kind(), ErrorKind::DriverGone);
    assert_eq!(block_on(producer.partitions_for("u")).unwrap_err().kind(), ErrorKind::DriverGone);
    assert_eq!(block_on(producer.close(TIME)).unwrap_err().kind(), ErrorKind::DriverGone);
}

#[test]
fn a_runtime_that_is_shut_down_wakes_who_waits() {
    let cluster = cluster();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let producer = runtime.block_on(async {
        let producer =
            builder(&cluster).buffer_memory(2_000).batch_size(1_000).build().await.unwrap();
        producer.partitions_for("t").await.unwrap();
        producer
    });
    cluster.pause_broker(1);
    while producer.try_send(record()).is_ok() {}
    let wait = |record: ProducerRecord<'static>| {
        let producer = producer.clone();
        std::thread::spawn(move || block_on(producer.send(record)).map(drop).unwrap_err().kind())
    };
    let waiting = [wait(record()), wait(ProducerRecord::new("unknown"))];
    while producer.stats().senders_waiting_now == 0 {
        std::thread::yield_now();
    }
    runtime.shutdown_background();
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), ErrorKind::DriverGone);
    }
}
