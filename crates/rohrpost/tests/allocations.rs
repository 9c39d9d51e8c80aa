//! What a record costs on its way in: counted, because counts do not depend on the machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rohrpost::{Producer, ProducerRecord};
use rohrpost_testkit::Cluster;

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
                let record = ProducerRecord::new("t").value(&[7; 100]);
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
