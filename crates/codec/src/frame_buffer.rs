//! [`FrameBuffer`]: room for encoded frames that is used again and again.

use alloc::vec::Vec;

use crate::error::{EncodeError, EncodeErrorKind};
use crate::message::write;
use crate::messages::{RequestHeader, ResponseHeader};
use crate::sink::Sink;
use crate::{ByteStr, Frame, LENGTH_PREFIX, Message, Request, Response};

/// Encodes frames, one behind the other, into memory that stays: once it has grown to what the frames
/// need, encoding allocates nothing.
///
/// ```
/// use rohrpost_codec::{ByteStr, FrameBuffer, messages::ApiVersionsRequest};
///
/// let client_id = ByteStr::from("my-client");
/// let mut buffer = FrameBuffer::new();
/// for correlation_id in 0..3 {
///     buffer.clear();
///     buffer.put_request(correlation_id, Some(&client_id), &ApiVersionsRequest::default(), 4)?;
///     let slices: Vec<&[u8]> = buffer.slices().collect(); // for one vectored write
///     assert_eq!(slices.concat().len(), buffer.len());
/// }
/// # Ok::<(), rohrpost_codec::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct FrameBuffer {
    sink: Sink,
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuffer {
    /// A buffer that refers to byte fields of 1 KiB and more (record batches above all) instead of
    /// copying them: they are slices of their own among [`FrameBuffer::slices`].
    #[must_use]
    pub const fn new() -> Self {
        Self { sink: Sink::sharing(Vec::new()) }
    }

    /// A buffer that copies everything: what is in it is one slice.
    #[must_use]
    pub const fn contiguous() -> Self {
        Self { sink: Sink::copying(Vec::new()) }
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { sink: Sink::sharing(Vec::with_capacity(capacity)) }
    }

    /// Appends the frame of a request in `version`: length prefix, header, and request.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for an unsupported version, a value that it cannot carry, or a frame over
    /// 2 GiB. The buffer is then as it was.
    pub fn put_request<R: Request>(
        &mut self,
        correlation_id: i32,
        client_id: Option<&ByteStr>,
        request: &R,
        version: i16,
    ) -> Result<(), EncodeError> {
        self.put_request_of(correlation_id, client_id.cloned(), request, version)
    }

    pub(crate) fn put_request_of<R: Request>(
        &mut self,
        correlation_id: i32,
        client_id: Option<ByteStr>,
        request: &R,
        version: i16,
    ) -> Result<(), EncodeError> {
        let header = RequestHeader {
            request_api_key: R::API_KEY.into(),
            request_api_version: version,
            correlation_id,
            client_id,
            ..RequestHeader::default()
        };
        self.put(&header, R::header_version(version), request, version)
    }

    /// Appends the frame of a response in `version`: length prefix, header, and response.
    ///
    /// # Errors
    ///
    /// As [`FrameBuffer::put_request`].
    pub fn put_response<R: Response>(
        &mut self,
        correlation_id: i32,
        response: &R,
        version: i16,
    ) -> Result<(), EncodeError> {
        let header = ResponseHeader { correlation_id, ..ResponseHeader::default() };
        self.put(&header, R::header_version(version), response, version)
    }

    /// What has been put, in order; no slice is empty.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.sink.slices()
    }

    /// The bytes of all slices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sink.len()
    }

    /// Whether there is no frame in the buffer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.sink.clear();
    }

    pub(crate) fn into_frame(self) -> Frame {
        Frame::new(self.sink.into_segments())
    }

    /// Appends a frame whose header is given as it is; nothing, if that fails.
    pub(crate) fn put<H: Message, M: Message>(
        &mut self,
        header: &H,
        header_version: i16,
        message: &M,
        version: i16,
    ) -> Result<(), EncodeError> {
        let start = self.sink.mark();
        let written = self.write(header, header_version, message, version);
        match written {
            Ok(content) => self.sink.patch(start, &content.to_be_bytes()),
            Err(_) => self.sink.truncate(start),
        }
        written.map(drop)
    }

    /// Gives the frame's length; the prefix is left zero.
    fn write<H: Message, M: Message>(
        &mut self,
        header: &H,
        header_version: i16,
        message: &M,
        version: i16,
    ) -> Result<i32, EncodeError> {
        self.sink.put(&[0; LENGTH_PREFIX]);
        let start = self.sink.mark();
        write(header, &mut self.sink, header_version)?;
        write(message, &mut self.sink, version)?;
        let length = self.sink.len_since(start);
        i32::try_from(length).map_err(|_| {
            let kind = EncodeErrorKind::TooLong { length, max: i32::MAX as usize };
            EncodeError::new(M::NAME, version, kind)
        })
    }
}
