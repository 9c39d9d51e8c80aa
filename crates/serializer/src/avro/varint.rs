//! Avro's numbers: zigzag, seven bits a byte, the lowest first.

use alloc::vec::Vec;

/// Appends a number.
#[inline]
pub(crate) fn put(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    if rest < 0x80 {
        out.push(rest as u8);
        return;
    }
    let (mut bytes, mut length) = ([0; 10], 0);
    while rest >= 0x80 {
        bytes[length] = rest as u8 | 0x80;
        rest >>= 7;
        length += 1;
    }
    bytes[length] = rest as u8;
    out.extend_from_slice(&bytes[..=length]);
}

/// A number, and what follows it; `None` where the bytes end before, or it has more than 64 bits.
#[inline]
pub(crate) fn take(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Some(((number >> 1) as i64 ^ -((number & 1) as i64), &bytes[index + 1..]));
        }
    }
    None
}
