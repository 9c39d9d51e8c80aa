//! [`KafkaCodec`]: frames for tokio-util's `Framed`, by the same assembler as [`FrameReader`].
//!
//! [`FrameReader`]: crate::FrameReader

use core::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::frame_reader::next_frame;
use crate::{DEFAULT_MAX_FRAME, Frame, FrameError};

/// Reads frames without their length prefix, as `Bytes`; writes [`Frame`]s, which it has to copy:
/// `Framed` knows no vectored writes. The limit is for what is read.
///
/// ```
/// use bytes::BytesMut;
/// use rohrpost_codec::{Frame, KafkaCodec, decode_request, encode_request};
/// use rohrpost_codec::messages::ApiVersionsRequest;
/// use tokio_util::codec::{Decoder, Encoder}; // or `KafkaCodec::framed`, around a socket
///
/// let (mut codec, mut buffer) = (KafkaCodec::new(1024 * 1024), BytesMut::new());
/// codec.encode(encode_request(7, Some("me"), &ApiVersionsRequest::default(), 3)?, &mut buffer)?;
/// let read = codec.decode(&mut buffer)?.expect("all of it has come");
/// let (header, _) = decode_request::<ApiVersionsRequest>(&read)?;
/// assert_eq!(header.correlation_id, 7);
/// // As it came, to somebody else:
/// codec.encode(Frame::around(read).expect("no more than was read"), &mut buffer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KafkaCodec {
    max_frame: usize,
}

/// Why a stream of frames ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum KafkaCodecError {
    /// The stream failed, or ended inside of a frame (`UnexpectedEof`).
    Io(io::Error),
    /// The other side announced what cannot be a frame.
    Frame(FrameError),
}

impl Default for KafkaCodec {
    /// A codec for frames of at most [`DEFAULT_MAX_FRAME`] bytes.
    fn default() -> Self {
        Self::new(DEFAULT_MAX_FRAME)
    }
}

impl KafkaCodec {
    /// A codec for frames of at most `max_frame` bytes, without the length prefix.
    #[must_use]
    pub fn new(max_frame: usize) -> Self {
        Self { max_frame }
    }
}

impl Decoder for KafkaCodec {
    type Item = Bytes;
    type Error = KafkaCodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, KafkaCodecError> {
        next_frame(buffer, self.max_frame).map_err(KafkaCodecError::Frame)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, KafkaCodecError> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            frame => Ok(frame),
        }
    }
}

impl Encoder<Frame> for KafkaCodec {
    type Error = KafkaCodecError;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> Result<(), KafkaCodecError> {
        buffer.reserve(frame.len());
        for segment in frame.segments() {
            buffer.extend_from_slice(segment);
        }
        Ok(())
    }
}

impl From<io::Error> for KafkaCodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for KafkaCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for KafkaCodecError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // What they say is in `Display` already.
            Self::Io(error) => error.source(),
            Self::Frame(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::ApiVersionsRequest;
    use crate::{decode_request, encode_request};

    #[test]
    fn what_is_encoded_is_decoded_once_it_is_whole() {
        let mut codec = KafkaCodec::new(1024);
        let request = ApiVersionsRequest::default();
        let frame = encode_request(7, Some("me"), &request, 4).unwrap();
        let mut stream = BytesMut::new();
        codec.encode(frame.clone(), &mut stream).unwrap();
        codec.encode(frame, &mut stream).unwrap();

        let first = codec.decode(&mut stream).unwrap().unwrap();
        let (header, decoded) = decode_request::<ApiVersionsRequest>(&first).unwrap();
        assert_eq!((header.correlation_id, decoded), (7, request));

        let mut cut = stream.split_to(stream.len() - 1);
        assert!(codec.decode(&mut cut).unwrap().is_none());
        assert!(matches!(codec.decode_eof(&mut cut), Err(KafkaCodecError::Io(_))));
    }

    #[test]
    fn frames_of_up_to_100_mib_are_accepted_and_memory_follows_what_has_come() {
        let limit = 100 * 1024 * 1024_i32;
        let mut stream = BytesMut::from(&limit.to_be_bytes()[..]);
        assert!(KafkaCodec::default().decode(&mut stream).unwrap().is_none());
        assert!(stream.capacity() <= 128 * 1024, "{}", stream.capacity());
        for read in 1..=100 {
            stream.extend_from_slice(&[7; 10_000]);
            assert!(KafkaCodec::default().decode(&mut stream).unwrap().is_none());
            assert!(stream.capacity() <= 4 * 10_000 * read + 128 * 1024, "{}", stream.capacity());
        }
        let mut stream = BytesMut::from(&(limit + 1).to_be_bytes()[..]);
        let error = KafkaCodec::default().decode(&mut stream).unwrap_err();
        assert!(matches!(error, KafkaCodecError::Frame(error) if error.length() == limit + 1));
    }

    #[test]
    fn a_chain_of_errors_says_each_once() {
        use core::error::Error;
        use std::string::ToString;

        let inner = KafkaCodecError::from(io::Error::other("the cable is cut"));
        assert_eq!(inner.to_string(), "the cable is cut");
        assert!(inner.source().is_none());
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let mut stream = BytesMut::from(&b"HTTP/1.1 400"[..]);
        assert!(matches!(
            KafkaCodec::new(1024).decode(&mut stream),
            Err(KafkaCodecError::Frame(_))
        ));
    }
}
