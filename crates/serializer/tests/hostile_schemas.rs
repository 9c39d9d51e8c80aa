//! Avro schemas and values that were made to break their readers cost what their bytes are worth.

#![cfg(feature = "avro")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rohrpost_serializer::{
    AvroDeserializer, AvroErrorKind, AvroSchema, AvroSchemaError, AvroSerializer, Part, encode,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// A record `R{levels}` of all below it: each has two fields of the one before, by default what that has by default.
fn doubling(levels: usize) -> String {
    let mut fields =
        vec![json!({"name": "f0", "type": {"type": "record", "name": "R0", "fields": [
        {"name": "a", "type": "int", "default": 0}]}})];
    for level in 1..=levels {
        let of = format!("R{}", level - 1);
        let of = ["a", "b"].map(|name| json!({"name": name, "type": &of, "default": {}}));
        let record = json!({"type": "record", "name": format!("R{level}"), "fields": of});
        fields.push(json!({"name": format!("f{level}"), "type": record}));
    }
    json!({"type": "record", "name": "Root", "fields": fields}).to_string()
}

#[test]
fn defaults_that_double_from_record_to_record_are_refused_before_they_fill_the_memory() {
    AvroSchema::parse(&doubling(10)).unwrap();
    let text = doubling(60);
    let taken = allocation_counter::measure(|| {
        assert_eq!(AvroSchema::parse(&text).unwrap_err(), AvroSchemaError::Defaults);
    });
    assert!(taken.bytes_max < 16 << 20, "{} bytes", taken.bytes_max);
}

#[test]
fn a_default_that_many_ways_through_unions_do_not_match_is_given_up() {
    let mut default = json!(null);
    for _ in 0..60 {
        default = json!({ "next": default });
    }
    let missing = json!({"name": "missing", "type": "int"});
    let next = json!({"name": "next", "type": ["null", "A", "B"]});
    let a = json!({"type": "record", "name": "A", "fields": [
        {"name": "next", "type": ["null", "A", {"type": "record", "name": "B", "fields": [next, &missing]}]},
        missing]});
    let field = json!({"name": "f", "type": a, "default": default});
    let text = json!({"type": "record", "name": "Root", "fields": [field]}).to_string();
    assert_eq!(AvroSchema::parse(&text).unwrap_err(), AvroSchemaError::Defaults);
}

#[test]
fn a_value_that_takes_no_bytes_has_parts_that_can_be_counted() {
    // Each record has two fields of the one before: of the last one's parts there are more than anybody can count.
    let mut fields =
        vec![json!({"name": "f0", "type": ["null", {"type": "record", "name": "R0", "fields": [
        {"name": "a", "type": "null"}]}]})];
    for level in 1..=50 {
        let of = format!("R{}", level - 1);
        let of = ["a", "b"].map(|name| json!({"name": name, "type": &of}));
        let record = json!({"type": "record", "name": format!("R{level}"), "fields": of});
        fields.push(json!({"name": format!("f{level}"), "type": ["null", record]}));
    }
    let text = json!({"type": "record", "name": "Root", "fields": fields}).to_string();
    let deserializer = AvroDeserializer::new(&AvroSchema::parse(&text).unwrap());
    let value = |level: usize| {
        let mut bytes = [0; 51];
        bytes[level] = 2;
        deserializer.deserialize::<IgnoredAny>(&bytes).map_err(|error| error.kind().clone())
    };
    assert!(value(15).is_ok());
    // Of 25 levels the parts could be counted, in a while.
    assert_eq!(value(25), Err(AvroErrorKind::Empty));
    assert_eq!(value(50), Err(AvroErrorKind::Empty));
    // The same of a reader's defaults.
    let old = AvroSchema::parse(r#"{"type": "record", "name": "Root", "fields": []}"#).unwrap();
    let new = json!({"type": "record", "name": "Root", "fields": [
        {"name": "many", "type": {"type": "array", "items": "null"}, "default": vec![Value::Null; 40_000]},
        {"name": "more", "type": {"type": "array", "items": "null"}, "default": vec![Value::Null; 40_000]}]});
    let new = AvroSchema::parse(&new.to_string()).unwrap();
    let resolving = AvroDeserializer::resolving(&old, &new).unwrap();
    let error = resolving.deserialize::<IgnoredAny>(&[]).unwrap_err();
    assert!(matches!(error.kind(), AvroErrorKind::Length(40_000)), "{error}");
}

/// Schemas that use each other, each of arrays in arrays.
fn chain(schemas: usize, arrays: usize) -> Vec<String> {
    let one = |index: usize| {
        let before = if index == 0 { "int".to_owned() } else { format!("R{}", index - 1) };
        let (begin, end) = (r#"{"type":"array","items":"#.repeat(arrays), "}".repeat(arrays));
        let field = format!(r#"{{"name":"f","type":{begin}"{before}"{end}}}"#);
        format!(r#"{{"type":"record","name":"R{index}","fields":[{field}]}}"#)
    };
    (0..schemas).map(one).collect()
}

#[test]
fn types_within_types_have_a_bound_however_many_schemas_they_come_from() {
    let texts = chain(1_000, 100);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let root = r#"{"type": "array", "items": "R999"}"#;
    assert_eq!(AvroSchema::parse_with(root, &texts).unwrap_err(), AvroSchemaError::Depth);
    // What is within it can be read, written and compared on an ordinary stack.
    let texts = chain(5, 49);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let deep = AvroSchema::parse_with(r#"{"type": "array", "items": "R4"}"#, &texts).unwrap();
    assert_eq!(deep.cannot_read(&deep), None);
    let value: Vec<Value> =
        AvroDeserializer::resolving(&deep, &deep).unwrap().deserialize(&[0]).unwrap();
    assert!(value.is_empty());
    let none: [(); 0] = [];
    let written = encode(&AvroSerializer::new(deep), "t", Part::Value, &none).unwrap();
    assert_eq!(written.bytes(), Some(&[0][..]));
}

/// A circle of so many records, all called `R`, each in a namespace of its own.
fn circle(namespace: &str, length: usize) -> String {
    let optional = |of: Value| json!(["null", of]);
    let mut fields = Vec::new();
    for index in 0..length - 1 {
        let next = match index {
            0 => format!("{namespace}.R"),
            _ => format!("{namespace}{}.R", index - 1),
        };
        let f = json!({"name": "f", "type": optional(json!(next)), "default": null});
        let record =
            json!({"type": "record", "name": format!("{namespace}{index}.R"), "fields": [f]});
        let name = format!("{namespace}{index}");
        fields.push(json!({"name": name, "type": optional(record), "default": null}));
    }
    let last = format!("{namespace}{}.R", length - 2);
    fields.push(json!({"name": "f", "type": optional(json!(last)), "default": null}));
    json!({"type": "record", "name": format!("{namespace}.R"), "fields": fields}).to_string()
}

#[test]
fn records_that_go_round_in_circles_of_different_lengths_are_compared_within_bounds() {
    let writer = AvroSchema::parse(&circle("w", 101)).unwrap();
    let reader = AvroSchema::parse(&circle("v", 97)).unwrap();
    let deserializer = AvroDeserializer::resolving(&writer, &reader).unwrap();
    // The writer's 100 others are null, and so is the end of three records in each other.
    let bytes = [&[0; 100][..], &[2, 2, 2, 0]].concat();
    let value: Value = deserializer.deserialize(&bytes).unwrap();
    assert!(value.pointer("/f/f/f").is_some_and(|f| f.is_object()), "{value}");
}
