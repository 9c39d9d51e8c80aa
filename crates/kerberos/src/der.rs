//! As much of ASN.1's encoding as Kerberos needs: DER is written; what is read may have lengths in more bytes than they need, as Active Directory writes them.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::KerberosError;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const GENERAL_STRING: u8 = 0x1b;
pub(crate) const SEQUENCE: u8 = 0x30;

/// What is written may hold keys.
pub(crate) type Written = Zeroizing<Vec<u8>>;

/// The tag of a field of a sequence.
pub(crate) const fn field(number: u8) -> u8 {
    0xa0 | number
}

/// The tag of a message.
pub(crate) const fn application(number: u8) -> u8 {
    0x60 | number
}

pub(crate) fn element(tag: u8, content: &[u8]) -> Written {
    let length = content.len();
    let bytes = length.to_be_bytes();
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let mut written = Vec::with_capacity(2 + bytes.len() + length);
    written.push(tag);
    if length < 0x80 {
        written.push(length as u8);
    } else {
        written.push(0x80 | (bytes.len() - zeros) as u8);
        written.extend_from_slice(&bytes[zeros..]);
    }
    written.extend_from_slice(content);
    Zeroizing::new(written)
}

/// The fields that there are, by their numbers.
pub(crate) fn sequence(fields: &[(u8, Option<Written>)]) -> Written {
    let written = fields.iter().filter_map(|(number, content)| {
        content.as_ref().map(|content| element(field(*number), content))
    });
    sequence_of(&written.collect::<Vec<_>>())
}

pub(crate) fn sequence_of(elements: &[Written]) -> Written {
    let mut content = Zeroizing::new(Vec::with_capacity(elements.iter().map(|e| e.len()).sum()));
    for element in elements {
        content.extend_from_slice(element);
    }
    element(SEQUENCE, &content)
}

pub(crate) fn integer(value: i64) -> Written {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let spare = bytes
        .windows(2)
        .take_while(|pair| pair[0] == sign && pair[1] & 0x80 == sign & 0x80)
        .count();
    element(INTEGER, &bytes[spare..])
}

pub(crate) fn octets(bytes: &[u8]) -> Written {
    element(OCTET_STRING, bytes)
}

pub(crate) fn text(text: &str) -> Written {
    element(GENERAL_STRING, text.as_bytes())
}

/// Kerberos' flags: 32 bits.
pub(crate) fn flags(bits: u32) -> Written {
    let [a, b, c, d] = bits.to_be_bytes();
    element(BIT_STRING, &[0, a, b, c, d])
}

/// What is left to be read of a message.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    left: &'a [u8],
    /// The message, for errors.
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { left: bytes, what }
    }

    pub(crate) fn malformed(&self) -> KerberosError {
        KerberosError::Malformed { what: self.what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// All that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.left
    }

    /// The next element's tag.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.left.first().copied()
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Result<Self, KerberosError> {
        self.raw(tag).map(|(_, content)| content)
    }

    /// The whole next element with its tag and length, and its content.
    pub(crate) fn raw(&mut self, tag: u8) -> Result<(&'a [u8], Self), KerberosError> {
        let malformed = self.malformed();
        let (&[found, first], _) = self.left.split_first_chunk::<2>().ok_or(malformed.clone())?;
        if found != tag {
            return Err(malformed);
        }
        let more = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        // None is the indefinite form, which Kerberos forbids.
        if first == 0x80 || more > 4 {
            return Err(malformed);
        }
        let length = match self.left.get(2..2 + more).ok_or(malformed.clone())? {
            [] => usize::from(first),
            bytes => bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        let end = length.checked_add(2 + more).ok_or(malformed.clone())?;
        let whole = self.left.get(..end).ok_or(malformed)?;
        self.left = &self.left[end..];
        Ok((whole, Self { left: &whole[2 + more..], what: self.what }))
    }

    /// The content of a sequence.
    pub(crate) fn sequence(&mut self) -> Result<Self, KerberosError> {
        self.element(SEQUENCE)
    }

    /// The field of this number, which must come next.
    pub(crate) fn field(&mut self, number: u8) -> Result<Self, KerberosError> {
        self.element(field(number))
    }

    /// The same, if it comes next.
    pub(crate) fn optional(&mut self, number: u8) -> Result<Option<Self>, KerberosError> {
        if self.peek() == Some(field(number)) { self.field(number).map(Some) } else { Ok(None) }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, KerberosError> {
        let content = self.element(INTEGER)?.left;
        let (first, rest) = content.split_first().ok_or(self.malformed())?;
        if rest.len() > 7 {
            return Err(self.malformed());
        }
        let start = i64::from(*first as i8);
        Ok(rest.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
    }

    /// Kerberos' numbers have 32 bits; some peers write unsigned ones as negative ones.
    pub(crate) fn number(&mut self) -> Result<i32, KerberosError> {
        let value = self.integer()?;
        i32::try_from(value).or_else(|_| {
            u32::try_from(value).map(|value| value as i32).map_err(|_| self.malformed())
        })
    }

    pub(crate) fn octets(&mut self) -> Result<&'a [u8], KerberosError> {
        self.element(OCTET_STRING).map(|content| content.left)
    }

    pub(crate) fn text(&mut self) -> Result<String, KerberosError> {
        let bytes = self.element(GENERAL_STRING)?.left;
        core::str::from_utf8(bytes).map(String::from).map_err(|_| self.malformed())
    }

    pub(crate) fn flags(&mut self) -> Result<u32, KerberosError> {
        match self.element(BIT_STRING)?.left {
            [_, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
            _ => Err(self.malformed()),
        }
    }

    /// Seconds since 1970.
    pub(crate) fn time(&mut self) -> Result<i64, KerberosError> {
        let text = self.element(GENERALIZED_TIME)?.left;
        crate::time::parse(text).ok_or(self.malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for value in [0, 1, 127, 128, 255, 256, -1, -128, -129, i64::MAX, i64::MIN, 1 << 31] {
            let written = integer(value);
            assert_eq!(Reader::new(&written, "it").integer(), Ok(value));
        }
        assert_eq!(*integer(128), [2, 2, 0, 128]);
        assert_eq!(*integer(-128), [2, 1, 128]);
        for length in [0, 127, 128, 255, 256, 70_000] {
            let bytes = alloc::vec![5; length];
            assert_eq!(Reader::new(&octets(&bytes), "it").octets(), Ok(&bytes[..]));
        }
        let fields = sequence(&[(0, Some(integer(5))), (1, None), (2, Some(text("a")))]);
        let mut reader = Reader::new(&fields, "it").sequence().unwrap();
        assert_eq!(reader.field(0).unwrap().integer(), Ok(5));
        assert!(reader.optional(1).unwrap().is_none());
        assert_eq!(reader.optional(2).unwrap().unwrap().text().unwrap(), "a");
        assert!(reader.is_empty());
        assert_eq!(Reader::new(&flags(0x4000_0010), "it").flags(), Ok(0x4000_0010));
    }

    #[test]
    fn long_lengths_are_read_and_wrong_ones_are_not() {
        assert_eq!(Reader::new(&[2, 0x84, 0, 0, 0, 1, 7], "it").integer(), Ok(7));
        for bytes in [
            &[][..],
            &[2],
            &[2, 2, 7],
            &[2, 0x80, 7],
            &[2, 0x81],
            &[2, 0x84, 0xff, 0xff, 0xff, 0xff, 7],
            &[2, 0x85, 0, 0, 0, 0, 1, 7],
            &[2, 0],
            &[2, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[4, 1, 7],
        ] {
            let error = KerberosError::Malformed { what: "it" };
            assert_eq!(Reader::new(bytes, "it").integer(), Err(error), "{bytes:?}");
        }
    }
}
