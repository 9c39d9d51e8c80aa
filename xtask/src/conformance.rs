//! `cargo xtask conformance`: what this repository does beside what Apache Kafka's own code does.

mod broker;
mod codec;
mod records;

use crate::Result;

const HELP: &str = "\
cargo xtask conformance [PART] [OPTIONS]

  (no PART) [--seed N] [--cases M]   the codec: every message and version beside kafka-clients'
                                     generated classes and their JSON converters
  broker [--seed N] [--cases M]      the testkit's broker model beside Apache Kafka; more by
                                     `broker --help`
  records [--seed N] [--batches M]   random record batches in every codec and level: ours read by
                                     Java, and Java's by us
";

pub(crate) fn run(args: &[String]) -> Result {
    match args.first().map(String::as_str) {
        Some("help" | "--help") => {
            print!("{HELP}");
            Ok(())
        }
        Some("broker") => broker::run(&args[1..]),
        Some("records") => records::run(&args[1..]),
        // A further part's arm goes here, with its line in HELP.
        Some(part) if !part.starts_with("--") => {
            Err(format!("no part `{part}`; `cargo xtask conformance help` lists them").into())
        }
        _ => codec::run(args),
    }
}
