//! A reader of DER, the encoding of certificates, keys and PKCS#12 stores: it never looks beyond its input, copies
//! nothing, and does not recurse.

/// What is read is not DER, or not of the expected structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) type Result<T> = std::result::Result<T, Malformed>;

/// Tags of one byte: all that these structures have.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[number]`, around a value of its own.
    pub(crate) const fn explicit(number: u8) -> u8 {
        0xa0 | number
    }

    /// `[number]`, in place of a primitive's tag.
    pub(crate) const fn implicit(number: u8) -> u8 {
        0x80 | number
    }
}

/// Values, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value's tag, and its content.
    pub(crate) fn any(&mut self) -> Result<(u8, &'a [u8])> {
        let (tag, content, _) = self.whole()?;
        Ok((tag, content))
    }

    /// The next value's tag, its content, and all of it with tag and length.
    pub(crate) fn whole(&mut self) -> Result<(u8, &'a [u8], &'a [u8])> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(Malformed)?;
        // Numbers above 30 take more bytes; nothing here has them.
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (length, content) = length(after_tag)?;
        let value = content.get(..length).ok_or(Malformed)?;
        let header = self.rest.len() - content.len();
        let whole = self.rest.get(..header + length).ok_or(Malformed)?;
        self.rest = content.get(length..).ok_or(Malformed)?;
        Ok((tag, value, whole))
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8]> {
        let (found, content) = self.any()?;
        if found == tag { Ok(content) } else { Err(Malformed) }
    }

    /// The content of the next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// What is within the next value, which must have this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Self> {
        self.expect(tag).map(Self::new)
    }

    pub(crate) fn sequence(&mut self) -> Result<Self> {
        self.enter(tag::SEQUENCE)
    }

    pub(crate) fn oid(&mut self) -> Result<&'a [u8]> {
        self.expect(tag::OID)
    }

    /// An integer that is neither negative nor beyond 64 bits.
    pub(crate) fn unsigned(&mut self) -> Result<u64> {
        let content = self.expect(tag::INTEGER)?;
        let digits = match content {
            [] => return Err(Malformed),
            [first, ..] if first & 0x80 != 0 => return Err(Malformed),
            [0, digits @ ..] => digits,
            digits => digits,
        };
        if digits.len() > 8 {
            return Err(Malformed);
        }
        Ok(digits.iter().fold(0, |number, &digit| number << 8 | u64::from(digit)))
    }
}

/// A length, and what is behind it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    // Four bytes count 4 GiB. None is BER's indefinite length, which `ber` takes away before.
    if count == 0 || count > 4 {
        return Err(Malformed);
    }
    let (digits, rest) = rest.split_at_checked(count).ok_or(Malformed)?;
    let length = digits.iter().fold(0_u64, |length, &digit| length << 8 | u64::from(digit));
    Ok((usize::try_from(length).map_err(|_| Malformed)?, rest))
}

/// An object identifier as people write it: `1.2.840.113549.1.5.13`.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for &byte in oid.iter().take(64) {
        number = number.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= first * 40;
            }
            numbers.push(number);
            number = 0;
        }
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_turn_and_never_beyond_the_input() {
        let mut reader = Reader::new(&[0x30, 3, 2, 1, 5, 4, 0x81, 1, 7]);
        assert_eq!(reader.sequence().unwrap().unsigned(), Ok(5));
        assert_eq!(reader.expect(tag::OCTET_STRING), Ok(&[7][..]));
        assert!(reader.is_empty());
        assert_eq!(reader.any(), Err(Malformed));
        for broken in [
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..],
            &[0x30, 5, 0],
            &[0x30, 0x80, 0, 0],
            &[0x3f, 1, 0],
        ] {
            assert_eq!(Reader::new(broken).any(), Err(Malformed));
        }
    }

    #[test]
    fn negative_and_enormous_integers_are_refused() {
        assert_eq!(Reader::new(&[2, 1, 0x80]).unsigned(), Err(Malformed));
        assert_eq!(Reader::new(&[2, 0]).unsigned(), Err(Malformed));
        assert_eq!(
            Reader::new(&[2, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]).unsigned(),
            Ok(u64::MAX)
        );
        assert_eq!(Reader::new(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unsigned(), Err(Malformed));
    }

    #[test]
    fn object_identifiers_are_written_as_people_write_them() {
        assert_eq!(
            dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]),
            "1.2.840.113549.1.5.13"
        );
        assert_eq!(dotted(&[0x60, 0x86, 0x48, 1]), "2.16.840.1");
    }
}
