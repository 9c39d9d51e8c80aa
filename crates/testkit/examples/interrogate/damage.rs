//! Batches that are wrong behind a right CRC.

use bytes::{Bytes, BytesMut};

/// Overwrites bytes of a batch, and gives it the CRC of what it is then.
pub(crate) fn damaged(batch: &Bytes, at: usize, bytes: &[u8]) -> Bytes {
    let mut damaged = BytesMut::from(&batch[..]);
    damaged[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32c(&damaged[21..]);
    damaged[17..21].copy_from_slice(&crc.to_be_bytes());
    damaged.freeze()
}

/// Overwrites a byte of a batch, and leaves the CRC as it was.
pub(crate) fn corrupted(batch: &Bytes, at: usize, byte: u8) -> Bytes {
    let mut corrupted = BytesMut::from(&batch[..]);
    corrupted[at] = byte;
    corrupted.freeze()
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let shift = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 & 0_u32.wrapping_sub(crc & 1));
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc))
    };
    !bytes.iter().fold(!0, step)
}
