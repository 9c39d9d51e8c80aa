//! Compatibility levels and modes: of all, of a context, of a subject.

use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Refusal};
use super::route::Query;
use super::store::{Mode, Qualified, Store};

/// The name that a setting is kept under; empty for all.
fn name_of(subject: Option<&str>) -> String {
    subject.map_or_else(String::new, |subject| Qualified::parse(subject).name())
}

pub(super) fn level(store: &Store, subject: Option<&str>, query: &Query) -> Answer {
    let name = name_of(subject);
    let level = match store.levels.get(&name) {
        Some(level) => *level,
        None if name.is_empty() || query.is("defaultToGlobal") => {
            store.level(&Qualified::parse(&name))
        }
        None => return Err(Refusal::no_level(&name)),
    };
    Ok(json!({ "compatibilityLevel": level.name() }))
}

pub(super) fn set_level(store: &mut Store, subject: Option<&str>, body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    struct Wanted {
        compatibility: Option<String>,
    }
    let wanted: Wanted =
        serde_json::from_slice(body).map_err(|error| Refusal::unreadable(&error))?;
    let level = wanted.compatibility.and_then(|name| name.parse().ok());
    let level: crate::CompatibilityLevel = level.ok_or_else(Refusal::invalid_level)?;
    store.levels.insert(name_of(subject), level);
    Ok(json!({ "compatibility": level.name() }))
}

pub(super) fn delete_level(store: &mut Store, subject: Option<&str>) -> Answer {
    let name = name_of(subject);
    match store.levels.remove(&name) {
        Some(level) => Ok(json!({ "compatibilityLevel": level.name() })),
        None if name.is_empty() => level(store, None, &Query::default()),
        None => Err(Refusal::subject(&name)),
    }
}

pub(super) fn mode(store: &Store, subject: Option<&str>, query: &Query) -> Answer {
    let name = name_of(subject);
    let mode = match store.modes.get(&name) {
        Some(mode) => *mode,
        None if name.is_empty() || query.is("defaultToGlobal") => {
            store.mode(&Qualified::parse(&name))
        }
        None => return Err(Refusal::no_mode(&name)),
    };
    Ok(json!({ "mode": mode.name() }))
}

pub(super) fn set_mode(
    store: &mut Store,
    subject: Option<&str>,
    query: &Query,
    body: &[u8],
) -> Answer {
    #[derive(Deserialize)]
    struct Wanted {
        mode: Option<String>,
    }
    let wanted: Wanted =
        serde_json::from_slice(body).map_err(|error| Refusal::unreadable(&error))?;
    let mode = wanted.mode.as_deref().and_then(Mode::parse).ok_or_else(Refusal::invalid_mode)?;
    let name = name_of(subject);
    // Numbers that come with schemas would meet those that were given.
    let of = Qualified::parse(&name);
    let has_schemas = match name.is_empty() {
        true => store.contexts.values().any(|context| !context.subjects.is_empty()),
        false if of.subject.is_empty() => {
            store.context(&of).is_some_and(|context| !context.subjects.is_empty())
        }
        false => store.subject(&of, false).is_ok(),
    };
    if mode == Mode::Import && has_schemas && !query.is("force") {
        return Err(Refusal::not_permitted(
            "Cannot import since found existing subjects; force=true imports all the same",
        ));
    }
    store.modes.insert(name, mode);
    Ok(json!({ "mode": mode.name() }))
}

pub(super) fn delete_mode(store: &mut Store, subject: Option<&str>) -> Answer {
    let name = name_of(subject);
    match store.modes.remove(&name) {
        Some(mode) => Ok(json!({ "mode": mode.name() })),
        None if name.is_empty() => mode(store, None, &Query::default()),
        None => Err(Refusal::subject(&name)),
    }
}
