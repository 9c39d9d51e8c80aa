//! [`Uuid`], the protocol's `UUID`.

use core::fmt;
use core::str::FromStr;

/// A 128-bit identifier: of topics, directories, telemetry clients.
///
/// Its text is Kafka's: 22 characters of URL-safe base64 without padding.
///
/// ```
/// use rohrpost_codec::Uuid;
///
/// let id = Uuid::from_u128(1);
/// assert_eq!(id.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
/// assert_eq!("AAAAAAAAAAAAAAAAAAAAAQ".parse(), Ok(id));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// Why a text is not a [`Uuid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseUuidError {
    /// It does not have 22 characters; how many bytes it has.
    Length(usize),
    /// A character outside of the URL-safe alphabet; its byte position.
    Character(usize),
    /// The last character has bits beyond the 128th.
    Bits,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TEXT_LEN: usize = 22;

impl Uuid {
    /// Sixteen zero bytes: "no id".
    pub const NIL: Self = Self([0; 16]);

    /// The id whose bytes, most significant first, are `value`'s.
    #[must_use]
    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// The id as a number, most significant byte first.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Whether this is [`Uuid::NIL`].
    #[must_use]
    pub const fn is_nil(self) -> bool {
        self.as_u128() == 0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TEXT_LEN];
        // 21 characters of six bits, and one of two bits at the top of its six.
        let value = self.as_u128();
        for (index, character) in text.iter_mut().enumerate() {
            let bits = match 122_usize.checked_sub(6 * index) {
                Some(shift) => value >> shift,
                None => value << 4,
            };
            *character = ALPHABET[bits as usize & 63];
        }
        f.pad(core::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        if text.len() != TEXT_LEN {
            return Err(ParseUuidError::Length(text.len()));
        }
        let mut value = 0_u128;
        for (index, byte) in text.bytes().enumerate() {
            let bits = ALPHABET.iter().position(|&character| character == byte);
            let bits = bits.ok_or(ParseUuidError::Character(index))? as u128;
            if index < TEXT_LEN - 1 {
                value = value << 6 | bits;
            } else if bits & 15 != 0 {
                return Err(ParseUuidError::Bits);
            } else {
                value = value << 2 | bits >> 4;
            }
        }
        Ok(Self::from_u128(value))
    }
}

impl fmt::Display for ParseUuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => {
                write!(
                    f,
                    "a Kafka uuid has {TEXT_LEN} characters of url-safe base64, this has {len}"
                )
            }
            Self::Character(at) => write!(f, "byte {at} is no character of url-safe base64"),
            Self::Bits => f.write_str("the last character has bits beyond the 128th"),
        }
    }
}

impl core::error::Error for ParseUuidError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn has_kafkas_text() {
        assert_eq!(Uuid::NIL.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(Uuid(bytes).to_string(), "AAECAwQFBgcICQoLDA0ODw");
        assert!(Uuid::NIL.is_nil() && !Uuid(bytes).is_nil());
    }

    #[test]
    fn a_text_that_is_none_is_refused_with_its_reason() {
        assert_eq!("".parse::<Uuid>(), Err(ParseUuidError::Length(0)));
        assert_eq!("AAAA+AAAAAAAAAAAAAAAAA".parse::<Uuid>(), Err(ParseUuidError::Character(4)));
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAB".parse::<Uuid>(), Err(ParseUuidError::Bits));
    }

    proptest! {
        #[test]
        fn every_id_comes_back_from_its_text(bytes: [u8; 16]) {
            prop_assert_eq!(Uuid(bytes).to_string().parse(), Ok(Uuid(bytes)));
        }
    }
}
