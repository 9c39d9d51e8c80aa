//! Avro's schemas as the registry judges them: what is valid, what their one form is, which can read what another wrote.

mod compatible;
mod defaults;
mod parse;
#[cfg(feature = "test-registry")]
mod print;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

pub(crate) use compatible::{Incompatibility, incompatibilities};

/// A valid schema, with the schemas that it refers to.
#[derive(Debug)]
pub(crate) struct AvroSchema {
    /// Every type, those that have names once.
    types: Vec<Type>,
    root: usize,
    /// Where those begin that are not of schemas that it refers to.
    own: usize,
}

/// Numbers are places in [`AvroSchema::types`].
#[derive(Debug)]
enum Type {
    Primitive(Primitive, Properties),
    Array(usize, Properties),
    Map(usize, Properties),
    Union(Vec<usize>),
    Record {
        name: Name,
        is_error: bool,
        fields: Vec<Field>,
        properties: Properties,
    },
    Enum {
        name: Name,
        symbols: Vec<String>,
        default: Option<String>,
        properties: Properties,
    },
    Fixed {
        name: Name,
        size: u64,
        properties: Properties,
    },
    /// While its parts are read.
    Pending(Name),
}

/// What is not Avro's own: logical types among it.
type Properties = BTreeMap<String, Value>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Int,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Bytes,
        Self::String,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
}

/// A name with its namespace, and other names of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    /// With the namespace, if there is one.
    full: String,
    aliases: Vec<String>,
    doc: Option<String>,
}

impl Name {
    /// Without the namespace.
    fn simple(&self) -> &str {
        self.full.rsplit('.').next().unwrap_or_default()
    }

    /// Empty, if there is none.
    fn namespace(&self) -> &str {
        self.full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
    }
}

#[derive(Debug)]
struct Field {
    name: String,
    of: usize,
    default: Option<Value>,
    aliases: Vec<String>,
    doc: Option<String>,
    order: Option<String>,
    properties: Properties,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidAvro {
    /// In which part of it: `Order.lines`.
    place: String,
    problem: String,
}

impl fmt::Display for InvalidAvro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.is_empty() {
            true => f.write_str(&self.problem),
            false => write!(f, "{}: {}", self.place, self.problem),
        }
    }
}

impl std::error::Error for InvalidAvro {}

impl AvroSchema {
    /// Reads a schema; `uses` are those that it refers to, each after those that it refers to itself.
    pub(crate) fn parse(text: &str, uses: &[&str]) -> Result<Self, InvalidAvro> {
        parse::parse(text, uses)
    }

    /// The one form of all texts that say the same: without white space, attributes in the order of Avro's specification, names with namespaces where
    /// these change. What it refers to is named only.
    #[cfg(feature = "test-registry")]
    pub(crate) fn canonical(&self) -> String {
        print::print(self)
    }

    fn at(&self, place: usize) -> &Type {
        // Every number was made by `parse` for these types.
        &self.types[place]
    }
}

#[cfg(test)]
mod tests;
