//! Where the repository is, and what crates it has.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Result;

/// The repository's top folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// A program that is to run in the top folder.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    // Whoever works with a cluster of their own has this set: no test is to send there.
    command.env_remove("ROHRPOST_BOOTSTRAP_SERVERS");
    command
}

/// Cargo, in the top folder.
pub(crate) fn cargo(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = program("cargo");
    command.args(arguments);
    command
}

/// Whether cargo has this subcommand, `cargo-hack` for example.
pub(crate) fn is_installed(tool: &str) -> bool {
    let command = tool.trim_start_matches("cargo-");
    cargo(&[command, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// A member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// The oldest Rust that it compiles with.
    pub(crate) rust_version: Option<String>,
    /// `Some([])` for a crate that is not published.
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// Something that a crate has to compile.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    kind: Vec<String>,
}

impl Package {
    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    pub(crate) fn has_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "lib"))
    }
}

/// The workspace's members, as cargo tells them.
pub(crate) fn packages() -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice::<Metadata>(&output.stdout)?.packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_not_there_is_missed() {
        assert!(is_installed("cargo-clippy") && !is_installed("cargo-nonsense"));
    }

    #[test]
    fn a_cluster_of_ones_own_is_no_matter_of_the_tests() {
        let command = cargo(&["test"]);
        let unset = |(name, value): (&OsStr, Option<&OsStr>)| {
            name == "ROHRPOST_BOOTSTRAP_SERVERS" && value.is_none()
        };
        assert!(command.get_envs().any(unset));
    }

    #[test]
    fn what_is_published_and_what_is_not_are_told_apart() {
        let packages = packages().unwrap();
        let find = |name: &str| packages.iter().find(|package| package.name == name).unwrap();
        assert!(find("rohrpost").is_published() && find("rohrpost").has_library());
        assert!(find("rohrpost-cli").is_published() && !find("rohrpost-cli").has_library());
        assert!(!find("xtask").is_published() && !find("rohrpost-sim").is_published());
    }
}
