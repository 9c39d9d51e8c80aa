//! The LZ4 frame format, by lz4_flex; compressed by the C library with the feature `lz4-c`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::io::{self, Read};

use lz4_flex::block::get_maximum_output_size;
use lz4_flex::frame::FrameDecoder;

use super::DecompressError;
use super::read_limited::read_limited;

/// What Java writes, and all that it reads: magic, version 1 with independent blocks and neither checksums nor content size,
/// blocks of 64 KiB, and the descriptor's checksum (the second byte of its xxHash-32).
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const BLOCK: usize = 64 * 1024;
/// In a block's length: the block is stored, not compressed.
const STORED: u32 = 1 << 31;
const END_MARK: [u8; 4] = [0; 4];

/// A block's worth of output, and what the encoder keeps.
pub(super) struct Context {
    encoder: Encoder,
    block: Vec<u8>,
}

impl Default for Context {
    fn default() -> Self {
        let block = alloc::vec![0; get_maximum_output_size(BLOCK)];
        Self { encoder: Encoder::new(), block }
    }
}

impl Context {
    /// Appends one frame to `output`. Written here, not by lz4_flex's frame encoder, which copies everything twice more.
    pub(super) fn compress(
        &mut self,
        level: i32,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), String> {
        output.extend_from_slice(&HEADER);
        for block in input.chunks(BLOCK) {
            let len = self.encoder.compress(level, block, &mut self.block)?;
            let (flag, data) =
                if len < block.len() { (0, &self.block[..len]) } else { (STORED, block) };
            output.extend_from_slice(&(data.len() as u32 | flag).to_le_bytes());
            output.extend_from_slice(data);
        }
        output.extend_from_slice(&END_MARK);
        Ok(())
    }
}

/// Compresses blocks by lz4_flex, which has the fast mode alone.
#[cfg(not(feature = "lz4-c"))]
struct Encoder(lz4_flex::block::CompressTable);

#[cfg(not(feature = "lz4-c"))]
impl Encoder {
    fn new() -> Self {
        Self(lz4_flex::block::CompressTable::large())
    }

    fn compress(&mut self, _level: i32, block: &[u8], out: &mut [u8]) -> Result<usize, String> {
        lz4_flex::block::compress_into_with_table(block, out, &mut self.0)
            .map_err(|error| error.to_string())
    }
}

/// Compresses blocks by the reference library.
#[cfg(feature = "lz4-c")]
struct Encoder;

#[cfg(feature = "lz4-c")]
impl Encoder {
    /// Kafka's number for the fast mode; every other level is of high compression.
    const FAST: i32 = 9;

    const fn new() -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "the library keeps nothing; the other encoder does")]
    fn compress(&mut self, level: i32, block: &[u8], out: &mut [u8]) -> Result<usize, String> {
        use lz4::block::{CompressionMode, compress_to_buffer};
        let mode = match level {
            Self::FAST => CompressionMode::DEFAULT,
            level => CompressionMode::HIGHCOMPRESSION(level),
        };
        compress_to_buffer(block, Some(mode), false, out).map_err(|error| error.to_string())
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
