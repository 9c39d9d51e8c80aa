//! [`FrameReader`]: frames out of a stream of bytes, wherever the stream is cut.

use core::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::LENGTH_PREFIX;

/// The longest frame that is accepted where nothing else is said: 100 MiB, as a broker's
/// `socket.request.max.bytes` has it.
pub const DEFAULT_MAX_FRAME: usize = 100 * 1024 * 1024;

/// The most bytes that are asked for ahead of a frame of which nothing has come yet.
const FIRST_RESERVATION: usize = 64 * 1024;

/// Puts frames together from bytes as they arrive. It does no I/O: hand it what was read.
///
/// Memory follows what has been received: a length prefix alone makes it reserve at most 64 KiB, or
/// as much again as has come already.
///
/// ```
/// use rohrpost_codec::FrameReader;
///
/// let mut reader = FrameReader::new(1024);
/// reader.extend(&[0, 0, 0, 3, b'a', b'b']);
/// assert_eq!(reader.next_frame(), Ok(None));
/// reader.extend(b"cd");
/// assert_eq!(reader.next_frame()?.unwrap(), "abc");
/// assert_eq!(reader.buffered(), 1);
/// # Ok::<(), rohrpost_codec::FrameError>(())
/// ```
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    max_frame: usize,
}

/// A length prefix that announces no frame: the other side does not speak Kafka's protocol, or the
/// frame is over the limit. The stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    prefix: [u8; LENGTH_PREFIX],
    max_frame: usize,
}

/// What the other side seems to speak instead of Kafka's protocol without encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerHint {
    /// An HTTP server, by its answer, or an HTTP client, by its request.
    Http,
    /// TLS: a listener, or a client, that wants encryption.
    Tls,
}

impl Default for FrameReader {
    /// A reader of frames of at most [`DEFAULT_MAX_FRAME`] bytes.
    fn default() -> Self {
        Self::new(DEFAULT_MAX_FRAME)
    }
}

impl FrameReader {
    /// A reader of frames of at most `max_frame` bytes, without the length prefix.
    #[must_use]
    pub fn new(max_frame: usize) -> Self {
        Self { buffer: BytesMut::new(), max_frame }
    }

    /// Takes frames of at most `max_frame` bytes from now on, for instance more of a peer that has shown who it is.
    pub fn set_max_frame(&mut self, max_frame: usize) {
        self.max_frame = max_frame;
    }

    /// Appends bytes that have been received.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer to append received bytes to, without a copy.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// How many bytes wait for the rest of their frame, or to be taken. If this is not 0 when the
    /// stream ends, the last frame is cut.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next frame, without its length prefix; `None` if it is not whole yet. The frame
    /// shares the memory of what was received.
    ///
    /// # Errors
    ///
    /// [`FrameError`] for a length that is negative or over the limit; again on every later call.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        next_frame(&mut self.buffer, self.max_frame)
    }
}

/// Takes the next frame from the front of `buffer`.
pub(crate) fn next_frame(
    buffer: &mut BytesMut,
    max_frame: usize,
) -> Result<Option<Bytes>, FrameError> {
    let Some(&prefix) = buffer.first_chunk::<LENGTH_PREFIX>() else { return Ok(None) };
    let len = usize::try_from(i32::from_be_bytes(prefix))
        .ok()
        .filter(|&len| len <= max_frame)
        .ok_or(FrameError { prefix, max_frame })?;
    let received = buffer.len() - LENGTH_PREFIX;
    if received < len {
        buffer.reserve((len - received).min(received.max(FIRST_RESERVATION)));
        return Ok(None);
    }
    buffer.advance(LENGTH_PREFIX);
    Ok(Some(buffer.split_to(len).freeze()))
}

impl FrameError {
    /// The four bytes that should have been a frame's length.
    #[must_use]
    pub fn prefix(&self) -> [u8; LENGTH_PREFIX] {
        self.prefix
    }

    /// The length that they announce: negative, or above [`FrameError::max_frame`].
    #[must_use]
    pub fn length(&self) -> i32 {
        i32::from_be_bytes(self.prefix)
    }

    /// The longest frame that is accepted.
    #[must_use]
    pub fn max_frame(&self) -> usize {
        self.max_frame
    }

    /// What the bytes look like, if not like a length.
    #[must_use]
    pub fn hint(&self) -> Option<PeerHint> {
        match &self.prefix {
            b"HTTP" | b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" | b"CONN"
            | b"PRI " => Some(PeerHint::Http),
            // A record of type alert or handshake, of any version from SSL 3.0 on.
            [0x15 | 0x16, 0x03, 0x00..=0x04, _] => Some(PeerHint::Tls),
            _ => None,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.prefix;
        write!(
            f,
            "a frame of {} bytes is announced, where 0 to {} are accepted (bytes {a:02x} {b:02x} \
             {c:02x} {d:02x})",
            self.length(),
            self.max_frame
        )?;
        match self.hint() {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for FrameError {}

impl fmt::Display for PeerHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "the other side seems to speak HTTP, not Kafka's protocol",
            Self::Tls => "the other side seems to want TLS, which this side does not speak here",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn error(prefix: &[u8; 4], max_frame: usize) -> FrameError {
        let mut reader = FrameReader::new(max_frame);
        reader.extend(prefix);
        let error = reader.next_frame().unwrap_err();
        assert_eq!(reader.next_frame(), Err(error));
        error
    }

    #[test]
    fn lengths_that_are_negative_or_over_the_limit_are_refused() {
        assert_eq!(error(&(-1_i32).to_be_bytes(), 100).length(), -1);
        assert_eq!(error(&i32::MIN.to_be_bytes(), 100).length(), i32::MIN);
        assert_eq!(error(&101_i32.to_be_bytes(), 100).length(), 101);
        assert_eq!(error(&101_i32.to_be_bytes(), 100).hint(), None);
        let mut reader = FrameReader::new(100);
        reader.extend(&100_i32.to_be_bytes());
        assert_eq!(reader.next_frame(), Ok(None));
    }

    #[test]
    fn a_peer_that_speaks_something_else_is_named() {
        let limit = DEFAULT_MAX_FRAME;
        assert_eq!(error(b"HTTP", limit).hint(), Some(PeerHint::Http));
        assert_eq!(error(b"GET ", limit).hint(), Some(PeerHint::Http));
        assert_eq!(error(&[0x15, 3, 3, 0], limit).hint(), Some(PeerHint::Tls));
        assert_eq!(error(&[0x16, 3, 1, 2], limit).hint(), Some(PeerHint::Tls));
        assert_eq!(
            error(b"HTTP", limit).to_string(),
            "a frame of 1213486160 bytes is announced, where 0 to 104857600 are accepted \
             (bytes 48 54 54 50): the other side seems to speak HTTP, not Kafka's protocol"
        );
    }

    #[test]
    fn a_length_alone_reserves_little_however_much_it_claims() {
        let mut reader = FrameReader::new(usize::MAX);
        reader.extend(&i32::MAX.to_be_bytes());
        assert_eq!(reader.next_frame(), Ok(None));
        assert!(reader.buffer.capacity() <= 2 * FIRST_RESERVATION);
        let mut most = 0;
        for _ in 0..64 {
            reader.extend(&[0; 10_000]);
            assert_eq!(reader.next_frame(), Ok(None));
            most = most.max(reader.buffer.capacity());
        }
        assert!(most <= 4 * 640_000, "{most}");
    }

    #[test]
    fn a_frame_shares_the_memory_it_was_received_in() {
        let mut reader = FrameReader::new(100);
        reader.extend(&[0, 0, 0, 2, 7, 8]);
        let place = reader.buffer.as_ptr() as usize + LENGTH_PREFIX;
        assert_eq!(reader.next_frame().unwrap().unwrap().as_ptr() as usize, place);
    }

    proptest! {
        #[test]
        fn frames_come_out_whole_wherever_the_stream_is_cut(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1_usize..20, 1..8),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                stream.extend_from_slice(&(frame.len() as i32).to_be_bytes());
                stream.extend_from_slice(frame);
            }
            let mut reader = FrameReader::new(40);
            let mut read = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                while let Some(frame) = reader.next_frame().unwrap() {
                    read.push(frame.to_vec());
                }
                if rest.is_empty() {
                    break;
                }
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                reader.extend(piece);
                rest = tail;
            }
            prop_assert_eq!(read, frames);
            prop_assert_eq!(reader.buffered(), 0);
        }
    }
}
