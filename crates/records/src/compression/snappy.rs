//! Snappy, raw blocks in the framing of xerial's snappy-java: compressed by the crate's own matcher, decompressed by snap.
//!
//! The framing: a magic of 8 bytes, a version and the oldest compatible version (i32 each), then blocks, each with its
//! compressed length (i32) before it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use snap::raw::{Decoder, decompress_len};

use super::DecompressError;
use super::matcher::{Match, Matcher, Sequences, Window, bytes};

/// `82 S N A P P Y 00`, and version and compatible version 1.
const HEADER: [u8; 16] = *b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
const MAGIC_LEN: usize = 8;
/// The blocks that snappy-java cuts by default.
const BLOCK: usize = 32 * 1024;
/// No block expands more: 3 bytes copy 64 at the most.
const MAX_EXPANSION: usize = 22;

/// Before each block: its compressed length.
const LENGTH: usize = 4;
/// Of a block, its uncompressed length as a varint.
const MAX_PREAMBLE: usize = 3;
/// The bytes that a block never grows by. A match's copies take one byte less at least than what they stand for, which makes up for the literals' tag of one
/// byte, up to 60 of them; the tag of more takes 3 bytes at the most. The last literals have no match behind them.
const MAX_GROWTH: usize = MAX_PREAMBLE + 2 * BLOCK / 60 + 3;
/// The longest copy.
const MAX_COPY: usize = 64;
/// What no offset of a copy of two bytes reaches. Its length is 4 to 11.
const FAR: u32 = 1 << 11;
/// How many literals are copied at once.
const AT_ONCE: usize = 16;
/// What a short sequence overwrites at the most, whatever it keeps.
const SLACK: usize = 32;

/// What compresses blocks.
#[derive(Default)]
pub(super) struct Context {
    matcher: Matcher,
}

impl Context {
    /// Writes a xerial stream to the start of `output`, which grows where it has to and keeps what it held behind the stream. Returns the
    /// stream's size.
    pub(super) fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> usize {
        let blocks = input.len().div_ceil(BLOCK);
        let most = HEADER.len() + blocks * (LENGTH + MAX_GROWTH) + input.len();
        if output.len() < most + SLACK {
            output.resize(most + SLACK, 0);
        }
        let mut end = HEADER.len();
        output[..end].copy_from_slice(&HEADER);
        for start in (0..input.len()).step_by(BLOCK) {
            let (rest, len) = (&input[start..], BLOCK.min(input.len() - start));
            let (length, out) = output[end..].split_at_mut(LENGTH);
            let mut block = Block { out, end: 0 };
            block.push_preamble(len);
            self.matcher.block(rest, len, &mut block);
            length.copy_from_slice(&(block.end as u32).to_be_bytes());
            end += LENGTH + block.end;
        }
        end
    }
}

/// A block in the making: literals and copies, each behind a tag whose two low bits say which. The other bits of a literal's tag are its length less
/// 1 up to 60 bytes, or else how many bytes of length follow. A copy has 3 bits of length and 11 of offset in two bytes, or 6 and 16 in three.
struct Block<'a> {
    out: &'a mut [u8],
    end: usize,
}

impl Block<'_> {
    fn push(&mut self, bytes: &[u8]) {
        self.out[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn push_preamble(&mut self, len: usize) {
        let mut rest = len;
        while rest >= 0x80 {
            self.push(&[rest as u8 | 0x80]);
            rest >>= 7;
        }
        self.push(&[rest as u8]);
    }

    fn push_literals(&mut self, literals: &[u8]) {
        let Some(less) = literals.len().checked_sub(1) else { return };
        match less {
            0..60 => self.push(&[(less as u8) << 2]),
            60..0x100 => self.push(&[60 << 2, less as u8]),
            _ => self.push(&[61 << 2, less as u8, (less >> 8) as u8]),
        }
        self.push(literals);
    }

    #[inline(never)]
    fn push_any(&mut self, literals: &[u8], mut found: Match) {
        self.push_literals(literals);
        while found.len > 0 {
            let len = found.len.min(MAX_COPY);
            let (bytes, size) = copy(Match { len, ..found });
            self.push(&bytes[..size]);
            found.len -= len;
        }
    }
}

/// A copy of at most 64 bytes: its bytes, and how many of them count. Without a branch, which nothing could predict.
#[inline]
fn copy(found: Match) -> ([u8; 4], usize) {
    let (len, offset) = (found.len as u32, u32::from(found.offset));
    let near = (offset & 0xff) << 8 | offset >> 8 << 5 | (len.wrapping_sub(4) & 7) << 2 | 1;
    let far = offset << 8 | (len - 1) << 2 | 2;
    let is_near = (len.wrapping_sub(4) < 8) & (offset < FAR);
    let bits = if is_near { near } else { far };
    (bits.to_le_bytes(), 3 - usize::from(is_near))
}

impl Sequences for Block<'_> {
    #[inline]
    fn matched(&mut self, window: &Window, start: usize, len: usize, found: Match) {
        let literals = bytes::<AT_ONCE>(window, start);
        let out = self.out[self.end..].first_chunk_mut::<SLACK>();
        let (Some(out), true) = (out, len <= AT_ONCE && found.len <= MAX_COPY) else {
            return self.push_any(&window[start..start + len], found);
        };
        // A tag without literals is overwritten.
        out[0] = (len.wrapping_sub(1) as u8) << 2;
        let at = usize::from(len > 0);
        out[at..at + AT_ONCE].copy_from_slice(&literals);
        let at = at + len;
        let (copy, size) = copy(found);
        out[at..at + 4].copy_from_slice(&copy);
        self.end += at + size;
    }

    fn last(&mut self, literals: &[u8]) {
        self.push_literals(literals);
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
