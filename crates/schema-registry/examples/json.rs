//! JSON Schema with the registry: values are validated, and the error says which path does not match.
//!
//! ```sh
//! cargo run -p rohrpost-schema-registry --features json,test-registry --example json                           # a registry inside the process
//! cargo run -p rohrpost-schema-registry --features json,test-registry --example json -- http://localhost:8081  # yours
//! ```

use std::error::Error;

use rohrpost_schema_registry::{
    JsonDeserializer, JsonSerializer, Schema, SchemaRegistry, SerializerError, SerializerOptions,
    TestRegistry,
};
use rohrpost_serializer::{Part, Serializer, encode};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    id: u32,
    lines: Vec<Line>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Line {
    item: String,
    count: i32,
}

const SCHEMA: &str = r#"{"title": "Order", "type": "object", "required": ["id"], "properties": {
    "id": {"type": "integer"},
    "lines": {"type": "array", "items": {"type": "object", "properties": {
        "item": {"type": "string"},
        "count": {"type": "integer", "minimum": 1}}}}}}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Kept: the registry inside the process ends with it.
    let embedded = TestRegistry::start().await?;
    let url = std::env::args().nth(1).filter(|url| url.starts_with("http"));
    let registry = SchemaRegistry::new(&url.unwrap_or_else(|| embedded.url()))?;

    // A producer does what follows by itself: `producer.typed::<str, Order>(StringSerializer, serializer)`.
    let options = SerializerOptions::new();
    let serializer = JsonSerializer::new(&registry, Schema::json(SCHEMA), options)?;
    let order = |count| Order { id: 7, lines: vec![Line { item: "cup".to_owned(), count }] };
    let good = order(1);
    if let Some(look_up) = serializer.prepare("orders", Part::Value, &good) {
        look_up.await?;
    }
    let made = encode(&serializer, "orders", Part::Value, &good)?;
    let bytes = made.bytes().unwrap_or_default();
    println!("{} bytes, the schema's number in front: {:02x?}", bytes.len(), &bytes[..5]);

    match encode(&serializer, "orders", Part::Value, &order(0)) {
        Err(error @ SerializerError::Value { .. }) => println!("{error}"),
        other => println!("{other:?}"),
    }

    let read: Order = JsonDeserializer::new(&registry).deserialize(None, bytes).await?;
    println!("{read:?}");
    assert_eq!(read, good);
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
