//! A schema as it is kept, and as requests bring it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::answer::Refusal;
use super::store::{Qualified, Store, Wanted};
use crate::avro_rules::AvroSchema;
use crate::{Guid, Reference, SchemaType};

/// What makes a schema that schema: two with the same are one, with one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) schema_type: SchemaType,
    /// In its one form.
    pub(super) text: String,
    pub(super) references: Vec<Reference>,
}

/// The body of a request that brings a schema.
#[derive(Deserialize)]
pub(super) struct Brought {
    schema: Option<String>,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    #[serde(default)]
    references: Option<Vec<RawReference>>,
    pub(super) id: Option<i32>,
    pub(super) version: Option<i32>,
}

#[derive(Deserialize)]
struct RawReference {
    name: String,
    subject: String,
    version: i32,
}

impl Brought {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| Refusal::unreadable(&error))
    }

    /// The schema in its one form, if it is valid, and what it refers to is there.
    pub(super) fn content(
        self,
        store: &Store,
        subject: &Qualified,
        normalize: bool,
    ) -> Result<Content, Refusal> {
        let schema_type = match self.schema_type.as_deref() {
            None | Some("") => SchemaType::Avro,
            Some(name) => name
                .parse()
                .map_err(|error: crate::UnknownSchemaType| Refusal::invalid_schema(&error))?,
        };
        let text = self.schema.filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| Refusal::invalid_schema(&"Empty schema"))?;
        let references: Vec<Reference> = self
            .references
            .unwrap_or_default()
            .into_iter()
            .map(|raw| Reference { name: raw.name, subject: raw.subject, version: raw.version })
            .collect();
        let mut content = Content { schema_type, text, references };
        let uses = content.uses(store, subject)?;
        content.text = match schema_type {
            SchemaType::Avro => content.avro(&uses)?.canonical(),
            SchemaType::Json => json_form(&content.text, normalize)?,
            SchemaType::Protobuf => content.text,
        };
        if normalize {
            content.references.sort();
        }
        Ok(content)
    }
}

impl Content {
    /// The name of the contents. Confluent's is a digest of another kind: clients cannot tell.
    pub(super) fn guid(&self) -> Guid {
        let mut digest = Sha256::new();
        digest.update(self.schema_type.name());
        digest.update([0]);
        digest.update(&self.text);
        for Reference { name, subject, version } in &self.references {
            digest.update(format!("\0{name}\0{subject}\0{version}"));
        }
        let digest = digest.finalize();
        let mut guid = [0; 16];
        guid.copy_from_slice(&digest[..16]);
        Guid(guid)
    }

    /// The schemas that it refers to, directly or not: each once, and after those that it refers to itself.
    pub(super) fn uses(&self, store: &Store, subject: &Qualified) -> Result<Vec<Content>, Refusal> {
        let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
        self.collect(store, subject, &mut seen, &mut found)?;
        Ok(found)
    }

    /// What is referred to was there before, but as the newest version it may refer back: each is gone into once.
    fn collect(
        &self,
        store: &Store,
        subject: &Qualified,
        seen: &mut BTreeSet<(Qualified, i32)>,
        found: &mut Vec<Content>,
    ) -> Result<(), Refusal> {
        for reference in &self.references {
            let of = subject.beside(&reference.subject);
            let wanted = match reference.version {
                -1 => Wanted::Latest,
                number => Wanted::Number(number),
            };
            let (version, content) = store.version(&of, wanted, true).map_err(|_| {
                Refusal::invalid_schema(&format!(
                    "No schema reference found for subject \"{}\" and version {}",
                    reference.subject, reference.version
                ))
            })?;
            if seen.insert((of.clone(), version.number)) {
                content.collect(store, &of, seen, found)?;
                found.push(content.clone());
            }
        }
        Ok(())
    }

    pub(super) fn avro(&self, uses: &[Content]) -> Result<AvroSchema, Refusal> {
        let uses: Vec<&str> = uses.iter().map(|content| content.text.as_str()).collect();
        AvroSchema::parse(&self.text, &uses).map_err(|error| Refusal::invalid_schema(&error))
    }

    /// As answers have it.
    pub(super) fn show(&self, into: &mut Map<String, Value>) {
        into.insert("guid".to_owned(), json!(self.guid().to_string()));
        if self.schema_type != SchemaType::Avro {
            into.insert("schemaType".to_owned(), json!(self.schema_type.name()));
        }
        if !self.references.is_empty() {
            let references = self.references.iter().map(|reference| {
                let Reference { name, subject, version } = reference;
                json!({ "name": name, "subject": subject, "version": version })
            });
            into.insert("references".to_owned(), references.collect());
        }
        into.insert("schema".to_owned(), json!(self.text));
    }
}

/// JSON without its white space; in normal form with its keys in order, too.
fn json_form(text: &str, normalize: bool) -> Result<String, Refusal> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Refusal::invalid_schema(&error))?;
    if !matches!(value, Value::Object(_) | Value::Bool(_)) {
        return Err(Refusal::invalid_schema(&"a JSON Schema is an object, true or false"));
    }
    if normalize {
        return Ok(sorted(value).to_string());
    }
    let (mut form, mut is_text, mut is_escaped) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        if is_text || !c.is_ascii_whitespace() {
            form.push(c);
        }
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            _ => {}
        }
    }
    Ok(form)
}

/// Whatever order serde_json was built to keep.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> =
                object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.into_iter().collect()
        }
        Value::Array(list) => list.into_iter().map(sorted).collect(),
        other => other,
    }
}
