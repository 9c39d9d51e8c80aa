//! Avro.

use apache_avro::AvroSchema as _;
use apache_avro::types::Value;
use rohrpost_schema_registry::{
    AvroDeserializer, AvroSerializer, DeserializerError, Reference, Schema, SchemaSource,
    SerializerError, SerializerOptions, SubjectNameStrategy,
};
use serde::{Deserialize, Serialize};

use super::{FRAMINGS, allocations, framed, parts, registry, serialized};

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, apache_avro::AvroSchema)]
#[avro(namespace = "shop")]
struct Order {
    id: i64,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, apache_avro::AvroSchema)]
#[avro(namespace = "shop")]
struct Line {
    item: String,
    count: i32,
}

fn order() -> Order {
    let lines = vec![Line { item: "cup".into(), count: 2 }];
    Order { id: 7, lines, note: Some("fragile".into()) }
}

#[tokio::test]
async fn values_of_derived_schemas_come_back_and_are_what_apache_avro_writes() {
    let (server, client) = registry().await;
    let own = Order::get_schema();
    let theirs = apache_avro::writer::datum::GenericDatumWriter::builder(&own).build().unwrap();
    for framing in FRAMINGS {
        let serializer = AvroSerializer::of::<Order>(&client, framed(framing)).unwrap();
        let deserializer = AvroDeserializer::new(&client);
        let made = serialized(&serializer, &order()).await.unwrap();
        let (header, bytes) = parts(&made);
        assert!(bytes.ends_with(&theirs.write_ser_to_vec(&order()).unwrap()));
        assert_eq!(deserializer.deserialize::<Order>(header, bytes).await.unwrap(), order());
        let value = deserializer.deserialize_value(header, bytes).await.unwrap();
        assert_eq!(apache_avro::from_value::<Order>(&value).unwrap(), order());
        let made = serialized(&serializer.values(), &value).await.unwrap();
        assert_eq!(parts(&made), (header, bytes));
    }
    assert!(server.requests().len() < 8, "{:?}", server.requests());
}

#[tokio::test]
async fn serializing_by_a_known_schema_allocates_nothing() {
    let (_server, client) = registry().await;
    for framing in FRAMINGS {
        let serializer = AvroSerializer::of::<Order>(&client, framed(framing)).unwrap();
        assert_eq!(allocations(&serializer, &order()).await, 0);
    }
}

#[tokio::test]
async fn a_value_that_does_not_match_is_named_by_its_path() {
    let (_server, client) = registry().await;
    let serializer = AvroSerializer::of::<Order>(&client, SerializerOptions::new()).unwrap();
    let wrong =
        serde_json::json!({ "id": 1, "lines": [{ "item": "cup", "count": "two" }], "note": null });
    let error = serialized(&serializer, &wrong).await.unwrap_err();
    let SerializerError::Value { path, detail } = error else { panic!("{error}") };
    assert_eq!((&*path, &*detail), ("lines[0].count", "the schema has int, the value text"));
    let wrong = Value::Record(vec![("id".into(), Value::Union(1, Box::new(Value::Long(1))))]);
    let error = serialized(&serializer.values(), &wrong).await.unwrap_err();
    assert!(matches!(&error, SerializerError::Value { path, .. } if path == "id"), "{error}");
}

#[tokio::test]
async fn all_types_of_apache_avros_values_are_written_as_it_writes_them() {
    let (_server, client) = registry().await;
    let text = r#"{"type": "record", "name": "All", "fields": [
        {"name": "union", "type": ["null", "long", {"type": "map", "values": "float"}]},
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["red", "green"]}},
        {"name": "fixed", "type": {"type": "fixed", "name": "Two", "size": 2}},
        {"name": "date", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "exact", "type": {"type": "bytes", "logicalType": "big-decimal"}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "pause", "type": {"type": "fixed", "name": "Pause", "size": 12, "logicalType": "duration"}},
        {"name": "bytes", "type": "bytes"}]}"#;
    let value = Value::Record(vec![
        (
            "union".into(),
            Value::Union(2, Box::new(Value::Map([("a".into(), Value::Float(0.5))].into()))),
        ),
        ("colour".into(), Value::Enum(1, "green".into())),
        ("fixed".into(), Value::Fixed(2, vec![1, 2])),
        ("date".into(), Value::Date(19_000)),
        ("at".into(), Value::TimestampMicros(1_700_000_000_000_000)),
        ("price".into(), Value::Decimal(vec![0xff, 0x01].into())),
        ("exact".into(), Value::BigDecimal("12.345".parse().unwrap())),
        ("id".into(), Value::Uuid("67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap())),
        ("pause".into(), Value::Duration([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0].into())),
        ("bytes".into(), Value::Bytes(vec![9])),
    ]);
    let schema = apache_avro::Schema::parse_str(text).unwrap();
    let theirs = apache_avro::writer::datum::GenericDatumWriter::builder(&schema).build().unwrap();
    let theirs = theirs.write_value_to_vec(value.clone()).unwrap();
    let options = SerializerOptions::new();
    let serializer = AvroSerializer::new(&client, Schema::avro(text), options).unwrap().values();
    let made = serialized(&serializer, &value).await.unwrap();
    let (header, bytes) = parts(&made);
    assert_eq!(&bytes[5..], theirs);
    let read = AvroDeserializer::new(&client).deserialize_value(header, bytes).await.unwrap();
    assert_eq!(read, value);
    let same = AvroDeserializer::with_reader(&client, text, &[]).unwrap();
    assert_eq!(same.deserialize_value(header, bytes).await.unwrap(), value);
}

const NEWER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "item", "type": "string"}, {"name": "count", "type": "int"}]}}},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "priority", "type": "int", "default": 3}]}"#;

#[tokio::test]
async fn a_readers_schema_gives_what_an_older_writer_lacks() {
    #[derive(Deserialize)]
    struct Newer {
        id: i64,
        priority: i32,
    }
    let (_server, client) = registry().await;
    let serializer = AvroSerializer::of::<Order>(&client, SerializerOptions::new()).unwrap();
    let made = serialized(&serializer, &order()).await.unwrap();
    let (header, bytes) = parts(&made);
    let deserializer = AvroDeserializer::with_reader(&client, NEWER, &[]).unwrap();
    let read: Newer = deserializer.deserialize(header, bytes).await.unwrap();
    assert_eq!((read.id, read.priority), (7, 3));
    let value = deserializer.deserialize_value(header, bytes).await.unwrap();
    let Value::Record(fields) = value else { panic!("a record") };
    assert_eq!(fields[3], ("priority".to_owned(), Value::Int(3)));
    // In the reader's order, with the reader's numbers of unions' types, promoted and in a union that the writer has not.
    let other = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "note", "type": ["string", "null"]}, {"name": "id", "type": ["null", "double"]}]}"#;
    let deserializer = AvroDeserializer::with_reader(&client, other, &[]).unwrap();
    let value = deserializer.deserialize_value(header, bytes).await.unwrap();
    let note = Value::Union(0, Box::new(Value::String("fragile".into())));
    let id = Value::Union(1, Box::new(Value::Double(7.0)));
    assert_eq!(value, Value::Record(vec![("note".into(), note), ("id".into(), id)]));
}

#[tokio::test]
async fn the_newest_schema_of_the_subject_is_written_by_unless_it_contradicts_ones_own() {
    let (_server, client) = registry().await;
    client.register("t-value", &Schema::avro(NEWER), false).await.unwrap();
    let latest = |strict| SerializerOptions::new().source(SchemaSource::Latest { strict });
    let serializer = AvroSerializer::of::<Order>(&client, latest(true)).unwrap();
    let made = serialized(&serializer, &order()).await.unwrap();
    assert_eq!(made.bytes().unwrap().last(), Some(&6), "the newer field's default");
    let without = AvroSerializer::by_registry(&client, latest(true)).unwrap();
    assert_eq!(serialized(&without, &order()).await.unwrap(), made);

    let other = Schema::avro(
        r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "id", "type": "string"}]}"#,
    );
    let strict = AvroSerializer::new(&client, other.clone(), latest(true)).unwrap();
    let error = serialized(&strict, &order()).await.unwrap_err();
    assert!(matches!(error, SerializerError::Drift { .. }), "{error}");
    let lax = AvroSerializer::new(&client, other, latest(false)).unwrap();
    assert_eq!(serialized(&lax, &order()).await.unwrap(), made);
    assert!(AvroSerializer::by_registry(&client, SerializerOptions::new()).is_err());
}

#[tokio::test]
async fn what_must_be_registered_and_is_not_is_an_error_and_what_is_pinned_is_used() {
    let (_server, client) = registry().await;
    let look_up = SerializerOptions::new().source(SchemaSource::LookUp);
    let serializer = AvroSerializer::of::<Order>(&client, look_up.clone()).unwrap();
    let error = serialized(&serializer, &order()).await.unwrap_err();
    assert!(matches!(error, SerializerError::Registry(_)), "{error}");
    let registered = client.register("elsewhere", &Schema::avro(NEWER), false).await.unwrap();
    let id = registered.id.unwrap();
    let pinned = SerializerOptions::new().source(SchemaSource::Id { id, strict: true });
    let serializer = AvroSerializer::of::<Order>(&client, pinned).unwrap();
    let made = serialized(&serializer, &order()).await.unwrap();
    assert_eq!(made.bytes().unwrap()[1..5], id.0.to_be_bytes());
}

#[tokio::test]
async fn references_to_schemas_of_other_subjects_are_followed() {
    let (_server, client) = registry().await;
    let line = r#"{"type": "record", "name": "Line", "namespace": "shop", "fields": [
        {"name": "item", "type": "string"}, {"name": "count", "type": "int"}]}"#;
    client.register("line", &Schema::avro(line), false).await.unwrap();
    let order_text = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "lines", "type": {"type": "array", "items": "shop.Line"}},
        {"name": "note", "type": ["null", "string"]}]}"#;
    let schema = Schema::avro(order_text).with_reference(Reference::new("shop.Line", "line", 1));
    let options = SerializerOptions::new().value_subject(SubjectNameStrategy::Record);
    let serializer = AvroSerializer::new(&client, schema, options).unwrap();
    let made = serialized(&serializer, &order()).await.unwrap();
    let (header, bytes) = parts(&made);
    assert_eq!(client.versions("shop.Order").await.unwrap(), [1]);
    let deserializer = AvroDeserializer::new(&client);
    assert_eq!(deserializer.deserialize::<Order>(header, bytes).await.unwrap(), order());
    let value = deserializer.deserialize_value(header, bytes).await.unwrap();
    assert_eq!(apache_avro::from_value::<Order>(&value).unwrap(), order());
    let reader = AvroDeserializer::with_reader(&client, order_text, &[line]).unwrap();
    assert_eq!(reader.deserialize::<Order>(header, bytes).await.unwrap(), order());
    let value = reader.deserialize_value(header, bytes).await.unwrap();
    assert_eq!(apache_avro::from_value::<Order>(&value).unwrap(), order());
}

#[tokio::test]
async fn bytes_that_lie_are_refused_whoever_reads_them() {
    let (_server, client) = registry().await;
    let list =
        r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#;
    client.register("t-value", &Schema::avro(list), false).await.unwrap();
    let deserializer = AvroDeserializer::new(&client);
    let deep = [&[0, 0, 0, 0, 1][..], &[2; 100_000]].concat();
    for bytes in [&deep[..], &[0, 0, 0, 0, 1, 4], &[0, 0, 0, 0, 1], &[0, 0, 0, 0, 1, 0, 0]] {
        let error = deserializer.deserialize::<serde_json::Value>(None, bytes).await.unwrap_err();
        assert!(matches!(error, DeserializerError::Value { .. }), "{error}");
        let error = deserializer.deserialize_value(None, bytes).await.unwrap_err();
        assert!(matches!(error, DeserializerError::Value { .. }), "{error}");
    }
    // As deep as is allowed.
    let nested = |levels: usize| [&[0, 0, 0, 0, 1][..], &vec![2_u8; levels - 1], &[0]].concat();
    deserializer.deserialize::<serde_json::Value>(None, &nested(64)).await.unwrap();
    deserializer.deserialize_value(None, &nested(64)).await.unwrap();
    assert!(deserializer.deserialize_value(None, &nested(65)).await.is_err());
    for bytes in [&[][..], &[5], &[0, 0], b"{}"] {
        let error = deserializer.deserialize_value(None, bytes).await.unwrap_err();
        assert!(matches!(error, DeserializerError::Framing(_)), "{error}");
    }
    let error = deserializer.deserialize_value(None, &[0, 0, 0, 0, 9]).await.unwrap_err();
    assert!(matches!(error, DeserializerError::Registry(_)), "{error}");
}
