//! Zigzag varints as the record format uses them: sizes, writing into a stack buffer, reading from a slice.

/// Bytes that `value` takes as a zigzag varint (1 to 5).
#[inline]
pub(crate) const fn varint_size(value: i32) -> usize {
    unsigned_size(zigzag32(value) as u64)
}

/// Bytes that `value` takes as a zigzag varlong (1 to 10).
#[inline]
pub(crate) const fn varlong_size(value: i64) -> usize {
    unsigned_size(zigzag64(value))
}

#[inline]
const fn zigzag32(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

#[inline]
pub(crate) const fn zigzag64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// ceil(significant bits / 7) without a division: 9/64 is close enough to 1/7 for 1 to 64 bits.
#[inline]
const fn unsigned_size(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros();
    ((bits * 9 + 64) >> 6) as usize
}

/// A varint encoded into a register, with its size: what the hot path is made of. Composed in memory, the bytes would be read
/// back before the processor has stored them, which stalls it for as long as everything else takes.
#[derive(Clone, Copy)]
pub(crate) struct Varint {
    /// The bytes, the first one lowest; not all of them beyond 5.
    bits: u64,
    size: usize,
}

impl Varint {
    pub(crate) const NULL_LENGTH: Self = Self { bits: 1, size: 1 };

    /// Encodes a varint or a varlong, which are the same for an `i32`.
    #[inline]
    pub(crate) const fn new(value: i64) -> Self {
        let value = zigzag64(value);
        if value < 0x80 {
            Self { bits: value, size: 1 }
        } else if value < 0x4000 {
            Self { bits: value & 0x7f | 0x80 | value >> 7 << 8, size: 2 }
        } else {
            Self::spread(value)
        }
    }

    /// A length that an `i32` holds.
    #[inline]
    pub(crate) const fn short(len: usize) -> Self {
        Self::new(len as i64)
    }

    #[inline]
    pub(crate) const fn size(self) -> usize {
        self.size
    }

    /// Kept apart: inlined at each of a record's five numbers it is most of the code, and hardly ever runs.
    #[cold]
    #[inline(never)]
    const fn spread(value: u64) -> Self {
        let groups = (value & 0x7f)
            | (value & 0x7f << 7) << 1
            | (value & 0x7f << 14) << 2
            | (value & 0x7f << 21) << 3
            | (value & 0x7f << 28) << 4;
        let size = unsigned_size(value);
        let more = if size > 5 { 0 } else { 0x80_8080_8080 & !(u64::MAX << (8 * (size - 1))) };
        Self { bits: groups | more, size }
    }
}

/// Up to 8 bytes composed in a register.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    bits: u64,
    len: usize,
}

impl Word {
    pub(crate) const EMPTY: Self = Self { bits: 0, len: 0 };

    /// Adds a zero byte. There must be room for it.
    #[inline]
    pub(crate) const fn zero(self) -> Self {
        Self { bits: self.bits, len: self.len + 1 }
    }

    /// Adds a varint of at most 5 bytes. There must be room for it.
    #[inline]
    pub(crate) const fn varint(self, varint: Varint) -> Self {
        Self { bits: self.bits | varint.bits << (8 * self.len), len: self.len + varint.size }
    }

    #[inline]
    pub(crate) const fn followed_by(self, next: Self) -> Words {
        let bits = self.bits as u128 | (next.bits as u128) << (8 * self.len);
        Words { bits, len: self.len + next.len }
    }
}

/// Up to 16 bytes composed in two registers.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    bits: u128,
    len: usize,
}

impl Words {
    pub(crate) const CAPACITY: usize = 16;

    #[inline]
    pub(crate) const fn bytes(self) -> [u8; Self::CAPACITY] {
        self.bits.to_le_bytes()
    }

    #[inline]
    pub(crate) const fn len(self) -> usize {
        self.len
    }
}

/// Composes the few bytes before a payload, so that they reach the batch in one copy.
pub(crate) struct Prefix {
    bytes: [u8; Prefix::CAPACITY],
    len: usize,
}

impl Prefix {
    /// A record's largest prefix is 31 bytes: length 5, attributes 1, timestamp 10, offset 5, key length 5, value length 5.
    pub(crate) const CAPACITY: usize = 32;

    #[inline]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    #[inline]
    pub(crate) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    pub(crate) fn byte(&mut self, value: u8) {
        self.bytes[self.len] = value;
        self.len += 1;
    }

    #[inline]
    pub(crate) fn varint(&mut self, value: i32) {
        self.unsigned(u64::from(zigzag32(value)));
    }

    #[inline]
    pub(crate) fn varlong(&mut self, value: i64) {
        self.unsigned(zigzag64(value));
    }

    #[inline]
    fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }
}

/// Why a varint could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VarintError {
    /// The input ended inside of it.
    Truncated,
    /// More bytes, or more bits in the last one, than the type has.
    TooLong,
}

/// Reads a zigzag varint from the start of `input`: the value and the bytes it took.
#[inline]
pub(crate) fn read_varint(input: &[u8]) -> Result<(i32, usize), VarintError> {
    if let Some(&first) = input.first() {
        if first < 0x80 {
            return Ok((unzigzag32(u32::from(first)), 1));
        }
    }
    let (value, len) = read_unsigned(input, 5)?;
    let value = u32::try_from(value).map_err(|_| VarintError::TooLong)?;
    Ok((unzigzag32(value), len))
}

/// Reads a zigzag varlong from the start of `input`: the value and the bytes it took.
#[inline]
pub(crate) fn read_varlong(input: &[u8]) -> Result<(i64, usize), VarintError> {
    let (value, len) = read_unsigned(input, 10)?;
    Ok(((value >> 1) as i64 ^ -((value & 1) as i64), len))
}

#[inline]
const fn unzigzag32(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[inline]
fn read_unsigned(input: &[u8], max_len: usize) -> Result<(u64, usize), VarintError> {
    let mut value = 0u64;
    for (index, &byte) in input.iter().take(max_len).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index as u32;
        if shift == 63 && bits > 1 {
            return Err(VarintError::TooLong);
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(if input.len() < max_len { VarintError::Truncated } else { VarintError::TooLong })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0, &[0u8][..]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut prefix = Prefix::new();
            prefix.varint(value);
            assert_eq!(prefix.written(), bytes);
            assert_eq!(varint_size(value), bytes.len());
            assert_eq!(read_varint(bytes), Ok((value, bytes.len())));
        }
    }

    #[test]
    fn overlong_and_cut_varints_are_errors() {
        assert_eq!(read_varint(&[]), Err(VarintError::Truncated));
        assert_eq!(read_varint(&[0x80, 0x80]), Err(VarintError::Truncated));
        assert_eq!(read_varint(&[0xff, 0xff, 0xff, 0xff, 0x10]), Err(VarintError::TooLong));
        assert_eq!(read_varint(&[0x80; 5]), Err(VarintError::TooLong));
        assert_eq!(read_varlong(&[0x80; 9]), Err(VarintError::Truncated));
        assert_eq!(read_varlong(&[0x80; 10]), Err(VarintError::TooLong));
        let mut last_bits = [0xff; 10];
        last_bits[9] = 2;
        assert_eq!(read_varlong(&last_bits), Err(VarintError::TooLong));
    }

    proptest! {
        #[test]
        fn varints_come_back(value: i32, shift in 0u32..32) {
            let value = value >> shift;
            let mut prefix = Prefix::new();
            prefix.varint(value);
            prop_assert_eq!(prefix.written().len(), varint_size(value));
            let word = Word::EMPTY.zero().varint(Varint::new(value.into()));
            let words = word.followed_by(word);
            let (bytes, half) = (words.bytes(), words.len() / 2);
            prop_assert_eq!(&bytes[1..half], prefix.written());
            prop_assert_eq!(&bytes[half + 1..words.len()], prefix.written());
            prop_assert_eq!(read_varint(prefix.written()), Ok((value, prefix.written().len())));
        }

        #[test]
        fn varlongs_come_back(value: i64, shift in 0u32..64) {
            let value = value >> shift;
            prop_assert_eq!(Varint::new(value).size(), varlong_size(value));
            let mut prefix = Prefix::new();
            prefix.varlong(value);
            prop_assert_eq!(prefix.written().len(), varlong_size(value));
            prop_assert_eq!(read_varlong(prefix.written()), Ok((value, prefix.written().len())));
        }
    }
}
