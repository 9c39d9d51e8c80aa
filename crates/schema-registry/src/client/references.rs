//! From a schema to all that it uses.

use std::collections::BTreeSet;

use super::SchemaRegistry;
use super::context::Context;
use crate::{Dependency, Reference, ReferenceProblem, RegistryError, Schema};

/// The most schemas that one may use, directly or not.
const MOST: usize = 1_000;

/// What there is to do, the last first.
enum Step {
    /// Fetch what the reference is to, and what that refers to.
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
    let enter = |references: &[Reference]| -> Vec<Step> {
        references.iter().rev().cloned().map(Step::Enter).collect()
    };
    let mut steps = enter(&schema.references);
    let mut done: Vec<Dependency> = Vec::new();
    // By name, subject and version: the same schema may be used by several names.
    let mut known: BTreeSet<Reference> = BTreeSet::new();
    let mut open: Vec<Reference> = Vec::new();
    while let Some(step) = steps.pop() {
        let mut reference = match step {
            Step::Leave(dependency) => {
                open.pop();
                done.push(dependency);
                continue;
            }
            Step::Enter(reference) => reference,
        };
        reference.subject = context.qualify(&reference.subject);
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
        open.push(reference);
        let inner = enter(&registered.schema.references);
        steps.push(Step::Leave(Dependency { name, registered }));
        steps.extend(inner);
    }
    Ok(done)
}
