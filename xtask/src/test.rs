//! `cargo xtask test`: everything that must hold before a change is merged.

mod features;
mod oldest;
mod readme;

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use harness::kafka::{self, Cluster, DEFAULT_VERSION, Distribution};

use crate::args::Args;
use crate::steps::Report;
use crate::workspace::cargo;
use crate::{Result, codegen, deny, release, sim, tidy, workspace};

const HELP: &str = "\
cargo xtask test [--without-kafka] [--quick] [FILTER]

Runs everything: formatting, clippy, tidy, codegen --check, the tests and doc tests of every crate,
every feature on its own, the Rust versions that crates promise where they are installed, the packages,
deny.toml if cargo-deny is installed, the documentation, the README's first command, and the tests
against a real Apache Kafka, for which it needs a JDK 17, Maven, kcat, MIT Kerberos and make.

  --without-kafka   leave out what needs Java and Maven, and say how much that is
  --quick           the tests alone: no lints, features, documentation or README
  FILTER            only tests with this in their names; means --quick. None such is an error
";

/// The workspace's tests that are compiled for a real Kafka only.
const REAL_KAFKA: [&str; 4] = ["-p", "rohrpost-tests", "--features", "real-kafka"];

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let with_kafka = !args.flag("--without-kafka");
    let quick = args.flag("--quick");
    let filter = args.optional_word();
    args.finish()?;
    if with_kafka {
        refuse_if_programs_are_missing()?;
        // Brought while the compiler works; whoever needs it first waits for what is left.
        thread::spawn(|| Distribution::obtain(DEFAULT_VERSION));
    }

    let mut report = Report::new();
    if !quick && filter.is_none() {
        static_checks(&mut report, with_kafka)?;
    }
    tests(&mut report, filter.as_deref());
    if !quick && filter.is_none() {
        readme_and_documentation(&mut report)?;
    }
    if with_kafka {
        real_kafka(&mut report, filter.as_deref());
    } else {
        let skipped = count_real_kafka_tests()?;
        report.skip("tests against a real Kafka", skipped);
    }
    report.finish(filter.as_deref())
}

fn refuse_if_programs_are_missing() -> Result {
    let missing = kafka::missing_programs();
    if missing.is_empty() {
        return Ok(());
    }
    let list: String = missing.iter().map(|missing| format!("\n  {missing}")).collect();
    Err(format!(
        "this machine cannot run all tests:{list}\n\
         `cargo xtask test --without-kafka` runs those that need none of that"
    )
    .into())
}

fn static_checks(report: &mut Report, with_kafka: bool) -> Result {
    report.command("formatting", &mut cargo(&["fmt", "--all", "--check"]));
    report.check("tidy", || tidy::run(&[]));
    if with_kafka {
        report.check("codegen --check", || Ok(codegen::run(&["--check".to_owned()])?));
    } else {
        report.skip("codegen --check", 1);
    }
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets", "--all-features"]);
    report.command("clippy", clippy.args(["--", "-D", "warnings"]));
    report.check("each crate and each feature alone", features::check);
    oldest::check(report)?;
    report.check("each crate packages", release::packages);
    if workspace::is_installed(deny::TOOL) {
        deny::check(report);
    } else {
        report.skip(&format!("{}, for {} is not installed", deny::NAME, deny::TOOL), 1);
    }
    // In the workspace's own target folder, where their dependencies are compiled already.
    let mut fuzz = cargo(&["check", "--manifest-path", "fuzz/Cargo.toml"]);
    report.command("fuzz targets compile", fuzz.arg("--target-dir").arg(target_folder()));
    Ok(())
}

/// Unit, integration and doc tests of all crates, with every feature.
fn tests(report: &mut Report, filter: Option<&str>) {
    let mut all = cargo(&["test", "--workspace", "--exclude", "rohrpost-tests", "--all-features"]);
    all.args(["--exclude", "rohrpost-sim", "--no-fail-fast"]);
    report.tests("tests of the crates", for_harness(&mut all, filter));
    // Optimised: unoptimised, a life takes a second.
    let mut lives = cargo(&["test", "--release", "-p", "rohrpost-sim"]);
    report.tests("tests of the simulator", for_harness(&mut lives, filter));
    if filter.is_none() {
        report.check("new lives of the producer, each lived twice", new_lives);
    }
    let mut corpora = cargo(&["test", "--manifest-path", "fuzz/Cargo.toml"]);
    corpora.args(["--test", "corpora", "--target-dir"]).arg(target_folder());
    report.tests("replay of the fuzzer's seeds", for_harness(&mut corpora, filter));
}

/// Cargo says which crate's turn it is, so it is not silenced: Rust's test harness is, to a dot for
/// a test.
fn for_harness<'a>(command: &'a mut Command, filter: Option<&str>) -> &'a mut Command {
    command.arg("--").arg("--quiet").args(filter)
}

/// Lives that no one has lived: their seeds are taken from the commit.
fn new_lives() -> Result {
    let head = workspace::program("git").args(["rev-parse", "--short=8", "HEAD"]).output()?;
    let head = String::from_utf8_lossy(&head.stdout);
    let first = u64::from_str_radix(head.trim(), 16).unwrap_or_default() << 16;
    let seeds = format!("{first}..{}", u64::MAX);
    sim::run(&["--seeds", &seeds, "--minutes", "2", "--twice"].map(str::to_owned))
}

fn readme_and_documentation(report: &mut Report) -> Result {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    report.command("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"));
    let first = readme::first_command(&workspace::root())?;
    let (program, arguments) = first.split_first().ok_or("README.md: an empty command")?;
    let mut command = workspace::program(program);
    // How much the tests do: no properties of the command.
    command.env_remove("ROHRPOST_KILLS").env_remove("ROHRPOST_INPUT_MB");
    report.command("README's first command", command.args(arguments));
    Ok(())
}

fn real_kafka(report: &mut Report, filter: Option<&str>) {
    // Optimised: the same code that the README's first command has just built.
    let mut command = cargo(&["test", "--release", "--no-fail-fast", "--tests"]);
    report.tests("tests against a real Kafka", for_harness(command.args(REAL_KAFKA), filter));
    report.check("leave no cluster behind", || {
        Cluster::remove(kafka::SHARED)?;
        Cluster::remove(kafka::SECURED)?;
        Ok(Cluster::remove_orphans()?)
    });
}

/// How many tests `real-kafka` compiles in: counted by their attributes, so that nothing need be
/// compiled for it.
fn count_real_kafka_tests() -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(workspace::root().join("tests/tests"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            count += tidy::count_tests(&std::fs::read_to_string(path)?);
        }
    }
    Ok(count)
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace::root().join("target"), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(words: &str) -> String {
        let args: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        run(&args).map_or_else(|error| error.to_string(), |()| "ok".to_owned())
    }

    #[test]
    fn what_begins_with_a_dash_is_no_filter_and_asking_for_help_runs_nothing() {
        for word in ["-j1", "--quik", "-x"] {
            assert!(run_with(word).contains(word), "{word}");
        }
        assert!(run_with("one two").contains("`two`"));
        assert_eq!(run_with("--without-kafka -h"), "ok");
        assert_eq!(run_with("name --help"), "ok");
    }

    #[test]
    fn the_filter_goes_to_the_test_harness() {
        let mut command = Command::new("cargo");
        let words: Vec<_> = for_harness(&mut command, Some("name")).get_args().collect();
        assert_eq!(words, ["--", "--quiet", "name"]);
    }
}
