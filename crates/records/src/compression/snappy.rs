//! Snappy, raw blocks in the framing of xerial's snappy-java, by snap.
//!
//! The framing: a magic of 8 bytes, a version and the oldest compatible version (i32 each), then blocks, each with its
//! compressed length (i32) before it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::DecompressError;

/// `82 S N A P P Y 00`, and version and compatible version 1.
const HEADER: [u8; 16] = *b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
const MAGIC_LEN: usize = 8;
/// The blocks that snappy-java cuts by default.
const BLOCK: usize = 32 * 1024;
/// No block expands more: 3 bytes copy 64 at the most.
const MAX_EXPANSION: usize = 22;

/// An encoder with its table, and a block's worth of output.
pub(super) struct Context {
    encoder: Encoder,
    block: Vec<u8>,
}

impl Default for Context {
    fn default() -> Self {
        Self { encoder: Encoder::new(), block: alloc::vec![0; max_compress_len(BLOCK)] }
    }
}

impl Context {
    /// Appends a xerial stream to `output`.
    pub(super) fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), String> {
        output.extend_from_slice(&HEADER);
        for block in input.chunks(BLOCK) {
            let len =
                self.encoder.compress(block, &mut self.block).map_err(|error| error.to_string())?;
            output.extend_from_slice(&(len as u32).to_be_bytes());
            output.extend_from_slice(&self.block[..len]);
        }
        Ok(())
    }
}

/// Decompresses a xerial stream, several in a row, or a bare raw block, which older clients wrote.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let mut output = Vec::new();
    if !input.starts_with(&HEADER[..MAGIC_LEN]) {
        decompress_block(input, limit, &mut output)?;
        return Ok(output);
    }
    let mut rest = input;
    while !rest.is_empty() {
        if rest.starts_with(&HEADER[..MAGIC_LEN]) {
            rest = after_header(rest)?;
            continue;
        }
        let Some((len, after)) = rest.split_first_chunk::<4>() else {
            return Err(corrupt(format!("{} bytes where a block's length should be", rest.len())));
        };
        let len = u32::from_be_bytes(*len) as usize;
        let Some((block, after)) = after.split_at_checked(len) else {
            return Err(corrupt(format!("a block of {len} bytes, {} are left", after.len())));
        };
        decompress_block(block, limit, &mut output)?;
        rest = after;
    }
    Ok(output)
}

/// What follows a stream's header.
fn after_header(input: &[u8]) -> Result<&[u8], DecompressError> {
    let Some((header, rest)) = input.split_first_chunk::<{ HEADER.len() }>() else {
        return Err(corrupt(format!("a xerial header of {} bytes, not 16", input.len())));
    };
    // Like snappy-java, refuse what is older than version 1, and trust what is newer.
    let version = i32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    if version < 1 {
        return Err(corrupt(format!("xerial framing of version {version}")));
    }
    Ok(rest)
}

fn decompress_block(
    block: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let len = decompress_len(block).map_err(|error| corrupt(error.to_string()))?;
    let start = output.len();
    if len > limit.saturating_sub(start) {
        return Err(DecompressError::TooLarge);
    }
    if len / MAX_EXPANSION > block.len() {
        return Err(corrupt(format!("{} bytes cannot become {len}", block.len())));
    }
    output.resize(start + len, 0);
    Decoder::new()
        .decompress(block, &mut output[start..])
        .map_err(|error| corrupt(error.to_string()))?;
    Ok(())
}

const fn corrupt(reason: String) -> DecompressError {
    DecompressError::Corrupt(reason)
}
