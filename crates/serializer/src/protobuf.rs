//! Protocol Buffers: [`ProtobufSerializer`].

use core::error::Error;
use core::fmt;

use prost::Message;

use crate::output::Output;
use crate::serializer::Serializer;

/// A message of prost's, in the Protocol Buffers' wire format and nothing around it. Feature `protobuf`.
///
/// ```
/// use rohrpost_serializer::{Part, ProtobufSerializer, encode};
///
/// // Any `prost::Message`: here `google.protobuf.StringValue`, which prost has for `String`.
/// let encoded = encode(&ProtobufSerializer, "t", Part::Value, &String::from("hi"))?;
/// assert_eq!(encoded.bytes(), Some(&b"\x0a\x02hi"[..]));
/// # Ok::<(), rohrpost_serializer::ProtobufError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtobufSerializer;

impl<T: Message> Serializer<T> for ProtobufSerializer {
    type Error = ProtobufError;

    #[inline]
    fn serialize(&self, value: &T, output: &mut Output<'_>) -> Result<(), ProtobufError> {
        value.encode(output.buffer()).map_err(ProtobufError)
    }

    #[inline]
    fn size_hint(&self, value: &T) -> usize {
        value.encoded_len()
    }
}

/// Why a message cannot be encoded: there is no memory that could hold it.
#[derive(Debug)]
pub struct ProtobufError(prost::EncodeError);

impl fmt::Display for ProtobufError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for ProtobufError {}
