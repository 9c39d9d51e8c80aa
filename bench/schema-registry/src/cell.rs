//! What is measured.

use std::fmt;

/// What is done with a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    Write(Form),
    Read(Form),
}

/// As what, in which format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The program's own type.
    Avro,
    /// apache_avro's `Value`; a dictionary in Python.
    AvroValue,
    /// A message of a compiled type.
    Protobuf,
    /// A message whose type is known by the registry's schema alone.
    Dynamic,
    /// The program's own type, validated.
    Json,
    /// serde_json's `Value`, validated; a dictionary in Python.
    JsonValue,
    /// The program's own type, not validated.
    JsonUnchecked,
}

impl Cell {
    pub(crate) const ALL: [Self; 13] = [
        Self::Write(Form::Avro),
        Self::Write(Form::AvroValue),
        Self::Write(Form::Protobuf),
        Self::Write(Form::Json),
        Self::Write(Form::JsonValue),
        Self::Write(Form::JsonUnchecked),
        Self::Read(Form::Avro),
        Self::Read(Form::AvroValue),
        Self::Read(Form::Protobuf),
        Self::Read(Form::Dynamic),
        Self::Read(Form::Json),
        Self::Read(Form::JsonValue),
        Self::Read(Form::JsonUnchecked),
    ];
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(form) => write!(f, "serialize {form}"),
            Self::Read(form) => write!(f, "deserialize {form}"),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avro => "Avro, a type",
            Self::AvroValue => "Avro, a generic value",
            Self::Protobuf => "Protocol Buffers, a type",
            Self::Dynamic => "Protocol Buffers, by the schema",
            Self::Json => "JSON Schema, a type",
            Self::JsonValue => "JSON Schema, a generic value",
            Self::JsonUnchecked => "JSON Schema, a type, not validated",
        })
    }
}

impl Form {
    /// A topic for each kind of schema.
    pub(crate) fn topic(self) -> &'static str {
        match self {
            Self::Avro | Self::AvroValue => "avro-orders",
            Self::Protobuf | Self::Dynamic => "protobuf-orders",
            Self::Json | Self::JsonValue | Self::JsonUnchecked => "json-orders",
        }
    }
}
