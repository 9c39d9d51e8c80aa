//! Avro: [`AvroSerializer`], [`AvroDeserializer`].

mod deserializer;
mod tree;
mod value;

use std::fmt;
use std::sync::Arc;

use rohrpost_serializer::{AvroError, AvroSchema, BoxError, Output, Part, Preparation, Serializer};
use serde::Serialize;

use crate::resolver::{Format, OwnSchema};
use crate::writer::{self, Writer};
use crate::{Dependency, Schema, SchemaRegistry, SchemaType, SerializerError, SerializerOptions};
pub use deserializer::AvroDeserializer;
pub use value::AvroValueSerializer;

/// What serde serializes, as Avro under a schema of the registry: Confluent's `KafkaAvroSerializer`. Cheap to clone. Feature `avro`.
///
/// How values meet schemas is told by [`rohrpost_serializer::AvroSerializer`], which does the same without a registry: fields by name, unions by what suits the value, errors
/// with the path in the value.
///
/// A schema that is `bytes` alone is written as Avro and Confluent's Python client have it, with the length before the bytes. Java's `KafkaAvroSerializer` leaves it out there, and
/// its deserializer takes all that follows the schema's number.
///
/// ```no_run
/// use rohrpost_schema_registry::{AvroSerializer, Schema, SchemaRegistry, SerializerOptions};
///
/// #[derive(serde::Serialize)]
/// struct Order { id: i64, note: Option<String> }
///
/// let registry = SchemaRegistry::new("http://localhost:8081")?;
/// let schema = Schema::avro(r#"{"type": "record", "name": "Order", "fields": [
///     {"name": "id", "type": "long"},
///     {"name": "note", "type": ["null", "string"], "default": null}
/// ]}"#);
/// let serializer = AvroSerializer::new(&registry, schema, SerializerOptions::new())?;
/// # fn takes<T>(_: impl rohrpost_serializer::Serializer<T>) {}
/// # takes::<Order>(serializer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AvroSerializer {
    writer: Arc<Writer<AvroFormat>>,
}

impl AvroSerializer {
    /// Values under a schema of the program's own, which is registered or looked up as the options say. Its references, if it has any, must be in the registry.
    ///
    /// # Errors
    ///
    /// It is no Avro schema. One with references is examined later, when those are known.
    pub fn new(
        registry: &SchemaRegistry,
        schema: Schema,
        options: SerializerOptions,
    ) -> Result<Self, SerializerError> {
        let own = writer::own::<AvroFormat>(schema)?;
        if own.references.is_empty() {
            AvroSchema::parse(&own.text).map_err(|error| writer::unusable(error.to_string()))?;
        }
        let record = record_name(&own.text);
        let writer = Writer::new(registry, own, record, options, AvroFormat);
        Ok(Self { writer: Arc::new(writer) })
    }

    /// Values of a type whose schema `#[derive(apache_avro::AvroSchema)]` made. The derive takes what a field's type does not say from its attribute: a logical type by
    /// `#[avro(with = || apache_avro::Schema::TimestampMillis)]`, the namespace by `#[avro(namespace = "shop")]` on the struct.
    ///
    /// # Errors
    ///
    /// The derived schema is none, or cannot be written as JSON.
    pub fn of<T: apache_avro::AvroSchema>(
        registry: &SchemaRegistry,
        options: SerializerOptions,
    ) -> Result<Self, SerializerError> {
        let text = serde_json::to_string(&T::get_schema())
            .map_err(|error| writer::unusable(error.to_string()))?;
        Self::new(registry, Schema::avro(text), options)
    }

    /// Values under whatever schema the options pick from the registry: the newest of the subject, or a pinned one. Nothing can be compared with a schema of the program's own, so
    /// `latest.compatibility.strict` and `id.compatibility.strict` mean nothing here.
    ///
    /// # Errors
    ///
    /// The options say that a schema of the program's own is to be used.
    pub fn by_registry(
        registry: &SchemaRegistry,
        options: SerializerOptions,
    ) -> Result<Self, SerializerError> {
        let writer = Writer::by_registry(registry, options, AvroFormat)?;
        Ok(Self { writer: Arc::new(writer) })
    }

    /// The same for `apache_avro::types::Value`, which serde does not serialize.
    pub fn values(&self) -> AvroValueSerializer {
        AvroValueSerializer::new(self.clone())
    }

    fn write<T: Serialize + ?Sized>(
        &self,
        value: &T,
        output: &mut Output<'_>,
    ) -> Result<(), SerializerError> {
        let resolved = self.writer.resolved(output)?;
        resolved.begin(output);
        resolved.parsed.schema.write(value, output).map_err(|error| mismatch(&error))
    }
}

impl<T: Serialize + ?Sized> Serializer<T> for AvroSerializer {
    type Error = SerializerError;

    #[inline]
    fn serialize(&self, value: &T, output: &mut Output<'_>) -> Result<(), SerializerError> {
        self.write(value, output)
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        _: &'a T,
    ) -> Option<Preparation<'a, SerializerError>> {
        self.writer.look_up(topic, part)
    }

    fn java_class(&self) -> Option<&'static str> {
        Some("io.confluent.kafka.serializers.KafkaAvroSerializer")
    }
}

impl fmt::Debug for AvroSerializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroSerializer")
            .field("record", &self.writer.record())
            .finish_non_exhaustive()
    }
}

fn mismatch(error: &AvroError) -> SerializerError {
    SerializerError::Value { path: error.path(), detail: error.kind().to_string() }
}

/// The full name of a record, enum or fixed type; the name of a primitive one, as Confluent's clients have it.
fn record_name(text: &str) -> Option<String> {
    let schema: serde_json::Value = serde_json::from_str(text).ok()?;
    if let Some(name) = schema.as_str() {
        return Some(name.to_owned());
    }
    let attribute = |name| schema.get(name).and_then(serde_json::Value::as_str);
    let Some(name) = attribute("name") else { return attribute("type").map(str::to_owned) };
    Some(match attribute("namespace") {
        Some(namespace) if !namespace.is_empty() && !name.contains('.') => {
            format!("{namespace}.{name}")
        }
        _ => name.to_owned(),
    })
}

#[derive(Debug)]
struct AvroFormat;

struct Parsed {
    schema: AvroSchema,
    /// The texts of what it uses: what the program's own schema is likely to use too.
    dependencies: Box<[String]>,
}

impl Format for AvroFormat {
    type Parsed = Parsed;

    const SCHEMA_TYPE: SchemaType = SchemaType::Avro;

    fn parse(
        &self,
        _: Option<&str>,
        schema: &Schema,
        dependencies: &[Dependency],
    ) -> Result<Parsed, BoxError> {
        let schema = parse(schema, dependencies)?;
        let texts = dependencies.iter().map(|of| of.registered.schema.text.clone());
        Ok(Parsed { schema, dependencies: texts.collect() })
    }

    fn check_compatible(&self, own: &OwnSchema, theirs: &Parsed) -> Result<(), BoxError> {
        if own.text.is_empty() {
            return Ok(());
        }
        let others: Vec<&str> = theirs.dependencies.iter().map(String::as_str).collect();
        let own = AvroSchema::parse_with(&own.text, &others)?;
        theirs.schema.cannot_read(&own).map_or(Ok(()), |why| Err(why.into()))
    }
}

fn parse(
    schema: &Schema,
    dependencies: &[Dependency],
) -> Result<AvroSchema, rohrpost_serializer::AvroSchemaError> {
    let others: Vec<&str> =
        dependencies.iter().map(|of| of.registered.schema.text.as_str()).collect();
    AvroSchema::parse_with(&schema.text, &others)
}
