//! What goes wrong with Avro: [`AvroError`] of values and bytes, [`AvroSchemaError`] of schemas.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// Why a value could not be written under a schema, or bytes could not be read under one: [where](Self::path), and [what](Self::kind).
#[derive(Clone, PartialEq, Eq)]
pub struct AvroError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    /// The innermost step is the first one.
    path: Vec<Step>,
    kind: AvroErrorKind,
}

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    Key(String),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AvroErrorKind {
    /// The schema has another type there.
    Mismatch {
        /// The schema's type.
        expected: String,
        /// What the value, or the type that is read into, has there.
        found: Cow<'static, str>,
    },
    /// A number that the schema's type does not hold.
    OutOfRange {
        /// The schema's type.
        expected: &'static str,
        /// The number.
        found: String,
    },
    /// A value or a length that is not of the schema's size, in bytes.
    Size {
        /// The schema's.
        expected: usize,
        /// The value's.
        found: usize,
    },
    /// The schema's record has no such field.
    UnknownField(String),
    /// The value lacks a field that has no default.
    MissingField(String),
    /// The value gives a field twice.
    RepeatedField(String),
    /// The schema's enum has no such symbol.
    UnknownSymbol(String),
    /// Several types of the union would take the value.
    Ambiguous(String),
    /// The bytes end before the value does.
    End,
    /// So many bytes follow the value.
    Trailing(usize),
    /// A number in the bytes is longer than its type.
    Varint,
    /// A length or a count in the bytes that is negative, or larger than what follows can hold.
    Length(i64),
    /// Text in the bytes that is no UTF-8.
    Utf8,
    /// The bytes name a type of a union, a symbol or a truth value that does not exist.
    Index(i64),
    /// The value is nested more deeply than 64 levels.
    Depth,
    /// The value has far more parts that take no bytes (null, records of nulls) than bytes.
    Empty,
    /// The bytes are no single object: they do not begin with `c3 01`.
    NoSingleObject,
    /// The bytes are a single object of another schema.
    Fingerprint(u64),
    /// The reader's schema cannot take what the writer's has there.
    Unresolvable(String),
    /// What the type's own `Serialize` or `Deserialize` says.
    Type(String),
}

impl AvroError {
    pub(crate) fn new(kind: AvroErrorKind) -> Self {
        Self(Box::new(Inner { path: Vec::new(), kind }))
    }

    pub(crate) fn mismatch(expected: String, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(AvroErrorKind::Mismatch { expected, found: found.into() })
    }

    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Step::Field(name.to_string()));
        self
    }

    pub(crate) fn at_index(mut self, index: usize) -> Self {
        self.0.path.push(Step::Index(index));
        self
    }

    pub(crate) fn at_key(mut self, key: &str) -> Self {
        self.0.path.push(Step::Key(key.to_string()));
        self
    }

    /// Where in the value: `lines[3].price`, `labels["eu"]`; empty for the value as a whole.
    pub fn path(&self) -> String {
        let mut text = String::new();
        for step in self.0.path.iter().rev() {
            match step {
                Step::Field(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(name);
                }
                Step::Index(index) => text.push_str(&alloc::format!("[{index}]")),
                Step::Key(key) => text.push_str(&alloc::format!("[{key:?}]")),
            }
        }
        text
    }

    /// What is wrong.
    pub fn kind(&self) -> &AvroErrorKind {
        &self.0.kind
    }
}

impl fmt::Display for AvroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        fmt::Display::fmt(&self.0.kind, f)
    }
}

impl fmt::Display for AvroErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { expected, found } => {
                write!(f, "the schema has {expected}, the value {found}")
            }
            Self::OutOfRange { expected, found } => {
                write!(f, "{found} is not exactly a number of the schema's type {expected}")
            }
            Self::Size { expected, found } => {
                write!(f, "the schema has {expected} bytes, the value {found}")
            }
            Self::UnknownField(name) => {
                write!(f, "the schema's record has no field {name:?}")
            }
            Self::MissingField(name) => {
                write!(f, "field {name:?} is missing, and has no usable default")
            }
            Self::RepeatedField(name) => write!(f, "field {name:?} is given twice"),
            Self::UnknownSymbol(symbol) => {
                write!(f, "the schema's enum has no symbol {symbol:?}")
            }
            Self::Ambiguous(union) => write!(f, "several types of {union} would take the value"),
            Self::End => f.write_str("the bytes end before the value does"),
            Self::Trailing(count) => write!(f, "{count} bytes follow the value"),
            Self::Varint => f.write_str("a number is longer than its type"),
            Self::Length(length) => {
                write!(f, "a length of {length} is more than what follows can hold")
            }
            Self::Utf8 => f.write_str("the text is no UTF-8"),
            Self::Index(index) => write!(f, "the schema has nothing of number {index} there"),
            Self::Empty => f.write_str("the value has too many parts that take no bytes"),
            Self::Depth => f.write_str("the value is nested more deeply than 64 levels"),
            Self::NoSingleObject => {
                f.write_str("no single-object encoding: the bytes do not begin with c3 01")
            }
            Self::Fingerprint(fingerprint) => {
                write!(f, "a single object of another schema, of fingerprint {fingerprint:016x}")
            }
            Self::Unresolvable(why) => {
                write!(f, "the reader's schema cannot take the writer's: {why}")
            }
            Self::Type(message) => f.write_str(message),
        }
    }
}

/// What [`Display`](fmt::Display) says.
impl fmt::Debug for AvroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AvroError({self})")
    }
}

impl Error for AvroError {}

impl serde_core::ser::Error for AvroError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(AvroErrorKind::Type(message.to_string()))
    }
}

impl serde_core::de::Error for AvroError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // Text of the value may stand in it: logs are not to be led astray by that.
        let message = message.to_string();
        let plain = message.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self::new(AvroErrorKind::Type(plain.collect()))
    }
}

/// Why a text is no Avro schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AvroSchemaError {
    /// It is no JSON.
    Json(String),
    /// Neither a primitive type nor one that is defined before, or in another schema that was given.
    UnknownType(String),
    /// A definition lacks an attribute, or has it with another JSON type than the specification's.
    Attribute {
        /// The attribute.
        attribute: &'static str,
        /// Where: the name of the type, or its kind.
        of: String,
    },
    /// A name that is none: `[A-Za-z_][A-Za-z0-9_]*`, with dots between for full names.
    Name(String),
    /// Two definitions have this name: types, fields of a record, symbols of an enum, or types of a union.
    Twice(String),
    /// A union immediately inside of a union.
    NestedUnion,
    /// Types are nested more deeply than 256 levels, those of other schemas that were given among them.
    Depth,
    /// Defaults that take far more than the schema itself where they are written out: records in records, each with defaults for several of the one before.
    Defaults,
}

impl fmt::Display for AvroSchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(why) => write!(f, "the Avro schema is no JSON: {why}"),
            Self::UnknownType(name) => {
                write!(f, "the Avro schema names a type {name:?}, which nothing defines")
            }
            Self::Attribute { attribute, of } => {
                write!(f, "the Avro schema has no valid {attribute:?} in {of}")
            }
            Self::Name(name) => write!(f, "the Avro schema has a name {name:?}, which is none"),
            Self::Twice(name) => write!(f, "the Avro schema has {name:?} twice"),
            Self::NestedUnion => f.write_str("the Avro schema has a union immediately in a union"),
            Self::Depth => {
                f.write_str("the Avro schema has types nested more deeply than 256 levels")
            }
            Self::Defaults => f.write_str(
                "the Avro schema has defaults that grow beyond measure when they are written out",
            ),
        }
    }
}

impl Error for AvroSchemaError {}
