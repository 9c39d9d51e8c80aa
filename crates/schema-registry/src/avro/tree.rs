//! From Avro's bytes to apache_avro's `Value`s. They are read by `rohrpost-serializer`, which bounds depths, lengths and counts, where apache_avro trusts them; by a shorter way where they
//! are as they were written ([`quick`]).

mod quick;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use apache_avro::schema::{InnerDecimalSchema, Name, NamespaceRef, UuidSchema};
use apache_avro::types::Value;
use rohrpost_serializer::AvroSchema;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// No more entries get memory before they are read.
const MOST_RESERVED: usize = 4_096;

/// What values of a schema look like, with all names resolved.
pub(super) struct Tree {
    shapes: Vec<Shape>,
}

/// A shape's number in its [`Tree`]; the first one is the whole.
type At = usize;

enum Shape {
    /// In the making: only where a type contains itself without anything between.
    Open,
    Null,
    Boolean,
    /// A type of Avro's `int`, logical or not.
    Int(fn(i32) -> Value),
    Long(fn(i64) -> Value),
    Float,
    Double,
    Text(fn(&str) -> Option<Value>),
    Bytes(fn(&[u8]) -> Option<Value>),
    Fixed(usize, fn(&[u8]) -> Option<Value>),
    Enum(Vec<String>),
    Array(At),
    Map(At),
    Record(Vec<(String, At)>),
    Union(Vec<At>),
}

impl Tree {
    pub(super) fn new(schema: &apache_avro::Schema) -> Result<Self, String> {
        let mut planter = Planter { shapes: Vec::new(), known: BTreeMap::new() };
        planter.plant(schema, None)?;
        Ok(Self { shapes: planter.shapes })
    }

    /// Reads a value.
    pub(super) fn seed(&self) -> Reading<'_> {
        Reading { tree: self, at: 0 }
    }
}

struct Planter {
    shapes: Vec<Shape>,
    /// By full name.
    known: BTreeMap<String, At>,
}

impl Planter {
    /// `within` is the namespace around it.
    fn plant(
        &mut self,
        schema: &apache_avro::Schema,
        within: NamespaceRef<'_>,
    ) -> Result<At, String> {
        use apache_avro::Schema;

        if let Schema::Ref { name } = schema {
            let name = name.fullname(within);
            return self.known.get(&name).copied().ok_or_else(|| format!("{name} is not known"));
        }
        let at = self.shapes.len();
        self.shapes.push(Shape::Open);
        let name: Option<&Name> = schema.name();
        if let Some(name) = name {
            self.known.insert(name.fullname(within), at);
        }
        self.shapes[at] = match schema {
            Schema::Null => Shape::Null,
            Schema::Boolean => Shape::Boolean,
            Schema::Int => Shape::Int(Value::Int),
            Schema::Date => Shape::Int(Value::Date),
            Schema::TimeMillis => Shape::Int(Value::TimeMillis),
            Schema::Long => Shape::Long(Value::Long),
            Schema::TimeMicros => Shape::Long(Value::TimeMicros),
            Schema::TimestampMillis => Shape::Long(Value::TimestampMillis),
            Schema::TimestampMicros => Shape::Long(Value::TimestampMicros),
            Schema::TimestampNanos => Shape::Long(Value::TimestampNanos),
            Schema::LocalTimestampMillis => Shape::Long(Value::LocalTimestampMillis),
            Schema::LocalTimestampMicros => Shape::Long(Value::LocalTimestampMicros),
            Schema::LocalTimestampNanos => Shape::Long(Value::LocalTimestampNanos),
            Schema::Float => Shape::Float,
            Schema::Double => Shape::Double,
            Schema::String => Shape::Text(|text| Some(Value::String(text.to_owned()))),
            Schema::Uuid(UuidSchema::String) => {
                Shape::Text(|text| text.parse().ok().map(Value::Uuid))
            }
            Schema::Bytes => Shape::Bytes(|bytes| Some(Value::Bytes(bytes.to_vec()))),
            Schema::BigDecimal => Shape::Bytes(big_decimal),
            Schema::Uuid(UuidSchema::Bytes) => Shape::Bytes(uuid),
            Schema::Uuid(UuidSchema::Fixed(of)) => Shape::Fixed(of.size, uuid),
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => {
                    Shape::Bytes(|bytes| Some(Value::Decimal(bytes.into())))
                }
                InnerDecimalSchema::Fixed(of) => {
                    Shape::Fixed(of.size, |bytes| Some(Value::Decimal(bytes.into())))
                }
            },
            Schema::Fixed(of) => {
                Shape::Fixed(of.size, |bytes| Some(Value::Fixed(bytes.len(), bytes.to_vec())))
            }
            Schema::Duration(of) => Shape::Fixed(of.size, |bytes| {
                <[u8; 12]>::try_from(bytes).ok().map(|bytes| Value::Duration(bytes.into()))
            }),
            Schema::Enum(of) => Shape::Enum(of.symbols.clone()),
            Schema::Array(of) => Shape::Array(self.plant(&of.items, within)?),
            Schema::Map(of) => Shape::Map(self.plant(&of.types, within)?),
            Schema::Union(of) => {
                let branches = of.variants().iter().map(|branch| self.plant(branch, within));
                Shape::Union(branches.collect::<Result<_, _>>()?)
            }
            Schema::Record(of) => {
                let name = of.name.fully_qualified_name(within);
                let mut fields = Vec::with_capacity(of.fields.len());
                for field in &of.fields {
                    fields.push((field.name.clone(), self.plant(&field.schema, name.namespace())?));
                }
                Shape::Record(fields)
            }
            Schema::Ref { .. } => Shape::Open,
        };
        Ok(at)
    }
}

/// A value that is to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'t> {
    tree: &'t Tree,
    at: At,
}

impl<'t> Reading<'t> {
    #[inline]
    fn shape(&self) -> &'t Shape {
        &self.tree.shapes[self.at]
    }

    fn part(&self, at: At) -> Self {
        Self { tree: self.tree, at }
    }

    fn mismatch<E: Error>(&self, found: &str) -> E {
        E::custom(format_args!("{found} where something else was to be"))
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.shape() {
            Shape::Union(_) => deserializer.deserialize_enum(AvroSchema::BRANCH, &[], self),
            // Without their names, if it has the same fields in the same order.
            Shape::Record(fields) => deserializer.deserialize_tuple(fields.len(), self),
            Shape::Text(_) => deserializer.deserialize_string(self),
            Shape::Int(_) => deserializer.deserialize_i32(self),
            Shape::Long(_) => deserializer.deserialize_i64(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the schema")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        match self.shape() {
            Shape::Null => Ok(Value::Null),
            _ => Err(self.mismatch("null")),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        match self.shape() {
            Shape::Boolean => Ok(Value::Boolean(value)),
            _ => Err(self.mismatch("a truth value")),
        }
    }

    fn visit_i32<E: Error>(self, value: i32) -> Result<Value, E> {
        match self.shape() {
            Shape::Int(of) => Ok(of(value)),
            _ => Err(self.mismatch("an int")),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        match self.shape() {
            Shape::Long(of) => Ok(of(value)),
            _ => Err(self.mismatch("a long")),
        }
    }

    fn visit_f32<E: Error>(self, value: f32) -> Result<Value, E> {
        match self.shape() {
            Shape::Float => Ok(Value::Float(value)),
            _ => Err(self.mismatch("a float")),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        match self.shape() {
            Shape::Double => Ok(Value::Double(value)),
            _ => Err(self.mismatch("a double")),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        match self.shape() {
            Shape::Text(of) => of(value).ok_or_else(|| self.mismatch("text")),
            Shape::Enum(symbols) => match symbols.iter().position(|symbol| symbol == value) {
                Some(index) => Ok(Value::Enum(index as u32, value.to_owned())),
                None => Err(self.mismatch("a symbol")),
            },
            _ => Err(self.mismatch("text")),
        }
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Value, E> {
        match self.shape() {
            Shape::Bytes(of) | Shape::Fixed(_, of) => {
                of(value).ok_or_else(|| self.mismatch("bytes"))
            }
            _ => Err(self.mismatch("bytes")),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (index, content) = data.variant::<u32>()?;
        match self.shape() {
            Shape::Union(branches) if (index as usize) < branches.len() => {
                let value = content.newtype_variant_seed(self.part(branches[index as usize]))?;
                Ok(Value::Union(index, Box::new(value)))
            }
            _ => Err(self.mismatch("a union")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        match self.shape() {
            Shape::Array(of) => {
                let reserved = items.size_hint().unwrap_or_default().min(MOST_RESERVED);
                let mut values = Vec::with_capacity(reserved);
                while let Some(value) = items.next_element_seed(self.part(*of))? {
                    values.push(value);
                }
                Ok(Value::Array(values))
            }
            Shape::Record(fields) => {
                let mut values = Vec::with_capacity(fields.len());
                for (name, of) in fields {
                    let value = items.next_element_seed(self.part(*of))?;
                    let value = value.ok_or_else(|| self.mismatch("a shorter record"))?;
                    values.push((name.clone(), value));
                }
                Ok(Value::Record(values))
            }
            _ => Err(self.mismatch("an array")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        match self.shape() {
            Shape::Map(of) => {
                let reserved = entries.size_hint().unwrap_or_default().min(MOST_RESERVED);
                let mut values = HashMap::with_capacity(reserved);
                while let Some(key) = entries.next_key::<String>()? {
                    values.insert(key, entries.next_value_seed(self.part(*of))?);
                }
                Ok(Value::Map(values))
            }
            // In the writer's order, and then the defaults.
            Shape::Record(fields) => {
                let mut values: Vec<Option<Value>> = vec![None; fields.len()];
                while let Some(name) = entries.next_key::<String>()? {
                    let index = fields.iter().position(|(known, _)| *known == name);
                    let index = index.ok_or_else(|| self.mismatch("another field"))?;
                    values[index] = Some(entries.next_value_seed(self.part(fields[index].1))?);
                }
                let all = fields.iter().zip(values).map(|((name, _), value)| {
                    Ok((name.clone(), value.ok_or_else(|| self.mismatch("a shorter record"))?))
                });
                Ok(Value::Record(all.collect::<Result<_, A::Error>>()?))
            }
            _ => Err(self.mismatch("a map")),
        }
    }
}

fn uuid(bytes: &[u8]) -> Option<Value> {
    apache_avro::Uuid::from_slice(bytes).ok().map(Value::Uuid)
}

/// Of the content of its `bytes`, read by apache_avro, which alone can make one.
fn big_decimal(content: &[u8]) -> Option<Value> {
    use apache_avro::Schema;
    use apache_avro::reader::datum::GenericDatumReader;
    use apache_avro::writer::datum::GenericDatumWriter;

    // It reserves as much memory as is said.
    if unscaled_length(content)? > content.len() {
        return None;
    }
    let writer = GenericDatumWriter::builder(&Schema::Bytes).build().ok()?;
    let bytes = writer.write_value_to_vec(Value::Bytes(content.to_vec())).ok()?;
    let reader = GenericDatumReader::builder(&Schema::BigDecimal).build().ok()?;
    reader.read_value(&mut &*bytes).ok()
}

/// What the content of a `big-decimal` says of the length of the number in it.
fn unscaled_length(content: &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for (index, byte) in content.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(number >> 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use apache_avro::Schema;
    use apache_avro::reader::datum::GenericDatumReader;
    use rohrpost_serializer::AvroDeserializer;

    use super::*;

    /// Both ways give what apache_avro gives; `None`: the short way leaves it to the other.
    fn check(text: &str, bytes: &[u8], is_short: bool) -> Value {
        let schema = Schema::parse_str(text).unwrap();
        let wanted =
            GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut &*bytes).unwrap();
        let tree = Tree::new(&schema).unwrap();
        assert_eq!(tree.read(bytes), is_short.then(|| wanted.clone()), "{text}");
        let other = AvroDeserializer::new(&AvroSchema::parse(text).unwrap());
        assert_eq!(other.deserialize_seed(tree.seed(), bytes).unwrap(), wanted, "{text}");
        wanted
    }

    #[test]
    fn both_ways_read_what_apache_avro_reads() {
        let numbers = r#"{"type": "array", "items": "long"}"#;
        check(numbers, &[4, 1, 0x80, 2, 2, 9, 0], true);
        // A block that says its size.
        check(numbers, &[3, 6, 1, 0x80, 2, 2, 9, 0], false);
        check(
            r#"{"type": "map", "values": ["null", "float"]}"#,
            &[2, 2, b'k', 2, 0, 0, 0x80, 0x3f, 0],
            true,
        );
        check(r#"{"type": "array", "items": "null"}"#, &[6, 0], false);
        check(r#"{"type": "array", "items": "null"}"#, &[2, 0], true);
        let list = r#"{"type": "record", "name": "List", "namespace": "n", "fields": [
            {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 2}},
            {"name": "next", "type": ["null", "n.List"]}, {"name": "other", "type": "Id"}]}"#;
        check(list, &[1, 2, 2, 3, 4, 0, 5, 6, 7, 8], true);
        let unions = r#"[{"type": "record", "name": "a.X", "fields": [{"name": "f", "type": "int"}]},
            {"type": "record", "name": "b.X", "fields": [{"name": "f", "type": "string"}]},
            {"type": "enum", "name": "E", "symbols": ["string", "p"]}, "string"]"#;
        let value = check(unions, &[2, 4, b'h', b'i'], true);
        assert!(matches!(value, Value::Union(1, _)), "{value:?}");
        check(unions, &[4, 0], true);
        check(unions, &[6, 2, b'p'], true);
    }

    #[test]
    fn parts_that_take_no_bytes_are_counted() {
        // Each record has two fields of the one before.
        let mut of = r#""null""#.to_owned();
        for level in 0..30 {
            of = format!(
                r#"{{"type": "record", "name": "R{level}", "fields": [
                {{"name": "a", "type": {of}}}, {{"name": "b", "type": "{}"}}]}}"#,
                if level == 0 { "null".to_owned() } else { format!("R{}", level - 1) }
            );
        }
        let tree = Tree::new(&Schema::parse_str(&of).unwrap()).unwrap();
        assert_eq!(tree.read(&[]), None);
        let other = AvroDeserializer::new(&AvroSchema::parse(&of).unwrap());
        assert!(other.deserialize_seed(tree.seed(), &[]).is_err());
    }

    #[test]
    fn neither_way_takes_bytes_that_lie() {
        let text = r#"{"type": "record", "name": "R", "fields": [
            {"name": "flag", "type": "boolean"},
            {"name": "exact", "type": {"type": "bytes", "logicalType": "big-decimal"}},
            {"name": "texts", "type": {"type": "array", "items": "string"}}]}"#;
        let tree = Tree::new(&Schema::parse_str(text).unwrap()).unwrap();
        let other = AvroDeserializer::new(&AvroSchema::parse(text).unwrap());
        let whole: &[u8] = &[1, 6, 2, 5, 2, 2, 2, b'x', 0];
        assert!(tree.read(whole).is_some());
        let mut wrong: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        wrong.push([whole, &[0]].concat());
        for (at, byte) in [(0, 2), (1, 0x80), (2, 0x7e), (5, 0x7e), (5, 1), (6, 0x7e), (7, 0xff)] {
            let mut bytes = whole.to_vec();
            bytes[at] = byte;
            wrong.push(bytes);
        }
        for bytes in wrong {
            assert_eq!(tree.read(&bytes), None, "{bytes:?}");
            assert!(other.deserialize_seed(tree.seed(), &bytes).is_err(), "{bytes:?}");
        }
    }
}
