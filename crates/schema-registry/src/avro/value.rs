//! Values of apache_avro's.

use apache_avro::types::Value;
use rohrpost_serializer::{AvroSchema, Output, Part, Preparation, Serializer};
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer as Serde};

use super::AvroSerializer;
use crate::SerializerError;

/// `apache_avro::types::Value`s under a schema of the registry. Made by [`AvroSerializer::values`].
#[derive(Clone, Debug)]
pub struct AvroValueSerializer {
    inner: AvroSerializer,
}

impl AvroValueSerializer {
    pub(super) fn new(inner: AvroSerializer) -> Self {
        Self { inner }
    }
}

impl Serializer<Value> for AvroValueSerializer {
    type Error = SerializerError;

    fn serialize(&self, value: &Value, output: &mut Output<'_>) -> Result<(), SerializerError> {
        self.inner.write(&Known(value), output)
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        _: &'a Value,
    ) -> Option<Preparation<'a, SerializerError>> {
        self.inner.writer.look_up(topic, part)
    }

    fn java_class(&self) -> Option<&'static str> {
        Serializer::<()>::java_class(&self.inner)
    }
}

/// A value for serde: what it knows of its types goes with it.
struct Known<'v>(&'v Value);

impl Serialize for Known<'_> {
    fn serialize<S: Serde>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Int(value) | Value::Date(value) | Value::TimeMillis(value) => {
                serializer.serialize_i32(*value)
            }
            Value::Long(value)
            | Value::TimeMicros(value)
            | Value::TimestampMillis(value)
            | Value::TimestampMicros(value)
            | Value::TimestampNanos(value)
            | Value::LocalTimestampMillis(value)
            | Value::LocalTimestampMicros(value)
            | Value::LocalTimestampNanos(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f32(*value),
            Value::Double(value) => serializer.serialize_f64(*value),
            Value::Bytes(bytes) | Value::Fixed(_, bytes) => serializer.serialize_bytes(bytes),
            Value::String(text) | Value::Enum(_, text) => serializer.serialize_str(text),
            // The number of a union's type is a variant of an enum that the encoder knows by its name.
            Value::Union(index, value) => {
                serializer.serialize_newtype_variant(AvroSchema::BRANCH, *index, "", &Known(value))
            }
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(&Known(item)))?;
                sequence.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &Known(value))?;
                }
                map.end()
            }
            Value::Record(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, &Known(value))?;
                }
                map.end()
            }
            Value::Decimal(decimal) => {
                let bytes = Vec::<u8>::try_from(decimal).map_err(S::Error::custom)?;
                serializer.serialize_bytes(&bytes)
            }
            Value::BigDecimal(_) => {
                let bytes = big_decimal(self.0).map_err(S::Error::custom)?;
                serializer.serialize_bytes(&bytes)
            }
            Value::Duration(duration) => serializer.serialize_bytes(&<[u8; 12]>::from(*duration)),
            Value::Uuid(uuid) => serializer.serialize_bytes(uuid.as_bytes()),
        }
    }
}

/// The content of the `bytes` that a `big-decimal` is: apache_avro writes them with their length before them.
fn big_decimal(value: &Value) -> Result<Vec<u8>, apache_avro::Error> {
    let bytes =
        apache_avro::writer::datum::GenericDatumWriter::builder(&apache_avro::Schema::BigDecimal)
            .build()?
            .write_value_to_vec(value.clone())?;
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(0, |last| last + 1);
    Ok(bytes[length..].to_vec())
}
