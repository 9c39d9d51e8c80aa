//! A producer as a sink, and streams that are sent: nothing is lost, nothing is told twice, nobody overtakes, and whatever is dropped leaves the rest alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt, stream};
use rohrpost::{
    Acknowledgement, Deliveries, Error, ErrorKind, Interceptor, Outcome, Producer, ProducerBuilder,
    ProducerRecord, ProducerSink,
};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault};

const TIME: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3_600);

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 1).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(cluster.bootstrap_servers())
}

fn record(number: u32) -> ProducerRecord<'static> {
    let mut value = number.to_be_bytes().to_vec();
    value.resize(1_000, 7);
    ProducerRecord::new("t").value(value)
}

fn refused() -> ProducerRecord<'static> {
    record(0).partition(-1)
}

/// What is in the log.
fn numbers(cluster: &Cluster) -> Vec<u32> {
    let number = |value: &[u8]| u32::from_be_bytes(value[..4].try_into().unwrap());
    cluster.log("t", 0).iter().map(|record| number(record.value.as_ref().unwrap())).collect()
}

/// A producer whose memory is full, and whose broker is paused. Record 0 is under way, several times.
async fn full(cluster: &Cluster) -> Producer {
    let builder = builder(cluster).buffer_memory(10_000).batch_size(2_000);
    let producer = builder.linger(Duration::ZERO).max_block(HOUR).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    cluster.pause_broker(1);
    while producer.try_send(record(0)).is_ok() {}
    producer
}

/// Polls once.
async fn once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

async fn waiting(producer: &Producer, senders: u64) {
    while producer.stats().senders_waiting_now < senders {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stream_arrives_whole_and_in_its_order_whatever_has_to_be_waited_for() {
    for yields in [false, true] {
        let cluster = cluster().await;
        let builder = builder(&cluster).batch_size(3_000).buffer_memory(12_000);
        let producer = builder.build().await.unwrap();
        let mut sink = producer.sink();
        let records = stream::iter(0..2_000).then(|number| async move {
            if yields && number % 7 == 0 {
                tokio::task::yield_now().await;
            }
            Ok::<_, Error>(record(number))
        });
        records.forward(&mut sink).await.unwrap();
        assert_eq!((sink.tally().acknowledged, sink.tally().failed), (2_000, 0));
        assert_eq!(sink.records_in_flight(), 0);
        assert!(numbers(&cluster).into_iter().eq(0..2_000));
        assert_eq!(producer.stats().buffered_bytes_now, 0);
    }
}

#[tokio::test]
async fn a_flush_waits_for_deliveries_and_not_for_linger() {
    let cluster = cluster().await;
    let producer = builder(&cluster).linger(HOUR).delivery_timeout(2 * HOUR).build().await.unwrap();
    let mut sink = producer.sink();
    for number in 0..5 {
        sink.feed(record(number)).await.unwrap();
    }
    assert_eq!((sink.records_in_flight(), sink.tally().acknowledged), (5, 0));
    sink.flush().await.unwrap();
    assert_eq!((sink.records_in_flight(), sink.tally().acknowledged), (0, 5));
    sink.send(record(5)).await.unwrap();
    assert_eq!(numbers(&cluster).len(), 6);
    // One flush for all of them, however often it is polled.
    cluster.pause_broker(1);
    sink.feed(record(6)).await.unwrap();
    for _ in 0..10 {
        assert!(once(sink.flush()).await.is_pending());
    }
    cluster.resume_broker(1);
    sink.flush().await.unwrap();
    assert_eq!(producer.stats().batches, 3);
}

#[tokio::test]
async fn each_failure_is_counted_the_first_one_is_told_and_the_sink_goes_on() {
    let cluster = cluster().await;
    let builder = builder(&cluster).batch_size(0).retries(0).linger(Duration::ZERO);
    let producer = builder.build().await.unwrap();
    let mut sink = producer.sink();
    let fault = |code| Fault::error(code).on(ApiKey::Produce);
    cluster.inject(fault(ErrorCode::NOT_ENOUGH_REPLICAS).times(2));
    for number in 0..3 {
        sink.feed(record(number)).await.unwrap();
    }
    let error = sink.flush().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NOT_ENOUGH_REPLICAS.0));
    // It was told: all is well from here.
    sink.flush().await.unwrap();
    assert_eq!((sink.tally().acknowledged, sink.tally().failed), (1, 2));
    assert_eq!(sink.tally().first_error.as_ref().unwrap().code(), error.code());

    // A failure is told by whatever is called next, and what that was called for is not taken.
    cluster.inject(fault(ErrorCode::INVALID_TIMESTAMP));
    sink.feed(record(3)).await.unwrap();
    producer.flush().await.unwrap();
    let error = sink.feed(record(4)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::INVALID_TIMESTAMP.0));
    assert_eq!((sink.tally().failed, sink.records_in_flight()), (3, 0));
    sink.feed(record(5)).await.unwrap();

    // What is refused at once is an error at once.
    let error = sink.feed(refused()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::UnknownPartition, Outcome::NotWritten));
    sink.close().await.unwrap();
    assert_eq!((sink.tally().acknowledged, sink.tally().failed), (2, 4));
    assert_eq!(numbers(&cluster), [2, 5]);
}

#[tokio::test]
async fn a_failure_of_a_record_that_waits_is_told_once() {
    let cluster = cluster().await;
    let producer = builder(&cluster).max_block(Duration::from_millis(5)).build().await.unwrap();
    let mut sink = producer.sink();
    // Nothing is known of the topic yet, so it is taken.
    sink.feed(ProducerRecord::new("t").partition(7)).await.unwrap();
    assert_eq!(sink.records_in_flight(), 1);
    let error = sink.flush().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::UnknownPartition | ErrorKind::MetadataTimeout));
    assert_eq!((sink.tally().failed, sink.records_in_flight()), (1, 0));
    sink.close().await.unwrap();
}

#[tokio::test]
async fn a_sink_waits_in_line_with_the_other_senders() {
    let cluster = cluster().await;
    let producer = full(&cluster).await;
    let mut sink = producer.sink();
    let send = |number: u32| {
        let producer = producer.clone();
        tokio::spawn(async move { drop(producer.send(record(number)).await.unwrap()) })
    };
    let mut tasks = Vec::new();
    for number in 1..6 {
        tasks.push(send(number));
        waiting(&producer, number.into()).await;
    }
    // It is taken without room; whoever asks for more gets in line.
    sink.feed(record(6)).await.unwrap();
    assert_eq!(producer.stats().senders_waiting_now, 5);
    let task = tokio::spawn(async move { sink.send(record(12)).await });
    waiting(&producer, 6).await;
    for number in 7..12 {
        tasks.push(send(number));
        waiting(&producer, number.into()).await;
    }
    cluster.resume_broker(1);
    task.await.unwrap().unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    producer.flush().await.unwrap();
    let numbers: Vec<_> = numbers(&cluster).into_iter().filter(|number| *number > 0).collect();
    assert!(numbers.iter().copied().eq(1..13), "somebody overtook: {numbers:?}");
}

#[tokio::test]
async fn a_record_that_waits_can_be_had_back_and_what_is_dropped_leaves_its_place() {
    let cluster = cluster().await;
    let producer = full(&cluster).await;
    let buffered = producer.stats().buffered_bytes_now;
    let mut sink = producer.sink();
    sink.feed(record(1)).await.unwrap();
    assert!(once(sink.flush()).await.is_pending());
    assert_eq!(producer.stats().senders_waiting_now, 1);
    assert_eq!(sink.take_waiting(), Some(record(1)));
    assert_eq!((producer.stats().senders_waiting_now, sink.records_in_flight()), (0, 0));
    sink.feed(record(2)).await.unwrap();
    assert!(once(sink.feed(record(99))).await.is_pending());
    drop(sink);
    let stats = producer.stats();
    assert_eq!((stats.senders_waiting_now, stats.buffered_bytes_now), (0, buffered));

    // One that finds room in the end is sent.
    let mut sink = producer.sink();
    sink.feed(record(3)).await.unwrap();
    cluster.resume_broker(1);
    producer.flush().await.unwrap();
    drop(sink);
    producer.flush().await.unwrap();
    assert_eq!(numbers(&cluster).last(), Some(&3));
    assert!(!numbers(&cluster).contains(&1) && !numbers(&cluster).contains(&2));
    assert_eq!(producer.stats().buffered_bytes_now, 0);
}

/// Room that is given to a sink which nobody polls would be missed by all others, and by the very task that fed it.
#[tokio::test]
async fn a_sink_that_is_left_alone_holds_no_room_and_its_record_has_all_its_time() {
    let cluster = cluster().await;
    let producer = full(&cluster).await;
    let mut sinks: Vec<_> = (0..20).map(|_| producer.sink()).collect();
    for (sink, number) in sinks.iter_mut().zip(1..) {
        sink.feed(record(number)).await.unwrap();
    }
    cluster.resume_broker(1);
    producer.flush().await.unwrap();
    let stats = producer.stats();
    assert_eq!((stats.buffered_bytes_now, stats.senders_waiting_now), (0, 0));
    for number in 100..150 {
        producer.send(record(number)).await.unwrap().await.unwrap();
    }
    for mut sink in sinks {
        sink.close().await.unwrap();
        assert_eq!(sink.tally().acknowledged, 1);
    }
    let numbers: Vec<_> = numbers(&cluster).into_iter().filter(|number| *number > 0).collect();
    assert!(numbers.into_iter().eq((100..150).chain(1..21)));
}

#[tokio::test]
async fn what_a_dropped_sink_had_taken_is_delivered() {
    let cluster = cluster().await;
    let producer = builder(&cluster).linger(HOUR).delivery_timeout(2 * HOUR).build().await.unwrap();
    producer.partitions_for("t").await.unwrap();
    let mut sink = producer.sink();
    for number in 0..100 {
        sink.feed(record(number)).await.unwrap();
    }
    drop(sink);
    producer.flush().await.unwrap();
    assert!(numbers(&cluster).into_iter().eq(0..100));
}

#[tokio::test]
async fn a_closed_sink_takes_nothing_and_its_producer_goes_on() {
    let cluster = cluster().await;
    let producer = builder(&cluster).build().await.unwrap();
    let mut sink = producer.sink();
    sink.feed(record(0)).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(sink.tally().acknowledged, 1);
    let error = sink.feed(record(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let error = sink.start_send_unpin(record(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    sink.close().await.unwrap();
    producer.sink().send(record(2)).await.unwrap();
    producer.close(TIME).await.unwrap();
    let error = producer.sink().feed(record(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(numbers(&cluster), [0, 2]);
}

#[tokio::test]
async fn a_sink_that_was_not_asked_whether_it_is_ready_loses_nothing() {
    let cluster = cluster().await;
    let producer = full(&cluster).await;
    let mut sink = producer.sink();
    sink.start_send_unpin(record(1)).unwrap();
    let error = sink.start_send_unpin(record(2)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::WouldBlock, Outcome::NotWritten));
    cluster.resume_broker(1);
    sink.close().await.unwrap();
    assert_eq!(sink.tally().acknowledged, 1);
    producer.flush().await.unwrap();
    assert_eq!(numbers(&cluster).into_iter().filter(|number| *number > 0).collect::<Vec<_>>(), [1]);
}

/// The producer's task needs the thread that the records come from.
#[tokio::test]
async fn whoever_feeds_without_a_pause_lets_the_producer_have_its_turn() {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 1).unwrap();
    let producer =
        builder(&cluster).buffer_memory(1 << 30).batch_size(2_000).build().await.unwrap();
    let mut sink = producer.sink();
    let mut fed = 0;
    while sink.tally().acknowledged == 0 {
        sink.feed(record(fed)).await.unwrap();
        fed += 1;
        assert!(fed < 500_000, "the producer never got a turn");
    }
    sink.close().await.unwrap();
    assert_eq!(sink.tally().acknowledged, u64::from(fed));
}

#[derive(Default)]
struct Seen(Mutex<(u32, u32)>);

struct Watch(Arc<Seen>);

impl Interceptor for Watch {
    fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
        self.0.0.lock().unwrap().0 += 1;
        record.header("seen", "1")
    }

    fn on_acknowledgement(&self, _: &Acknowledgement<'_>) {
        self.0.0.lock().unwrap().1 += 1;
    }
}

#[tokio::test]
async fn interceptors_see_each_record_of_a_sink_once() {
    let (cluster, seen) = (cluster().await, Arc::<Seen>::default());
    let builder = builder(&cluster).batch_size(2_000).buffer_memory(9_000);
    let producer = builder.interceptor(Watch(seen.clone())).build().await.unwrap();
    let mut sink = producer.sink();
    let records = stream::iter((0..200).map(record).map(Ok));
    records.forward(&mut sink).await.unwrap();
    producer.flush().await.unwrap();
    assert_eq!(*seen.0.lock().unwrap(), (200, 200));
    assert!(cluster.log("t", 0).iter().all(|record| record.headers.len() == 1));
}

#[tokio::test]
async fn a_stream_is_sent_as_it_comes_and_its_results_are_a_stream() {
    let cluster = cluster().await;
    let builder = builder(&cluster).batch_size(3_000).buffer_memory(12_000);
    let producer = builder.build().await.unwrap();
    let mut deliveries = Deliveries::new();
    let records = stream::iter(0..1_000).then(|number| async move {
        if number % 100 == 50 {
            tokio::task::yield_now().await;
        }
        record(number)
    });
    producer.send_stream(&mut deliveries, records).await.unwrap();
    let settled = deliveries.map(|settled| (settled.error().is_none(), settled.records()));
    let settled: Vec<_> = settled.collect().await;
    assert!(settled.iter().all(|(arrived, _)| *arrived));
    assert_eq!(settled.iter().map(|(_, records)| records).sum::<u64>(), 1_000);
    assert!(numbers(&cluster).into_iter().eq(0..1_000));
}

#[tokio::test]
async fn a_stream_whose_record_cannot_be_sent_ends_there_and_one_that_pauses_has_nothing_unsent() {
    let cluster = cluster().await;
    let producer = builder(&cluster).build().await.unwrap();
    let mut deliveries = Deliveries::new();
    let records = stream::iter(0..100).map(|n| if n == 70 { refused() } else { record(n) });
    let error = producer.send_stream(&mut deliveries, records).await.unwrap_err();
    assert_eq!((error.kind(), deliveries.records()), (ErrorKind::UnknownPartition, 70));

    let endless = stream::iter(100..130).map(record).chain(stream::pending());
    let mut sending = Box::pin(producer.send_stream(&mut deliveries, endless));
    assert!(once(&mut sending).await.is_pending());
    drop(sending);
    assert_eq!(deliveries.records(), 100);
    assert_eq!(deliveries.join().await.into_result().unwrap(), 100);
    assert!(numbers(&cluster).into_iter().eq((0..70).chain(100..130)));
}

#[test]
fn a_sink_and_its_futures_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    fn check(producer: &Producer, mut sink: ProducerSink, deliveries: &mut Deliveries) {
        is_send(producer.send_stream(deliveries, stream::iter([record(0)])));
        is_send(sink.send(record(0)));
        is_send(sink);
    }
    let _ = check;
}
