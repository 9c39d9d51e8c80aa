//! The forms that keys and values come in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rohrpost_driver::REFERENCE_FROM;

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
    pub(crate) fn shared_if_large(self) -> Self {
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

/// What can be a key or a value: everything that is bytes or text, and `Option`s of it, where `None` is null.
///
/// | given | the record |
/// |---|---|
/// | `&str`, `&String`, `&[u8]`, `&Vec<u8>`, `&[u8; N]`, `&Bytes`, ... | borrows it, without an allocation |
/// | `String`, `Vec<u8>`, `Box<[u8]>` | owns it |
/// | `Bytes`, `Arc<[u8]>` | shares it |
///
/// Numbers have no encoding of their own: a [`TypedProducer`](crate::TypedProducer) knows one by its serializer. By hand, what Java's serializers write is
/// `to_be_bytes`: an array, which is borrowed (taken by value it would have to be copied
/// to the heap) and so has to live as long as the record:
///
/// ```
/// use rohrpost::ProducerRecord;
///
/// let id = 42_i64.to_be_bytes();
/// let record = ProducerRecord::new("orders").key(&id).value(format!("order {}", 42));
/// assert_eq!(record.key_bytes(), Some(&[0, 0, 0, 0, 0, 0, 0, 42][..]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key or a value",
    label = "neither bytes nor text, nor an `Option` of them",
    note = "a number: `&number.to_be_bytes()`, as Java's serializers write it, or `number.to_string()`",
    note = "an array is borrowed: `&array`; what holds bytes gives a slice of them: `&value[..]`"
)]
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

impl<'a> IntoPayload<'a> for &'a Arc<str> {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        Some(Payload::Borrowed(self.as_bytes()))
    }
}

impl<'a> IntoPayload<'a> for &&'a str {
    #[inline]
    fn into_payload(self) -> Option<Payload<'a>> {
        (*self).into_payload()
    }
}

impl<'a> IntoPayload<'a> for &&'a [u8] {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let slice = &&b"ab"[..];
        assert_eq!(bytes(slice), expected);
        assert_eq!(bytes(&Arc::<str>::from("ab")), expected);
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
}
