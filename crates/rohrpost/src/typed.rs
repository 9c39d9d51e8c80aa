//! Typed producers: keys and values of the program's own types, and serializers that make bytes of them.

pub(crate) mod blocking;
mod configured;
mod many;
mod record;
mod scratch;

use std::borrow::Borrow;
use std::fmt;
use std::time::Duration;

use rohrpost_driver::REFERENCE_FROM;
use rohrpost_serializer::{BoxError, Content, DynSerializer, Part, Scratch, Serializer};

use self::scratch::Pair;
use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::delivery::{Delivery, RecordMetadata};
use crate::error::{Error, ErrorKind};
use crate::payload::Payload;
use crate::producer::Producer;
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::{IntoTopic, TopicHandle, TopicName};

pub(crate) use self::configured::{ConfiguredSerializer, ConfiguredSerializers};
pub use self::record::TypedRecord;

/// A [`Producer`] of records whose keys are `K` and whose values are `V`: serializers make bytes of them.
///
/// Cheap to clone. It is made of a producer and two [serializers](crate::serializer), by [`Producer::typed`] or [`ProducerBuilder::build_typed`]; several
/// may share one producer, and raw records go through it still. For keys that are text, `K` is `str`; for records without keys, `()`.
///
/// ```no_run
/// use std::time::Duration;
/// use rohrpost::Producer;
/// use rohrpost::serializer::{LongSerializer, StringSerializer};
///
/// # async fn run() -> Result<(), rohrpost::Error> {
/// let producer = Producer::builder().bootstrap_servers("127.0.0.1:9092").build().await?;
/// let balances = producer.typed::<str, i64>(StringSerializer, LongSerializer)?;
///
/// let delivery = balances.send(balances.record("balances").key("alice").value(&250)).await?;
/// println!("{}", delivery.await?);
/// producer.close(Duration::from_secs(10)).await?;
/// # Ok(()) }
/// ```
///
/// The key is serialized first, then the value, and then the partitioner chooses by the key's bytes. Serializers run on the task that sends, outside of any lock, and
/// write into memory that is used again: a record costs no allocation. What they make is copied once, into the batch; text and bytes are not even written
/// before, and large `Bytes`, with [`BytesSerializer`](crate::serializer::BytesSerializer), not copied at all.
///
/// [Interceptors](crate::Interceptor) come between the two: they see the bytes that serializers made, and the headers, and the partition is chosen for what they make of the
/// record.
///
/// What a serializer refuses fails that send with [`ErrorKind::Serialization`], not written, and the serializer's own error as its
/// [`source`](std::error::Error::source). A panic in it is the caller's. Nothing of the record was sent then.
pub struct TypedProducer<K: ?Sized, V: ?Sized> {
    producer: Producer,
    key: DynSerializer<K>,
    value: DynSerializer<V>,
}

impl Producer {
    /// The same producer for records with keys `K` and values `V`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config): `key.serializer` or `value.serializer` was set to another one of Kafka's, or the character set of text (`serializer.encoding`) to
    /// another one.
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<TypedProducer<K, V>, Error> {
        self.configured_serializers().check(&key, &value)?;
        Ok(TypedProducer {
            producer: self.clone(),
            key: DynSerializer::new(key),
            value: DynSerializer::new(value),
        })
    }
}

impl ProducerBuilder {
    /// Starts a typed producer, as [`build`](Self::build) starts a raw one. This is the way for configurations whose `key.serializer` or `value.serializer` names what makes
    /// other bytes than those that it is given, such as Kafka's `LongSerializer`: they are checked against the serializers here.
    ///
    /// # Errors
    /// As [`build`](Self::build); and [`Config`](ErrorKind::Config) where a configured class is not the serializer's.
    pub async fn build_typed<K: ?Sized, V: ?Sized>(
        self,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<TypedProducer<K, V>, Error> {
        TypedProducer::from_config(self.into_config()?, key, value).await
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
        config.validate()?;
        config.serializers().check(&key, &value)?;
        Producer::start(config).await?.typed(key, value)
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
    /// [`Serialization`](ErrorKind::Serialization); as [`Producer::send`].
    pub async fn send<'r, R>(&self, record: R) -> Result<Delivery, Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        let record = record.borrow();
        self.prepare(record).await?;
        let mut scratch = scratch::take();
        let raw = self.raw(record, scratch.get())?;
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
        self.prepare(record).await?;
        let mut scratch = scratch::take();
        let raw = self.raw(record, scratch.get())?;
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
    /// [`WouldBlock`](ErrorKind::WouldBlock): as there; or a serializer has to look something up, for which [`prepare`](Self::prepare) is there. Else as
    /// [`send`](Self::send).
    pub fn try_send(&self, record: &TypedRecord<'_, K, V>) -> Result<Delivery, Error> {
        let topic = record.topic();
        let key = record.key.and_then(|key| self.key.prepare(topic, Part::Key, key));
        let value = record.value.and_then(|value| self.value.prepare(topic, Part::Value, value));
        let part = match (key, value) {
            (Some(_), _) => Part::Key,
            (None, Some(_)) => Part::Value,
            (None, None) => {
                let mut scratch = scratch::take();
                let raw = self.raw(record, scratch.get())?;
                return self.producer.try_send(raw).map_err(Error::from);
            }
        };
        let message = format!(
            "topic {topic}: the {part}'s serializer has to look something up before: await prepare, or use send, which does"
        );
        Err(Error::new(ErrorKind::WouldBlock, message)
            .with_retriable(true)
            .with_place(topic, record.base.partition))
    }

    /// Awaits what the serializers have to look up before they can serialize this record, and sends nothing. With most serializers there is nothing to await.
    ///
    /// # Errors
    /// [`Serialization`](ErrorKind::Serialization).
    pub async fn prepare(&self, record: &TypedRecord<'_, K, V>) -> Result<(), Error> {
        let topic = record.topic();
        if let Some(key) = record.key {
            if let Some(look_up) = self.key.prepare(topic, Part::Key, key) {
                look_up.await.map_err(|error| failed(record, Part::Key, error))?;
            }
        }
        if let Some(value) = record.value {
            if let Some(look_up) = self.value.prepare(topic, Part::Value, value) {
                look_up.await.map_err(|error| failed(record, Part::Value, error))?;
            }
        }
        Ok(())
    }

    /// Serializes a record and does not send it: what it returns can be kept, and sent by the raw producer, several times if need be. Looks nothing up.
    ///
    /// # Errors
    /// [`Serialization`](ErrorKind::Serialization).
    pub fn serialize(
        &self,
        record: &TypedRecord<'_, K, V>,
    ) -> Result<ProducerRecord<'static>, Error> {
        self.raw(record, scratch::take().get()).map(ProducerRecord::into_owned)
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

    /// The record in bytes.
    fn raw<'r>(
        &self,
        record: &'r TypedRecord<'_, K, V>,
        scratch: &'r mut Pair,
    ) -> Result<ProducerRecord<'r>, Error> {
        let base = &record.base;
        let topic = match base.handle {
            Some(handle) => TopicName::Handle(handle),
            None => TopicName::Borrowed(base.topic()),
        };
        let mut raw = ProducerRecord::new(topic)
            .partition(base.partition)
            .timestamp(base.timestamp)
            .with_headers(base.header_slice());
        if let Some(key) = record.key {
            let made = made(&self.key, record, Part::Key, key, &mut scratch.key)?;
            raw = made.headers(raw).key(made.payload);
        }
        if let Some(value) = record.value {
            let made = made(&self.value, record, Part::Value, value, &mut scratch.value)?;
            raw = made.headers(raw).value(made.payload);
        }
        Ok(raw)
    }
}

/// A key or a value in bytes.
struct Made<'r> {
    payload: Option<Payload<'r>>,
    headers: &'r rohrpost_serializer::Headers,
}

#[inline]
fn made<'r, T: ?Sized, K: ?Sized, V: ?Sized>(
    serializer: &DynSerializer<T>,
    record: &'r TypedRecord<'_, K, V>,
    part: Part,
    value: &'r T,
    scratch: &'r mut Scratch,
) -> Result<Made<'r>, Error> {
    let serialized = scratch
        .serialize(serializer, record.topic(), part, value)
        .map_err(|error| failed(record, part, error))?;
    let payload = match serialized.content {
        Content::Null => None,
        // What is large and fits is given away: a batch can refer to it.
        Content::Written(bytes)
            if bytes.len() >= REFERENCE_FROM
                && bytes.capacity() - bytes.len() <= bytes.len() / 8 =>
        {
            Some(Payload::Owned(std::mem::take(bytes)))
        }
        Content::Shared(bytes) if bytes.len() >= REFERENCE_FROM => {
            Some(Payload::Shared(bytes.clone()))
        }
        content => content.into_bytes().map(Payload::Borrowed),
    };
    Ok(Made { payload, headers: serialized.headers })
}

impl<'r> Made<'r> {
    #[inline]
    fn headers(&self, raw: ProducerRecord<'r>) -> ProducerRecord<'r> {
        if self.headers.is_empty() {
            return raw;
        }
        self.headers.iter().fold(raw, |raw, (name, value)| raw.header(name, value))
    }
}

#[cold]
fn failed<K: ?Sized, V: ?Sized>(
    record: &TypedRecord<'_, K, V>,
    part: Part,
    error: BoxError,
) -> Error {
    let topic = record.topic();
    Error::new(
        ErrorKind::Serialization,
        format!("topic {topic}: the {part} could not be serialized: {error}"),
    )
    .with_place(topic, record.base.partition)
    .with_source(error)
}

impl<K: ?Sized, V: ?Sized> Clone for TypedProducer<K, V> {
    fn clone(&self) -> Self {
        Self { producer: self.producer.clone(), key: self.key.clone(), value: self.value.clone() }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedProducer")
            .field("producer", &self.producer)
            .field("key", &self.key)
            .field("value", &self.value)
            .finish()
    }
}
