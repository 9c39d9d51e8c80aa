//! Schema Registry's serializers beside others': `cargo xtask bench schema-registry`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::drivers::cargo_build;
use crate::args::Args;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask bench schema-registry [--rounds N] [--cells TEXT] [--without-python] [--allocations]

Serializes and deserializes the same records in Avro, Protocol Buffers and JSON Schema with
rohrpost-schema-registry, schema_registry_converter 6 and Confluent's client for Python, in turns,
with one registry in the process, and prints nanoseconds of CPU time per record (medians of N rounds,
21) after the first look-up. What everybody writes is read by the others before.

Python 3.10 or newer with pip; the client is installed into the target folder.

  --cells            those whose names contain this: \"deserialize Avro\"
  --without-python   leave Python out
  --allocations      instead of nanoseconds, of the two in Rust
";

const PACKAGE: &str = "confluent-kafka[avro,protobuf,json]==2.16.0";

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let rounds: u32 = args.value("--rounds")?.unwrap_or(21);
    let cells: String = args.value("--cells")?.unwrap_or_default();
    let without_python = args.flag("--without-python");
    let allocations = args.flag("--allocations");
    args.finish()?;
    let root = workspace::root();
    let target = root.join("target/bench/schema-registry");
    let mut arguments = vec![OsStr::new("--target-dir"), target.as_os_str()];
    if allocations {
        arguments.extend([OsStr::new("--features"), OsStr::new("allocations")]);
    }
    let program = cargo_build(&root.join("bench/schema-registry"), &arguments)?;
    let mut bench = Command::new(program);
    if allocations {
        // Their number does not vary.
        bench.args(["1", &cells]);
    } else {
        bench.args([&rounds.to_string(), &cells]);
        if !without_python {
            bench.arg(packages(&target)?);
        }
    }
    let status = bench.status()?;
    if status.success() { Ok(()) } else { Err(format!("bench/schema-registry: {status}").into()) }
}

/// The folder with Confluent's client for Python, installed once.
fn packages(target: &Path) -> Result<PathBuf> {
    let folder = target.join(PACKAGE.replace(['[', ']', ','], "-"));
    if folder.is_dir() {
        return Ok(folder);
    }
    // What is there is whole.
    let part = folder.with_extension("part");
    if part.is_dir() {
        fs::remove_dir_all(&part)?;
    }
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--root-user-action=ignore", "--target"])
        .arg(&part)
        .arg(PACKAGE)
        .status()?;
    if !status.success() {
        return Err(format!("pip cannot install {PACKAGE} (--without-python)").into());
    }
    fs::rename(&part, &folder)?;
    Ok(folder)
}
