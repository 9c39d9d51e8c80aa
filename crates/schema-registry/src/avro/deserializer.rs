//! From bytes to values, by the schema that wrote them.

use std::fmt;
use std::sync::Arc;

use apache_avro::types::Value;
use rohrpost_serializer::{AvroDeserializer as Reader, AvroError, AvroSchema, BoxError};
use serde::de::DeserializeOwned;

use super::parse;
use super::tree::Tree;
use crate::lookups::Lookups;
use crate::{
    Dependency, DeserializerError, Identity, Schema, SchemaRegistry, SchemaType, SerializerError,
};

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
    /// The program's own schema, and what its values look like.
    reader: Option<(AvroSchema, Arc<Tree>)>,
    lookups: Lookups<Known>,
}

/// A schema that wrote records.
struct Known {
    /// Reads as the program's own schema has it, if there is one.
    reader: Reader,
    /// What values look like then, or why apache_avro cannot have them.
    tree: Result<Arc<Tree>, String>,
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
        let tree = tree(schema, others).map_err(unusable)?;
        Ok(Self::with(registry, Some((own, tree))))
    }

    fn with(registry: &SchemaRegistry, reader: Option<(AvroSchema, Arc<Tree>)>) -> Self {
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
        let value = known.reader.deserialize(found.payload);
        value.map_err(|error| mismatch(&error))
    }

    /// Reads a key or value as a `Value` of apache_avro's.
    ///
    /// # Errors
    ///
    /// As [`deserialize`](Self::deserialize); apache_avro does not take the schema.
    pub async fn deserialize_value(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<Value, DeserializerError> {
        let found = Identity::find(header, bytes)?;
        let known = self.known(found.identity).await?;
        let tree = known.tree.as_ref().map_err(|detail| DeserializerError::Schema {
            origin: found.identity.to_string(),
            detail: detail.clone(),
        })?;
        if self.inner.reader.is_none()
            && let Some(value) = tree.read(found.payload)
        {
            return Ok(value);
        }
        let value = known.reader.deserialize_seed(tree.seed(), found.payload);
        value.map_err(|error| mismatch(&error))
    }

    async fn known(&self, identity: Identity) -> Result<Arc<Known>, DeserializerError> {
        let Inner { reader, lookups } = &*self.inner;
        let known = |schema: &Schema, dependencies: &[Dependency]| {
            Known::new(schema, dependencies, reader.as_ref()).map_err(|error| error.to_string())
        };
        lookups.get(identity, known).await
    }
}

impl Known {
    fn new(
        schema: &Schema,
        dependencies: &[Dependency],
        reader: Option<&(AvroSchema, Arc<Tree>)>,
    ) -> Result<Self, BoxError> {
        let writer = parse(schema, dependencies)?;
        if let Some((reader, tree)) = reader {
            let reader = Reader::resolving(&writer, reader)?;
            return Ok(Self { reader, tree: Ok(Arc::clone(tree)) });
        }
        let others: Vec<&str> =
            dependencies.iter().map(|of| of.registered.schema.text.as_str()).collect();
        Ok(Self { reader: Reader::new(&writer), tree: tree(&schema.text, &others) })
    }
}

fn tree(text: &str, others: &[&str]) -> Result<Arc<Tree>, String> {
    let schema = of_apache(text, others).map_err(|error| error.to_string())?;
    Tree::new(&schema).map(Arc::new)
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
