//! Confluent's client for Python, in a process of its own: `peer.py`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64ct::{Base64, Encoding};
use prost_reflect::prost::Message;
use serde_json::{Map, Value, json};

use crate::cell::{Cell, Form};
use crate::load::{self, Load};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peer.py");

pub(crate) struct Python {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// `packages` is a folder with the client in it; `made` is what others made of the order, for it to read.
    pub(crate) fn start(packages: &str, url: &str, load: &Load, made: &[(Form, Vec<u8>)]) -> Self {
        let mut process = Command::new("python3")
            .arg(PROGRAM)
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let requests = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut python = Self { process, requests, answers };
        let file = load.descriptor.parent_file().file_descriptor_proto().encode_to_vec();
        let made: Map<String, Value> =
            made.iter().map(|(form, bytes)| (form.to_string(), hex(bytes).into())).collect();
        python.say(&json!({
            "url": url,
            "avro": load::AVRO,
            "json": load::JSON,
            "file": Base64::encode_string(&file),
            "message": load::MESSAGE,
            "order": load.json,
            "made": made,
        }));
        python
    }

    /// Nanoseconds of a record, and what was serialized.
    pub(crate) fn cost(&mut self, cell: Cell) -> Option<(f64, Vec<u8>)> {
        self.say(&json!({ "cell": cell.to_string() }));
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("an answer of JSON");
        let nanoseconds = answer["nanoseconds"].as_f64()?;
        Some((nanoseconds, answer["bytes"].as_str().map(unhex).unwrap_or_default()))
    }

    fn say(&mut self, what: &Value) {
        writeln!(self.requests, "{what}").expect("a peer that reads");
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
