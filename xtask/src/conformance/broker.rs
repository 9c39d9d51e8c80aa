//! `cargo xtask conformance broker`: the testkit's broker model beside Apache Kafka.

use std::process::Command;

use rohrpost_tests::kafka::{PrivateCluster, Spec};

use crate::Result;
use crate::args::Args;
use crate::workspace;

const HELP: &str = "\
cargo xtask conformance broker [--seed N] [--cases M] [--from K] [--trace] [--address HOST:PORT]

Sends random sequences of requests to the testkit's broker model and to an Apache Kafka of its own,
and compares what they answer and what their logs hold. Ends with
`N sequences, M requests, K mismatches`; any mismatch is a wrong model, and a failure.

  --seed N     what all chance comes from; 1 if not given
  --cases M    how many sequences; 400 if not given, which takes about a minute
  --from K     begin with the sequence K: with --cases 1, only that one
  --trace      print every request and Kafka's answer
  --address    a Kafka that is there already, of one broker and with nothing else going on
";

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.flag("--help") {
        print!("{HELP}");
        return Ok(());
    }
    let seed: u64 = args.value("--seed")?.unwrap_or(1);
    let cases: u64 = args.value("--cases")?.unwrap_or(400);
    let from: u64 = args.value("--from")?.unwrap_or(0);
    let address: Option<String> = args.value("--address")?;
    let trace = args.flag("--trace");
    args.finish()?;
    let cluster = match address {
        Some(_) => None,
        None => Some(PrivateCluster::start("conformance", &Spec::default())?),
    };
    let own = cluster.as_ref().map(|cluster| cluster.bootstrap_servers());
    let Some(address) = address.or(own) else { return Err("no Kafka to ask".into()) };
    let mut command = Command::new("cargo");
    command
        .current_dir(workspace::root())
        .args(["run", "--quiet", "--release", "-p", "rohrpost-testkit", "--example", "conformance"])
        .args(["--", &address, "--seed", &seed.to_string(), "--cases", &cases.to_string()])
        .args(["--from", &from.to_string()])
        .args(trace.then_some("--trace"));
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err("the model is not as Kafka is".into()) }
}
