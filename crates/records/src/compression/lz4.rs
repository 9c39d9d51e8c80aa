//! The LZ4 frame format: the fast mode by the crate's own matcher, high compression by the C library with the feature `lz4-c`, decompression
//! by lz4_flex.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::io::{self, Read};

use lz4_flex::frame::FrameDecoder;

use super::DecompressError;
use super::matcher::{BLOCK, Match, Matcher, Sequences, Window, bytes};
use super::read_limited::read_limited;

/// What Java writes, and all that it reads: magic, version 1 with independent blocks and neither checksums nor content size,
/// blocks of 64 KiB, and the descriptor's checksum (the second byte of its xxHash-32).
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
/// In a block's length: the block is stored, not compressed.
const STORED: u32 = 1 << 31;
const END_MARK: [u8; 4] = [0; 4];

/// Before each block: its length and the flag.
const LENGTH: usize = 4;
/// Kafka's number for the fast mode; every other level is of high compression.
const FAST: i32 = 9;
/// The bytes that a block never grows by. A sequence's token and offset take less than the match that they stand for, and its length bytes too, but for
/// the literals' one byte in 255; the last sequence has no match to make up for its token.
const MAX_GROWTH: usize = BLOCK / 255 + 16;

/// From here on a length goes on in bytes of its own.
const LONG: usize = 15;
/// No match is shorter, and its length is counted from there.
const MIN_MATCH: usize = 4;
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
    /// Writes one frame to the start of `output`, which grows where it has to and keeps what it held behind the frame. Returns the frame's size.
    pub(super) fn compress(
        &mut self,
        level: i32,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<usize, String> {
        let blocks = input.len().div_ceil(BLOCK);
        let most = HEADER.len() + blocks * (LENGTH + MAX_GROWTH) + input.len() + END_MARK.len();
        if output.len() < most + SLACK {
            output.resize(most + SLACK, 0);
        }
        let mut end = HEADER.len();
        output[..end].copy_from_slice(&HEADER);
        for start in (0..input.len()).step_by(BLOCK) {
            let (rest, len) = (&input[start..], BLOCK.min(input.len() - start));
            let (length, data) = output[end..].split_at_mut(LENGTH);
            let size = match level {
                FAST => self.fast(rest, len, data),
                level => high_compression(level, &rest[..len], data)?,
            };
            let (size, flag) = if size < len { (size, 0) } else { (len, STORED) };
            if flag == STORED {
                data[..len].copy_from_slice(&rest[..len]);
            }
            length.copy_from_slice(&(size as u32 | flag).to_le_bytes());
            end += LENGTH + size;
        }
        output[end..end + END_MARK.len()].copy_from_slice(&END_MARK);
        Ok(end + END_MARK.len())
    }

    fn fast(&mut self, input: &[u8], len: usize, out: &mut [u8]) -> usize {
        let mut block = Block { out, end: 0 };
        self.matcher.block(input, len, &mut block);
        block.end
    }
}

#[cfg(feature = "lz4-c")]
fn high_compression(level: i32, block: &[u8], out: &mut [u8]) -> Result<usize, String> {
    use lz4::block::{CompressionMode, compress_to_buffer};
    let mode = CompressionMode::HIGHCOMPRESSION(level);
    compress_to_buffer(block, Some(mode), false, out).map_err(|error| error.to_string())
}

#[cfg(not(feature = "lz4-c"))]
fn high_compression(_level: i32, _block: &[u8], _out: &mut [u8]) -> Result<usize, String> {
    // No such `Compression` can be made.
    Err("high compression is not compiled in".to_string())
}

/// A block in the making. A sequence is a token, of four bits for each of the two lengths, the literals, the match's offset; a length of 15 or
/// more goes on in bytes of their own, behind the token and behind the offset.
struct Block<'a> {
    out: &'a mut [u8],
    end: usize,
}

impl Block<'_> {
    fn push(&mut self, bytes: &[u8]) {
        self.out[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn push_length(&mut self, len: usize) {
        let Some(mut rest) = len.checked_sub(LONG) else { return };
        while rest >= 255 {
            self.push(&[255]);
            rest -= 255;
        }
        self.push(&[rest as u8]);
    }

    fn push_literals(&mut self, literals: &[u8], match_bits: usize) {
        self.push(&[(literals.len().min(LONG) << 4 | match_bits) as u8]);
        self.push_length(literals.len());
        self.push(literals);
    }

    #[inline(never)]
    fn push_any(&mut self, literals: &[u8], found: Match) {
        let len = found.len - MIN_MATCH;
        self.push_literals(literals, len.min(LONG));
        self.push(&found.offset.to_le_bytes());
        self.push_length(len);
    }
}

impl Sequences for Block<'_> {
    #[inline]
    fn matched(&mut self, window: &Window, start: usize, len: usize, found: Match) {
        let literals = bytes::<AT_ONCE>(window, start);
        let match_len = found.len - MIN_MATCH;
        let out = self.out[self.end..].first_chunk_mut::<SLACK>();
        let (Some(out), true) = (out, len <= AT_ONCE && match_len < LONG + 255) else {
            return self.push_any(&window[start..start + len], found);
        };
        // Each length has at most one byte of its own, which is written in any case and kept where it is due.
        out[0] = (len.min(LONG) << 4 | match_len.min(LONG)) as u8;
        out[1] = len.wrapping_sub(LONG) as u8;
        let at = 1 + usize::from(len >= LONG);
        out[at..at + AT_ONCE].copy_from_slice(&literals);
        let at = at + len;
        out[at..at + 2].copy_from_slice(&found.offset.to_le_bytes());
        out[at + 2] = match_len.wrapping_sub(LONG) as u8;
        self.end += at + 2 + usize::from(match_len >= LONG);
    }

    fn last(&mut self, literals: &[u8]) {
        self.push_literals(literals, 0);
    }
}

/// Decompresses one frame, as Java does; bytes behind it are ignored.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    // lz4_flex also reads the format before this one, in blocks of 8 MiB, whatever the input is worth. No Kafka client wrote it.
    if !input.starts_with(&HEADER[..4]) {
        return Err(DecompressError::Corrupt("not an LZ4 frame".to_string()));
    }
    read_limited(FrameDecoder::new(Whole(input)), input.len(), limit)
}

/// Fails at its end: the decoder takes the end of its input for that of the frame, with or without the end mark.
struct Whole<'a>(&'a [u8]);

impl Read for Whole<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() && !buf.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is cut"));
        }
        self.0.read(buf)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// Where the last match of a block begins, counted from the end of what it stands for, and the literals behind it.
    fn last_sequence(block: &[u8], len: usize) -> Option<(usize, usize)> {
        let (mut rest, mut at, mut last) = (block, 0, None);
        let mut take = |len: usize| {
            let (taken, after) = rest.split_at(len);
            rest = after;
            (taken.to_vec(), after.is_empty())
        };
        let length = |bits: u8, take: &mut dyn FnMut(usize) -> (Vec<u8>, bool)| {
            let mut len = usize::from(bits);
            while len >= 15 {
                let byte = take(1).0[0];
                len += usize::from(byte);
                if byte < 255 {
                    break;
                }
            }
            len
        };
        loop {
            let token = take(1).0[0];
            let literals = length(token >> 4, &mut take);
            at += literals;
            if take(literals).1 {
                assert_eq!(at, len);
                return last.map(|start: usize| (len - start, literals));
            }
            take(2);
            last = Some(at);
            at += MIN_MATCH + length(token & 15, &mut take);
        }
    }

    /// "The last 5 bytes are always literals", and "the last match must start at least 12 bytes before the end of block" (LZ4 block format).
    #[test]
    fn a_block_ends_as_the_format_asks() {
        let mut context = Context::default();
        let mut output = Vec::new();
        let mut matches = 0;
        for period in [1, 2, 7, 20] {
            let text: Vec<u8> = (0..period).cycle().take(400).collect();
            for len in 1..400 {
                let size = context.compress(FAST, &text[..len], &mut output).unwrap();
                let (length, block) = output[HEADER.len()..size - 4].split_at(LENGTH);
                if length[3] & 0x80 != 0 {
                    continue;
                }
                if let Some((start, literals)) = last_sequence(block, len) {
                    assert!(start >= 12 && literals >= 5, "{period} {len}: {start} {literals}");
                    matches += 1;
                }
            }
        }
        assert!(matches > 1000, "{matches}");
    }
}
