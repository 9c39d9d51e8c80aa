//! `cargo xtask conformance records`: random record batches, ours read by Java and Java's by us.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::args::Args;
use crate::codegen::KAFKA_VERSION;
use crate::codegen::kafka_clients::KafkaClients;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask conformance records [--seed N] [--batches M]

Random batches in every codec and level, with headers, nulls and timestamps of every kind. Half of
them are written by rohrpost-records and read by Java (MemoryRecords, every record, ensureValid);
half by Java's MemoryRecordsBuilder and read by us. Every field is compared. Ends with
`M batches, K mismatches`; any mismatch is a failure.

  --seed N      what all chance comes from; printed, and another one every time if not given
  --batches M   how many in all; 12000 if not given
";

/// The Java side.
const PROGRAM: &str = "crates/records/tests/java/src/GoldenBatches.java";

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.flag("--help") {
        print!("{HELP}");
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seed: u64 = args.value("--seed")?.unwrap_or(now);
    let batches: u64 = args.value("--batches")?.unwrap_or(12_000);
    args.finish()?;
    println!("seed {seed}");
    let class_path = KafkaClients::obtain(KAFKA_VERSION)?.compile(&[PROGRAM])?;
    let java = |arguments: &[&str]| {
        let mut java = Command::new("java");
        java.args(["-cp", &class_path, "GoldenBatches"]).args(arguments);
        java
    };
    let folder = workspace::root().join("target/conformance");
    fs::create_dir_all(&folder)?;
    let (by_us, by_java) = (folder.join("batches-by-us.txt"), folder.join("batches-by-java.txt"));
    let (seed, half) = (seed.to_string(), (batches / 2).to_string());
    let rest = (batches - batches / 2).to_string();

    write(&mut rohrpost(&["--batches", &rest, "--seed", &seed]), &by_us)?;
    let by_us = compare("written by us, read by Java", &mut java(&["check", path(&by_us)?]))?;
    write(&mut java(&["random", &seed, &half]), &by_java)?;
    let by_java =
        compare("written by Java, read by us", &mut rohrpost(&["--check", path(&by_java)?]))?;

    let (compared, mismatches) = (by_us.0 + by_java.0, by_us.1 + by_java.1);
    println!("{compared} batches, {mismatches} mismatches");
    if mismatches > 0 || compared != batches {
        return Err("the records differ from Kafka's".into());
    }
    Ok(())
}

/// Our side: an example of the crate, with every codec and level.
fn rohrpost(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["run", "--quiet", "--release", "-p", "rohrpost-records", "--features", "lz4-c"])
        .args(["--example", "batches_for_java", "--"])
        .args(arguments)
        .current_dir(workspace::root());
    cargo
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| format!("{} is no UTF-8", path.display()).into())
}

/// Runs a program that writes batches into a file.
fn write(program: &mut Command, file: &Path) -> Result {
    let status = program.stdin(Stdio::null()).stdout(File::create(file)?).status()?;
    if status.success() { Ok(()) } else { Err(format!("{program:?}: {status}").into()) }
}

/// Runs a program that compares, shows what it found, and gives the batches and the mismatches that its
/// last line counts.
fn compare(what: &str, program: &mut Command) -> Result<(u64, u64)> {
    let output = program.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let counts = printed.lines().next_back().and_then(counts);
    let Some((batches, mismatches)) = counts else {
        return Err(format!("{what}: {}\n{printed}", output.status).into());
    };
    if mismatches > 0 {
        print!("{printed}");
    }
    println!("{what}: {batches} batches, {mismatches} mismatches");
    Ok((batches, mismatches))
}

/// The numbers of `6000 batches, 0 mismatches`.
fn counts(line: &str) -> Option<(u64, u64)> {
    let (batches, mismatches) = line.strip_suffix(" mismatches")?.split_once(" batches, ")?;
    Some((batches.parse().ok()?, mismatches.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn reads_the_last_line_and_nothing_else() {
        assert_eq!(counts("6000 batches, 3 mismatches"), Some((6000, 3)));
        assert_eq!(counts("6000 batches"), None);
        assert_eq!(counts("Exception in thread \"main\""), None);
    }
}
