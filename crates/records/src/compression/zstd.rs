//! Zstandard, by the reference library.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use zstd::bulk::Compressor;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::compress_bound;

use super::DecompressError;

/// The largest window that Java's reader takes, as the power of two: 128 MiB, what level 22 writes.
const MAX_WINDOW_LOG: u32 = 27;
/// What the output grows by at the least.
const STEP: usize = 16 * 1024;

/// A compression context and its level.
#[derive(Default)]
pub(super) struct Context {
    compressor: Option<(i32, Compressor<'static>)>,
}

impl Context {
    /// Replaces `output` by one frame.
    pub(super) fn compress(
        &mut self,
        level: i32,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), String> {
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
        compressor.compress_to_buffer(input, output).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// Decompresses all frames.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let corrupt = |error: std::io::Error| DecompressError::Corrupt(error.to_string());
    let mut decoder = Decoder::new().map_err(corrupt)?;
    decoder
        .set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(MAX_WINDOW_LOG))
        .map_err(corrupt)?;
    let mut input = InBuffer::around(input);
    let mut output = Vec::new();
    let mut filled = 0;
    loop {
        if filled == output.len() {
            let step = filled.max(input.src.len().saturating_mul(2)).clamp(STEP, 1 << 20);
            // One byte beyond the limit tells the end from too much.
            let len = filled.saturating_add(step).min(limit.saturating_add(1));
            if len == filled {
                return Err(DecompressError::TooLarge);
            }
            output.resize(len, 0);
        }
        let mut out = OutBuffer::around_pos(&mut output[..], filled);
        let hint = decoder.run(&mut input, &mut out).map_err(corrupt)?;
        let (before, full) = (filled, out.pos() == out.capacity());
        filled = out.pos();
        let drained = input.pos() == input.src.len();
        if hint == 0 && drained {
            break;
        }
        if drained && !full && filled == before {
            return Err(DecompressError::Corrupt("the last frame is cut".to_string()));
        }
    }
    if filled > limit {
        return Err(DecompressError::TooLarge);
    }
    output.truncate(filled);
    Ok(output)
}
