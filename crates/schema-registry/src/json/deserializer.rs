//! From JSON to values, by the schema that wrote it.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::validator::{self, Validator};
use crate::lookups::Lookups;
use crate::{DeserializerError, Identity, SchemaRegistry, SchemaType};

/// Reads what [`JsonSerializer`](super::JsonSerializer) and Confluent's clients write. Cheap to clone.
#[derive(Clone)]
pub struct JsonDeserializer {
    lookups: Arc<Lookups<Validator>>,
    validates: bool,
}

impl JsonDeserializer {
    /// With the schemas of this registry.
    pub fn new(registry: &SchemaRegistry) -> Self {
        let lookups = Lookups::new(registry.clone(), SchemaType::Json);
        Self { lookups: Arc::new(lookups), validates: true }
    }

    /// Whether values are validated by the schema that wrote them; they are by default. Without, the registry is not asked.
    #[must_use]
    pub fn validate(mut self, validates: bool) -> Self {
        self.validates = validates;
        self
    }

    /// Reads a key or value. `header` is the value of the record's header [`__key_schema_id` or `__value_schema_id`](crate::Framing::header_name), if it has one.
    ///
    /// # Errors
    ///
    /// The bytes name no schema, the registry does not give it, they do not match it, or are no JSON of the type.
    pub async fn deserialize<T: DeserializeOwned>(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<T, DeserializerError> {
        let found = Identity::find(header, bytes)?;
        let no_json = |error: serde_json::Error| DeserializerError::Value {
            path: String::new(),
            detail: validator::plain(&error.to_string()),
        };
        if self.validates {
            let validator = self.lookups.get(found.identity, validator::with_dependencies).await?;
            let value: Value = serde_json::from_slice(found.payload).map_err(no_json)?;
            validator.check(&value).map_err(|mismatch| DeserializerError::Value {
                path: mismatch.path,
                detail: mismatch.detail,
            })?;
        }
        serde_json::from_slice(found.payload).map_err(no_json)
    }
}

impl fmt::Debug for JsonDeserializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonDeserializer")
            .field("validates", &self.validates)
            .finish_non_exhaustive()
    }
}
