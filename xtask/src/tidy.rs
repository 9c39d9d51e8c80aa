//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that no compiler holds.
//!
//! Each rule is a pure function over texts or the crates' graph, tested with planted violations.

mod code;
mod features;
mod files;
mod layers;
mod manifests;
mod msrv;
mod purity;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::args::Args;
use crate::workspace;

const HELP: &str = "\
cargo xtask tidy

Holds the rules of ARCHITECTURE.md and CONTRIBUTING.md that no compiler holds: which crate may need
which, what the crates below `driver` know nothing of, what each manifest says, that each feature is
documented, what and how much of others' a program compiles with rohrpost, how long a file may be,
that no test sleeps. Prints every place that breaks one, and what to do there.
";

/// A rule broken: where (from the repository's top), and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    place: String,
    message: String,
}

impl Violation {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    args.finish()?;
    let root = workspace::root();
    let violations = check(&root)?;
    for Violation { place, message } in &violations {
        eprintln!("{place}: {message}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => Err("tidy: one violation".into()),
        count => Err(format!("tidy: {count} violations").into()),
    }
}

/// How many tests a source file has.
pub(crate) fn count_tests(source: &str) -> usize {
    let code = code::without_comments_and_strings(source);
    code.matches("#[test]").count() + code.matches("#[tokio::test").count()
}

fn check(root: &Path) -> Result<BTreeSet<Violation>> {
    let crates = manifests::read(root)?;
    let mut found = BTreeSet::new();
    for krate in &crates {
        found.extend(layers::check(root, krate));
        found.extend(manifests::check(root, krate));
        found.extend(features::check(root, krate));
    }
    found.extend(msrv::check(root)?);
    for facade in crates.iter().filter(|krate| krate.name == "rohrpost") {
        found.extend(tree::check(root, facade)?);
    }
    let paths = files_of_the_repository(root)?;
    for path in &paths {
        // What is no text, or was deleted and not yet committed so, is no matter of style.
        let Ok(text) = fs::read_to_string(root.join(path)) else { continue };
        found.extend(files::check(path, &text));
    }
    for krate in crates.iter().filter(|krate| layers::is_below_driver(&krate.name)) {
        found.extend(purity::check_crate(root, krate, &paths));
    }
    Ok(found)
}

/// Every file that is committed or could be, by its path from the top with `/`.
fn files_of_the_repository(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let unique: BTreeSet<&str> = text.split('\0').filter(|path| !path.is_empty()).collect();
    Ok(unique.into_iter().map(str::to_owned).collect())
}

/// `path` from the repository's top, with `/`.
fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    path.display().to_string().replace('\\', "/")
}
