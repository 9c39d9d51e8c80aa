//! What is sent: [`ProducerRecord`].

use std::fmt;
use std::mem;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::headers::Header;
use crate::payload::{IntoPayload, Payload};
use crate::topic::{IntoTopic, TopicHandle, TopicName};

/// A record to send: a topic, and optionally a partition, a key, a value, a timestamp and headers.
///
/// A record without [`key`](Self::key) has the null key, one without [`value`](Self::value) the null value (in a compacted
/// topic: a tombstone). An empty key or value is not null.
///
/// The record may borrow what it carries: its bytes are encoded into the partition's batch while it is sent, and nothing of it
/// is needed afterwards. One that is kept, in a struct or a queue, is a `ProducerRecord<'static>`: it is given what it owns (`String`, `Vec<u8>`, `Bytes`), or
/// made by [`into_owned`](Self::into_owned).
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
#[derive(Clone)]
#[must_use = "a record does nothing until it is sent"]
pub struct ProducerRecord<'a> {
    // Nothing here but `owned` has to be dropped, and the whole is small: so a record that only borrows, which is what goes through in millions, is
    // kept in registers or moved in a few instructions.
    topic: &'a str,
    pub(crate) handle: Option<&'a TopicHandle>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<i64>,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [Header<'a>],
    owned: Option<Box<Owned<'a>>>,
}

/// What a record does not borrow. Each counts before what it borrows.
#[derive(Clone, Default)]
struct Owned<'a> {
    topic: Option<String>,
    key: Option<Payload<'static>>,
    value: Option<Payload<'static>>,
    headers: Option<Vec<Header<'a>>>,
}

impl<'a> ProducerRecord<'a> {
    /// A record for a topic, with null key and null value.
    #[inline]
    pub fn new(topic: impl IntoTopic<'a>) -> Self {
        let (topic, handle, owned) = match topic.into_topic() {
            TopicName::Borrowed(name) => (name, None, None),
            TopicName::Handle(handle) => ("", Some(handle), None),
            TopicName::Owned(name) => {
                ("", None, Some(Box::new(Owned { topic: Some(name), ..Owned::default() })))
            }
        };
        Self {
            topic,
            handle,
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: &[],
            owned,
        }
    }

    /// Sends it to this topic instead of the one it was made for.
    #[inline]
    pub fn with_topic(mut self, topic: impl IntoTopic<'a>) -> Self {
        let mut owned = None;
        (self.topic, self.handle) = match topic.into_topic() {
            TopicName::Borrowed(name) => (name, None),
            TopicName::Handle(handle) => ("", Some(handle)),
            TopicName::Owned(name) => {
                owned = Some(name);
                ("", None)
            }
        };
        if owned.is_some() || self.owned.is_some() {
            self.owned = Owned::change(self.owned.take(), |of| of.topic = owned);
        }
        self
    }

    /// Sends it to this partition (0, 1, …), whatever its key. Without it, or with `None::<i32>`, the partitioner chooses.
    #[inline]
    pub fn partition(mut self, partition: impl IntoPartition) -> Self {
        self.partition = partition.into_partition();
        self
    }

    /// Sets the key. `None` is the null key, as without this call.
    #[inline]
    pub fn key(mut self, key: impl IntoPayload<'a>) -> Self {
        let owned;
        (self.key, owned) = parted(key.into_payload());
        if owned.is_some() || self.owned.is_some() {
            self.owned = Owned::change(self.owned.take(), |of| of.key = owned);
        }
        self
    }

    /// Sets the value. `None` is the null value, a tombstone, as without this call.
    #[inline]
    pub fn value(mut self, value: impl IntoPayload<'a>) -> Self {
        let owned;
        (self.value, owned) = parted(value.into_payload().map(Payload::shared_if_large));
        if owned.is_some() || self.owned.is_some() {
            self.owned = Owned::change(self.owned.take(), |of| of.value = owned);
        }
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
    pub fn header(
        mut self,
        name: impl Into<std::borrow::Cow<'a, str>>,
        value: impl IntoPayload<'a>,
    ) -> Self {
        let borrowed = mem::take(&mut self.headers);
        self.owned = Owned::change(self.owned.take(), |of| {
            let headers = of.headers.get_or_insert_with(|| borrowed.to_vec());
            headers.push(Header::new(name, value));
        });
        self
    }

    /// Adds headers behind those it has: [`Header`]s, or pairs of a name and a value.
    ///
    /// ```
    /// use rohrpost::ProducerRecord;
    ///
    /// let record = ProducerRecord::new("sales").add_headers([("till", "7"), ("shift", "early")]);
    /// assert_eq!(record.headers().len(), 2);
    /// ```
    pub fn add_headers<H: Into<Header<'a>>>(
        mut self,
        headers: impl IntoIterator<Item = H>,
    ) -> Self {
        let borrowed = mem::take(&mut self.headers);
        self.owned = Owned::change(self.owned.take(), |of| {
            let all = of.headers.get_or_insert_with(|| borrowed.to_vec());
            all.extend(headers.into_iter().map(Into::into));
        });
        self
    }

    /// Sets the headers, in place of those it has. They are not copied: the way without an allocation.
    #[inline]
    pub fn with_headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.headers = headers;
        if self.owned.is_some() {
            self.owned = Owned::change(self.owned.take(), |of| of.headers = None);
        }
        self
    }

    /// The topic.
    #[inline]
    pub fn topic(&self) -> &str {
        match (&self.owned, self.handle) {
            (_, Some(handle)) => handle.name(),
            (Some(owned), None) => owned.topic.as_deref().unwrap_or(self.topic),
            (None, None) => self.topic,
        }
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
    #[inline]
    pub fn key_bytes(&self) -> Option<&[u8]> {
        match &self.owned {
            None => self.key,
            Some(owned) => owned.key.as_deref().or(self.key),
        }
    }

    /// The value's bytes; `None` for the null value.
    #[inline]
    pub fn value_bytes(&self) -> Option<&[u8]> {
        match &self.owned {
            None => self.value,
            Some(owned) => owned.value.as_deref().or(self.value),
        }
    }

    /// The value where it is shared.
    pub(crate) fn shared_value(&self) -> Option<&Bytes> {
        match self.owned.as_ref()?.value.as_ref()? {
            Payload::Shared(value) => Some(value),
            _ => None,
        }
    }

    /// The headers, in their order: name and value, where `None` is null.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> + Clone {
        self.header_slice().iter().map(|header| (header.name(), header.value()))
    }

    #[inline]
    pub(crate) fn header_slice(&self) -> &[Header<'a>] {
        match &self.owned {
            None => self.headers,
            Some(owned) => owned.headers.as_deref().unwrap_or(self.headers),
        }
    }

    /// The same record, borrowing from this one.
    pub(crate) fn reborrow(&self) -> ProducerRecord<'_> {
        let value = self.shared_value().cloned().map(Payload::Shared);
        let owned = value.map(|value| Box::new(Owned { value: Some(value), ..Owned::default() }));
        ProducerRecord {
            topic: if self.handle.is_some() { "" } else { self.topic() },
            handle: self.handle,
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key_bytes(),
            value: self.value_bytes(),
            headers: self.header_slice(),
            owned,
        }
    }

    /// The same record without anything borrowed: copies what it borrows. A [`TopicHandle`] becomes its name.
    pub fn into_owned(self) -> ProducerRecord<'static> {
        let bytes = |bytes: &[u8]| Payload::Owned(bytes.to_vec());
        let topic = self.topic().to_owned();
        let owned = self.owned.map(|owned| *owned).unwrap_or_default();
        let headers = owned.headers.unwrap_or_else(|| self.headers.to_vec());
        ProducerRecord {
            topic: "",
            handle: None,
            partition: self.partition,
            timestamp: self.timestamp,
            key: None,
            value: None,
            headers: &[],
            owned: Some(Box::new(Owned {
                topic: Some(topic),
                key: owned.key.or_else(|| self.key.map(bytes)),
                value: owned.value.or_else(|| self.value.map(bytes)).map(Payload::shared_if_large),
                headers: Some(headers.into_iter().map(Header::into_owned).collect()),
            })),
        }
    }
}

impl<'a> Owned<'a> {
    #[cold]
    fn change(owned: Option<Box<Self>>, change: impl FnOnce(&mut Self)) -> Option<Box<Self>> {
        let mut owned = owned.unwrap_or_default();
        change(&mut owned);
        Some(owned)
    }
}

/// What is borrowed of a payload, and what is not.
#[inline]
fn parted(payload: Option<Payload<'_>>) -> (Option<&[u8]>, Option<Payload<'static>>) {
    match payload {
        None => (None, None),
        Some(Payload::Borrowed(bytes)) => (Some(bytes), None),
        Some(Payload::Owned(bytes)) => (None, Some(Payload::Owned(bytes))),
        Some(Payload::Shared(bytes)) => (None, Some(Payload::Shared(bytes))),
    }
}

impl PartialEq for ProducerRecord<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.topic() == other.topic()
            && (self.partition, self.timestamp) == (other.partition, other.timestamp)
            && self.key_bytes() == other.key_bytes()
            && self.value_bytes() == other.value_bytes()
            && self.header_slice() == other.header_slice()
    }
}

impl Eq for ProducerRecord<'_> {}

/// Shows sizes, not contents: payloads may be large or private.
impl fmt::Debug for ProducerRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerRecord")
            .field("topic", &self.topic())
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .field("key_size", &self.key_bytes().map(<[u8]>::len))
            .field("value_size", &self.value_bytes().map(<[u8]>::len))
            .field("headers", &self.header_slice().len())
            .finish()
    }
}

/// What can be a record's partition: a number, or an `Option` of one. A number that no partition can have (negative, or more than `i32::MAX`) makes
/// the send fail at once, with [`UnknownPartition`](crate::ErrorKind::UnknownPartition).
pub trait IntoPartition {
    /// The partition; `None`: the partitioner chooses.
    fn into_partition(self) -> Option<i32>;
}

impl IntoPartition for i32 {
    #[inline]
    fn into_partition(self) -> Option<i32> {
        Some(self)
    }
}

macro_rules! into_partition {
    ($($type:ty),*) => {
        $(impl IntoPartition for $type {
            #[inline]
            fn into_partition(self) -> Option<i32> {
                Some(i32::try_from(self).unwrap_or(i32::MIN))
            }
        })*
    };
}

into_partition!(u8, u16, u32, u64, usize, i64);

impl<T: IntoPartition> IntoPartition for Option<T> {
    #[inline]
    fn into_partition(self) -> Option<i32> {
        self.and_then(T::into_partition)
    }
}

/// What can be a record's timestamp.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a timestamp",
    note = "give milliseconds since the Unix epoch as `i64`, or a `SystemTime`"
)]
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
    use rohrpost_driver::REFERENCE_FROM;

    use super::*;

    #[test]
    fn a_partition_is_any_number_and_one_that_cannot_be_is_none_that_exists() {
        let of = |record: ProducerRecord<'_>| record.requested_partition();
        let record = || ProducerRecord::new("t");
        assert_eq!(of(record().partition(3)), Some(3));
        assert_eq!(of(record().partition(3_u32)), Some(3));
        assert_eq!(of(record().partition(vec![0; 7].len() % 4)), Some(3));
        assert_eq!(of(record().partition(Some(3_u16))), Some(3));
        assert_eq!(of(record().partition(1).partition(None::<i32>)), None);
        for partition in [of(record().partition(u32::MAX)), of(record().partition(i64::MIN))] {
            assert!(partition.is_some_and(|partition| partition < 0));
        }
    }

    #[test]
    fn a_record_that_borrows_from_another_is_equal_and_shares_its_large_value() {
        let large = Bytes::from(vec![7; REFERENCE_FROM]);
        let record = ProducerRecord::new("t".to_owned()).partition(3).timestamp(5);
        let record = record.key(vec![1]).value(large.clone()).header("h", vec![2]);
        assert_eq!(record.reborrow(), record);
        assert_eq!(record.reborrow().shared_value(), Some(&large));
        assert_eq!(record.reborrow().reborrow().key("k").key_bytes(), Some(&b"k"[..]));
    }

    #[test]
    fn the_topic_can_be_changed_whatever_it_was() {
        for record in [ProducerRecord::new("t"), ProducerRecord::new("t".to_owned()).key(vec![1])] {
            assert_eq!(record.clone().with_topic("u").topic(), "u");
            let record = record.with_topic("u".to_owned());
            assert_eq!(record.topic(), "u");
            assert_eq!(record.with_topic("v").topic(), "v");
        }
    }

    #[test]
    fn headers_are_added_one_by_one_and_many_at_once_in_their_order() {
        let borrowed = [Header::new("a", "1")];
        let record = ProducerRecord::new("t").with_headers(&borrowed).header("b", "2");
        let record = record.add_headers([("c", Some("3")), ("c", None)]);
        let record = record.add_headers(vec![Header::new("d", vec![4])]);
        let headers: Vec<_> = record.headers().collect();
        assert_eq!(
            headers,
            [
                ("a", Some(&b"1"[..])),
                ("b", Some(&b"2"[..])),
                ("c", Some(&b"3"[..])),
                ("c", None),
                ("d", Some(&[4][..]))
            ]
        );
    }

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
    fn a_large_value_is_shared_without_a_copy_where_it_is_owned_and_has_little_to_spare() {
        let shared = |value: Vec<u8>| {
            let place = value.as_ptr();
            let record = ProducerRecord::new("t").value(value);
            assert_eq!(record.value_bytes().unwrap().as_ptr(), place, "it is copied");
            record.shared_value().is_some()
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
        assert!(record.shared_value().is_none());
        assert!(record.into_owned().shared_value().is_some());
    }

    #[test]
    fn debug_shows_no_payload() {
        let record = ProducerRecord::new("t").key("secret").value("secret").header("h", "secret");
        let text = format!("{record:?} {:?}", record.header_slice());
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
