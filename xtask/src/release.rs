//! `cargo xtask release`: whether the crates could be published as they are.

use std::fs;
use std::process::{Command, Stdio};

use crate::Result;
use crate::args::Args;
use crate::deny;
use crate::steps::Report;
use crate::workspace::{self, Package};

const HELP: &str = "\
cargo xtask release [--baseline REV] [--level LEVEL]

Looks whether every published crate can be released: that each packages, and compiles from its package
beside the packages of the others; that deny.toml holds of all they depend on; that each compiles with
every feature alone and with every two together, without what only its tests need; that each crate's
tests pass on their own; and that no public item was broken since REV. Nothing is published. Needs
cargo-deny, cargo-hack and cargo-semver-checks (`cargo install --locked` has them), and a working tree
without changes.

  --baseline REV   a commit or tag; without it, the last release's tag. None yet: nothing is compared
  --level LEVEL    how much may have changed: patch, minor or major; without it, as the versions say
";

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let baseline: Option<String> = args.value("--baseline")?;
    let level: Option<String> = args.value("--level")?;
    args.finish()?;
    let tools = [deny::TOOL, "cargo-hack", "cargo-semver-checks"];
    let missing: Vec<&str> =
        tools.into_iter().filter(|tool| !workspace::is_installed(tool)).collect();
    if !missing.is_empty() {
        return Err(format!("this needs `cargo install --locked {}`", missing.join(" ")).into());
    }
    let published: Vec<Package> =
        workspace::packages()?.into_iter().filter(Package::is_published).collect();

    let mut report = Report::new();
    // In a folder of this commit's: cargo takes two packages of one version for the same, wherever it has unpacked the first.
    let commit = output_of(workspace::program("git").args(["rev-parse", "HEAD"]))?;
    let folder = workspace::root().join("target/packages").join(commit);
    let mut packages = package();
    packages.arg("--target-dir").arg(&folder);
    report.command("packages, each compiled from its own", &mut packages);
    fs::remove_dir_all(&folder)?;
    deny::check(&mut report);
    deny::check_advisories(&mut report)?;
    let hack = ["hack", "check", "--workspace", "--ignore-private", "--no-dev-deps"];
    let mut each = workspace::cargo(&hack);
    report.command("every feature alone", each.arg("--each-feature"));
    let mut pairs = workspace::cargo(&hack);
    report.command("every two features", pairs.args(["--feature-powerset", "--depth", "2"]));
    for package in &published {
        let mut tests = workspace::cargo(&["test", "-p", &package.name, "--no-fail-fast"]);
        report.tests(&format!("tests of {}", package.name), tests.args(["--", "--quiet"]));
    }
    match baseline.or_else(last_release) {
        Some(revision) => {
            let libraries = published.iter().filter(|package| package.has_library());
            let mut semver = workspace::cargo(&["semver-checks", "--baseline-rev", &revision]);
            semver.args(libraries.flat_map(|library| ["-p", &library.name]));
            semver.args(level.iter().flat_map(|level| ["--release-type", level]));
            report.command(&format!("nothing broken since {revision}"), &mut semver);
        }
        None => report.skip("nothing broken since the last release: there is none", 1),
    }
    report.finish(None)
}

/// Whether each crate packages, which takes a second; what is in the packages is not compiled.
pub(crate) fn packages() -> Result {
    let mut command = package();
    command.args(["--no-verify", "--allow-dirty", "--offline"]).stdin(Stdio::null());
    if command.status()?.success() { Ok(()) } else { Err("a crate does not package".into()) }
}

/// Packages every member, those that are never published too: none of them depends on another such one, which cargo would
/// look for in the registry.
fn package() -> Command {
    workspace::cargo(&["package", "--workspace", "--quiet"])
}

/// The newest tag of a version that this commit comes from.
fn last_release() -> Option<String> {
    let mut git = workspace::program("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]);
    output_of(&mut git).ok()
}

/// What a program prints, without the space around it.
fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}
