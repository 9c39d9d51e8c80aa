//! `cargo xtask fuzz`: the fuzz targets, one after the other.

mod seeds;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::args::Args;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask fuzz [--seconds N] [--target NAME] [--write-seeds]

Lets the fuzzer look for inputs that break a promise of the codec or the records: every target for
N seconds. Needs a nightly compiler and cargo-fuzz (`cargo install cargo-fuzz --locked`). `cargo xtask
test` replays the seeds without either.

  --seconds N     for each target (60)
  --target NAME   only this one
  --write-seeds   write the seeds of the codec's targets anew, from its test vectors, and end
";

/// More than an honest decoder of such small inputs ever takes, in MiB: at once, and in all.
const LIMITS: [&str; 2] = ["-malloc_limit_mb=64", "-rss_limit_mb=2048"];

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let seconds: u32 = args.value("--seconds")?.unwrap_or(60);
    let only: Option<String> = args.value("--target")?;
    let write_seeds = args.flag("--write-seeds");
    args.finish()?;
    let root = workspace::root();
    if write_seeds {
        return seeds::write(&root);
    }
    refuse_without_fuzzer()?;
    let targets: Vec<String> =
        targets(&root)?.into_iter().filter(|t| only.as_ref().is_none_or(|o| o == t)).collect();
    if targets.is_empty() {
        return Err("there is no such target in fuzz/fuzz_targets".into());
    }
    let mut failed = Vec::new();
    for target in &targets {
        println!("\n== {target}, {seconds} s");
        if !fuzz(&root, target, seconds)? {
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() {
        println!("\n{} targets, {seconds} s each, nothing found", targets.len());
        return Ok(());
    }
    let failed = failed.join(", ");
    Err(format!("found something: {failed}; the inputs are in fuzz/artifacts").into())
}

/// The names of the programs in `fuzz/fuzz_targets`.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    targets.sort();
    Ok(targets)
}

/// Runs one target on top of what it has found before; gives whether nothing was found.
fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<bool> {
    let corpus = format!("fuzz/corpus/{target}");
    fs::create_dir_all(root.join(&corpus))?;
    let mut cargo = Command::new("cargo");
    cargo.args(["+nightly", "fuzz", "run", target, &corpus]);
    let seeds = format!("fuzz/seeds/{target}");
    if root.join(&seeds).is_dir() {
        cargo.arg(&seeds);
    }
    cargo.args(["--", "-timeout=10", "-print_final_stats=1", "-verbosity=0"]).args(LIMITS);
    cargo.arg(format!("-max_total_time={seconds}")).current_dir(root);
    Ok(cargo.stdin(Stdio::null()).status()?.success())
}

fn refuse_without_fuzzer() -> Result {
    let is_there = Command::new("cargo")
        .args(["+nightly", "fuzz", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if is_there {
        return Ok(());
    }
    Err("fuzzing needs a nightly compiler (`rustup toolchain install nightly`) and cargo-fuzz \
         (`cargo install cargo-fuzz --locked`)"
        .into())
}
