//! Bytes and text as they are: `StringSerializer`, `ByteArraySerializer`, `ByteBufferSerializer`, `BytesSerializer`.

use core::convert::Infallible;

use bytes::Bytes;

use crate::encoding::Encoding;
use crate::output::Output;
use crate::serializer::Serializer;

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident($class:literal): $of:ty, $encoding:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $name;

            impl<T: AsRef<$of> + ?Sized> Serializer<T> for $name {
                type Error = Infallible;

                #[inline]
                fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), Infallible> {
                    let value: &$of = value.as_ref();
                    output.lend(value.as_ref());
                    Ok(())
                }

                #[inline]
                fn size_hint(&self, value: &T) -> usize {
                    value.as_ref().len()
                }

                fn java_class(&self) -> Option<&'static str> {
                    Some(concat!("org.apache.kafka.common.serialization.", $class))
                }

                fn encoding(&self) -> Option<Encoding> {
                    $encoding
                }
            }
        )*
    };
}

plain! {
    /// Text (`str`, `String`, `&str`, `Cow<str>`, …) as UTF-8, uncopied; [`with_encoding`](Self::with_encoding) is for other character sets.
    StringSerializer("StringSerializer"): str, Some(Encoding::Utf8);
    /// Bytes (`[u8]`, `Vec<u8>`, `&[u8]`, `[u8; N]`, `Bytes`, …) as they are, uncopied.
    ByteArraySerializer("ByteArraySerializer"): [u8], None;
    /// Bytes as they are, as [`ByteArraySerializer`]; Java's takes a buffer from its beginning to its limit.
    ByteBufferSerializer("ByteBufferSerializer"): [u8], None;
}

/// [`Bytes`] as they are. Large ones are counted by reference: not copied even when they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BytesSerializer;

impl Serializer<Bytes> for BytesSerializer {
    type Error = Infallible;

    #[inline]
    fn serialize<'a>(&self, value: &'a Bytes, output: &mut Output<'a>) -> Result<(), Infallible> {
        output.share(value);
        Ok(())
    }

    #[inline]
    fn size_hint(&self, value: &Bytes) -> usize {
        value.len()
    }

    fn java_class(&self) -> Option<&'static str> {
        Some("org.apache.kafka.common.serialization.BytesSerializer")
    }
}
