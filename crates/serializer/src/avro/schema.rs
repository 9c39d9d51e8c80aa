//! Schemas, compiled: [`AvroSchema`].

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::canonical;
use super::error::AvroSchemaError;
use super::parse;

/// An Avro schema, compiled so that writing and reading under it needs no look-up. Cheap to clone.
///
/// ```
/// use rohrpost_serializer::AvroSchema;
///
/// let schema = AvroSchema::parse(r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
///     {"name": "id", "type": "long"},
///     {"name": "note", "type": ["null", "string"], "default": null}
/// ]}"#)?;
/// assert_eq!(schema.name(), Some("shop.Order"));
/// # Ok::<(), rohrpost_serializer::AvroSchemaError>(())
/// ```
#[derive(Clone)]
pub struct AvroSchema {
    inner: Arc<Inner>,
}

struct Inner {
    table: Table,
    canonical: String,
    fingerprint: u64,
}

impl AvroSchema {
    /// Compiles a schema: its JSON text, by the specification of Avro 1.12. Logical types that are not known, or stand at types that they do not fit, count as
    /// absent, as it says.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, AvroSchemaError> {
        Self::parse_with(text, &[])
    }

    /// Compiles a schema that uses names of others: the texts of those, in any order.
    ///
    /// # Errors
    /// What is wrong with a text.
    pub fn parse_with(text: &str, others: &[&str]) -> Result<Self, AvroSchemaError> {
        let table = parse::parse(text, others)?;
        let canonical = canonical::form(&table);
        let fingerprint = canonical::fingerprint(canonical.as_bytes());
        Ok(Self { inner: Arc::new(Inner { table, canonical, fingerprint }) })
    }

    /// The full name of the record, enum or fixed type that the schema is; `None` for others.
    pub fn name(&self) -> Option<&str> {
        self.table().kind(self.table().root).name()
    }

    /// The Parsing Canonical Form, with the definitions of other schemas where they are used first.
    pub fn canonical_form(&self) -> &str {
        &self.inner.canonical
    }

    /// The CRC-64-AVRO fingerprint of the Parsing Canonical Form: what a single object begins with.
    pub fn fingerprint(&self) -> u64 {
        self.inner.fingerprint
    }

    pub(crate) fn table(&self) -> &Table {
        &self.inner.table
    }
}

/// Schemas are equal where their Parsing Canonical Forms are.
impl PartialEq for AvroSchema {
    fn eq(&self, other: &Self) -> bool {
        self.inner.canonical == other.inner.canonical
    }
}

impl Eq for AvroSchema {}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroSchema").field(&self.inner.canonical).finish()
    }
}

/// A type's number in its [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u32);

/// What entries of `bytes` and `fixed` are, where a value gives them one by one.
pub(crate) const BYTE: Id = Id(0);
/// What keys of maps are.
pub(crate) const TEXT: Id = Id(1);

/// All types of a schema; names are resolved to numbers.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) types: Vec<Type>,
    pub(crate) root: Id,
}

#[derive(Clone)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) logical: Logical,
}

/// What of logical types has a say in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    None,
    Decimal,
    Uuid,
}

#[derive(Clone)]
pub(crate) enum Kind {
    /// No type of Avro's: see [`BYTE`].
    Byte,
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(Id),
    Map(Id),
    Union(Union),
    Record(Record),
    Enum(Enum),
    Fixed(Fixed),
}

#[derive(Clone)]
pub(crate) struct Union {
    pub(crate) branches: Vec<Id>,
    /// The branch that is null.
    pub(crate) null: Option<usize>,
    /// The only other branch, if there are two and one is null.
    pub(crate) other: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) full: String,
    pub(crate) aliases: Vec<String>,
}

impl Named {
    pub(crate) fn simple(&self) -> &str {
        simple(&self.full)
    }
}

/// What follows the last dot.
pub(crate) fn simple(full: &str) -> &str {
    full.rsplit_once('.').map_or(full, |(_, name)| name)
}

#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) name: Named,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) of: Id,
    pub(crate) default: Default,
}

#[derive(Clone)]
pub(crate) enum Default {
    None,
    /// As it would be written.
    Bytes(Vec<u8>),
    /// It does not match the field's type.
    Unusable,
}

#[derive(Clone)]
pub(crate) struct Enum {
    pub(crate) name: Named,
    pub(crate) symbols: Vec<String>,
    pub(crate) default: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct Fixed {
    pub(crate) name: Named,
    pub(crate) size: usize,
}

impl Table {
    #[inline]
    pub(crate) fn get(&self, id: Id) -> &Type {
        &self.types[id.0 as usize]
    }

    #[inline]
    pub(crate) fn kind(&self, id: Id) -> &Kind {
        &self.get(id).kind
    }

    /// How messages call a type.
    pub(crate) fn describe(&self, id: Id) -> String {
        let Kind::Union(union) = self.kind(id) else {
            return String::from(self.kind(id).branch_name());
        };
        let names: Vec<&str> =
            union.branches.iter().map(|branch| self.kind(*branch).branch_name()).collect();
        alloc::format!("a union of {}", names.join(", "))
    }
}

impl Kind {
    pub(crate) fn named(&self) -> Option<&Named> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(of) => Some(&of.name),
            Self::Fixed(of) => Some(&of.name),
            _ => None,
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.named().map(|name| name.full.as_str())
    }

    /// What a union tells its types apart by.
    pub(crate) fn branch_name(&self) -> &str {
        match self {
            Self::Byte => "byte",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) | Self::Enum(_) | Self::Fixed(_) => self.name().unwrap_or_default(),
        }
    }
}
