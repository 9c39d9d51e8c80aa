//! How long the facade takes to build: `cargo xtask bench build`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::args::Args;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask bench build [--peer]

Builds the facade with its default features from nothing, in release mode, one job at a time, and
prints the minutes by the clock, the CPU seconds (which other programs lengthen less; Linux), and how many
crates of others it consists of.

  --peer   beside confluent-kafka, built the same way
";

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let with_peer = args.flag("--peer");
    args.finish()?;
    let root = workspace::root();
    println!(
        "| crate | clean release build, one job | CPU | crates of others |\n|---|--:|--:|--:|"
    );
    let ours = measure(&root, "rohrpost")?;
    if with_peer {
        let theirs = measure(&root.join("bench/confluent-kafka"), "confluent-kafka")?;
        let (time, cpu) = (ours.0 / theirs.0, ours.1 / theirs.1);
        println!(
            "\n{time:.2} times confluent-kafka's time, {cpu:.2} times its CPU; to reach: a third."
        );
    }
    Ok(())
}

/// Prints a row, and gives the seconds by the clock and of CPU.
fn measure(folder: &Path, package: &str) -> Result<(f64, f64)> {
    if !folder.is_dir() {
        return Err(format!("there is no {}", folder.display()).into());
    }
    let tree = Command::new("cargo")
        .args(["tree", "--package", package, "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(folder)
        .output()?;
    if !tree.status.success() {
        return Err(String::from_utf8_lossy(&tree.stderr).into_owned().into());
    }
    let crates = crates_of_others(&String::from_utf8_lossy(&tree.stdout), package);
    let fetch = Command::new("cargo").args(["fetch", "--quiet"]).current_dir(folder).status()?;
    if !fetch.success() {
        return Err(format!("cargo fetch for {package}: {fetch}").into());
    }
    let target = workspace::root().join("target/bench/build").join(package);
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let (start, cpu) = (Instant::now(), cpu_of_children());
    let build = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--jobs", "1", "--package", package])
        .args([OsStr::new("--target-dir"), target.as_os_str()])
        .current_dir(folder)
        .status()?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_of_children() - cpu);
    if !build.success() {
        return Err(format!("{package} does not build: {build}").into());
    }
    fs::remove_dir_all(&target)?;
    println!("| {package} | {:.1} min | {cpu:.0} s | {crates} |", seconds / 60.0);
    Ok((seconds, cpu))
}

/// User and system seconds of all children that have ended (proc(5), `cutime` and `cstime`, in hundredths); NaN where there is no such file.
fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in parentheses, with anything in it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    if ticks.len() == 2 { ticks.iter().sum::<f64>() / 100.0 } else { f64::NAN }
}

/// How many different crates a `cargo tree` names, without the package and those of its own workspace.
fn crates_of_others(tree: &str, package: &str) -> usize {
    let others: BTreeSet<&str> = tree
        .lines()
        // `name v1.2.3`, then perhaps `(proc-macro)`, `(*)` or a folder.
        .filter(|line| !line.contains(" (/") && !line.contains(":\\"))
        .filter_map(|line| line.split(" (").next())
        .map(str::trim)
        .filter(|line| !line.is_empty() && line.split(' ').next() != Some(package))
        .collect();
    others.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_counted_once_and_ours_not_at_all() {
        let tree = "rohrpost v0.1.0 (/folder/crates/rohrpost)\nbytes v1.12.0\n\
                    rohrpost-codec v0.1.0 (/folder/crates/codec)\nbytes v1.12.0 (*)\n\
                    tokio-macros v2.6.0 (proc-macro)\nbytes v0.5.0\n\n";
        assert_eq!(crates_of_others(tree, "rohrpost"), 3);
        assert_eq!(crates_of_others("peer v1.0.0\nlibc v0.2.1\n", "peer"), 1);
    }
}
