//! The programs that drive the clients, all with the same command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::{Result, workspace};

/// A client's driver, built.
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) program: PathBuf,
}

impl Driver {
    /// Builds the driver of the client `name`.
    pub(super) fn build(name: &str) -> Result<Self> {
        eprintln!("building the driver for {name}");
        let root = workspace::root();
        let program = match name {
            "rohrpost" => cargo_build(&root, &["-p", "rohrpost-bench"])?,
            "rdkafka" => {
                // A target folder of its own, or its build would be thrown away with ours.
                let target = root.join("target/bench/rdkafka");
                cargo_build(
                    &root.join("bench/rdkafka"),
                    &["--target-dir".as_ref(), target.as_os_str()],
                )?
            }
            "franz-go" => go_build(&root)?,
            _ => return Err(format!("--clients: there is no driver for `{name}`").into()),
        };
        Ok(Self { name: name.to_owned(), program })
    }
}

/// Builds an optimised program and gives its path.
pub(super) fn cargo_build(
    folder: &Path,
    arguments: &[impl AsRef<std::ffi::OsStr>],
) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let output = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--message-format", "json"])
        .args(arguments)
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{} does not compile", folder.display()).into());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| format!("{}: cargo built no program", folder.display()).into())
}

fn go_build(root: &Path) -> Result<PathBuf> {
    let program = root.join("target/bench/franz-go");
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(root.join("bench/franz-go"))
        .status()
        .map_err(|e| format!("run go (leave franz-go out of --clients if there is none): {e}"))?;
    if status.success() { Ok(program) } else { Err("bench/franz-go does not compile".into()) }
}
