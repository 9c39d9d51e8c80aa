//! How deep schemas apply schemas to the same value, by `allOf` and its like and by references: jsonschema goes through those by recursion where it looks for
//! what is not evaluated.

use std::collections::HashMap;

use serde_json::Value;

/// What nobody writes, and any stack holds.
const DEEPEST: usize = 48;

/// Where one schema of many is: by its document and its place there.
struct Targets<'a> {
    documents: &'a [(&'a str, &'a Value)],
    /// By `$id`'s last part and by anchor.
    named: HashMap<&'a str, Vec<&'a Value>>,
}

/// Whether schemas are applied deeper than that, where it matters. `documents` are a schema and those that it uses, with their names. A reference is taken to be
/// to all that it might be to.
pub(super) fn is_too_deep(documents: &[(&str, &Value)]) -> bool {
    let mut targets = Targets { documents, named: HashMap::new() };
    let mut is_looked_for = false;
    let mut begins = Vec::new();
    let mut waiting: Vec<&Value> = documents.iter().map(|(_, document)| *document).collect();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(list) => waiting.extend(list),
            Value::Object(object) => {
                waiting.extend(object.values());
                begins.push(value);
                is_looked_for |= object.keys().any(|key| key.starts_with("unevaluated"));
                for key in ["$id", "id", "$anchor", "$dynamicAnchor"] {
                    let name = object.get(key).and_then(Value::as_str).unwrap_or_default();
                    let name = name.trim_end_matches('#').rsplit(['/', '#']).next();
                    if let Some(name) = name.filter(|name| !name.is_empty()) {
                        targets.named.entry(name).or_default().push(value);
                    }
                }
            }
            _ => {}
        }
    }
    is_looked_for && targets.exceed(&begins)
}

impl<'a> Targets<'a> {
    /// Goes through all, each once, without recurring itself.
    fn exceed(&self, begins: &[&'a Value]) -> bool {
        // How many levels there are below one; while it is gone through, none.
        let mut heights: HashMap<*const Value, usize> = HashMap::new();
        let mut open: Vec<(&'a Value, Vec<&'a Value>, usize)> = Vec::new();
        for begin in begins {
            if !heights.contains_key(&(&raw const **begin)) {
                heights.insert(*begin, 0);
                open.push((begin, self.applied(begin), 0));
            }
            while let Some((value, parts, height)) = open.last_mut() {
                if *height >= DEEPEST {
                    return true;
                }
                match parts.pop() {
                    Some(part) => match heights.get(&(&raw const *part)) {
                        Some(below) => *height = (*height).max(below + 1),
                        None => {
                            heights.insert(part, 0);
                            open.push((part, self.applied(part), 0));
                        }
                    },
                    None => {
                        let (value, height) = (*value, *height);
                        heights.insert(value, height);
                        open.pop();
                        if let Some((_, _, above)) = open.last_mut() {
                            *above = (*above).max(height + 1);
                        }
                    }
                }
            }
        }
        false
    }

    /// What a schema applies to the value that it is applied to itself.
    fn applied(&self, schema: &'a Value) -> Vec<&'a Value> {
        let Value::Object(object) = schema else { return Vec::new() };
        let mut applied = Vec::new();
        for (key, value) in object {
            match (key.as_str(), value) {
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(to)) => {
                    self.find(to, &mut applied);
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => applied.extend(list),
                ("not" | "if" | "then" | "else", value) => applied.push(value),
                ("dependentSchemas" | "dependencies", Value::Object(of)) => {
                    applied.extend(of.values());
                }
                _ => {}
            }
        }
        applied
    }

    fn find(&self, to: &str, found: &mut Vec<&'a Value>) {
        let (document, fragment) = to.split_once('#').unwrap_or((to, ""));
        let last = document.rsplit('/').next().unwrap_or_default();
        let of_name = |name: &str| self.named.get(name).into_iter().flatten().copied();
        if !fragment.starts_with('/') && !fragment.is_empty() {
            found.extend(of_name(fragment));
            return;
        }
        let files = self
            .documents
            .iter()
            .filter(|(name, _)| document.is_empty() || name.rsplit('/').next() == Some(last));
        let roots = files.map(|(_, root)| *root).chain(of_name(last));
        found.extend(roots.filter_map(|root| root.pointer(fragment)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// Definitions in a row, each of which applies the next one.
    fn row(length: usize, of: impl Fn(Value) -> Value) -> Value {
        let definition = |number: usize| {
            (format!("a{number}"), of(json!({"$ref": format!("#/$defs/a{}", number + 1)})))
        };
        let mut definitions: Map<String, Value> = (0..length).map(definition).collect();
        definitions.insert(format!("a{length}"), json!({"type": "object"}));
        json!({"$ref": "#/$defs/a0", "$defs": definitions})
    }

    #[test]
    fn what_is_applied_in_what_is_applied_is_counted_through_references() {
        let all = |next| json!({"allOf": [next], "unevaluatedProperties": false});
        for (schema, expected) in [
            (row(10, all), false),
            (row(100_000, all), true),
            // What is not looked through, or is about another value, has no depth.
            (row(1_000, |next| json!({"allOf": [next]})), false),
            (
                row(1_000, |next| json!({"properties": {"a": next}, "unevaluatedItems": false})),
                false,
            ),
            (json!({"allOf": [{"$ref": "#"}], "unevaluatedProperties": {"$ref": "#"}}), false),
        ] {
            assert_eq!(is_too_deep(&[("", &schema)]), expected);
        }
        let anchored: Map<String, Value> = (0..1_000)
            .map(|number| {
                let next = json!({"$ref": format!("#n{}", number + 1)});
                let schema = json!({"$anchor": format!("n{number}"), "anyOf": [next], "unevaluatedItems": false});
                (number.to_string(), schema)
            })
            .collect();
        assert!(is_too_deep(&[("", &json!({"$ref": "#n0", "$defs": anchored}))]));
        let names: Vec<String> = (0..100).map(|number| format!("http://a/{number}.json")).collect();
        let files: Vec<Value> = (0..100)
            .map(
                |number| json!({"$ref": format!("{}.json", number + 1), "unevaluatedItems": false}),
            )
            .collect();
        let files: Vec<(&str, &Value)> = names.iter().map(String::as_str).zip(&files).collect();
        assert!(is_too_deep(&files));
        assert!(!is_too_deep(&files[..20]));
    }
}
