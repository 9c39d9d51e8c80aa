//! The record that everybody writes and reads, in the forms that they take.

use std::collections::BTreeMap;

use apache_avro::types::Value as AvroValue;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

pub(crate) const AVRO: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "customer", "type": "string"},
    {"name": "email", "type": "string"},
    {"name": "paid", "type": "boolean"},
    {"name": "total", "type": "double"},
    {"name": "quantity", "type": "int"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "address", "type": {"type": "record", "name": "Address", "fields": [
        {"name": "street", "type": "string"},
        {"name": "city", "type": "string"},
        {"name": "zip", "type": "string"}]}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "item", "type": "string"},
        {"name": "count", "type": "int"},
        {"name": "cents", "type": "long"}]}}},
    {"name": "labels", "type": {"type": "map", "values": "string"}}]}"#;

pub(crate) const PROTOBUF: &str = r#"syntax = "proto3"; package shop;
message Order {
    int64 id = 1;
    string customer = 2;
    string email = 3;
    bool paid = 4;
    double total = 5;
    int32 quantity = 6;
    optional string note = 7;
    Address address = 8;
    repeated Line lines = 9;
    map<string, string> labels = 10;
}
message Address { string street = 1; string city = 2; string zip = 3; }
message Line { string item = 1; int32 count = 2; int64 cents = 3; }"#;

pub(crate) const JSON: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object",
    "required": ["id", "customer", "email", "paid", "total", "quantity", "address", "lines", "labels"],
    "additionalProperties": false,
    "properties": {
        "id": {"type": "integer"},
        "customer": {"type": "string", "minLength": 1},
        "email": {"type": "string"},
        "paid": {"type": "boolean"},
        "total": {"type": "number", "minimum": 0},
        "quantity": {"type": "integer", "minimum": 1},
        "note": {"type": ["string", "null"]},
        "address": {"type": "object", "required": ["street", "city", "zip"], "properties": {
            "street": {"type": "string"},
            "city": {"type": "string"},
            "zip": {"type": "string"}}},
        "lines": {"type": "array", "items": {"type": "object", "required": ["item", "count", "cents"], "properties": {
            "item": {"type": "string"},
            "count": {"type": "integer", "minimum": 1},
            "cents": {"type": "integer"}}}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}"#;

/// The message that [`PROTOBUF`] calls so.
pub(crate) const MESSAGE: &str = "shop.Order";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    id: i64,
    customer: String,
    email: String,
    paid: bool,
    total: f64,
    quantity: i32,
    note: Option<String>,
    address: Address,
    lines: Vec<Line>,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    city: String,
    zip: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    item: String,
    count: i32,
    cents: i64,
}

/// What prost-build makes of [`PROTOBUF`].
pub(crate) mod proto {
    use std::collections::BTreeMap;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Order {
        #[prost(int64, tag = "1")]
        pub(super) id: i64,
        #[prost(string, tag = "2")]
        pub(super) customer: String,
        #[prost(string, tag = "3")]
        pub(super) email: String,
        #[prost(bool, tag = "4")]
        pub(super) paid: bool,
        #[prost(double, tag = "5")]
        pub(super) total: f64,
        #[prost(int32, tag = "6")]
        pub(super) quantity: i32,
        #[prost(string, optional, tag = "7")]
        pub(super) note: Option<String>,
        #[prost(message, optional, tag = "8")]
        pub(super) address: Option<Address>,
        #[prost(message, repeated, tag = "9")]
        pub(super) lines: Vec<Line>,
        #[prost(btree_map = "string, string", tag = "10")]
        pub(super) labels: BTreeMap<String, String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Address {
        #[prost(string, tag = "1")]
        pub(super) street: String,
        #[prost(string, tag = "2")]
        pub(super) city: String,
        #[prost(string, tag = "3")]
        pub(super) zip: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Line {
        #[prost(string, tag = "1")]
        pub(super) item: String,
        #[prost(int32, tag = "2")]
        pub(super) count: i32,
        #[prost(int64, tag = "3")]
        pub(super) cents: i64,
    }
}

/// One order.
pub(crate) struct Load {
    pub(crate) order: Order,
    pub(crate) avro: AvroValue,
    pub(crate) json: JsonValue,
    pub(crate) message: proto::Order,
    pub(crate) descriptor: MessageDescriptor,
}

impl Load {
    pub(crate) fn new() -> Self {
        let order = order();
        let schema = apache_avro::Schema::parse_str(AVRO).expect("an Avro schema");
        let avro = apache_avro::to_value(&order).and_then(|value| value.resolve(&schema));
        let mut pool = DescriptorPool::new();
        let file = protox_parse::parse("order.proto", PROTOBUF).expect("a file");
        pool.add_file_descriptor_proto(file).expect("a whole file");
        Self {
            avro: avro.expect("a value of the schema"),
            json: serde_json::to_value(&order).expect("JSON"),
            message: message(&order),
            descriptor: pool.get_message_by_name(MESSAGE).expect("the message"),
            order,
        }
    }
}

fn order() -> Order {
    let line = |item: &str, count, cents| Line { item: item.to_owned(), count, cents };
    Order {
        id: 4_711_000_123,
        customer: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        paid: true,
        total: 129.95,
        quantity: 3,
        note: Some("leave it with the neighbours".to_owned()),
        address: Address {
            street: "12 St James's Square".to_owned(),
            city: "London".to_owned(),
            zip: "SW1Y 4JH".to_owned(),
        },
        lines: vec![
            line("cup", 1, 1_250),
            line("saucer", 1, 750),
            line("teapot, four cups, blue", 1, 10_995),
        ],
        labels: [("channel", "web"), ("campaign", "autumn")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

fn message(order: &Order) -> proto::Order {
    let Address { street, city, zip } = order.address.clone();
    let line = |Line { item, count, cents }: Line| proto::Line { item, count, cents };
    proto::Order {
        id: order.id,
        customer: order.customer.clone(),
        email: order.email.clone(),
        paid: order.paid,
        total: order.total,
        quantity: order.quantity,
        note: order.note.clone(),
        address: Some(proto::Address { street, city, zip }),
        lines: order.lines.iter().cloned().map(line).collect(),
        labels: order.labels.clone(),
    }
}
