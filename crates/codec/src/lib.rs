// The first definition of a link counts: in the file, it is a path in the repository.
#![doc = "[docs/protocol.md]: crate::protocol_guide\n"]
#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "tokio-codec"))]
extern crate std;

pub mod messages;
pub mod primitive;

#[doc = include_str!("../docs/protocol.md")]
pub mod protocol_guide {}

mod any;
mod api_key;
mod byte_str;
mod decoder;
mod encoder;
mod error;
mod error_code;
mod fallback;
mod frame;
mod frame_buffer;
mod frame_reader;
mod int32_array;
mod message;
mod parse;
mod segments;
mod sink;
mod tagged;
mod uuid;
mod version;

#[cfg(feature = "tokio-codec")]
mod tokio_codec;

#[cfg(test)]
mod tests;

pub use any::{AnyRequest, AnyResponse, RequestFrame, ResponseFrame};
pub use api_key::{ApiKey, UnknownApiKey};
pub use byte_str::ByteStr;
pub use bytes::Bytes;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FieldPath};
pub use error_code::ErrorCode;
pub use frame::{
    Frame, LENGTH_PREFIX, RequestPreamble, decode_request, decode_response, encode_request,
    encode_response, peek_correlation_id, peek_request,
};
pub use frame_buffer::FrameBuffer;
pub use frame_reader::{DEFAULT_MAX_FRAME, FrameError, FrameReader, PeerHint};
pub use int32_array::Int32Array;
pub use message::{Message, Request, Response, Wire};
pub use messages::{RequestHeader, ResponseHeader};
pub use segments::Segments;
pub use tagged::TaggedFields;
#[cfg(feature = "tokio-codec")]
pub use tokio_codec::{KafkaCodec, KafkaCodecError};
pub use uuid::{ParseUuidError, Uuid};
pub use version::VersionRange;
