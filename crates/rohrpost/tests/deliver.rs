//! What is sent arrives, as it was sent, and the answer says where.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{
    Acks, Compression, Deliveries, ErrorKind, Outcome, Partitioning, Producer, ProducerBuilder,
    ProducerRecord, Tally,
};
use rohrpost_testkit::{Cluster, ErrorCode, Fault, TimestampType, TopicSpec};

const TIME: Duration = Duration::from_secs(20);

async fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::builder().brokers(3).start().await.unwrap();
    cluster.create_topic("t", partitions).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn values(cluster: &Cluster, partition: i32) -> Vec<String> {
    let text = |value: Option<rohrpost::Bytes>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    cluster.log("t", partition).into_iter().map(|record| text(record.value)).collect()
}

#[tokio::test]
async fn a_record_arrives_as_it_was_sent() {
    let cluster = cluster(3).await;
    let producer = builder(&cluster).build().await.unwrap();
    let record = ProducerRecord::new("t")
        .partition(2)
        .key("k")
        .value("v")
        .timestamp(1_234_567)
        .header("h", "1")
        .header("h", None::<&str>);
    let metadata = producer.send(record).await.unwrap().await.unwrap();
    assert_eq!((metadata.topic(), metadata.partition(), metadata.offset()), ("t", 2, Some(0)));
    assert_eq!((metadata.timestamp(), metadata.is_log_append_time()), (1_234_567, false));
    assert_eq!((metadata.key_size(), metadata.value_size()), (Some(1), Some(1)));
    assert_eq!(metadata.to_string(), "t-2@0");

    let log = cluster.log("t", 2);
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(log[0].value.as_deref(), Some(&b"v"[..]));
    assert_eq!(log[0].timestamp, 1_234_567);
    let headers: Vec<_> = log[0]
        .headers
        .iter()
        .map(|header| (header.name().unwrap(), header.value.as_deref()))
        .collect();
    assert_eq!(headers, [("h", Some(&b"1"[..])), ("h", None)]);
    producer.close(TIME).await.unwrap();
}

/// Until it is delivered, the batch refers to it; a copy would leave it to its owner alone.
#[tokio::test]
async fn a_large_value_that_is_given_away_is_not_copied_and_let_go_when_it_is_delivered() {
    let cluster = cluster(1).await;
    for (compression, len, is_kept) in [
        (Compression::None, 1_000_000, true),
        (Compression::None, 16_384, true),
        (Compression::None, 16_383, false),
        (Compression::Lz4, 100_000, false),
    ] {
        let producer = builder(&cluster).compression(compression).batch_size(64 * 1024);
        let producer = producer.linger(TIME).build().await.unwrap();
        let value = rohrpost::Bytes::from(vec![b'x'; len]);
        let other = ProducerRecord::new("t").value("small, and open the batch");
        let other = producer.send(other).await.unwrap();
        let sends = [
            producer.send(ProducerRecord::new("t").value(value.clone())).await.unwrap(),
            producer.try_send(ProducerRecord::new("t").value(value.clone())).unwrap(),
        ];
        assert_eq!(value.is_unique(), !is_kept, "{len} bytes");
        let used = producer.stats().buffered_bytes_now;
        assert!(used >= if is_kept { 2 * len as u64 } else { 0 }, "{used}");
        producer.flush().await.unwrap();
        other.await.unwrap();
        for delivery in sends {
            assert_eq!(delivery.await.unwrap().value_size(), Some(len));
        }
        producer.close(TIME).await.unwrap();
        assert!(value.is_unique());
        let log = cluster.log("t", 0);
        assert!(log.iter().rev().take(2).all(|record| record.value.as_ref() == Some(&value)));
    }
}

#[tokio::test]
async fn null_and_empty_are_different_and_the_time_is_now() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap()
    };
    let before = now();
    let null = producer.send(ProducerRecord::new("t").key("gone")).await.unwrap().await.unwrap();
    producer.send(ProducerRecord::new("t").key("").value("")).await.unwrap().await.unwrap();
    assert_eq!((null.key_size(), null.value_size()), (Some(4), None));
    assert!((before - 20..=now()).contains(&null.timestamp()), "{before} {}", null.timestamp());
    let log = cluster.log("t", 0);
    assert_eq!((log[0].value.as_deref(), log[0].timestamp), (None, null.timestamp()));
    assert_eq!((log[1].key.as_deref(), log[1].value.as_deref()), (Some(&b""[..]), Some(&b""[..])));
}

#[tokio::test]
async fn deliveries_of_one_partition_have_the_offsets_of_their_order() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).batch_size(500).build().await.unwrap();
    let mut deliveries = Vec::new();
    for number in 0..1_000 {
        let record = ProducerRecord::new("t").value(number.to_string());
        deliveries.push(producer.send(record).await.unwrap());
    }
    for (offset, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset(), Some(offset));
    }
    let expected: Vec<String> = (0..1_000).map(|number: i32| number.to_string()).collect();
    assert_eq!(values(&cluster, 0), expected);
    assert!(cluster.stats().batches > 10);
}

#[tokio::test]
async fn a_key_goes_where_java_puts_it() {
    let cluster = cluster(12).await;
    let producer = builder(&cluster).build().await.unwrap();
    let delivery = producer.send(ProducerRecord::new("t").key("foobar")).await.unwrap();
    assert_eq!(delivery.partition(), 6);
    assert_eq!(delivery.await.unwrap().partition(), 6);
}

#[tokio::test]
async fn records_without_a_key_reach_every_partition_in_full_batches() {
    let cluster = cluster(4).await;
    let producer = builder(&cluster)
        .batch_size(1_000)
        .linger(Duration::from_millis(200))
        .build()
        .await
        .unwrap();
    for _ in 0..2_000 {
        drop(producer.send(ProducerRecord::new("t").value(&[7; 50])).await.unwrap());
    }
    producer.flush().await.unwrap();
    let counts = [0, 1, 2, 3].map(|partition| cluster.log("t", partition).len());
    assert_eq!(counts.iter().sum::<usize>(), 2_000);
    assert!(counts.iter().all(|count| *count > 250), "{counts:?}");
    // 16 records fill a batch; a few at the end do not.
    let batches = cluster.stats().batches;
    assert!(batches <= 2_000 / 16 + 10, "{batches}");
}

#[tokio::test]
async fn round_robin_takes_turns_whatever_the_key() {
    let cluster = cluster(4).await;
    let producer = builder(&cluster).partitioning(Partitioning::RoundRobin).build().await.unwrap();
    let mut partitions = Vec::new();
    for _ in 0..8 {
        let delivery = producer.send(ProducerRecord::new("t").key("same")).await.unwrap();
        partitions.push(delivery.partition());
    }
    assert_eq!(partitions, [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[tokio::test]
async fn every_codec_carries_every_record() {
    let cluster = cluster(1).await;
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for codec in codecs {
        let producer = builder(&cluster).compression(codec).build().await.unwrap();
        for number in 0..500 {
            let value =
                format!("{codec} {number} and some words that repeat and repeat and repeat");
            drop(producer.send(ProducerRecord::new("t").value(value)).await.unwrap());
        }
        producer.flush().await.unwrap();
        let ratio = producer.stats().compression_ratio().unwrap();
        assert!(
            if codec == Compression::None { ratio == 1.0 } else { ratio < 0.6 },
            "{codec}: {ratio}"
        );
        producer.close(TIME).await.unwrap();
    }
    let values = values(&cluster, 0);
    assert_eq!(values.len(), 2_500);
    for (at, value) in values.iter().enumerate() {
        assert!(value.starts_with(&format!("{} {} ", codecs[at / 500], at % 500)), "{value}");
    }
}

#[tokio::test]
async fn every_callback_runs_once_before_a_flush_returns() {
    let cluster = cluster(3).await;
    let producer = builder(&cluster).build().await.unwrap();
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    for number in 0..1_000 {
        let seen = seen.clone();
        let record = ProducerRecord::new("t").value(number.to_string());
        let callback = move |result: Result<rohrpost::RecordMetadata, rohrpost::Error>| {
            let metadata = result.unwrap();
            let place = (metadata.partition(), metadata.offset());
            assert!(seen.lock().unwrap().insert(place, number).is_none());
        };
        producer.send_with(record, callback).await.unwrap();
    }
    producer.flush().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1_000);
    for ((partition, offset), number) in &*seen {
        let log = &values(&cluster, *partition);
        assert_eq!(log[usize::try_from(offset.unwrap()).unwrap()], number.to_string());
    }
}

#[tokio::test]
async fn a_callback_that_panics_stops_nothing() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let record = || ProducerRecord::new("t").value("v");
    producer.send_with(record(), |_| panic!("this panic is part of the test")).await.unwrap();
    let delivery = producer.send(record()).await.unwrap();
    assert_eq!(delivery.await.unwrap().offset(), Some(1));
    assert_eq!(producer.send(record()).await.unwrap().await.unwrap().offset(), Some(2));
}

#[tokio::test]
async fn many_tasks_can_await_records_of_one_batch() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).linger(Duration::from_millis(20)).build().await.unwrap();
    let offsets = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let (producer, offsets) = (producer.clone(), offsets.clone());
        tasks.push(tokio::spawn(async move {
            let delivery = producer.send(ProducerRecord::new("t").value("v")).await.unwrap();
            let offset = delivery.await.unwrap().offset().unwrap();
            offsets.fetch_add(usize::try_from(offset).unwrap(), Ordering::Relaxed);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(offsets.load(Ordering::Relaxed), (0..100).sum::<usize>());
}

#[tokio::test]
async fn acks_0_completes_without_an_offset_and_acks_1_with_one() {
    let cluster = cluster(1).await;
    for (acks, offset) in [(Acks::None, None), (Acks::Leader, Some(1))] {
        let producer = builder(&cluster).acks(acks).build().await.unwrap();
        let delivery = producer.send(ProducerRecord::new("t").value("v")).await.unwrap();
        assert_eq!(delivery.await.unwrap().offset(), offset);
        producer.close(TIME).await.unwrap();
        cluster.wait_until(|stats| stats.records >= 1).await.unwrap();
    }
    assert_eq!(cluster.log("t", 0).len(), 2);
}

#[tokio::test]
async fn the_brokers_time_replaces_the_records_where_the_topic_says_so() {
    let cluster = cluster(1).await;
    let spec =
        TopicSpec::new("appended").partitions(1).timestamp_type(TimestampType::LogAppendTime);
    cluster.create_topic_with(&spec).unwrap();
    let producer = builder(&cluster).build().await.unwrap();
    let record = ProducerRecord::new("appended").value("v").timestamp(5);
    let metadata = producer.send(record).await.unwrap().await.unwrap();
    assert!(metadata.is_log_append_time());
    assert_eq!(metadata.timestamp(), cluster.log("appended", 0)[0].timestamp);
    assert_ne!(metadata.timestamp(), 5);
}

#[tokio::test]
async fn a_refused_batch_is_an_error_that_says_not_written() {
    let cluster = cluster(1).await;
    cluster.inject(
        Fault::error(ErrorCode::TOPIC_AUTHORIZATION_FAILED)
            .topic("t")
            .on(rohrpost_testkit::ApiKey::Produce),
    );
    let producer = builder(&cluster).build().await.unwrap();
    let record = || ProducerRecord::new("t").value("v");
    let error = producer.send(record()).await.unwrap().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authorization, Outcome::NotWritten));
    assert_eq!((error.topic(), error.partition()), (Some("t"), Some(0)));
    assert_eq!(error.code(), Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED.0));
    assert!(!error.is_retriable());
    assert_eq!(producer.send(record()).await.unwrap().await.unwrap().offset(), Some(0));
}

/// The broker says of a batch that it is too large, not which record is: so the batch is divided until the one is alone.
#[tokio::test]
async fn one_record_too_large_among_41_is_refused_and_40_are_written_in_order() {
    for (bad, compression) in [
        (0, Compression::None),
        (20, Compression::None),
        (40, Compression::None),
        (13, Compression::Lz4),
    ] {
        let cluster = cluster(1).await;
        cluster.create_topic_with(&TopicSpec::new("small").max_message_bytes(2_000)).unwrap();
        let producer = builder(&cluster)
            .linger(Duration::from_secs(5))
            .request_timeout(Duration::from_secs(5))
            .delivery_timeout(Duration::from_secs(10))
            .batch_size(1_000_000)
            .compression(compression)
            .build()
            .await
            .unwrap();
        let mut deliveries = Vec::new();
        for number in 0..41_u32 {
            // Of bytes that do not compress.
            let size = if number == bad { 3_000 } else { 300 };
            let noise = (0..size).map(|at: u32| (at ^ number).wrapping_mul(0x9e37_79b1) >> 24);
            let mut value: Vec<u8> = noise.map(|byte| byte as u8).collect();
            value[0] = number as u8;
            let record = ProducerRecord::new("small").value(&value);
            deliveries.push(producer.send(record).await.unwrap());
        }
        producer.flush().await.unwrap();
        let mut offset = 0;
        for (number, delivery) in (0..).zip(deliveries) {
            let result = delivery.try_result().unwrap();
            if number == bad {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::RecordTooLarge, "{error}");
                assert_eq!(error.outcome(), Outcome::NotWritten);
                assert_eq!(error.code(), Some(ErrorCode::MESSAGE_TOO_LARGE.0));
            } else {
                assert_eq!(result.unwrap().offset(), Some(offset), "record {number} of {bad}");
                offset += 1;
            }
        }
        let written: Vec<u32> = cluster
            .log("small", 0)
            .into_iter()
            .map(|record| u32::from(record.value.unwrap()[0]))
            .collect();
        assert_eq!(written, (0..41).filter(|number| *number != bad).collect::<Vec<_>>());
        let stats = producer.stats();
        assert_eq!((stats.records_acknowledged, stats.records_failed), (40, 1));
        assert_eq!((stats.buffered_bytes_now, stats.records_in_flight_now), (0, 0));
    }
}

#[tokio::test]
async fn a_refused_epoch_fails_its_batch_and_the_partition_goes_on_under_a_new_one() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    let record = || ProducerRecord::new("t").value("v");
    for (code, offset) in [(ErrorCode::INVALID_PRODUCER_EPOCH, 0), (ErrorCode::PRODUCER_FENCED, 1)]
    {
        cluster.inject(Fault::error(code).topic("t").on(rohrpost_testkit::ApiKey::Produce));
        let error = producer.send(record()).await.unwrap().await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Broker, Outcome::NotWritten));
        assert_eq!(error.code(), Some(code.0));
        assert!(!error.is_fatal() && !error.is_retriable());
        let written = producer.send(record()).await.unwrap().await.unwrap();
        assert_eq!(written.offset(), Some(offset));
    }
}

#[tokio::test]
async fn an_answer_that_never_came_is_retried_and_written_once() {
    let cluster = cluster(1).await;
    cluster.inject(Fault::disconnect_after().on(rohrpost_testkit::ApiKey::Produce).times(2));
    let producer = builder(&cluster).build().await.unwrap();
    let delivery = producer.send(ProducerRecord::new("t").value("v")).await.unwrap();
    assert_eq!(delivery.await.unwrap().offset(), Some(0));
    assert_eq!(cluster.log("t", 0).len(), 1);
    assert!(producer.stats().retries >= 2);
}

#[tokio::test]
async fn the_partitions_of_a_topic_are_told_with_their_leaders() {
    let cluster = cluster(3).await;
    let producer = builder(&cluster).build().await.unwrap();
    let partitions = producer.partitions_for("t").await.unwrap();
    assert_eq!(partitions.iter().map(|info| info.partition).collect::<Vec<_>>(), [0, 1, 2]);
    for info in partitions {
        let leader = cluster.leader("t", info.partition).unwrap();
        assert_eq!(info.leader, Some(leader.0));
    }
    assert_eq!(producer.why("t", 0).await.as_deref(), Some("nothing to send"));
    let why = producer.why("t", 3).await.unwrap();
    assert_eq!(why, "topic t has 3 partitions, and none of number 3 yet");
    let why = producer.why("unknown", 0).await.unwrap();
    assert!(why.starts_with("nothing is known of topic unknown yet"), "{why}");
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_named() {
    let cluster = cluster(2).await;
    let producer = builder(&cluster).max_block(Duration::from_millis(400)).build().await.unwrap();
    for (record, kind) in [
        (ProducerRecord::new("missing"), ErrorKind::UnknownTopic),
        (ProducerRecord::new("t").partition(2), ErrorKind::UnknownPartition),
        (ProducerRecord::new("t").partition(-1), ErrorKind::UnknownPartition),
        (ProducerRecord::new("no/such name"), ErrorKind::UnknownTopic),
    ] {
        let error = producer.send(record.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotWritten), "{error}");
        assert_eq!(error.topic(), Some(record.topic()));
    }
}

#[tokio::test]
async fn a_partition_that_is_added_while_a_send_waits_for_it_gets_the_record() {
    let cluster = cluster(1).await;
    let producer = builder(&cluster).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send(ProducerRecord::new("t").partition(1)).await.unwrap().await }
    });
    tokio::task::yield_now().await;
    cluster.add_partitions("t", 2).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().partition(), 1);
}

#[tokio::test]
async fn the_counters_add_up() {
    let cluster = cluster(2).await;
    let producer = builder(&cluster).batch_size(1_000).build().await.unwrap();
    for _ in 0..100 {
        drop(producer.send(ProducerRecord::new("t").value(&[1; 100])).await.unwrap());
    }
    producer.flush().await.unwrap();
    let stats = producer.stats();
    assert_eq!((stats.records, stats.records_acknowledged, stats.records_failed), (100, 100, 0));
    assert_eq!((stats.batches, stats.batches_completed), (cluster.stats().batches, stats.batches));
    assert_eq!(stats.batch_bytes, cluster.stats().bytes);
    assert_eq!((stats.records_in_flight_now, stats.batches_in_flight_now), (0, 0));
    assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    assert!(stats.bytes_sent > stats.batch_bytes && stats.bytes_received > 0);
    assert!(stats.records_per_batch().unwrap() > 5.0);
    assert_eq!(stats.compression_ratio(), Some(1.0));
}

#[tokio::test]
async fn the_results_of_many_records_are_counted_together_and_none_is_missing() {
    let cluster = cluster(3).await;
    let producer = builder(&cluster).build().await.unwrap();
    let mut deliveries = Deliveries::new();
    for number in 0..3_000_u32 {
        let key = (number % 17).to_be_bytes();
        let record = ProducerRecord::new("t").key(&key).value("v");
        producer.send_into(&mut deliveries, record).await.unwrap();
    }
    deliveries.push(producer.send(ProducerRecord::new("t").value("w")).await.unwrap());
    assert_eq!((deliveries.records(), deliveries.is_empty()), (3_001, false));
    let first = deliveries.next().await.unwrap();
    let mut tally = Tally::default();
    tally.add(&first);
    assert_eq!(first.offsets().unwrap().count() as u64, first.records());
    let rest = deliveries.join().await;
    assert_eq!((tally.acknowledged + rest.acknowledged, rest.failed), (3_001, 0));
    assert_eq!((0..3).map(|partition| values(&cluster, partition).len()).sum::<usize>(), 3_001);

    let refusal = Fault::error(ErrorCode::INVALID_RECORD).topic("t");
    cluster.inject(refusal.on(rohrpost_testkit::ApiKey::Produce));
    let mut deliveries = Deliveries::new();
    let refused = ProducerRecord::new("t").partition(1).value("x");
    producer.send_into(&mut deliveries, refused).await.unwrap();
    let tally = deliveries.join().await;
    assert_eq!((tally.acknowledged, tally.failed), (0, 1));
    assert_eq!(tally.into_result().unwrap_err().partition(), Some(1));

    let mut deliveries = Deliveries::new();
    let unsendable = ProducerRecord::new("t").partition(-1).value("y");
    producer.send_into(&mut deliveries, unsendable).await.unwrap_err();
    assert!(deliveries.is_empty());
    producer.close(TIME).await.unwrap();
}

#[tokio::test]
async fn a_topic_handle_is_as_good_as_the_name_before_the_topic_is_known_and_with_another_producer()
{
    let cluster = cluster(1).await;
    let [own, other] = [builder(&cluster), builder(&cluster)].map(ProducerBuilder::build);
    let (own, other) = (own.await.unwrap(), other.await.unwrap());
    let [topic, missing] = ["t", "missing"].map(|name| own.topic(name));
    assert_eq!(ProducerRecord::new(&topic).topic(), "t");
    for (producer, offset) in [(&own, 0), (&own, 1), (&other, 2), (&own, 3)] {
        let record = ProducerRecord::new(&topic).value("v");
        let metadata = producer.send(&record).await.unwrap().await.unwrap();
        assert_eq!((metadata.topic(), metadata.offset()), ("t", Some(offset)));
    }
    let refused = own.try_send(ProducerRecord::new(&missing).value("v")).unwrap_err();
    assert_eq!((refused.kind(), refused.error().topic()), (ErrorKind::WouldBlock, Some("missing")));
    own.close(TIME).await.unwrap();
    other.close(TIME).await.unwrap();
}
