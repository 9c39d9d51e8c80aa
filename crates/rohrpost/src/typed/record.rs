//! What is sent by a typed producer: [`TypedRecord`].

use std::borrow::{Borrow, Cow};
use std::fmt;

use crate::headers::Header;
use crate::payload::IntoPayload;
use crate::record::{IntoPartition, IntoTimestamp, ProducerRecord};
use crate::topic::IntoTopic;

/// A record for a [`TypedProducer`](crate::TypedProducer): as a [`ProducerRecord`], but with a key and a value of the program's types, which it borrows.
///
/// ```
/// use rohrpost::TypedRecord;
///
/// let name = String::from("alice");
/// let record: TypedRecord<'_, str, i64> =
///     TypedRecord::new("balances").key(&name).value(&250).header("source", "till 7");
/// assert_eq!((record.typed_key(), record.typed_value()), (Some("alice"), Some(&250)));
/// ```
#[must_use = "a record does nothing until it is sent"]
pub struct TypedRecord<'a, K: ?Sized, V: ?Sized> {
    /// All but the key and the value.
    pub(super) base: ProducerRecord<'a>,
    pub(super) key: Option<&'a K>,
    pub(super) value: Option<&'a V>,
}

impl<'a, K: ?Sized, V: ?Sized> TypedRecord<'a, K, V> {
    /// A record for a topic, with null key and null value.
    #[inline]
    pub fn new(topic: impl IntoTopic<'a>) -> Self {
        Self { base: ProducerRecord::new(topic), key: None, value: None }
    }

    /// Sets the key: a `K`, or what can be borrowed as one (`&String` for `str`, `&[u8; 4]` for `[u8]`).
    #[inline]
    pub fn key<Q: Borrow<K> + ?Sized>(self, key: &'a Q) -> Self {
        self.maybe_key(Some(key.borrow()))
    }

    /// Sets the key; `None` is the null key.
    #[inline]
    pub fn maybe_key(mut self, key: Option<&'a K>) -> Self {
        self.key = key;
        self
    }

    /// Sets the value: a `V`, or what can be borrowed as one.
    #[inline]
    pub fn value<Q: Borrow<V> + ?Sized>(self, value: &'a Q) -> Self {
        self.maybe_value(Some(value.borrow()))
    }

    /// Sets the value; `None` is the null value, a tombstone.
    #[inline]
    pub fn maybe_value(mut self, value: Option<&'a V>) -> Self {
        self.value = value;
        self
    }

    /// See [`ProducerRecord::partition`].
    #[inline]
    pub fn partition(self, partition: impl IntoPartition) -> Self {
        self.change(|base| base.partition(partition))
    }

    /// See [`ProducerRecord::timestamp`].
    #[inline]
    pub fn timestamp(self, timestamp: impl IntoTimestamp) -> Self {
        self.change(|base| base.timestamp(timestamp))
    }

    /// See [`ProducerRecord::header`]. Headers of the serializers come behind those of the record: first the key's, then the value's.
    pub fn header(self, name: impl Into<Cow<'a, str>>, value: impl IntoPayload<'a>) -> Self {
        self.change(|base| base.header(name, value))
    }

    /// See [`ProducerRecord::with_headers`].
    #[inline]
    pub fn with_headers(self, headers: &'a [Header<'a>]) -> Self {
        self.change(|base| base.with_headers(headers))
    }

    /// The topic.
    #[inline]
    pub fn topic(&self) -> &str {
        self.base.topic()
    }

    /// The key; `None` for the null key.
    #[inline]
    pub fn typed_key(&self) -> Option<&'a K> {
        self.key
    }

    /// The value; `None` for the null value.
    #[inline]
    pub fn typed_value(&self) -> Option<&'a V> {
        self.value
    }

    #[inline]
    fn change(self, change: impl FnOnce(ProducerRecord<'a>) -> ProducerRecord<'a>) -> Self {
        Self { base: change(self.base), ..self }
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedRecord<'_, K, V> {
    fn clone(&self) -> Self {
        Self { base: self.base.clone(), ..*self }
    }
}

/// Shows neither key nor value: they may be private.
impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedRecord<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRecord")
            .field("topic", &self.topic())
            .field("partition", &self.base.partition)
            .field("timestamp", &self.base.timestamp)
            .field("has_key", &self.key.is_some())
            .field("has_value", &self.value.is_some())
            .field("headers", &self.base.header_slice().len())
            .finish()
    }
}
