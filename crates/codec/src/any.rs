//! [`RequestFrame`] and [`ResponseFrame`]: frames of whatever API, for those who stand in between.
//!
//! Everything here is `inline`: it reaches every message, and who does not use it need not compile them.

use bytes::Bytes;

use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::frame::{Frame, peek_request, read_request, read_response};
use crate::messages::{self, RequestHeader, ResponseHeader, with_every_api};
use crate::{ApiKey, FrameBuffer, Message, Request, Response};

/// A request of any API of the features that are on, with its header.
///
/// ```
/// use rohrpost_codec::{AnyRequest, ApiKey, RequestFrame, ResponseFrame, encode_request, encode_response};
/// use rohrpost_codec::messages::{ApiVersionsRequest, ApiVersionsResponse};
///
/// let sent = encode_request(7, Some("my-client"), &ApiVersionsRequest::default(), 3)?.to_bytes();
/// let request = RequestFrame::decode(&sent.slice(4..))?;
/// assert_eq!((request.api_key(), request.version), (ApiKey::ApiVersions, 3));
/// assert!(matches!(request.request, AnyRequest::ApiVersions(_)));
/// assert_eq!(request.encode()?.to_bytes(), sent);
///
/// let sent = encode_response(7, &ApiVersionsResponse::default(), 3)?.to_bytes();
/// let response = request.decode_response(&sent.slice(4..))?;
/// assert_eq!(response.header.correlation_id, request.header.correlation_id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFrame {
    /// Its header, with the version as the client gave it.
    pub header: RequestHeader,
    /// The version that the request was read as, and is to be answered in: the header's, but 0 for an
    /// ApiVersions request of a version that this crate does not speak (KIP-511).
    pub version: i16,
    /// The request.
    pub request: AnyRequest,
}

/// A response of any API of the features that are on, with its header.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseFrame {
    /// Its header.
    pub header: ResponseHeader,
    /// The version that the response was read as: that of its request, but 0 for an ApiVersions
    /// response with UNSUPPORTED_VERSION (KIP-511).
    pub version: i16,
    /// The response.
    pub response: AnyResponse,
}

impl RequestFrame {
    /// Decodes any request from a frame without its length prefix. It shares the frame's memory.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for an API that is unknown or left out by the crate's features, an unsupported
    /// version, or a frame that ends early, is wrong, or goes on behind the request.
    #[inline]
    pub fn decode(frame: &Bytes) -> Result<Self, DecodeError> {
        let preamble = peek_request(frame)?;
        let unknown = || unknown_api(RequestHeader::NAME, 1, preamble.api_key);
        let api_key = ApiKey::try_from(preamble.api_key).map_err(|_| unknown())?;
        AnyRequest::read(frame, api_key).ok_or_else(unknown)?
    }

    /// Decodes the answer to this request from a frame without its length prefix. Whether it repeats
    /// the request's correlation id is not looked at: between two others, ids may have been changed.
    ///
    /// # Errors
    ///
    /// As [`ResponseFrame::decode`].
    #[inline]
    pub fn decode_response(&self, frame: &Bytes) -> Result<ResponseFrame, DecodeError> {
        ResponseFrame::decode(frame, self.api_key(), self.header.request_api_version)
    }

    /// Encodes header and request as they are, with their length prefix.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for an unsupported version, a value that it cannot carry, or a frame over 2 GiB.
    #[inline]
    pub fn encode(&self) -> Result<Frame, EncodeError> {
        let mut buffer = FrameBuffer::new();
        self.encode_into(&mut buffer)?;
        Ok(buffer.into_frame())
    }

    /// Appends the frame to a buffer.
    ///
    /// # Errors
    ///
    /// As [`RequestFrame::encode`]; the buffer is then as it was.
    #[inline]
    pub fn encode_into(&self, buffer: &mut FrameBuffer) -> Result<(), EncodeError> {
        self.request.put(buffer, &self.header, self.version)
    }

    /// Which API is called.
    #[must_use]
    #[inline]
    pub fn api_key(&self) -> ApiKey {
        self.request.api_key()
    }
}

impl ResponseFrame {
    /// Decodes the answer to a request of `version` of any API, from a frame without its length
    /// prefix. It shares the frame's memory.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for an API that is left out by the crate's features, an unsupported version, or
    /// a frame that ends early, is wrong, or goes on behind the response.
    #[inline]
    pub fn decode(frame: &Bytes, api_key: ApiKey, version: i16) -> Result<Self, DecodeError> {
        let unknown = || unknown_api(ResponseHeader::NAME, 0, api_key.into());
        AnyResponse::read(frame, api_key, version).ok_or_else(unknown)?
    }

    /// Encodes header and response as they are, with their length prefix.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for an unsupported version, a value that it cannot carry, or a frame over 2 GiB.
    #[inline]
    pub fn encode(&self) -> Result<Frame, EncodeError> {
        let mut buffer = FrameBuffer::new();
        self.encode_into(&mut buffer)?;
        Ok(buffer.into_frame())
    }

    /// Appends the frame to a buffer.
    ///
    /// # Errors
    ///
    /// As [`ResponseFrame::encode`]; the buffer is then as it was.
    #[inline]
    pub fn encode_into(&self, buffer: &mut FrameBuffer) -> Result<(), EncodeError> {
        self.response.put(buffer, &self.header, self.version)
    }

    /// Which API is answered.
    #[must_use]
    #[inline]
    pub fn api_key(&self) -> ApiKey {
        self.response.api_key()
    }
}

/// Nothing has been read but the start of the header, which is the same in all of its versions.
#[cold]
fn unknown_api(header: &'static str, header_version: i16, key: i16) -> DecodeError {
    DecodeError::new(header, header_version, 0, DecodeErrorKind::UnknownApi { key })
}

macro_rules! any {
    ($($(#[$cfg:meta])* $api:ident: $request:ident, $response:ident;)*) => {
        /// The request of any API of the features that are on.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "it lives as long as a frame is handled")]
        #[non_exhaustive]
        pub enum AnyRequest {$(
            $(#[$cfg])*
            #[doc = concat!("Of the ", stringify!($api), " API.")]
            $api(messages::$request),
        )*}

        /// The response of any API of the features that are on.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "it lives as long as a frame is handled")]
        #[non_exhaustive]
        pub enum AnyResponse {$(
            $(#[$cfg])*
            #[doc = concat!("Of the ", stringify!($api), " API.")]
            $api(messages::$response),
        )*}

        impl AnyRequest {
            /// Which API is called.
            #[must_use]
            #[inline]
            pub fn api_key(&self) -> ApiKey {
                match self {$(
                    $(#[$cfg])*
                    Self::$api(_) => ApiKey::$api,
                )*}
            }

            /// The version of the header before a request of `version`; `None` if the API is left
            /// out by the crate's features.
            #[must_use]
            #[inline]
            pub fn header_version(api_key: ApiKey, version: i16) -> Option<i16> {
                match api_key {
                    $(
                        $(#[$cfg])*
                        ApiKey::$api => Some(<messages::$request as Request>::header_version(version)),
                    )*
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }

            #[inline]
            fn read(
                frame: &Bytes,
                api_key: ApiKey,
            ) -> Option<Result<RequestFrame, DecodeError>> {
                match api_key {
                    $(
                        $(#[$cfg])*
                        ApiKey::$api => Some(read_request(frame).map(|(header, version, request)| {
                            RequestFrame { header, version, request: Self::$api(request) }
                        })),
                    )*
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }

            #[inline]
            fn put(
                &self,
                buffer: &mut FrameBuffer,
                header: &RequestHeader,
                version: i16,
            ) -> Result<(), EncodeError> {
                match self {$(
                    $(#[$cfg])*
                    Self::$api(request) => {
                        let header_version = <messages::$request as Request>::header_version(version);
                        buffer.put(header, header_version, request, version)
                    }
                )*}
            }
        }

        impl AnyResponse {
            /// Which API is answered.
            #[must_use]
            #[inline]
            pub fn api_key(&self) -> ApiKey {
                match self {$(
                    $(#[$cfg])*
                    Self::$api(_) => ApiKey::$api,
                )*}
            }

            /// The version of the header before a response of `version`; `None` if the API is left
            /// out by the crate's features.
            #[must_use]
            #[inline]
            pub fn header_version(api_key: ApiKey, version: i16) -> Option<i16> {
                match api_key {
                    $(
                        $(#[$cfg])*
                        ApiKey::$api => Some(<messages::$response as Response>::header_version(version)),
                    )*
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }

            #[inline]
            fn read(
                frame: &Bytes,
                api_key: ApiKey,
                version: i16,
            ) -> Option<Result<ResponseFrame, DecodeError>> {
                match api_key {
                    $(
                        $(#[$cfg])*
                        ApiKey::$api => {
                            Some(read_response(frame, version).map(|(header, version, response)| {
                                ResponseFrame { header, version, response: Self::$api(response) }
                            }))
                        }
                    )*
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }

            #[inline]
            fn put(
                &self,
                buffer: &mut FrameBuffer,
                header: &ResponseHeader,
                version: i16,
            ) -> Result<(), EncodeError> {
                match self {$(
                    $(#[$cfg])*
                    Self::$api(response) => {
                        let header_version = <messages::$response as Response>::header_version(version);
                        buffer.put(header, header_version, response, version)
                    }
                )*}
            }
        }

        $(
            $(#[$cfg])*
            impl From<messages::$request> for AnyRequest {
                #[inline]
                fn from(request: messages::$request) -> Self {
                    Self::$api(request)
                }
            }

            $(#[$cfg])*
            impl From<messages::$response> for AnyResponse {
                #[inline]
                fn from(response: messages::$response) -> Self {
                    Self::$api(response)
                }
            }
        )*
    };
}

with_every_api!(any);
