//! A JSON Schema, ready to validate by.

use std::error::Error;
use std::fmt::Write;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Retrieve, Uri, ValidationError};
use serde_json::Value;

use super::depth::is_too_deep;
use super::document::{Document, Documents};
use crate::{Dependency, Schema};

/// What relative URIs are relative to where the schema has none of its own.
const BASE: &str = "json-schema:///";

pub(super) struct Validator {
    values: jsonschema::Validator,
    documents: jsonschema::Validator<Documents>,
}

/// Where a value does not match, and how.
pub(super) struct Mismatch {
    pub(super) path: String,
    pub(super) detail: String,
}

pub(super) fn with_dependencies(
    schema: &Schema,
    dependencies: &[Dependency],
) -> Result<Validator, String> {
    let others: Vec<(&str, &str)> =
        dependencies.iter().map(|of| (&*of.name, &*of.registered.schema.text)).collect();
    Validator::new(&schema.text, &others)
}

impl Validator {
    /// `others` are schemas that it uses, by their names.
    pub(super) fn new(schema: &str, others: &[(&str, &str)]) -> Result<Self, String> {
        let parse = |text: &str| {
            serde_json::from_str::<Value>(text).map_err(|error| format!("it is no JSON: {error}"))
        };
        let others = others
            .iter()
            .map(|(name, text)| Ok(((*name).to_owned(), parse(text)?)))
            .collect::<Result<Vec<_>, String>>()?;
        let schema = parse(schema)?;
        let mut documents = vec![("", &schema)];
        documents.extend(others.iter().map(|(name, document)| (name.as_str(), document)));
        if is_too_deep(&documents) {
            return Err("its schemas refer to each other too deeply for unevaluatedProperties or unevaluatedItems".to_owned());
        }
        let retriever = Others(others);
        let build = |draft: Option<Draft>| -> Result<Self, ValidationError<'static>> {
            let mut values =
                jsonschema::options().with_base_uri(BASE).with_retriever(retriever.clone());
            let mut documents =
                jsonschema::options_for().with_base_uri(BASE).with_retriever(retriever.clone());
            if let Some(draft) = draft {
                (values, documents) = (values.with_draft(draft), documents.with_draft(draft));
            }
            Ok(Self { values: values.build(&schema)?, documents: documents.build(&schema)? })
        };
        let built = build(None).or_else(|error| match schema.get("$schema") {
            // What is none of the newest draft may be one of draft 7, which registries take a schema for that does not say: lists in `items`, for instance.
            None => build(Some(Draft::Draft7)).map_err(|_| error),
            Some(_) => Err(error),
        });
        built.map_err(|error| format!("it is no JSON Schema: {error}"))
    }

    /// Validates JSON. The text is whole: what is no JSON is an error of serde_json's.
    pub(super) fn check_text(&self, text: &str) -> Result<Result<(), Mismatch>, serde_json::Error> {
        // Most values match, which is quicker to see than why one does not.
        if Document::parse(text).is_some_and(|document| self.documents.is_valid(&document)) {
            return Ok(Ok(()));
        }
        Ok(self.check(&serde_json::from_str(text)?))
    }

    pub(super) fn check(&self, value: &Value) -> Result<(), Mismatch> {
        if self.values.is_valid(value) {
            return Ok(());
        }
        let mut errors = self.values.iter_errors(value);
        let Some(first) = errors.next() else { return Ok(()) };
        let others = errors.count();
        let cause = cause(&first);
        // Values may be private.
        let mut detail = cause.masked().to_string();
        if others > 0 {
            let _ = write!(detail, " (and {others} more)");
        }
        let path = path(cause.instance_path().as_str());
        Err(Mismatch { path: plain(&path), detail: plain(&detail) })
    }
}

/// What is wrong in the only alternative that has the value's type, if there is such a one: of an optional object, what is wrong in the object, and not that it is neither that
/// nor null.
fn cause<'a>(mut error: &'a ValidationError<'a>) -> &'a ValidationError<'a> {
    while let ValidationErrorKind::AnyOf { context }
    | ValidationErrorKind::OneOfNotValid { context } = error.kind()
    {
        let is_of_type = |errors: &&Vec<ValidationError<'_>>| {
            !errors.iter().any(|inner| {
                matches!(inner.kind(), ValidationErrorKind::Type { .. })
                    && inner.instance_path() == error.instance_path()
            })
        };
        let mut fitting = context.iter().filter(is_of_type);
        match (fitting.next().and_then(|errors| errors.first()), fitting.next()) {
            (Some(inner), None) => error = inner,
            _ => break,
        }
    }
    error
}

/// Names of fields come from whoever wrote the value: logs are not to be led astray by them.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A JSON pointer as other errors have paths: `lines[1].price`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            let _ = write!(path, "[{step}]");
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step);
        }
    }
    path
}

/// The schemas that a schema refers to. Nothing is fetched from anywhere else.
#[derive(Clone)]
struct Others(Vec<(String, Value)>);

impl Retrieve for Others {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let uri = uri.as_str().trim_end_matches('#');
        let is = |name: &str| {
            // Relative to the base, or to the schema's own URI.
            uri == name
                || uri.strip_prefix(BASE) == Some(name)
                || uri.strip_suffix(name).is_some_and(|before| before.ends_with('/'))
        };
        let known = self.0.iter().find(|(name, _)| is(name));
        known
            .map(|(_, schema)| schema.clone())
            .ok_or_else(|| format!("it refers to {uri}, which none of its references is").into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn a_schema_that_names_no_draft_may_be_of_an_older_one() {
        let pair = Validator::new(r#"{"items": [{"type": "string"}, {"type": "integer"}]}"#, &[]);
        let pair = pair.unwrap_or_else(|error| panic!("{error}"));
        assert!(pair.check(&serde_json::json!(["a", 1])).is_ok());
        assert_eq!(pair.check(&serde_json::json!([1, 1])).err().unwrap().path, "[0]");
        let newer = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}"#;
        assert!(Validator::new(newer, &[]).is_err());
        assert!(Validator::new(r#"{"type": 1}"#, &[]).err().unwrap().contains("JSON Schema"));
    }

    #[test]
    fn formats_are_checked_where_the_draft_that_is_named_checks_them() {
        let takes = |draft: &str| {
            let schema = format!(r#"{{{draft} "format": "email"}}"#);
            let validator = Validator::new(&schema, &[]).unwrap();
            validator.check(&Value::from("nonsense")).is_ok()
        };
        assert!(!takes(r#""$schema": "http://json-schema.org/draft-07/schema#","#));
        assert!(takes(r#""$schema": "https://json-schema.org/draft/2020-12/schema","#));
        assert!(takes(""));
    }

    #[test]
    fn of_an_optional_object_what_is_wrong_in_it_is_told() {
        for either in ["oneOf", "anyOf"] {
            let schema = format!(
                r#"{{"properties": {{"to": {{"{either}": [{{"type": "null"}}, {{"type": "object", "properties": {{
                    "lines": {{"{either}": [{{"type": "null"}}, {{"items": {{"minLength": 2}}}}]}}}}}}]}}}}}}"#
            );
            let validator = Validator::new(&schema, &[]).unwrap();
            let check = |value: &str| {
                let value: Value = serde_json::from_str(value).unwrap();
                validator.check(&value).map_err(|mismatch| (mismatch.path, mismatch.detail))
            };
            assert_eq!(check(r#"{"to": null}"#), Ok(()));
            let (path, detail) = check(r#"{"to": {"lines": ["ab", "c"]}}"#).unwrap_err();
            assert_eq!(path, "to.lines[1]", "{detail}");
            assert!(detail.contains("shorter than 2"), "{detail}");
            // It is none of them.
            let (path, detail) = check(r#"{"to": 7}"#).unwrap_err();
            assert_eq!(path, "to", "{detail}");
            assert!(detail.contains(either), "{detail}");
        }
        // It could be either.
        let either = r#"{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}"#;
        let mismatch = Validator::new(either, &[]).unwrap().check(&Value::Object(Map::new()));
        assert!(mismatch.unwrap_err().detail.contains("oneOf"));
    }

    #[test]
    fn names_that_would_lead_logs_astray_do_not() {
        let text = r#"{"properties": {"a\nb": {"type": "string"}}, "additionalProperties": false}"#;
        let validator = Validator::new(text, &[]).unwrap_or_else(|error| panic!("{error}"));
        for value in [serde_json::json!({"a\nb": 1}), serde_json::json!({"c\r\u{1b}[2J": 1})] {
            let Mismatch { path, detail } = validator.check(&value).err().unwrap();
            assert!(
                !format!("{path}{detail}").chars().any(char::is_control),
                "{path:?} {detail:?}"
            );
        }
    }

    #[test]
    fn paths_are_read_by_people() {
        assert_eq!(path(""), "");
        assert_eq!(path("/lines/1/a~1b"), "lines[1].a/b");
    }
}
