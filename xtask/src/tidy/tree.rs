//! What programs that depend on rohrpost compile besides: how many crates of others, and which never.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::manifests::Crate;
use super::{Violation, relative};
use crate::Result;

/// A way to build the facade, its default features included.
struct Build {
    features: Features,
    /// The most crates of others, as docs/security.md and the facade's README say.
    most: Option<usize>,
    never: &'static [&'static [&'static str]],
}

enum Features {
    These(&'static [&'static str]),
    AllBut(&'static str),
}

const BUILDS: &[Build] = &[
    Build { features: Features::These(&[]), most: Some(36), never: &[OPENSSL, CMAKE, RING] },
    Build { features: Features::These(&["tls"]), most: Some(65), never: &[OPENSSL, CMAKE] },
    Build { features: Features::AllBut("tls-aws-lc-rs"), most: None, never: &[OPENSSL, CMAKE] },
    Build { features: Features::AllBut("tls"), most: None, never: &[OPENSSL, RING] },
];

impl Features {
    /// Their names, by commas, in a crate that has `all`.
    fn names<'a>(&self, all: impl Iterator<Item = &'a str>) -> String {
        match self {
            Self::These(names) => names.join(","),
            Self::AllBut(left_out) => {
                all.filter(|name| name != left_out).collect::<Vec<_>>().join(",")
            }
        }
    }
}

const OPENSSL: &[&str] = &["native-tls", "openssl", "openssl-src", "openssl-sys"];
const CMAKE: &[&str] = &["aws-lc-rs", "aws-lc-sys", "bindgen", "cmake"];
const RING: &[&str] = &["ring"];

/// Where it must hold: crates differ by system.
const TARGETS: &[&str] =
    &["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];

/// `facade` is the crate that programs depend on.
pub(super) fn check(root: &Path, facade: &Crate) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for build in BUILDS {
        let features = build.features.names(facade.features.keys().map(String::as_str));
        for target in TARGETS {
            let tree = tree(root, &facade.name, &features, target)?;
            let problems = problems(build, &crates_of_others(&tree));
            found.extend(problems.into_iter().map(|problem| {
                let message = format!("with features `{features}` on {target}: {problem}");
                Violation::new(relative(root, &facade.manifest_path), message)
            }));
        }
    }
    Ok(found)
}

fn tree(root: &Path, package: &str, features: &str, target: &str) -> Result<String> {
    let output = Command::new("cargo")
        .args(["tree", "--package", package, "--features", features, "--target", target])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// `name v1.2.3` of each crate that a `cargo tree` names, without the workspace's own.
fn crates_of_others(tree: &str) -> BTreeSet<&str> {
    tree.lines()
        .filter_map(|line| line.split(" (").next())
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_ours(line))
        .collect()
}

fn is_ours(package: &str) -> bool {
    let name = package.split(' ').next().unwrap_or_default();
    name == "rohrpost" || name.starts_with("rohrpost-")
}

fn problems(build: &Build, crates: &BTreeSet<&str>) -> Vec<String> {
    let names: BTreeSet<&str> = crates.iter().filter_map(|line| line.split(' ').next()).collect();
    let mut problems: Vec<String> = build
        .never
        .iter()
        .flat_map(|list| list.iter())
        .filter(|name| names.contains(*name))
        .map(|name| {
            format!("{name} must not be compiled (`cargo tree -i {name}` says whose it is)")
        })
        .collect();
    if let Some(most) = build.most.filter(|most| crates.len() > *most) {
        let all: Vec<&str> = crates.iter().copied().collect();
        problems.push(format!(
            "{} crates of others, at most {most} are promised: {}",
            crates.len(),
            all.join(", ")
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "rohrpost v0.1.0 (/folder/crates/rohrpost)\nbytes v1.12.0\n\
        rohrpost-codec v0.1.0 (/folder/crates/codec)\nbytes v1.12.0 (*)\n\
        serde_derive v1.0.0 (proc-macro)\nbytes v0.5.0\n\ncmake v0.1.0\n";

    fn problems_of(most: Option<usize>, never: &'static [&'static [&'static str]]) -> Vec<String> {
        problems(&Build { features: Features::These(&[]), most, never }, &crates_of_others(TREE))
    }

    #[test]
    fn a_build_with_all_features_but_one_has_those_that_come_later_too() {
        let all = || ["sasl", "tls", "tls-aws-lc-rs"].into_iter();
        assert_eq!(Features::AllBut("tls").names(all()), "sasl,tls-aws-lc-rs");
        assert_eq!(Features::These(&["tls"]).names(all()), "tls");
    }

    #[test]
    fn one_crate_too_many_is_found_each_version_counting_once_and_ours_not_at_all() {
        assert!(problems_of(Some(4), &[]).is_empty());
        let found = problems_of(Some(3), &[]);
        assert!(found.len() == 1 && found[0].starts_with("4 crates of others"), "{found:?}");
    }

    #[test]
    fn a_crate_that_must_never_be_there_is_found_by_its_whole_name() {
        assert!(problems_of(None, &[OPENSSL, RING, &["make", "serde"]]).is_empty());
        let found = problems_of(None, &[OPENSSL, CMAKE]);
        assert!(found.len() == 1 && found[0].starts_with("cmake must not"), "{found:?}");
    }
}
