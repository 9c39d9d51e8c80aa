//! `cargo xtask conformance broker`: the testkit's broker model beside Apache Kafka.

use harness::broker_model;
use harness::kafka::PrivateCluster;

use crate::Result;
use crate::args::Args;

const HELP: &str = "\
cargo xtask conformance broker [--seed N] [--cases M] [--from K] [--brokers 1|3] [--trace]
                               [--scenes]

Sends random sequences of requests to the testkit's broker model and to an Apache Kafka of its own,
and compares what they answer and what their logs hold; every other sequence is about transactions
and the offsets of groups, under transaction version 0, 1 or 2. Ends with
`N sequences, M requests, K mismatches`; any mismatch is a wrong model, and a failure.

  --seed N     what all chance comes from; 1 if not given
  --cases M    how many sequences; 400 if not given, which takes about a minute
  --from K     begin with the sequence K: with --cases 1, only that one
  --brokers    how many: three have followers, and leaders that move; one refuses permissions too
  --trace      print every request and Kafka's answer
  --scenes     play what is written down instead: producers that are forgotten, transactions that
               take too long, quotas
";

pub(super) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let seed: u64 = args.value("--seed")?.unwrap_or(1);
    let cases: u64 = args.value("--cases")?.unwrap_or(400);
    let from: u64 = args.value("--from")?.unwrap_or(0);
    let brokers: u32 = args.value("--brokers")?.unwrap_or(1);
    let (scenes, trace) = (args.flag("--scenes"), args.flag("--trace"));
    args.finish()?;
    let spec = match (scenes, brokers) {
        (true, 1) => broker_model::kafka_for_scenes(),
        (false, 1) => broker_model::kafka_for_sequences(),
        (false, 3) => broker_model::kafka_of_three(),
        _ => return Err("one broker, or three and no --scenes".into()),
    };
    let cluster = PrivateCluster::start("conformance", &spec)?;
    let status = broker_model::comparison(&cluster.bootstrap_servers(), "release")
        .args(["--seed", &seed.to_string(), "--cases", &cases.to_string()])
        .args(["--from", &from.to_string()])
        .args(scenes.then_some("--scenes"))
        .args(trace.then_some("--trace"))
        .status()?;
    if status.success() { Ok(()) } else { Err("the model is not as Kafka is".into()) }
}
