//! How serializers use the registry.

use rohrpost_serializer::Part;

use crate::error::SettingError;
use crate::properties::{self, Owner};
use crate::{Framing, Guid, SchemaId, SubjectNameStrategy};

/// Which of the registry's schemas values are written by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaSource {
    /// The program's own one, registered if it is not there yet: `auto.register.schemas=true`, Confluent's default.
    #[default]
    Register,
    /// The program's own one, which must be there: `auto.register.schemas=false`. For production: schemas change by decision, not by deployment.
    LookUp,
    /// The newest of the subject: `use.latest.version=true`.
    Latest {
        /// Whether it must be able to read what the program's own one writes: `latest.compatibility.strict`.
        strict: bool,
    },
    /// That of this number: `use.schema.id`.
    Id {
        /// The number.
        id: SchemaId,
        /// Whether it must be able to read what the program's own one writes: `id.compatibility.strict`.
        strict: bool,
    },
    /// That of this GUID: `use.schema.guid`.
    Guid {
        /// The GUID.
        guid: Guid,
        /// Whether it must be able to read what the program's own one writes: `id.compatibility.strict`.
        strict: bool,
    },
}

impl SchemaSource {
    #[cfg(any(test, feature = "avro", feature = "protobuf", feature = "json"))]
    pub(crate) fn is_strict(self) -> bool {
        match self {
            Self::Register | Self::LookUp => false,
            Self::Latest { strict } | Self::Id { strict, .. } | Self::Guid { strict, .. } => strict,
        }
    }
}

/// The settings of a serializer, the same for Avro, Protocol Buffers and JSON Schema.
///
/// ```
/// use rohrpost_schema_registry::{SchemaSource, SerializerOptions, SubjectNameStrategy};
///
/// let options = SerializerOptions::new()
///     .source(SchemaSource::Latest { strict: true })
///     .value_subject(SubjectNameStrategy::TopicRecord);
///
/// // The same by Confluent's names.
/// let same = SerializerOptions::from_properties([
///     ("auto.register.schemas", "false"),
///     ("use.latest.version", "true"),
///     ("value.subject.name.strategy", "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy"),
/// ])?;
/// assert_eq!(format!("{options:?}"), format!("{same:?}"));
/// # Ok::<(), rohrpost_schema_registry::SettingError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SerializerOptions {
    pub(crate) source: SchemaSource,
    pub(crate) normalize: bool,
    /// `json.fail.invalid.schema`, where it is given.
    #[cfg_attr(not(feature = "json"), allow(dead_code, reason = "there is no serializer of JSON"))]
    pub(crate) validates: Option<bool>,
    key: PartOptions,
    value: PartOptions,
}

#[derive(Clone, Debug, Default)]
struct PartOptions {
    subject: SubjectNameStrategy,
    framing: Framing,
}

impl SerializerOptions {
    /// Confluent's defaults: the program's schema is registered, subjects are named after topics, its number stands in front of the bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// By the names of Confluent's clients: [`source`](Self::source) by `auto.register.schemas`, `use.latest.version`, `latest.compatibility.strict`,
    /// `use.schema.id`, `use.schema.guid` and `id.compatibility.strict`; `normalize.schemas`; `key.subject.name.strategy` and `value.subject.name.strategy`;
    /// `key.schema.id.serializer` and `value.schema.id.serializer`; `json.fail.invalid.schema`, whose default here is true.
    ///
    /// Properties of the registry's client may stand among them, so that one set of properties serves both; they are not looked at here.
    ///
    /// # Errors
    ///
    /// A name that no property has, with the nearest one that is known; one that is not supported, with the reason; a value that it cannot have; and two
    /// that contradict each other, such as `use.latest.version=true` without `auto.register.schemas=false`.
    pub fn from_properties<K: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, SettingError> {
        let mut options = Self::new();
        let mut wanted = Wanted::default();
        for (name, value) in properties {
            let (name, owner) = properties::known(name.as_ref())?;
            if owner == Owner::Serializer {
                options.set(&mut wanted, name, value.as_ref().trim())?;
            }
        }
        options.source = wanted.source()?;
        Ok(options)
    }

    /// Which of the registry's schemas values are written by.
    #[must_use]
    pub fn source(mut self, source: SchemaSource) -> Self {
        self.source = source;
        self
    }

    /// `normalize.schemas`: whether the registry compares normal forms, in which order and white space do not count.
    #[must_use]
    pub fn normalize(mut self, normalize: bool) -> Self {
        self.normalize = normalize;
        self
    }

    /// `key.subject.name.strategy`.
    #[must_use]
    pub fn key_subject(mut self, strategy: SubjectNameStrategy) -> Self {
        self.key.subject = strategy;
        self
    }

    /// `value.subject.name.strategy`.
    #[must_use]
    pub fn value_subject(mut self, strategy: SubjectNameStrategy) -> Self {
        self.value.subject = strategy;
        self
    }

    /// `key.schema.id.serializer` and `value.schema.id.serializer` at once.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.key.framing = framing;
        self.value.framing = framing;
        self
    }

    /// `key.schema.id.serializer`.
    #[must_use]
    pub fn key_framing(mut self, framing: Framing) -> Self {
        self.key.framing = framing;
        self
    }

    /// `value.schema.id.serializer`.
    #[must_use]
    pub fn value_framing(mut self, framing: Framing) -> Self {
        self.value.framing = framing;
        self
    }

    /// Where the number or GUID goes.
    pub fn framing_of(&self, part: Part) -> Framing {
        self.part(part).framing
    }

    /// How subjects are named.
    pub fn strategy_of(&self, part: Part) -> &SubjectNameStrategy {
        &self.part(part).subject
    }

    fn part(&self, part: Part) -> &PartOptions {
        match part {
            Part::Key => &self.key,
            Part::Value => &self.value,
        }
    }

    fn set(
        &mut self,
        wanted: &mut Wanted,
        name: &'static str,
        value: &str,
    ) -> Result<(), SettingError> {
        let class = |error| SettingError::class(name, &error);
        match name {
            "auto.register.schemas" => wanted.registers = Some(properties::boolean(name, value)?),
            "use.latest.version" => wanted.latest = properties::boolean(name, value)?,
            "latest.compatibility.strict" => {
                wanted.latest_strict = Some(properties::boolean(name, value)?);
            }
            "id.compatibility.strict" => {
                wanted.id_strict = Some(properties::boolean(name, value)?);
            }
            "use.schema.id" => {
                // Confluent's default is -1, for none.
                let id: i32 = properties::number(name, value)?;
                wanted.id = (id >= 0).then_some(SchemaId(id));
            }
            "use.schema.guid" => {
                let guid = value.parse().map_err(|error: crate::InvalidGuid| {
                    SettingError::Value { name, problem: error.to_string() }
                })?;
                wanted.guid = Some(guid);
            }
            "json.fail.invalid.schema" => {
                self.validates = Some(properties::boolean(name, value)?);
            }
            "normalize.schemas" => self.normalize = properties::boolean(name, value)?,
            "key.subject.name.strategy" => self.key.subject = value.parse().map_err(class)?,
            "value.subject.name.strategy" => self.value.subject = value.parse().map_err(class)?,
            "key.schema.id.serializer" => self.key.framing = value.parse().map_err(class)?,
            "value.schema.id.serializer" => self.value.framing = value.parse().map_err(class)?,
            // A name of the table that is not here would be ignored: its test looks.
            name => {
                let nearest = None;
                return Err(SettingError::UnknownProperty { name: name.to_owned(), nearest });
            }
        }
        Ok(())
    }
}

/// What properties say of the schema to use.
#[derive(Default)]
struct Wanted {
    registers: Option<bool>,
    latest: bool,
    latest_strict: Option<bool>,
    id: Option<SchemaId>,
    guid: Option<Guid>,
    id_strict: Option<bool>,
}

impl Wanted {
    /// Confluent's Java client prefers registering to all else, and says nothing; its Python client refuses, as is done here.
    fn source(&self) -> Result<SchemaSource, SettingError> {
        let chosen: Vec<&str> = [
            ("use.latest.version", self.latest),
            ("use.schema.id", self.id.is_some()),
            ("use.schema.guid", self.guid.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_chosen)| is_chosen.then_some(name))
        .collect();
        let contradiction = |problem: String| Err(SettingError::Combination { problem });
        if let [first, second, ..] = chosen[..] {
            return contradiction(format!(
                "{first} and {second} cannot both say which schema is used"
            ));
        }
        if let (Some(first), true) = (chosen.first(), self.registers != Some(false)) {
            return contradiction(format!(
                "{first} has no effect while schemas are registered, which is the default: set auto.register.schemas=false"
            ));
        }
        let strict_of = |name: &str, strict: Option<bool>, is_used: bool| match strict {
            Some(_) if !is_used => Err(SettingError::Combination {
                problem: format!("{name} has no effect without the schema that it is about"),
            }),
            strict => Ok(strict.unwrap_or(true)),
        };
        let is_pinned = self.id.is_some() || self.guid.is_some();
        let latest_strict =
            strict_of("latest.compatibility.strict", self.latest_strict, self.latest)?;
        let strict = strict_of("id.compatibility.strict", self.id_strict, is_pinned)?;
        Ok(match (self.id, self.guid) {
            (Some(id), _) => SchemaSource::Id { id, strict },
            (_, Some(guid)) => SchemaSource::Guid { guid, strict },
            _ if self.latest => SchemaSource::Latest { strict: latest_strict },
            _ if self.registers == Some(false) => SchemaSource::LookUp,
            _ => SchemaSource::Register,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(properties: &[(&'static str, &str)]) -> Result<SerializerOptions, SettingError> {
        SerializerOptions::from_properties(properties.iter().copied())
    }

    #[test]
    fn without_properties_it_is_as_confluents_serializers() {
        let options = options(&[]).unwrap();
        assert_eq!(options.source, SchemaSource::Register);
        assert!(!options.normalize);
        assert_eq!(options.framing_of(Part::Value), Framing::Classic);
        assert!(matches!(options.strategy_of(Part::Key), SubjectNameStrategy::Topic));
    }

    #[test]
    fn each_source_has_its_properties() {
        let no = ("auto.register.schemas", "false");
        let guid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
        let source = |properties: &[(&'static str, &str)]| options(properties).unwrap().source;
        assert_eq!(source(&[no]), SchemaSource::LookUp);
        assert_eq!(
            source(&[no, ("use.latest.version", "true")]),
            SchemaSource::Latest { strict: true }
        );
        assert_eq!(
            source(&[no, ("use.latest.version", "true"), ("latest.compatibility.strict", "false")]),
            SchemaSource::Latest { strict: false }
        );
        assert_eq!(
            source(&[no, ("use.schema.id", "7"), ("id.compatibility.strict", "false")]),
            SchemaSource::Id { id: SchemaId(7), strict: false }
        );
        assert_eq!(
            source(&[no, ("use.schema.guid", guid)]),
            SchemaSource::Guid { guid: guid.parse().unwrap(), strict: true }
        );
        assert_eq!(source(&[("use.schema.id", "-1")]), SchemaSource::Register);
    }

    #[test]
    fn what_contradicts_itself_or_would_be_ignored_is_refused() {
        for properties in [
            &[("use.latest.version", "true")][..],
            &[("use.schema.id", "1"), ("auto.register.schemas", "true")],
            &[
                ("auto.register.schemas", "false"),
                ("use.latest.version", "true"),
                ("use.schema.id", "1"),
            ],
            &[("latest.compatibility.strict", "false")],
            &[("id.compatibility.strict", "true")],
        ] {
            let error = options(properties).unwrap_err();
            assert!(matches!(error, SettingError::Combination { .. }), "{error}");
        }
        for (name, value) in [
            ("auto.register.schemas", "yes"),
            ("use.schema.id", "seven"),
            ("use.schema.guid", "7"),
            ("key.subject.name.strategy", "com.example.Mine"),
            ("value.schema.id.serializer", "com.example.Mine"),
        ] {
            let error = options(&[(name, value)]).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn key_and_value_have_their_own() {
        let options = options(&[
            ("key.schema.id.serializer", "HeaderSchemaIdSerializer"),
            ("key.subject.name.strategy", "RecordNameStrategy"),
        ])
        .unwrap();
        assert_eq!(options.framing_of(Part::Key), Framing::Header);
        assert_eq!(options.framing_of(Part::Value), Framing::Classic);
        assert!(matches!(options.strategy_of(Part::Key), SubjectNameStrategy::Record));
        assert!(matches!(options.strategy_of(Part::Value), SubjectNameStrategy::Topic));
    }

    #[test]
    fn every_property_of_serializers_in_the_table_does_something() {
        for name in properties::names_of(Owner::Serializer) {
            let error = options(&[(name, "?")]).unwrap_err();
            assert!(!matches!(error, SettingError::UnknownProperty { .. }), "{name}");
        }
    }
}
