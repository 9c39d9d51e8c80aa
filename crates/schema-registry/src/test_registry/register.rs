//! Registering.

use super::answer::Refusal;
use super::compatibility;
use super::content::{Brought, Content};
use super::store::{Context, Mode, Qualified, Store, Version};

/// Gives a schema its number and its version in the subject, those that it has if it is there.
pub(super) fn register(
    store: &mut Store,
    subject: &Qualified,
    brought: Brought,
    normalize: bool,
) -> Result<(Version, Content), Refusal> {
    if subject.subject.is_empty() || subject.subject.chars().any(char::is_control) {
        return Err(Refusal::invalid_subject(&subject.name()));
    }
    let mode = store.mode(subject);
    if mode == Mode::ReadOnly {
        let problem = format!(
            "Subject {} in context {} is in read-only mode",
            subject.subject, subject.context
        );
        return Err(Refusal::not_permitted(&problem));
    }
    let (id, number) = (brought.id.filter(|id| *id >= 0), brought.version.filter(|it| *it >= 1));
    if id.is_some() && mode != Mode::Import {
        let problem = format!("Subject {} is not in import mode", subject.subject);
        return Err(Refusal::not_permitted(&problem));
    }
    let content = brought.content(store, subject, normalize)?;
    if let Some(version) = find(store, subject, &content, false) {
        return match id {
            Some(id) if id != version.id => Err(Refusal::id_does_not_match(format!(
                "Schema already registered with id {} instead of input id {id}",
                version.id
            ))),
            _ => Ok((version, content)),
        };
    }
    if mode != Mode::Import {
        let live = compatibility::versions(store, subject, None)?;
        let level = store.level(subject);
        let details = compatibility::check(store, subject, &content, level, &live)?;
        if !details.is_empty() {
            return Err(Refusal::incompatible(&subject.name(), &details));
        }
    }
    let context = store.contexts.entry(subject.context.clone()).or_default();
    let id = number_of(context, &content, id)?;
    let versions = &mut context.subjects.entry(subject.subject.clone()).or_default().versions;
    let last = versions.last().map_or(0, |version| version.number);
    let number = match (mode, number) {
        (Mode::Import, Some(number)) => number,
        _ => last + 1,
    };
    let version = Version { number, id, is_deleted: false };
    versions.retain(|version| version.number != number);
    versions.push(version);
    versions.sort_by_key(|version| version.number);
    Ok((version, content))
}

/// The number that the content has in the context, or gets.
fn number_of(
    context: &mut Context,
    content: &Content,
    wanted: Option<i32>,
) -> Result<i32, Refusal> {
    if let Some(id) = wanted {
        if context.schemas.get(&id).is_some_and(|other| other != content) {
            let problem = format!("Overwrite new schema with id {id} is not permitted.");
            return Err(Refusal::not_permitted(&problem));
        }
        context.schemas.insert(id, content.clone());
        context.last_id = context.last_id.max(id);
        return Ok(id);
    }
    if let Some((id, _)) = context.schemas.iter().find(|(_, other)| *other == content) {
        return Ok(*id);
    }
    context.last_id += 1;
    context.schemas.insert(context.last_id, content.clone());
    Ok(context.last_id)
}

/// The newest version of a subject that has this content.
pub(super) fn find(
    store: &Store,
    subject: &Qualified,
    content: &Content,
    deleted: bool,
) -> Option<Version> {
    let of = store.context(subject)?;
    let (id, _) = of.schemas.iter().find(|(_, other)| *other == content)?;
    let versions = of.subjects.get(&subject.subject)?.live(deleted);
    versions.filter(|version| version.id == *id).last()
}
