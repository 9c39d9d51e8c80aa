//! The typed producer for programs without async.

use std::fmt;
use std::time::Duration;

use rohrpost_serializer::Serializer;

use super::TypedRecord;
use crate::blocking::{Delivery, Producer, wait};
use crate::builder::ProducerBuilder;
use crate::delivery::RecordMetadata;
use crate::error::Error;
use crate::topic::IntoTopic;

/// A [`TypedProducer`](crate::TypedProducer) whose methods block. Cheap to clone.
///
/// ```no_run
/// use rohrpost::blocking;
/// use rohrpost::serializer::{LongSerializer, StringSerializer};
///
/// let producer = blocking::Producer::builder().bootstrap_servers("127.0.0.1:9092").build_blocking()?;
/// let balances = producer.typed::<str, i64>(StringSerializer, LongSerializer)?;
/// println!("{}", balances.send(&balances.record("balances").key("alice").value(&250))?.wait()?);
/// # Ok::<(), rohrpost::Error>(())
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

    /// A record for a topic, of this producer's types.
    pub fn record<'a>(&self, topic: impl IntoTopic<'a>) -> TypedRecord<'a, K, V> {
        TypedRecord::new(topic)
    }

    /// See [`TypedProducer::send`](crate::TypedProducer::send).
    ///
    /// # Errors
    /// As there.
    pub fn send(&self, record: &TypedRecord<'_, K, V>) -> Result<Delivery, Error> {
        wait(self.inner.send(record)).map(Delivery)
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
    pub fn send_with<F>(&self, record: &TypedRecord<'_, K, V>, callback: F) -> Result<(), Error>
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
