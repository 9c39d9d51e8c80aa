//! From a schema's text to its table of types.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::defaults::{self, Budget};
use super::depth;
use super::error::AvroSchemaError as Error;
use super::schema::{
    Default, Enum, Field, Fixed, Id, Kind, Logical, Named, Record, Table, Type, Union,
};

/// Types within types: what goes through them does so by recursion. A text alone has no more than JSON's 128 levels; schemas that use others have those of all.
const DEEPEST: usize = 256;

pub(crate) fn parse(text: &str, others: &[&str]) -> Result<Table, Error> {
    let mut parser = Parser::default();
    parser.add(Kind::Byte);
    parser.add(Kind::String);
    let mut waiting = others.iter().map(|text| json(text)).collect::<Result<Vec<_>, _>>()?;
    // A schema that uses another one's names comes after it, wherever it was given.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut missing = None;
        let mut later = Vec::new();
        for other in waiting {
            let (types, defaults) = (parser.types.len(), parser.defaults.len());
            match parser.schema(&other, "") {
                Ok(_) => {}
                Err(error @ Error::UnknownType(_)) => {
                    parser.types.truncate(types);
                    parser.defaults.truncate(defaults);
                    parser.names.retain(|_, id| (id.0 as usize) < types);
                    missing = Some(error);
                    later.push(other);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = missing.filter(|_| later.len() == before) {
            return Err(error);
        }
        waiting = later;
    }
    let root = parser.schema(&json(text)?, "")?;
    let mut table = Table { types: parser.types, root };
    if depth::exceeds(&table, DEEPEST) {
        return Err(Error::Depth);
    }
    let mut budget = Budget::new(others.iter().map(|text| text.len()).sum::<usize>() + text.len());
    for (record, field, default) in parser.defaults {
        let Kind::Record(of) = table.kind(record) else { continue };
        let default = match defaults::encode(&table, of.fields[field].of, &default, &mut budget) {
            Some(bytes) => Default::Bytes(bytes),
            None if budget.is_spent() => return Err(Error::Defaults),
            None => Default::Unusable,
        };
        if let Kind::Record(of) = &mut table.types[record.0 as usize].kind {
            of.fields[field].default = default;
        }
    }
    Ok(table)
}

fn json(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::Json(error.to_string()))
}

#[derive(Default)]
struct Parser {
    types: Vec<Type>,
    names: BTreeMap<String, Id>,
    /// They may use names that are defined later: encoded when all is known. Innermost first.
    defaults: Vec<(Id, usize, Value)>,
}

impl Parser {
    fn add(&mut self, kind: Kind) -> Id {
        self.types.push(Type { kind, logical: Logical::None });
        Id(self.types.len() as u32 - 1)
    }

    fn schema(&mut self, schema: &Value, namespace: &str) -> Result<Id, Error> {
        match schema {
            Value::String(name) => self.name(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(object) => self.object(object, namespace),
            _ => Err(attribute("type", "a schema")),
        }
    }

    fn name(&mut self, name: &str, namespace: &str) -> Result<Id, Error> {
        let kind = match name {
            "null" => Kind::Null,
            "boolean" => Kind::Boolean,
            "int" => Kind::Int,
            "long" => Kind::Long,
            "float" => Kind::Float,
            "double" => Kind::Double,
            "bytes" => Kind::Bytes,
            "string" => Kind::String,
            _ => {
                // A name without a dot may be one without a namespace, too, as in Java's library.
                let known = self.names.get(&full_name(name, namespace));
                let known = known.or_else(|| self.names.get(name));
                return known.copied().ok_or_else(|| Error::UnknownType(name.to_owned()));
            }
        };
        Ok(self.add(kind))
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<Id, Error> {
        let ids = branches
            .iter()
            .map(|branch| self.schema(branch, namespace))
            .collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        let mut null = None;
        for (index, id) in ids.iter().enumerate() {
            let kind = &self.types[id.0 as usize].kind;
            match kind {
                Kind::Union(_) => return Err(Error::NestedUnion),
                Kind::Null => null = Some(index),
                _ => {}
            }
            if !names.insert(kind.branch_name()) {
                return Err(Error::Twice(kind.branch_name().to_owned()));
            }
        }
        let other = null.filter(|_| ids.len() == 2).map(|null| 1 - null);
        Ok(self.add(Kind::Union(Union { branches: ids, null, other })))
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Id, Error> {
        let id = match object.get("type") {
            Some(Value::String(kind)) => match kind.as_str() {
                "record" | "error" => self.record(object, namespace)?,
                "enum" => self.enumeration(object, namespace)?,
                "fixed" => self.fixed(object, namespace)?,
                "array" => {
                    let items = object.get("items").ok_or_else(|| attribute("items", "array"))?;
                    let of = self.schema(items, namespace)?;
                    self.add(Kind::Array(of))
                }
                "map" => {
                    let values = object.get("values").ok_or_else(|| attribute("values", "map"))?;
                    let of = self.schema(values, namespace)?;
                    self.add(Kind::Map(of))
                }
                name => self.name(name, namespace)?,
            },
            Some(schema @ (Value::Object(_) | Value::Array(_))) => {
                self.schema(schema, namespace)?
            }
            _ => return Err(attribute("type", "a schema")),
        };
        self.logical(id, object);
        Ok(id)
    }

    fn logical(&mut self, id: Id, object: &Map<String, Value>) {
        let known = &mut self.types[id.0 as usize];
        known.logical = match (object.get("logicalType").and_then(Value::as_str), &known.kind) {
            (Some("decimal"), Kind::Bytes | Kind::Fixed(_))
                if object.get("precision").and_then(Value::as_u64).is_some_and(|of| of > 0) =>
            {
                Logical::Decimal
            }
            (Some("uuid"), Kind::String) => Logical::Uuid,
            (Some("uuid"), Kind::Fixed(of)) if of.size == 16 => Logical::Uuid,
            _ => known.logical,
        };
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Id, Error> {
        let name = named(object, namespace, "record")?;
        let own = name.full.rsplit_once('.').map_or("", |(own, _)| own).to_owned();
        let of = name.full.clone();
        // Known before its fields are: they may be of the record's own type.
        let id = self.define(Kind::Record(Record { name: name.clone(), fields: Vec::new() }))?;
        let list = object.get("fields").and_then(Value::as_array);
        let mut fields = Vec::new();
        let mut names = BTreeSet::new();
        for (index, field) in list.ok_or_else(|| attribute("fields", &of))?.iter().enumerate() {
            let field = field.as_object().ok_or_else(|| attribute("fields", &of))?;
            let name = text(field, "name").ok_or_else(|| attribute("name", &of))?;
            if !is_name(name) {
                return Err(Error::Name(name.to_owned()));
            }
            if !names.insert(name) {
                return Err(Error::Twice(format!("{of}.{name}")));
            }
            let schema = field
                .get("type")
                .ok_or_else(|| attribute("type", &format!("field {of}.{name}")))?;
            let schema = self.schema(schema, &own)?;
            if let Some(default) = field.get("default") {
                self.defaults.push((id, index, default.clone()));
            }
            fields.push(Field {
                name: name.to_owned(),
                aliases: texts(field.get("aliases")),
                of: schema,
                default: Default::None,
            });
        }
        self.types[id.0 as usize].kind = Kind::Record(Record { name, fields });
        Ok(id)
    }

    fn enumeration(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Id, Error> {
        let name = named(object, namespace, "enum")?;
        let list = object.get("symbols").and_then(Value::as_array);
        let list = list.ok_or_else(|| attribute("symbols", &name.full))?;
        let mut symbols = Vec::new();
        let mut known = BTreeSet::new();
        for symbol in list {
            let symbol = symbol.as_str().ok_or_else(|| attribute("symbols", &name.full))?;
            if !is_name(symbol) {
                return Err(Error::Name(symbol.to_owned()));
            }
            if !known.insert(symbol) {
                return Err(Error::Twice(format!("{}.{symbol}", name.full)));
            }
            symbols.push(symbol.to_owned());
        }
        let default = match object.get("default").map(Value::as_str) {
            None => None,
            Some(symbol) => Some(
                symbol
                    .and_then(|symbol| symbols.iter().position(|known| known == symbol))
                    .ok_or_else(|| attribute("default", &name.full))?,
            ),
        };
        self.define(Kind::Enum(Enum { name, symbols, default }))
    }

    fn fixed(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Id, Error> {
        let name = named(object, namespace, "fixed")?;
        let size = object.get("size").and_then(Value::as_u64);
        let size = size.and_then(|size| i32::try_from(size).ok()).map(|size| size as usize);
        let size = size.ok_or_else(|| attribute("size", &name.full))?;
        self.define(Kind::Fixed(Fixed { name, size }))
    }

    fn define(&mut self, kind: Kind) -> Result<Id, Error> {
        let name = kind.name().unwrap_or_default().to_owned();
        let id = self.add(kind);
        if self.names.insert(name.clone(), id).is_some() {
            return Err(Error::Twice(name));
        }
        Ok(id)
    }
}

fn named(object: &Map<String, Value>, namespace: &str, kind: &str) -> Result<Named, Error> {
    let name = text(object, "name").ok_or_else(|| attribute("name", kind))?;
    let namespace = text(object, "namespace").unwrap_or(namespace);
    let full = full_name(name, namespace);
    if !full.split('.').all(is_name) {
        return Err(Error::Name(full));
    }
    let own = full.rsplit_once('.').map_or("", |(own, _)| own);
    let aliases = texts(object.get("aliases"));
    let aliases = aliases.iter().map(|alias| full_name(alias, own)).collect();
    Ok(Named { full, aliases })
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

/// Whether the specification takes it for a name; letters of other alphabets too, as Java's library does.
fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|other| other.is_alphanumeric() || other == '_')
}

fn text<'o>(object: &'o Map<String, Value>, attribute: &str) -> Option<&'o str> {
    object.get(attribute).and_then(Value::as_str)
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn attribute(attribute: &'static str, of: &str) -> Error {
    Error::Attribute { attribute, of: of.to_owned() }
}
