//! Typed producers: keys and values of the program's own types, and serializers that make bytes of them.

pub(crate) mod blocking;
mod configured;
mod many;
mod record;
mod scratch;
pub(crate) mod transactional;
mod typing;

use std::borrow::Borrow;
use std::fmt;
use std::time::Duration;

use rohrpost_serializer::Serializer;

use self::typing::Typing;
use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::delivery::{Delivery, RecordMetadata};
use crate::error::Error;
use crate::producer::Producer;
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::{IntoTopic, TopicHandle};

pub(crate) use self::configured::{ConfiguredSerializer, ConfiguredSerializers};
pub use self::record::TypedRecord;

/// A [`Producer`] of records whose keys are `K` and whose values are `V`: serializers make bytes of them.
///
/// Cheap to clone. It is made of a producer and two [serializers](crate::serializer), by [`Producer::typed`] or [`ProducerBuilder::build_typed`]; several
/// may share one producer, and raw records go through it still. For keys that are text, `K` is `str`; for records without keys, `()`.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::Producer;
/// use rohrpost::serializer::{LongSerializer, StringSerializer};
///
/// # async fn run(embedded: &str) -> Result<(), rohrpost::Error> {
/// let servers = "127.0.0.1:9092";
/// # let servers = embedded;
/// let producer = Producer::builder().bootstrap_servers(servers).build().await?;
/// let balances = producer.typed::<str, i64>(StringSerializer, LongSerializer)?;
///
/// let delivery = balances.send(balances.record("balances").key("alice").value(&250)).await?;
/// println!("{}", delivery.await?);
/// producer.close(Duration::from_secs(10)).await?;
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     Ok(run(&cluster.bootstrap_servers()).await?)
/// # }
/// ```
///
/// The key is serialized first, then the value, and then the partitioner chooses by the key's bytes. Serializers run on the task that sends, outside of any lock, and
/// write into memory that is used again: a record costs no allocation. What they make is copied once, into the batch; text and bytes are not even written
/// before, and large `Bytes`, with [`BytesSerializer`](crate::serializer::BytesSerializer), not copied at all.
///
/// [Interceptors](crate::Interceptor) come between the two: they see the bytes that serializers made, and the headers, and the partition is chosen for what they make of the
/// record.
///
/// What a serializer refuses fails that send with [`ErrorKind::Serialization`](crate::ErrorKind::Serialization), not written, and the serializer's own error as its
/// [`source`](std::error::Error::source). A panic in it is the caller's. Nothing of the record was sent then.
pub struct TypedProducer<K: ?Sized, V: ?Sized> {
    producer: Producer,
    typing: Typing<K, V>,
}

impl Producer {
    /// The same producer for records with keys `K` and values `V`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): `key.serializer` or `value.serializer` was set to another one of Kafka's, or the character set of text (`serializer.encoding`) to
    /// another one.
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<TypedProducer<K, V>, Error> {
        let typing = Typing::new(self.configured_serializers(), key, value)?;
        Ok(TypedProducer { producer: self.clone(), typing })
    }
}

impl ProducerBuilder {
    /// Starts a typed producer, as [`build`](Self::build) starts a raw one. This is the way for configurations whose `key.serializer` or `value.serializer` names what makes
    /// other bytes than those that it is given, such as Kafka's `LongSerializer`: they are checked against the serializers here.
    ///
    /// # Errors
    /// As [`build`](Self::build); and [`Config`](crate::ErrorKind::Config) where a configured class is not the serializer's.
    pub async fn build_typed<K: ?Sized, V: ?Sized>(
        self,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<TypedProducer<K, V>, Error> {
        let config = self.whole(false, |serializers| serializers.check(&key, &value))?;
        Producer::start(config).await?.typed(key, value)
    }
}

impl<K: ?Sized, V: ?Sized> TypedProducer<K, V> {
    /// Starts a producer: see [`ProducerBuilder::build_typed`].
    ///
    /// # Errors
    /// As there.
    pub async fn from_config(
        config: ProducerConfig,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        ProducerBuilder::from_config(config).build_typed(key, value).await
    }

    /// A record for a topic, of this producer's types: the same as [`TypedRecord::new`].
    pub fn record<'a>(&self, topic: impl IntoTopic<'a>) -> TypedRecord<'a, K, V> {
        TypedRecord::new(topic)
    }

    /// Serializes a record, and sends it: see [`Producer::send`].
    ///
    /// Look-ups that a serializer asks for ([`prepare`](Serializer::prepare)) are awaited before; `max.block.ms` does not cover them. Dropped before it ends, it
    /// has sent nothing.
    ///
    /// # Errors
    /// [`Serialization`](crate::ErrorKind::Serialization); as [`Producer::send`].
    pub async fn send<'r, R>(&self, record: R) -> Result<Delivery, Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        let record = record.borrow();
        self.typing.prepare(record).await?;
        let mut scratch = scratch::take();
        let raw = self.typing.raw(record, scratch.get())?;
        self.producer.send(&raw).await
    }

    /// Serializes a record, and sends it: see [`Producer::send_into`].
    ///
    /// # Errors
    /// As [`send`](Self::send); nothing is added then.
    pub async fn send_into<'r, R>(
        &self,
        deliveries: &mut Deliveries,
        record: R,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        let record = record.borrow();
        self.typing.prepare(record).await?;
        let mut scratch = scratch::take();
        let raw = self.typing.raw(record, scratch.get())?;
        self.producer.send_into(deliveries, &raw).await
    }

    /// Serializes a record, and sends it: see [`Producer::send_with`].
    ///
    /// # Errors
    /// As [`send`](Self::send); the callback is not called then.
    pub async fn send_with<'r, R, F>(&self, record: R, callback: F) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        F: FnOnce(Result<RecordMetadata, Error>) + Send + 'static,
    {
        self.send(record).await?.call_back(callback);
        Ok(())
    }

    /// Serializes a record, and sends it if that is possible without waiting: see [`Producer::try_send`].
    ///
    /// # Errors
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock): as there; or a serializer has to look something up, for which [`prepare`](Self::prepare) is there. Else as
    /// [`send`](Self::send).
    pub fn try_send(&self, record: &TypedRecord<'_, K, V>) -> Result<Delivery, Error> {
        self.typing.check_prepared(record)?;
        let mut scratch = scratch::take();
        let raw = self.typing.raw(record, scratch.get())?;
        self.producer.try_send(raw).map_err(Error::from)
    }

    /// Awaits what the serializers have to look up before they can serialize this record, and sends nothing. With most serializers there is nothing to await.
    ///
    /// # Errors
    /// [`Serialization`](crate::ErrorKind::Serialization).
    pub async fn prepare(&self, record: &TypedRecord<'_, K, V>) -> Result<(), Error> {
        self.typing.prepare(record).await
    }

    /// Serializes a record and does not send it: what it returns can be kept, and sent by the raw producer, several times if need be. Looks nothing up.
    ///
    /// # Errors
    /// [`Serialization`](crate::ErrorKind::Serialization).
    pub fn serialize(
        &self,
        record: &TypedRecord<'_, K, V>,
    ) -> Result<ProducerRecord<'static>, Error> {
        self.typing.raw(record, scratch::take().get()).map(ProducerRecord::into_owned)
    }

    /// The producer that sends the records.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// See [`Producer::topic`].
    pub fn topic(&self, name: &str) -> TopicHandle {
        self.producer.topic(name)
    }

    /// See [`Producer::partitions_for`].
    ///
    /// # Errors
    /// As there.
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        self.producer.partitions_for(topic).await
    }

    /// See [`Producer::stats`]: of the producer, whoever else uses it.
    pub fn stats(&self) -> Stats {
        self.producer.stats()
    }

    /// See [`Producer::why`].
    pub async fn why(&self, topic: &str, partition: i32) -> Option<String> {
        self.producer.why(topic, partition).await
    }

    /// See [`Producer::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&self) -> Result<(), Error> {
        self.producer.flush().await
    }

    /// See [`Producer::close`]: it closes the producer for all who share it.
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        self.producer.close(timeout).await
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedProducer<K, V> {
    fn clone(&self) -> Self {
        Self { producer: self.producer.clone(), typing: self.typing.clone() }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedProducer")
            .field("producer", &self.producer)
            .field("key", &self.typing.key)
            .field("value", &self.typing.value)
            .finish()
    }
}
