//! Confluent's own client for Python reads what is written here, and what it writes is read here; they meet at the registry for tests.
//!
//! It needs Python 3 and its package confluent-kafka, which the test installs into the target folder if it is not there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "interop/peer.rs"]
mod peer;

use base64ct::{Base64, Encoding};
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage};
use rohrpost_schema_registry::{
    AvroDeserializer, AvroSerializer, Framing, JsonDeserializer, JsonSerializer,
    ProtobufDeserializer, Reference, ReflectSerializer, Schema, SchemaRegistry, SerializerError,
    SerializerOptions, TestRegistry,
};
use rohrpost_serializer::{Part, Serializer, encode};
use serde_json::{Value, json};

use self::peer::Peer;

struct Meeting {
    _server: TestRegistry,
    client: SchemaRegistry,
    peer: Peer,
}

impl Meeting {
    async fn new() -> Self {
        let server = TestRegistry::start().await.unwrap();
        let client = SchemaRegistry::new(&server.url()).unwrap();
        let peer = Peer::start(&server.url());
        Self { _server: server, client, peer }
    }

    /// A value of ours, as the peer reads it.
    async fn ours<T, S>(&mut self, serializer: &S, topic: &str, value: &T, request: Value) -> Value
    where
        S: Serializer<T, Error = SerializerError>,
    {
        if let Some(preparation) = serializer.prepare(topic, Part::Value, value) {
            preparation.await.unwrap();
        }
        let made = encode(serializer, topic, Part::Value, value).unwrap();
        let mut headers = made.headers().iter();
        let header = headers.next().map(|(name, value)| {
            assert_eq!(name, "__value_schema_id");
            hex(value.unwrap())
        });
        let mut request = request;
        request["op"] = "read".into();
        request["topic"] = topic.into();
        request["bytes"] = hex(made.bytes().unwrap()).into();
        request["header"] = header.into();
        self.peer.ask(request).await["value"].take()
    }

    /// A value of the peer's, as its header and bytes.
    async fn theirs(
        &mut self,
        topic: &str,
        value: &Value,
        request: Value,
    ) -> (Option<Vec<u8>>, Vec<u8>) {
        let mut request = request;
        request["op"] = "write".into();
        request["topic"] = topic.into();
        request["value"] = value.clone();
        let answer = self.peer.ask(request).await;
        (answer["header"].as_str().map(unhex), unhex(answer["bytes"].as_str().unwrap()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const FRAMINGS: [(Framing, &str); 2] = [(Framing::Classic, "classic"), (Framing::Header, "header")];

fn framed(framing: Framing) -> SerializerOptions {
    SerializerOptions::new().framing(framing)
}

const LINE: &str = r#"{"type": "record", "name": "Line", "namespace": "shop", "fields": [
    {"name": "item", "type": "string"}, {"name": "count", "type": "int"}]}"#;

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "lines", "type": {"type": "array", "items": "shop.Line"}},
    {"name": "payment", "type": ["null", "boolean", "long", {"type": "array", "items": "string"}]},
    {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}},
    {"name": "labels", "type": {"type": "map", "values": ["null", "double"]}},
    {"name": "key", "type": {"type": "fixed", "name": "Key", "size": 2}},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "time", "type": {"type": "long", "logicalType": "time-micros"}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "parent", "type": ["null", "shop.Order"], "default": null}]}"#;

/// As apache_avro has it, and as the peer has it.
fn orders() -> (apache_avro::types::Value, Value) {
    use apache_avro::types::Value as Avro;
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let line = |item: &str, count| {
        Avro::Record(vec![
            ("item".into(), Avro::String(item.into())),
            ("count".into(), Avro::Int(count)),
        ])
    };
    let order = |note, payment, parent| {
        Avro::Record(vec![
            ("id".into(), Avro::Long(-5_000_000_000)),
            ("note".into(), note),
            ("lines".into(), Avro::Array(vec![line("cup", 1), line("tea", -2)])),
            ("payment".into(), payment),
            ("colour".into(), Avro::Enum(1, "GREEN".into())),
            (
                "labels".into(),
                Avro::Map([("a".into(), Avro::Union(1, Box::new(Avro::Double(0.5))))].into()),
            ),
            ("key".into(), Avro::Fixed(2, vec![1, 255])),
            ("day".into(), Avro::Date(20_000)),
            ("time".into(), Avro::TimeMicros(3_723_000_004)),
            ("at".into(), Avro::TimestampMillis(1_700_000_000_123)),
            ("price".into(), Avro::Decimal(vec![0xfb, 0x2e].into())),
            ("uuid".into(), Avro::Uuid(uuid.parse().unwrap())),
            ("parent".into(), parent),
        ])
    };
    let null = || Avro::Union(0, Box::new(Avro::Null));
    let parent = order(null(), null(), null());
    let list = Avro::Array(vec![Avro::String("x".into())]);
    let own = order(
        Avro::Union(1, Box::new(Avro::String("ü".into()))),
        Avro::Union(3, Box::new(list)),
        Avro::Union(1, Box::new(parent)),
    );
    let theirs = |note: Value, payment: Value, parent: Value| {
        json!({
            "id": -5_000_000_000_i64, "note": note,
            "lines": [{ "item": "cup", "count": 1 }, { "item": "tea", "count": -2 }],
            "payment": payment, "colour": "GREEN", "labels": { "a": 0.5 },
            "key": { "$bytes": "01ff" }, "day": { "$date": "2024-10-04" },
            "time": { "$time": "01:02:03.000004" },
            "at": { "$timestamp": "2023-11-14T22:13:20.123000+00:00" },
            "price": { "$decimal": "-12.34" }, "uuid": { "$uuid": uuid }, "parent": parent,
        })
    };
    let parent = theirs(Value::Null, Value::Null, Value::Null);
    (own, theirs("ü".into(), json!(["x"]), parent))
}

#[tokio::test]
async fn avro_of_every_shape_goes_both_ways_in_both_framings() {
    let mut meeting = Meeting::new().await;
    meeting.client.register("line", &Schema::avro(LINE), false).await.unwrap();
    let schema = Schema::avro(ORDER).with_reference(Reference::new("shop.Line", "line", 1));
    let deserializer = AvroDeserializer::new(&meeting.client);
    let (own, theirs) = orders();
    for (framing, name) in FRAMINGS {
        let serializer =
            AvroSerializer::new(&meeting.client, schema.clone(), framed(framing)).unwrap().values();
        let read = meeting.ours(&serializer, "orders", &own, json!({ "format": "avro" })).await;
        assert_eq!(read, theirs);
        let request = json!({
            "format": "avro", "framing": name, "schema": ORDER,
            "references": [{ "name": "shop.Line", "subject": "line", "version": 1 }],
        });
        let (header, bytes) = meeting.theirs("orders", &theirs, request).await;
        assert_eq!(header.is_some(), framing == Framing::Header);
        let read = deserializer.deserialize_value(header.as_deref(), &bytes).await.unwrap();
        assert_eq!(read, own);
        let made = encode(&serializer, "orders", Part::Value, &own).unwrap();
        assert_eq!(made.bytes(), Some(&bytes[..]), "byte for byte");
        assert_eq!(meeting.client.versions("orders-value").await.unwrap(), [1]);
    }
}

#[tokio::test]
async fn evolved_avro_is_read_by_the_readers_schema_on_both_sides() {
    let older = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "gone", "type": "string"}]}"#;
    let newer = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "string"], "default": null}]}"#;
    let mut meeting = Meeting::new().await;
    let options = SerializerOptions::new();
    let serializer = AvroSerializer::new(&meeting.client, Schema::avro(older), options).unwrap();
    let (value, expected) = (json!({ "a": 1, "gone": "x" }), json!({ "a": 1, "b": null }));
    let request = json!({ "format": "avro", "schema": newer });
    assert_eq!(meeting.ours(&serializer, "evolved", &value, request).await, expected);
    let request = json!({ "format": "avro", "framing": "classic", "schema": older });
    let (header, bytes) = meeting.theirs("evolved", &value, request).await;
    let deserializer = AvroDeserializer::with_reader(&meeting.client, newer, &[]).unwrap();
    let read: Value = deserializer.deserialize(header.as_deref(), &bytes).await.unwrap();
    assert_eq!(read, expected);
    // The newer one is compatible, and goes into the same subject.
    let request = json!({ "format": "avro", "framing": "classic", "schema": newer });
    let (header, bytes) = meeting.theirs("evolved", &expected, request).await;
    let read: Value = deserializer.deserialize(header.as_deref(), &bytes).await.unwrap();
    assert_eq!(read, expected);
    assert_eq!(meeting.client.versions("evolved-value").await.unwrap(), [1, 2]);
}

const FILES: [(&str, &str); 3] = [
    ("shop/money.proto", r#"syntax = "proto3"; package shop; message Money { int64 cents = 1; }"#),
    (
        "shop/line.proto",
        r#"syntax = "proto3"; package shop; import "shop/money.proto"; message Line { string item = 1; Money price = 2; }"#,
    ),
    (
        "shop/order.proto",
        r#"syntax = "proto3"; package shop;
        import "shop/line.proto"; import "shop/money.proto"; import "google/protobuf/timestamp.proto";
        message First { bool is = 1; }
        message Order {
            enum Colour { RED = 0; GREEN = 1; }
            message Empty {}
            message Part { string name = 1; message Screw { int32 length = 1; } }
            string note = 1; optional int32 count = 2; repeated Line lines = 3; map<string, Money> prices = 4;
            oneof payment { string card = 5; Money cash = 6; } Colour colour = 7; Part part = 8;
            google.protobuf.Timestamp at = 9; bytes raw = 10; double weight = 11;
        }"#,
    ),
];

#[tokio::test]
async fn protocol_buffers_go_both_ways_with_imports_and_nested_messages_in_both_framings() {
    let mut pool = DescriptorPool::global();
    let mut files = Vec::new();
    for (name, text) in FILES {
        let mut file = protox_parse::parse(name, text).unwrap();
        file.source_code_info = None;
        pool.add_file_descriptor_proto(file).unwrap();
        files.push(Base64::encode_string(&pool.get_file_by_name(name).unwrap().encode_to_vec()));
    }
    let order = json!({
        "note": "ü", "count": 0, "lines": [{ "item": "cup", "price": { "cents": "5" } }],
        "prices": { "a": { "cents": "-1" } }, "cash": { "cents": "7" }, "colour": "GREEN",
        "part": { "name": "lid" }, "at": "2023-11-14T22:13:20.123Z", "raw": "AP8=", "weight": 0.5,
    });
    let mut meeting = Meeting::new().await;
    let deserializer = ProtobufDeserializer::new(&meeting.client);
    for (message, value) in [
        ("shop.First", json!({ "is": true })),
        ("shop.Order", order),
        ("shop.Order.Part", json!({ "name": "lid" })),
        ("shop.Order.Part.Screw", json!({ "length": 3 })),
    ] {
        for (framing, name) in FRAMINGS {
            let serializer = ReflectSerializer::new(&meeting.client, framed(framing));
            let descriptor = pool.get_message_by_name(message).unwrap();
            let own = DynamicMessage::deserialize(descriptor, value.clone()).unwrap();
            let request = json!({ "format": "protobuf", "files": files, "message": message, "framing": name });
            let read = meeting.ours(&serializer, "orders", &own, request.clone()).await;
            assert_eq!(read, value);
            let (header, bytes) = meeting.theirs("orders", &value, request).await;
            let read = deserializer.deserialize_dynamic(header.as_deref(), &bytes).await.unwrap();
            assert_eq!(read.descriptor().full_name(), message);
            assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&own).unwrap());
            let made = encode(&serializer, "orders", Part::Value, &own).unwrap();
            if message != "shop.Order" {
                assert_eq!(
                    made.bytes(),
                    Some(&bytes[..]),
                    "byte for byte, where the order of fields is"
                );
            }
        }
    }
    // Both have registered one and the same file, and its imports.
    assert_eq!(meeting.client.versions("orders-value").await.unwrap(), [1]);
    assert_eq!(meeting.client.versions("shop/line.proto").await.unwrap(), [1]);
}

#[tokio::test]
async fn json_goes_both_ways_with_references_in_both_framings() {
    let line =
        r#"{"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}}"#;
    let text = r#"{"title": "Order", "type": "object", "properties": {
        "id": {"type": "integer"}, "note": {"oneOf": [{"type": "null"}, {"type": "string"}]},
        "lines": {"type": "array", "items": {"$ref": "line.json"}},
        "labels": {"type": "object", "additionalProperties": {"type": "number"}}}}"#;
    let value =
        json!({ "id": 7, "note": "ü", "lines": [{ "item": "cup" }], "labels": { "a": 0.5 } });
    let mut meeting = Meeting::new().await;
    meeting.client.register("line", &Schema::json(line), false).await.unwrap();
    let schema = Schema::json(text).with_reference(Reference::new("line.json", "line", 1));
    let deserializer = JsonDeserializer::new(&meeting.client);
    for (framing, name) in FRAMINGS {
        let serializer =
            JsonSerializer::new(&meeting.client, schema.clone(), framed(framing)).unwrap();
        let read = meeting.ours(&serializer, "orders", &value, json!({ "format": "json" })).await;
        assert_eq!(read, value);
        let request = json!({
            "format": "json", "framing": name, "schema": text,
            "references": [{ "name": "line.json", "subject": "line", "version": 1 }],
        });
        let (header, bytes) = meeting.theirs("orders", &value, request).await;
        let read: Value = deserializer.deserialize(header.as_deref(), &bytes).await.unwrap();
        assert_eq!(read, value);
    }
    assert_eq!(meeting.client.versions("orders-value").await.unwrap(), [1]);
}
