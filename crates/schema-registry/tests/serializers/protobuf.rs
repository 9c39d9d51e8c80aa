//! Protocol Buffers.

use base64ct::{Base64, Encoding};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage, Value};
use prost_types::FileDescriptorProto;
use rohrpost_schema_registry::{
    DeserializerError, ProtobufDeserializer, ProtobufSerializer, ReflectSerializer, Schema,
    SchemaSource, SerializerError, SerializerOptions,
};

use super::{FRAMINGS, allocations, framed, parts, registry, serialized};

const MONEY: &str = r#"syntax = "proto3"; package shop; message Money { int64 cents = 1; }"#;
const LINE: &str = r#"syntax = "proto3"; package shop; import "shop/money.proto";
    message Line { string item = 1; Money price = 2; }"#;
const ORDER: &str = r#"syntax = "proto3"; package shop;
    import "shop/line.proto"; import "shop/money.proto"; import "google/protobuf/timestamp.proto";
    message Order {
        message Part { message Screw { int32 length = 1; } Screw screw = 1; }
        message Box { int32 size = 1; repeated Line lines = 2; google.protobuf.Timestamp at = 3; }
        int64 id = 1; optional string note = 2; map<string, Money> prices = 3;
    }
    message Other { bool is = 1; }"#;

/// The files as a program has them.
pub(super) fn pool(order: &str) -> DescriptorPool {
    let mut pool = DescriptorPool::global();
    for (name, text) in
        [("shop/money.proto", MONEY), ("shop/line.proto", LINE), ("shop/order.proto", order)]
    {
        pool.add_file_descriptor_proto(protox_parse::parse(name, text).unwrap()).unwrap();
    }
    pool
}

fn descriptor(name: &str) -> MessageDescriptor {
    pool(ORDER).get_message_by_name(name).unwrap()
}

#[derive(Clone, PartialEq, Message)]
struct Order {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, optional, tag = "2")]
    note: Option<String>,
}

impl ReflectMessage for Order {
    fn descriptor(&self) -> MessageDescriptor {
        descriptor("shop.Order")
    }
}

#[derive(Clone, PartialEq, Message)]
struct Screw {
    #[prost(int32, tag = "1")]
    length: i32,
}

#[tokio::test]
async fn messages_come_back_with_the_indexes_of_their_place_in_the_file() {
    let (_server, client) = registry().await;
    for (name, indexes) in [
        ("shop.Order", &[0][..]),
        ("shop.Other", &[2, 2]),
        ("shop.Order.Box", &[4, 0, 2]),
        ("shop.Order.Part.Screw", &[6, 0, 0, 0]),
    ] {
        for framing in FRAMINGS {
            let options = framed(framing);
            let serializer = ProtobufSerializer::new(&client, descriptor(name), options);
            let screw = Screw { length: 3 };
            let made = serialized(&serializer, &screw).await.unwrap();
            let (header, bytes) = parts(&made);
            let found = match header {
                Some(header) => &header[17..],
                None => &bytes[5..5 + indexes.len()],
            };
            assert_eq!(found, indexes);
            let deserializer = ProtobufDeserializer::new(&client);
            assert_eq!(deserializer.deserialize::<Screw>(header, bytes).unwrap(), screw);
            let dynamic = deserializer.deserialize_dynamic(header, bytes).await.unwrap();
            assert_eq!(dynamic.descriptor().full_name(), name);
            let checked = deserializer.deserialize_checked::<Order>(header, bytes).await;
            assert_eq!(checked.is_ok(), name == "shop.Order");
        }
    }
}

#[tokio::test]
async fn files_are_registered_as_descriptors_in_base64_and_imports_as_references() {
    let (_server, client) = registry().await;
    let serializer = ProtobufSerializer::of::<Order>(&client, SerializerOptions::new());
    serialized(&serializer, &Order::default()).await.unwrap();
    assert_eq!(
        client.subjects().await.unwrap(),
        ["shop/line.proto", "shop/money.proto", "t-value"]
    );
    let schema = client.latest("t-value").await.unwrap().schema;
    let named: Vec<_> = schema.references.iter().map(|of| (&*of.name, of.version)).collect();
    assert_eq!(named, [("shop/line.proto", 1), ("shop/money.proto", 1)]);
    let file = FileDescriptorProto::decode(&*Base64::decode_vec(&schema.text).unwrap()).unwrap();
    assert_eq!(file.message_type[0].nested_type.len(), 3);
    assert!(file.source_code_info.is_none());
    let line = client.latest("shop/line.proto").await.unwrap().schema;
    assert_eq!(line.references[0].name, "shop/money.proto");
}

#[tokio::test]
async fn dynamic_messages_of_any_type_are_serialized_by_their_own_schema() {
    let (_server, client) = registry().await;
    let serializer = ReflectSerializer::new(&client, SerializerOptions::new());
    let mut order = DynamicMessage::new(descriptor("shop.Order"));
    order.set_field_by_name("id", Value::I64(7));
    let made = serialized(&serializer, &order).await.unwrap();
    let (header, bytes) = parts(&made);
    let deserializer = ProtobufDeserializer::new(&client);
    let read: Order = deserializer.deserialize_checked(header, bytes).await.unwrap();
    assert_eq!(read, Order { id: 7, note: None });
    let other = DynamicMessage::new(descriptor("shop.Other"));
    assert_eq!(serialized(&serializer, &other).await.unwrap().bytes().unwrap()[5..], [2, 2]);
    assert_eq!(serialized(&serializer, &read).await.unwrap(), made);
}

#[tokio::test]
async fn a_known_schema_costs_no_allocation() {
    let (_server, client) = registry().await;
    let order = Order { id: 7, note: Some("fragile".into()) };
    for framing in FRAMINGS {
        let serializer = ProtobufSerializer::of::<Order>(&client, framed(framing));
        assert_eq!(allocations(&serializer, &order).await, 0);
    }
}

#[tokio::test]
async fn files_that_the_registry_has_as_text_are_understood() {
    let (_server, client) = registry().await;
    // In another order than the program's own: the indexes are those of the registry's file.
    let text = r#"syntax = "proto3"; package shop; message Other { bool is = 1; } message Order { int64 id = 1; }"#;
    client.register("t-value", &Schema::protobuf(text), false).await.unwrap();
    let latest = |strict| SerializerOptions::new().source(SchemaSource::Latest { strict });
    let serializer = ProtobufSerializer::of::<Order>(&client, latest(true));
    let made = serialized(&serializer, &Order { id: 7, note: None }).await.unwrap();
    let (header, bytes) = parts(&made);
    assert_eq!(bytes, [0, 0, 0, 0, 1, 2, 2, 8, 7]);
    let dynamic =
        ProtobufDeserializer::new(&client).deserialize_dynamic(header, bytes).await.unwrap();
    assert_eq!(dynamic.get_field_by_name("id").unwrap().as_i64(), Some(7));

    let contradiction = r#"syntax = "proto3"; package shop; message Order { string id = 1; }"#;
    client.register("u-value", &Schema::protobuf(contradiction), false).await.unwrap();
    let topic = "u";
    let strict = ProtobufSerializer::of::<Order>(&client, latest(true));
    let prepared = rohrpost_serializer::Serializer::prepare(
        &strict,
        topic,
        rohrpost_serializer::Part::Value,
        &Order::default(),
    )
    .unwrap()
    .await;
    assert!(matches!(prepared, Err(SerializerError::Drift { .. })), "{prepared:?}");
}

#[tokio::test]
async fn bytes_that_lie_are_refused() {
    let (_server, client) = registry().await;
    client.register("t-value", &Schema::protobuf(MONEY), false).await.unwrap();
    client.register("t-key", &Schema::avro(r#""int""#), false).await.unwrap();
    let deserializer = ProtobufDeserializer::new(&client);
    for bytes in [
        &[0, 0, 0, 0, 1][..],
        &[0, 0, 0, 0, 1, 1],
        &[0, 0, 0, 0, 1, 254, 255, 255, 255, 15],
        &[0, 0, 0, 0, 1, 0, 255],
    ] {
        let error = deserializer.deserialize::<Screw>(None, bytes).unwrap_err();
        assert!(matches!(error, DeserializerError::Value { .. }), "{error}");
        let error = deserializer.deserialize_dynamic(None, bytes).await.unwrap_err();
        assert!(matches!(error, DeserializerError::Value { .. }), "{error}");
    }
    for bytes in [&[0, 0, 0, 0, 1, 2, 2][..], &[0, 0, 0, 0, 2, 0]] {
        let error = deserializer.deserialize_dynamic(None, bytes).await.unwrap_err();
        assert!(matches!(error, DeserializerError::Schema { .. }), "{error}");
    }
}
