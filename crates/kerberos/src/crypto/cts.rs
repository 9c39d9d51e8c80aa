//! AES in CBC mode with ciphertext stealing and an initial vector of zeros, as RFC 3962, section 5 has it: the last two blocks are always swapped.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};

use super::BLOCK;

/// On the stack for the time of a call, where its size does not matter.
#[expect(clippy::large_enum_variant, reason = "as said")]
pub(super) enum Aes {
    Short(Aes128),
    Long(Aes256),
}

impl Aes {
    /// With a key of 16 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Self {
        if key.len() == 16 {
            Self::Short(Aes128::new_from_slice(key).expect("16 bytes"))
        } else {
            Self::Long(Aes256::new_from_slice(key).expect("keys have 16 or 32 bytes"))
        }
    }

    pub(super) fn encrypt(&self, block: &mut [u8; BLOCK]) {
        match self {
            Self::Short(aes) => aes.encrypt_block(block.into()),
            Self::Long(aes) => aes.encrypt_block(block.into()),
        }
    }

    fn decrypt(&self, block: &mut [u8; BLOCK]) {
        match self {
            Self::Short(aes) => aes.decrypt_block(block.into()),
            Self::Long(aes) => aes.decrypt_block(block.into()),
        }
    }
}

/// In place; at least one block.
pub(super) fn encrypt(key: &[u8], data: &mut [u8]) {
    let aes = Aes::new(key);
    let (full, tail) = split(data.len());
    let mut previous = [0; BLOCK];
    for block in data[..full].chunks_exact_mut(BLOCK) {
        xor(&mut previous, block);
        aes.encrypt(&mut previous);
        block.copy_from_slice(&previous);
    }
    if tail > 0 {
        let mut last = previous;
        xor(&mut last, &data[full..]);
        aes.encrypt(&mut last);
        data[full - BLOCK..full].copy_from_slice(&last);
        data[full..].copy_from_slice(&previous[..tail]);
    }
}

/// In place; at least one block.
pub(super) fn decrypt(key: &[u8], data: &mut [u8]) {
    let aes = Aes::new(key);
    let (full, tail) = split(data.len());
    let mut before_last = block_at(data, full - BLOCK);
    if tail > 0 {
        // What stands in the place of the last full block is the last one, and it has the rest of the one that was cut.
        let mut last = before_last;
        aes.decrypt(&mut last);
        before_last = last;
        before_last[..tail].copy_from_slice(&data[full..]);
        for at in 0..tail {
            data[full + at] ^= last[at];
        }
    }
    let mut previous = [0; BLOCK];
    for start in (0..full).step_by(BLOCK) {
        let cipher = if start + BLOCK == full { before_last } else { block_at(data, start) };
        let mut plain = cipher;
        aes.decrypt(&mut plain);
        xor(&mut plain, &previous);
        data[start..start + BLOCK].copy_from_slice(&plain);
        previous = cipher;
    }
}

/// How much there is in full blocks, the first one among them, and how much in the last one, which may be full too, behind.
fn split(length: usize) -> (usize, usize) {
    let full = (length - 1) / BLOCK * BLOCK;
    if full == 0 { (BLOCK, 0) } else { (full, length - full) }
}

fn block_at(data: &[u8], start: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block.copy_from_slice(&data[start..start + BLOCK]);
    block
}

fn xor(block: &mut [u8; BLOCK], with: &[u8]) {
    for (one, other) in block.iter_mut().zip(with) {
        *one ^= other;
    }
}
