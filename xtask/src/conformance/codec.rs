//! Random instances of every message in every version, beside the classes that Apache Kafka generates.
//!
//! The comparing is a program of its own, `rohrpost-conformance`: it compiles all of the codec, which
//! xtask need not.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::args::Args;
use crate::codegen::KAFKA_VERSION;
use crate::codegen::kafka_clients::KafkaClients;
use crate::{Result, workspace};

/// The Java side: it answers questions, and makes values up as for the test vectors.
const PROGRAMS: [&str; 2] =
    ["crates/codec/tests/vectors/MakeVectors.java", "xtask/conformance/Conformance.java"];

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    // A new seed every time, so that every run looks elsewhere; it is printed.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seed: u64 = args.value("--seed")?.unwrap_or(now);
    let cases: u64 = args.value("--cases")?.unwrap_or(5);
    args.finish()?;
    let class_path = KafkaClients::obtain(KAFKA_VERSION)?.compile(&PROGRAMS)?;
    let status = Command::new("cargo")
        .args(["run", "--quiet", "-p", "rohrpost-conformance", "--", &class_path])
        .args([seed.to_string(), cases.to_string()])
        .current_dir(workspace::root())
        .status()?;
    if status.success() { Ok(()) } else { Err("the codec differs from Kafka's".into()) }
}
