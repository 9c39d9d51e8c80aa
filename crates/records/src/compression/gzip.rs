//! gzip, by zlib-rs.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use flate2::bufread::MultiGzDecoder;
use flate2::{Compress, FlushCompress, Status};

use super::DecompressError;
use super::read_limited::read_limited;

/// The window of zlib and of Java: 32 KiB.
const WINDOW_BITS: u8 = 15;

/// Inputs beyond this size get an output that surely suffices, at once.
const LARGE: usize = 1 << 20;

/// A deflate state and the level it was made for.
#[derive(Default)]
pub(super) struct Context {
    state: Option<(i32, Compress)>,
}

impl Context {
    /// Replaces `output` by one gzip member. Returns its size.
    pub(super) fn compress(
        &mut self,
        level: i32,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<usize, String> {
        output.clear();
        let state = match &mut self.state {
            Some((of, state)) if *of == level => {
                state.reset();
                state
            }
            slot => &mut slot.insert((level, new_state(level))).1,
        };
        if input.len() > LARGE {
            // What does not get smaller gets a little larger. To grow would take the room twice.
            output.reserve_exact(input.len() + input.len() / 1_000 + 256);
        } else {
            output.reserve(input.len() / 2 + 256);
        }
        loop {
            let consumed = state.total_in() as usize;
            match state.compress_vec(&input[consumed..], output, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return Ok(output.len()),
                Ok(Status::Ok | Status::BufError) if output.len() == output.capacity() => {
                    output.reserve(output.len() / 2 + 256);
                }
                Ok(status) => return Err(format!("no progress ({status:?})")),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

fn new_state(level: i32) -> Compress {
    let level = u32::try_from(level)
        .map_or_else(|_| flate2::Compression::default(), flate2::Compression::new);
    Compress::new_gzip(level, WINDOW_BITS)
}

/// Decompresses all members: some clients write several.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    read_limited(MultiGzDecoder::new(input), input.len(), limit)
}
