//! The codec beside kafka-protocol: `cargo xtask bench codec`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::drivers::cargo_build;
use crate::args::Args;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask bench codec [--rounds N] [--compile-times]

Encodes and decodes Produce (12 partitions of 16 KiB), Metadata (1,000 topics of 12 partitions) and
Fetch (12 x 64 KiB) with rohrpost-codec and kafka-protocol 0.18, in turns, and prints the medians of
N rounds (401).

  --compile-times   instead, the CPU seconds that each crate alone takes to compile (Linux)
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
    println!("CPU seconds to compile each crate, without its dependencies\n");
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

/// CPU seconds that the package takes when its dependencies are there: how long it takes by the clock
/// depends on what else the machine does.
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
        let before = cpu_of_children()?;
        cargo("build", features)?;
        fastest = fastest.min(cpu_of_children()? - before);
    }
    Ok(fastest)
}

/// Seconds of user and system time of all children that have ended (proc(5), `cutime` and `cstime`).
fn cpu_of_children() -> Result<f64> {
    /// A tick of these counters, the same on every Linux that Rust's tier 1 names.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses, with anything in it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    if ticks.len() != 2 {
        return Err("/proc/self/stat has no times".into());
    }
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}
