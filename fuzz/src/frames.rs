//! Frames out of a stream.

use rohrpost_codec::{Bytes, FrameReader, RequestFrame, peek_correlation_id, peek_request};

use crate::within_limits;

/// Small, so that the limit is reached.
const MAX_FRAME: usize = 4096;

/// The first byte says into what pieces the rest, a stream, is cut: the same frames come out as of the
/// whole stream, and what they hold may be anything.
pub fn frames(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else { return };
    let mut reader = FrameReader::new(MAX_FRAME);
    let mut frames = Vec::new();
    for piece in stream.chunks(usize::from(piece).max(1)) {
        reader.extend(piece);
        while let Ok(Some(frame)) = reader.next_frame() {
            frames.push(frame);
        }
    }
    assert_eq!(frames, reference(stream));
    assert!(reader.buffer_mut().capacity() <= 4 * stream.len() + 256 * 1024);
    for frame in &frames {
        let _ = peek_correlation_id(frame);
        let _ = peek_request(frame);
        let _ = within_limits(frame.len(), || RequestFrame::decode(frame));
    }
}

/// The frames of a whole stream, up to the first length that is none.
fn reference(mut stream: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = stream.split_first_chunk() {
        let length = i32::from_be_bytes(*prefix);
        let Ok(length) = usize::try_from(length) else { break };
        if length > MAX_FRAME || length > rest.len() {
            break;
        }
        let (frame, after) = rest.split_at(length);
        frames.push(Bytes::copy_from_slice(frame));
        stream = after;
    }
    frames
}
