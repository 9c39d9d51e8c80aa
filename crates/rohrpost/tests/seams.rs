//! Where the producer, its runtime and its callers meet: at odd moments, with odd sizes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc;
use std::time::{Duration, Instant};

use rohrpost::{Acks, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, Fault};

const TIME: Duration = Duration::from_secs(20);

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 1).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").value(&[7; 1_000])
}

/// Until the producer's task has done all that it can do: it runs on this thread, whenever this task yields.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_send_that_waits_after_a_refused_try_send_ends_in_time() {
    let cluster = cluster().await;
    let producer = builder(&cluster)
        .buffer_memory(10_000)
        .batch_size(2_000)
        .linger(Duration::ZERO)
        .max_block(Duration::from_millis(300))
        .build()
        .await
        .unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.pause_broker(1);
    // Until the driver has sealed and given back all that it can, has heard of the want of memory, and sleeps.
    for _ in 0..5 {
        while producer.try_send(record()).is_ok() {}
        settle().await;
    }
    // The second time no timer is left that was set for something else.
    for _ in 0..2 {
        let start = Instant::now();
        let error = producer.send(record()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MemoryTimeout);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        settle().await;
    }
}

#[tokio::test]
async fn every_close_tells_what_was_left_undelivered() {
    let cluster = cluster().await;
    let producer = builder(&cluster).linger(Duration::ZERO).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.inject(Fault::stall().on(ApiKey::Produce));
    let delivery = producer.send(record()).await.unwrap();
    while producer.stats().requests_in_flight_now == 0 {
        tokio::task::yield_now().await;
    }
    let first = producer.close(Duration::from_millis(100)).await.unwrap_err();
    let second = producer.clone().close(TIME).await.unwrap_err();
    for closed in [&first, &second] {
        assert_eq!((closed.kind(), closed.outcome()), (ErrorKind::Closed, Outcome::MaybeWritten));
        assert!(closed.to_string().contains("1 record undelivered"), "{closed}");
    }
    assert_eq!(delivery.await.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_runtime_without_io_or_time_is_refused_when_the_producer_is_built() {
    use tokio::runtime::Builder;
    let servers = "127.0.0.1:9092";
    let build = |runtime: tokio::runtime::Runtime| {
        runtime.block_on(Producer::builder().bootstrap_servers(servers).build()).unwrap_err()
    };
    for runtime in [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_current_thread().enable_io().build().unwrap(),
        Builder::new_current_thread().enable_time().build().unwrap(),
    ] {
        let error = build(runtime);
        assert_eq!(error.kind(), ErrorKind::DriverGone);
        let text = error.to_string();
        assert!(text.contains("enable_all") && text.contains("own_thread"), "{text}");
    }
    // A thread of its own has both.
    let runtime = Builder::new_current_thread().build().unwrap();
    let own = Producer::builder().bootstrap_servers(servers).own_thread(true);
    drop(runtime.block_on(own.build()).unwrap());
}

#[tokio::test]
async fn records_of_every_odd_size_are_delivered_or_refused() {
    let cluster = cluster().await;
    for acks in [Acks::All, Acks::Leader] {
        for batch in [0, 1, 61, 100, 16_384] {
            let producer = builder(&cluster)
                .acks(acks)
                .batch_size(batch)
                .max_request_size(20_000)
                .buffer_memory(100_000)
                .build()
                .await
                .unwrap();
            let mut accepted = Vec::new();
            let sizes = [0, 1, 38, 39, 40, 99, 100, 101, 16_383, 16_384, 16_385];
            for size in sizes.into_iter().chain(19_900..20_001) {
                let value = vec![1; size];
                match producer.send(ProducerRecord::new("t").value(&value)).await {
                    Ok(delivery) => accepted.push((size, delivery)),
                    Err(error) => {
                        assert!(size > 19_900, "{size}: {error}");
                        assert_eq!(error.kind(), ErrorKind::RecordTooLarge);
                    }
                }
            }
            for (size, delivery) in accepted {
                let result = delivery.await;
                assert!(result.is_ok(), "batch.size {batch}, a value of {size}: {result:?}");
            }
            producer.close(TIME).await.unwrap();
            assert_eq!(producer.stats().buffered_bytes_now, 0);
        }
    }
}

#[tokio::test]
async fn a_record_of_ten_megabytes_fits_a_small_batch_size() {
    let cluster = cluster().await;
    let producer = builder(&cluster).max_request_size(12_000_000).batch_size(1_000).build().await;
    let producer = producer.unwrap();
    let value = vec![1; 10_000_000];
    let delivery = producer.send(ProducerRecord::new("t").value(&value)).await.unwrap();
    match delivery.await {
        Ok(metadata) => assert_eq!(metadata.offset(), Some(0)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::RecordTooLarge, "{error}"),
    }
    assert!(producer.send(record()).await.unwrap().await.is_ok());
}

#[tokio::test]
async fn odd_records_arrive_as_they_were() {
    let cluster = cluster().await;
    let producer = builder(&cluster).build().await.unwrap();
    let many = (0..10_000).fold(record(), |record, number: u32| {
        record.header(if number % 2 == 0 { "" } else { "name" }, number.to_string())
    });
    drop(producer.send(many).await.unwrap());
    drop(producer.send(ProducerRecord::new("t").timestamp(0)).await.unwrap());
    producer.close(TIME).await.unwrap();
    let log = cluster.log("t", 0);
    assert_eq!(log[0].headers.len(), 10_000);
    assert_eq!((log[1].timestamp, &log[1].value), (0, &None));
}

#[tokio::test]
async fn names_that_are_no_topics_fail_alone() {
    let cluster = cluster().await;
    let producer = builder(&cluster).max_block(Duration::from_millis(1_500)).build().await.unwrap();
    let (long, endless) = ("x".repeat(250), "y".repeat(40_000));
    let names = ["", "/", ".", "..", "a b", "ü", &long, &endless];
    let bad = names.map(|name| {
        let (producer, name) = (producer.clone(), name.to_owned());
        tokio::spawn(async move { producer.send(ProducerRecord::new(name)).await.map(drop) })
    });
    let start = Instant::now();
    producer.send(record()).await.unwrap().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for (task, name) in bad.into_iter().zip(names) {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotWritten);
        let shown: String = name.chars().take(10).collect();
        assert!(
            matches!(error.kind(), ErrorKind::UnknownTopic | ErrorKind::InvalidRecord),
            "{shown:?}: {error:?}"
        );
    }
    producer.send(record()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_callback_may_use_the_producer() {
    let cluster = cluster().await;
    let producer = builder(&cluster).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    let (told, heard) = mpsc::channel();
    let again = producer.clone();
    let callback = move |result: Result<_, rohrpost::Error>| {
        assert!(result.is_ok());
        let next = again.try_send(record()).unwrap();
        // The last clone but one goes away in a callback.
        drop(again);
        told.send(next).unwrap();
        panic!("a callback that panics");
    };
    producer.send_with(record(), callback).await.unwrap();
    producer.flush().await.unwrap();
    let next = heard.try_recv().unwrap();
    drop(producer);
    assert_eq!(next.await.unwrap().offset(), Some(1));
}

#[tokio::test]
async fn the_last_handle_may_go_in_a_callback() {
    let cluster = cluster().await;
    let producer = builder(&cluster).build().await.unwrap();
    let delivery = producer.send(record()).await.unwrap();
    let (told, heard) = tokio::sync::oneshot::channel();
    delivery.call_back(move |result| {
        drop(producer);
        told.send(result.is_ok()).unwrap();
    });
    assert!(heard.await.unwrap());
    cluster.wait_until(|stats| stats.open_connections == 0).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_told_of_when_close_comes_among_sends() {
    let cluster = cluster().await;
    for round in 0..50 {
        let producer = builder(&cluster)
            .batch_size(300)
            .linger(Duration::from_millis(round % 3))
            .buffer_memory(3_000)
            .build()
            .await
            .unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let producer = producer.clone();
                tokio::spawn(async move {
                    let (value, mut deliveries) = (vec![0; 10 + task], Vec::new());
                    let refusal = loop {
                        match producer.send(ProducerRecord::new("t").value(&value)).await {
                            Ok(delivery) => deliveries.push(delivery),
                            Err(error) => break error,
                        }
                    };
                    assert_eq!(refusal.kind(), ErrorKind::Closed, "{refusal}");
                    let mut acknowledged = 0_u64;
                    for delivery in deliveries {
                        let result = delivery.await;
                        acknowledged += u64::from(result.is_ok());
                        if let Err(error) = result {
                            assert_eq!(error.outcome(), Outcome::NotWritten, "{error}");
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        while producer.stats().records_acknowledged < 5 * round {
            tokio::task::yield_now().await;
        }
        let (flushed, closed, again) =
            tokio::join!(producer.flush(), producer.close(TIME), producer.close(TIME));
        flushed.unwrap();
        closed.unwrap();
        again.unwrap();
        let mut acknowledged = 0;
        for task in tasks {
            acknowledged += task.await.unwrap();
        }
        let stats = producer.stats();
        assert_eq!((stats.records_acknowledged, stats.records_failed), (acknowledged, 0));
        assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    }
}

#[tokio::test]
async fn a_client_id_that_no_request_can_carry_is_refused_when_the_producer_is_built() {
    let cluster = cluster().await;
    let error = builder(&cluster).client_id("x".repeat(40_000)).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("client.id"), "{error}");
    let producer = builder(&cluster).client_id("x".repeat(32_767)).build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn settings_as_large_as_their_types_overflow_nothing() {
    let cluster = cluster().await;
    let producer = builder(&cluster)
        .max_block(Duration::MAX)
        .request_timeout(Duration::MAX)
        .delivery_timeout(Duration::MAX)
        .metadata_max_age(Duration::MAX)
        .retry_backoff(Duration::MAX, Duration::MAX)
        .linger(Duration::from_millis(1))
        .batch_size(usize::MAX)
        .max_request_size(usize::MAX)
        .buffer_memory(usize::MAX)
        .build()
        .await;
    match producer {
        Ok(producer) => {
            producer.send(record()).await.unwrap().await.unwrap();
            producer.close(Duration::MAX).await.unwrap();
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Config, "{error}"),
    }
}
