//! Avro: schemas, and what claims to be values of them.

use std::fmt;

use rohrpost_serializer::{AvroDeserializer, AvroErrorKind, AvroSchema};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::within_limits;

/// The most memory that a schema takes for a byte of its text, and at least: names are kept as texts of their own, once more in plans, and the defaults of a schema may
/// take sixteen times its text and 1 MiB.
const SCHEMA_PER_BYTE: u64 = 4_096;
const SCHEMA_AT_LEAST: u64 = 8 << 20;

/// The text of a schema, a zero, and the bytes of a value.
pub fn avro(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, bytes) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut parsed = None;
    let peak = allocation_counter::measure(|| parsed = Some(AvroSchema::parse(text))).bytes_max;
    let most = SCHEMA_AT_LEAST + SCHEMA_PER_BYTE * text.len() as u64;
    assert!(peak <= most, "{peak} bytes of memory for a schema of {} bytes", text.len());
    let schema = match parsed.expect("it has been measured") {
        Ok(schema) => schema,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let plain = AvroDeserializer::new(&schema);
    // What is looked at and not kept takes no memory but an error's.
    let looked = within_limits(data.len(), || plain.deserialize::<IgnoredAny>(bytes).err());
    let read = plain.deserialize::<Tree>(bytes);
    assert_eq!(read.as_ref().err(), looked.as_ref(), "{text}");
    match AvroDeserializer::resolving(&schema, &schema) {
        Ok(resolving) => assert_eq!(resolving.deserialize::<Tree>(bytes), read, "{text}"),
        Err(error) => assert!(matches!(error.kind(), AvroErrorKind::Unresolvable(_)), "{error}"),
    }
}

/// Whatever was read, as it was told.
#[derive(Debug, PartialEq)]
enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Planting)
    }
}

struct Planting;

macro_rules! leaves {
    ($($visit:ident($of:ty);)*) => {$(
        fn $visit<E>(self, value: $of) -> Result<Tree, E> {
            Ok(Tree::Leaf(format!("{value:?}")))
        }
    )*};
}

impl<'de> Visitor<'de> for Planting {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    leaves! {
        visit_bool(bool);
        visit_i64(i64);
        visit_f64(f64);
        visit_str(&str);
        visit_bytes(&[u8]);
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}
