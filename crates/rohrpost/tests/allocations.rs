//! What a record costs, counted, because counts do not depend on the machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use allocation_counter::AllocationInfo;
use rohrpost::serializer::{LongSerializer, StringSerializer};
use rohrpost::{
    Deliveries, Delivery, Error, Header, Producer, ProducerBuilder, ProducerRecord, RecordMetadata,
};
use rohrpost_testkit::Cluster;
use tokio::runtime::{Builder, Runtime};

const HOUR: Duration = Duration::from_secs(3_600);
const VALUE: &[u8] = &[7; 100];
const FEW: usize = 1_000;
/// One allocation for every twenty records would be more.
const SLACK: u64 = 50;

/// What the records of a test differ in.
type Number = [u8; 4];

fn numbers() -> Vec<Number> {
    (0..2 * FEW as u32).map(u32::to_be_bytes).collect()
}

fn plain(_: &Number) -> ProducerRecord<'_> {
    ProducerRecord::new("t").value(VALUE)
}

fn keyed(number: &Number) -> ProducerRecord<'_> {
    plain(number).key(number)
}

fn with_headers(number: &Number) -> ProducerRecord<'_> {
    plain(number)
        .header("trace", number)
        .header("span", &number[..2])
        .header("empty", None::<&[u8]>)
}

/// A producer whose task runs on the thread of its senders, so that what is counted is all of the producer. The brokers have a thread of their own.
struct Life {
    runtime: Runtime,
    producer: Producer,
    // Goes last.
    _cluster: Cluster,
}

impl Life {
    /// With topic `t`. Batches have room for thousands of records, and wait until they are flushed.
    fn new(partitions: i32, configure: impl FnOnce(ProducerBuilder) -> ProducerBuilder) -> Self {
        let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
        cluster.create_topic("t", partitions).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let producer = runtime.block_on(async {
            let builder = Producer::builder()
                .bootstrap_servers(cluster.bootstrap_servers())
                .batch_size(1_000_000)
                .linger(HOUR)
                .delivery_timeout(3 * HOUR);
            let producer = configure(builder).build().await.unwrap();
            producer.partitions_for("t").await.unwrap();
            producer
        });
        Self { runtime, producer, _cluster: cluster }
    }

    fn count(&self, work: impl AsyncFnOnce(&Producer)) -> AllocationInfo {
        allocation_counter::measure(|| self.runtime.block_on(work(&self.producer)))
    }

    /// Sends so many records, flushes, and awaits every delivery.
    fn send(&self, records: usize, record: fn(&Number) -> ProducerRecord<'_>) -> AllocationInfo {
        let numbers = numbers();
        let mut deliveries: Vec<Delivery> = Vec::with_capacity(records);
        self.count(async |producer| {
            for number in &numbers[..records] {
                deliveries.push(producer.send(record(number)).await.unwrap());
            }
            producer.flush().await.unwrap();
            for delivery in deliveries.drain(..) {
                delivery.await.unwrap();
            }
        })
    }
}

/// Of some rounds the cheapest, after one that warms up: every ten milliseconds the partitions are weighed, which costs a round a few allocations.
fn cheapest(mut round: impl FnMut() -> AllocationInfo) -> AllocationInfo {
    round();
    (0..8).map(|_| round()).min_by_key(|counts| counts.count_total).unwrap()
}

/// A thousand records more, 100 kB, in as many batches, cost no fifty allocations more and no 25 kB: the driver may have another turn, and a codec's result may
/// fit none of the buffers that were used before.
#[track_caller]
fn free_of_charge(most: u64, mut round: impl FnMut(usize) -> AllocationInfo) {
    let (few, many) = (cheapest(|| round(FEW)), cheapest(|| round(2 * FEW)));
    assert!(many.count_total < few.count_total + SLACK, "{few:?} {many:?}");
    assert!(many.bytes_total < few.bytes_total + 25 * FEW as u64, "{few:?} {many:?}");
    assert!(few.count_total <= most + SLACK, "{few:?}");
}

/// So many for a flush with one batch: the flush, the batch, its request, the answer.
const A_FLUSH: u64 = 24;

/// Programs hold as many of them as records are under way.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_delivery_is_small() {
    for (what, size, most) in [
        ("Delivery", size_of::<Delivery>(), 32),
        ("Option<Delivery>", size_of::<Option<Delivery>>(), 40),
        ("Result<Delivery, Error>", size_of::<Result<Delivery, Error>>(), 40),
    ] {
        assert!(size <= most, "{what} has {size} bytes");
    }
}

#[test]
fn records_allocate_nothing_whatever_the_codec() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let life = Life::new(1, |builder| builder.property("compression.type", codec));
        free_of_charge(A_FLUSH, |records| life.send(records, plain));
    }
}

#[test]
fn records_with_keys_allocate_nothing() {
    let life = Life::new(12, |builder| builder);
    free_of_charge(A_FLUSH + 11 * 4, |records| life.send(records, keyed));
}

#[test]
fn records_by_reference_with_borrowed_headers_allocate_nothing() {
    let life = Life::new(1, |builder| builder);
    let headers = [Header::new("trace", "0af7651916cd43dd"), Header::new("empty", None::<&[u8]>)];
    let record = ProducerRecord::new("t").value(VALUE).with_headers(&headers);
    let round = |records: usize| {
        life.count(async |producer| {
            for _ in 0..records {
                drop(producer.send(&record).await.unwrap());
            }
            producer.flush().await.unwrap();
        })
    };
    free_of_charge(A_FLUSH, round);
}

#[test]
fn typed_records_allocate_nothing() {
    let life = Life::new(12, |builder| builder);
    let typed = life.producer.typed::<str, i64>(StringSerializer, LongSerializer).unwrap();
    let round = |records: usize| {
        life.count(async |producer| {
            let mut deliveries = Deliveries::new();
            for number in 0..records as i64 {
                let record = typed.record("t").key("k").value(&number);
                typed.send_into(&mut deliveries, record).await.unwrap();
            }
            producer.flush().await.unwrap();
            deliveries.join().await.into_result().unwrap();
        })
    };
    free_of_charge(A_FLUSH + 11 * 4, round);
}

#[test]
fn records_whose_deliveries_are_kept_by_the_batch_allocate_nothing() {
    let life = Life::new(12, |builder| builder);
    let numbers = numbers();
    let round = |records: usize| {
        life.count(async |producer| {
            let mut deliveries = Deliveries::new();
            for number in &numbers[..records] {
                producer.send_into(&mut deliveries, plain(number)).await.unwrap();
            }
            producer.flush().await.unwrap();
            assert_eq!(deliveries.join().await.into_result().unwrap(), records as u64);
        })
    };
    free_of_charge(A_FLUSH, round);
}

/// A list of its own, and the place for what a record owns, are made before the producer sees it.
#[test]
fn records_with_headers_of_their_own_allocate_what_holds_them_and_nothing_else() {
    let life = Life::new(1, |builder| builder);
    let few = cheapest(|| life.send(FEW, with_headers)).count_total;
    let many = cheapest(|| life.send(2 * FEW, with_headers)).count_total;
    assert!((many - few).abs_diff(2 * FEW as u64) < SLACK, "{few} {many}");
    assert!(few <= 2 * FEW as u64 + A_FLUSH, "{few}");
}

#[test]
fn records_of_four_tasks_allocate_nothing() {
    let life = Life::new(4, |builder| builder);
    let round = |records: usize| {
        life.count(async |producer| {
            let tasks = [0, 1, 2, 3].map(|partition| {
                let producer = producer.clone();
                tokio::spawn(async move {
                    for number in 0..records / 4 {
                        let record = ProducerRecord::new("t").partition(partition).value(VALUE);
                        drop(producer.send(record).await.unwrap());
                        if number % 50 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            producer.flush().await.unwrap();
        })
    };
    free_of_charge(A_FLUSH + 3 * 4 + 4 * 2, round);
}

/// Here the producer has its own thread, and what is counted is the senders' alone.
#[test]
fn records_of_four_threads_allocate_nothing() {
    let life = Life::new(1, |builder| builder.own_thread(true));
    let sender = |records: usize| {
        let mut deliveries = Vec::with_capacity(records);
        let counts = allocation_counter::measure(|| {
            for _ in 0..records {
                deliveries.push(life.producer.try_send(plain(&[0; 4])).unwrap());
            }
        });
        (counts, deliveries)
    };
    let round = |records: usize| {
        let mut sum = AllocationInfo::default();
        let deliveries = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| sender(records / 4)));
            threads.map(|thread| {
                let (counts, deliveries) = thread.join().unwrap();
                sum += counts;
                deliveries
            })
        });
        life.runtime.block_on(life.producer.flush()).unwrap();
        assert!(deliveries.iter().flatten().all(Delivery::is_resolved));
        sum
    };
    // The batch's completion, and a reference count for its buffer.
    free_of_charge(4, round);
}

#[test]
fn a_callback_costs_its_box_where_it_captures_anything() {
    static CALLED: AtomicUsize = AtomicUsize::new(0);
    fn called(result: Result<RecordMetadata, Error>) {
        result.unwrap();
        CALLED.fetch_add(1, Ordering::Relaxed);
    }
    let life = Life::new(1, |builder| builder);
    let empty = |records| {
        life.count(async |producer| {
            for _ in 0..records {
                producer.send_with(plain(&[0; 4]), called).await.unwrap();
            }
            producer.flush().await.unwrap();
        })
    };
    let full = |records| {
        life.count(async |producer| {
            for number in 0..records {
                let record = plain(&[0; 4]);
                let callback = move |result| {
                    assert!(number < records);
                    called(result);
                };
                producer.send_with(record, callback).await.unwrap();
            }
            producer.flush().await.unwrap();
        })
    };
    let more = |round: &dyn Fn(usize) -> AllocationInfo| {
        let (few, many) = (cheapest(|| round(FEW)), cheapest(|| round(2 * FEW)));
        many.count_total.saturating_sub(few.count_total)
    };
    // The batch's list of callbacks doubles now and then.
    assert!(more(&empty) < SLACK);
    assert!(more(&full).abs_diff(FEW as u64) < SLACK);
    assert_eq!(CALLED.load(Ordering::Relaxed), 2 * 9 * 3 * FEW);
}

/// Each is a batch, a request and an answer of its own.
#[test]
fn one_awaited_record_at_a_time_costs_what_a_batch_costs() {
    let life = Life::new(1, |builder| builder.linger(Duration::ZERO));
    let round = |records| {
        life.count(async |producer| {
            for _ in 0..records {
                producer.send(plain(&[0; 4])).await.unwrap().await.unwrap();
            }
        })
    };
    round(100);
    let counts = round(FEW);
    assert!(counts.count_total <= 20 * FEW as u64, "{counts:?}");
    assert!(counts.bytes_current.unsigned_abs() < 16_384, "{counts:?}");
    assert_eq!(life.producer.stats().batches, FEW as u64 + 100);
}

/// Batches of 16 KiB, some of them under way while others are filled.
#[test]
fn a_stream_of_records_allocates_for_its_batches_and_requests_alone() {
    const RECORDS: usize = 30_000;
    let life = Life::new(12, |builder| builder.batch_size(16_384));
    let stream = || {
        life.count(async |producer| {
            for _ in 0..RECORDS {
                drop(producer.send(plain(&[0; 4])).await.unwrap());
            }
            producer.flush().await.unwrap();
        })
    };
    let rounds = [(); 8].map(|()| stream());
    let batches = life.producer.stats().batches / rounds.len() as u64;
    assert!(batches < 300, "{batches}");
    let most = rounds.iter().map(|counts| counts.count_total).max().unwrap();
    assert!(most <= 20 * batches, "{most} for {batches} batches");
    // The batches' buffers are used again, once there are as many as are ever under way at once.
    let least = rounds.iter().map(|counts| counts.bytes_total).min().unwrap();
    assert!(least <= (RECORDS * VALUE.len()) as u64 / 4, "{rounds:?}");
}

/// A copy of a value on its way would need room of its own, be it used again for the next: the whole life of a producer is counted.
#[test]
fn a_large_record_takes_room_in_its_batch_and_nowhere_else() {
    const SIZE: usize = 700_000;
    let most = |size: usize| {
        let value = vec![7; size];
        let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
        cluster.create_topic("t", 1).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let counts = allocation_counter::measure(|| {
            runtime.block_on(async {
                let builder = Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
                let producer = builder.linger(Duration::ZERO).build().await.unwrap();
                for _ in 0..10 {
                    let record = ProducerRecord::new("t").value(&value);
                    producer.send(record).await.unwrap().await.unwrap();
                }
            });
        });
        counts.bytes_max
    };
    let (small, large) = (most(1), most(SIZE));
    assert!(large >= small + SIZE as u64, "{small} {large}");
    assert!(large <= small + SIZE as u64 * 5 / 4, "{small} {large}");
}

async fn producer(cluster: &Cluster) -> Producer {
    let producer = Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .own_thread(true)
        .linger(Duration::from_millis(1))
        .build()
        .await
        .unwrap();
    producer.partitions_for("t").await.unwrap();
    producer
}

/// The driver has a thread of its own here, so what is counted is the sender's alone.
#[test]
fn a_record_allocates_nothing_and_a_batch_little() {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 1).unwrap();
    let producer = cluster.block_on(producer(&cluster));
    let mut deliveries = Vec::with_capacity(20_000);
    for keyed in [false, true] {
        deliveries.clear();
        let batches = producer.stats().batches;
        let mut sent = 0;
        let counts = allocation_counter::measure(|| {
            let mut cx = Context::from_waker(Waker::noop());
            for number in 0..20_000_u32 {
                let key = number.to_be_bytes();
                let record = ProducerRecord::new("t").value(VALUE);
                let record = if keyed { record.key(&key) } else { record };
                let mut sending = pin!(producer.send(record));
                // Where the driver lags behind, the sender gives way: it is polled again.
                let delivery = loop {
                    match sending.as_mut().poll(&mut cx) {
                        Poll::Ready(delivery) => break delivery,
                        Poll::Pending => std::thread::yield_now(),
                    }
                };
                deliveries.push(delivery.unwrap());
                sent += 1;
            }
        });
        cluster.block_on(producer.flush()).unwrap();
        let batches = producer.stats().batches - batches;
        // A batch: its completion, its buffer, and that buffer's reference count. Growing lists come on top, seldom.
        let allowed = 4 * batches + 40;
        assert!(
            counts.count_total <= allowed,
            "{counts:?} for {sent} records in {batches} batches"
        );
        assert!(counts.count_total < sent / 20, "{counts:?} for {sent} records");
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn awaiting_every_record_of_a_batch_wakes_the_task_once() {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", 1).unwrap();
    let producer = producer(&cluster).await;
    cluster.pause_broker(1);
    let mut deliveries = Vec::new();
    for _ in 0..100 {
        deliveries.push(producer.send(ProducerRecord::new("t").value("v")).await.unwrap());
    }
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    for delivery in &mut deliveries {
        assert!(pin!(delivery).poll(&mut cx).is_pending());
    }
    cluster.resume_broker(1);
    producer.flush().await.unwrap();
    for delivery in &mut deliveries {
        assert!(pin!(delivery).poll(&mut cx).is_ready());
    }
    let batches = usize::try_from(producer.stats().batches).unwrap();
    let wakes = count.0.load(Ordering::Relaxed);
    assert!((1..=batches).contains(&wakes), "{wakes} wakes for {batches} batches");
}
