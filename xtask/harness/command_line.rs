//! The `rohrpost` command, built once and run as a user would.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

/// What `rohrpost produce --output json` says at its end, as far as the tests look at it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Summary {
    /// Lines read.
    pub records: u64,
    /// Records that a broker acknowledged.
    pub acknowledged: u64,
    /// Records that failed.
    pub failed: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Batches sent.
    pub batches: u64,
    /// From the first record to the last acknowledgement.
    pub seconds: f64,
    /// The rest of it.
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// The command `rohrpost`, optimised; built if it is not there.
///
/// # Errors
///
/// It does not compile.
pub fn rohrpost() -> io::Result<Command> {
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PATH.get_or_init(build) {
        Ok(path) => {
            let mut command = Command::new(path);
            // To the command each such variable is a property; some say how much the tests do.
            for (name, _) in std::env::vars_os() {
                if name.to_str().is_some_and(|name| name.starts_with("ROHRPOST_")) {
                    command.env_remove(name);
                }
            }
            Ok(command)
        }
        Err(e) => Err(io::Error::other(e.clone())),
    }
}

/// Runs `rohrpost produce` with `arguments` and `--output json`.
///
/// # Errors
///
/// It ended with another status than 0, or with something that is no summary.
pub fn produce(arguments: &[&str]) -> io::Result<Summary> {
    let mut command = rohrpost()?;
    command.arg("produce").args(arguments).args(["--output", "json"]);
    let output = command.stdin(Stdio::null()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{}: {printed}{errors}", output.status)));
    }
    serde_json::from_str(&printed).map_err(|e| io::Error::other(format!("{e}: {printed}")))
}

/// `examples/rdkafka`, which is a workspace of its own; built if it is not there.
///
/// # Errors
///
/// It does not compile: librdkafka wants a C compiler and make.
pub fn rdkafka_example() -> io::Result<PathBuf> {
    let manifest = ["--manifest-path", "examples/rdkafka/Cargo.toml"];
    // Beside the programs of tests/librdkafka.
    let folder = ["--target-dir", "target/librdkafka"];
    cargo_build(&[manifest, folder].concat()).map_err(io::Error::other)
}

/// The tests' OpenID provider ([`crate::oidc`]) as a program; built if it is not there.
///
/// # Errors
///
/// It does not compile.
pub fn oidc() -> io::Result<PathBuf> {
    // Not optimised: so its parts are compiled already, for `cargo xtask`.
    cargo_build(&["--package", "xtask", "--bin", "rohrpost-oidc"]).map_err(io::Error::other)
}

fn build() -> Result<PathBuf, String> {
    cargo_build(&["--release", "--package", "rohrpost-cli"])
}

/// Builds one program and says where it is.
fn cargo_build(what: &[&str]) -> Result<PathBuf, String> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let output = Command::new("cargo")
        .arg("build")
        .args(what)
        .args(["--message-format", "json"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("run cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo build {} failed", what.join(" ")));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| format!("cargo build {} gave no program", what.join(" ")))
}
