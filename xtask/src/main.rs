//! The repository's automation: `cargo xtask help`.

mod args;
mod bench;
mod chaos;
mod codegen;
mod conformance;
mod deny;
mod fuzz;
mod kafka;
mod librdkafka;
mod partitioners;
mod release;
mod sim;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::error::Error;
use std::process::ExitCode;

/// What a command ends with; the error is printed as it is.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "\
cargo xtask COMMAND

  test      run everything that must hold (`cargo xtask test --help`)
  tidy      hold the rules of ARCHITECTURE.md that no compiler holds
  bench     measure rohrpost beside other clients (`cargo xtask bench --help`)
  codegen   generate the codec's messages from Kafka's definitions (`cargo xtask codegen --help`)
  conformance  compare with what Apache Kafka's own code does (`cargo xtask conformance help`)
  partitioners  ask other clients where they put keys, for the tests of the partitioners
  settings  ask librdkafka which settings it takes, for the tests of its dialect
  release   look whether every crate could be published (`cargo xtask release --help`)
  fuzz      let the fuzz targets look for trouble (`cargo xtask fuzz --help`)
  sim       live the producer's lives under faults, each from a seed (`cargo xtask sim --help`)
  chaos     kill and freeze brokers under transactions for as long as you like (`cargo xtask chaos --help`)
  kafka     run a real Apache Kafka on loopback (`cargo xtask kafka help`)
  help      print this
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", args),
    };
    match command {
        "bench" => bench::run(rest),
        "test" => test::run(rest),
        "tidy" => tidy::run(rest),
        "kafka" => kafka::run(rest),
        "sim" => sim::run(rest),
        "chaos" => chaos::run(rest),
        "codegen" => Ok(codegen::run(rest)?),
        "partitioners" => partitioners::run(rest),
        "settings" => librdkafka::settings(rest),
        "release" => release::run(rest),
        "conformance" => conformance::run(rest),
        "fuzz" => fuzz::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("no command `{command}`; `cargo xtask help` lists them").into()),
    }
}
