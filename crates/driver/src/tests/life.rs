//! A producer whose task runs on the test's own thread, beside its senders, and whose brokers run on another: so what the thread counts is the producer's
//! alone, and between two awaits the producer's task does nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use rohrpost_cluster::ClusterConfig;
use rohrpost_engine::EngineConfig;
use rohrpost_records::RecordHeader;
use rohrpost_testkit::Cluster;
use tokio::runtime::Builder;

use crate::clock::Clock;
use crate::start::prepare;
use crate::{Delivery, DriverConfig, Handle, Record, Wait};

/// Longer than any test.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

pub(super) struct Life {
    pub(super) cluster: Cluster,
    pub(super) handle: Handle,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    wakes: AtomicU64,
    polls: AtomicU64,
}

/// Lives with a producer for topic `t`. It sends what is full or flushed, and lingers for ever.
pub(super) fn live(
    partitions: i32,
    configure: impl FnOnce(&mut DriverConfig),
    life: impl AsyncFnOnce(&Life),
) {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", partitions).unwrap();
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let server = cluster.bootstrap_servers().parse().unwrap();
        let mut engine = EngineConfig::new(ClusterConfig::new(vec![server]));
        engine.linger = HOUR;
        engine.delivery_timeout = 3 * HOUR;
        let mut config = DriverConfig::new(engine);
        configure(&mut config);
        config.partitioner.batch_size = config.engine.batch_size;
        let (handle, driver) = prepare(config, Clock::start(false));
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(Counted { driver: driver(), counts: counts.clone() });
        let this = Life { cluster, handle, counts };
        assert_eq!(this.handle.partitions("t").await.unwrap().len(), partitions as usize);
        life(&this).await;
        this.handle.close(HOUR).await.unwrap();
        task.await.unwrap();
    });
}

impl Life {
    /// How often the producer's task was woken.
    pub(super) fn wakes(&self) -> u64 {
        self.counts.wakes.load(Ordering::Relaxed)
    }

    /// How often it had its turn.
    pub(super) fn polls(&self) -> u64 {
        self.counts.polls.load(Ordering::Relaxed)
    }

    /// Until the producer's task has nothing to do.
    pub(super) async fn settle(&self) {
        let mut before = (u64::MAX, u64::MAX);
        while before != (self.wakes(), self.polls()) {
            before = (self.wakes(), self.polls());
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
    }

    pub(super) async fn send(&self, record: Record<'_>) -> Delivery {
        self.send_shared(record, None).await
    }

    /// Sends a record whose batch may refer to its value.
    pub(super) async fn send_shared(&self, record: Record<'_>, value: Option<&Bytes>) -> Delivery {
        let (mut wait, none) = (Wait::default(), std::iter::empty::<RecordHeader<'_>>());
        poll_fn(|cx| match self.handle.send_now(&record, &none, &mut wait) {
            Some(delivery) => Poll::Ready(Ok(delivery)),
            None => self.handle.poll_send(cx, &record, value, &none, &mut wait),
        })
        .await
        .unwrap()
    }

    /// Sends records without giving the producer's task its turn.
    pub(super) fn send_at_once(&self, records: u32, record: Record<'_>) -> Vec<Delivery> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut send = || match pin!(self.send(record)).poll(&mut cx) {
            Poll::Ready(delivery) => delivery,
            Poll::Pending => panic!("a send waits"),
        };
        (0..records).map(|_| send()).collect()
    }

    /// Flushes, and awaits every delivery in order.
    pub(super) async fn deliver(&self, deliveries: Vec<Delivery>) {
        self.handle.flush().await.unwrap();
        for mut delivery in deliveries {
            assert!(poll_fn(|cx| delivery.poll_result(cx)).await.is_ok());
        }
    }
}

/// A record for partition 0 of `t`.
pub(super) fn record(value: &[u8]) -> Record<'_> {
    Record { topic: "t", partition: Some(0), value: Some(value), ..Record::default() }
}

struct Counted<F> {
    driver: F,
    counts: Arc<Counts>,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.counts.polls.fetch_add(1, Ordering::Relaxed);
        let waker = CountedWaker { waker: cx.waker().clone(), counts: self.counts.clone() };
        let waker = Waker::from(Arc::new(waker));
        Pin::new(&mut self.driver).poll(&mut Context::from_waker(&waker))
    }
}

struct CountedWaker {
    waker: Waker,
    counts: Arc<Counts>,
}

impl Wake for CountedWaker {
    fn wake(self: Arc<Self>) {
        self.counts.wakes.fetch_add(1, Ordering::Relaxed);
        self.waker.wake_by_ref();
    }
}
