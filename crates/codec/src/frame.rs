//! Frames: a message behind its header, behind a length prefix of four bytes.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::message::{join, read};
use crate::messages::{RequestHeader, ResponseHeader};
use crate::{ByteStr, FrameBuffer, Message, Request, Response};

/// Bytes of the length prefix of a frame.
pub const LENGTH_PREFIX: usize = 4;

/// Enough for the head of most requests.
const FIRST_CAPACITY: usize = 256;

/// An encoded frame with its length prefix, as the segments that make it up.
///
/// Large byte fields, the record batches of a Produce request above all, are segments of their own
/// that share the caller's memory: writing the segments with one vectored write copies nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    segments: Vec<Bytes>,
    len: usize,
}

/// Without the bytes: they may hold a password (SaslAuthenticate), or a megabyte of records.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("len", &self.len)
            .field("segments", &self.segments.len())
            .finish()
    }
}

impl Frame {
    pub(crate) fn new(segments: Vec<Bytes>) -> Self {
        let len = segments.iter().map(Bytes::len).sum();
        Self { segments, len }
    }

    /// A frame around a header and a message that are encoded already, such as those of a frame that
    /// has been read: their length prefix, and the bytes as they are. `None` over 2 GiB.
    #[must_use]
    pub fn around(content: Bytes) -> Option<Self> {
        let prefix = i32::try_from(content.len()).ok()?.to_be_bytes();
        let mut segments = Vec::from([Bytes::copy_from_slice(&prefix), content]);
        segments.retain(|segment| !segment.is_empty());
        Some(Self::new(segments))
    }

    /// The bytes of the frame in order, with the length prefix; no segment is empty.
    #[must_use]
    pub fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// The segments, to be taken apart.
    #[must_use]
    pub fn into_segments(self) -> Vec<Bytes> {
        self.segments
    }

    /// The bytes of all segments, with the four of the length prefix.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a frame has its length prefix at least")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The frame in one piece: a copy, if it has more than one segment.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        join(self.segments.clone())
    }
}

/// What stands at the start of every request, whatever its API and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPreamble {
    /// The key of the API: [`ApiKey`](crate::ApiKey) knows most.
    pub api_key: i16,
    /// The version of the request, and of the answer that is wanted.
    pub api_version: i16,
    /// What the answer is to repeat.
    pub correlation_id: i32,
}

/// Encodes a request in `version`, behind its header.
///
/// # Errors
///
/// [`EncodeError`] for an unsupported version, a value that it cannot carry, or a frame over 2 GiB.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: Option<&str>,
    request: &R,
    version: i16,
) -> Result<Frame, EncodeError> {
    let client_id = client_id.map(ByteStr::copy_from);
    let mut buffer = FrameBuffer::with_capacity(FIRST_CAPACITY);
    buffer.put_request_of(correlation_id, client_id, request, version)?;
    Ok(buffer.into_frame())
}

/// Encodes a response in `version`, behind its header.
///
/// # Errors
///
/// [`EncodeError`] for an unsupported version, a value that it cannot carry, or a frame over 2 GiB.
pub fn encode_response<R: Response>(
    correlation_id: i32,
    response: &R,
    version: i16,
) -> Result<Frame, EncodeError> {
    let mut buffer = FrameBuffer::with_capacity(FIRST_CAPACITY);
    buffer.put_response(correlation_id, response, version)?;
    Ok(buffer.into_frame())
}

/// Decodes the answer to a request of `version` from a frame without its length prefix: the
/// correlation id and the response, which shares the frame's memory.
///
/// # Errors
///
/// [`DecodeError`] for an unsupported version, or a frame that ends early, is wrong, or goes on
/// behind the response.
pub fn decode_response<R: Response>(frame: &Bytes, version: i16) -> Result<(i32, R), DecodeError> {
    let (header, _, response) = read_response(frame, version)?;
    Ok((header.correlation_id, response))
}

/// Gives the header, the version that the response has, and the response.
pub(crate) fn read_response<R: Response>(
    frame: &Bytes,
    version: i16,
) -> Result<(ResponseHeader, i16, R), DecodeError> {
    let (header, body): (ResponseHeader, _) = read(frame, 0, R::header_version(version), false)?;
    let version = R::body_version(&frame[body..], version);
    let (response, _) = read(frame, body, version, true)?;
    Ok((header, version, response))
}

/// Decodes a request and its header from a frame without its length prefix. The request shares the
/// frame's memory.
///
/// An ApiVersions request of a version that this crate does not speak is read as one of version 0
/// (KIP-511): its header tells which version it had, and the answer is to be UNSUPPORTED_VERSION, in
/// version 0.
///
/// # Errors
///
/// [`DecodeError`] for another API or an unsupported version, or a frame that ends early, is wrong,
/// or goes on behind the request.
pub fn decode_request<R: Request>(frame: &Bytes) -> Result<(RequestHeader, R), DecodeError> {
    let RequestPreamble { api_key: found, api_version: version, .. } = peek_request(frame)?;
    if found != i16::from(R::API_KEY) {
        let kind = DecodeErrorKind::OtherApi { expected: R::API_KEY, found };
        return Err(DecodeError::new(R::NAME, version, 0, kind));
    }
    let (header, _, request) = read_request(frame)?;
    Ok((header, request))
}

/// Gives the header, the version that the request has been read as, and the request.
pub(crate) fn read_request<R: Request>(
    frame: &Bytes,
) -> Result<(RequestHeader, i16, R), DecodeError> {
    let version = peek_request(frame)?.api_version;
    if let Some((version, request)) = R::of_unknown_version(version) {
        // What follows the client's id is not known, nor is it needed.
        let (header, _) = read(frame, 0, 1, false)?;
        return Ok((header, version, request));
    }
    let (header, body) = read(frame, 0, R::header_version(version), false)?;
    let (request, _) = read(frame, body, version, true)?;
    Ok((header, version, request))
}

/// Reads which request a response, in a frame without its length prefix, answers.
///
/// # Errors
///
/// [`DecodeError`] for a frame of less than four bytes.
pub fn peek_correlation_id(frame: &Bytes) -> Result<i32, DecodeError> {
    let (header, _): (ResponseHeader, _) = read(frame, 0, 0, false)?;
    Ok(header.correlation_id)
}

/// Reads what a request, in a frame without its length prefix, is.
///
/// # Errors
///
/// [`DecodeError`] for a frame of less than eight bytes.
pub fn peek_request(frame: &Bytes) -> Result<RequestPreamble, DecodeError> {
    let Some([key_0, key_1, version_0, version_1, id @ ..]) = frame.first_chunk::<8>() else {
        let kind = DecodeErrorKind::Short { needed: 8 - frame.len() };
        return Err(DecodeError::new(RequestHeader::NAME, 1, frame.len(), kind));
    };
    Ok(RequestPreamble {
        api_key: i16::from_be_bytes([*key_0, *key_1]),
        api_version: i16::from_be_bytes([*version_0, *version_1]),
        correlation_id: i32::from_be_bytes(*id),
    })
}
