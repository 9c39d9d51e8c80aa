//! Zstandard, by the reference library.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use zstd::bulk::Compressor;
use zstd::zstd_safe::{DCtx, ErrorCode, compress_bound, get_error_name, get_frame_content_size};

use super::DecompressError;

/// The output's room to begin with, at the least.
const STEP: usize = 64 * 1024;
/// The library's code for an output without room, negated as its functions return it.
const OUTPUT_TOO_SMALL: ErrorCode = 0usize.wrapping_sub(70);

/// A compression context and its level.
#[derive(Default)]
pub(super) struct Context {
    compressor: Option<(i32, Compressor<'static>)>,
}

impl Context {
    /// Replaces `output` by one frame. Returns its size.
    pub(super) fn compress(
        &mut self,
        level: i32,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<usize, String> {
        output.clear();
        let compressor = match &mut self.compressor {
            Some((of, compressor)) => {
                if *of != level {
                    compressor.set_compression_level(level).map_err(|error| error.to_string())?;
                    *of = level;
                }
                compressor
            }
            slot => {
                let compressor = Compressor::new(level).map_err(|error| error.to_string())?;
                &mut slot.insert((level, compressor)).1
            }
        };
        output.reserve(compress_bound(input.len()));
        compressor.compress_to_buffer(input, output).map_err(|error| error.to_string())
    }
}

/// Decompresses all frames in one go: then the library needs no window of its own, however large a one a frame declares, and the
/// memory is that of the output.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let corrupt = |code| DecompressError::Corrupt(get_error_name(code).to_string());
    let mut context = DCtx::create();
    // What the frame says of its size, which Java's does not, is believed up to a bound.
    let claimed = get_frame_content_size(input).ok().flatten();
    let claimed = claimed.and_then(|claimed| usize::try_from(claimed).ok());
    let believed = input.len().saturating_mul(64).saturating_add(STEP);
    let guess = claimed.unwrap_or_else(|| input.len().saturating_mul(4).max(STEP));
    let mut capacity = guess.min(believed).min(limit);
    loop {
        let mut output = Vec::with_capacity(capacity);
        match context.decompress(&mut output, input) {
            Ok(size) if size > limit => return Err(DecompressError::TooLarge),
            Ok(_) => return Ok(output),
            Err(OUTPUT_TOO_SMALL) if capacity >= limit => return Err(DecompressError::TooLarge),
            // What was done is done again, which is a third of the work in all.
            Err(OUTPUT_TOO_SMALL) => capacity = capacity.saturating_mul(4).max(STEP).min(limit),
            Err(code) => return Err(corrupt(code)),
        }
    }
}
