//! Keys from keys.

use alloc::vec;
use alloc::vec::Vec;

use hmac::{KeyInit, Mac};
use zeroize::Zeroizing;

use super::cts::Aes;
use super::{BLOCK, fed};

/// `DK` of RFC 3961, section 5.1, for AES: the key encrypts the folded constant, and that again, until there is enough.
pub(super) fn simplified(key: &[u8], constant: &[u8]) -> Zeroizing<Vec<u8>> {
    let aes = Aes::new(key);
    let mut block = [0; BLOCK];
    block.copy_from_slice(&n_fold(constant, BLOCK));
    let mut derived = Zeroizing::new(Vec::with_capacity(key.len()));
    while derived.len() < key.len() {
        aes.encrypt(&mut block);
        derived.extend_from_slice(&block);
    }
    zeroize::Zeroize::zeroize(&mut block);
    derived
}

/// `KDF-HMAC-SHA2` of RFC 8009, section 3: one round is always enough.
pub(super) fn by_hmac<M: Mac + KeyInit>(
    key: &[u8],
    label: &[u8],
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let bits = u32::try_from(8 * length).unwrap_or(u32::MAX).to_be_bytes();
    let digest = fed::<M>(key, &[&[0, 0, 0, 1], label, &[0], &bits]).finalize().into_bytes();
    Zeroizing::new(digest[..length].to_vec())
}

/// `n-fold` of RFC 3961, section 5.1: copies of the input, each turned right by 13 bits more, added in ones' complement.
pub(super) fn n_fold(input: &[u8], length: usize) -> Vec<u8> {
    let bits = 8 * input.len();
    let total = least_common_multiple(input.len(), length);
    let turned = |at: usize| {
        let (copy, within) = (at / input.len(), at % input.len());
        (0..8).fold(0, |byte: u8, bit| {
            let from = (8 * within + bit + copy * (bits - 13 % bits)) % bits;
            byte << 1 | (input[from / 8] >> (7 - from % 8) & 1)
        })
    };
    let mut sum = vec![0_u8; length];
    for copy in 0..total / length {
        let mut carry = 0;
        for at in (0..length).rev() {
            let added = u16::from(sum[at]) + u16::from(turned(copy * length + at)) + carry;
            sum[at] = added as u8;
            carry = added >> 8;
        }
        // The carry comes in again at the other end; a second one cannot come of it.
        for at in (0..length).rev() {
            let added = u16::from(sum[at]) + carry;
            sum[at] = added as u8;
            carry = added >> 8;
        }
    }
    sum
}

fn least_common_multiple(one: usize, other: usize) -> usize {
    let (mut a, mut b) = (one, other);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    one / a * other
}
