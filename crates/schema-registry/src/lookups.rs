//! What every deserializer has inside: from the schema that a record names to what reading by it needs, once.

use std::sync::Arc;
use std::time::Duration;

use crate::flights::Flights;
use crate::{
    Dependency, DeserializerError, Identity, Registered, Schema, SchemaRegistry, SchemaType,
};

const FAILURE_REMEMBERED: Duration = Duration::from_secs(1);
const MOST: usize = 10_000;

/// The schemas of records, as one format parsed them.
pub(crate) struct Lookups<P> {
    registry: SchemaRegistry,
    of: SchemaType,
    known: Flights<Identity, Arc<P>, DeserializerError>,
}

impl<P> Lookups<P> {
    pub(crate) fn new(registry: SchemaRegistry, of: SchemaType) -> Self {
        Self { registry, of, known: Flights::new(MOST, FAILURE_REMEMBERED) }
    }

    /// What is known of a schema, or becomes known: `parse` gives the reason in words where it cannot be used.
    pub(crate) async fn get(
        &self,
        identity: Identity,
        parse: impl FnOnce(&Schema, &[Dependency]) -> Result<P, String>,
    ) -> Result<Arc<P>, DeserializerError> {
        if let Some(known) = self.known.get(&identity) {
            return Ok(known);
        }
        // Apart: its future is large, and would be moved with that of each record.
        Box::pin(self.ask(identity, parse)).await
    }

    async fn ask(
        &self,
        identity: Identity,
        parse: impl FnOnce(&Schema, &[Dependency]) -> Result<P, String>,
    ) -> Result<Arc<P>, DeserializerError> {
        self.known
            .fetch(identity, None, || async {
                let registered = self.registered(identity).await?;
                let schema = &registered.schema;
                let unusable =
                    |detail| DeserializerError::Schema { origin: identity.to_string(), detail };
                if schema.schema_type != self.of {
                    let detail = format!("it is {}, not {}", schema.schema_type, self.of);
                    return Err(unusable(detail));
                }
                let dependencies = self.registry.references(schema, None).await?;
                parse(schema, &dependencies).map(Arc::new).map_err(unusable)
            })
            .await
    }

    async fn registered(&self, identity: Identity) -> Result<Registered, DeserializerError> {
        Ok(match identity {
            Identity::Id(id) => self.registry.by_id(id, None).await?,
            Identity::Guid(guid) => self.registry.by_guid(guid).await?,
        })
    }
}

impl<P> std::fmt::Debug for Lookups<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").field("of", &self.of).finish_non_exhaustive()
    }
}
