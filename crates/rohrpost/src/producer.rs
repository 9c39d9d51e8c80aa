//! The producer.

use std::borrow::Borrow;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::delivery::{Delivery, RecordMetadata};
use crate::error::{Error, TrySendError};
use crate::inner::Inner;
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::TopicHandle;
use crate::typed::ConfiguredSerializers;

/// A Kafka producer.
///
/// Cheap to clone, and all clones are one producer: share it instead of making several. Its methods work on any executor. When the
/// last clone is dropped, what was sent is still delivered in the background, as long as the runtime lives;
/// [`close`](Self::close) waits for that. What is left undelivered fails its deliveries, and a warning in `tracing` counts it.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::{Producer, ProducerRecord};
///
/// # async fn run(embedded: &str) -> Result<(), rohrpost::Error> {
/// let servers = "127.0.0.1:9092";
/// # let servers = embedded;
/// let producer = Producer::builder().bootstrap_servers(servers).build().await?;
/// let delivery = producer.send(ProducerRecord::new("greetings").key("k").value("hello")).await?;
/// let metadata = delivery.await?;
/// println!("{metadata}");
/// producer.close(Duration::from_secs(10)).await?;
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     Ok(run(&cluster.bootstrap_servers()).await?)
/// # }
/// ```
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

/// Records that [`Producer::send_all`] takes at a time.
pub(crate) const RUN: usize = 64;

impl Producer {
    /// Starts to set up a producer.
    pub fn builder() -> ProducerBuilder {
        ProducerBuilder::default()
    }

    /// Starts a producer: see [`ProducerBuilder::build`].
    ///
    /// # Errors
    /// As [`ProducerBuilder::build`].
    pub async fn from_config(config: ProducerConfig) -> Result<Self, Error> {
        ProducerBuilder::from_config(config).build().await
    }

    /// Starts a producer, whatever its configured serializers.
    pub(crate) async fn start(config: ProducerConfig) -> Result<Self, Error> {
        Ok(Self { inner: Arc::new(Inner::start(config).await?) })
    }

    pub(crate) fn handle(&self) -> &rohrpost_driver::Handle {
        self.inner.handle()
    }

    #[cfg(feature = "futures")]
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn configured_serializers(&self) -> ConfiguredSerializers {
        self.inner.configured_serializers()
    }

    /// Sends a record: appends it to its partition's batch, and returns the [`Delivery`] that tells when it has arrived.
    ///
    /// Waits only for room in `buffer.memory` and for knowledge of the topic, both together at most `max.block.ms`, in the order of the callers. A record
    /// is sent once the future resolves to a delivery; a future dropped before has sent nothing. Records of one task to one partition keep their order.
    ///
    /// Takes the record or a reference to it (`R` is a `ProducerRecord`, or a `&`, `Box` or `Arc` of one). The reference costs less: a record has some 100 bytes,
    /// which an async function else moves about. What becomes a record by `From` needs its type said: `send(ProducerRecord::from(order))`, not
    /// `send(order.into())`.
    ///
    /// A task of its own takes a clone of the producer along, for this future borrows it:
    /// `tokio::spawn({ let producer = producer.clone(); async move { producer.send(record).await?.await } })`.
    ///
    /// # Errors
    /// The record is in no batch then ([`Outcome::NotWritten`](crate::Outcome::NotWritten)):
    /// [`MetadataTimeout`](crate::ErrorKind::MetadataTimeout), [`MemoryTimeout`](crate::ErrorKind::MemoryTimeout),
    /// [`UnknownTopic`](crate::ErrorKind::UnknownTopic), [`UnknownPartition`](crate::ErrorKind::UnknownPartition), [`Partitioner`](crate::ErrorKind::Partitioner),
    /// [`Authorization`](crate::ErrorKind::Authorization), [`Broker`](crate::ErrorKind::Broker), [`RecordTooLarge`](crate::ErrorKind::RecordTooLarge), [`InvalidRecord`](crate::ErrorKind::InvalidRecord),
    /// [`Closed`](crate::ErrorKind::Closed), [`DriverGone`](crate::ErrorKind::DriverGone).
    #[inline]
    pub fn send<'r, R>(&self, record: R) -> SendFuture<'_, 'r, R>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        SendFuture { attempt: Attempt::new(&self.inner), record, of: PhantomData }
    }

    /// Sends a record as [`send`](Self::send) does, and keeps its delivery among others: the way of sending many records that costs least. See
    /// [`Deliveries`].
    ///
    /// # Errors
    /// As [`send`](Self::send); nothing is added then.
    #[inline]
    pub fn send_into<'a, 'r, R>(
        &'a self,
        deliveries: &'a mut Deliveries,
        record: R,
    ) -> SendIntoFuture<'a, 'r, R>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        let attempt = Attempt::new(&self.inner);
        SendIntoFuture { attempt, record, deliveries, of: PhantomData }
    }

    /// Sends many records, and keeps their deliveries among others: those that follow each other in a partition are appended under one lock. Takes records or
    /// references to them, from a slice or any iterator, of which it reads ahead a little.
    ///
    /// Dropped before it is done, or with an error: the records that were sent are in `deliveries`, as many as
    /// [`Deliveries::records`] grew by; of an iterator, up to 63 more may have been read.
    ///
    /// ```
    /// # async fn run(producer: rohrpost::Producer, lines: Vec<String>) -> Result<(), rohrpost::Error> {
    /// use rohrpost::{Deliveries, ProducerRecord};
    ///
    /// let mut deliveries = Deliveries::new();
    /// let records = lines.iter().map(|line| ProducerRecord::new("lines").value(line));
    /// producer.send_all(&mut deliveries, records).await?;
    /// println!("{} records have arrived", deliveries.join().await.into_result()?);
    /// # Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
    /// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
    /// #     Ok(run(producer, vec!["one".to_owned(), "two".to_owned()]).await?)
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first record that could not be sent; those behind it are not sent.
    pub async fn send_all<'r, R, I>(
        &self,
        deliveries: &mut Deliveries,
        records: I,
    ) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        I: IntoIterator<Item = R>,
    {
        let mut records = records.into_iter();
        let mut run: Vec<R> = Vec::new();
        loop {
            run.clear();
            run.extend(records.by_ref().take(RUN));
            if run.is_empty() {
                return Ok(());
            }
            self.send_slice(deliveries, &run).await?;
        }
    }

    /// Sends records in their order, those that follow each other in a partition under one lock.
    pub(crate) async fn send_slice<'r, R>(
        &self,
        deliveries: &mut Deliveries,
        mut records: &[R],
    ) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        while !records.is_empty() {
            records = &records[self.inner.send_run(deliveries, records)..];
            // What begins a batch, or waits, goes its own way.
            if let [next, behind @ ..] = records {
                self.send_into(deliveries, next.borrow()).await?;
                records = behind;
            }
        }
        Ok(())
    }

    /// Sends a record if that is possible without waiting, and gives it back if not.
    ///
    /// # Errors
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock): no room, or nothing known of the topic yet (finding out has begun). Else as [`send`](Self::send).
    #[inline]
    pub fn try_send<'a>(&self, record: ProducerRecord<'a>) -> Result<Delivery, TrySendError<'a>> {
        self.inner.try_send(&record).map_err(|error| TrySendError::new(record, error))
    }

    /// Sends a record as [`send`](Self::send) does, and calls back once it is acknowledged or failed.
    ///
    /// The callback runs on the producer's own task, after those of earlier records of the batch: it must not block. A panic in it is caught.
    ///
    /// # Errors
    /// As [`send`](Self::send); the callback is not called then.
    pub async fn send_with<'r, R, F>(&self, record: R, callback: F) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        F: FnOnce(Result<RecordMetadata, Error>) + Send + 'static,
    {
        self.send(record).await?.call_back(callback);
        Ok(())
    }

    /// Sends everything that was appended before, without waiting for `linger.ms`, and waits until all of it is acknowledged or failed.
    ///
    /// Whether it arrived is said by the deliveries, not here.
    ///
    /// # Errors
    /// [`DriverGone`](crate::ErrorKind::DriverGone), [`Closed`](crate::ErrorKind::Closed).
    pub async fn flush(&self) -> Result<(), Error> {
        self.inner.flush().await
    }

    /// Closes the producer, all its clones: takes no more records, delivers what it has, at most for `timeout`, and fails the rest. Waits until
    /// that is done. A second call waits for the first; a shorter timeout counts.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) where records were left undelivered; the message says how many, [`Error::undelivered`]
    /// of which partitions, and their deliveries say why.
    /// [`DriverGone`](crate::ErrorKind::DriverGone).
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        self.inner.close(timeout).await
    }

    /// A topic that is looked up once instead of for every record: see [`TopicHandle`]. Waits for nothing.
    pub fn topic(&self, name: &str) -> TopicHandle {
        self.inner.topic(name)
    }

    /// The partitions of a topic. Waits at most `max.block.ms` for knowledge of it.
    ///
    /// # Errors
    /// [`MetadataTimeout`](crate::ErrorKind::MetadataTimeout), [`UnknownTopic`](crate::ErrorKind::UnknownTopic),
    /// [`Authorization`](crate::ErrorKind::Authorization), [`Closed`](crate::ErrorKind::Closed), [`DriverGone`](crate::ErrorKind::DriverGone).
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        self.inner.partitions_for(topic).await
    }

    /// What the producer has done so far. Costs nothing per record, and little to call.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// What a partition's records wait for, in words: linger, a leader, a connection (and what is wrong with it), an answer, a back-off, the quota, …
    /// Of a topic or a partition that is not known yet: what keeps it from being known. `None` once the producer has closed.
    pub async fn why(&self, topic: &str, partition: i32) -> Option<String> {
        self.inner.why(topic, partition).await
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("client_id", &self.inner.client_id())
            .finish_non_exhaustive()
    }
}

/// The future of [`Producer::send`]. Dropped before it resolves, it has sent nothing and holds nothing. Polled after that, it panics, and sends
/// nothing again.
#[must_use = "futures do nothing unless awaited: this record is not sent yet"]
pub struct SendFuture<'p, 'r, R = ProducerRecord<'r>> {
    attempt: Attempt<'p>,
    record: R,
    of: PhantomData<ProducerRecord<'r>>,
}

/// The future of [`Producer::send_into`]. Dropped before it resolves, it has sent nothing and holds nothing. Polled after that, it panics, and sends
/// nothing again.
#[must_use = "futures do nothing unless awaited: this record is not sent yet"]
pub struct SendIntoFuture<'p, 'r, R = ProducerRecord<'r>> {
    attempt: Attempt<'p>,
    record: R,
    deliveries: &'p mut Deliveries,
    of: PhantomData<ProducerRecord<'r>>,
}

/// Where a send stands. Given up when it is dropped.
struct Attempt<'p> {
    inner: &'p Inner,
    wait: crate::inner::Wait,
}

impl<'p> Attempt<'p> {
    #[inline]
    fn new(inner: &'p Inner) -> Self {
        Self { inner, wait: Default::default() }
    }
}

impl Drop for Attempt<'_> {
    #[inline]
    fn drop(&mut self) {
        self.inner.cancel(&mut self.wait);
    }
}

impl<'r, R: Borrow<ProducerRecord<'r>> + Unpin> Future for SendFuture<'_, 'r, R> {
    type Output = Result<Delivery, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { attempt: Attempt { inner, wait }, record, .. } = self.get_mut();
        inner.poll_send(cx, (*record).borrow(), wait)
    }
}

impl<'r, R: Borrow<ProducerRecord<'r>> + Unpin> Future for SendIntoFuture<'_, 'r, R> {
    type Output = Result<(), Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { attempt: Attempt { inner, wait }, record, deliveries, .. } = self.get_mut();
        inner.poll_send_into(cx, (*record).borrow(), wait, deliveries)
    }
}

impl<R: std::fmt::Debug> std::fmt::Debug for SendFuture<'_, '_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendFuture").field("record", &self.record).finish_non_exhaustive()
    }
}

impl<R: std::fmt::Debug> std::fmt::Debug for SendIntoFuture<'_, '_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendIntoFuture").field("record", &self.record).finish_non_exhaustive()
    }
}
