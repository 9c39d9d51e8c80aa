//! Time-outs come when they are due, never before, and never not at all, whatever state the cluster is in.
//!
//! In virtual time: once everything waits, the clock jumps to what comes next. So hours take no time, and whoever spins instead of waiting never gets there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rohrpost::{ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, TopicSpec};
use tokio::runtime::Builder;
use tokio::time::Instant;

/// What a runtime's timer may be late: it counts in milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// More than any test takes, in the time of the wall.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lives on one thread, where the clock may be paused, and tells if it never ends.
fn live<F: Future<Output = ()>>(life: impl FnOnce() -> F + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(life());
        done.send(()).unwrap();
    });
    match ended.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs, or spins"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => thread.join().unwrap(),
    }
}

/// What a cluster may be like for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down,
    Frozen,
    Partitioned,
    Slow,
    Throttling,
    HangingUp,
    HangingUpAfterwards,
    Swallowing,
    Stalling,
    Cutting,
    Babbling,
    WithoutLeaders,
    WithoutProducerIds,
    Refusing(ErrorCode),
    Doubting(ErrorCode),
}

/// Those that nothing gets through in, not even metadata.
const DEAF: [State; 10] = [
    State::Down,
    State::Frozen,
    State::Slow,
    State::HangingUp,
    State::HangingUpAfterwards,
    State::Swallowing,
    State::Stalling,
    State::Cutting,
    State::Babbling,
    State::WithoutLeaders,
];

/// Those that no record is acknowledged in, though not refused for good either; and what is known of a record that ends in them. Some of the codes are given
/// by leaders that have appended the record and lost their office while they waited for its replicas.
const STUCK: [(State, Outcome); 22] = [
    (State::Down, Outcome::NotWritten),
    (State::Frozen, Outcome::MaybeWritten),
    (State::Partitioned, Outcome::MaybeWritten),
    (State::Slow, Outcome::MaybeWritten),
    (State::Throttling, Outcome::NotWritten),
    (State::HangingUp, Outcome::MaybeWritten),
    (State::HangingUpAfterwards, Outcome::MaybeWritten),
    (State::Swallowing, Outcome::MaybeWritten),
    (State::Stalling, Outcome::MaybeWritten),
    (State::Cutting, Outcome::MaybeWritten),
    (State::Babbling, Outcome::MaybeWritten),
    (State::WithoutProducerIds, Outcome::NotWritten),
    (State::Refusing(ErrorCode::NOT_LEADER_OR_FOLLOWER), Outcome::MaybeWritten),
    (State::Refusing(ErrorCode::FENCED_LEADER_EPOCH), Outcome::MaybeWritten),
    (State::Refusing(ErrorCode::NOT_ENOUGH_REPLICAS), Outcome::NotWritten),
    (State::Refusing(ErrorCode::KAFKA_STORAGE_ERROR), Outcome::MaybeWritten),
    (State::Refusing(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), Outcome::MaybeWritten),
    (State::Refusing(ErrorCode::UNKNOWN_TOPIC_ID), Outcome::NotWritten),
    (State::Refusing(ErrorCode::CORRUPT_MESSAGE), Outcome::NotWritten),
    (State::Doubting(ErrorCode::REQUEST_TIMED_OUT), Outcome::MaybeWritten),
    (State::Doubting(ErrorCode::NETWORK_EXCEPTION), Outcome::MaybeWritten),
    (State::Doubting(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND), Outcome::MaybeWritten),
];

impl State {
    /// Puts the cluster into the state, for good.
    async fn enter(self, cluster: &Cluster) {
        let produce = |fault: Fault| fault.on(ApiKey::Produce);
        let fault = match self {
            Self::Down => {
                for broker in 1..=3 {
                    cluster.stop_broker(broker).await;
                }
                return;
            }
            Self::Frozen => return (1..=3).for_each(|broker| cluster.pause_broker(broker)),
            Self::Partitioned => return (1..=3).for_each(|broker| cluster.isolate_broker(broker)),
            Self::Slow => Fault::delay(Duration::from_secs(100_000)),
            Self::Throttling => Fault::throttle(Duration::from_secs(100_000)),
            Self::HangingUp => Fault::disconnect_before(),
            Self::HangingUpAfterwards => Fault::disconnect_after(),
            Self::Swallowing => Fault::swallow(),
            Self::Stalling => Fault::stall(),
            Self::Cutting => Fault::cut(7),
            Self::Babbling => Fault::garbage(),
            Self::WithoutLeaders => {
                Fault::error(ErrorCode::LEADER_NOT_AVAILABLE).on(ApiKey::Metadata)
            }
            Self::WithoutProducerIds => {
                Fault::error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS).on(ApiKey::InitProducerId)
            }
            Self::Refusing(code) => produce(Fault::error(code)),
            Self::Doubting(code) => produce(Fault::error_after(code)),
        };
        cluster.inject(fault.always());
    }
}

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(3).start().await.unwrap();
    let spec = TopicSpec::new("t").partitions(2).replication_factor(3).min_insync_replicas(2);
    cluster.create_topic_with(&spec).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .linger(Duration::ZERO)
        .request_timeout(Duration::from_secs(5))
}

/// A producer in the middle of its life, whose cluster has just come into a state that no record gets through in. The clock stands still.
async fn stuck(state: State, cluster: &Cluster, builder: ProducerBuilder) -> Producer {
    if state == State::WithoutProducerIds {
        state.enter(cluster).await;
    }
    let producer = builder.build().await.unwrap();
    // Not in a batch that a later record could join.
    let partition = i32::from(state == State::WithoutProducerIds);
    // Not by a send that waits: it may not be meant to wait at all.
    let first = loop {
        match producer.try_send(record().partition(partition)) {
            Ok(delivery) => break delivery,
            Err(refused) => assert_eq!(refused.kind(), ErrorKind::WouldBlock),
        }
        tokio::task::yield_now().await;
    };
    if state == State::WithoutProducerIds {
        drop(first);
    } else {
        producer.flush().await.unwrap();
        first.await.unwrap();
        state.enter(cluster).await;
    }
    if state == State::Throttling {
        let last = producer.send(record()).await.unwrap();
        producer.flush().await.unwrap();
        last.await.unwrap();
    }
    settle().await;
    tokio::time::pause();
    producer
}

/// Until everybody on this thread has done all that there is to do at this moment.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").partition(0).value(&[7; 500])
}

fn assert_on_time(what: impl std::fmt::Debug, since: Instant, due: Duration) {
    let took = since.elapsed();
    assert!(took >= due && took <= due + TICK, "{what:?}: {took:?}, due after {due:?}");
}

const BLOCKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(700), Duration::from_secs(60)];

#[test]
fn a_send_without_metadata_gives_up_after_max_block() {
    for (state, max_block) in DEAF.into_iter().flat_map(|state| BLOCKS.map(|block| (state, block)))
    {
        live(move || async move {
            let cluster = cluster().await;
            state.enter(&cluster).await;
            let producer = builder(&cluster).max_block(max_block).build().await.unwrap();
            tokio::time::pause();
            for _ in 0..2 {
                let start = Instant::now();
                let error = producer.send(record()).await.unwrap_err();
                assert_on_time((state, max_block), start, max_block);
                assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{state:?}: {error}");
                assert_eq!(error.outcome(), Outcome::NotWritten);
                let start = Instant::now();
                let error = producer.partitions_for("t").await.unwrap_err();
                assert_on_time((state, max_block), start, max_block);
                assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{state:?}: {error}");
            }
        });
    }
}

#[test]
fn a_send_for_what_does_not_exist_gives_up_after_max_block() {
    for max_block in BLOCKS {
        live(move || async move {
            let cluster = cluster().await;
            let producer = builder(&cluster).max_block(max_block).build().await.unwrap();
            for (record, kind) in [
                (ProducerRecord::new("unknown"), ErrorKind::UnknownTopic),
                (ProducerRecord::new("t").partition(2), ErrorKind::UnknownPartition),
            ] {
                tokio::time::pause();
                let start = Instant::now();
                let error = producer.send(record).await.unwrap_err();
                assert_on_time(max_block, start, max_block);
                if max_block > Duration::from_secs(1) {
                    assert_eq!(error.kind(), kind, "{error}");
                }
                assert_eq!(error.outcome(), Outcome::NotWritten);
                tokio::time::resume();
            }
        });
    }
}

#[test]
fn a_send_without_room_gives_up_after_max_block() {
    for (state, max_block) in
        STUCK.into_iter().flat_map(|(state, _)| BLOCKS.map(|block| (state, block)))
    {
        live(move || async move {
            let cluster = cluster().await;
            let builder = builder(&cluster)
                .buffer_memory(5_000)
                .batch_size(1_000)
                .max_block(max_block)
                .delivery_timeout(Duration::from_secs(1_000_000));
            let producer = stuck(state, &cluster, builder).await;
            while producer.try_send(record()).is_ok() {}
            for _ in 0..2 {
                let start = Instant::now();
                let error = producer.send(record()).await.unwrap_err();
                assert_on_time((state, max_block), start, max_block);
                assert_eq!(error.kind(), ErrorKind::MemoryTimeout, "{state:?}: {error}");
                assert_eq!(error.outcome(), Outcome::NotWritten);
            }
        });
    }
}

#[test]
fn a_record_fails_after_delivery_timeout() {
    for ((state, outcome), timeout) in STUCK
        .into_iter()
        .flat_map(|stuck| [5_000, 23_456].map(|millis| (stuck, Duration::from_millis(millis))))
    {
        live(move || async move {
            let cluster = cluster().await;
            let builder = builder(&cluster).delivery_timeout(timeout);
            let producer = stuck(state, &cluster, builder).await;
            let start = Instant::now();
            let delivery = producer.send(record()).await.unwrap();
            let flush = producer.flush();
            let error = delivery.await.unwrap_err();
            assert_on_time((state, timeout), start, timeout);
            assert_eq!(error.kind(), ErrorKind::DeliveryTimeout, "{state:?}: {error}");
            assert_eq!(error.outcome(), outcome, "{state:?}, {timeout:?}: {error}");
            flush.await.unwrap();
            assert_on_time((state, timeout), start, timeout);
        });
    }
}

#[test]
fn a_close_ends_after_its_timeout() {
    for (state, outcome) in STUCK {
        live(move || async move {
            let cluster = cluster().await;
            let producer = stuck(state, &cluster, builder(&cluster)).await;
            let delivery = producer.send(record()).await.unwrap();
            let (start, timeout) = (Instant::now(), Duration::from_millis(23_456));
            let error = producer.close(timeout).await.unwrap_err();
            assert_on_time(state, start, timeout);
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Closed, outcome), "{state:?}");
            let error = delivery.await.unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Closed, outcome), "{state:?}");
            assert_on_time(state, start, timeout);
        });
    }
}

#[test]
fn dropping_the_producer_tells_every_delivery_in_time() {
    for (state, _) in STUCK {
        live(move || async move {
            let cluster = cluster().await;
            let (timeout, told) = (Duration::from_secs(30), Arc::new(AtomicUsize::new(0)));
            let builder = builder(&cluster).delivery_timeout(timeout).batch_size(2_000);
            // One partition lingers, the other's batches are on their way, and behind each other.
            let producer = stuck(state, &cluster, builder.linger(Duration::from_secs(20))).await;
            let start = Instant::now();
            let mut deliveries = vec![producer.send(record().partition(1)).await.unwrap()];
            for _ in 0..50 {
                deliveries.push(producer.send(record()).await.unwrap());
                let told = told.clone();
                let callback = move |result: Result<_, _>| {
                    assert!(result.is_err());
                    told.fetch_add(1, Ordering::Relaxed);
                };
                producer.send_with(record(), callback).await.unwrap();
            }
            drop(producer.send(record()));
            drop(producer);
            for delivery in deliveries {
                let error = delivery.await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::DeliveryTimeout, "{state:?}: {error}");
            }
            assert_on_time(state, start, timeout);
            assert_eq!(told.load(Ordering::Relaxed), 50, "{state:?}");
        });
    }
}

#[test]
fn an_unknown_topic_delays_no_other() {
    live(|| async {
        const WAITING: u64 = 20_000;
        let cluster = cluster().await;
        cluster.create_topic("zebra", 1).unwrap();
        let producer = builder(&cluster).max_block(Duration::from_secs(60)).build().await.unwrap();
        tokio::time::pause();
        let start = Instant::now();
        let waiting: Vec<_> = (0..WAITING)
            .map(|number| {
                let producer = producer.clone();
                let topic = if number % 2 == 0 {
                    "unknown".to_owned()
                } else {
                    format!("u{}", number % 99)
                };
                tokio::spawn(
                    async move { producer.send(ProducerRecord::new(topic)).await.map(drop) },
                )
            })
            .collect();
        while producer.stats().senders_waiting_now < WAITING {
            tokio::task::yield_now().await;
        }
        for topic in ["t", "zebra", "t"] {
            for _ in 0..100 {
                let delivery = producer.send(ProducerRecord::new(topic).value("v")).await.unwrap();
                delivery.await.unwrap();
            }
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(producer.stats().senders_waiting_now, WAITING);
        for send in waiting {
            let error = send.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownTopic, "{error}");
        }
        assert_on_time("unknown", start, Duration::from_secs(60));
    });
}

/// The broker remembers the last five batches of a producer. What leaves that window can never be told from what is new.
#[test]
fn two_lost_answers_for_a_batch_among_newer_ones_that_pass_leave_it_written_once() {
    live(|| async {
        let cluster = cluster().await;
        let producer = builder(&cluster).batch_size(0).build().await.unwrap();
        producer.send(record()).await.unwrap().await.unwrap();
        tokio::time::pause();
        let appended = Fault::error_after(ErrorCode::REQUEST_TIMED_OUT).on(ApiKey::Produce);
        cluster.inject(appended.clone());
        let mut deliveries = Vec::new();
        for number in 0..40 {
            let record = ProducerRecord::new("t").partition(0).value(number.to_string());
            deliveries.push(producer.send(record).await.unwrap());
        }
        // What is in flight beside the first batch passes. When that one is sent again, it fares the same.
        let passed = || deliveries.iter().filter(|delivery| delivery.is_resolved()).count();
        while passed() == 0 || producer.stats().requests_in_flight_now > 0 {
            tokio::task::yield_now().await;
        }
        assert!(!deliveries[0].is_resolved());
        cluster.inject(appended);
        for (offset, delivery) in (1..).zip(deliveries) {
            let metadata = delivery.await.unwrap();
            assert_eq!(metadata.offset(), Some(offset));
        }
        let stats = cluster.stats();
        assert_eq!(stats.faults, 2);
        assert!(stats.duplicates >= 2, "{stats:?}");
        let values = cluster.log("t", 0).into_iter().skip(1).map(|record| record.value.unwrap());
        let expected = (0..40).map(|number| number.to_string());
        assert!(values.map(|value| String::from_utf8(value.to_vec()).unwrap()).eq(expected));
    });
}
