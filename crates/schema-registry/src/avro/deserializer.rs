//! From bytes to values, by the schema that wrote them.

use std::fmt;
use std::sync::Arc;

use apache_avro::types::Value;
use rohrpost_serializer::{AvroDeserializer as Reader, AvroError, AvroSchema};
use serde::de::DeserializeOwned;

use super::levels::Levels;
use super::parse;
use crate::lookups::Lookups;
use crate::{
    Dependency, DeserializerError, Identity, Schema, SchemaRegistry, SchemaType, SerializerError,
};

/// So many levels apache_avro reads on any stack: unoptimised, it takes some 75 KB for each.
const SHALLOW: usize = 12;
/// Enough for the 64 levels that are let through.
const LARGE_STACK: usize = 16 << 20;

/// Reads what [`AvroSerializer`](super::AvroSerializer) and Confluent's clients write: by the schema that the record names, as the program's own schema has it, if
/// there is one. Cheap to clone.
///
/// Bytes are never trusted: see [`rohrpost_serializer::AvroDeserializer`].
///
/// ```no_run
/// # async fn doc(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use rohrpost_schema_registry::{AvroDeserializer, SchemaRegistry};
///
/// #[derive(serde::Deserialize)]
/// struct Order { id: i64, note: Option<String> }
///
/// let registry = SchemaRegistry::new("http://localhost:8081")?;
/// let deserializer = AvroDeserializer::new(&registry);
/// let order: Order = deserializer.deserialize(None, bytes).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AvroDeserializer {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Option<(AvroSchema, apache_avro::Schema)>,
    lookups: Lookups<Known>,
}

/// A schema that wrote records.
struct Known {
    /// Reads as the program's own schema has it.
    resolving: Reader,
    /// Reads as it was written: what apache_avro is to read is looked through before.
    plain: Reader,
    text: String,
    others: Vec<String>,
}

impl AvroDeserializer {
    /// Values come as they were written.
    pub fn new(registry: &SchemaRegistry) -> Self {
        Self::with(registry, None)
    }

    /// Values come as the program's own schema has them: with defaults for what the writer lacked, with numbers promoted, without what it does not know. `others` are the texts of
    /// schemas that it uses, in any order.
    ///
    /// # Errors
    ///
    /// A text is no Avro schema.
    pub fn with_reader(
        registry: &SchemaRegistry,
        schema: &str,
        others: &[&str],
    ) -> Result<Self, SerializerError> {
        let unusable = |detail| SerializerError::Schema { origin: String::new(), detail };
        let own =
            AvroSchema::parse_with(schema, others).map_err(|error| unusable(error.to_string()))?;
        let theirs = of_apache(schema, others).map_err(|error| unusable(error.to_string()))?;
        Ok(Self::with(registry, Some((own, theirs))))
    }

    fn with(registry: &SchemaRegistry, reader: Option<(AvroSchema, apache_avro::Schema)>) -> Self {
        let lookups = Lookups::new(registry.clone(), SchemaType::Avro);
        Self { inner: Arc::new(Inner { reader, lookups }) }
    }

    /// Reads a key or value. `header` is the value of the record's header [`__key_schema_id` or `__value_schema_id`](crate::Framing::header_name), if it has one.
    ///
    /// # Errors
    ///
    /// The bytes name no schema, the registry does not give it, or they, or the type, do not match it.
    pub async fn deserialize<T: DeserializeOwned>(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<T, DeserializerError> {
        let found = Identity::find(header, bytes)?;
        let known = self.known(found.identity).await?;
        let value = known.resolving.deserialize(found.payload);
        value.map_err(|error| mismatch(&error))
    }

    /// Reads a key or value as a `Value` of apache_avro's. One of more than 12 levels is read by a thread of its own, with a stack that is large enough.
    ///
    /// # Errors
    ///
    /// As [`deserialize`](Self::deserialize).
    pub async fn deserialize_value(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<Value, DeserializerError> {
        let found = Identity::find(header, bytes)?;
        let known = self.known(found.identity).await?;
        // apache_avro trusts lengths and depths more than bytes deserve.
        let levels = known.plain.deserialize::<Levels>(found.payload);
        let Levels(levels) = levels.map_err(|error| mismatch(&error))?;
        let others: Vec<&str> = known.others.iter().map(String::as_str).collect();
        let read = || -> Result<Value, apache_avro::Error> {
            let writer = of_apache(&known.text, &others)?;
            apache_avro::reader::datum::GenericDatumReader::builder(&writer)
                .maybe_reader_schema(self.inner.reader.as_ref().map(|(_, reader)| reader))
                .build()?
                .read_value(&mut &*found.payload)
        };
        let value = if levels <= SHALLOW {
            read().map_err(|error| error.to_string())
        } else {
            on_large_stack(|| read().map_err(|error| error.to_string()))
        };
        value.map_err(|detail| DeserializerError::Value { path: String::new(), detail })
    }

    async fn known(&self, identity: Identity) -> Result<Arc<Known>, DeserializerError> {
        let reader = self.inner.reader.as_ref().map(|(reader, _)| reader);
        self.inner
            .lookups
            .get(identity, |schema, dependencies| {
                Known::new(schema, dependencies, reader).map_err(|error| error.to_string())
            })
            .await
    }
}

impl Known {
    fn new(
        schema: &Schema,
        dependencies: &[Dependency],
        reader: Option<&AvroSchema>,
    ) -> Result<Self, rohrpost_serializer::BoxError> {
        let writer = parse(schema, dependencies)?;
        let plain = Reader::new(&writer);
        let resolving = match reader {
            Some(reader) => Reader::resolving(&writer, reader)?,
            None => plain.clone(),
        };
        let others = dependencies.iter().map(|of| of.registered.schema.text.clone()).collect();
        Ok(Self { resolving, plain, text: schema.text.clone(), others })
    }
}

fn on_large_stack<T: Send>(read: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK).spawn_scoped(scope, read);
        let thread = thread.map_err(|error| format!("no thread for a deep value: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("apache_avro cannot read it".to_owned()))
    })
}

/// With the definitions of other schemas in it, where they are used first.
fn of_apache(text: &str, others: &[&str]) -> Result<apache_avro::Schema, apache_avro::Error> {
    if others.is_empty() {
        return apache_avro::Schema::parse_str(text);
    }
    let (mut schema, others) = apache_avro::Schema::parse_str_with_list(text, others)?;
    schema.denormalize(&others)?;
    Ok(schema)
}

fn mismatch(error: &AvroError) -> DeserializerError {
    DeserializerError::Value { path: error.path(), detail: error.kind().to_string() }
}

impl fmt::Debug for AvroDeserializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroDeserializer")
            .field("reader", &self.inner.reader.as_ref().map(|(reader, _)| reader))
            .finish_non_exhaustive()
    }
}
