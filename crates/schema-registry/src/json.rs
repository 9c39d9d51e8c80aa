//! JSON Schema: [`JsonSerializer`], [`JsonDeserializer`].

mod depth;
mod deserializer;
mod document;
mod validator;

use std::fmt;
use std::sync::Arc;

use rohrpost_serializer::{BoxError, Output, Part, Preparation, Serializer};
use serde::Serialize;
use serde_json::Value;

use crate::resolver::{Format, OwnSchema};
use crate::writer::{self, Writer};
use crate::{Dependency, Schema, SchemaRegistry, SchemaType, SerializerError, SerializerOptions};
pub use deserializer::JsonDeserializer;
use validator::{Mismatch, Validator};

/// What serde serializes, as JSON that matches a JSON Schema of the registry: Confluent's `KafkaJsonSchemaSerializer`. Cheap to clone. Feature `json`.
///
/// Every value is validated (Confluent's `json.fail.invalid.schema`, and Python's `validate`) unless [`validate`](Self::validate) says otherwise; the error says at which path it
/// does not match. A schema that does not say by `$schema` which draft it is of is taken for one of 2020-12, if it can be one, whose
/// `format` demands nothing; with draft 7 or older in `$schema` it is checked.
///
/// ```no_run
/// use rohrpost_schema_registry::{JsonSerializer, Schema, SchemaRegistry, SerializerOptions};
///
/// #[derive(serde::Serialize)]
/// struct Order { id: u32 }
///
/// let registry = SchemaRegistry::new("http://localhost:8081")?;
/// let schema = Schema::json(r#"{"title": "Order", "type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}"#);
/// let serializer = JsonSerializer::new(&registry, schema, SerializerOptions::new())?;
/// # fn takes<T>(_: impl rohrpost_serializer::Serializer<T>) {}
/// # takes::<Order>(serializer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JsonSerializer {
    writer: Arc<Writer<JsonFormat>>,
    validates: bool,
}

impl JsonSerializer {
    /// Values under a schema of the program's own, which is registered or looked up as the options say. Its references, if it has any, must be in the registry; they are found by
    /// their names, which are URIs or relative to the schema's.
    ///
    /// Where the options pick another schema of the registry, values are validated by that one: so strict checks of it (`latest.compatibility.strict`) are those of each
    /// value.
    ///
    /// # Errors
    ///
    /// It is no JSON Schema. One with references is examined later, when those are known.
    pub fn new(
        registry: &SchemaRegistry,
        schema: Schema,
        options: SerializerOptions,
    ) -> Result<Self, SerializerError> {
        let own = writer::own::<JsonFormat>(schema)?;
        if own.references.is_empty() {
            Validator::new(&own.text, &[]).map_err(writer::unusable)?;
        }
        let parsed: Value = serde_json::from_str(&own.text)
            .map_err(|error| writer::unusable(format!("it is no JSON: {error}")))?;
        let title = parsed.get("title").and_then(Value::as_str).map(str::to_owned);
        let validates = validates(&options);
        let writer = Writer::new(registry, own, title, options, JsonFormat);
        Ok(Self { writer: Arc::new(writer), validates })
    }

    /// Values under whatever schema the options pick from the registry: the newest of the subject, or a pinned one.
    ///
    /// # Errors
    ///
    /// The options say that a schema of the program's own is to be used.
    pub fn by_registry(
        registry: &SchemaRegistry,
        options: SerializerOptions,
    ) -> Result<Self, SerializerError> {
        let validates = validates(&options);
        let writer = Writer::by_registry(registry, options, JsonFormat)?;
        Ok(Self { writer: Arc::new(writer), validates })
    }

    /// Whether values are validated; they are by default. Without, serializing is cheaper, and it is for the program to see to it that they match.
    #[must_use]
    pub fn validate(mut self, validates: bool) -> Self {
        self.validates = validates;
        self
    }

    /// The same for `serde_json::Value`, which is validated as it is, where of others the text is, which has to be read for that.
    pub fn values(&self) -> JsonValueSerializer {
        JsonValueSerializer { inner: self.clone() }
    }

    /// Writes a value, after `check`, if values are validated.
    fn write<T: Serialize + ?Sized>(
        &self,
        value: &T,
        check: impl FnOnce(&Validator) -> Result<(), Mismatch>,
        output: &mut Output<'_>,
    ) -> Result<(), SerializerError> {
        let resolved = self.writer.resolved(output)?;
        if self.validates {
            check(&resolved.parsed).map_err(mismatch)?;
        }
        resolved.begin(output);
        serde_json::to_writer(output.buffer(), value).map_err(|error| no_json(&error))
    }
}

fn validates(options: &SerializerOptions) -> bool {
    options.validates.unwrap_or(true)
}

fn no_json(error: &serde_json::Error) -> SerializerError {
    SerializerError::Value { path: String::new(), detail: error.to_string() }
}

fn mismatch(mismatch: Mismatch) -> SerializerError {
    SerializerError::Value { path: mismatch.path, detail: mismatch.detail }
}

const CLASS: &str = "io.confluent.kafka.serializers.json.KafkaJsonSchemaSerializer";

impl<T: Serialize + ?Sized> Serializer<T> for JsonSerializer {
    type Error = SerializerError;

    fn serialize(&self, value: &T, output: &mut Output<'_>) -> Result<(), SerializerError> {
        if !self.validates {
            return self.write(value, |_| Ok(()), output);
        }
        // What is validated is the text, as those who read it will: what is written before a mismatch is not sent.
        let resolved = self.writer.resolved(output)?;
        resolved.begin(output);
        let buffer = output.buffer();
        let begin = buffer.len();
        serde_json::to_writer(&mut *buffer, value).map_err(|error| no_json(&error))?;
        let text = std::str::from_utf8(&buffer[begin..]).map_err(|error| {
            SerializerError::Value { path: String::new(), detail: error.to_string() }
        })?;
        resolved.parsed.check_text(text).map_err(|error| no_json(&error))?.map_err(mismatch)
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
        Some(CLASS)
    }
}

impl fmt::Debug for JsonSerializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSerializer")
            .field("title", &self.writer.record())
            .field("validates", &self.validates)
            .finish_non_exhaustive()
    }
}

/// `serde_json::Value`s that match a JSON Schema of the registry. Made by [`JsonSerializer::values`].
#[derive(Clone, Debug)]
pub struct JsonValueSerializer {
    inner: JsonSerializer,
}

impl Serializer<Value> for JsonValueSerializer {
    type Error = SerializerError;

    fn serialize(&self, value: &Value, output: &mut Output<'_>) -> Result<(), SerializerError> {
        self.inner.write(value, |validator| validator.check(value), output)
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
        Some(CLASS)
    }
}

struct JsonFormat;

impl Format for JsonFormat {
    type Parsed = Validator;

    const SCHEMA_TYPE: SchemaType = SchemaType::Json;

    fn parse(
        &self,
        _: Option<&str>,
        schema: &Schema,
        dependencies: &[Dependency],
    ) -> Result<Validator, BoxError> {
        Ok(validator::with_dependencies(schema, dependencies)?)
    }

    /// Each value is validated by the other schema when it is serialized.
    fn check_compatible(&self, _: &OwnSchema, _: &Validator) -> Result<(), BoxError> {
        Ok(())
    }
}
