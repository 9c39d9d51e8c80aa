//! Types of Avro that have the same name in different namespaces, or none, are not mistaken for each other.

#![cfg(feature = "avro")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use rohrpost_serializer::{
    AvroDeserializer, AvroErrorKind, AvroSchema, AvroSerializer, Part, encode,
};
use serde::{Deserialize, Serialize};

const TWO: &str = r#"["null",
    {"type": "record", "name": "R", "namespace": "a", "fields": [
        {"name": "x", "type": "int", "default": 0}]},
    {"type": "record", "name": "R", "namespace": "b", "fields": [
        {"name": "y", "type": "int"}]}]"#;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Either {
    #[serde(rename = "null")]
    Null,
    #[serde(rename = "a.R")]
    A { x: i32 },
    #[serde(rename = "b.R")]
    B { y: i32 },
}

#[test]
fn records_of_one_name_in_two_namespaces_are_told_apart() {
    let schema = AvroSchema::parse(TWO).unwrap();
    let read = AvroDeserializer::new(&schema);
    let resolved = AvroDeserializer::resolving(&schema, &schema).unwrap();
    let serializer = AvroSerializer::new(schema);
    for (value, bytes) in
        [(Either::Null, &[0][..]), (Either::A { x: 1 }, &[2, 2]), (Either::B { y: 2 }, &[4, 4])]
    {
        let written = encode(&serializer, "t", Part::Value, &value).unwrap();
        assert_eq!(written.bytes(), Some(bytes), "{value:?}");
        for deserializer in [&read, &resolved] {
            assert_eq!(deserializer.deserialize::<Either>(bytes).unwrap(), value);
        }
    }
    let map: BTreeMap<String, i32> = read.deserialize(&[4, 4]).unwrap();
    assert_eq!(map, [("y".to_owned(), 2)].into());
}

#[test]
fn a_struct_of_which_only_the_namespace_could_say_which_record_it_is_is_refused() {
    #[derive(Serialize)]
    struct R {
        y: i32,
    }
    let serializer = AvroSerializer::new(AvroSchema::parse(TWO).unwrap());
    let error = encode(&serializer, "t", Part::Value, &R { y: 1 }).unwrap_err();
    assert!(matches!(error.kind(), AvroErrorKind::Ambiguous(_)), "{error}");
}

#[test]
fn a_type_without_a_namespace_is_found_from_within_one() {
    let text = r#"{"type": "record", "name": "a.Outer", "fields": [
        {"name": "x", "type": {"type": "fixed", "name": "Two", "namespace": "", "size": 2}},
        {"name": "y", "type": "Two"}]}"#;
    let serializer = AvroSerializer::new(AvroSchema::parse(text).unwrap());
    let encoded = encode(&serializer, "t", Part::Value, &([1_u8, 2], [3_u8, 4])).unwrap();
    assert_eq!(encoded.bytes(), Some(&[1, 2, 3, 4][..]));
}
