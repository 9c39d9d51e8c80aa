//! The trait: [`Serializer`].

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;

use crate::encoding::Encoding;
use crate::output::Output;

/// Any error, as it is handed on.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A look-up under way: see [`Serializer::prepare`].
pub type Preparation<'a, E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'a>>;

/// Which part of a record is serialized. (Java tells a serializer by `configure(.., isKey)`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// Makes a record's key or value out of a `T`.
///
/// One method is required. It writes the bytes into [`Output`], which also knows the topic and takes headers:
///
/// ```
/// use core::convert::Infallible;
/// use rohrpost_serializer::{Output, Part, Serializer, encode};
///
/// struct Reading { sensor: u16, value: f32 }
///
/// /// A reading in six bytes.
/// struct Compact;
///
/// impl Serializer<Reading> for Compact {
///     type Error = Infallible;
///
///     fn serialize(&self, reading: &Reading, output: &mut Output<'_>) -> Result<(), Infallible> {
///         output.write(&reading.sensor.to_be_bytes());
///         output.write(&reading.value.to_be_bytes());
///         output.header("format", Some(b"compact"));
///         Ok(())
///     }
///
///     fn size_hint(&self, _: &Reading) -> usize {
///         6
///     }
/// }
///
/// let encoded = encode(&Compact, "readings", Part::Value, &Reading { sensor: 1, value: 0.5 })?;
/// assert_eq!(encoded.bytes(), Some(&[0, 1, 0x3f, 0, 0, 0][..]));
/// assert_eq!(encoded.headers().iter().next(), Some(("format", Some(&b"compact"[..]))));
/// # Ok::<(), Infallible>(())
/// ```
///
/// A record without a key, or without a value, is not shown to a serializer: null stays null. [`Nullable`](crate::Nullable) makes null of `Option`s inside.
pub trait Serializer<T: ?Sized> {
    /// Why a value cannot be serialized. Whoever sends gets it back, as the source of the send's error.
    type Error: Into<BoxError>;

    /// Writes a value's bytes. What writes nothing makes an empty value; [`Output::null`] makes null.
    ///
    /// It may be called from several threads at once, and should not block: look things up in [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// The record is not sent then.
    fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), Self::Error>;

    /// About how many bytes will be [written](Output::buffer), so that there is room before. Bytes that are [lent](Output::lend) count too: room is made only
    /// where they are copied. Zero: unknown.
    fn size_hint(&self, _value: &T) -> usize {
        0
    }

    /// What has to be awaited before this value can be serialized: a schema's number to be fetched, a key to be unwrapped. `None`, the usual answer, is that
    /// nothing is missing, and costs nothing.
    ///
    /// Whoever sends awaits the future, and calls [`serialize`](Self::serialize) then. If it is dropped before it ends, the value is not sent. No time-out of
    /// the producer's covers it: it has to end by itself.
    fn prepare<'a>(
        &'a self,
        _topic: &'a str,
        _part: Part,
        _value: &'a T,
    ) -> Option<Preparation<'a, Self::Error>> {
        None
    }

    /// The serializer of Kafka's Java client that makes the same bytes, by the full name of its class, if there is one.
    ///
    /// Configurations that name a class are checked against it, and a [list](crate::ListSerializer) has the form that Java gives to lists of that class.
    fn java_class(&self) -> Option<&'static str> {
        None
    }

    /// The character set of the text that it writes, or its entries are, if that is what it writes.
    ///
    /// Configurations that name one (Java's `serializer.encoding`) are checked against it.
    fn encoding(&self) -> Option<Encoding> {
        None
    }
}

macro_rules! by_reference {
    ($($pointer:ty),*) => {
        $(impl<T: ?Sized, S: Serializer<T> + ?Sized> Serializer<T> for $pointer {
            type Error = S::Error;

            #[inline]
            fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), S::Error> {
                (**self).serialize(value, output)
            }

            #[inline]
            fn size_hint(&self, value: &T) -> usize {
                (**self).size_hint(value)
            }

            #[inline]
            fn prepare<'a>(
                &'a self,
                topic: &'a str,
                part: Part,
                value: &'a T,
            ) -> Option<Preparation<'a, S::Error>> {
                (**self).prepare(topic, part, value)
            }

            fn java_class(&self) -> Option<&'static str> {
                (**self).java_class()
            }

            fn encoding(&self) -> Option<Encoding> {
                (**self).encoding()
            }
        })*
    };
}

by_reference!(&S, Box<S>, Arc<S>);

/// A serializer whose own type does not matter: to hold several in one place, or to choose one at run time.
///
/// ```
/// use rohrpost_serializer::{DynSerializer, LongSerializer, Part, VoidSerializer, encode};
///
/// # let is_void = false;
/// let serializer: DynSerializer<i64> = match is_void {
///     false => DynSerializer::new(LongSerializer),
///     true => DynSerializer::new(VoidSerializer),
/// };
/// assert_eq!(encode(&serializer, "t", Part::Key, &1)?.bytes(), Some(&[0, 0, 0, 0, 0, 0, 0, 1][..]));
/// # Ok::<(), rohrpost_serializer::BoxError>(())
/// ```
pub struct DynSerializer<T: ?Sized> {
    inner: Arc<dyn Serializer<T, Error = BoxError> + Send + Sync>,
}

impl<T: ?Sized> DynSerializer<T> {
    /// Wraps a serializer.
    pub fn new(serializer: impl Serializer<T> + Send + Sync + 'static) -> Self {
        Self { inner: Arc::new(Erased(serializer)) }
    }
}

impl<T: ?Sized> Clone for DynSerializer<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T: ?Sized> fmt::Debug for DynSerializer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynSerializer").field(&self.inner.java_class()).finish()
    }
}

impl<T: ?Sized> Serializer<T> for DynSerializer<T> {
    type Error = BoxError;

    #[inline]
    fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), BoxError> {
        self.inner.serialize(value, output)
    }

    #[inline]
    fn size_hint(&self, value: &T) -> usize {
        self.inner.size_hint(value)
    }

    #[inline]
    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        value: &'a T,
    ) -> Option<Preparation<'a, BoxError>> {
        self.inner.prepare(topic, part, value)
    }

    fn java_class(&self) -> Option<&'static str> {
        self.inner.java_class()
    }

    fn encoding(&self) -> Option<Encoding> {
        self.inner.encoding()
    }
}

struct Erased<S>(S);

impl<T: ?Sized, S: Serializer<T>> Serializer<T> for Erased<S> {
    type Error = BoxError;

    #[inline]
    fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), BoxError> {
        self.0.serialize(value, output).map_err(Into::into)
    }

    fn size_hint(&self, value: &T) -> usize {
        self.0.size_hint(value)
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        value: &'a T,
    ) -> Option<Preparation<'a, BoxError>> {
        let inner = self.0.prepare(topic, part, value)?;
        Some(Box::pin(ErasedPreparation(inner)))
    }

    fn java_class(&self) -> Option<&'static str> {
        self.0.java_class()
    }

    fn encoding(&self) -> Option<Encoding> {
        self.0.encoding()
    }
}

struct ErasedPreparation<'a, E>(Preparation<'a, E>);

impl<E: Into<BoxError>> Future for ErasedPreparation<'_, E> {
    type Output = Result<(), BoxError>;

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Self::Output> {
        self.0.as_mut().poll(cx).map_err(Into::into)
    }
}
