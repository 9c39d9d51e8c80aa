//! What is sent: [`ProducerRecord`] and the forms that keys and values come in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rohrpost_driver::REFERENCE_FROM;

use crate::headers::{Header, Headers};

/// A record to send: a topic, and optionally a partition, a key, a value, a timestamp and headers.
///
/// A record without [`key`](Self::key) has the null key, one without [`value`](Self::value) the null value (in a compacted
/// topic: a tombstone). An empty key or value is not null.
///
/// The record may borrow what it carries: its bytes are encoded into the partition's batch while it is sent, and nothing of it
/// is needed afterwards.
///
/// A value of 16 KiB and more that the record does not borrow (`Bytes`, `Vec<u8>`, `String`) is not even copied then: without compression the batch
/// refers to it until it is delivered or failed. To keep a value for oneself, give a clone of its `Bytes`.
///
/// ```
/// use rohrpost::ProducerRecord;
///
/// let record = ProducerRecord::new("payments")
///     .key("customer-17")
///     .value(br#"{"amount": 12}"#)
///     .header("trace-id", "9f86d081");
/// assert_eq!(record.topic(), "payments");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a record does nothing until it is sent"]
pub struct ProducerRecord<'a> {
    pub(crate) topic: Cow<'a, str>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Payload<'a>>,
    pub(crate) value: Option<Payload<'a>>,
    pub(crate) headers: Headers<'a>,
}

impl<'a> ProducerRecord<'a> {
    /// A record for a topic, with null key and null value.
    #[inline]
    pub fn new(topic: impl Into<Cow<'a, str>>) -> Self {
        Self {
            topic: topic.into(),
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Headers::NONE,
        }
    }

    /// Sends it to this partition (0, 1, …), whatever its key. Without it the partitioner chooses.
    #[inline]
    pub fn partition(mut self, partition: impl Into<Option<i32>>) -> Self {
        self.partition = partition.into();
        self
    }

    /// Sets the key. `None` is the null key, as without this call.
    #[inline]
    pub fn key(mut self, key: impl IntoPayload<'a>) -> Self {
        self.key = key.into_payload();
        self
    }

    /// Sets the value. `None` is the null value, a tombstone, as without this call.
    #[inline]
    pub fn value(mut self, value: impl IntoPayload<'a>) -> Self {
        self.value = value.into_payload().map(Payload::shared_if_large);
        self
    }

    /// Sets the timestamp, in milliseconds since the Unix epoch or as a [`SystemTime`]. Without it the record carries the time of the send, exact to a few
    /// milliseconds. A topic with `message.timestamp.type=LogAppendTime` overrides both.
    #[inline]
    pub fn timestamp(mut self, timestamp: impl IntoTimestamp) -> Self {
        self.timestamp = timestamp.into_timestamp();
        self
    }

    /// Adds a header behind those it has; a name may occur several times. `None` is a null value.
    #[inline]
    pub fn header(mut self, name: impl Into<Cow<'a, str>>, value: impl IntoPayload<'a>) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }

    /// Sets the headers, in place of those it has. They are not copied: the way without an allocation.
    #[inline]
    pub fn with_headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.headers = Headers::Borrowed(headers);
        self
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition that was asked for.
    pub fn requested_partition(&self) -> Option<i32> {
        self.partition
    }

    /// The timestamp that was asked for, in milliseconds since the Unix epoch.
    pub fn requested_timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    /// The key's bytes; `None` for the null key.
    pub fn key_bytes(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// The value's bytes; `None` for the null value.
    pub fn value_bytes(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// The headers, in their order: name and value, where `None` is null.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> + Clone {
        self.headers.as_slice().iter().map(|header| (header.name(), header.value()))
    }

    /// The same record without anything borrowed: copies what it borrows.
    pub fn into_owned(self) -> ProducerRecord<'static> {
        ProducerRecord {
            topic: Cow::Owned(self.topic.into_owned()),
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.map(Payload::into_owned),
            value: self.value.map(Payload::into_owned),
            headers: self.headers.into_owned(),
        }
    }
}

/// Shows sizes, not contents: payloads may be large or private.
impl fmt::Debug for ProducerRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerRecord")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .field("key_size", &self.key.as_ref().map(|key| key.len()))
            .field("value_size", &self.value.as_ref().map(|value| value.len()))
            .field("headers", &self.headers.as_slice().len())
            .finish()
    }
}

/// The bytes of a key, a value or a header's value: borrowed, owned or shared.
#[derive(Clone)]
pub enum Payload<'a> {
    /// Borrowed from the caller.
    Borrowed(&'a [u8]),
    /// Owned by the record.
    Owned(Vec<u8>),
    /// Shared with others, without a copy.
    Shared(Bytes),
}

impl Payload<'_> {
    /// Makes a large value that is owned a shared one, to which a batch can refer. That copies nothing, and one that has much room to spare stays as it is:
    /// memory is counted by lengths.
    #[inline]
    fn shared_if_large(self) -> Self {
        match self {
            Self::Owned(value) if value.len() >= REFERENCE_FROM => {
                let spare = value.capacity() - value.len();
                if spare <= value.len() / 8 {
                    Self::Shared(value.into())
                } else {
                    Self::Owned(value)
                }
            }
            value => value,
        }
    }

    /// The same bytes without a borrow: copies borrowed ones.
    pub fn into_owned(self) -> Payload<'static> {
        match self {
            Self::Borrowed(bytes) => Payload::Owned(bytes.to_vec()),
            Self::Owned(bytes) => Payload::Owned(bytes),
            Self::Shared(bytes) => Payload::Shared(bytes),
        }
    }
}

impl std::ops::Deref for Payload<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload<'_> {}

/// Shows the size, not the bytes.
impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

/// What can be a key or a value: everything that is bytes, and `Option`s of it. An array is borrowed (`&42_i64.to_be_bytes()`): taken by value it would have to be
/// copied to the heap.
pub trait IntoPayload<'a> {
    /// The bytes; `None` for null.
    fn into_payload(self) -> Option<Payload<'a>>;
}

macro_rules! into_payload {
    ($($type:ty => $value:ident, $payload:expr;)*) => {
        $(impl<'a> IntoPayload<'a> for $type {
            #[inline]
            fn into_payload(self) -> Option<Payload<'a>> {
                let $value = self;
                Some($payload)
            }
        })*
    };
}

into_payload! {
    Payload<'a> => payload, payload;
    &'a str => text, Payload::Borrowed(text.as_bytes());
    &'a String => text, Payload::Borrowed(text.as_bytes());
    &'a [u8] => bytes, Payload::Borrowed(bytes);
    &'a Vec<u8> => bytes, Payload::Borrowed(bytes);
    &'a Bytes => bytes, Payload::Borrowed(bytes);
    String => text, Payload::Owned(text.into_bytes());
    Vec<u8> => bytes, Payload::Owned(bytes);
    Bytes => bytes, Payload::Shared(bytes);
}

impl<'a> IntoPayload<'a> for Box<[u8]> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        self.into_vec().into_payload()
    }
}

impl<'a> IntoPayload<'a> for &'a Arc<[u8]> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        Some(Payload::Borrowed(self))
    }
}

impl<'a> IntoPayload<'a> for Arc<[u8]> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        Bytes::from_owner(self).into_payload()
    }
}

impl<'a> IntoPayload<'a> for &&'a str {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        (*self).into_payload()
    }
}

impl<'a> IntoPayload<'a> for &'a Option<String> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        self.as_deref().into_payload()
    }
}

impl<'a> IntoPayload<'a> for &'a Option<Vec<u8>> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        self.as_deref().into_payload()
    }
}

impl<'a, const N: usize> IntoPayload<'a> for &'a [u8; N] {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        Some(Payload::Borrowed(self))
    }
}

impl<'a> IntoPayload<'a> for Cow<'a, str> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        match self {
            Cow::Borrowed(text) => text.into_payload(),
            Cow::Owned(text) => text.into_payload(),
        }
    }
}

impl<'a> IntoPayload<'a> for Cow<'a, [u8]> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        match self {
            Cow::Borrowed(bytes) => bytes.into_payload(),
            Cow::Owned(bytes) => bytes.into_payload(),
        }
    }
}

impl<'a, T: IntoPayload<'a>> IntoPayload<'a> for Option<T> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        self.and_then(IntoPayload::into_payload)
    }
}

/// What can be a record's timestamp.
pub trait IntoTimestamp {
    /// Milliseconds since the Unix epoch; `None` for the time of the send.
    fn into_timestamp(self) -> Option<i64>;
}

impl IntoTimestamp for i64 {
    #[inline]
    fn into_timestamp(self) -> Option<i64> {
        Some(self)
    }
}

impl IntoTimestamp for SystemTime {
    /// A time before 1970 gives a negative number, which the send refuses.
    fn into_timestamp(self) -> Option<i64> {
        let milliseconds = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Some(match self.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => milliseconds(since),
            // Rounded down, so that no time before 1970 looks like "none", which is -1.
            Err(before) => -milliseconds(before.duration()) - 2,
        })
    }
}

impl<T: IntoTimestamp> IntoTimestamp for Option<T> {
    #[inline]
    fn into_timestamp(self) -> Option<i64> {
        self.and_then(T::into_timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_milliseconds_or_a_time() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(at(1_700_000_000_123).into_timestamp(), Some(1_700_000_000_123));
        assert_eq!(Some(at(0)).into_timestamp(), Some(0));
        assert_eq!(5.into_timestamp(), Some(5));
        assert_eq!(None::<i64>.into_timestamp(), None);
        let early = SystemTime::UNIX_EPOCH - Duration::from_millis(1);
        assert!(early.into_timestamp().unwrap() < -1);
    }

    #[test]
    fn everything_that_is_bytes_is_a_payload_and_none_is_null() {
        fn bytes<'a>(payload: impl IntoPayload<'a>) -> Option<Vec<u8>> {
            payload.into_payload().map(|payload| payload.to_vec())
        }
        let expected = Some(b"ab".to_vec());
        let (text, vec, shared) = (String::from("ab"), b"ab".to_vec(), Bytes::from_static(b"ab"));
        assert_eq!(bytes("ab"), expected);
        assert_eq!(bytes(&text), expected);
        assert_eq!(bytes(text), expected);
        assert_eq!(bytes(b"ab"), expected);
        assert_eq!(bytes(vec.clone().into_boxed_slice()), expected);
        assert_eq!(bytes(Arc::<[u8]>::from(&b"ab"[..])), expected);
        let (maybe, twice) = (Some("ab".to_owned()), &"ab");
        assert_eq!(bytes(&maybe), expected);
        assert_eq!(bytes(twice), expected);
        assert_eq!(bytes(maybe.as_ref()), expected);
        assert_eq!(bytes(&b"ab"[..]), expected);
        assert_eq!(bytes(&vec), expected);
        assert_eq!(bytes(vec), expected);
        assert_eq!(bytes(&shared), expected);
        assert_eq!(bytes(shared), expected);
        assert_eq!(bytes(Cow::Borrowed("ab")), expected);
        assert_eq!(bytes(Some("ab")), expected);
        assert_eq!(bytes(None::<&str>), None);
        assert_eq!(bytes(""), Some(Vec::new()));
    }

    #[test]
    fn a_large_value_is_shared_without_a_copy_where_it_is_owned_and_has_little_to_spare() {
        let shared = |value: Vec<u8>| {
            let place = value.as_ptr();
            let record = ProducerRecord::new("t").value(value);
            assert_eq!(record.value_bytes().unwrap().as_ptr(), place, "it is copied");
            matches!(record.value, Some(Payload::Shared(_)))
        };
        let with_spare = |len: usize, spare: usize| {
            let mut value = Vec::with_capacity(len + spare);
            value.resize(len, 7);
            value
        };
        assert!(shared(with_spare(REFERENCE_FROM, 0)));
        assert!(shared(with_spare(100_000, 12_000)));
        assert!(!shared(with_spare(REFERENCE_FROM - 1, 0)));
        assert!(!shared(with_spare(100_000, 50_000)));
        let borrowed = vec![7; 100_000];
        let record = ProducerRecord::new("t").value(&borrowed);
        assert!(matches!(record.value, Some(Payload::Borrowed(_))));
    }

    #[test]
    fn debug_shows_no_payload() {
        let record = ProducerRecord::new("t").key("secret").value("secret").header("h", "secret");
        let text = format!("{record:?} {:?} {:?}", record.key, record.headers.as_slice());
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn into_owned_keeps_everything() {
        let record =
            ProducerRecord::new("t").partition(3).timestamp(5).key("k").header("h", None::<&str>);
        assert_eq!(record.clone().into_owned(), record);
        let headers = [Header::new("h", None::<&str>)];
        let lent = record.clone().with_headers(&headers);
        assert_eq!((lent.clone().into_owned(), lent.clone()), (record.clone(), record));
        let more = lent.header("i", "1");
        let seen: Vec<_> = more.headers().collect();
        assert_eq!(seen, [("h", None), ("i", Some(&b"1"[..]))]);
    }
}
