//! The crates as their manifests tell them, and what every manifest must say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::{Violation, relative};
use crate::Result;

/// A member of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) manifest_path: PathBuf,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) features: BTreeMap<String, Vec<String>>,
    description: Option<String>,
    license: Option<String>,
    rust_version: Option<String>,
    /// `Some([])` for a crate that is not published.
    publish: Option<Vec<String>>,
}

/// An entry of a crate's manifest.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
}

/// Which of the manifest's tables it stands in, if not in `[dependencies]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Dev,
    Build,
}

impl Crate {
    pub(super) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    pub(super) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

/// Asks cargo for the workspace's members.
pub(super) fn read(root: &Path) -> Result<Vec<Crate>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Crate>,
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice::<Metadata>(&output.stdout)?.packages)
}

/// What a crate's manifest and folder must have.
pub(super) fn check(root: &Path, krate: &Crate) -> Vec<Violation> {
    let manifest = relative(root, &krate.manifest_path);
    let text = fs::read_to_string(&krate.manifest_path).unwrap_or_default();
    let mut found = missing_fields(krate, &manifest, &text);
    if krate.is_published() {
        for file in ["README.md", "CHANGELOG.md"] {
            if !krate.folder().join(file).is_file() {
                let message = format!("crate {} has no {file}", krate.name);
                found.push(Violation::new(relative(root, krate.folder()), message));
            }
        }
    }
    found
}

fn missing_fields(krate: &Crate, manifest: &str, text: &str) -> Vec<Violation> {
    let fields = [
        ("description", krate.description.is_some()),
        ("license", krate.license.is_some()),
        ("rust-version", krate.rust_version.is_some()),
    ];
    let lints = text
        .split("[lints]")
        .nth(1)
        .is_some_and(|t| t.trim_start().starts_with("workspace = true"));
    let mut found: Vec<Violation> = fields
        .into_iter()
        .filter(|(_, there)| !there)
        .map(|(field, _)| Violation::new(manifest, format!("`{field}` is missing")))
        .collect();
    if !lints {
        found.push(Violation::new(manifest, "`[lints] workspace = true` is missing"));
    }
    found
}

#[cfg(test)]
pub(super) fn planted(name: &str, dependencies: &[(&str, Option<Kind>)]) -> Crate {
    Crate {
        name: name.to_owned(),
        manifest_path: PathBuf::from("crates/planted/Cargo.toml"),
        dependencies: dependencies
            .iter()
            .map(|&(name, kind)| Dependency { name: name.to_owned(), kind })
            .collect(),
        features: BTreeMap::new(),
        description: Some(String::new()),
        license: Some(String::new()),
        rust_version: Some(String::new()),
        publish: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_without_lints_or_license_is_found() {
        let mut krate = planted("rohrpost-codec", &[]);
        let complete = "[package]\n[lints]\nworkspace = true\n";
        assert!(missing_fields(&krate, "Cargo.toml", complete).is_empty());
        krate.license = None;
        let found = missing_fields(&krate, "Cargo.toml", "[package]\n");
        let messages: Vec<&str> = found.iter().map(|v| v.message.as_str()).collect();
        assert_eq!(messages, ["`license` is missing", "`[lints] workspace = true` is missing"]);
    }

    #[test]
    fn an_unpublished_crate_needs_no_readme() {
        let mut krate = planted("rohrpost-sim", &[]);
        krate.publish = Some(Vec::new());
        let root = Path::new("nowhere");
        let readme =
            |krate: &Crate| check(root, krate).iter().any(|v| v.message.contains("README.md"));
        assert!(!readme(&krate));
        krate.publish = None;
        assert!(readme(&krate));
    }
}
