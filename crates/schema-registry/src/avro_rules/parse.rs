//! From the JSON to the types. How deep it may go is serde_json's limit of 128.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{AvroSchema, Field, InvalidAvro, Name, Primitive, Properties, Type, defaults};

type Object = Map<String, Value>;

struct Parser {
    types: Vec<Type>,
    named: BTreeMap<String, usize>,
    /// Where it is: names of records and fields.
    place: Vec<String>,
}

pub(super) fn parse(text: &str, uses: &[&str]) -> Result<AvroSchema, InvalidAvro> {
    let mut parser = Parser { types: Vec::new(), named: BTreeMap::new(), place: Vec::new() };
    for used in uses {
        parser.read(used)?;
    }
    let own = parser.types.len();
    let root = parser.read(text)?;
    let schema = AvroSchema { types: parser.types, root, own };
    defaults::check(&schema)?;
    Ok(schema)
}

impl Parser {
    fn read(&mut self, text: &str) -> Result<usize, InvalidAvro> {
        let value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => return Err(self.wrong(format!("it is not JSON: {error}"))),
        };
        self.schema(&value, "")
    }

    fn schema(&mut self, value: &Value, namespace: &str) -> Result<usize, InvalidAvro> {
        match value {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(object) => self.object(object, namespace),
            other => Err(self.wrong(format!("{other} is no schema"))),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<usize, InvalidAvro> {
        if let Some(primitive) = Primitive::ALL.into_iter().find(|it| it.name() == name) {
            return Ok(self.add(Type::Primitive(primitive, Properties::new())));
        }
        let in_namespace = full_name(name, namespace);
        // A name without a dot may also be one without a namespace.
        let found = self.named.get(&in_namespace).or_else(|| self.named.get(name));
        found.copied().ok_or_else(|| {
            self.wrong(format!(
                "no type is called {in_namespace:?}: it must be defined before, or referred to"
            ))
        })
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<usize, InvalidAvro> {
        let mut places = Vec::with_capacity(branches.len());
        let mut seen = BTreeSet::new();
        for branch in branches {
            let place = self.schema(branch, namespace)?;
            let kind = match &self.types[place] {
                Type::Union(_) => {
                    return Err(self.wrong("a union stands right in a union".to_owned()));
                }
                Type::Primitive(primitive, _) => primitive.name().to_owned(),
                Type::Array(..) => "array".to_owned(),
                Type::Map(..) => "map".to_owned(),
                Type::Record { name, .. }
                | Type::Enum { name, .. }
                | Type::Fixed { name, .. }
                | Type::Pending(name) => name.full.clone(),
            };
            if seen.contains(&kind) {
                return Err(self.wrong(format!("a union has {kind} twice")));
            }
            seen.insert(kind);
            places.push(place);
        }
        Ok(self.add(Type::Union(places)))
    }

    fn object(&mut self, object: &Object, namespace: &str) -> Result<usize, InvalidAvro> {
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            // `{"type": {"type": …}}`, as some tools write it.
            Some(inner @ (Value::Object(_) | Value::Array(_))) => {
                return self.schema(inner, namespace);
            }
            _ => return Err(self.wrong("there is no \"type\" that is a text".to_owned())),
        };
        match kind {
            "array" => {
                let items = self.part(object, "items", namespace)?;
                Ok(self.add(Type::Array(items, properties(object, &["type", "items"]))))
            }
            "map" => {
                let values = self.part(object, "values", namespace)?;
                Ok(self.add(Type::Map(values, properties(object, &["type", "values"]))))
            }
            "record" | "error" => self.record(object, namespace, kind == "error"),
            "enum" => self.symbols(object, namespace),
            "fixed" => {
                let size = object.get("size").and_then(Value::as_u64);
                let size = size.ok_or_else(|| self.wrong("a fixed has no \"size\"".to_owned()))?;
                let name = self.name(object, namespace)?;
                let known = ["type", "name", "namespace", "aliases", "doc", "size"];
                let properties = properties(object, &known);
                self.define(Type::Fixed { name, size, properties })
            }
            kind => match Primitive::ALL.into_iter().find(|it| it.name() == kind) {
                Some(primitive) => {
                    Ok(self.add(Type::Primitive(primitive, properties(object, &["type"]))))
                }
                None => self.named(kind, namespace),
            },
        }
    }

    fn record(
        &mut self,
        object: &Object,
        namespace: &str,
        is_error: bool,
    ) -> Result<usize, InvalidAvro> {
        let name = self.name(object, namespace)?;
        // It may use itself.
        let place = self.define(Type::Pending(name.clone()))?;
        let Some(Value::Array(list)) = object.get("fields") else {
            return Err(self.wrong(format!("the record {} has no \"fields\"", name.full)));
        };
        self.place.push(name.simple().to_owned());
        let mut fields: Vec<Field> = Vec::with_capacity(list.len());
        for value in list {
            let Value::Object(object) = value else {
                return Err(self.wrong(format!("{value} is no field")));
            };
            let field = self.field(object, name.namespace())?;
            if fields.iter().any(|other| other.name == field.name) {
                return Err(self.wrong(format!("the field {:?} comes twice", field.name)));
            }
            fields.push(field);
        }
        self.place.pop();
        let known = ["type", "name", "namespace", "aliases", "doc", "fields"];
        let properties = properties(object, &known);
        self.types[place] = Type::Record { name, is_error, fields, properties };
        Ok(place)
    }

    fn field(&mut self, object: &Object, namespace: &str) -> Result<Field, InvalidAvro> {
        let name = self.text(object, "name")?;
        let name = name.ok_or_else(|| self.wrong("a field has no \"name\"".to_owned()))?;
        if !is_name(&name) {
            return Err(self.wrong(format!("{name:?} cannot be a field's name")));
        }
        self.place.push(name.clone());
        let of = self.part(object, "type", namespace)?;
        let order = self.text(object, "order")?;
        if order.as_deref().is_some_and(|it| !["ascending", "descending", "ignore"].contains(&it)) {
            return Err(self.wrong(format!("there is no order {order:?}")));
        }
        let field = Field {
            name,
            of,
            default: object.get("default").cloned(),
            aliases: self.texts(object, "aliases")?.unwrap_or_default(),
            doc: self.text(object, "doc")?,
            order: order.filter(|order| order != "ascending"),
            properties: properties(object, &["name", "type", "default", "aliases", "doc", "order"]),
        };
        self.place.pop();
        Ok(field)
    }

    fn symbols(&mut self, object: &Object, namespace: &str) -> Result<usize, InvalidAvro> {
        let name = self.name(object, namespace)?;
        let symbols = self.texts(object, "symbols")?;
        let symbols = symbols
            .ok_or_else(|| self.wrong(format!("the enum {} has no \"symbols\"", name.full)))?;
        let mut seen = BTreeSet::new();
        for symbol in &symbols {
            if !is_name(symbol) || !seen.insert(symbol) {
                let problem = format!(
                    "the enum {} cannot have the symbol {symbol:?}, or has it twice",
                    name.full
                );
                return Err(self.wrong(problem));
            }
        }
        let default = self.text(object, "default")?;
        if let Some(default) = default.as_ref().filter(|default| !symbols.contains(default)) {
            let problem = format!("the default {default:?} is no symbol of the enum {}", name.full);
            return Err(self.wrong(problem));
        }
        let known = ["type", "name", "namespace", "aliases", "doc", "symbols", "default"];
        let properties = properties(object, &known);
        self.define(Type::Enum { name, symbols, default, properties })
    }

    fn name(&self, object: &Object, namespace: &str) -> Result<Name, InvalidAvro> {
        let name = self.text(object, "name")?;
        let name = name.ok_or_else(|| self.wrong("a type has no \"name\"".to_owned()))?;
        let own = self.text(object, "namespace")?;
        let namespace = own.as_deref().unwrap_or(namespace);
        let full = full_name(&name, namespace);
        if !full.split('.').all(is_name) {
            return Err(self.wrong(format!("{full:?} cannot be a type's name")));
        }
        if Primitive::ALL.iter().any(|primitive| primitive.name() == full) {
            return Err(self.wrong(format!("{full:?} is the name of one of Avro's own types")));
        }
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let aliases = self.texts(object, "aliases")?.unwrap_or_default();
        let aliases = aliases.iter().map(|alias| full_name(alias, namespace)).collect();
        Ok(Name { aliases, doc: self.text(object, "doc")?, full })
    }

    fn define(&mut self, named: Type) -> Result<usize, InvalidAvro> {
        let full = match &named {
            Type::Enum { name, .. } | Type::Fixed { name, .. } | Type::Pending(name) => {
                name.full.clone()
            }
            _ => String::new(),
        };
        if self.named.contains_key(&full) {
            return Err(self.wrong(format!("two types are called {full:?}")));
        }
        let place = self.add(named);
        self.named.insert(full, place);
        Ok(place)
    }

    fn part(&mut self, object: &Object, key: &str, namespace: &str) -> Result<usize, InvalidAvro> {
        match object.get(key) {
            Some(value) => self.schema(value, namespace),
            None => Err(self.wrong(format!("there is no {key:?}"))),
        }
    }

    fn text(&self, object: &Object, key: &str) -> Result<Option<String>, InvalidAvro> {
        match object.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(format!("{key:?} is {other} and no text"))),
        }
    }

    fn texts(&self, object: &Object, key: &str) -> Result<Option<Vec<String>>, InvalidAvro> {
        let Some(value) = object.get(key) else { return Ok(None) };
        let texts = value.as_array().map(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match texts.flatten() {
            Some(texts) => Ok(Some(texts)),
            None => Err(self.wrong(format!("{key:?} is no list of texts"))),
        }
    }

    fn add(&mut self, of: Type) -> usize {
        self.types.push(of);
        self.types.len() - 1
    }

    fn wrong(&self, problem: String) -> InvalidAvro {
        InvalidAvro { place: self.place.join("."), problem }
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        // A dot in front says that there is no namespace.
        true => name.strip_prefix('.').unwrap_or(name).to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`
fn is_name(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

fn properties(object: &Object, known: &[&str]) -> Properties {
    object
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
