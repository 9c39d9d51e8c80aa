//! Whether a schema may follow those that a subject has.

use super::answer::Refusal;
use super::content::Content;
use super::store::{Qualified, Store, Version, Wanted};
use crate::avro_rules::{AvroSchema, Incompatibility, incompatibilities};
use crate::{CompatibilityLevel, SchemaType};

/// What contradicts what, with the version that it contradicts; nothing if it may follow.
pub(super) fn check(
    store: &Store,
    subject: &Qualified,
    new: &Content,
    level: CompatibilityLevel,
    with: &[Version],
) -> Result<Vec<String>, Refusal> {
    use CompatibilityLevel::{
        Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive,
    };
    let transitive = matches!(level, BackwardTransitive | ForwardTransitive | FullTransitive);
    let reads_old = matches!(level, Backward | BackwardTransitive | Full | FullTransitive);
    let is_read = matches!(level, Forward | ForwardTransitive | Full | FullTransitive);
    if !reads_old && !is_read {
        return Ok(Vec::new());
    }
    // The newest first, as it is the one that most often shows what is wrong.
    let count = if transitive { with.len() } else { 1 };
    for version in with.iter().rev().take(count) {
        let old = store.content(subject, version.id)?;
        let mut details = contradictions(store, subject, new, old, reads_old, is_read)?;
        if !details.is_empty() {
            details.push(format!("{{oldSchemaVersion: {}}}", version.number));
            details.push(format!("{{oldSchema: '{}'}}", old.text));
            details.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
            return Ok(details);
        }
    }
    Ok(Vec::new())
}

fn contradictions(
    store: &Store,
    subject: &Qualified,
    new: &Content,
    old: &Content,
    reads_old: bool,
    is_read: bool,
) -> Result<Vec<String>, Refusal> {
    if new.schema_type != old.schema_type {
        let detail = format!(
            "{{errorType:'SCHEMA_TYPE_MISMATCH', description:'the new schema is {}, the old one {}', additionalInfo:''}}",
            new.schema_type, old.schema_type
        );
        return Ok(vec![detail]);
    }
    if new.schema_type != SchemaType::Avro {
        return Ok(Vec::new());
    }
    let parsed = |content: &Content| -> Result<AvroSchema, Refusal> {
        content.avro(&content.uses(store, subject)?)
    };
    let (new, old) = (parsed(new)?, parsed(old)?);
    let mut details = Vec::new();
    if reads_old {
        details.extend(incompatibilities(&new, &old).iter().map(|it| detail(it, "new", "old")));
    }
    if is_read {
        details.extend(incompatibilities(&old, &new).iter().map(|it| detail(it, "old", "new")));
    }
    Ok(details)
}

/// In the form that Confluent's registry gives to details.
fn detail(found: &Incompatibility, reader: &str, writer: &str) -> String {
    format!(
        "{{errorType:'{}', description:'{}', additionalInfo:'{}'}}",
        found.kind.name(),
        found.tell(reader, writer),
        found.what
    )
}

/// The versions that a request to compare means: one, or all that are there.
pub(super) fn versions(
    store: &Store,
    subject: &Qualified,
    wanted: Option<&str>,
) -> Result<Vec<Version>, Refusal> {
    match wanted {
        Some(wanted) => Ok(vec![store.version(subject, Wanted::parse(wanted)?, false)?.0]),
        None => {
            Ok(store.subject(subject, false).map(|it| it.live(false).collect()).unwrap_or_default())
        }
    }
}
