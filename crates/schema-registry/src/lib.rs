#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "tests"))]

#[cfg(feature = "avro")]
mod avro;
#[cfg(feature = "_avro-compatibility")]
#[cfg_attr(
    not(feature = "test-registry"),
    allow(dead_code, unused_imports, reason = "a registry needs all of it")
)]
mod avro_rules;
#[cfg(feature = "client")]
mod client;
mod error;
#[cfg(feature = "client")]
mod flights;
mod framing;
#[cfg(feature = "json")]
mod json;
mod level;
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json"))]
mod lookups;
mod options;
mod properties;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(any(
    feature = "avro",
    feature = "protobuf",
    feature = "json",
    all(test, feature = "client", feature = "test-registry")
))]
mod resolver;
mod schema;
mod subject;
#[cfg(feature = "test-registry")]
mod test_registry;
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json"))]
mod writer;

#[cfg(feature = "avro")]
pub use avro::{AvroDeserializer, AvroSerializer, AvroValueSerializer};
#[cfg(feature = "client")]
pub use client::{Compatibility, RegistryBuilder, SchemaRegistry};
#[cfg(feature = "client")]
#[doc(no_inline)]
pub use rohrpost_auth::{
    BearerCredentials, ClientCredentials, RefreshSettings, Token, TokenEndpoint, TokenProvider,
};
#[cfg(feature = "client")]
#[doc(no_inline)]
pub use rohrpost_tls::{Store, StoreType, TlsClient, TlsSettings};

pub use error::{
    Attempt, DeserializerError, Problem, ReferenceProblem, RegistryError, SerializerError,
    SettingError,
};
pub use framing::{Found, Framing, FramingError, Identity};
#[cfg(feature = "json")]
pub use json::{JsonDeserializer, JsonSerializer, JsonValueSerializer};
pub use level::{CompatibilityLevel, UnknownLevel};
pub use options::{SchemaSource, SerializerOptions};
pub use properties::is_property;
#[cfg(feature = "protobuf")]
pub use protobuf::{ProtobufDeserializer, ProtobufSerializer, ReflectSerializer};
pub use schema::{
    Dependency, Guid, InvalidGuid, Reference, Registered, Schema, SchemaId, SchemaType,
    UnknownSchemaType,
};
pub use subject::{CustomSubjectName, RecordHasNoName, SubjectNameStrategy, UnknownClass};
#[cfg(feature = "test-registry")]
pub use test_registry::TestRegistry;
