//! Protocol Buffers with the registry: a message of prost's by its descriptor, a nested one, and one that is read without the program knowing its type.
//!
//! ```sh
//! cargo run -p rohrpost-schema-registry --features protobuf,test-registry --example protobuf                           # a registry inside the process
//! cargo run -p rohrpost-schema-registry --features protobuf,test-registry --example protobuf -- http://localhost:8081  # yours
//! ```

use std::error::Error;

use prost::Message;
use prost_reflect::{DescriptorPool, ReflectMessage};
use rohrpost_schema_registry::{
    ProtobufDeserializer, ProtobufSerializer, SchemaRegistry, SerializerOptions, TestRegistry,
};
use rohrpost_serializer::{Part, Serializer, encode};

/// What prost-build makes of `message Order` below, with its `file_descriptor_set_path` for the descriptors.
#[derive(Clone, Message, PartialEq)]
struct Order {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(message, repeated, tag = "2")]
    lines: Vec<Line>,
}

#[derive(Clone, Message, PartialEq)]
struct Line {
    #[prost(string, tag = "1")]
    item: String,
}

const FILE: &str = r#"syntax = "proto3"; package shop;
message Order {
    message Line { string item = 1; }
    int64 id = 1;
    repeated Line lines = 2;
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Kept: the registry inside the process ends with it.
    let embedded = TestRegistry::start().await?;
    let url = std::env::args().nth(1).filter(|url| url.starts_with("http"));
    let registry = SchemaRegistry::new(&url.unwrap_or_else(|| embedded.url()))?;

    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(protox_parse::parse("shop/order.proto", FILE)?)?;
    let line = Line { item: "cup".to_owned() };
    let order = Order { id: 7, lines: vec![line.clone()] };

    let deserializer = ProtobufDeserializer::new(&registry);
    // A producer does what follows by itself: `producer.typed::<str, Order>(StringSerializer, serializer)`.
    let of = |name: &str| pool.get_message_by_name(name).ok_or("no such message");
    let serializer =
        ProtobufSerializer::new(&registry, of("shop.Order")?, SerializerOptions::new());
    if let Some(look_up) = serializer.prepare("orders", Part::Value, &order) {
        look_up.await?;
    }
    let made = encode(&serializer, "orders", Part::Value, &order)?;
    let bytes = made.bytes().unwrap_or_default();
    assert_eq!(deserializer.deserialize::<Order>(None, bytes)?, order);
    let dynamic = deserializer.deserialize_dynamic(None, bytes).await?;
    println!("{}: {dynamic:?}", dynamic.descriptor().full_name());

    // A nested message: its place in the file stands before its bytes.
    let serializer =
        ProtobufSerializer::new(&registry, of("shop.Order.Line")?, SerializerOptions::new());
    if let Some(look_up) = serializer.prepare("lines", Part::Value, &line) {
        look_up.await?;
    }
    let made = encode(&serializer, "lines", Part::Value, &line)?;
    let bytes = made.bytes().unwrap_or_default();
    println!("message indexes: {:02x?}", &bytes[5..8]);
    let dynamic = deserializer.deserialize_dynamic(None, bytes).await?;
    println!("{}: {dynamic:?}", dynamic.descriptor().full_name());
    assert_eq!(dynamic.descriptor().full_name(), "shop.Order.Line");
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
