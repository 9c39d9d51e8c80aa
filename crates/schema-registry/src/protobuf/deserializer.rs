//! From bytes to messages.

use std::fmt;
use std::sync::Arc;

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage};

use super::shapes::{At, Shapes};
use super::{dynamic, files, indexes};
use crate::lookups::Lookups;
use crate::{DeserializerError, Identity, SchemaRegistry, SchemaType};

/// Reads what [`ProtobufSerializer`](super::ProtobufSerializer) and Confluent's clients write. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ProtobufDeserializer {
    lookups: Arc<Lookups<Shapes>>,
}

impl ProtobufDeserializer {
    /// With the schemas of this registry.
    pub fn new(registry: &SchemaRegistry) -> Self {
        let lookups = Lookups::new(registry.clone(), SchemaType::Protobuf);
        Self { lookups: Arc::new(lookups) }
    }

    /// Reads a message of a type that the program knows. Reading Protocol Buffers needs no schema of the writer's, so the registry is not asked, and that the message is of
    /// this type is not examined: [`deserialize_checked`](Self::deserialize_checked) does. `header` is the value of the record's header
    /// [`__key_schema_id` or `__value_schema_id`](crate::Framing::header_name), if it has one.
    ///
    /// # Errors
    ///
    /// The bytes name no schema, have no message indexes, or are no such message.
    pub fn deserialize<M: Message + Default>(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<M, DeserializerError> {
        let (_, _, payload) = split(header, bytes)?;
        M::decode(payload).map_err(|error| mismatch(&error))
    }

    /// Reads a message of a type that the program knows, and that the writer named by the same full name.
    ///
    /// # Errors
    ///
    /// As [`deserialize`](Self::deserialize); the registry does not give the schema, or the message is of another type.
    pub async fn deserialize_checked<M: ReflectMessage + Default>(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<M, DeserializerError> {
        let (identity, path, payload) = split(header, bytes)?;
        let file = self.file(identity).await?;
        let own = M::default().descriptor();
        let theirs = &file.messages[find(identity, &file, &path)?].descriptor;
        if own.full_name() != theirs.full_name() {
            let detail = format!("it is {}, not {}", theirs.full_name(), own.full_name());
            return Err(DeserializerError::Schema { origin: identity.to_string(), detail });
        }
        M::decode(payload).map_err(|error| mismatch(&error))
    }

    /// Reads a message by the schema that wrote it.
    ///
    /// # Errors
    ///
    /// The bytes name no schema, or no message of it; the registry does not give it; or they are no such message.
    pub async fn deserialize_dynamic(
        &self,
        header: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<DynamicMessage, DeserializerError> {
        let (identity, path, payload) = split(header, bytes)?;
        let file = self.file(identity).await?;
        let at = find(identity, &file, &path)?;
        dynamic::read(&file, at, payload)
            .map_err(|(path, error)| DeserializerError::Value { path, detail: error.to_string() })
    }

    async fn file(&self, identity: Identity) -> Result<Arc<Shapes>, DeserializerError> {
        self.lookups
            .get(identity, |schema, dependencies| {
                let imports =
                    dependencies.iter().map(|of| (&*of.name, &*of.registered.schema.text));
                Ok(Shapes::new(&files::file(&schema.text, imports)?))
            })
            .await
    }
}

/// The schema, the message's place in it, and the message.
fn split<'a>(
    header: Option<&'a [u8]>,
    bytes: &'a [u8],
) -> Result<(Identity, indexes::Path, &'a [u8]), DeserializerError> {
    let found = Identity::find(header, bytes)?;
    let none = || DeserializerError::Value {
        path: String::new(),
        detail: "no message indexes follow the schema's number".to_owned(),
    };
    match found.header_rest {
        Some(rest) => {
            let (path, _) = indexes::read(rest).ok_or_else(none)?;
            Ok((found.identity, path, found.payload))
        }
        None => {
            let (path, payload) = indexes::read(found.payload).ok_or_else(none)?;
            Ok((found.identity, path, payload))
        }
    }
}

fn find(identity: Identity, file: &Shapes, path: &[usize]) -> Result<At, DeserializerError> {
    file.find(path).ok_or_else(|| DeserializerError::Schema {
        origin: identity.to_string(),
        detail: format!("it has no message of indexes {path:?}"),
    })
}

fn mismatch(error: &impl fmt::Display) -> DeserializerError {
    DeserializerError::Value { path: String::new(), detail: error.to_string() }
}
