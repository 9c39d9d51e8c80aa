//! Running the command.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value;

/// What a run has come to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let run = Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }
}

impl Run {
    /// The one JSON object on standard output.
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `records`, `acknowledged`, `failed`.
    pub(crate) fn counts(&self) -> [u64; 3] {
        let json = self.json();
        let counts = ["records", "acknowledged", "failed"].map(|name| json[name].as_u64());
        counts.map(|count| count.unwrap_or_else(|| panic!("{self:?}")))
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in: {}", self.stderr);
        }
        self
    }
}

/// `rohrpost produce` with these arguments, nothing on standard input, everything it says caught.
pub(crate) fn produce(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = rohrpost("produce");
    command.args(arguments);
    command
}

/// A command of `rohrpost`, as if no such variable were set.
pub(crate) fn rohrpost(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|variable| variable.starts_with("ROHRPOST_")) {
            command.env_remove(variable);
        }
    }
    command.arg(name).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Run {
    produce(arguments).output().unwrap().into()
}

/// Runs it with this on standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: impl Into<Vec<u8>>) -> Run {
    let mut child = produce(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.into();
    let writer = thread::spawn(move || {
        // Who has seen enough closes the pipe.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

/// Starts it with standard input open.
pub(crate) fn start(arguments: &[&str]) -> Child {
    produce(arguments).stdin(Stdio::piped()).spawn().unwrap()
}

/// A path for a test's file.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("cli-{}-{number}-{name}", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A file that is removed at the end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = scratch(name);
        std::fs::write(&path, contents).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
