//! Frames that hold secrets.

use alloc::vec::Vec;

use rohrpost_codec::{Bytes, Frame, LENGTH_PREFIX};
use zeroize::{Zeroize, Zeroizing};

/// Moves a frame into memory that is wiped when its last reference goes, and wipes the memory that it was in. What the frame shares with others stays theirs to wipe.
pub(crate) fn guard(frame: &mut Frame) {
    let Some(empty) = Frame::around(Bytes::new()) else { return };
    let segments = core::mem::replace(frame, empty).into_segments();
    let mut content = Zeroizing::new(Vec::with_capacity(segments.iter().map(Bytes::len).sum()));
    for segment in segments {
        content.extend_from_slice(&segment);
        if let Ok(mut unshared) = segment.try_into_mut() {
            unshared.zeroize();
        }
    }
    // Frames of requests are far below the limit.
    if let Some(guarded) = Frame::around(Bytes::from_owner(content).slice(LENGTH_PREFIX..)) {
        *frame = guarded;
    }
}
