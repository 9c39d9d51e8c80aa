//! What every serializer has inside: from a topic and a type of records to the schema that the registry has for them, once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::Equivalent;
use rohrpost_serializer::{BoxError, Output, Part};

use crate::flights::Flights;
use crate::options::{SchemaSource, SerializerOptions};
use crate::{
    Dependency, Framing, Identity, Reference, Registered, RegistryError, Schema, SchemaRegistry,
    SchemaType, SerializerError,
};

/// For how long a failure is given to whoever asks for the same, before the registry is asked again: a sender of a thousand records a second asks once a second.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(1);

/// The most schemas that a serializer remembers: topics times types of records.
const MOST_RESOLVED: usize = 10_000;

/// What differs between Avro, Protocol Buffers and JSON Schema. None of it runs for each record.
pub(crate) trait Format: Send + Sync {
    /// What serializing needs of a schema.
    type Parsed: Send + Sync;

    /// What its schemas are written in.
    const SCHEMA_TYPE: SchemaType;

    /// Makes of a schema what serializing values of `record` needs. `dependencies` are the schemas that it uses, each after those that it uses itself. The error is a
    /// reason in words.
    fn parse(
        &self,
        record: Option<&str>,
        schema: &Schema,
        dependencies: &[Dependency],
    ) -> Result<Self::Parsed, BoxError>;

    /// Whether `theirs`, as reader, can read what `own` writes, for the strict checks of pinned and latest schemas.
    fn check_compatible(&self, own: &OwnSchema, theirs: &Self::Parsed) -> Result<(), BoxError>;

    /// What follows the schema's number or GUID: Protocol Buffers' message indexes.
    fn suffix(&self, _parsed: &Self::Parsed) -> Vec<u8> {
        Vec::new()
    }
}

/// The schema of the program's own type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnSchema {
    /// In the form that the registry takes; what it refers to by `imports` stands there.
    pub(crate) text: String,
    /// Schemas that are in the registry already.
    pub(crate) references: Vec<Reference>,
    /// Schemas that go into the registry before it (`auto.register.schemas`), or must be there: each after those that it imports itself.
    pub(crate) imports: Vec<Import>,
    /// The names of those that it imports itself; the others are those' own affair.
    pub(crate) imported: Vec<String>,
}

/// A schema that the program's own one uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The name that it is referred to by, and its subject.
    pub(crate) name: String,
    /// The schema.
    pub(crate) text: String,
    /// The names of those among the imports that it uses itself.
    pub(crate) imported: Vec<String>,
}

/// A schema, ready to serialize by.
pub(crate) struct Resolved<P> {
    /// What the registry has.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests look at it"))]
    pub(crate) registered: Registered,
    /// What the format made of it.
    #[cfg_attr(
        not(any(feature = "avro", feature = "json", test)),
        expect(
            dead_code,
            reason = "messages of Protocol Buffers are written without their schema"
        )
    )]
    pub(crate) parsed: P,
    /// What goes before the bytes, or into the header.
    prefix: Box<[u8]>,
    framing: Framing,
}

impl<P> Resolved<P> {
    /// Says which schema the bytes have that are written next.
    #[inline]
    pub(crate) fn begin(&self, output: &mut Output<'_>) {
        match self.framing {
            Framing::Classic => output.write(&self.prefix),
            Framing::Header => {
                let name = Framing::header_name(output.part());
                output.header(name, Some(&self.prefix));
            }
        }
    }
}

/// Resolves schemas for a serializer, and remembers them.
pub(crate) struct Resolver<F: Format> {
    registry: SchemaRegistry,
    options: SerializerOptions,
    format: F,
    resolved: Flights<Spot, Arc<Resolved<F::Parsed>>, SerializerError>,
}

impl<F: Format> Resolver<F> {
    pub(crate) fn new(registry: SchemaRegistry, options: SerializerOptions, format: F) -> Self {
        let resolved = Flights::new(MOST_RESOLVED, FAILURE_REMEMBERED);
        Self { registry, options, format, resolved }
    }

    /// What has been resolved for records of this type; nothing is allocated. Of those who want a latest version that is to be asked for anew one asks, while
    /// the others go on with the last one.
    #[inline]
    pub(crate) fn get(
        &self,
        topic: &str,
        part: Part,
        record: Option<&str>,
    ) -> Option<Arc<Resolved<F::Parsed>>> {
        let spot = SpotRef { topic, part, record };
        self.resolved.get(&spot).or_else(|| self.resolved.meanwhile(&spot))
    }

    /// The same, for `serialize`, which cannot wait.
    ///
    /// # Errors
    ///
    /// [`SerializerError::NotPrepared`].
    #[inline]
    pub(crate) fn prepared(
        &self,
        topic: &str,
        part: Part,
        record: Option<&str>,
    ) -> Result<Arc<Resolved<F::Parsed>>, SerializerError> {
        // What was valid when the value was prepared must not expire before it is serialized.
        self.resolved
            .peek(&SpotRef { topic, part, record })
            .ok_or_else(|| SerializerError::NotPrepared { topic: topic.to_owned(), part })
    }

    /// Asks the registry for what is not known yet: once, however many tasks want it.
    pub(crate) async fn resolve(
        &self,
        topic: &str,
        part: Part,
        record: Option<&str>,
        own: &OwnSchema,
    ) -> Result<Arc<Resolved<F::Parsed>>, SerializerError> {
        if let Some(resolved) = self.get(topic, part, record) {
            return Ok(resolved);
        }
        let spot = Spot { topic: topic.to_owned(), part, record: record.map(str::to_owned) };
        let life = match self.options.source {
            SchemaSource::Latest { .. } => self.registry.latest_ttl(),
            _ => None,
        };
        let outcome =
            self.resolved.fetch(spot.clone(), life, || self.ask(topic, part, record, own)).await;
        match (outcome, self.resolved.peek(&spot)) {
            // While the registry is down, what was the latest version stays it.
            (Err(error), Some(last)) if error.is_retriable() => {
                self.resolved.insert(spot, Arc::clone(&last), life);
                Ok(last)
            }
            (outcome, _) => outcome,
        }
    }

    async fn ask(
        &self,
        topic: &str,
        part: Part,
        record: Option<&str>,
        own: &OwnSchema,
    ) -> Result<Arc<Resolved<F::Parsed>>, SerializerError> {
        let subject = self.options.strategy_of(part).subject(topic, part, record)?;
        let registered = match self.options.source {
            SchemaSource::Register => self.own(&subject, own, true).await?,
            SchemaSource::LookUp => self.own(&subject, own, false).await?,
            SchemaSource::Latest { .. } => self.registry.latest(&subject).await?,
            SchemaSource::Id { id, .. } => self.registry.by_id(id, Some(&subject)).await?,
            SchemaSource::Guid { guid, .. } => self.registry.by_guid(guid).await?,
        };
        let (registered, identity) = self.identified(&subject, part, registered).await?;
        let origin = origin(&registered);
        let unusable = |error: BoxError| SerializerError::Schema {
            origin: origin.clone(),
            detail: error.to_string(),
        };
        let schema = &registered.schema;
        if schema.schema_type != F::SCHEMA_TYPE {
            let detail = format!("it is {}, not {}", schema.schema_type, F::SCHEMA_TYPE);
            return Err(unusable(detail.into()));
        }
        let dependencies = self.registry.references(schema, Some(&subject)).await?;
        let parsed = self.format.parse(record, schema, &dependencies).map_err(unusable)?;
        if self.options.source.is_strict() {
            self.format.check_compatible(own, &parsed).map_err(|error| SerializerError::Drift {
                origin: origin.clone(),
                detail: error.to_string(),
            })?;
        }
        let mut prefix = Vec::with_capacity(24);
        identity.write(&mut prefix);
        prefix.extend_from_slice(&self.format.suffix(&parsed));
        let prefix = prefix.into_boxed_slice();
        let framing = self.options.framing_of(part);
        Ok(Arc::new(Resolved { registered, parsed, prefix, framing }))
    }

    /// Registers or looks up the program's own schema, after those that it imports.
    async fn own(
        &self,
        subject: &str,
        own: &OwnSchema,
        registers: bool,
    ) -> Result<Registered, SerializerError> {
        let mut known: Vec<Reference> = Vec::with_capacity(own.imports.len());
        let used = |names: &[String], known: &[Reference]| -> Vec<Reference> {
            // In the order of the imports, as Confluent's clients have it: another one is another schema.
            let of = |name: &String| known.iter().find(|reference| reference.name == *name);
            names.iter().filter_map(of).cloned().collect()
        };
        for import in &own.imports {
            let schema = Schema {
                schema_type: F::SCHEMA_TYPE,
                text: import.text.clone(),
                references: used(&import.imported, &known),
            };
            let normalize = self.options.normalize;
            let registered = match registers {
                true => self.registry.register(&import.name, &schema, normalize).await?,
                false => self.registry.look_up(&import.name, &schema, normalize).await?,
            };
            // Older registries say the version to those who look it up alone.
            let version = match registered.version {
                Some(version) => Some(version),
                None => self.registry.look_up(&import.name, &schema, normalize).await?.version,
            };
            // -1 is the latest one.
            known.push(Reference::new(&import.name, &import.name, version.unwrap_or(-1)));
        }
        let mut references = own.references.clone();
        references.extend(used(&own.imported, &known));
        let schema = Schema { schema_type: F::SCHEMA_TYPE, text: own.text.clone(), references };
        let normalize = self.options.normalize;
        let mut registered = match registers {
            true => self.registry.register(subject, &schema, normalize).await?,
            false => self.registry.look_up(subject, &schema, normalize).await?,
        };
        // It is by one's own schema that values are written, of which the registry's may be the normal form.
        registered.schema = Arc::new(schema);
        Ok(registered)
    }

    /// With what records name it by, which is asked for where the answer left it open.
    async fn identified(
        &self,
        subject: &str,
        part: Part,
        mut registered: Registered,
    ) -> Result<(Registered, Identity), RegistryError> {
        let identity = match (self.options.framing_of(part), registered.id, registered.guid) {
            (Framing::Classic, Some(id), _) => Identity::Id(id),
            (Framing::Classic, None, Some(guid)) => {
                let id = self.registry.id_of(guid, Some(subject)).await?;
                registered.id = Some(id);
                Identity::Id(id)
            }
            (Framing::Header, _, Some(guid)) => Identity::Guid(guid),
            (Framing::Header, Some(id), None) => {
                registered.guid = self.registry.by_id(id, Some(subject)).await?.guid;
                let guid = registered.guid.ok_or(RegistryError::NoGuid { id: Some(id) })?;
                Identity::Guid(guid)
            }
            // By a registry's answer one of the two is there.
            (_, None, None) => return Err(RegistryError::NoGuid { id: None }),
        };
        Ok((registered, identity))
    }
}

impl<F: Format> fmt::Debug for Resolver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("registry", &self.registry)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What a schema is called in errors.
pub(crate) fn origin(registered: &Registered) -> String {
    let name = match (registered.id, registered.guid) {
        (Some(id), _) => Identity::Id(id).to_string(),
        (None, Some(guid)) => Identity::Guid(guid).to_string(),
        (None, None) => "the schema".to_owned(),
    };
    match (&registered.subject, registered.version) {
        (Some(subject), Some(version)) => {
            format!("version {version} of the subject {subject:?} ({name})")
        }
        (Some(subject), None) => format!("{name} of the subject {subject:?}"),
        (None, _) => name,
    }
}

/// What schemas are remembered by.
#[derive(Clone, PartialEq, Eq)]
struct Spot {
    topic: String,
    part: Part,
    record: Option<String>,
}

#[derive(Hash)]
struct SpotRef<'a> {
    topic: &'a str,
    part: Part,
    record: Option<&'a str>,
}

impl Hash for Spot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { topic, part, record } = self;
        SpotRef { topic, part: *part, record: record.as_deref() }.hash(state);
    }
}

impl Equivalent<Spot> for SpotRef<'_> {
    fn equivalent(&self, spot: &Spot) -> bool {
        self.topic == spot.topic && self.part == spot.part && self.record == spot.record.as_deref()
    }
}

#[cfg(all(test, feature = "test-registry"))]
mod tests;
