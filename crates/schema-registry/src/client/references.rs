//! From a schema to all that it uses.

use std::collections::BTreeSet;

use super::SchemaRegistry;
use super::context::Context;
use crate::{Dependency, Reference, ReferenceProblem, RegistryError, Schema};

/// The most schemas that one may use, directly or not.
const MOST: usize = 1_000;

/// What there is to do, the last first.
enum Step {
    /// Fetch what the reference is to, and what that refers to. Its subject has its context.
    Enter(Reference),
    /// All that it refers to is there.
    Leave(Dependency),
}

/// Each after what it uses itself, and once. It does not recur, so that nothing that a registry answers exhausts the stack.
pub(super) async fn follow(
    registry: &SchemaRegistry,
    context: Context,
    schema: &Schema,
) -> Result<Vec<Dependency>, RegistryError> {
    // What names no context is in that of who refers to it.
    let enter = |context: &Context, references: &[Reference]| -> Vec<Step> {
        let qualified = references.iter().rev().cloned().map(|mut reference| {
            reference.subject = context.qualify(&reference.subject);
            Step::Enter(reference)
        });
        qualified.collect()
    };
    let mut steps = enter(&context, &schema.references);
    let mut done: Vec<Dependency> = Vec::new();
    // By name, subject and version: the same schema may be used by several names.
    let mut known: BTreeSet<Reference> = BTreeSet::new();
    let mut open: Vec<Reference> = Vec::new();
    while let Some(step) = steps.pop() {
        let reference = match step {
            Step::Leave(dependency) => {
                open.pop();
                done.push(dependency);
                continue;
            }
            Step::Enter(reference) => reference,
        };
        let problem = |problem| RegistryError::References {
            subject: reference.subject.clone(),
            version: reference.version,
            problem,
        };
        if open.contains(&reference) {
            return Err(problem(ReferenceProblem::Circle));
        }
        if known.contains(&reference) {
            continue;
        }
        if known.len() == MOST {
            return Err(problem(ReferenceProblem::TooMany { most: MOST }));
        }
        let registered = registry.version(&reference.subject, reference.version).await?;
        let name = reference.name.clone();
        known.insert(reference.clone());
        let inner = enter(&context.of(Some(&reference.subject)), &registered.schema.references);
        open.push(reference);
        steps.push(Step::Leave(Dependency { name, registered }));
        steps.extend(inner);
    }
    Ok(done)
}
