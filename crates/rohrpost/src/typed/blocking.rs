//! The typed producer for programs without async.

use std::borrow::Borrow;
use std::fmt;
use std::time::Duration;

use rohrpost_serializer::Serializer;

use super::TypedRecord;
use crate::blocking::{Deliveries, Delivery, Producer, wait};
use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::delivery::RecordMetadata;
use crate::error::Error;
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::{IntoTopic, TopicHandle};

/// A [`TypedProducer`](crate::TypedProducer) whose methods block. Cheap to clone.
///
/// ```
/// use rohrpost::blocking;
/// use rohrpost::serializer::{LongSerializer, StringSerializer};
///
/// # let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start_blocking()?;
/// let servers = "127.0.0.1:9092";
/// # let servers = cluster.bootstrap_servers();
/// let producer = blocking::Producer::builder().bootstrap_servers(servers).build_blocking()?;
/// let balances = producer.typed::<str, i64>(StringSerializer, LongSerializer)?;
/// println!("{}", balances.send(&balances.record("balances").key("alice").value(&250))?.wait()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedProducer<K: ?Sized, V: ?Sized> {
    inner: crate::TypedProducer<K, V>,
}

impl Producer {
    /// See [`Producer::typed`](crate::Producer::typed).
    ///
    /// # Errors
    /// As there.
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<TypedProducer<K, V>, Error> {
        Ok(TypedProducer { inner: self.as_async().typed(key, value)? })
    }
}

impl<K: ?Sized, V: ?Sized> TypedProducer<K, V> {
    /// Starts the producer on a thread of its own: see [`ProducerBuilder::build_typed`].
    ///
    /// # Errors
    /// As there.
    pub fn build(
        builder: ProducerBuilder,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Ok(Self { inner: wait(builder.own_thread(true).build_typed(key, value))? })
    }

    /// Starts a producer of this configuration on a thread of its own.
    ///
    /// # Errors
    /// As [`ProducerBuilder::build_typed`].
    pub fn from_config(
        config: ProducerConfig,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::build(ProducerBuilder::from_config(config), key, value)
    }

    /// A record for a topic, of this producer's types.
    pub fn record<'a>(&self, topic: impl IntoTopic<'a>) -> TypedRecord<'a, K, V> {
        TypedRecord::new(topic)
    }

    /// See [`TypedProducer::send`](crate::TypedProducer::send).
    ///
    /// # Errors
    /// As there.
    pub fn send<'r, R>(&self, record: R) -> Result<Delivery, Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        wait(self.inner.send(record)).map(Delivery)
    }

    /// See [`TypedProducer::send_into`](crate::TypedProducer::send_into).
    ///
    /// # Errors
    /// As there; nothing is added then.
    pub fn send_into<'r, R>(&self, deliveries: &mut Deliveries, record: R) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        wait(self.inner.send_into(&mut deliveries.0, record))
    }

    /// See [`TypedProducer::send_all`](crate::TypedProducer::send_all).
    ///
    /// # Errors
    /// As there.
    pub fn send_all<'r, R, I>(&self, deliveries: &mut Deliveries, records: I) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        I: IntoIterator<Item = R>,
    {
        wait(self.inner.send_all(&mut deliveries.0, records))
    }

    /// See [`TypedProducer::try_send`](crate::TypedProducer::try_send): never blocks.
    ///
    /// # Errors
    /// As there.
    pub fn try_send(&self, record: &TypedRecord<'_, K, V>) -> Result<Delivery, Error> {
        self.inner.try_send(record).map(Delivery)
    }

    /// See [`TypedProducer::send_with`](crate::TypedProducer::send_with).
    ///
    /// # Errors
    /// As there.
    pub fn send_with<'r, R, F>(&self, record: R, callback: F) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        F: FnOnce(Result<RecordMetadata, Error>) + Send + 'static,
    {
        wait(self.inner.send_with(record, callback))
    }

    /// See [`TypedProducer::prepare`](crate::TypedProducer::prepare): blocks until the serializers have looked up what they need.
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, record: &TypedRecord<'_, K, V>) -> Result<(), Error> {
        wait(self.inner.prepare(record))
    }

    /// See [`TypedProducer::serialize`](crate::TypedProducer::serialize).
    ///
    /// # Errors
    /// As there.
    pub fn serialize(
        &self,
        record: &TypedRecord<'_, K, V>,
    ) -> Result<ProducerRecord<'static>, Error> {
        self.inner.serialize(record)
    }

    /// The producer that sends the records.
    pub fn producer(&self) -> Producer {
        Producer::of(self.inner.producer().clone())
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

    /// The same producer for async code.
    pub fn as_async(&self) -> &crate::TypedProducer<K, V> {
        &self.inner
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedProducer<K, V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}
