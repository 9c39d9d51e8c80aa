//! Record batches beside Java's and kafka-protocol's: `cargo xtask bench records`.

use std::ffi::OsStr;
use std::process::Command;

use super::drivers::cargo_build;
use crate::args::Args;
use crate::codegen::KAFKA_VERSION;
use crate::codegen::kafka_clients::KafkaClients;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask bench records [--without-java]

Builds, seals and reads record batches of 1 MiB with rohrpost-records, and prints nanoseconds per
record beside the floors, the bare codecs, Java's MemoryRecordsBuilder (warmed up) and
kafka-protocol 0.18, with the compressed sizes, all of one run. Best rounds, on one core.

  --without-java   leave Java out
";

const PROGRAM: &str = "bench/records/BenchRecords.java";

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.flag("--help") {
        print!("{HELP}");
        return Ok(());
    }
    let without_java = args.flag("--without-java");
    args.finish()?;
    let root = workspace::root();
    let target = root.join("target/bench/records");
    let arguments = [OsStr::new("--target-dir"), target.as_os_str()];
    let program = cargo_build(&root.join("bench/records"), &arguments)?;
    let mut bench = Command::new(program);
    if !without_java {
        bench.arg(KafkaClients::obtain(KAFKA_VERSION)?.compile(&[PROGRAM])?);
    }
    let status = bench.status()?;
    if status.success() { Ok(()) } else { Err(format!("bench/records: {status}").into()) }
}
