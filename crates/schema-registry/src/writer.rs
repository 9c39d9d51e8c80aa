//! What a serializer of one schema has inside, whatever the format.

use std::sync::Arc;

use rohrpost_serializer::{Output, Part, Preparation};

use crate::resolver::{Format, OwnSchema, Resolved, Resolver};
use crate::{SchemaRegistry, SerializerError, SerializerOptions};

/// Values of one schema: the program's own, or the one that the options pick from the registry.
pub(crate) struct Writer<F: Format> {
    resolver: Resolver<F>,
    own: OwnSchema,
    /// What the schema calls its values, if it does.
    record: Option<String>,
}

impl<F: Format> Writer<F> {
    pub(crate) fn new(
        registry: &SchemaRegistry,
        own: OwnSchema,
        record: Option<String>,
        options: SerializerOptions,
        format: F,
    ) -> Self {
        Self { resolver: Resolver::new(registry.clone(), options, format), own, record }
    }

    /// Without a schema of the program's own.
    ///
    /// # Errors
    ///
    /// The options say that there is one.
    #[cfg(any(feature = "avro", feature = "json"))]
    pub(crate) fn by_registry(
        registry: &SchemaRegistry,
        options: SerializerOptions,
        format: F,
    ) -> Result<Self, SerializerError> {
        if matches!(options.source, crate::SchemaSource::Register | crate::SchemaSource::LookUp) {
            let detail = "there is none: without one's own, the options must pick one of the registry (use.latest.version, use.schema.id)";
            return Err(unusable(detail));
        }
        Ok(Self::new(registry, OwnSchema::default(), None, options, format))
    }

    pub(crate) fn record(&self) -> Option<&str> {
        self.record.as_deref()
    }

    /// What has been looked up for the value that is to be written.
    ///
    /// # Errors
    ///
    /// [`SerializerError::NotPrepared`].
    #[inline]
    pub(crate) fn resolved(
        &self,
        output: &Output<'_>,
    ) -> Result<Arc<Resolved<F::Parsed>>, SerializerError> {
        self.resolver.prepared(output.topic(), output.part(), self.record())
    }

    /// What is to be awaited before the first value. `None`: nothing is.
    #[inline]
    pub(crate) fn look_up<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
    ) -> Option<Preparation<'a, SerializerError>> {
        if self.resolver.get(topic, part, self.record()).is_some() {
            return None;
        }
        let resolve = self.resolver.resolve(topic, part, self.record(), &self.own);
        Some(Box::pin(async move { resolve.await.map(drop) }))
    }
}

/// A schema of the program's own, if it is of this format.
///
/// # Errors
///
/// It is of another.
#[cfg(any(feature = "avro", feature = "json"))]
pub(crate) fn own<F: Format>(schema: crate::Schema) -> Result<OwnSchema, SerializerError> {
    if schema.schema_type != F::SCHEMA_TYPE {
        return Err(unusable(format!("it is {}, not {}", schema.schema_type, F::SCHEMA_TYPE)));
    }
    Ok(OwnSchema { text: schema.text, references: schema.references, ..OwnSchema::default() })
}

/// What is wrong with a schema that the registry does not have yet.
#[cfg(any(feature = "avro", feature = "json"))]
pub(crate) fn unusable(detail: impl Into<String>) -> SerializerError {
    SerializerError::Schema { origin: String::new(), detail: detail.into() }
}
