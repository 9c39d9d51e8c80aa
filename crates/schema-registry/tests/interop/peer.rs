//! Confluent's client, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PACKAGE: &str = "confluent-kafka[avro,protobuf,json]==2.16.0";
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/peer.py");

pub(crate) struct Peer {
    _process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    pub(crate) fn start(registry: &str) -> Self {
        let mut process = Command::new("python3")
            .args([PROGRAM, registry])
            .env("PYTHONPATH", packages())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("python3 cannot be started: {error}"));
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { _process: process, requests, answers }
    }

    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        self.requests.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let line = self.answers.next_line().await.unwrap();
        let answer: Value = serde_json::from_str(&line.expect("the peer has ended")).unwrap();
        assert!(answer.get("error").is_none(), "{request}\n{answer}");
        answer
    }
}

/// The folder with Confluent's packages, installed once.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("confluent-kafka-2.16.0");
        if target.join("confluent_kafka").is_dir() {
            return target;
        }
        // Into a folder of its own first: what is there is whole.
        let part = target.with_extension(format!("part-{}", std::process::id()));
        let installed = std::process::Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--root-user-action=ignore", "--target"])
            .arg(&part)
            .arg(PACKAGE)
            .status()
            .unwrap_or_else(|error| {
                panic!("python3 cannot be started: {error}: the test needs it, with pip")
            });
        assert!(installed.success(), "pip cannot install {PACKAGE}, which the test needs");
        if std::fs::rename(&part, &target).is_err() {
            // Another test was quicker.
            let _ = std::fs::remove_dir_all(&part);
        }
        target
    })
}
