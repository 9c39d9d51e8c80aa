//! Avro with the registry: a derived schema, a value that does not match, and a reader that is newer than the writer.
//!
//! ```sh
//! cargo run -p rohrpost-schema-registry --features avro,test-registry --example avro                           # a registry inside the process
//! cargo run -p rohrpost-schema-registry --features avro,test-registry --example avro -- http://localhost:8081  # yours
//! ```

use std::error::Error;

use apache_avro::AvroSchema;
use rohrpost_schema_registry::{
    AvroDeserializer, AvroSerializer, SchemaRegistry, SerializerOptions, TestRegistry,
};
use rohrpost_serializer::{Part, Serializer, encode};
use serde::{Deserialize, Serialize};

#[derive(AvroSchema, Serialize)]
#[avro(namespace = "shop")]
struct Order {
    id: i64,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(AvroSchema, Serialize)]
#[avro(namespace = "shop")]
struct Line {
    item: String,
    cents: i32,
}

/// What a newer program reads: it knows of a priority, and needs no lines.
#[derive(Debug, Deserialize, PartialEq)]
struct Summary {
    id: i64,
    note: Option<String>,
    priority: i32,
}

const SUMMARY: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "priority", "type": "int", "default": 3}]}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Kept: the registry inside the process ends with it.
    let embedded = TestRegistry::start().await?;
    let url = std::env::args().nth(1).filter(|url| url.starts_with("http"));
    let registry = SchemaRegistry::new(&url.unwrap_or_else(|| embedded.url()))?;

    // A producer does what follows by itself: `producer.typed::<str, Order>(StringSerializer, serializer)`.
    let serializer = AvroSerializer::of::<Order>(&registry, SerializerOptions::new())?;
    let lines = vec![Line { item: "cup".to_owned(), cents: 1_250 }];
    let order = Order { id: 7, lines, note: Some("fragile".to_owned()) };
    if let Some(look_up) = serializer.prepare("orders", Part::Value, &order) {
        look_up.await?;
    }
    let made = encode(&serializer, "orders", Part::Value, &order)?;
    let bytes = made.bytes().unwrap_or_default();
    println!("{} bytes: {bytes:02x?}", bytes.len());

    // The value's path is in the error.
    let wrong = serde_json::json!({ "id": 8, "lines": [{ "item": "cup", "cents": "a lot" }] });
    if let Err(error) = encode(&serializer, "orders", Part::Value, &wrong) {
        println!("{error}");
    }

    let deserializer = AvroDeserializer::with_reader(&registry, SUMMARY, &[])?;
    let summary: Summary = deserializer.deserialize(None, bytes).await?;
    println!("{summary:?}");
    assert_eq!(summary, Summary { id: 7, note: Some("fragile".to_owned()), priority: 3 });
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
