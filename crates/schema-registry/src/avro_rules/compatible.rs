//! Whether one schema reads what another wrote: Avro's rules of schema resolution, with what contradicts them and where.

use std::collections::BTreeSet;
use std::fmt;

use super::{AvroSchema, Field, Name, Primitive, Type};

/// Something that a reader cannot read. `Display` calls the reader the new schema and the writer the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incompatibility {
    pub(crate) kind: Kind,
    /// In the reader: `/fields/1/type`.
    pub(crate) path: String,
    /// Which field, symbols, types.
    pub(crate) what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    NameMismatch,
    FixedSizeMismatch,
    MissingEnumSymbols,
    ReaderFieldMissingDefaultValue,
    TypeMismatch,
    MissingUnionBranch,
}

impl Kind {
    /// As Avro's and Confluent's libraries call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NameMismatch => "NAME_MISMATCH",
            Self::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Self::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Self::ReaderFieldMissingDefaultValue => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::MissingUnionBranch => "MISSING_UNION_BRANCH",
        }
    }
}

impl Incompatibility {
    /// In words, with the names of both schemas: `new` reads, `old` wrote, or the other way round.
    pub(crate) fn tell(&self, reader: &str, writer: &str) -> String {
        let Self { kind, path, what } = self;
        match kind {
            Kind::NameMismatch => {
                format!("at {path} the {reader} and the {writer} schema have other names: {what}")
            }
            Kind::FixedSizeMismatch => {
                format!("at {path} the {reader} and the {writer} schema have other sizes: {what}")
            }
            Kind::MissingEnumSymbols => {
                format!("at {path} the {reader} schema lacks symbols of the {writer} one: {what}")
            }
            Kind::ReaderFieldMissingDefaultValue => {
                format!(
                    "at {path} the {reader} schema has the field {what} without a default, which the {writer} one lacks"
                )
            }
            Kind::TypeMismatch => {
                format!("at {path} the {reader} schema cannot read the {writer} one's type: {what}")
            }
            Kind::MissingUnionBranch => {
                format!(
                    "at {path} the {reader} schema's union lacks a type of the {writer} one: {what}"
                )
            }
        }
    }
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tell("new", "old"))
    }
}

/// All that keeps `reader` from reading what `writer` wrote; none if nothing does.
pub(crate) fn incompatibilities(reader: &AvroSchema, writer: &AvroSchema) -> Vec<Incompatibility> {
    let mut comparison = Comparison {
        reader,
        writer,
        seen: BTreeSet::new(),
        found: Vec::new(),
        path: Vec::new(),
        depth: 0,
        is_trial: false,
    };
    comparison.compare(reader.root, writer.root);
    comparison.found
}

/// Types within types that are still looked at: far more than anybody writes, and far from what a stack holds.
const DEEPEST: usize = 500;

struct Comparison<'a> {
    reader: &'a AvroSchema,
    writer: &'a AvroSchema,
    /// Pairs that were compared, or are: records may contain themselves.
    seen: BTreeSet<(usize, usize)>,
    found: Vec<Incompatibility>,
    path: Vec<String>,
    depth: usize,
    /// Whether one thing that is wrong is enough.
    is_trial: bool,
}

impl<'a> Comparison<'a> {
    fn compare(&mut self, read: usize, written: usize) {
        if self.is_settled() || !self.seen.insert((read, written)) {
            return;
        }
        if self.depth == DEEPEST {
            return self.note(Kind::TypeMismatch, "nested too deep to compare".to_owned());
        }
        self.depth += 1;
        self.compare_types(read, written);
        self.depth -= 1;
    }

    fn is_settled(&self) -> bool {
        self.is_trial && !self.found.is_empty()
    }

    fn compare_types(&mut self, read: usize, written: usize) {
        let (reader, writer): (&'a AvroSchema, &'a AvroSchema) = (self.reader, self.writer);
        match (reader.at(read), writer.at(written)) {
            (Type::Union(_), Type::Union(branches)) => {
                for (index, &branch) in branches.iter().enumerate() {
                    if !self.reads(read, branch) {
                        let what = kind_of(self.writer, branch);
                        self.at(index.to_string(), |it| it.note(Kind::MissingUnionBranch, what));
                    }
                }
            }
            (_, Type::Union(branches)) => {
                for &branch in branches {
                    self.compare(read, branch);
                }
            }
            (Type::Union(branches), _) => {
                if !branches.iter().any(|&branch| self.reads(branch, written)) {
                    self.note(Kind::MissingUnionBranch, kind_of(self.writer, written));
                }
            }
            (Type::Primitive(reader, _), Type::Primitive(writer, _)) => {
                if !promotes(*writer, *reader) {
                    self.mismatch(read, written);
                }
            }
            (Type::Array(reader, _), Type::Array(writer, _)) => {
                let (reader, writer) = (*reader, *writer);
                self.at("items".to_owned(), |it| it.compare(reader, writer));
            }
            (Type::Map(reader, _), Type::Map(writer, _)) => {
                let (reader, writer) = (*reader, *writer);
                self.at("values".to_owned(), |it| it.compare(reader, writer));
            }
            (Type::Fixed { name, size, .. }, Type::Fixed { name: old, size: old_size, .. }) => {
                self.names(name, old);
                if size != old_size {
                    let what = format!("{size} and {old_size} bytes");
                    self.at("size".to_owned(), |it| it.note(Kind::FixedSizeMismatch, what));
                }
            }
            (
                Type::Enum { name, symbols, default, .. },
                Type::Enum { name: old, symbols: old_symbols, .. },
            ) => {
                self.names(name, old);
                let missing: Vec<&str> = old_symbols
                    .iter()
                    .filter(|symbol| !symbols.contains(symbol))
                    .map(String::as_str)
                    .collect();
                if default.is_none() && !missing.is_empty() {
                    let what = missing.join(", ");
                    self.at("symbols".to_owned(), |it| it.note(Kind::MissingEnumSymbols, what));
                }
            }
            (
                Type::Record { name, fields, .. },
                Type::Record { name: old, fields: written, .. },
            ) => {
                self.names(name, old);
                self.fields(fields, written);
            }
            _ => self.mismatch(read, written),
        }
    }

    fn fields(&mut self, read: &[Field], written: &[Field]) {
        for (index, field) in read.iter().enumerate() {
            if self.is_settled() {
                return;
            }
            let by_alias = || written.iter().find(|old| field.aliases.contains(&old.name));
            let old = written.iter().find(|old| old.name == field.name).or_else(by_alias);
            self.at("fields".to_owned(), |it| {
                it.at(index.to_string(), |it| match old {
                    Some(old) => it.at("type".to_owned(), |it| it.compare(field.of, old.of)),
                    None if field.default.is_none() => {
                        it.note(Kind::ReaderFieldMissingDefaultValue, field.name.clone());
                    }
                    None => {}
                });
            });
        }
    }

    /// What kinds and names say, before anything is looked into.
    fn may_read(&self, read: usize, written: usize) -> bool {
        match (self.reader.at(read), self.writer.at(written)) {
            (Type::Record { name, .. }, Type::Record { name: old, .. })
            | (Type::Enum { name, .. }, Type::Enum { name: old, .. })
            | (Type::Fixed { name, .. }, Type::Fixed { name: old, .. }) => is_named(name, old),
            (Type::Primitive(reader, _), Type::Primitive(writer, _)) => promotes(*writer, *reader),
            (Type::Array(..), Type::Array(..)) | (Type::Map(..), Type::Map(..)) => true,
            (Type::Union(_), _) | (_, Type::Union(_)) => true,
            _ => false,
        }
    }

    fn names(&mut self, reader: &Name, writer: &Name) {
        if !is_named(reader, writer) {
            let what = format!("{} and {}", reader.full, writer.full);
            self.at("name".to_owned(), |it| it.note(Kind::NameMismatch, what));
        }
    }

    /// Whether one type reads another; what keeps it from doing so is not noted.
    fn reads(&self, read: usize, written: usize) -> bool {
        // Most branches of a union are ruled out by their names.
        if !self.may_read(read, written) {
            return false;
        }
        let mut inner = Comparison {
            reader: self.reader,
            writer: self.writer,
            seen: self.seen.clone(),
            found: Vec::new(),
            path: Vec::new(),
            depth: self.depth,
            is_trial: true,
        };
        inner.compare(read, written);
        inner.found.is_empty()
    }

    fn at(&mut self, step: String, compare: impl FnOnce(&mut Self)) {
        self.path.push(step);
        compare(self);
        self.path.pop();
    }

    fn note(&mut self, kind: Kind, what: String) {
        let path = format!("/{}", self.path.join("/"));
        self.found.push(Incompatibility { kind, path, what });
    }

    fn mismatch(&mut self, read: usize, written: usize) {
        let what = format!("{} for {}", kind_of(self.reader, read), kind_of(self.writer, written));
        self.note(Kind::TypeMismatch, what);
    }
}

/// Whether a reader takes a type of this name for its own. Namespaces do not count, as in Avro's Java library.
fn is_named(reader: &Name, writer: &Name) -> bool {
    reader.simple() == writer.simple() || reader.aliases.contains(&writer.full)
}

/// Whether a reader's type takes a writer's.
fn promotes(writer: Primitive, reader: Primitive) -> bool {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    writer == reader
        || matches!(
            (writer, reader),
            (Int, Long | Float | Double)
                | (Long, Float | Double)
                | (Float, Double)
                | (String, Bytes)
                | (Bytes, String)
        )
}

fn kind_of(schema: &AvroSchema, place: usize) -> String {
    match schema.at(place) {
        Type::Primitive(primitive, _) => primitive.name().to_owned(),
        Type::Array(..) => "array".to_owned(),
        Type::Map(..) => "map".to_owned(),
        Type::Union(_) => "union".to_owned(),
        Type::Record { name, .. }
        | Type::Enum { name, .. }
        | Type::Fixed { name, .. }
        | Type::Pending(name) => name.full.clone(),
    }
}
