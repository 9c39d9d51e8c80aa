//! UUIDs as text: `UuidSerializer`.

use core::convert::Infallible;

use crate::output::Output;
use crate::serializer::Serializer;

const CLASS: &str = "org.apache.kafka.common.serialization.UUIDSerializer";
const LENGTH: usize = 36;

/// A UUID, `[u8; 16]` in the order of RFC 9562 or (feature `uuid`) `uuid::Uuid`, as 36 characters of text: lower-case hexadecimal digits with hyphens.
///
/// ```
/// use rohrpost_serializer::{Part, UuidSerializer, encode};
///
/// let id = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes();
/// let encoded = encode(&UuidSerializer, "t", Part::Key, &id)?;
/// assert_eq!(encoded.bytes(), Some(&b"01234567-89ab-cdef-0123-456789abcdef"[..]));
/// # Ok::<(), core::convert::Infallible>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UuidSerializer;

impl Serializer<[u8; 16]> for UuidSerializer {
    type Error = Infallible;

    #[inline]
    fn serialize(&self, value: &[u8; 16], output: &mut Output<'_>) -> Result<(), Infallible> {
        output.write(&text(value));
        Ok(())
    }

    #[inline]
    fn size_hint(&self, _: &[u8; 16]) -> usize {
        LENGTH
    }

    fn java_class(&self) -> Option<&'static str> {
        Some(CLASS)
    }
}

#[cfg(feature = "uuid")]
impl Serializer<uuid::Uuid> for UuidSerializer {
    type Error = Infallible;

    #[inline]
    fn serialize(&self, value: &uuid::Uuid, output: &mut Output<'_>) -> Result<(), Infallible> {
        output.write(&text(value.as_bytes()));
        Ok(())
    }

    #[inline]
    fn size_hint(&self, _: &uuid::Uuid) -> usize {
        LENGTH
    }

    fn java_class(&self) -> Option<&'static str> {
        Some(CLASS)
    }
}

pub(crate) fn text(value: &[u8; 16]) -> [u8; LENGTH] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; LENGTH];
    let mut at = 0;
    for (index, byte) in value.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}
