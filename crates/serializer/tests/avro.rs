//! Avro: what is written is what the specification says, and reads back; what does not match says where; bytes are never trusted.

#![cfg(feature = "avro")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rohrpost_serializer::{
    AvroDeserializer, AvroErrorKind, AvroSchema, AvroSchemaError, AvroSerializer, Part, encode,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

fn schema(text: &str) -> AvroSchema {
    AvroSchema::parse(text).unwrap()
}

fn written<T: Serialize + ?Sized>(of: &AvroSchema, value: &T) -> Vec<u8> {
    encode(&AvroSerializer::new(of.clone()), "t", Part::Value, value).unwrap().into_bytes().unwrap()
}

fn refused<T: Serialize + ?Sized>(of: &str, value: &T) -> String {
    let serializer = AvroSerializer::new(schema(of));
    encode(&serializer, "t", Part::Value, value).unwrap_err().to_string()
}

fn read<T: DeserializeOwned>(of: &AvroSchema, bytes: &[u8]) -> T {
    AvroDeserializer::new(of).deserialize(bytes).unwrap()
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    of: &str,
    value: &T,
    bytes: &[u8],
) {
    let of = schema(of);
    assert_eq!(written(&of, value), bytes, "{value:?}");
    assert_eq!(&read::<T>(&of, bytes), value);
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Line {
    item: String,
    price: f64,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Payment {
    Cash,
    Card { number: String },
    Voucher(i64),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
enum Colour {
    Red,
    Green,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Order {
    id: i64,
    colour: Colour,
    lines: Vec<Line>,
    labels: BTreeMap<String, Option<i32>>,
    payment: Payment,
    key: [u8; 4],
    parent: Option<Box<Order>>,
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["Red", "Green"]}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "item", "type": "string"}, {"name": "price", "type": "double"}]}}},
    {"name": "labels", "type": {"type": "map", "values": ["null", "int"]}},
    {"name": "payment", "type": [
        {"type": "record", "name": "Cash", "fields": []},
        {"type": "record", "name": "Card", "fields": [{"name": "number", "type": "string"}]},
        "long"]},
    {"name": "key", "type": {"type": "fixed", "name": "Key", "size": 4}},
    {"name": "parent", "type": ["null", "Order"], "default": null}
]}"#;

fn order(payment: Payment, parent: Option<Order>) -> Order {
    Order {
        id: -3,
        colour: Colour::Green,
        lines: vec![
            Line { item: "cup".into(), price: 1.5 },
            Line { item: "tea".into(), price: -0.25 },
        ],
        labels: [("a".into(), Some(1)), ("b".into(), None)].into(),
        payment,
        key: [1, 2, 3, 4],
        parent: parent.map(Box::new),
    }
}

#[test]
fn primitive_types_are_written_as_the_specification_says() {
    check(r#""null""#, &(), b"");
    check(r#""boolean""#, &true, &[1]);
    check(r#""int""#, &-64, &[0x7f]);
    check(r#""int""#, &64, &[0x80, 1]);
    check(r#""long""#, &i64::MIN, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    check(r#""float""#, &1.5_f32, &1.5_f32.to_le_bytes());
    check(r#""double""#, &1.5_f64, &1.5_f64.to_le_bytes());
    check(r#""string""#, &"foo".to_owned(), b"\x06foo");
    check(r#""bytes""#, &vec![1_u8, 255], &[4, 1, 255]);
    check(r#"{"type": "array", "items": "long"}"#, &vec![3_i64, 27], &[4, 6, 54, 0]);
    check(r#"{"type": "array", "items": "long"}"#, &Vec::<i64>::new(), &[0]);
    check(r#"{"type": "array", "items": "long"}"#, &[3_i64, 27], &[4, 6, 54, 0]);
    let array = AvroDeserializer::new(&schema(r#"{"type": "array", "items": "long"}"#));
    let error = array.deserialize::<[i64; 1]>(&[4, 6, 54, 0]).unwrap_err();
    assert_eq!(error.to_string(), "the array has more than 1 entries");
    check(r#"["null", "string"]"#, &Some("a".to_owned()), &[2, 2, 97]);
    check(r#"["string", "null"]"#, &None::<String>, &[2]);
    check(r#"{"type": "fixed", "name": "U", "size": 8}"#, &u64::MAX, &[255; 8]);
}

#[test]
fn nested_optional_union_map_and_recursive_values_come_back_as_they_were() {
    let of = schema(ORDER);
    for payment in [Payment::Cash, Payment::Card { number: "4".into() }, Payment::Voucher(9)] {
        let value = order(payment.clone(), Some(order(payment, None)));
        assert_eq!(read::<Order>(&of, &written(&of, &value)), value);
    }
    let bytes = written(&of, &order(Payment::Card { number: "4".into() }, None));
    let begin = b"\x05\x02\x04\x06cup\0\0\0\0\0\0\xf8\x3f\x06tea\0\0\0\0\0\0\xd0\xbf\0\x04\x02a\x02\x02\x02b\0\0";
    assert_eq!(bytes, [&begin[..], b"\x02\x024\x01\x02\x03\x04\0"].concat());
}

#[test]
fn fields_may_come_in_any_order_and_left_out_ones_get_their_defaults() {
    let of = schema(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": "int"},
            {"name": "b", "type": ["null", "string"], "default": null},
            {"name": "c", "type": {"type": "array", "items": "int"}, "default": [7]},
            {"name": "d", "type": "bytes", "default": "\u00ff"}]}"#,
    );
    #[derive(Serialize)]
    struct Other {
        d: &'static [u8],
        a: u8,
    }
    let in_order = written(&of, &serde_json::json!({ "a": 1, "b": null, "c": [7] }));
    assert_eq!(in_order, [2, 0, 2, 14, 0, 2, 255]);
    assert_eq!(written(&of, &Other { d: &[9], a: 1 }), [2, 0, 2, 14, 0, 2, 9]);
    assert_eq!(
        refused(ORDER, &serde_json::json!({ "id": 1 })),
        r#"field "colour" is missing, and has no usable default"#
    );
    assert_eq!(
        refused(ORDER, &serde_json::json!({ "id": 1, "other": 2 })),
        r#"the schema's record has no field "other""#
    );
}

#[test]
fn what_does_not_match_is_named_by_its_path() {
    let mut value = serde_json::to_value(order(Payment::Voucher(1), None)).unwrap();
    value["payment"] = 3.into();
    written(&schema(ORDER), &value);
    let check = |pointer: &str, wrong: serde_json::Value, message: &str| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).unwrap() = wrong;
        assert_eq!(refused(ORDER, &value), message);
    };
    check("/lines/1/price", "dear".into(), "lines[1].price: the schema has double, the value text");
    check("/lines/0", 1.into(), "lines[0]: the schema has shop.Line, the value the integer 1");
    check("/labels/b", "x".into(), r#"labels["b"]: the schema has int, the value text"#);
    check("/colour", "Blue".into(), r#"colour: the schema's enum has no symbol "Blue""#);
    check(
        "/payment",
        true.into(),
        "payment: the schema has a union of shop.Cash, shop.Card, long, the value a truth value",
    );
    check("/key", vec![1].into(), "key: the schema has 4 bytes, the value 1");
    check("/key/2", 256.into(), "key[2]: 256 is not exactly a number of the schema's type byte");
    check(
        "/id",
        u64::MAX.into(),
        "id: 18446744073709551615 is not exactly a number of the schema's type long",
    );
    assert_eq!(
        refused(r#""float""#, &0.1_f64),
        "0.1 is not exactly a number of the schema's type float"
    );
    assert_eq!(
        refused(r#""int""#, &(1_i64 << 31)),
        "2147483648 is not exactly a number of the schema's type int"
    );
}

#[test]
fn a_unit_variant_is_never_taken_for_null_by_chance() {
    assert_eq!(written(&schema(r#"["null", "string"]"#), &Some(Colour::Red)), b"\x02\x06Red");
    assert_eq!(
        refused(r#"["null", "string"]"#, &Colour::Red),
        "several types of a union of null, string would take the value"
    );
    let colour = r#"["null", {"type": "enum", "name": "Colour", "symbols": ["Red"]}]"#;
    assert_eq!(written(&schema(colour), &Colour::Red), [2, 0]);
    assert_eq!(refused(colour, &Colour::Green), r#"the schema's enum has no symbol "Green""#);
}

#[test]
fn logical_types_take_numbers_bytes_and_text() {
    struct Bytes<'a>(&'a [u8]);
    impl Serialize for Bytes<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    let text = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let bytes = 0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8_u128.to_be_bytes();
    let string = schema(r#"{"type": "string", "logicalType": "uuid"}"#);
    let fixed = schema(r#"{"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}"#);
    assert_eq!(written(&string, &Bytes(&bytes)), [b"\x48", text.as_bytes()].concat());
    assert_eq!(written(&fixed, text), bytes);
    let decimal = r#"{"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2}"#;
    assert_eq!(written(&schema(decimal), &Bytes(&[0xff, 1])), [255, 255, 255, 1]);
    assert_eq!(written(&schema(decimal), &Bytes(&[0, 0, 127, 1, 1, 1])), [127, 1, 1, 1]);
    for wide in [&[0, 128, 1, 1, 1][..], &[1, 0, 0, 0, 0]] {
        assert_eq!(refused(decimal, &Bytes(wide)), "the schema has 4 bytes, the value 5");
    }
    let date = schema(r#"{"type": "int", "logicalType": "date"}"#);
    assert_eq!(written(&date, &1), [2]);
}

fn evolve<T: DeserializeOwned>(writer: &str, bytes: &[u8], reader: &str) -> Result<T, String> {
    let plan = AvroDeserializer::resolving(&schema(writer), &schema(reader));
    plan.and_then(|plan| plan.deserialize(bytes)).map_err(|error| error.to_string())
}

#[test]
fn a_readers_schema_gives_defaults_promotes_renames_and_skips() {
    let reader = r#"{"type": "record", "name": "Order", "fields": [
        {"name": "number", "aliases": ["id"], "type": "double"},
        {"name": "note", "type": {"type": "record", "name": "Note", "fields": [
            {"name": "text", "type": "string"}, {"name": "by", "type": "string", "default": "me"}]}, "default": {"text": "none"}},
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["Red", "Other"], "default": "Other"}},
        {"name": "payment", "type": ["string", "double", {"type": "record", "name": "Card", "fields": []}]}
    ]}"#;
    let (writer, of) = (schema(ORDER), schema(reader));
    assert!(of.cannot_read(&writer).unwrap().contains("shop.Cash as a union"));
    let bytes = written(&writer, &order(Payment::Voucher(5), Some(order(Payment::Cash, None))));
    let read: serde_json::Value = evolve(ORDER, &bytes, reader).unwrap();
    let expected = serde_json::json!({
        "number": -3.0, "colour": "Other", "payment": 5.0, "note": { "text": "none", "by": "me" }
    });
    assert_eq!(read, expected);
    let bytes = written(&writer, &order(Payment::Cash, None));
    let error = evolve::<IgnoredAny>(ORDER, &bytes, reader).unwrap_err();
    assert_eq!(
        error,
        "payment: the reader's schema cannot take the writer's: shop.Cash as a union of string, double, Card"
    );
}

#[test]
fn schemas_that_can_never_meet_are_refused_before_any_value() {
    let check = |writer: &str, reader: &str, message: &str| {
        assert_eq!(
            evolve::<IgnoredAny>(writer, b"", reader).unwrap_err(),
            format!("the reader's schema cannot take the writer's: {message}")
        );
    };
    check(r#""long""#, r#""int""#, "long as int");
    check(
        r#"{"type": "record", "name": "R", "fields": []}"#,
        r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#,
        "record R has a field a, which the writer lacks, without a usable default",
    );
    assert_eq!(evolve::<i64>(r#"["null", "int"]"#, &[2, 2], r#""long""#), Ok(1));
    assert_eq!(evolve::<Option<i64>>(r#""int""#, &[2], r#"["null", "long"]"#), Ok(Some(1)));
    assert_eq!(evolve::<String>(r#""bytes""#, b"\x02a", r#""string""#), Ok("a".to_owned()));
}

#[test]
fn fingerprints_and_single_objects_are_those_of_the_specification() {
    assert_eq!(schema(r#""int""#).fingerprint(), 0x7275_d51a_3f39_5c8f);
    assert_eq!(schema(r#""null""#).fingerprint(), 0x63dd_24e7_cc25_8f8a);
    let foo = r#"{"fields": [{"type": "string", "name": "f1", "doc": "x"}], "namespace": "a.b", "type": "record", "name": "foo"}"#;
    assert_eq!(
        schema(foo).canonical_form(),
        r#"{"name":"a.b.foo","type":"record","fields":[{"name":"f1","type":"string"}]}"#
    );
    let of = schema(ORDER);
    let value = order(Payment::Cash, None);
    let serializer = AvroSerializer::single_object(of.clone());
    let bytes = encode(&serializer, "t", Part::Value, &value).unwrap().into_bytes().unwrap();
    assert_eq!(AvroDeserializer::fingerprint_of(&bytes).unwrap(), of.fingerprint());
    let deserializer = AvroDeserializer::new(&of);
    assert_eq!(deserializer.deserialize_single_object::<Order>(&bytes).unwrap(), value);
    let other = AvroDeserializer::new(&schema(r#""int""#));
    let error = other.deserialize_single_object::<i32>(&bytes).unwrap_err();
    assert_eq!(error.kind(), &AvroErrorKind::Fingerprint(of.fingerprint()));
    let error = other.deserialize_single_object::<i32>(&bytes[1..]).unwrap_err();
    assert_eq!(error.kind(), &AvroErrorKind::NoSingleObject);
}

#[test]
fn a_schema_may_use_the_names_of_others_given_in_any_order() {
    let line = r#"{"type": "record", "name": "Line", "namespace": "a", "fields": [{"name": "m", "type": "Money"}]}"#;
    let money = r#"{"type": "record", "name": "Money", "namespace": "a", "fields": [{"name": "cents", "type": "long"}]}"#;
    let order =
        r#"{"type": "record", "name": "Order", "fields": [{"name": "line", "type": "a.Line"}]}"#;
    let of = AvroSchema::parse_with(order, &[line, money]).unwrap();
    assert_eq!(of, AvroSchema::parse_with(order, &[money, line]).unwrap());
    assert_eq!(written(&of, &serde_json::json!({ "line": { "m": { "cents": 1 } } })), [2]);
    assert_eq!(
        AvroSchema::parse_with(order, &[line]).unwrap_err(),
        AvroSchemaError::UnknownType("Money".to_owned())
    );
}

#[test]
fn texts_that_are_no_schemas_say_what_is_wrong() {
    let check = |text: &str, message: &str| {
        assert_eq!(
            AvroSchema::parse(text).unwrap_err().to_string(),
            format!("the Avro schema {message}")
        );
    };
    check(r#""Foo""#, r#"names a type "Foo", which nothing defines"#);
    check(r#"{"type": "array"}"#, r#"has no valid "items" in array"#);
    check(r#"{"type": "enum", "name": "E", "symbols": ["a", "a"]}"#, r#"has "E.a" twice"#);
    check(r#"["int", "int"]"#, r#"has "int" twice"#);
    check(r#"["int", ["null"]]"#, "has a union immediately in a union");
    check(r#"{"type": "fixed", "name": "F", "size": -1}"#, r#"has no valid "size" in F"#);
    check(
        r#"{"type": "record", "name": "a-b", "fields": []}"#,
        r#"has a name "a-b", which is none"#,
    );
    assert!(AvroSchema::parse("{").unwrap_err().to_string().contains("is no JSON"));
    assert!(AvroSchema::parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn no_text_of_a_value_leads_logs_astray() {
    let text = schema(r#""string""#);
    let bytes = written(&text, "a\r\nb\u{1b}[2J");
    let error = AvroDeserializer::new(&text).deserialize::<Colour>(&bytes).unwrap_err();
    assert!(error.to_string().contains("unknown variant"), "{error}");
    assert!(!error.to_string().chars().any(char::is_control), "{error}");
}

#[test]
fn lengths_depths_and_counts_in_bytes_are_never_trusted() {
    fn kind(of: &str, bytes: &[u8]) -> AvroErrorKind {
        let deserializer = AvroDeserializer::new(&schema(of));
        let mut result = Ok(IgnoredAny);
        let memory = allocation_counter::measure(|| result = deserializer.deserialize(bytes));
        assert!(memory.bytes_max < 1 << 16, "{}", memory.bytes_max);
        result.unwrap_err().kind().clone()
    }
    let huge = [254, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    assert_eq!(kind(r#""string""#, &huge), AvroErrorKind::Length(i64::MAX));
    assert_eq!(kind(r#""string""#, &[1]), AvroErrorKind::Length(-1));
    assert_eq!(kind(r#""string""#, &[2, 255]), AvroErrorKind::Utf8);
    assert_eq!(kind(r#""int""#, &huge), AvroErrorKind::Varint);
    assert_eq!(kind(r#""long""#, &[255; 11]), AvroErrorKind::Varint);
    assert_eq!(kind(r#""long""#, &[255; 3]), AvroErrorKind::End);
    assert_eq!(kind(r#""boolean""#, &[2]), AvroErrorKind::Index(2));
    assert_eq!(kind(r#"["null"]"#, &[2]), AvroErrorKind::Index(1));
    assert_eq!(kind(r#""null""#, &[2]), AvroErrorKind::Trailing(1));
    let array = r#"{"type": "array", "items": "null"}"#;
    assert_eq!(kind(array, &huge), AvroErrorKind::Length(i64::MAX));
    assert_eq!(kind(r#"{"type": "map", "values": "null"}"#, &[4, 0]), AvroErrorKind::Length(2));
    let list =
        r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#;
    assert_eq!(kind(list, &[2; 1_000_000]), AvroErrorKind::Depth);
    let endless = r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": "L"}]}"#;
    assert_eq!(kind(endless, &[]), AvroErrorKind::Depth);
    let arrays = r#"{"type": "record", "name": "L", "fields": [{"name": "all", "type": {"type": "array", "items": "L"}}]}"#;
    assert_eq!(kind(arrays, &[2; 1_000]), AvroErrorKind::Depth);
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let deserializer = AvroDeserializer::new(&schema(ORDER));
        let _ = deserializer.deserialize::<Order>(&bytes);
        let _ = deserializer.deserialize::<serde_json::Value>(&bytes);
        let _ = deserializer.deserialize_single_object::<Order>(&bytes);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "[\\[\\]{}\":,a-z ]{0,60}") {
        let _ = AvroSchema::parse(&text);
    }

    #[test]
    fn numbers_and_text_come_back(long: i64, double: f64, text: String) {
        let of = schema(r#"{"type": "record", "name": "R", "fields": [
            {"name": "long", "type": ["int", "long"]}, {"name": "double", "type": ["null", "double"]}, {"name": "text", "type": "string"}]}"#);
        let value = (long, Some(double), text);
        prop_assert_eq!(read::<(i64, Option<f64>, String)>(&of, &written(&of, &value)), value);
    }
}
