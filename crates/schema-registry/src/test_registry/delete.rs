//! Deleting, in two steps: what is deleted softly can still be read by number.

use super::answer::Refusal;
use super::store::{Mode, Qualified, Store, Subject, Wanted};

/// All versions of a subject.
pub(super) fn subject(
    store: &mut Store,
    name: &Qualified,
    permanent: bool,
) -> Result<Vec<i32>, Refusal> {
    refuse_read_only(store, name)?;
    let of = store.subject(name, true)?;
    let is_live = of.live(false).next().is_some();
    match (permanent, is_live) {
        (true, true) => return Err(Refusal::subject_is_not_deleted(&name.name())),
        (false, false) => return Err(Refusal::subject_is_deleted(&name.name())),
        _ => {}
    }
    let numbers: Vec<i32> = of.live(permanent).map(|version| version.number).collect();
    for number in &numbers {
        refuse_referred_to(store, name, *number)?;
    }
    let versions = &mut found(store, name)?.versions;
    match permanent {
        true => versions.clear(),
        false => versions.iter_mut().for_each(|version| version.is_deleted = true),
    }
    // Settings of its own go with it.
    store.levels.remove(&name.name());
    store.modes.remove(&name.name());
    sweep(store, name);
    Ok(numbers)
}

/// One version of a subject.
pub(super) fn version(
    store: &mut Store,
    name: &Qualified,
    wanted: Wanted,
    permanent: bool,
) -> Result<i32, Refusal> {
    refuse_read_only(store, name)?;
    let (version, _) = store.version(name, wanted, true)?;
    let number = version.number;
    match (permanent, version.is_deleted) {
        (true, false) => return Err(Refusal::version_is_not_deleted(&name.name(), number)),
        (false, true) => return Err(Refusal::version_is_deleted(&name.name(), number)),
        _ => {}
    }
    refuse_referred_to(store, name, number)?;
    let versions = &mut found(store, name)?.versions;
    match permanent {
        true => versions.retain(|version| version.number != number),
        false => versions
            .iter_mut()
            .filter(|version| version.number == number)
            .for_each(|version| version.is_deleted = true),
    }
    sweep(store, name);
    Ok(number)
}

fn found<'a>(store: &'a mut Store, name: &Qualified) -> Result<&'a mut Subject, Refusal> {
    let context = store.contexts.get_mut(&name.context);
    context
        .and_then(|context| context.subjects.get_mut(&name.subject))
        .ok_or_else(|| Refusal::subject(&name.name()))
}

fn refuse_read_only(store: &Store, name: &Qualified) -> Result<(), Refusal> {
    match store.mode(name) == Mode::ReadOnly {
        true => {
            Err(Refusal::not_permitted(&format!("Subject {} is in read-only mode", name.name())))
        }
        false => Ok(()),
    }
}

fn refuse_referred_to(store: &Store, name: &Qualified, number: i32) -> Result<(), Refusal> {
    match store.referred_to_by(name, number).is_empty() {
        true => Ok(()),
        false => Err(Refusal::is_referred_to(&name.name(), number)),
    }
}

/// Forgets schemas that no version has, and subjects without versions.
fn sweep(store: &mut Store, name: &Qualified) {
    let Some(context) = store.contexts.get_mut(&name.context) else { return };
    context.subjects.retain(|_, subject| !subject.versions.is_empty());
    let subjects = &context.subjects;
    let is_used = |id: &i32| {
        subjects.values().any(|subject| subject.versions.iter().any(|version| version.id == *id))
    };
    context.schemas.retain(|id, _| is_used(id));
}
