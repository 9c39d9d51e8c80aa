//! librdkafka, asked by the programs of `tests/librdkafka`, and `cargo xtask settings`: what it says to settings, for the test of its dialect.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::args::Args;
use crate::{Result, workspace};

const HELP: &str = "\
cargo xtask settings [--check]

Makes producers of librdkafka with thousands of good and bad settings, and writes which of them it takes to
crates/rohrpost/tests/librdkafka/answers.txt. Needs a C compiler and make.

  --check   write nothing; fail if an answer is another than what is there
";

const PROGRAMS: &str = "tests/librdkafka";
const ANSWERS: &str = "crates/rohrpost/tests/librdkafka/answers.txt";

pub(crate) fn settings(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let check = args.flag("--check");
    args.finish()?;
    let version = output(librdkafka("settings", &["--version"]), "")?;
    let answers = output(librdkafka("settings", &[]), "")?;
    let text = format!("# {}, asked by cargo xtask settings\n{answers}", version.trim());
    let path = workspace::root().join(Path::new(ANSWERS));
    if !check {
        fs::write(path, text)?;
    } else if fs::read_to_string(path)? != text {
        return Err(format!("{ANSWERS} is not what librdkafka says").into());
    }
    Ok(())
}

/// One of the programs, in a workspace of their own: nobody else compiles librdkafka.
pub(crate) fn librdkafka(program: &str, arguments: &[&str]) -> Command {
    let root = workspace::root();
    let mut command = Command::new("cargo");
    command.args(["run", "--release", "--quiet", "--bin", program, "--"]).args(arguments);
    command.env("CARGO_TARGET_DIR", root.join("target/librdkafka"));
    command.current_dir(root.join(PROGRAMS));
    command
}

/// What a program prints, with this on its standard input.
pub(crate) fn output(mut command: Command, input: &str) -> Result<String> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    let pipe = child.stdin.take();
    let output = thread::scope(|scope| {
        // It prints before it has read everything.
        scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
        child.wait_with_output()
    })?;
    if !output.status.success() {
        return Err(format!("{name} failed").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
