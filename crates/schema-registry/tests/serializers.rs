//! What is serialized with the registry comes back, by either framing; the registry is asked once; what does not match says where.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "serializers/avro.rs"]
mod avro;
#[path = "serializers/json.rs"]
mod json;
#[path = "serializers/protobuf.rs"]
mod protobuf;

use rohrpost_schema_registry::{
    Framing, Schema, SchemaRegistry, SerializerError, SerializerOptions, TestRegistry,
};
use rohrpost_serializer::{Encoded, Part, Scratch, Serializer, encode};

/// A registry, and a client of it.
async fn registry() -> (TestRegistry, SchemaRegistry) {
    let server = TestRegistry::start().await.unwrap();
    let client = SchemaRegistry::new(&server.url()).unwrap();
    (server, client)
}

/// What a producer does with a value.
async fn serialized<T, S>(serializer: &S, value: &T) -> Result<Encoded, SerializerError>
where
    T: ?Sized,
    S: Serializer<T, Error = SerializerError>,
{
    if let Some(preparation) = serializer.prepare("t", Part::Value, value) {
        preparation.await?;
    }
    assert!(serializer.prepare("t", Part::Value, value).is_none(), "nothing is left to look up");
    encode(serializer, "t", Part::Value, value)
}

/// The header that names the schema, and the bytes.
fn parts(encoded: &Encoded) -> (Option<&[u8]>, &[u8]) {
    let mut headers = encoded.headers().iter();
    let header = headers.find(|(name, _)| *name == Framing::header_name(Part::Value));
    (header.and_then(|(_, value)| value), encoded.bytes().unwrap())
}

const FRAMINGS: [Framing; 2] = [Framing::Classic, Framing::Header];

fn framed(framing: Framing) -> SerializerOptions {
    SerializerOptions::new().framing(framing)
}

/// How many allocations a value costs once its schema is known and the memory was used before.
async fn allocations<T, S>(serializer: &S, value: &T) -> u64
where
    T: ?Sized,
    S: Serializer<T, Error = SerializerError>,
{
    serialized(serializer, value).await.unwrap();
    let mut scratch = Scratch::new();
    let mut round = || {
        let measured = allocation_counter::measure(|| {
            assert!(serializer.prepare("t", Part::Value, value).is_none());
            scratch.serialize(serializer, "t", Part::Value, value).unwrap();
        });
        measured.count_total
    };
    round();
    round()
}

#[tokio::test]
async fn a_value_whose_schema_was_not_looked_up_is_refused_with_the_reason() {
    let (_server, client) = registry().await;
    let schema = Schema::avro(r#""int""#);
    let serializer =
        rohrpost_schema_registry::AvroSerializer::new(&client, schema, SerializerOptions::new())
            .unwrap();
    let error = encode(&serializer, "t", Part::Key, &1).unwrap_err();
    assert!(matches!(error, SerializerError::NotPrepared { part: Part::Key, .. }), "{error}");
}
