//! The traits of messages: [`Wire`], [`Message`], [`Request`], [`Response`].

use core::fmt::Debug;

use alloc::vec::Vec;

use bytes::Bytes;

use crate::decoder::{Decoder, value as decode};
use crate::encoder::{Encoder, value as encode};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
use crate::sink::Sink;
use crate::{ApiKey, ByteStr, ErrorCode, Uuid, VersionRange};

/// What is written to, and read from, the wire: a primitive value, or a structure of a message.
///
/// Implemented by this crate alone; [`Message`] is what to call.
pub trait Wire: Default {
    /// Writes the value as a part of the message that `out` writes.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for a value that the version cannot carry.
    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError>;

    /// Reads the value as a part of the message that `input` reads.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for bytes that end early or are no such value.
    #[inline]
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.fill(input)?;
        Ok(value)
    }

    /// Reads the value into `self`, a default so far: where it is to stay, since moving what has just
    /// been written field by field is what a decoder can most easily waste its time on.
    ///
    /// # Errors
    ///
    /// As [`Wire::decode`]; some fields may have been read then.
    fn fill(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError>;
}

/// A message of the protocol.
///
/// Its [`Default`] has the protocol's defaults in every field.
///
/// ```
/// use rohrpost_codec::{Message, messages::ApiVersionsRequest};
///
/// let request = ApiVersionsRequest {
///     client_software_name: "rohrpost".into(),
///     client_software_version: "0.1.0".into(),
///     ..Default::default()
/// };
/// let bytes = request.to_bytes(3)?;
/// assert_eq!(bytes.len(), request.size(3)?);
/// assert_eq!(ApiVersionsRequest::from_bytes(&bytes, 3)?, request);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Message: Wire + Default + Clone + Debug + PartialEq {
    /// The protocol's name of the message, such as `ProduceRequest`.
    const NAME: &'static str;

    /// The versions that this crate speaks, without an unstable one.
    const VERSIONS: VersionRange;

    /// The versions with compact lengths and tagged fields (KIP-482).
    const FLEXIBLE: VersionRange;

    /// A version above [`Message::VERSIONS`] whose form may still change: it can be encoded and
    /// decoded, but must not be negotiated.
    const UNSTABLE_VERSION: Option<i16> = None;

    /// Whether `version` has compact lengths and tagged fields.
    #[must_use]
    fn is_flexible(version: i16) -> bool {
        Self::FLEXIBLE.contains(version)
    }

    /// The bytes that the message takes in `version`, without header and length prefix.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for an unsupported version, or a value that it cannot carry.
    fn size(&self, version: i16) -> Result<usize, EncodeError> {
        let mut count = Sink::counting();
        write(self, &mut count, version)?;
        Ok(count.len())
    }

    /// The message in `version`, in one piece, without header and length prefix.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for an unsupported version, or a value that it cannot carry.
    fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut buffer = Vec::new();
        self.encode_into(&mut buffer, version)?;
        Ok(Bytes::from(buffer))
    }

    /// Appends the message in `version` to `buffer`, in one piece, without header and length prefix.
    /// Where the buffer has room enough, nothing is allocated.
    ///
    /// # Errors
    ///
    /// As [`Message::to_bytes`]; the buffer is then as it was.
    fn encode_into(&self, buffer: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let mut sink = Sink::copying(core::mem::take(buffer));
        let mark = sink.mark();
        let written = write(self, &mut sink, version);
        if written.is_err() {
            sink.truncate(mark);
        }
        *buffer = sink.into_copied();
        written
    }

    /// Reads the message from the whole of `bytes`. Strings and byte fields share its memory.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for an unsupported version, for bytes that end early, are wrong, or go on
    /// behind the message.
    fn from_bytes(bytes: &Bytes, version: i16) -> Result<Self, DecodeError> {
        let (message, _) = read(bytes, 0, version, true)?;
        Ok(message)
    }
}

/// A message that a client sends, and that a broker answers.
pub trait Request: Message {
    /// Which API it calls.
    const API_KEY: ApiKey;

    /// The message that answers it, in the same version.
    type Response: Response;

    /// The version of the [`RequestHeader`](crate::RequestHeader) before it: 2 in flexible
    /// versions, else 1. A version to come is taken to have the newest one's.
    #[must_use]
    fn header_version(version: i16) -> i16 {
        1 + i16::from(has_flexible_header::<Self>(version))
    }

    /// What a request of a version that is not spoken is taken for, and in which version it is to be
    /// answered: nothing, but for ApiVersions (KIP-511).
    #[must_use]
    fn of_unknown_version(version: i16) -> Option<(i16, Self)> {
        let _ = version;
        None
    }
}

/// A message that a broker answers with.
pub trait Response: Message {
    /// Which API it answers.
    const API_KEY: ApiKey;

    /// The version of the [`ResponseHeader`](crate::ResponseHeader) before it: 1 in flexible
    /// versions, else 0. Always 0 for ApiVersions, which must be readable before versions are
    /// known (KIP-511). A version to come is taken to have the newest one's.
    #[must_use]
    fn header_version(version: i16) -> i16 {
        i16::from(has_flexible_header::<Self>(version))
    }

    /// The version that `body` has in answer to a request of `version`: that one, but for an
    /// ApiVersions answer with UNSUPPORTED_VERSION, which has version 0 (KIP-511).
    #[must_use]
    fn body_version(body: &[u8], version: i16) -> i16 {
        let _ = body;
        version
    }
}

/// Writes a message in `version`.
pub(crate) fn write<M: Message>(
    message: &M,
    sink: &mut Sink,
    version: i16,
) -> Result<(), EncodeError> {
    if !is_spoken::<M>(version) {
        let kind = EncodeErrorKind::UnsupportedVersion { supported: M::VERSIONS };
        return Err(EncodeError::new(M::NAME, version, kind));
    }
    message.encode(&mut Encoder::new(sink, M::NAME, version, M::is_flexible(version)))
}

/// Reads a message in `version` from `frame`, from `position` on: the message, and where it ends.
/// A `whole` one ends with the frame.
pub(crate) fn read<M: Message>(
    frame: &Bytes,
    position: usize,
    version: i16,
    whole: bool,
) -> Result<(M, usize), DecodeError> {
    if !is_spoken::<M>(version) {
        let kind = DecodeErrorKind::UnsupportedVersion { supported: M::VERSIONS };
        return Err(DecodeError::new(M::NAME, version, position, kind));
    }
    let mut input = Decoder::new(frame, position, M::NAME, version, M::is_flexible(version));
    let message = M::decode(&mut input)?;
    if whole {
        input.finish()?;
    }
    Ok((message, input.position()))
}

/// The segments in one piece, without a copy if they are one already.
pub(crate) fn join(mut segments: Vec<Bytes>) -> Bytes {
    if segments.len() <= 1 {
        return segments.pop().unwrap_or_default();
    }
    Bytes::from(segments.concat())
}

/// No API has gone back from flexible versions to others.
fn has_flexible_header<M: Message>(version: i16) -> bool {
    M::is_flexible(version.min(M::FLEXIBLE.max))
}

pub(crate) fn is_spoken<M: Message>(version: i16) -> bool {
    M::VERSIONS.contains(version) || M::UNSTABLE_VERSION == Some(version)
}

macro_rules! fixed_size {
    ($($type:ty: $name:ident),*) => {$(
        impl Wire for $type {
            #[inline]
            fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
                out.$name(*self);
                Ok(())
            }

            #[inline]
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                decode::$name(input)
            }

            #[inline]
            fn fill(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
                *self = decode::$name(input)?;
                Ok(())
            }
        }
    )*};
}

fixed_size!(i8: int8, i16: int16, u16: uint16, i32: int32, u32: uint32, i64: int64);
fixed_size!(f64: float64, bool: bool, Uuid: uuid, ErrorCode: error_code);

macro_rules! variable_size {
    ($($type:ty: $name:ident),*) => {$(
        impl Wire for $type {
            #[inline]
            fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
                encode::$name(out, self)
            }

            #[inline]
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                decode::$name(input)
            }

            #[inline]
            fn fill(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
                *self = decode::$name(input)?;
                Ok(())
            }
        }
    )*};
}

variable_size!(ByteStr: string, Bytes: bytes);
