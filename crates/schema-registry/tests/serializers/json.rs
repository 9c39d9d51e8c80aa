//! JSON Schema.

use rohrpost_schema_registry::{
    DeserializerError, JsonDeserializer, JsonSerializer, Reference, Schema, SchemaSource,
    SerializerError, SerializerOptions, SubjectNameStrategy,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{FRAMINGS, allocations, framed, parts, registry, serialized};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Order {
    id: i64,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Line {
    item: String,
    count: i32,
}

const SCHEMA: &str = r##"{"title": "Order", "type": "object", "required": ["id"], "properties": {
    "id": {"type": "integer"},
    "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "$defs": {"line": {"type": "object", "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}}}}}"##;

fn order(count: i32) -> Order {
    Order { id: 7, lines: vec![Line { item: "cup".into(), count }] }
}

#[tokio::test]
async fn values_that_match_come_back_and_others_are_named_by_their_path() {
    let (_server, client) = registry().await;
    for framing in FRAMINGS {
        let serializer =
            JsonSerializer::new(&client, Schema::json(SCHEMA), framed(framing)).unwrap();
        let made = serialized(&serializer, &order(2)).await.unwrap();
        let (header, bytes) = parts(&made);
        assert!(bytes.ends_with(br#"{"id":7,"lines":[{"item":"cup","count":2}]}"#));
        let deserializer = JsonDeserializer::new(&client);
        assert_eq!(deserializer.deserialize::<Order>(header, bytes).await.unwrap(), order(2));
        let value = deserializer.deserialize_value(header, bytes).await.unwrap();
        assert_eq!(value, serde_json::to_value(order(2)).unwrap());

        let error = serialized(&serializer, &order(0)).await.unwrap_err();
        let SerializerError::Value { path, detail } = error else { panic!("{error}") };
        assert_eq!((&*path, &*detail), ("lines[0].count", "value is less than the minimum of 1"));
        let error = serialized(&serializer.values(), &json!({ "lines": [] })).await.unwrap_err();
        assert!(
            matches!(&error, SerializerError::Value { path, .. } if path.is_empty()),
            "{error}"
        );

        let unchecked = serializer.clone().validate(false);
        let made = serialized(&unchecked, &order(0)).await.unwrap();
        let (header, bytes) = parts(&made);
        let error = deserializer.deserialize::<Order>(header, bytes).await.unwrap_err();
        assert!(
            matches!(&error, DeserializerError::Value { path, .. } if path == "lines[0].count"),
            "{error}"
        );
        let error = deserializer.deserialize_value(header, bytes).await.unwrap_err();
        assert!(
            matches!(&error, DeserializerError::Value { path, .. } if path == "lines[0].count"),
            "{error}"
        );
        let unchecked = deserializer.validate(false);
        assert_eq!(unchecked.deserialize::<Order>(header, bytes).await.unwrap(), order(0));
    }
}

#[tokio::test]
async fn a_known_schema_costs_no_allocation() {
    let (_server, client) = registry().await;
    let options = SerializerOptions::new();
    let serializer = JsonSerializer::new(&client, Schema::json(SCHEMA), options).unwrap();
    assert_eq!(allocations(&serializer.clone().validate(false), &order(1)).await, 0);
    let tree = serde_json::to_value(order(1)).unwrap();
    assert_eq!(allocations(&serializer.values(), &tree).await, 0);
    // A list for each object and array.
    assert_eq!(allocations(&serializer, &order(1)).await, 3);
}

#[tokio::test]
async fn references_are_found_by_their_names() {
    let (_server, client) = registry().await;
    let line =
        r#"{"$id": "https://example.com/line.json", "type": "object", "required": ["item"]}"#;
    client.register("line", &Schema::json(line), false).await.unwrap();
    for name in ["line.json", "https://example.com/line.json"] {
        let text = json!({
            "$id": "https://example.com/order.json", "title": "shop.Order",
            "properties": { "lines": { "items": { "$ref": name } } }
        });
        let schema = Schema::json(text.to_string()).with_reference(Reference::new(name, "line", 1));
        let options = SerializerOptions::new().value_subject(SubjectNameStrategy::TopicRecord);
        let serializer = JsonSerializer::new(&client, schema, options).unwrap();
        let made = serialized(&serializer, &order(1)).await.unwrap();
        let (header, bytes) = parts(&made);
        JsonDeserializer::new(&client).deserialize::<Order>(header, bytes).await.unwrap();
        let error = serialized(&serializer, &json!({ "lines": [{}] })).await.unwrap_err();
        assert!(
            matches!(&error, SerializerError::Value { path, .. } if path == "lines[0]"),
            "{error}"
        );
    }
    assert_eq!(client.subjects().await.unwrap(), ["line", "t-shop.Order"]);
    // Nothing is fetched from anywhere else.
    let elsewhere = Schema::json(r#"{"$ref": "https://example.com/other.json"}"#);
    let error = JsonSerializer::new(&client, elsewhere, SerializerOptions::new()).unwrap_err();
    assert!(error.to_string().contains("other.json"), "{error}");
}

#[tokio::test]
async fn values_are_held_against_the_newest_schema_where_that_is_used() {
    let (_server, client) = registry().await;
    client.register("t-value", &Schema::json(r#"{"maxProperties": 1}"#), false).await.unwrap();
    let latest = SerializerOptions::new().source(SchemaSource::Latest { strict: true });
    let serializer = JsonSerializer::by_registry(&client, latest).unwrap();
    serialized(&serializer, &json!({ "a": 1 })).await.unwrap();
    assert!(serialized(&serializer, &json!({ "a": 1, "b": 2 })).await.is_err());
    assert!(JsonSerializer::by_registry(&client, SerializerOptions::new()).is_err());
}

#[tokio::test]
async fn validation_is_left_out_by_its_property_too() {
    let (_server, client) = registry().await;
    let schema = || Schema::json(r#"{"maxProperties": 1}"#);
    for (value, is_validated) in [("true", true), ("false", false)] {
        let options = SerializerOptions::from_properties([("json.fail.invalid.schema", value)]);
        let serializer = JsonSerializer::new(&client, schema(), options.unwrap()).unwrap();
        let made = serialized(&serializer, &json!({ "a": 1, "b": 2 })).await;
        assert_eq!(made.is_err(), is_validated);
    }
}

/// What is no matter for a quick look is validated all the same: members that come twice, of which the last counts, and more than such a look takes.
#[tokio::test]
async fn whatever_the_value_is_like_it_is_validated() {
    let (_server, client) = registry().await;
    let text = r#"{"maxProperties": 100, "additionalProperties": {"type": "integer"}}"#;
    let serializer =
        JsonSerializer::new(&client, Schema::json(text), SerializerOptions::new()).unwrap();
    let many = |count: usize, last: serde_json::Value| {
        let all = (0..count).map(|number| (format!("m{number:03}"), json!(number)));
        all.chain([("n".to_owned(), last)]).collect::<serde_json::Value>()
    };
    for count in [1, 20, 99] {
        let made = serialized(&serializer, &many(count, json!(1))).await.unwrap();
        let (header, bytes) = parts(&made);
        let read =
            JsonDeserializer::new(&client).deserialize::<serde_json::Value>(header, bytes).await;
        assert_eq!(read.unwrap(), many(count, json!(1)));
        let error = serialized(&serializer, &many(count, json!("x"))).await.unwrap_err();
        assert!(matches!(&error, SerializerError::Value { path, .. } if path == "n"), "{error}");
    }
    assert!(serialized(&serializer, &many(100, json!(1))).await.is_err());
    let deserializer = JsonDeserializer::new(&client);
    for (text, is_valid) in [
        (r#"{"a":"x","a":1}"#, true),
        (r#"{"a":1,"a":"x"}"#, false),
        ("{", false),
        ("\"\u{ff}", false),
    ] {
        let bytes = [&[0, 0, 0, 0, 1], text.as_bytes()].concat();
        let read = deserializer.deserialize::<serde_json::Value>(None, &bytes).await;
        assert_eq!(read.is_ok(), is_valid, "{text}: {read:?}");
    }
    let error = deserializer.deserialize::<String>(None, b"\0\0\0\0\x01\"\xff\"").await;
    assert!(matches!(error, Err(DeserializerError::Value { .. })), "{error:?}");
}
