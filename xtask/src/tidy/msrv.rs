//! Nothing that a crate of ours is made of asks for a newer Rust than it says itself.
//!
//! Clippy's `incompatible_msrv` watches our own code; only one toolchain need be at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::Violation;
use super::manifests::Kind;
use crate::Result;

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    rust_version: Option<String>,
    publish: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Debug, Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    kind: Option<Kind>,
}

/// Finds dependencies of the published crates, tests aside, that need a newer Rust.
pub(super) fn check(root: &Path) -> Result<Vec<Violation>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(find(&serde_json::from_slice(&output.stdout)?))
}

fn find(metadata: &Metadata) -> Vec<Violation> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let ours: Vec<&Package> = metadata
        .workspace_members
        .iter()
        .filter_map(|id| packages.get(id.as_str()).copied())
        .filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
        .collect();
    let mut found: BTreeMap<&str, Violation> = BTreeMap::new();
    for ours in ours {
        let Some(said) = version(ours) else { continue };
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut todo: Vec<&str> = vec![ours.id.as_str()];
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            let dependencies = nodes.get(id).into_iter().flat_map(|node| &node.deps);
            let shipped = dependencies
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != Some(Kind::Dev)));
            todo.extend(shipped.map(|dep| dep.pkg.as_str()));
        }
        let seen = seen.into_iter().filter_map(|id| packages.get(id).copied());
        for package in seen.filter(|package| version(package).is_some_and(|needed| needed > said)) {
            let needed = package.rust_version.as_deref().unwrap_or_default();
            let message = format!(
                "{} {} needs Rust {needed}, {}, which needs it, says {}.{}",
                package.name, package.version, ours.name, said.0, said.1
            );
            found.entry(&package.id).or_insert_with(|| Violation::new("Cargo.lock", message));
        }
    }
    found.into_values().collect()
}

/// Major and minor version of the Rust that a package asks for.
fn version(package: &Package) -> Option<(u32, u32)> {
    let mut numbers = package.rust_version.as_deref()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(kind: &str, needed: &str) -> Vec<String> {
        let text = format!(
            r#"{{
            "packages": [
                {{"id": "a", "name": "ours", "version": "0.1.0", "rust_version": "1.85", "publish": null}},
                {{"id": "b", "name": "theirs", "version": "2.0.0", "rust_version": null, "publish": null}},
                {{"id": "c", "name": "deep", "version": "3.0.0", "rust_version": "{needed}", "publish": null}}
            ],
            "resolve": {{"nodes": [
                {{"id": "a", "deps": [{{"pkg": "b", "dep_kinds": [{{"kind": {kind}}}]}}]}},
                {{"id": "b", "deps": [{{"pkg": "c", "dep_kinds": [{{"kind": null}}]}}]}},
                {{"id": "c", "deps": []}}
            ]}},
            "workspace_members": ["a"]
        }}"#
        );
        find(&serde_json::from_str(&text).unwrap()).into_iter().map(|v| v.message).collect()
    }

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_found_however_deep() {
        let expected = ["deep 3.0.0 needs Rust 1.88.1, ours, which needs it, says 1.85"];
        assert_eq!(messages("null", "1.88.1"), expected);
        assert_eq!(messages("\"build\"", "1.100").len(), 1);
        assert!(messages("null", "1.85.1").is_empty());
    }

    #[test]
    fn what_only_tests_need_may_be_newer() {
        assert!(messages("\"dev\"", "1.88").is_empty());
    }
}
