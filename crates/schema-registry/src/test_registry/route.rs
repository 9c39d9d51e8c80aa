//! Which request means what.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal};
use super::content::{Brought, Content};
use super::store::{Qualified, Store, Version, Wanted};
use super::{compatibility, delete, register, settings};
use crate::Guid;

/// What stands behind the question mark.
#[derive(Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(&value.replace('+', " ")))
                })
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `true` in any case, as Java's and Python's clients write it.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Answers a request. `path` and query are as they came over the wire.
pub(super) fn answer(
    store: &mut Store,
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
) -> Answer {
    let query = Query::parse(query);
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    // A context may stand in front of everything.
    let (context, parts) = match parts[..] {
        ["contexts", context, ref rest @ ..] if !rest.is_empty() => (Some(context), rest.to_vec()),
        _ => (None, parts.clone()),
    };
    let subject = |name: &str| {
        let of = context.map(|context| Qualified {
            context: format!(".{}", context.trim_matches(':').trim_start_matches('.')),
            subject: String::new(),
        });
        of.map_or_else(|| Qualified::parse(name), |of| of.beside(name))
    };
    let setting = |name: Option<&str>| match (name, context) {
        (Some(name), _) => Some(subject(name).name()),
        (None, Some(_)) => Some(subject("").name()),
        (None, None) => None,
    };
    match (method, &parts[..]) {
        ("GET", []) => Ok(json!({})),
        ("GET", ["contexts"]) => {
            let names = store.contexts.keys().filter(|name| *name != ".");
            Ok(std::iter::once(".").chain(names.map(String::as_str)).map(Value::from).collect())
        }
        ("GET", ["schemas", "types"]) => Ok(json!(["JSON", "PROTOBUF", "AVRO"])),
        ("GET", ["schemas", "ids", id, rest @ ..]) => {
            let of = subject(query.get("subject").unwrap_or_default());
            by_id(store, id, &of, rest, &query)
        }
        ("GET", ["schemas", "guids", guid, rest @ ..]) => by_guid(store, guid, rest),
        ("GET", ["subjects"]) => {
            Ok(subjects(store, &subject(query.get("subjectPrefix").unwrap_or_default()), &query))
        }
        ("POST", ["subjects", name]) => look_up(store, &subject(name), body, &query),
        ("DELETE", ["subjects", name]) => {
            delete::subject(store, &subject(name), query.is("permanent")).map(Value::from)
        }
        ("GET", ["subjects", name, "versions"]) => {
            let deleted = query.is("deleted");
            let only = query.is("deletedOnly");
            let of = subject(name);
            let versions = store.subject(&of, deleted || only)?.live(deleted || only);
            Ok(versions.filter(|it| !only || it.is_deleted).map(|it| json!(it.number)).collect())
        }
        ("POST", ["subjects", name, "versions"]) => {
            let of = subject(name);
            let normalize = query.is("normalize");
            let (version, content) =
                register::register(store, &of, Brought::parse(body)?, normalize)?;
            let mut answer = Map::new();
            answer.insert("id".to_owned(), json!(version.id));
            answer.insert("version".to_owned(), json!(version.number));
            content.show(&mut answer);
            Ok(Value::Object(answer))
        }
        ("GET", ["subjects", name, "versions", version, rest @ ..]) => {
            by_version(store, &subject(name), Wanted::parse(version)?, rest, &query)
        }
        ("DELETE", ["subjects", name, "versions", version]) => {
            let wanted = Wanted::parse(version)?;
            delete::version(store, &subject(name), wanted, query.is("permanent")).map(Value::from)
        }
        ("POST", ["compatibility", "subjects", name, "versions", rest @ ..]) if rest.len() < 2 => {
            compare(store, &subject(name), rest.first().copied(), body, &query)
        }
        ("GET", ["config", rest @ ..]) if rest.len() < 2 => {
            settings::level(store, setting(rest.first().copied()).as_deref(), &query)
        }
        ("PUT", ["config", rest @ ..]) if rest.len() < 2 => {
            settings::set_level(store, setting(rest.first().copied()).as_deref(), body)
        }
        ("DELETE", ["config", rest @ ..]) if rest.len() < 2 => {
            settings::delete_level(store, setting(rest.first().copied()).as_deref())
        }
        ("GET", ["mode", rest @ ..]) if rest.len() < 2 => {
            settings::mode(store, setting(rest.first().copied()).as_deref(), &query)
        }
        ("PUT", ["mode", rest @ ..]) if rest.len() < 2 => {
            settings::set_mode(store, setting(rest.first().copied()).as_deref(), &query, body)
        }
        ("DELETE", ["mode", rest @ ..]) if rest.len() < 2 => {
            settings::delete_mode(store, setting(rest.first().copied()).as_deref())
        }
        (_, ["subjects" | "config" | "mode" | "schemas" | "contexts" | "compatibility", ..])
            if !matches!(method, "GET" | "POST" | "PUT" | "DELETE") =>
        {
            Err(Refusal::method())
        }
        _ => Err(Refusal::not_found()),
    }
}

fn by_id(store: &Store, id: &str, of: &Qualified, rest: &[&str], query: &Query) -> Answer {
    let number: i32 = id.parse().map_err(|_| Refusal::not_found())?;
    let content = store.content(of, number)?;
    let deleted = query.is("deleted");
    let used = || store.subjects_of(&of.context, number, deleted);
    match rest {
        [] => {
            let mut answer = Map::new();
            let used = store.subjects_of(&of.context, number, true);
            if let Some((subject, version)) = used.first() {
                answer.insert("subject".to_owned(), json!(subject.name()));
                answer.insert("version".to_owned(), json!(version.number));
            }
            content.show(&mut answer);
            Ok(Value::Object(answer))
        }
        ["schema"] => Ok(serde_json::from_str(&content.text).unwrap_or(json!(content.text))),
        ["subjects"] => {
            let mut names: Vec<String> = used().iter().map(|(name, _)| name.name()).collect();
            names.dedup();
            Ok(json!(names))
        }
        ["versions"] => Ok(used()
            .iter()
            .map(|(name, version)| json!({ "subject": name.name(), "version": version.number }))
            .collect()),
        _ => Err(Refusal::not_found()),
    }
}

fn by_guid(store: &Store, guid: &str, rest: &[&str]) -> Answer {
    let parsed: Guid = guid.parse().map_err(|_| Refusal::schema(guid))?;
    let found = store.by_guid(parsed);
    let (_, _, content) = found.first().ok_or_else(|| Refusal::schema(guid))?;
    match rest {
        [] => {
            let mut answer = Map::new();
            content.show(&mut answer);
            Ok(Value::Object(answer))
        }
        ["ids"] => Ok(found
            .iter()
            .map(|(context, id, _)| json!({ "context": context, "id": id }))
            .collect()),
        _ => Err(Refusal::not_found()),
    }
}

/// The subjects whose names begin so; those of the default context alone, unless another one is named.
fn subjects(store: &Store, prefix: &Qualified, query: &Query) -> Value {
    let (deleted, only) = (query.is("deleted"), query.is("deletedOnly"));
    let everywhere = query.get("subjectPrefix") == Some(":*:");
    let contexts = store.contexts.iter().filter(|(name, _)| everywhere || **name == prefix.context);
    contexts
        .flat_map(|(context, of)| {
            let subjects = of.subjects.iter().filter(|(name, subject)| {
                let is_live = subject.live(false).next().is_some();
                (everywhere || name.starts_with(&prefix.subject))
                    && if only { !is_live } else { deleted || is_live }
            });
            subjects.map(|(subject, _)| {
                json!(Qualified { context: context.clone(), subject: subject.clone() }.name())
            })
        })
        .collect()
}

fn look_up(store: &Store, of: &Qualified, body: &[u8], query: &Query) -> Answer {
    let deleted = query.is("deleted");
    store.subject(of, deleted)?;
    let content = Brought::parse(body)?.content(store, of, query.is("normalize"))?;
    let version = register::find(store, of, &content, deleted);
    Ok(shown(of, version.ok_or_else(|| Refusal::schema(""))?, &content))
}

fn by_version(
    store: &Store,
    of: &Qualified,
    wanted: Wanted,
    rest: &[&str],
    query: &Query,
) -> Answer {
    let (version, content) = store.version(of, wanted, query.is("deleted"))?;
    match rest {
        [] => Ok(shown(of, version, content)),
        ["schema"] => Ok(serde_json::from_str(&content.text).unwrap_or(json!(content.text))),
        ["referencedby"] => Ok(json!(store.referred_to_by(of, version.number))),
        _ => Err(Refusal::not_found()),
    }
}

fn shown(of: &Qualified, version: Version, content: &Content) -> Value {
    let mut answer = Map::new();
    answer.insert("subject".to_owned(), json!(of.name()));
    answer.insert("version".to_owned(), json!(version.number));
    answer.insert("id".to_owned(), json!(version.id));
    content.show(&mut answer);
    if version.is_deleted {
        answer.insert("deleted".to_owned(), json!(true));
    }
    Value::Object(answer)
}

fn compare(
    store: &Store,
    of: &Qualified,
    wanted: Option<&str>,
    body: &[u8],
    query: &Query,
) -> Answer {
    let content = Brought::parse(body)?.content(store, of, query.is("normalize"))?;
    let versions = compatibility::versions(store, of, wanted)?;
    let details = compatibility::check(store, of, &content, store.level(of), &versions)?;
    Ok(match query.is("verbose") {
        true => json!({ "is_compatible": details.is_empty(), "messages": details }),
        false => json!({ "is_compatible": details.is_empty() }),
    })
}

/// Without its percent signs; what they should not stand before stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped.filter(|_| byte == b'%') {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
