//! The results of many records at once: [`Deliveries`].

use std::fmt;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use rohrpost_driver as driver;

use crate::delivery::Delivery;
use crate::error::Error;

/// The deliveries of many records, to be awaited together.
///
/// A [`Delivery`] is a future for one record. Where nobody asks for single records, this costs less: it holds one entry for the records of a batch, so it
/// neither grows nor counts references with every record, and who awaits it is woken about once a batch. Records that several tasks mix into one batch
/// take more entries. Dropping it drops the notification, never the records.
///
/// ```
/// # async fn run(producer: rohrpost::Producer, lines: Vec<String>) -> Result<(), rohrpost::Error> {
/// use rohrpost::{Deliveries, ProducerRecord};
///
/// let mut deliveries = Deliveries::new();
/// for line in &lines {
///     producer.send_into(&mut deliveries, ProducerRecord::new("lines").value(line)).await?;
/// }
/// let arrived = deliveries.join().await.into_result()?;
/// println!("{arrived} records have arrived");
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
/// #     Ok(run(producer, vec!["one".to_owned(), "two".to_owned()]).await?)
/// # }
/// ```
///
/// Whoever sends without end looks now and then at what has arrived, without waiting:
///
/// ```
/// # async fn run(producer: rohrpost::Producer) -> Result<(), rohrpost::Error> {
/// # use rohrpost::{Deliveries, ProducerRecord};
/// # let mut deliveries = Deliveries::new();
/// while let Some(settled) = deliveries.take_next() {
///     match settled.error() {
///         None => println!("{} records, offsets {:?}", settled.records(), settled.offsets()),
///         Some(error) => eprintln!("{} records failed: {error}", settled.records()),
///     }
/// }
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
/// #     Ok(run(producer).await?)
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "deliveries tell whether the records arrived; drop them if nobody has to know"]
pub struct Deliveries {
    inner: driver::Deliveries,
}

/// What became of records that follow each other in a partition: of a whole batch, as a rule.
pub struct Settled {
    inner: driver::Settled,
}

/// What became of many records.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use = "it says how many records failed"]
pub struct Tally {
    /// So many records were acknowledged.
    pub acknowledged: u64,
    /// So many records failed.
    pub failed: u64,
    /// Why the first ones of those failed.
    pub first_error: Option<Error>,
}

impl Deliveries {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records whose result was not taken yet.
    pub fn records(&self) -> u64 {
        self.inner.records()
    }

    /// Whether every result was taken.
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    /// Adds the delivery of a record that was sent otherwise. One that was polled to its end counts for nothing.
    pub fn push(&mut self, delivery: Delivery) {
        self.inner.push(delivery.into_inner());
    }

    /// The next result, in the order in which the batches began, if it is known; does not wait.
    pub fn take_next(&mut self) -> Option<Settled> {
        self.inner.take_next().map(|inner| Settled { inner })
    }

    /// Waits for the next result; `None` when all were taken. Dropped before, it has taken nothing.
    pub async fn next(&mut self) -> Option<Settled> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next result, or a promise to wake the task; `None` when all were taken.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Settled>> {
        let settled = ready!(self.inner.poll_next(cx));
        Poll::Ready(settled.map(|inner| Settled { inner }))
    }

    /// Waits for every record's result, and counts.
    pub async fn join(mut self) -> Tally {
        let mut tally = Tally::default();
        while let Some(settled) = self.next().await {
            tally.add(&settled);
        }
        tally
    }

    pub(crate) fn inner_mut(&mut self) -> &mut driver::Deliveries {
        &mut self.inner
    }
}

impl Settled {
    /// The topic.
    pub fn topic(&self) -> &str {
        self.inner.topic()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.inner.partition()
    }

    /// How many records, at least one.
    pub fn records(&self) -> u64 {
        self.inner.records().into()
    }

    /// Their offsets. `None` where they failed, or the broker did not say (as
    /// [`RecordMetadata::offset`](crate::RecordMetadata::offset)).
    pub fn offsets(&self) -> Option<Range<i64>> {
        let first = self.inner.offset()?;
        Some(first..first + i64::from(self.inner.records()))
    }

    /// Why they failed; `None`: they were acknowledged.
    pub fn error(&self) -> Option<Error> {
        self.inner.failed().map(Error::from)
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled")
            .field("topic", &self.topic())
            .field("partition", &self.partition())
            .field("records", &self.records())
            .field("offsets", &self.offsets())
            .field("error", &self.error())
            .finish()
    }
}

impl Tally {
    /// Counts one more result.
    pub fn add(&mut self, settled: &Settled) {
        match settled.error() {
            None => self.acknowledged += settled.records(),
            Some(error) => {
                self.failed += settled.records();
                self.first_error.get_or_insert(error);
            }
        }
    }

    /// How many records arrived, if all did.
    ///
    /// # Errors
    /// Why the first ones failed.
    pub fn into_result(self) -> Result<u64, Error> {
        self.first_error.map_or(Ok(self.acknowledged), Err)
    }
}
