//! The LZ4 frame format, by lz4_flex.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::DecompressError;
use super::read_limited::read_limited;

/// An encoder with its tables. Between batches it holds an empty output.
pub(super) struct Context {
    encoder: FrameEncoder<Vec<u8>>,
}

impl Default for Context {
    fn default() -> Self {
        // What Java writes, and all that it reads: independent blocks of 64 KiB, without checksums or content size.
        let info =
            FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
        Self { encoder: FrameEncoder::with_frame_info(info, Vec::new()) }
    }
}

impl Context {
    /// Appends one frame to `output`.
    pub(super) fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), String> {
        core::mem::swap(self.encoder.get_mut(), output);
        let result = self.encoder.write_all(input).map_err(|error| error.to_string());
        let result =
            result.and_then(|()| self.encoder.try_finish().map_err(|error| error.to_string()));
        core::mem::swap(self.encoder.get_mut(), output);
        result
    }
}

/// Decompresses one frame, as Java does; bytes behind it are ignored.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    read_limited(FrameDecoder::new(input), input.len(), limit)
}
