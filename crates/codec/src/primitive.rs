//! Variable-length integers of the protocol, for whoever reads or writes them outside of a message.
//!
//! Three forms exist (protocol guide, "Protocol Primitive Types"): `UNSIGNED_VARINT` (up to 32
//! bits, lengths and tags of flexible versions), `VARINT` and `VARLONG` (zigzag, 32 and 64 bits,
//! inside record batches). Seven bits a byte, the lowest first; the high bit says that more follow.

use alloc::vec::Vec;
use core::fmt;

/// The most bytes that a 32-bit varint takes.
pub const MAX_VARINT_LEN: usize = 5;

/// The most bytes that a 64-bit varint takes.
pub const MAX_VARLONG_LEN: usize = 10;

/// Why a variable-length integer could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VarintError {
    /// The input ends inside of it.
    Short,
    /// It has more bits than its type: over 5 bytes (`VARINT`), or over 10 (`VARLONG`), or set bits
    /// beyond the 32nd or 64th.
    TooLong,
}

impl fmt::Display for VarintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the input ends inside of a variable-length integer",
            Self::TooLong => "a variable-length integer has more bits than its type",
        })
    }
}

impl core::error::Error for VarintError {}

/// The bytes that `value` takes as an `UNSIGNED_VARINT`: 1 to 5.
#[inline]
#[must_use]
pub const fn unsigned_varint_size(value: u32) -> usize {
    size_of_bits(value as u64)
}

/// The bytes that `value` takes as a zigzag `VARINT`: 1 to 5.
#[inline]
#[must_use]
pub const fn varint_size(value: i32) -> usize {
    size_of_bits(zigzag(value as i64) & 0xffff_ffff)
}

/// The bytes that `value` takes as a zigzag `VARLONG`: 1 to 10.
#[inline]
#[must_use]
pub const fn varlong_size(value: i64) -> usize {
    size_of_bits(zigzag(value))
}

/// Appends `value` as an `UNSIGNED_VARINT`.
#[inline]
pub fn put_unsigned_varint(out: &mut Vec<u8>, value: u32) {
    let (bytes, len) = to_bytes(u64::from(value));
    out.extend_from_slice(&bytes[..len]);
}

/// Appends `value` as a zigzag `VARINT`.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_varlong(out, i64::from(value));
}

/// Appends `value` as a zigzag `VARLONG`.
#[inline]
pub fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let (bytes, len) = to_bytes(zigzag(value));
    out.extend_from_slice(&bytes[..len]);
}

/// Reads an `UNSIGNED_VARINT` from the start of `input`: the value and what follows it.
///
/// # Errors
///
/// [`VarintError`] if the input ends inside of it, or it does not fit into 32 bits.
#[inline]
pub fn read_unsigned_varint(input: &[u8]) -> Result<(u32, &[u8]), VarintError> {
    // Most are of a byte; lengths of record batches are of three.
    match *input {
        [a @ 0..=0x7f, ref rest @ ..] => Ok((u32::from(a), rest)),
        [a, b @ 0..=0x7f, ref rest @ ..] => Ok((seven_bits(a) | u32::from(b) << 7, rest)),
        [a, b, c @ 0..=0x7f, ref rest @ ..] => {
            Ok((seven_bits(a) | seven_bits(b) << 7 | u32::from(c) << 14, rest))
        }
        _ => {
            let (value, rest) = read(input, MAX_VARINT_LEN)?;
            u32::try_from(value).map(|value| (value, rest)).map_err(|_| VarintError::TooLong)
        }
    }
}

#[inline]
const fn seven_bits(byte: u8) -> u32 {
    (byte & 0x7f) as u32
}

/// Reads a zigzag `VARINT` from the start of `input`: the value and what follows it.
///
/// # Errors
///
/// [`VarintError`] if the input ends inside of it, or it does not fit into 32 bits.
#[inline]
pub fn read_varint(input: &[u8]) -> Result<(i32, &[u8]), VarintError> {
    let (value, rest) = read_unsigned_varint(input)?;
    Ok(((value >> 1) as i32 ^ -((value & 1) as i32), rest))
}

/// Reads a zigzag `VARLONG` from the start of `input`: the value and what follows it.
///
/// # Errors
///
/// [`VarintError`] if the input ends inside of it, or it does not fit into 64 bits.
#[inline]
pub fn read_varlong(input: &[u8]) -> Result<(i64, &[u8]), VarintError> {
    let (value, rest) = read(input, MAX_VARLONG_LEN)?;
    Ok(((value >> 1) as i64 ^ -((value & 1) as i64), rest))
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn size_of_bits(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// The encoded form of `value` and its length.
#[inline]
pub(crate) const fn to_bytes(mut value: u64) -> ([u8; MAX_VARLONG_LEN], usize) {
    let mut bytes = [0; MAX_VARLONG_LEN];
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    (bytes, len + 1)
}

fn read(input: &[u8], max_len: usize) -> Result<(u64, &[u8]), VarintError> {
    let mut value = 0;
    for (index, &byte) in input.iter().take(max_len).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index as u32;
        if shift == 63 && bits > 1 {
            return Err(VarintError::TooLong);
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok((value, &input[index + 1..]));
        }
    }
    Err(if input.len() < max_len { VarintError::Short } else { VarintError::TooLong })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn known_values_have_the_protocols_bytes() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = vec![];
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(varint_size(value), bytes.len());
            assert_eq!(read_varint(bytes), Ok((value, &[][..])));
        }
        let mut out = vec![];
        put_unsigned_varint(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
    }

    #[test]
    fn cut_and_overlong_integers_are_errors() {
        assert_eq!(read_varint(&[]), Err(VarintError::Short));
        assert_eq!(read_varint(&[0x80, 0x80, 0x80, 0x80]), Err(VarintError::Short));
        assert_eq!(read_varint(&[0x80; 5]), Err(VarintError::TooLong));
        assert_eq!(
            read_unsigned_varint(&[0xff, 0xff, 0xff, 0xff, 0x10]),
            Err(VarintError::TooLong)
        );
        assert_eq!(read_varlong(&[0x80; 9]), Err(VarintError::Short));
        assert_eq!(read_varlong(&[0x80; 10]), Err(VarintError::TooLong));
        let mut beyond_64_bits = [0xff; 10];
        beyond_64_bits[9] = 2;
        assert_eq!(read_varlong(&beyond_64_bits), Err(VarintError::TooLong));
    }

    proptest! {
        #[test]
        fn every_integer_comes_back_from_as_many_bytes_as_its_size_says(
            value: i64, shift in 0_u32..64, tail: u8,
        ) {
            let long = value >> shift;
            let int = long as i32;
            let unsigned = int as u32;

            let mut out = vec![];
            put_varlong(&mut out, long);
            prop_assert_eq!(out.len(), varlong_size(long));
            out.push(tail);
            prop_assert_eq!(read_varlong(&out), Ok((long, &[tail][..])));

            let mut out = vec![];
            put_varint(&mut out, int);
            prop_assert_eq!(out.len(), varint_size(int));
            out.push(tail);
            prop_assert_eq!(read_varint(&out), Ok((int, &[tail][..])));

            let mut out = vec![];
            put_unsigned_varint(&mut out, unsigned);
            prop_assert_eq!(out.len(), unsigned_varint_size(unsigned));
            out.push(tail);
            prop_assert_eq!(read_unsigned_varint(&out), Ok((unsigned, &[tail][..])));
        }
    }
}
