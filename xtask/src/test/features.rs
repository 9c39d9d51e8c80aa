//! Every published crate compiles on its own, with each of its features alone.

use std::process::Stdio;

use crate::Result;
use crate::workspace::{self, Package};

/// Compiles each published crate with its default features, with none, and with each alone: in the
/// workspace's own build features are united, and only alone does a crate show that it names all
/// it needs.
pub(super) fn check() -> Result {
    let mut failed = Vec::new();
    for Check { name, arguments } in checks()? {
        println!("{name}");
        let mut cargo = workspace::cargo(&arguments);
        cargo.args(["--", "-D", "warnings"]);
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

fn checks() -> Result<Vec<Check>> {
    let published = workspace::packages()?.into_iter().filter(Package::is_published);
    Ok(published.flat_map(|package| checks_of(&package)).collect())
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
            rust_version: None,
            publish: None,
            targets: Vec::new(),
        };
        assert_eq!(checks_of(&package(&[])).len(), 1);
        let names: Vec<String> =
            checks_of(&package(&["default", "a", "b"])).into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["x alone", "x without features", "x with a only", "x with b only"]);
    }
}
