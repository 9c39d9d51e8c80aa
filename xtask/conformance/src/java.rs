//! The Java side: a process that answers a line of JSON with a line of JSON.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rohrpost_codec::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;

/// A running `Conformance` of Java.
pub(crate) struct Java {
    process: Child,
    to: BufWriter<ChildStdin>,
    from: BufReader<ChildStdout>,
}

/// What Java is to do.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub(crate) enum Question<'a> {
    /// Name every message with its lowest and highest version.
    Versions,
    /// Say what a new object holds.
    Default { name: &'a str },
    /// Read `bytes`; say what they hold, and write them again.
    Read { name: &'a str, version: i16, bytes: String },
    /// Let the JSON converter make an object of `value`, as of version `from`, and write it in
    /// `version`.
    Build { name: &'a str, from: i16, version: i16, value: Value },
    /// Make an object up, say what it holds, and write it.
    MakeUp { name: &'a str, version: i16, seed: u64 },
}

/// What Java answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// The object's fields, those that the version does not have too.
    #[serde(default)]
    pub(crate) value: Value,
    /// What is written.
    bytes: Option<String>,
    /// Why it will not.
    pub(crate) refused: Option<String>,
}

impl Java {
    pub(crate) fn start(class_path: &str) -> Result<Self> {
        let mut process = Command::new("java")
            .args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "--class-path", class_path])
            .arg("Conformance")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains that nobody listens to its log.
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("run java: {e}"))?;
        let to = BufWriter::new(process.stdin.take().ok_or("java has no input")?);
        let from = BufReader::new(process.stdout.take().ok_or("java has no output")?);
        Ok(Self { process, to, from })
    }

    /// The lowest and the highest version of each message that Java has.
    pub(crate) fn versions(&mut self) -> Result<BTreeMap<String, (i16, i16)>> {
        Ok(serde_json::from_value(self.ask(&Question::Versions)?.value)?)
    }

    pub(crate) fn ask(&mut self, question: &Question<'_>) -> Result<Answer> {
        serde_json::to_writer(&mut self.to, question)?;
        self.to.write_all(b"\n")?;
        self.to.flush()?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(format!("Java has ended at {question:?}").into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Lets Java end by itself.
    pub(crate) fn end(self) -> Result {
        let Self { mut process, to, from } = self;
        drop((to, from));
        let status = process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("java: {status}").into()) }
    }
}

impl Answer {
    /// What is written; the reason if nothing is.
    pub(crate) fn bytes(&self) -> std::result::Result<Bytes, &str> {
        match &self.bytes {
            Some(text) => from_hex(text).ok_or("no hexadecimal digits"),
            None => Err(self.refused.as_deref().unwrap_or("no reason")),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Bytes> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}
