//! Lists: [`ListSerializer`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use crate::encoding::Encoding;
use crate::nullable::Nullable;
use crate::output::Output;
use crate::serializer::{BoxError, Part, Preparation, Serializer};

/// The classes whose values Java knows to be of one size.
const FIXED_SIZE: [&str; 6] = [
    "org.apache.kafka.common.serialization.ShortSerializer",
    "org.apache.kafka.common.serialization.IntegerSerializer",
    "org.apache.kafka.common.serialization.FloatSerializer",
    "org.apache.kafka.common.serialization.LongSerializer",
    "org.apache.kafka.common.serialization.DoubleSerializer",
    "org.apache.kafka.common.serialization.UUIDSerializer",
];

const CONSTANT_SIZE: u8 = 0;
const VARIABLE_SIZE: u8 = 1;
const NULL_ENTRY: i32 = -1;

/// A list (`[T]`, `Vec<T>`) as Kafka's `ListSerializer` writes it (KIP-466). All numbers are big-endian `i32`s but the first byte.
///
/// | entries by | bytes |
/// |---|---|
/// | the serializers of `i16`, `i32`, `i64`, `f32`, `f64` and UUIDs | `0`, number of null entries, index of each null entry, number of all entries, entries that are not null |
/// | any other | `1`, number of entries, and of each its length and itself; the length of a null entry is -1, and nothing follows |
///
/// ```
/// use rohrpost_serializer::{IntegerSerializer, ListSerializer, Part, StringSerializer, encode};
///
/// let numbers = encode(&ListSerializer::new(IntegerSerializer), "t", Part::Value, &[7][..])?;
/// assert_eq!(numbers.bytes(), Some(&b"\0\0\0\0\0\0\0\0\x01\0\0\0\x07"[..]));
///
/// let words = ListSerializer::nullable(StringSerializer);
/// let words = encode(&words, "t", Part::Value, &[Some("ab"), None][..])?;
/// assert_eq!(words.bytes(), Some(&b"\x01\0\0\0\x02\0\0\0\x02ab\xff\xff\xff\xff"[..]));
/// # Ok::<(), rohrpost_serializer::ListError>(())
/// ```
///
/// What the entries' serializer has to look up is looked up for one entry after another ([`prepare`](Serializer::prepare)), so that it is asked again when the entry before has
/// what it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSerializer<S> {
    entries: S,
}

impl<S> ListSerializer<S> {
    /// Lists of what `entries` serializes.
    pub const fn new(entries: S) -> Self {
        Self { entries }
    }

    /// The serializer of the entries.
    pub const fn entries(&self) -> &S {
        &self.entries
    }
}

impl<S> ListSerializer<Nullable<S>> {
    /// Lists of `Option`s of what `entries` serializes.
    pub const fn nullable(entries: S) -> Self {
        Self { entries: Nullable(entries) }
    }
}

impl<T: Sync, S: Serializer<T> + Sync> Serializer<[T]> for ListSerializer<S> {
    type Error = ListError;

    fn serialize<'a>(&self, list: &'a [T], output: &mut Output<'a>) -> Result<(), ListError> {
        let count = number(list.len()).ok_or(ListError::TooLong { entries: list.len() })?;
        let is_fixed = self.entries.java_class().is_some_and(|class| FIXED_SIZE.contains(&class));
        let entry = |index, value, output: &mut Output<'a>| {
            let nested = output.nested(&self.entries, value);
            nested.map_err(|error| ListError::Entry { index, source: error.into() })
        };
        if !is_fixed {
            output.write(&[VARIABLE_SIZE]);
            output.write(&count.to_be_bytes());
            for (index, value) in list.iter().enumerate() {
                let at = output.buffer().len();
                output.write(&NULL_ENTRY.to_be_bytes());
                if let Some(size) = entry(index, value, output)? {
                    let size = number(size).ok_or(ListError::EntryTooLarge { index, size })?;
                    output.buffer()[at..at + 4].copy_from_slice(&size.to_be_bytes());
                }
            }
            return Ok(());
        }
        output.write(&[CONSTANT_SIZE]);
        let at = output.buffer().len();
        output.write(&0_i32.to_be_bytes());
        output.write(&count.to_be_bytes());
        let mut nulls: Vec<u8> = Vec::new();
        for (index, value) in (0_i32..).zip(list) {
            if entry(index as usize, value, output)?.is_none() {
                nulls.extend(index.to_be_bytes());
            }
        }
        if !nulls.is_empty() {
            let buffer = output.buffer();
            let count = (nulls.len() / 4) as i32;
            buffer[at..at + 4].copy_from_slice(&count.to_be_bytes());
            buffer.splice(at + 4..at + 4, nulls);
        }
        Ok(())
    }

    fn size_hint(&self, list: &[T]) -> usize {
        let entry = |value| 4_usize.saturating_add(self.entries.size_hint(value));
        list.iter().fold(9, |sum, value| sum.saturating_add(entry(value)))
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        list: &'a [T],
    ) -> Option<Preparation<'a, ListError>> {
        let serializer = &self.entries;
        let mut entries = Entries { serializer, topic, part, list, next: 0, current: None };
        entries.advance().then(|| Box::pin(entries) as _)
    }

    fn java_class(&self) -> Option<&'static str> {
        Some("org.apache.kafka.common.serialization.ListSerializer")
    }

    fn encoding(&self) -> Option<Encoding> {
        self.entries.encoding()
    }
}

impl<T: Sync, S: Serializer<T> + Sync> Serializer<Vec<T>> for ListSerializer<S> {
    type Error = ListError;

    fn serialize<'a>(&self, list: &'a Vec<T>, output: &mut Output<'a>) -> Result<(), ListError> {
        self.serialize(list.as_slice(), output)
    }

    fn size_hint(&self, list: &Vec<T>) -> usize {
        self.size_hint(list.as_slice())
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        list: &'a Vec<T>,
    ) -> Option<Preparation<'a, ListError>> {
        self.prepare(topic, part, list.as_slice())
    }

    fn java_class(&self) -> Option<&'static str> {
        Serializer::<[T]>::java_class(self)
    }

    fn encoding(&self) -> Option<Encoding> {
        Serializer::<[T]>::encoding(self)
    }
}

/// The look-ups of a list's entries, one after another.
struct Entries<'a, T, S: Serializer<T>> {
    serializer: &'a S,
    topic: &'a str,
    part: Part,
    list: &'a [T],
    /// The entry that was not asked for yet.
    next: usize,
    /// What the entry before has to look up.
    current: Option<Preparation<'a, S::Error>>,
}

impl<T, S: Serializer<T>> Entries<'_, T, S> {
    /// Finds the next entry that has to look something up.
    fn advance(&mut self) -> bool {
        self.current = None;
        while let (None, Some(entry)) = (&self.current, self.list.get(self.next)) {
            self.next += 1;
            self.current = self.serializer.prepare(self.topic, self.part, entry);
        }
        self.current.is_some()
    }
}

impl<T, S: Serializer<T>> Future for Entries<'_, T, S> {
    type Output = Result<(), ListError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(current) = &mut self.current {
            if let Err(error) = ready!(current.as_mut().poll(cx)) {
                self.current = None;
                let (index, source) = (self.next - 1, error.into());
                return Poll::Ready(Err(ListError::Entry { index, source }));
            }
            self.advance();
        }
        Poll::Ready(Ok(()))
    }
}

fn number(count: usize) -> Option<i32> {
    i32::try_from(count).ok()
}

/// Why a list cannot be serialized.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListError {
    /// An entry cannot be.
    Entry {
        /// Which one, from 0.
        index: usize,
        /// Why.
        source: BoxError,
    },
    /// An entry has more bytes than its length can tell.
    EntryTooLarge {
        /// Which one, from 0.
        index: usize,
        /// Bytes.
        size: usize,
    },
    /// There are more entries than their number can tell.
    TooLong {
        /// So many.
        entries: usize,
    },
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { index, source } => write!(f, "entry {index} of the list: {source}"),
            Self::EntryTooLarge { index, size } => {
                write!(
                    f,
                    "entry {index} of the list has {size} bytes, and 2147483647 at most can be told"
                )
            }
            Self::TooLong { entries } => {
                write!(f, "the list has {entries} entries, and 2147483647 at most can be told")
            }
        }
    }
}

impl Error for ListError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Entry { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
