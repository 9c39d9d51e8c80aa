//! The same producer for programs without async: its methods block the calling thread.
//!
//! The producer runs on a thread of its own, so no runtime is needed. Do not use this from async code: it would block the executor.
//!
//! ```
//! use std::time::Duration;
//! use rohrpost::{ProducerRecord, blocking};
//!
//! # let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start_blocking()?;
//! let servers = "127.0.0.1:9092";
//! # let servers = cluster.bootstrap_servers();
//! let producer = blocking::Producer::build(
//!     rohrpost::Producer::builder().bootstrap_servers(servers),
//! )?;
//! let delivery = producer.send(ProducerRecord::new("greetings").value("hello"))?;
//! println!("{}", delivery.wait()?);
//!
//! // Many records: one entry a batch instead of a delivery each.
//! let mut deliveries = blocking::Deliveries::new();
//! for number in 0..1_000 {
//!     let value = format!("hello {number}");
//!     producer.send_into(&mut deliveries, ProducerRecord::new("greetings").value(&value))?;
//! }
//! let arrived = deliveries.join().into_result()?;
//! assert_eq!(arrived, 1_000);
//! producer.close(Duration::from_secs(10))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Borrow;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::deliveries::{Settled, Tally};
use crate::delivery::RecordMetadata;
use crate::error::{Error, TrySendError};
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::TopicHandle;

pub use crate::transaction::blocking::{Transaction, TransactionDelivery, TransactionalProducer};
#[cfg(feature = "unstable-two-phase-commit")]
pub use crate::transaction::two_phase::blocking::PreparedTransaction;
pub use crate::typed::blocking::TypedProducer;

/// A producer whose methods block. Cheap to clone; all clones are one producer.
#[derive(Clone, Debug)]
pub struct Producer {
    inner: crate::Producer,
}

impl Producer {
    /// Settings, to end in [`ProducerBuilder::build_blocking`].
    pub fn builder() -> ProducerBuilder {
        ProducerBuilder::default()
    }

    /// Starts a producer of this configuration.
    ///
    /// # Errors
    /// As [`ProducerBuilder::build`].
    pub fn from_config(config: ProducerConfig) -> Result<Self, Error> {
        Self::build(ProducerBuilder::from_config(config))
    }

    /// Starts the producer on a thread of its own.
    ///
    /// # Errors
    /// As [`ProducerBuilder::build`].
    pub fn build(builder: ProducerBuilder) -> Result<Self, Error> {
        Ok(Self { inner: wait(builder.own_thread(true).build())? })
    }

    /// See [`Producer::send`](crate::Producer::send): blocks for room and for knowledge of the topic, at most `max.block.ms`.
    ///
    /// # Errors
    /// As there.
    pub fn send<'r, R>(&self, record: R) -> Result<Delivery, Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        wait(self.inner.send(record)).map(Delivery)
    }

    /// See [`Producer::send_into`](crate::Producer::send_into): the way of sending many records that costs least. Blocks as [`send`](Self::send) does.
    ///
    /// # Errors
    /// As there; nothing is added then.
    pub fn send_into<'r, R>(&self, deliveries: &mut Deliveries, record: R) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        wait(self.inner.send_into(&mut deliveries.0, record))
    }

    /// See [`Producer::try_send`](crate::Producer::try_send): never blocks.
    ///
    /// # Errors
    /// As there.
    pub fn try_send<'a>(&self, record: ProducerRecord<'a>) -> Result<Delivery, TrySendError<'a>> {
        self.inner.try_send(record).map(Delivery)
    }

    /// See [`Producer::send_all`](crate::Producer::send_all). Blocks as [`send`](Self::send) does.
    ///
    /// # Errors
    /// As there.
    pub fn send_all<'r, R, I>(&self, deliveries: &mut Deliveries, records: I) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        I: IntoIterator<Item = R>,
    {
        wait(self.inner.send_all(&mut deliveries.0, records))
    }

    /// See [`Producer::send_with`](crate::Producer::send_with).
    ///
    /// # Errors
    /// As there.
    pub fn send_with<'r, R, F>(&self, record: R, callback: F) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        F: FnOnce(Result<RecordMetadata, Error>) + Send + 'static,
    {
        wait(self.inner.send_with(record, callback))
    }

    /// See [`Producer::flush`](crate::Producer::flush).
    ///
    /// # Errors
    /// As there.
    pub fn flush(&self) -> Result<(), Error> {
        wait(self.inner.flush())
    }

    /// See [`Producer::close`](crate::Producer::close).
    ///
    /// # Errors
    /// As there.
    pub fn close(&self, timeout: Duration) -> Result<(), Error> {
        wait(self.inner.close(timeout))
    }

    /// See [`Producer::topic`](crate::Producer::topic).
    pub fn topic(&self, name: &str) -> TopicHandle {
        self.inner.topic(name)
    }

    /// See [`Producer::partitions_for`](crate::Producer::partitions_for).
    ///
    /// # Errors
    /// As there.
    pub fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        wait(self.inner.partitions_for(topic))
    }

    /// See [`Producer::why`](crate::Producer::why).
    pub fn why(&self, topic: &str, partition: i32) -> Option<String> {
        wait(self.inner.why(topic, partition))
    }

    /// See [`Producer::stats`](crate::Producer::stats).
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    pub(crate) fn of(inner: crate::Producer) -> Self {
        Self { inner }
    }

    /// The same producer for async code.
    pub fn as_async(&self) -> &crate::Producer {
        &self.inner
    }
}

/// The acknowledgement of one record, to come.
#[derive(Clone, Debug)]
#[must_use = "a delivery tells whether the record arrived; drop(delivery) if nobody has to know"]
pub struct Delivery(pub(crate) crate::Delivery);

impl Delivery {
    /// Blocks until the record is acknowledged or failed.
    ///
    /// # Errors
    /// Why the record was not acknowledged: see [`Delivery`](crate::Delivery).
    pub fn wait(self) -> Result<RecordMetadata, Error> {
        wait(self.0)
    }

    /// Blocks until the record is acknowledged or failed, at most so long. `None`: the result is not known yet, and can be waited for again.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<RecordMetadata, Error>> {
        let deadline = Instant::now().checked_add(timeout);
        let resolved = std::future::poll_fn(|cx| self.0.poll_resolved(cx));
        wait_until(resolved, deadline)?;
        self.0.try_result()
    }

    /// The result, if it is known already.
    pub fn try_result(&self) -> Option<Result<RecordMetadata, Error>> {
        self.0.try_result()
    }

    /// Whether the result is known: [`wait`](Self::wait) will not block.
    pub fn is_resolved(&self) -> bool {
        self.0.is_resolved()
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        self.0.topic()
    }

    /// The partition that the record went to.
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// Calls back once the result is known, instead of waiting for it: see [`Producer::send_with`](crate::Producer::send_with).
    pub fn call_back(self, callback: impl FnOnce(Result<RecordMetadata, Error>) + Send + 'static) {
        self.0.call_back(callback);
    }

    /// The same delivery as a future.
    pub fn into_async(self) -> crate::Delivery {
        self.0
    }
}

/// The deliveries of many records, to be waited for together: [`Deliveries`](crate::Deliveries) for programs without async.
///
/// An iterator over the results, which blocks for each: it ends when every result was taken, and goes on when more was sent.
///
/// ```
/// # fn run(producer: rohrpost::blocking::Producer, lines: Vec<String>) -> Result<(), rohrpost::Error> {
/// use rohrpost::{ProducerRecord, blocking::Deliveries};
///
/// let mut deliveries = Deliveries::new();
/// for line in &lines {
///     producer.send_into(&mut deliveries, ProducerRecord::new("lines").value(line))?;
/// }
/// for settled in deliveries {
///     match settled.error() {
///         None => println!("{} records, offsets {:?}", settled.records(), settled.offsets()),
///         Some(error) => eprintln!("{} records failed: {error}", settled.records()),
///     }
/// }
/// # Ok(()) }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start_blocking()?;
/// #     let builder = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
/// #     let producer = rohrpost::blocking::Producer::build(builder)?;
/// #     Ok(run(producer, vec!["one".to_owned(), "two".to_owned()])?)
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "deliveries tell whether the records arrived; drop them if nobody has to know"]
pub struct Deliveries(pub(crate) crate::Deliveries);

impl Deliveries {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records whose result was not taken yet.
    pub fn records(&self) -> u64 {
        self.0.records()
    }

    /// Whether every result was taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the delivery of a record that was sent otherwise.
    pub fn push(&mut self, delivery: Delivery) {
        self.0.push(delivery.0);
    }

    /// The next result, in the order in which the batches began, if it is known; does not block.
    pub fn take_next(&mut self) -> Option<Settled> {
        self.0.take_next()
    }

    /// Blocks until every record's result is known, and counts.
    pub fn join(self) -> Tally {
        wait(self.0.join())
    }
}

impl Iterator for Deliveries {
    type Item = Settled;

    /// Blocks until the next result is known; `None` when all were taken.
    fn next(&mut self) -> Option<Settled> {
        wait(self.0.next())
    }
}

/// Blocks the thread until the future is ready.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        // Without a deadline it does not end before.
        if let Some(output) = wait_until(future.as_mut(), None) {
            return output;
        }
    }
}

/// Blocks the thread until the future is ready or the deadline has passed.
fn wait_until<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    // The usual send is ready at once: no allocation for it.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Some(output);
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => std::thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => std::thread::park_timeout(left),
        }
    }
}
