#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "avro")]
mod avro;
mod encoding;
mod headers;
#[cfg(feature = "json")]
mod json;
mod list;
mod nullable;
mod output;
mod plain;
mod primitives;
#[cfg(feature = "protobuf")]
mod protobuf;
mod serializer;
mod uuids;

#[cfg(feature = "avro")]
pub use avro::{
    AvroDeserializer, AvroError, AvroErrorKind, AvroSchema, AvroSchemaError, AvroSerializer,
};
pub use encoding::{EncodedStringSerializer, Encoding};
pub use headers::Headers;
#[cfg(feature = "json")]
pub use json::{JsonError, JsonSerializer};
pub use list::{ListError, ListSerializer};
pub use nullable::Nullable;
pub use output::{Content, Encoded, Output, Scratch, Serialized, encode};
pub use plain::{ByteArraySerializer, ByteBufferSerializer, BytesSerializer, StringSerializer};
pub use primitives::{
    BooleanSerializer, DoubleSerializer, FloatSerializer, IntegerSerializer, LongSerializer,
    ShortSerializer, VoidSerializer,
};
#[cfg(feature = "protobuf")]
pub use protobuf::{ProtobufError, ProtobufSerializer};
pub use serializer::{BoxError, DynSerializer, Part, Preparation, Serializer};
pub use uuids::UuidSerializer;
