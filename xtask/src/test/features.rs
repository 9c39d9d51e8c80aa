//! Every published crate compiles on its own, with each of its features alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::{Result, workspace};

/// Compiles each published crate with its default features, with none, and with each alone: in the
/// workspace's own build features are united, and only alone does a crate show that it names all
/// it needs.
pub(super) fn check() -> Result {
    let root = workspace::root();
    let mut failed = Vec::new();
    for Check { name, arguments } in checks(&root)? {
        println!("{name}");
        let mut cargo = Command::new("cargo");
        cargo.args(arguments).args(["--", "-D", "warnings"]).current_dir(&root);
        if !cargo.stdin(Stdio::null()).status()?.success() {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join(", ").into()) }
}

/// One `cargo clippy` with the features it turns on.
#[derive(Debug, PartialEq, Eq)]
struct Check {
    name: String,
    arguments: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    features: BTreeMap<String, Vec<String>>,
    publish: Option<Vec<String>>,
}

fn checks(root: &Path) -> Result<Vec<Check>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let published =
        metadata.packages.iter().filter(|p| p.publish.as_ref().is_none_or(|to| !to.is_empty()));
    Ok(published.flat_map(checks_of).collect())
}

fn checks_of(package: &Package) -> Vec<Check> {
    let check = |what: &str, features: &[&str]| Check {
        name: format!("{} {what}", package.name),
        arguments: ["clippy", "--quiet", "-p", &package.name]
            .iter()
            .chain(features)
            .map(|&word| word.to_owned())
            .collect(),
    };
    let mut checks = vec![check("alone", &[])];
    let features = package.features.keys().filter(|name| *name != "default");
    if package.features.is_empty() {
        return checks;
    }
    checks.push(check("without features", &["--no-default-features"]));
    checks.extend(features.map(|name| {
        check(&format!("with {name} only"), &["--no-default-features", "--features", name])
    }));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_checked_with_none_and_with_each_of_its_features() {
        let package = |features: &[&str]| Package {
            name: "x".to_owned(),
            features: features.iter().map(|&name| (name.to_owned(), Vec::new())).collect(),
            publish: None,
        };
        assert_eq!(checks_of(&package(&[])).len(), 1);
        let names: Vec<String> =
            checks_of(&package(&["default", "a", "b"])).into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["x alone", "x without features", "x with a only", "x with b only"]);
    }
}
