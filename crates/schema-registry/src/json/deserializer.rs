//! From JSON to values, by the schema that wrote it.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::validator::{self, Mismatch, Validator};
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
        let text = text(found.payload)?;
        if self.validates {
            let validator = self.lookups.get(found.identity, validator::with_dependencies).await?;
            validator.check_text(text).map_err(|error| no_json(&error))?.map_err(mismatch)?;
        }
        serde_json::from_str(text).map_err(|error| no_json(&error))
    }

    /// Reads a key or value as a `serde_json::Value`, at less cost than [`deserialize`](Self::deserialize) does.
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
        let value = serde_json::from_str(text(found.payload)?).map_err(|error| no_json(&error))?;
        if self.validates {
            let validator = self.lookups.get(found.identity, validator::with_dependencies).await?;
            validator.check(&value).map_err(mismatch)?;
        }
        Ok(value)
    }
}

/// Looked through at once: serde_json would do it for each text in it.
fn text(bytes: &[u8]) -> Result<&str, DeserializerError> {
    std::str::from_utf8(bytes).map_err(|error| DeserializerError::Value {
        path: String::new(),
        detail: error.to_string(),
    })
}

fn no_json(error: &serde_json::Error) -> DeserializerError {
    let detail = validator::plain(&error.to_string());
    DeserializerError::Value { path: String::new(), detail }
}

fn mismatch(mismatch: Mismatch) -> DeserializerError {
    DeserializerError::Value { path: mismatch.path, detail: mismatch.detail }
}

impl fmt::Debug for JsonDeserializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonDeserializer")
            .field("validates", &self.validates)
            .finish_non_exhaustive()
    }
}
