//! Reading all of a decompressor's output, up to a limit.

use alloc::string::ToString;
use alloc::vec::Vec;
use std::io::{ErrorKind, Read};

use super::DecompressError;

/// What the output grows by at the least.
const STEP: usize = 16 * 1024;

/// Reads `reader` to its end. The output at most doubles with what really came out, so a lying size costs nothing.
pub(super) fn read_limited(
    mut reader: impl Read,
    input_len: usize,
    limit: usize,
) -> Result<Vec<u8>, DecompressError> {
    let mut output = Vec::new();
    let mut filled = 0;
    loop {
        if filled == output.len() {
            let step = filled.max(input_len.saturating_mul(2)).clamp(STEP, 1 << 20);
            // One byte beyond the limit tells the end from too much.
            let len = filled.saturating_add(step).min(limit.saturating_add(1));
            if len == filled {
                return Err(DecompressError::TooLarge);
            }
            output.resize(len, 0);
        }
        match reader.read(&mut output[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(DecompressError::Corrupt(error.to_string())),
        }
    }
    output.truncate(filled);
    Ok(output)
}
