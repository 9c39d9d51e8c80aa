//! The same producer for programs without async: its methods block the calling thread.
//!
//! The producer runs on a thread of its own, so no runtime is needed. Do not use this from async code: it would block the executor.
//!
//! ```no_run
//! use std::time::Duration;
//! use rohrpost::{ProducerRecord, blocking};
//!
//! let producer = blocking::Producer::build(
//!     rohrpost::Producer::builder().bootstrap_servers("127.0.0.1:9092"),
//! )?;
//! let delivery = producer.send(ProducerRecord::new("greetings").value("hello"))?;
//! println!("{}", delivery.wait()?);
//! producer.close(Duration::from_secs(10))?;
//! # Ok::<(), rohrpost::Error>(())
//! ```

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::delivery::RecordMetadata;
use crate::error::{Error, TrySendError};
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};

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
    pub fn send(&self, record: ProducerRecord<'_>) -> Result<Delivery, Error> {
        wait(self.inner.send(record)).map(Delivery)
    }

    /// See [`Producer::try_send`](crate::Producer::try_send): never blocks.
    ///
    /// # Errors
    /// As there.
    pub fn try_send<'a>(&self, record: ProducerRecord<'a>) -> Result<Delivery, TrySendError<'a>> {
        self.inner.try_send(record).map(Delivery)
    }

    /// See [`Producer::send_with`](crate::Producer::send_with).
    ///
    /// # Errors
    /// As there.
    pub fn send_with<F>(&self, record: ProducerRecord<'_>, callback: F) -> Result<(), Error>
    where
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

    /// The same producer for async code.
    pub fn as_async(&self) -> &crate::Producer {
        &self.inner
    }
}

/// The acknowledgement of one record, to come.
#[derive(Clone, Debug)]
#[must_use = "a delivery tells whether the record arrived; drop(delivery) if nobody has to know"]
pub struct Delivery(crate::Delivery);

impl Delivery {
    /// Blocks until the record is acknowledged or failed.
    ///
    /// # Errors
    /// Why the record was not acknowledged: see [`Delivery`](crate::Delivery).
    pub fn wait(self) -> Result<RecordMetadata, Error> {
        wait(self.0)
    }

    /// The result, if it is known already.
    pub fn try_result(&self) -> Option<Result<RecordMetadata, Error>> {
        self.0.try_result()
    }
}

/// Blocks the thread until the future is ready.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    // The usual send is ready at once: no allocation for it.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
