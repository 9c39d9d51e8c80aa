//! Two serializers, and records in bytes by them.

use rohrpost_driver::REFERENCE_FROM;
use rohrpost_serializer::{BoxError, Content, DynSerializer, Part, Scratch, Serializer};

use super::scratch::Pair;
use super::{ConfiguredSerializers, TypedRecord};
use crate::config::told;
use crate::error::{Error, ErrorKind};
use crate::payload::Payload;
use crate::record::ProducerRecord;
use crate::topic::TopicName;

/// What makes bytes of keys `K` and values `V`.
pub(super) struct Typing<K: ?Sized, V: ?Sized> {
    pub(super) key: DynSerializer<K>,
    pub(super) value: DynSerializer<V>,
}

impl<K: ?Sized, V: ?Sized> Typing<K, V> {
    /// These serializers, if the configuration names no others.
    pub(super) fn new(
        configured: ConfiguredSerializers,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let unfit = configured.check(&key, &value);
        told(unfit.into_iter().map(Into::into).collect())?;
        Ok(Self { key: DynSerializer::new(key), value: DynSerializer::new(value) })
    }

    /// Awaits what the serializers have to look up.
    pub(super) async fn prepare(&self, record: &TypedRecord<'_, K, V>) -> Result<(), Error> {
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

    /// An error where there is something to look up, for whoever cannot wait for it.
    pub(super) fn check_prepared(&self, record: &TypedRecord<'_, K, V>) -> Result<(), Error> {
        let topic = record.topic();
        let key = record.key.and_then(|key| self.key.prepare(topic, Part::Key, key));
        let value = record.value.and_then(|value| self.value.prepare(topic, Part::Value, value));
        let part = match (key, value) {
            (Some(_), _) => Part::Key,
            (None, Some(_)) => Part::Value,
            (None, None) => return Ok(()),
        };
        let message = format!(
            "topic {topic}: the {part}'s serializer has to look something up before: await prepare, or use send, which does"
        );
        Err(Error::new(ErrorKind::WouldBlock, message)
            .with_retriable(true)
            .with_place(topic, record.base.partition))
    }

    /// The record in bytes.
    pub(super) fn raw<'r>(
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

impl<K: ?Sized, V: ?Sized> Clone for Typing<K, V> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), value: self.value.clone() }
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
