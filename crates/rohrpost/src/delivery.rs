//! What comes back: [`Delivery`], and the [`RecordMetadata`] that it resolves to.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use rohrpost_driver as driver;

use crate::error::Error;

/// The acknowledgement of one record, to come.
///
/// A future: it resolves once the brokers have answered, or the record has failed for good. Dropping it drops the notification, never the record.
/// It allocates nothing: all deliveries of a batch share one completion. It can be awaited on any executor. Polled to its end it is used up, as futures
/// are, and panics if it is polled again; [`is_resolved`](Self::is_resolved), [`poll_resolved`](Self::poll_resolved) and
/// [`try_result`](Self::try_result) look without taking, and a clone has a life of its own.
#[derive(Clone)]
#[must_use = "a delivery tells whether the record arrived; drop(delivery) if nobody has to know"]
pub struct Delivery {
    inner: driver::Delivery,
}

impl Delivery {
    pub(crate) fn new(inner: driver::Delivery) -> Self {
        Self { inner }
    }

    pub(crate) fn into_inner(self) -> driver::Delivery {
        self.inner
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        self.inner.topic()
    }

    /// The partition that the record went to.
    pub fn partition(&self) -> i32 {
        self.inner.partition()
    }

    /// Whether the result is known: awaiting it will not wait.
    #[inline]
    pub fn is_resolved(&self) -> bool {
        self.inner.is_resolved()
    }

    /// Waits as awaiting does, and leaves the result where it is: for whoever watches many deliveries by hand.
    pub fn poll_resolved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_resolved(cx)
    }

    /// Calls back once the result is known, instead of awaiting it: see [`Producer::send_with`](crate::Producer::send_with).
    pub fn call_back(self, callback: impl FnOnce(Result<RecordMetadata, Error>) + Send + 'static) {
        self.inner.call_back(move |result| callback(resolve(result)));
    }

    /// The result, if it is known already; does not wait.
    pub fn try_result(&self) -> Option<Result<RecordMetadata, Error>> {
        self.inner.result().map(resolve)
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.poll_result(cx).map(resolve)
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", &self.topic())
            .field("partition", &self.partition())
            .field("resolved", &self.inner.is_resolved())
            .finish()
    }
}

#[inline]
pub(crate) fn resolve(
    result: Result<driver::Acknowledged, driver::Failed>,
) -> Result<RecordMetadata, Error> {
    match result {
        Ok(acknowledged) => Ok(RecordMetadata { inner: acknowledged }),
        Err(failed) => Err(Error::from(failed)),
    }
}

/// Where a record stands in the log.
#[derive(Clone)]
pub struct RecordMetadata {
    inner: driver::Acknowledged,
}

impl RecordMetadata {
    /// The topic.
    pub fn topic(&self) -> &str {
        self.inner.topic()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.inner.partition()
    }

    /// The offset in the partition. `None` where the broker did not say: with `acks=0`, or for a duplicate that it had forgotten the offset of.
    pub fn offset(&self) -> Option<i64> {
        self.inner.offset()
    }

    /// The record's timestamp in the log, in milliseconds since the Unix epoch: the one it was sent with, or the broker's own
    /// ([`is_log_append_time`](Self::is_log_append_time)).
    pub fn timestamp(&self) -> i64 {
        self.inner.timestamp()
    }

    /// Whether the broker set the timestamp (`message.timestamp.type=LogAppendTime`).
    pub fn is_log_append_time(&self) -> bool {
        self.inner.is_log_append_time()
    }

    /// Bytes of the key; `None` for the null key.
    pub fn key_size(&self) -> Option<usize> {
        self.inner.key_size()
    }

    /// Bytes of the value; `None` for the null value.
    pub fn value_size(&self) -> Option<usize> {
        self.inner.value_size()
    }
}

/// `topic-partition@offset`, as Java writes it.
impl fmt::Display for RecordMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}@", self.topic(), self.partition())?;
        match self.offset() {
            Some(offset) => write!(f, "{offset}"),
            None => f.write_str("?"),
        }
    }
}

impl fmt::Debug for RecordMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordMetadata")
            .field("topic", &self.topic())
            .field("partition", &self.partition())
            .field("offset", &self.offset())
            .field("timestamp", &self.timestamp())
            .field("is_log_append_time", &self.is_log_append_time())
            .field("key_size", &self.key_size())
            .field("value_size", &self.value_size())
            .finish()
    }
}
