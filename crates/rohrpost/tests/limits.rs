//! Memory, time and cancellation: nobody waits for ever, nothing leaks, nothing is lost silently.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rohrpost::{Error, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, Permission};

const TIME: Duration = Duration::from_secs(20);

async fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", partitions).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").value(&[7; 1_000])
}

/// A producer of 10,000 bytes of memory that knows its topic, whose broker has stopped to answer.
async fn full(cluster: &Cluster, max_block: Duration) -> Producer {
    let producer = builder(cluster)
        .buffer_memory(10_000)
        .batch_size(2_000)
        .linger(Duration::ZERO)
        .max_block(max_block)
        .build()
        .await
        .unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.pause_broker(1);
    while producer.try_send(record()).is_ok() {}
    producer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_share_a_tiny_memory_without_a_deadlock() {
    let cluster = cluster(8).await;
    let producer = builder(&cluster).buffer_memory(20_000).batch_size(4_000).build().await.unwrap();
    let mut tasks = Vec::new();
    for task in 0..64 {
        let producer = producer.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..50 {
                let value = format!("{task}-{number}-{}", "x".repeat(300));
                drop(producer.send(ProducerRecord::new("t").value(value)).await.unwrap());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    producer.flush().await.unwrap();
    let stats = producer.stats();
    assert_eq!((stats.records_acknowledged, stats.records_failed), (3_200, 0));
    assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    let values: BTreeSet<_> =
        (0..8).flat_map(|p| cluster.log("t", p)).map(|record| record.value.unwrap()).collect();
    assert_eq!(values.len(), 3_200);
}

#[tokio::test]
async fn a_lingering_batch_is_sent_when_memory_runs_out() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster)
        .buffer_memory(10_000)
        .linger(Duration::from_secs(3_600))
        .property("delivery.timeout.ms", "2000000000")
        .build()
        .await
        .unwrap();
    for _ in 0..100 {
        drop(producer.send(record()).await.unwrap());
    }
    assert!(cluster.log("t", 0).len() >= 80);
}

#[tokio::test]
async fn no_room_in_time_is_an_error_and_try_send_gives_the_record_back() {
    let cluster = cluster(1).await;
    let producer = full(&cluster, Duration::from_millis(300)).await;
    let refused = producer.try_send(record()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    let (back, error) = refused.into_parts();
    assert_eq!((back, error.kind()), (record(), ErrorKind::WouldBlock));

    let start = Instant::now();
    let error = producer.send(record()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::MemoryTimeout, Outcome::NotWritten));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");

    cluster.resume_broker(1);
    producer.flush().await.unwrap();
    drop(producer.try_send(record()).unwrap());
    producer.close(TIME).await.unwrap();
    assert_eq!(producer.stats().buffered_bytes_now, 0);
}

#[tokio::test]
async fn without_any_time_to_block_what_needs_no_waiting_is_sent() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).max_block(Duration::ZERO).build().await.unwrap();
    // Nothing is known yet, but asking has begun.
    while let Err(error) = producer.send(record()).await {
        assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{error}");
    }
    for _ in 0..1_000 {
        drop(producer.send(record()).await.unwrap());
    }
    producer.close(TIME).await.unwrap();
    assert_eq!(cluster.log("t", 0).len(), 1_001);
}

/// With acks=0 a broker says nothing, and what is lost with a connection is lost: but nobody waits for it, and nothing is kept for it.
#[tokio::test]
async fn with_acks_0_lost_connections_lose_records_and_nothing_else() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster)
        .acks(rohrpost::Acks::None)
        .batch_size(0)
        .linger(Duration::ZERO)
        .build()
        .await
        .unwrap();
    let mut deliveries = Vec::new();
    for round in 0..20 {
        match round % 4 {
            0 => drop(cluster.inject(Fault::disconnect_before().on(ApiKey::Produce))),
            1 => drop(cluster.inject(Fault::stall().on(ApiKey::Produce))),
            2 => cluster.stop_broker(1).await,
            _ => cluster.start_broker(1).await.unwrap(),
        }
        for _ in 0..20 {
            deliveries.push(producer.send(record()).await.unwrap());
        }
    }
    cluster.clear_faults();
    producer.flush().await.unwrap();
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap().offset(), None);
    }
    let written = cluster.log("t", 0).len();
    producer.send(record()).await.unwrap().await.unwrap();
    producer.close(TIME).await.unwrap();
    let stats = producer.stats();
    assert_eq!((stats.records_acknowledged, stats.records_failed), (401, 0));
    assert_eq!((stats.buffered_bytes_now, stats.requests_in_flight_now), (0, 0));
    assert!(written < 400, "{written}");
}

#[tokio::test]
async fn why_tells_of_sends_that_wait_for_memory() {
    let cluster = cluster(1).await;
    let producer = full(&cluster, Duration::from_secs(60)).await;
    let mut send = std::pin::pin!(producer.send(record()));
    let waits =
        std::future::poll_fn(|cx| std::task::Poll::Ready(send.as_mut().poll(cx).is_pending()));
    assert!(waits.await);
    let why = producer.why("t", 0).await.unwrap();
    assert!(why.ends_with("; 1 sender waits for room in buffer.memory"), "{why}");
}

#[tokio::test]
async fn sends_that_are_dropped_while_they_wait_send_nothing_and_hold_nothing() {
    let cluster = cluster(1).await;
    let producer = full(&cluster, TIME).await;
    let buffered = producer.stats().buffered_bytes_now;
    let wait =
        |producer: Producer| tokio::spawn(async move { producer.send(record()).await.map(drop) });
    let tasks: Vec<_> = (0..100).map(|_| wait(producer.clone())).collect();
    let last = wait(producer.clone());
    while producer.stats().senders_waiting_now < 101 {
        tokio::task::yield_now().await;
    }
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(producer.stats().senders_waiting_now, 1);
    assert_eq!(producer.stats().buffered_bytes_now, buffered);

    cluster.resume_broker(1);
    last.await.unwrap().unwrap();
    producer.flush().await.unwrap();
    let stats = producer.stats();
    assert_eq!(stats.records_acknowledged, cluster.log("t", 0).len() as u64);
    assert_eq!((stats.buffered_bytes_now, stats.records_failed), (0, 0));
}

#[tokio::test]
async fn sends_wait_for_room_in_the_order_in_which_they_came() {
    let cluster = cluster(1).await;
    let producer = full(&cluster, TIME).await;
    let (order, mut done) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..20_u64 {
        let (sender, order) = (producer.clone(), order.clone());
        tokio::spawn(async move {
            drop(sender.send(record()).await.unwrap());
            order.send(number).unwrap();
        });
        while producer.stats().senders_waiting_now <= number {
            tokio::task::yield_now().await;
        }
    }
    drop(order);
    cluster.resume_broker(1);
    let mut came = Vec::new();
    while let Some(number) = done.recv().await {
        came.push(number);
    }
    assert_eq!(came, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_dropped_delivery_drops_the_notification_not_the_record() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let delivery = producer.send(record()).await.unwrap();
    let polled = tokio::time::timeout(Duration::ZERO, delivery).await;
    assert!(polled.is_err());
    drop(producer.send(record()).await.unwrap());
    producer.flush().await.unwrap();
    assert_eq!(cluster.log("t", 0).len(), 2);
}

#[tokio::test]
async fn the_last_handle_dropped_still_delivers() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster)
        .linger(Duration::from_secs(3_600))
        .property("delivery.timeout.ms", "2000000000")
        .build()
        .await
        .unwrap();
    let delivery = producer.send(record()).await.unwrap();
    drop(producer.clone());
    assert!(delivery.try_result().is_none());
    drop(producer);
    assert_eq!(delivery.await.unwrap().offset(), Some(0));
    cluster.wait_until(|stats| stats.open_connections == 0).await.unwrap();
}

#[tokio::test]
async fn close_delivers_what_there_is_and_then_takes_nothing() {
    let cluster = cluster(3).await;
    let producer = builder(&cluster)
        .linger(Duration::from_secs(3_600))
        .property("delivery.timeout.ms", "2000000000")
        .build()
        .await
        .unwrap();
    let mut deliveries = Vec::new();
    for _ in 0..100 {
        deliveries.push(producer.send(record()).await.unwrap());
    }
    producer.close(TIME).await.unwrap();
    assert!(deliveries.iter().all(|delivery| matches!(delivery.try_result(), Some(Ok(_)))));
    let refused = [
        producer.send(record()).await.unwrap_err(),
        Error::from(producer.try_send(record()).unwrap_err()),
        producer.partitions_for("t").await.unwrap_err(),
    ];
    for error in refused {
        // Nothing will ever go through it again.
        assert!(error.kind() == ErrorKind::Closed && error.is_fatal(), "{error:?}");
    }
    producer.flush().await.unwrap();
    producer.close(TIME).await.unwrap();
    assert_eq!(producer.stats().buffered_bytes_now, 0);
}

#[tokio::test]
async fn close_gives_up_at_its_deadline_and_says_how_much() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.inject(Fault::swallow().on(ApiKey::Produce).always());
    let sent = producer.send(record()).await.unwrap();
    cluster.wait_until(|stats| stats.requests_of(ApiKey::Produce) == 1).await.unwrap();
    let start = Instant::now();
    let error = producer.close(Duration::from_millis(300)).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("1 record"), "{error}");
    let error = sent.await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Closed, Outcome::MaybeWritten));
    assert!(error.is_fatal());
    assert_eq!(producer.stats().buffered_bytes_now, 0);
}

#[tokio::test]
async fn no_refusal_of_the_cluster_ends_the_producer() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    cluster.deny(Permission::IdempotentWrite);
    let mut failed = 0;
    // It asks for a producer id again, in its own time.
    while let Err(error) = producer.send(record()).await.unwrap().await {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Authorization, Outcome::NotWritten)
        );
        assert_eq!(error.code(), Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED.0));
        assert!(!error.is_fatal(), "{error}");
        cluster.allow(&Permission::IdempotentWrite);
        failed += 1;
    }
    assert!(failed > 0);
    let refusals = [
        (ErrorCode::CLUSTER_AUTHORIZATION_FAILED, ErrorKind::Authorization),
        (ErrorCode::UNSUPPORTED_VERSION, ErrorKind::Broker),
        (ErrorCode::INVALID_PRODUCER_ID_MAPPING, ErrorKind::Broker),
        (ErrorCode::INVALID_TXN_STATE, ErrorKind::Broker),
    ];
    for (number, (code, kind)) in refusals.into_iter().enumerate() {
        let written = producer.send(record()).await.unwrap().await.unwrap();
        assert_eq!(written.offset(), Some(i64::try_from(number).unwrap() + 1));
        cluster.inject(Fault::error(code).topic("t").on(ApiKey::Produce));
        let error = producer.send(record()).await.unwrap().await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotWritten), "{error}");
        assert!(!error.is_fatal(), "{error}");
    }
}

#[tokio::test]
async fn a_delivery_times_out_and_says_what_it_waited_for() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster)
        .request_timeout(Duration::from_millis(200))
        .delivery_timeout(Duration::from_millis(400))
        .build()
        .await
        .unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.inject(Fault::swallow().on(ApiKey::Produce).always());
    let start = Instant::now();
    let error = producer.send(record()).await.unwrap().await.unwrap_err();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(4), "{took:?}");
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::DeliveryTimeout, Outcome::MaybeWritten)
    );
    assert!(error.is_retriable() && error.to_string().contains("delivery.timeout.ms"), "{error}");
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_alone() {
    let cluster = cluster(1).await;
    let producer =
        builder(&cluster).max_request_size(10_000).buffer_memory(20_000).build().await.unwrap();
    let large = vec![1; 10_001];
    let error = producer.send(ProducerRecord::new("t").value(&large)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::RecordTooLarge, Outcome::NotWritten));
    assert!(error.to_string().contains("max.request.size"), "{error}");
    assert_eq!(producer.send(record()).await.unwrap().await.unwrap().offset(), Some(0));

    let producer = builder(&cluster).buffer_memory(5_000).build().await.unwrap();
    let error = producer.send(ProducerRecord::new("t").value(&large)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecordTooLarge);
    assert!(error.to_string().contains("buffer.memory"), "{error}");
}

#[tokio::test]
async fn a_batch_size_of_zero_sends_each_record_by_itself() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).batch_size(0).build().await.unwrap();
    for _ in 0..10 {
        drop(producer.send(record()).await.unwrap());
    }
    producer.close(TIME).await.unwrap();
    assert_eq!((cluster.stats().batches, cluster.stats().records), (10, 10));
}

#[tokio::test]
async fn an_error_says_where_and_what_to_do_and_says_it_once() {
    let cluster = cluster(1).await;
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    cluster.inject(Fault::error(denied).on(ApiKey::Produce));
    let producer = builder(&cluster).build().await.unwrap();
    let error = producer.send(record()).await.unwrap().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "t-0: the broker refused the record: TOPIC_AUTHORIZATION_FAILED (29): let this principal write to the topic (operation Write on the resource Topic) (not written)"
    );
    assert_eq!(error.reason().len() + " (not written)".len(), error.to_string().len());
    assert!(std::error::Error::source(&error).is_none());
    let huge = vec![0; 2_000_000];
    let error = producer.send(ProducerRecord::new("t").value(&huge)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("topic t: ") && text.contains("max.request.size"), "{text}");
}

#[tokio::test]
async fn a_close_that_gives_up_what_may_have_been_written_says_so() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).linger(Duration::ZERO).build().await.unwrap();
    drop(producer.send(record()).await.unwrap().await.unwrap());
    cluster.inject(Fault::stall().on(ApiKey::Produce));
    let delivery = producer.send(record()).await.unwrap();
    while producer.stats().requests_in_flight_now == 0 {
        tokio::task::yield_now().await;
    }
    let closed = producer.close(Duration::from_millis(100)).await.unwrap_err();
    let lost = delivery.await.unwrap_err();
    assert_eq!((closed.outcome(), lost.outcome()), (Outcome::MaybeWritten, Outcome::MaybeWritten));
    assert!(closed.to_string().contains("1 record undelivered"), "{closed}");
}

#[tokio::test]
async fn why_tells_what_keeps_a_topic_from_being_known() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let producer = Producer::builder().bootstrap_servers(nobody.to_string()).build().await.unwrap();
    let send = producer.send(record());
    tokio::pin!(send);
    let why = loop {
        tokio::select! {
            biased;
            sent = &mut send => panic!("{sent:?}"),
            why = producer.why("t", 0) => {
                let why = why.unwrap();
                if why.contains("refused") {
                    break why;
                }
            }
        }
    };
    assert!(why.starts_with("nothing is known of topic t yet; "), "{why}");
    assert!(why.contains(&nobody.to_string()), "{why}");
    assert_eq!(producer.stats().senders_waiting_now, 1);
}
