//! Where a serializer writes to, [`Output`], and what it has made there.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::headers::Headers;
use crate::serializer::{Part, Serializer};

/// No record's key or value is larger.
const LARGEST: usize = i32::MAX as usize;

/// Where a [`Serializer`] writes a key or a value to, with what it may want to know, and its headers.
///
/// Everything is appended: what several serializers write, one in the other, follows each other. So a serializer that puts a prefix before another one's bytes
/// writes it, and calls the other:
///
/// ```
/// use rohrpost_serializer::{Output, Part, Serializer, StringSerializer, encode};
///
/// struct Versioned<S>(S);
///
/// impl<T: ?Sized, S: Serializer<T>> Serializer<T> for Versioned<S> {
///     type Error = S::Error;
///
///     fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), S::Error> {
///         output.write(&[1]);
///         self.0.serialize(value, output)
///     }
/// }
///
/// let encoded = encode(&Versioned(StringSerializer), "t", Part::Value, "ab").unwrap();
/// assert_eq!(encoded.bytes(), Some(&b"\x01ab"[..]));
/// ```
///
/// `'a` is the life of the value: bytes of its own need not be copied.
pub struct Output<'a> {
    topic: &'a str,
    part: Part,
    buffer: &'a mut Vec<u8>,
    headers: &'a mut Headers,
    /// All there is so far, which is not in the buffer then.
    lent: Option<Lent<'a>>,
    size_hint: usize,
    /// Where what is being written begins in the buffer.
    start: usize,
    is_null: bool,
}

#[derive(Clone, Copy)]
enum Lent<'a> {
    Slice(&'a [u8]),
    Shared(&'a Bytes),
}

impl<'a> Output<'a> {
    /// The topic that the record goes to.
    #[inline]
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// Whether this is the record's key or its value.
    #[inline]
    pub fn part(&self) -> Part {
        self.part
    }

    /// Appends a copy of these bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        self.buffer().extend_from_slice(bytes);
    }

    /// The buffer, to append to in other ways. What it holds already, if anything, was written by others, and is to be left alone.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.is_null = false;
        self.own();
        self.buffer
    }

    /// Appends bytes of the value itself. They are not copied here unless something else is written too.
    #[inline]
    pub fn lend(&mut self, bytes: &'a [u8]) {
        self.append(Lent::Slice(bytes));
    }

    /// Appends [`Bytes`] of the value itself, as [`lend`](Self::lend) does. Large ones are not even copied when the record is sent.
    #[inline]
    pub fn share(&mut self, bytes: &'a Bytes) {
        self.append(Lent::Shared(bytes));
    }

    /// Makes the key or value null (a null value is a tombstone in a compacted topic), whatever was written before.
    #[inline]
    pub fn null(&mut self) {
        self.lent = None;
        self.buffer.truncate(self.start);
        self.is_null = true;
    }

    /// Adds a header to the record, behind those that it has. `None` is a null value.
    #[inline]
    pub fn header(&mut self, name: &str, value: Option<&[u8]>) {
        self.headers.push(name, value);
    }

    /// Appends another value by its serializer, and says how many bytes it took; `None`: it was null, and took none. For serializers of what has parts.
    ///
    /// # Errors
    /// The other serializer's. What it wrote is gone then.
    pub fn nested<T, S>(&mut self, serializer: &S, value: &'a T) -> Result<Option<usize>, S::Error>
    where
        T: ?Sized,
        S: Serializer<T> + ?Sized,
    {
        self.own();
        let begin = self.buffer.len();
        let (start, was_null) = (self.start, self.is_null);
        (self.start, self.is_null) = (begin, false);
        let result = serializer.serialize(value, self);
        self.own();
        let is_null = self.is_null;
        (self.start, self.is_null) = (start, was_null && is_null);
        if let Err(error) = result {
            self.buffer.truncate(begin);
            return Err(error);
        }
        Ok((!is_null).then(|| self.buffer.len().saturating_sub(begin)))
    }

    #[inline]
    fn append(&mut self, bytes: Lent<'a>) {
        if self.lent.is_none() && self.buffer.is_empty() {
            self.is_null = false;
            self.lent = Some(bytes);
        } else {
            self.write(bytes.as_slice());
        }
    }

    /// Takes into the buffer what was lent, and makes room for what is to come.
    #[inline]
    fn own(&mut self) {
        if self.size_hint > 0 {
            let room = core::mem::take(&mut self.size_hint).min(LARGEST);
            // Too wild a guess is no reason to fail.
            let _ = self.buffer.try_reserve(room);
        }
        if let Some(lent) = self.lent.take() {
            self.buffer.extend_from_slice(lent.as_slice());
        }
    }
}

impl<'a> Lent<'a> {
    #[inline]
    fn as_slice(self) -> &'a [u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Shows sizes, not contents: they may be private.
impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("topic", &self.topic)
            .field("part", &self.part)
            .field("written", &self.lent.map_or(self.buffer.len(), |lent| lent.as_slice().len()))
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

/// Memory for one key or value at a time, to be used again and again: in the steady state serializing allocates nothing.
#[derive(Default)]
pub struct Scratch {
    buffer: Vec<u8>,
    headers: Headers,
}

impl Scratch {
    /// Without any memory yet.
    pub const fn new() -> Self {
        Self { buffer: Vec::new(), headers: Headers::new() }
    }

    /// Serializes a value.
    ///
    /// # Errors
    /// The serializer's.
    #[inline]
    pub fn serialize<'a, T, S>(
        &'a mut self,
        serializer: &S,
        topic: &'a str,
        part: Part,
        value: &'a T,
    ) -> Result<Serialized<'a>, S::Error>
    where
        T: ?Sized,
        S: Serializer<T> + ?Sized,
    {
        self.buffer.clear();
        self.headers.clear();
        let mut output = Output {
            topic,
            part,
            buffer: &mut self.buffer,
            headers: &mut self.headers,
            lent: None,
            size_hint: serializer.size_hint(value),
            start: 0,
            is_null: false,
        };
        serializer.serialize(value, &mut output)?;
        let Output { buffer, headers, lent, is_null, .. } = output;
        let content = match lent {
            _ if is_null => Content::Null,
            None => Content::Written(buffer),
            Some(Lent::Slice(bytes)) => Content::Lent(bytes),
            Some(Lent::Shared(bytes)) => Content::Shared(bytes),
        };
        Ok(Serialized { content, headers })
    }

    /// Bytes that the memory has room for.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// What a serializer has made of a value.
#[derive(Debug)]
pub struct Serialized<'a> {
    /// The bytes.
    pub content: Content<'a>,
    /// The headers.
    pub headers: &'a Headers,
}

/// The bytes that a serializer has made, where they are.
pub enum Content<'a> {
    /// Null.
    Null,
    /// Written into the scratch memory. Whoever wants to keep them may take the whole vector.
    Written(&'a mut Vec<u8>),
    /// The value's own.
    Lent(&'a [u8]),
    /// The value's own, countable by reference.
    Shared(&'a Bytes),
}

impl<'a> Content<'a> {
    /// The bytes; `None` for null.
    #[inline]
    pub fn into_bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Null => None,
            Self::Written(bytes) => Some(bytes),
            Self::Lent(bytes) => Some(bytes),
            Self::Shared(bytes) => Some(bytes),
        }
    }
}

/// Shows the size, not the bytes.
impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Written(bytes) => write!(f, "Written({} bytes)", bytes.len()),
            Self::Lent(bytes) => write!(f, "Lent({} bytes)", bytes.len()),
            Self::Shared(bytes) => write!(f, "Shared({} bytes)", bytes.len()),
        }
    }
}

/// A value that was serialized by [`encode`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    bytes: Option<Vec<u8>>,
    headers: Headers,
}

impl Encoded {
    /// The bytes; `None` for null.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// The bytes; `None` for null.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        self.bytes
    }

    /// The headers that the serializer added.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// Shows sizes, not contents.
impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoded")
            .field("size", &self.bytes.as_ref().map(Vec::len))
            .field("headers", &self.headers)
            .finish()
    }
}

/// Serializes a single value: for tests of a serializer, and wherever memory need not be used again. It awaits no [preparation](Serializer::prepare).
///
/// # Errors
/// The serializer's.
pub fn encode<T, S>(serializer: &S, topic: &str, part: Part, value: &T) -> Result<Encoded, S::Error>
where
    T: ?Sized,
    S: Serializer<T> + ?Sized,
{
    let mut scratch = Scratch::new();
    let bytes = match scratch.serialize(serializer, topic, part, value)?.content {
        Content::Written(bytes) => Some(core::mem::take(bytes)),
        content => content.into_bytes().map(<[u8]>::to_vec),
    };
    Ok(Encoded { bytes, headers: scratch.headers })
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use super::*;

    /// Does with its output what the function does.
    struct By<F>(F);

    impl<F: for<'a> Fn(&'a Bytes, &mut Output<'a>)> Serializer<Bytes> for By<F> {
        type Error = Infallible;

        fn serialize<'a>(
            &self,
            value: &'a Bytes,
            output: &mut Output<'a>,
        ) -> Result<(), Infallible> {
            self.0(value, output);
            Ok(())
        }

        fn size_hint(&self, _: &Bytes) -> usize {
            usize::MAX
        }
    }

    fn by<F: for<'a> Fn(&'a Bytes, &mut Output<'a>)>(write: F) -> By<F> {
        By(write)
    }

    fn made(serializer: &impl Serializer<Bytes, Error = Infallible>) -> Option<Vec<u8>> {
        let Ok(encoded) = encode(serializer, "t", Part::Value, &Bytes::from_static(b"own"));
        encoded.into_bytes()
    }

    #[test]
    fn what_is_lent_is_copied_only_beside_other_bytes() {
        let value = Bytes::from_static(b"own");
        let mut scratch = Scratch::new();
        let lend = by(|value, output| output.lend(value));
        let share = by(|value, output| output.share(value));
        let Ok(lent) = scratch.serialize(&lend, "t", Part::Key, &value);
        assert!(matches!(lent.content, Content::Lent(b"own")));
        let Ok(shared) = scratch.serialize(&share, "t", Part::Key, &value);
        assert!(
            matches!(shared.content, Content::Shared(bytes) if bytes.as_ptr() == value.as_ptr())
        );
        assert_eq!(scratch.capacity(), 0);
        for before in [&b""[..], b"<"] {
            for after in [&b""[..], b">"] {
                let both = by(move |value, output| {
                    output.write(before);
                    output.lend(value);
                    output.share(value);
                    output.write(after);
                });
                assert_eq!(made(&both).unwrap(), [before, b"ownown", after].concat());
            }
        }
    }

    #[test]
    fn nothing_written_is_empty_and_null_takes_back_what_was_written() {
        assert_eq!(made(&by(|_, _| ())), Some(Vec::new()));
        assert_eq!(made(&by(|_, output| output.null())), None);
        let late = by(|value, output| {
            output.write(b"prefix");
            output.lend(value);
            output.null();
        });
        assert_eq!(made(&late), None);
        assert_eq!(
            made(&by(|value, output| output.nested(&late, value).map(drop).unwrap())),
            Some(Vec::new())
        );
        let again = by(|value, output| {
            output.null();
            output.lend(value);
        });
        assert_eq!(made(&again).unwrap(), b"own");
    }

    #[test]
    fn what_is_nested_tells_its_size_and_leaves_the_rest_alone() {
        let (lend, null) = (by(|value, output| output.lend(value)), by(|_, output| output.null()));
        let outer = by(move |value, output| {
            assert_eq!(output.nested(&lend, value), Ok(Some(3)));
            assert_eq!(output.nested(&null, value), Ok(None));
            output.write(b"-");
            assert_eq!(output.nested(&null, value), Ok(None));
            assert_eq!(output.nested(&lend, value), Ok(Some(3)));
        });
        assert_eq!(made(&outer).unwrap(), b"own-own");
    }

    #[test]
    fn what_is_nested_and_fails_has_written_nothing() {
        struct Fails;
        impl Serializer<Bytes> for Fails {
            type Error = &'static str;
            fn serialize(&self, _: &Bytes, output: &mut Output<'_>) -> Result<(), &'static str> {
                output.write(b"half");
                Err("no")
            }
        }
        let outer = by(|value, output| {
            output.write(b"a");
            assert_eq!(output.nested(&Fails, value), Err("no"));
            output.write(b"b");
        });
        assert_eq!(made(&outer).unwrap(), b"ab");
    }
}
