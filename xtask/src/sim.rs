//! `cargo xtask sim`: the producer's lives under faults, optimised.

use std::process::Command;

use crate::{Result, workspace};

pub(crate) fn run(args: &[String]) -> Result {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "-p", "rohrpost-sim", "--"]).args(args);
    let status = command.current_dir(workspace::root()).status()?;
    if status.success() { Ok(()) } else { Err(format!("the simulator ended with {status}").into()) }
}
