//! The JSON of the registry's API.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Guid, InvalidGuid, Reference, Schema, SchemaId, SchemaType, UnknownSchemaType};

/// The most characters of an error that is no JSON.
pub(super) const MOST_QUOTED: usize = 200;
/// The most bytes of one that is. Of incompatible schemas registries tell all that is wrong, and the schemas. A crowd of tasks gets a copy each.
const MOST_TOLD: usize = 16 * 1024;

/// What any of the calls that are about a schema answer.
#[derive(Deserialize)]
pub(super) struct Registered {
    id: Option<i32>,
    guid: Option<String>,
    subject: Option<String>,
    version: Option<i32>,
    schema: Option<String>,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    references: Option<Vec<RawReference>>,
}

#[derive(Deserialize)]
struct RawReference {
    name: String,
    subject: String,
    version: i32,
}

impl Registered {
    /// `asked` is the schema that the registry was asked about: some answer without it, some with its normal form. The error says what is wrong.
    pub(super) fn into_registered(
        self,
        subject: Option<&str>,
        asked: Option<&Schema>,
    ) -> Result<crate::Registered, String> {
        let guid: Option<Guid> = match self.guid.as_deref() {
            Some(guid) => Some(guid.parse().map_err(|error: InvalidGuid| error.to_string())?),
            None => None,
        };
        if self.id.is_some_and(|id| id < 0) || asked.is_some() && self.id.is_none() {
            return Err("there is no number of a schema in it".to_owned());
        }
        let schema = match (asked, self.schema) {
            (Some(asked), _) => asked.clone(),
            (None, Some(text)) => {
                let schema_type = match self.schema_type.as_deref() {
                    Some(name) => cut(name, MOST_QUOTED)
                        .parse()
                        .map_err(|error: UnknownSchemaType| error.to_string())?,
                    None => SchemaType::Avro,
                };
                let references = self.references.unwrap_or_default();
                let references = references.into_iter().map(RawReference::into_reference).collect();
                Schema { schema_type, text, references }
            }
            (None, None) => return Err("there is no schema in it".to_owned()),
        };
        Ok(crate::Registered {
            id: self.id.map(SchemaId),
            guid,
            subject: subject.map(str::to_owned).or(self.subject),
            version: self.version,
            schema: Arc::new(schema),
        })
    }
}

impl RawReference {
    fn into_reference(self) -> Reference {
        Reference { name: self.name, subject: self.subject, version: self.version }
    }
}

/// Whether this is the text of a `.proto` file: a descriptor in base64 has none of its blanks and semicolons.
pub(super) fn is_proto_file(schema: &Schema) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    schema.schema_type == SchemaType::Protobuf && !schema.text.bytes().all(is_base64)
}

/// Of `/schemas/guids/{guid}/ids`.
#[derive(Deserialize)]
pub(super) struct ContextId {
    pub(super) context: String,
    pub(super) id: i32,
}

/// Of `/compatibility`.
#[derive(Deserialize)]
pub(super) struct Compatible {
    pub(super) is_compatible: bool,
    #[serde(default)]
    pub(super) messages: Vec<String>,
}

/// Of `/config`.
#[derive(Deserialize)]
pub(super) struct Level {
    #[serde(rename = "compatibilityLevel", alias = "compatibility")]
    pub(super) level: String,
}

/// How a schema is sent.
pub(super) fn body_of(schema: &Schema) -> Value {
    let mut body = Map::new();
    body.insert("schema".to_owned(), Value::from(schema.text.as_str()));
    // As Confluent's clients do, for registries older than the other types.
    if schema.schema_type != SchemaType::Avro {
        body.insert("schemaType".to_owned(), Value::from(schema.schema_type.name()));
    }
    if !schema.references.is_empty() {
        let references = schema.references.iter().map(|reference| {
            serde_json::json!({
                "name": reference.name,
                "subject": reference.subject,
                "version": reference.version,
            })
        });
        body.insert("references".to_owned(), references.collect());
    }
    Value::Object(body)
}

/// Takes out of a text what is not to be repeated.
pub(super) trait Hide: Fn(String) -> String {}

impl<F: Fn(String) -> String> Hide for F {}

/// Says what is wrong with what is not as it must be, without quoting much of it.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], hide: impl Hide) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| match body.is_empty() {
        true => "it is empty".to_owned(),
        // serde's words may quote all of it.
        false => {
            let error = cut(&hide(error.to_string()), MOST_QUOTED);
            format!("{error}, in {}", quoted(body, hide))
        }
    })
}

/// The beginning of what is too long to be told.
pub(super) fn cut(text: &str, most: usize) -> String {
    let (start, is_cut) = beginning(text, most);
    if is_cut { format!("{start} …") } else { start.to_owned() }
}

fn beginning(text: &str, most: usize) -> (&str, bool) {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= most).last().unwrap_or_default();
    (&text[..end], end < text.len())
}

/// An error as the registry says it, or whoever stands before it.
pub(super) struct ErrorBody {
    pub(super) code: Option<i32>,
    pub(super) message: String,
}

impl ErrorBody {
    pub(super) fn parse(body: &[u8], hide: impl Hide) -> Self {
        #[derive(Deserialize)]
        struct Raw {
            error_code: Option<i32>,
            message: Option<String>,
        }
        match serde_json::from_slice(body) {
            Ok(Raw { error_code: code, message: Some(message) }) => {
                Self { code, message: without_controls(&hide(message)) }
            }
            _ => Self { code: None, message: quoted(body, hide) },
        }
    }
}

fn quoted(body: &[u8], hide: impl Hide) -> String {
    let text = hide(String::from_utf8_lossy(body).into_owned());
    let (start, is_cut) = beginning(&text, MOST_QUOTED);
    format!("{start:?}{}", if is_cut { " …" } else { "" })
}

/// Whoever writes logs line by line is not to be led astray.
fn without_controls(message: &str) -> String {
    cut(message, MOST_TOLD).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(json: &str) -> Result<crate::Registered, String> {
        serde_json::from_str::<Registered>(json).unwrap().into_registered(Some("s"), None)
    }

    #[test]
    fn a_schema_is_taken_from_the_answer_with_avro_where_nothing_is_said() {
        let found = registered(
            r#"{"subject":"other","version":3,"id":7,"schema":"\"string\"","ts":1,"deleted":false,
                "guid":"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0","references":[{"name":"a","subject":"b","version":2}]}"#,
        )
        .unwrap();
        assert_eq!(found.id, Some(SchemaId(7)));
        assert_eq!((found.subject.as_deref(), found.version), (Some("s"), Some(3)));
        assert_eq!(found.schema.schema_type, SchemaType::Avro);
        assert_eq!(found.schema.references, [Reference::new("a", "b", 2)]);
        let json = registered(r#"{"schemaType":"JSON","schema":"{}"}"#).unwrap();
        assert_eq!((json.id, json.schema.schema_type), (None, SchemaType::Json));
    }

    #[test]
    fn answers_that_cannot_be_are_errors() {
        for wrong in [
            r#"{"id":1}"#,
            r#"{"id":-1,"schema":"{}"}"#,
            r#"{"schemaType":"THRIFT","schema":"{}"}"#,
            r#"{"guid":"x","schema":"{}"}"#,
        ] {
            assert!(registered(wrong).is_err(), "{wrong}");
        }
    }

    /// There is nothing to hide.
    fn told(text: String) -> String {
        text
    }

    #[test]
    fn an_error_is_told_whatever_its_form() {
        let error =
            ErrorBody::parse(br#"{"error_code":40401,"message":"Subject 'x'\nnot found."}"#, told);
        assert_eq!((error.code, error.message.as_str()), (Some(40401), "Subject 'x' not found."));
        let page = ErrorBody::parse(&[b"<html>".as_slice(), &[b'x'; 10_000]].concat(), told);
        assert_eq!(page.code, None);
        assert!(page.message.starts_with("\"<html>") && page.message.len() < 250);
    }

    #[test]
    fn an_error_that_is_told_at_length_is_cut() {
        let long = "ä".repeat(1 << 20);
        let error = ErrorBody::parse(format!(r#"{{"message":"{long}"}}"#).as_bytes(), told);
        assert!(error.message.starts_with("ää") && error.message.ends_with('…'));
        assert!(error.message.len() < 17_000, "{}", error.message.len());
        let wrong = parse::<Registered>(format!(r#"{{"id":"{long}"}}"#).as_bytes(), told);
        let wrong = wrong.err().unwrap();
        assert!(wrong.len() < 1_000 && wrong.starts_with("invalid type"), "{wrong}");
        let level = registered(&format!(r#"{{"schemaType":"{long}","schema":"{{}}"}}"#));
        assert!(level.unwrap_err().len() < 1_000);
    }

    #[test]
    fn a_schema_is_sent_with_its_type_unless_it_is_avro() {
        let avro = body_of(&Schema::avro("\"string\""));
        assert_eq!(avro.to_string(), r#"{"schema":"\"string\""}"#);
        let json = Schema::json("{}").with_reference(Reference::new("n", "s", 1));
        let body = body_of(&json);
        assert_eq!(body["schemaType"], "JSON");
        assert_eq!(body["references"][0]["subject"], "s");
    }
}
