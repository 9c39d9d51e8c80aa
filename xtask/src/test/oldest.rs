//! Every published crate compiles with the Rust that it promises: clippy looks at names alone, not at syntax or at how long a temporary value lives.

use std::collections::BTreeMap;
use std::process::Command;

use crate::Result;
use crate::steps::Report;
use crate::workspace::{self, Package};

/// What is left out: the same code with other cryptography, whose C takes longer than all the rest.
const LEFT_OUT: &str = "aws-lc-rs";

/// Compiles the crates with each `rust-version` that they have, where it is installed.
pub(super) fn check(report: &mut Report) -> Result {
    for (version, packages) in by_version(workspace::packages()?) {
        let name = format!("crates that promise Rust {version}");
        if rust(&version).arg("--version").output().is_ok_and(|output| output.status.success()) {
            report.command(&name, rust(&version).args(arguments(&packages)));
        } else {
            report.skip(&format!("{name}, for `rustup toolchain install {version}` is missing"), 1);
        }
    }
    Ok(())
}

/// Cargo of this version. By rustup, since within cargo there is no `cargo +version`.
fn rust(version: &str) -> Command {
    let mut command = workspace::program("rustup");
    command.args(["run", version, "cargo"]);
    command
}

fn by_version(packages: Vec<Package>) -> BTreeMap<String, Vec<Package>> {
    let mut versions = BTreeMap::<String, Vec<Package>>::new();
    for package in packages.into_iter().filter(Package::is_published) {
        if let Some(version) = package.rust_version.clone() {
            versions.entry(version).or_default().push(package);
        }
    }
    versions
}

fn arguments(packages: &[Package]) -> Vec<String> {
    let mut arguments = vec!["check".to_owned(), "--quiet".to_owned()];
    for package in packages {
        arguments.extend(["-p".to_owned(), package.name.clone()]);
        for feature in package.features.keys().filter(|feature| !feature.ends_with(LEFT_OUT)) {
            arguments.extend(["--features".to_owned(), format!("{}/{feature}", package.name)]);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_compiled_with_the_version_that_they_promise_and_all_features_but_one() {
        let versions = by_version(workspace::packages().unwrap());
        let words = |version: &str| arguments(&versions[version]).join(" ");
        assert!(words("1.85").contains("-p rohrpost-sasl"));
        assert!(words("1.85").contains("--features rohrpost/tls"));
        assert!(words("1.88").contains("-p rohrpost-schema-registry"));
        for version in versions.keys() {
            assert!(!words(version).contains(LEFT_OUT) && !words(version).contains("xtask"));
        }
    }
}
