//! What the registry keeps: schemas, what they refer to, and how they are named.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a schema is written in: `schemaType` of the registry's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SchemaType {
    /// Avro, which is meant where the registry says nothing.
    #[default]
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl SchemaType {
    /// The API's name: `AVRO`, `PROTOBUF`, `JSON`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SchemaType {
    type Err = UnknownSchemaType;

    fn from_str(name: &str) -> Result<Self, UnknownSchemaType> {
        [Self::Avro, Self::Protobuf, Self::Json]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownSchemaType { name: name.to_owned() })
    }
}

/// A type of schemas that is not known here: registries take plug-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSchemaType {
    /// As the registry says it.
    pub name: String,
}

impl fmt::Display for UnknownSchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schema type {:?} is not known here: AVRO, PROTOBUF and JSON are", self.name)
    }
}

impl std::error::Error for UnknownSchemaType {}

/// A schema as the registry keeps it.
///
/// ```
/// use rohrpost_schema_registry::{Schema, SchemaType};
///
/// let schema = Schema::avro(r#"{"type": "string"}"#);
/// assert_eq!((schema.schema_type, schema.references.len()), (SchemaType::Avro, 0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schema {
    /// What it is written in.
    pub schema_type: SchemaType,
    /// The schema itself: JSON for Avro and JSON Schema; for Protocol Buffers the text of a `.proto` file, or a `FileDescriptorProto` in base64.
    pub text: String,
    /// The schemas of the registry that it uses.
    pub references: Vec<Reference>,
}

impl Schema {
    /// A schema that refers to no other.
    pub fn new(schema_type: SchemaType, text: impl Into<String>) -> Self {
        Self { schema_type, text: text.into(), references: Vec::new() }
    }

    /// An Avro schema, in JSON.
    pub fn avro(text: impl Into<String>) -> Self {
        Self::new(SchemaType::Avro, text)
    }

    /// A file of Protocol Buffers: its text, or its descriptor in base64.
    pub fn protobuf(text: impl Into<String>) -> Self {
        Self::new(SchemaType::Protobuf, text)
    }

    /// A JSON Schema.
    pub fn json(text: impl Into<String>) -> Self {
        Self::new(SchemaType::Json, text)
    }

    /// Adds what it uses of other schemas.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.references.push(reference);
        self
    }
}

/// That a schema uses another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// By which name it does: a full name in Avro, the name of an imported file in Protocol Buffers, a URI in JSON Schema.
    pub name: String,
    /// The subject that has the other one.
    pub subject: String,
    /// Its version there.
    pub version: i32,
}

impl Reference {
    /// A reference by this name to that version of that subject.
    pub fn new(name: impl Into<String>, subject: impl Into<String>, version: i32) -> Self {
        Self { name: name.into(), subject: subject.into(), version }
    }
}

/// The number of a schema, the same in every subject of a context that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub i32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The name of a schema's contents, the same in every context and every registry. Registries have it since Confluent Platform 8.0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

impl fmt::Display for Guid {
    /// As a UUID: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl FromStr for Guid {
    type Err = InvalidGuid;

    fn from_str(text: &str) -> Result<Self, InvalidGuid> {
        let wrong = || InvalidGuid { text: text.chars().take(64).collect() };
        let bytes = text.as_bytes();
        let has_dashes = [8, 13, 18, 23].into_iter().all(|at| bytes.get(at) == Some(&b'-'));
        if bytes.len() != 36 || !has_dashes {
            return Err(wrong());
        }
        let mut digits = bytes.iter().filter(|&&byte| byte != b'-');
        let mut digit = || {
            let digit = char::from(*digits.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let mut guid = [0; 16];
        for byte in &mut guid {
            let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong()) };
            *byte = high << 4 | low;
        }
        // Dashes where digits should be leave digits over.
        digits.next().map_or(Ok(Self(guid)), |_| Err(wrong()))
    }
}

/// A text that is no GUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidGuid {
    /// Its beginning.
    pub text: String,
}

impl fmt::Display for InvalidGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no GUID: it has the form of a UUID, with 32 hexadecimal digits",
            self.text
        )
    }
}

impl std::error::Error for InvalidGuid {}

/// A schema that is in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// Its number; none where it was asked for by GUID, and the registry does not say it.
    pub id: Option<SchemaId>,
    /// The name of its contents, where the registry knows such.
    pub guid: Option<Guid>,
    /// The subject that it was looked for in; where it was asked for by number or GUID, one that has it, if the registry says so.
    pub subject: Option<String>,
    /// Its version in that subject, where the registry says it.
    pub version: Option<i32>,
    /// The schema.
    pub schema: Arc<Schema>,
}

/// A schema that another one uses, directly or not: see `SchemaRegistry::references`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// The name that it is used by.
    pub name: String,
    /// Where it is, and what.
    pub registered: Registered,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_from_how_it_is_written() {
        let text = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
        let guid: Guid = text.parse().unwrap();
        assert_eq!(guid.to_string(), text);
        assert_eq!(guid.0[..3], [0x0f, 0x1e, 0x2d]);
        assert_eq!(text.to_uppercase().parse(), Ok(guid));
        for wrong in [
            "",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f00",
            "0f1e2d3c-4b5a-6978-8796--5b4c3d2e1f0",
            "ä1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        ] {
            assert!(wrong.parse::<Guid>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn schema_types_have_the_names_of_the_api() {
        for kind in [SchemaType::Avro, SchemaType::Protobuf, SchemaType::Json] {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("THRIFT".parse::<SchemaType>().unwrap_err().to_string().contains("THRIFT"));
    }
}
