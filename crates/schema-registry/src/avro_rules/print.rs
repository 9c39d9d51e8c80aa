//! The one form of a schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{AvroSchema, Field, Name, Properties, Type};

/// Types that were read before the schema itself are other schemas' own, and are named only.
pub(super) fn print(schema: &AvroSchema) -> String {
    let mut printer = Printer { schema, text: String::new(), defined: BTreeSet::new() };
    printer.print(schema.root, "");
    printer.text
}

struct Printer<'a> {
    schema: &'a AvroSchema,
    text: String,
    /// Places of the types whose definitions have been printed.
    defined: BTreeSet<usize>,
}

impl Printer<'_> {
    fn print(&mut self, place: usize, namespace: &str) {
        let schema = self.schema;
        match schema.at(place) {
            Type::Primitive(primitive, properties) if properties.is_empty() => {
                self.json(&Value::from(primitive.name()));
            }
            Type::Primitive(primitive, properties) => {
                self.begin(primitive.name());
                self.end(properties);
            }
            Type::Array(items, properties) => {
                self.begin("array");
                self.text.push_str(",\"items\":");
                self.print(*items, namespace);
                self.end(properties);
            }
            Type::Map(values, properties) => {
                self.begin("map");
                self.text.push_str(",\"values\":");
                self.print(*values, namespace);
                self.end(properties);
            }
            Type::Union(branches) => {
                self.text.push('[');
                for (index, branch) in branches.iter().enumerate() {
                    self.comma(index);
                    self.print(*branch, namespace);
                }
                self.text.push(']');
            }
            Type::Record { name, is_error, fields, properties } => {
                if self.named(place, name, namespace, if *is_error { "error" } else { "record" }) {
                    return;
                }
                self.text.push_str(",\"fields\":[");
                for (index, field) in fields.iter().enumerate() {
                    self.comma(index);
                    self.field(field, name.namespace());
                }
                self.text.push(']');
                self.aliases(&name.aliases);
                self.end(properties);
            }
            Type::Enum { name, symbols, default, properties } => {
                if self.named(place, name, namespace, "enum") {
                    return;
                }
                self.attribute("symbols", &Value::from(symbols.clone()));
                if let Some(default) = default {
                    self.attribute("default", &Value::from(default.as_str()));
                }
                self.aliases(&name.aliases);
                self.end(properties);
            }
            Type::Fixed { name, size, properties } => {
                if self.named(place, name, namespace, "fixed") {
                    return;
                }
                self.attribute("size", &Value::from(*size));
                self.aliases(&name.aliases);
                self.end(properties);
            }
            // None is left once a schema has been read.
            Type::Pending(name) => self.json(&Value::from(name.full.as_str())),
        }
    }

    /// The name alone, if the definition stands elsewhere; else how the definition begins.
    fn named(&mut self, place: usize, name: &Name, namespace: &str, kind: &str) -> bool {
        if place < self.schema.own || !self.defined.insert(place) {
            let shown = if name.namespace() == namespace { name.simple() } else { &name.full };
            self.json(&Value::from(shown));
            return true;
        }
        self.begin(kind);
        self.attribute("name", &Value::from(name.simple()));
        if name.namespace() != namespace {
            self.attribute("namespace", &Value::from(name.namespace()));
        }
        if let Some(doc) = &name.doc {
            self.attribute("doc", &Value::from(doc.as_str()));
        }
        false
    }

    fn field(&mut self, field: &Field, namespace: &str) {
        self.text.push_str("{\"name\":");
        self.json(&Value::from(field.name.as_str()));
        self.text.push_str(",\"type\":");
        self.print(field.of, namespace);
        if let Some(doc) = &field.doc {
            self.attribute("doc", &Value::from(doc.as_str()));
        }
        if let Some(default) = &field.default {
            self.attribute("default", default);
        }
        if let Some(order) = &field.order {
            self.attribute("order", &Value::from(order.as_str()));
        }
        self.aliases(&field.aliases);
        self.end(&field.properties);
    }

    fn begin(&mut self, kind: &str) {
        self.text.push_str("{\"type\":");
        self.json(&Value::from(kind));
    }

    fn end(&mut self, properties: &Properties) {
        for (key, value) in properties {
            self.text.push(',');
            self.json(&Value::from(key.as_str()));
            self.text.push(':');
            self.json(value);
        }
        self.text.push('}');
    }

    fn aliases(&mut self, aliases: &[String]) {
        if !aliases.is_empty() {
            self.attribute("aliases", &Value::from(aliases.to_vec()));
        }
    }

    fn attribute(&mut self, key: &str, value: &Value) {
        self.text.push_str(&format!(",\"{key}\":"));
        self.json(value);
    }

    fn json(&mut self, value: &Value) {
        self.text.push_str(&value.to_string());
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
        }
    }
}
