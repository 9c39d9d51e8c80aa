//! Transactions for programs without async.

use std::borrow::Borrow;
use std::time::Duration;

use super::run::Retries;
use super::{ConsumerGroupMetadata, TopicOffset, TransactionEnd};
use crate::blocking::{Deliveries, Delivery, wait};
use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::delivery::RecordMetadata;
use crate::error::{Error, TrySendError};
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::TopicHandle;

/// A [`TransactionalProducer`](crate::TransactionalProducer) whose methods block. It runs on a thread of its own.
///
/// ```
/// use rohrpost::{ProducerRecord, blocking};
///
/// # let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start_blocking()?;
/// let servers = "127.0.0.1:9092";
/// # let servers = cluster.bootstrap_servers();
/// let builder = rohrpost::Producer::builder().bootstrap_servers(servers).transactional_id("transfers-1");
/// let mut producer = blocking::TransactionalProducer::build(builder)?;
/// producer.init()?;
/// let transaction = producer.begin()?;
/// transaction.send(ProducerRecord::new("transfers").key("alice").value("-100"))?;
/// transaction.send(ProducerRecord::new("transfers").key("bob").value("+100"))?;
/// transaction.commit()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TransactionalProducer {
    pub(super) inner: crate::TransactionalProducer,
}

/// A [`Transaction`](crate::Transaction) whose methods block. Dropped, it is aborted in the background.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p> {
    pub(super) inner: crate::Transaction<'p>,
}

/// A [`Delivery`] that need not be waited for: a record that fails fails the transaction's commit.
#[derive(Clone, Debug)]
pub struct TransactionDelivery(crate::TransactionDelivery);

impl TransactionDelivery {
    /// Blocks until the record is acknowledged or failed; nobody sees it before the commit.
    ///
    /// # Errors
    /// Why the record was not acknowledged.
    pub fn wait(self) -> Result<RecordMetadata, Error> {
        wait(self.0)
    }

    /// The delivery, as [`Producer::send`](crate::blocking::Producer::send) gives it.
    pub fn into_delivery(self) -> Delivery {
        Delivery(self.0.into_delivery())
    }
}

impl TransactionalProducer {
    /// Starts the producer on a thread of its own.
    ///
    /// # Errors
    /// As [`ProducerBuilder::build_transactional`].
    pub fn build(builder: ProducerBuilder) -> Result<Self, Error> {
        Ok(Self { inner: wait(builder.own_thread(true).build_transactional())? })
    }

    /// Starts a producer of this configuration on a thread of its own.
    ///
    /// # Errors
    /// As [`ProducerBuilder::build_transactional`].
    pub fn from_config(config: ProducerConfig) -> Result<Self, Error> {
        Self::build(ProducerBuilder::from_config(config))
    }

    /// See [`TransactionalProducer::init`](crate::TransactionalProducer::init).
    ///
    /// # Errors
    /// As there.
    pub fn init(&mut self) -> Result<(), Error> {
        wait(self.inner.init())
    }

    /// See [`TransactionalProducer::begin`](crate::TransactionalProducer::begin).
    ///
    /// # Errors
    /// As there.
    pub fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Ok(Transaction { inner: wait(self.inner.begin())? })
    }

    /// See [`TransactionalProducer::resume`](crate::TransactionalProducer::resume).
    ///
    /// # Errors
    /// As there.
    pub fn resume(&mut self) -> Result<Option<TransactionEnd>, Error> {
        wait(self.inner.resume())
    }

    /// See [`TransactionalProducer::with_transaction`](crate::TransactionalProducer::with_transaction).
    ///
    /// # Errors
    /// As there.
    pub fn with_transaction<T, E>(
        &mut self,
        mut body: impl FnMut(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let _ = wait(self.inner.hear_the_last());
        let mut retries = Retries::new();
        loop {
            let transaction = self.begin()?;
            let made = match body(&transaction) {
                Ok(made) => made,
                Err(error) => {
                    let _ = transaction.abort();
                    return Err(error);
                }
            };
            let committed = transaction.commit();
            match wait(self.inner.learn(committed)) {
                Ok(()) => return Ok(made),
                Err(error) if retries.allow(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// See [`TransactionalProducer::close`](crate::TransactionalProducer::close).
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

    /// See [`Producer::stats`](crate::Producer::stats).
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// See [`Producer::why`](crate::Producer::why).
    pub fn why(&self, topic: &str, partition: i32) -> Option<String> {
        wait(self.inner.why(topic, partition))
    }
}

impl Transaction<'_> {
    /// See [`Transaction::send`](crate::Transaction::send): blocks for room and for knowledge of the topic, at most `max.block.ms`.
    ///
    /// # Errors
    /// As there.
    pub fn send<'r, R>(&self, record: R) -> Result<TransactionDelivery, Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        wait(self.inner.send(record)).map(TransactionDelivery)
    }

    /// See [`Transaction::send_into`](crate::Transaction::send_into).
    ///
    /// # Errors
    /// As there; nothing is added then.
    pub fn send_into<'r, R>(&self, deliveries: &mut Deliveries, record: R) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        wait(self.inner.send_into(&mut deliveries.0, record))
    }

    /// See [`Transaction::send_all`](crate::Transaction::send_all).
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

    /// See [`Transaction::try_send`](crate::Transaction::try_send): never blocks.
    ///
    /// # Errors
    /// As there.
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a>,
    ) -> Result<TransactionDelivery, TrySendError<'a>> {
        self.inner.try_send(record).map(TransactionDelivery)
    }

    /// See [`Transaction::send_with`](crate::Transaction::send_with).
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

    /// See [`Transaction::send_offsets`](crate::Transaction::send_offsets).
    ///
    /// # Errors
    /// As there.
    pub fn send_offsets<O: Into<TopicOffset>>(
        &self,
        offsets: impl IntoIterator<Item = O>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), Error> {
        wait(self.inner.send_offsets(offsets, group))
    }

    /// See [`Transaction::commit`](crate::Transaction::commit).
    ///
    /// # Errors
    /// As there.
    pub fn commit(self) -> Result<(), Error> {
        wait(self.inner.commit())
    }

    /// See [`Transaction::abort`](crate::Transaction::abort).
    ///
    /// # Errors
    /// As there.
    pub fn abort(self) -> Result<(), Error> {
        wait(self.inner.abort())
    }

    /// See [`Producer::topic`](crate::Producer::topic).
    pub fn topic(&self, name: &str) -> TopicHandle {
        self.inner.topic(name)
    }
}
