//! `cargo xtask chaos`: `tests/tests/transaction_chaos.rs` for longer.

use crate::args::Args;
use crate::workspace::cargo;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask chaos [--minutes N] [--seed S]

Three nodes of a real Apache Kafka, of which one after the other is killed or frozen, coordinators of
transactions above all, while six tellers move money in transactions, abort some, drop some, die in some
and live on beside a successor. The balance must hold for every snapshot at read_committed, every transfer
must have ended as its teller was told, and nothing may hang when it is over.

  --minutes N   for how long; 20 if not given
  --seed S      which faults and transfers are drawn; what becomes of them depends on the machine too
";

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let minutes: f64 = args.value("--minutes")?.unwrap_or(20.0);
    let seed: u64 = args.value("--seed")?.unwrap_or(1);
    args.finish()?;
    if !(minutes > 0.0 && minutes < 100_000.0) {
        return Err("--minutes: more than none".into());
    }
    let mut command = cargo(&["test", "--release", "-p", "rohrpost-tests", "--features"]);
    command.args(["real-kafka", "--test", "transaction_chaos", "--", "--nocapture"]);
    command.env("ROHRPOST_CHAOS_SECONDS", format!("{:.0}", (minutes * 60.0).max(1.0)));
    command.env("ROHRPOST_CHAOS_SEED", seed.to_string());
    let status = command.current_dir(workspace::root()).status()?;
    if status.success() { Ok(()) } else { Err(format!("the chaos ended with {status}").into()) }
}
