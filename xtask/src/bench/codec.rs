//! The codec beside kafka-protocol: `cargo xtask bench codec`.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::drivers::cargo_build;
use crate::args::Args;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask bench codec [--rounds N] [--compile-times]

Encodes and decodes Produce (12 partitions of 16 KiB), Metadata (1,000 topics of 12 partitions) and
Fetch (12 x 64 KiB) with rohrpost-codec and kafka-protocol 0.18, in turns, and prints the medians of
N rounds (401).

  --compile-times   instead, how long each crate alone takes to compile, dependencies left out
";

/// The allocator gives nothing back to the system between calls, as it seldom does in a process that
/// runs for long; else page faults would be measured.
const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_TRIM_THRESHOLD_", "1000000000"), ("MALLOC_MMAP_THRESHOLD_", "1000000000")];

/// How often each crate is compiled; the fastest counts.
const COMPILATIONS: usize = 3;

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.flag("--help") {
        print!("{HELP}");
        return Ok(());
    }
    let rounds: u32 = args.value("--rounds")?.unwrap_or(401);
    let compile_times_only = args.flag("--compile-times");
    args.finish()?;
    let root = workspace::root();
    if compile_times_only {
        return compile_times(&root);
    }
    let target = root.join("target/bench/codec");
    let program =
        cargo_build(&root.join("bench/codec"), &["--target-dir".as_ref(), target.as_os_str()])?;
    let status = Command::new(program).arg(rounds.to_string()).envs(ALLOCATOR).status()?;
    if status.success() { Ok(()) } else { Err(format!("bench/codec: {status}").into()) }
}

fn compile_times(root: &Path) -> Result {
    let (codec, others) = (root.to_owned(), root.join("bench/codec"));
    println!("| crate | debug | release |\n|---|--:|--:|");
    for (name, folder, package, features) in [
        ("rohrpost-codec, default features", &codec, "rohrpost-codec", ""),
        ("rohrpost-codec, `all`", &codec, "rohrpost-codec", "all"),
        ("kafka-protocol 0.18, client and broker", &others, "kafka-protocol", ""),
    ] {
        let target = root.join("target/bench/compile").join(package);
        let time = |profile| compile(folder, &target, package, features, profile);
        println!("| {name} | {:.1} s | {:.1} s |", time("dev")?, time("release")?);
    }
    Ok(())
}

/// Seconds that the package takes when its dependencies are there.
fn compile(
    folder: &Path,
    target: &Path,
    package: &str,
    features: &str,
    profile: &str,
) -> Result<f64> {
    let cargo = |command: &str, features: &[&str]| -> Result {
        let status = Command::new("cargo")
            .args([command, "--quiet", "--package", package, "--profile", profile])
            .args(features)
            .env("CARGO_TARGET_DIR", target)
            .current_dir(folder)
            .status()?;
        if status.success() { Ok(()) } else { Err(format!("cargo {command} {package}").into()) }
    };
    let features: &[&str] = if features.is_empty() { &[] } else { &["--features", features] };
    cargo("build", features)?;
    let mut fastest = f64::INFINITY;
    for _ in 0..COMPILATIONS {
        cargo("clean", &[])?;
        let start = Instant::now();
        cargo("build", features)?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(fastest)
}
