//! `cargo xtask codegen`: the codec's messages, API keys and error codes, from Kafka's own definitions.
//!
//! The definitions are read out of the `kafka-clients` jar, the error codes out of its `Errors`
//! class. What is written is committed, so that building the codec needs neither Java nor Maven.
//! Of the definitions' prose nothing is taken over.

mod areas;
mod definition;
mod emit;
mod fields;
pub(crate) mod kafka_clients;
mod model;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kafka_clients::KafkaClients;
use model::Definitions;
pub(crate) use model::snake_case;

use crate::workspace;

/// The release of Apache Kafka whose protocol the codec speaks.
pub(crate) const KAFKA_VERSION: &str = "4.4.0";

const HELP: &str = "\
cargo xtask codegen [--check] [--vectors]

Writes crates/codec/src/messages/, api_key.rs and error_code/table.rs from the message definitions in
the kafka-clients jar, which Maven brings. Needs a JDK 17 and Maven.

  --check     write nothing; fail if what is there is not what would be written
  --vectors   also write the test vectors that kafka-clients itself encodes
";

/// Where generated files go, from the repository's top.
const SOURCES: &str = "crates/codec/src";
const VECTORS: &str = "crates/codec/tests/vectors";

type Result<T = ()> = std::result::Result<T, String>;

/// Files by their paths from the repository's top.
type Files = BTreeMap<PathBuf, String>;

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = crate::args::Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let check = args.flag("--check");
    let vectors = args.flag("--vectors");
    args.finish().map_err(|e| e.to_string())?;

    let kafka = KafkaClients::obtain(KAFKA_VERSION)?;
    let files = generate(&kafka)?;
    if vectors && !check {
        kafka.write_vectors(&workspace::root().join(VECTORS))?;
    }
    if check { refuse_drift(&files) } else { write(&files) }
}

/// Every generated file.
fn generate(kafka: &KafkaClients) -> Result<Files> {
    let definitions = Definitions::resolve(kafka.definitions()?)?;
    let sources = Path::new(SOURCES);
    let mut files = Files::new();
    for message in &definitions.messages {
        let path = sources.join("messages").join(format!("{}.rs", message.module));
        files.insert(path, emit::message(message, KAFKA_VERSION));
    }
    files.insert(sources.join("api_key.rs"), tables::api_keys(&definitions.apis));
    files.insert(sources.join("error_code/table.rs"), tables::error_codes(&kafka.error_codes()?));
    let mut files = formatted(files)?;
    files.insert(sources.join("tests/samples.rs"), tables::samples(&definitions)?);
    // Not for rustfmt, which would look for the files of its modules.
    files.insert(sources.join("messages.rs"), tables::messages(&definitions)?);
    Ok(files)
}

/// Formats all files by one call of rustfmt, beside their final places.
fn formatted(mut files: Files) -> Result<Files> {
    let folder = workspace::root().join("target/codegen");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(io("remove", &folder))?;
    }
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(workspace::root());
    let mut places = Vec::new();
    for (index, text) in files.values().enumerate() {
        let place = folder.join(format!("{index}.rs"));
        write_file(&place, text)?;
        rustfmt.arg(&place);
        places.push(place);
    }
    let status = rustfmt.stdin(Stdio::null()).status().map_err(|e| format!("run rustfmt: {e}"))?;
    if !status.success() {
        return Err(format!("rustfmt refuses generated code: see {}", folder.display()));
    }
    for (text, place) in files.values_mut().zip(&places) {
        *text = fs::read_to_string(place).map_err(io("read", place))?;
    }
    Ok(files)
}

fn write(files: &Files) -> Result {
    for path in stale(files)? {
        let path = workspace::root().join(path);
        fs::remove_file(&path).map_err(io("remove", &path))?;
    }
    let mut changed = 0;
    for (path, text) in files {
        let path = workspace::root().join(path);
        if fs::read_to_string(&path).is_ok_and(|present| present == *text) {
            continue;
        }
        write_file(&path, text)?;
        changed += 1;
    }
    println!("{} files, {changed} of them new or changed", files.len());
    Ok(())
}

fn refuse_drift(files: &Files) -> Result {
    let mut drifted: Vec<PathBuf> = stale(files)?.into_iter().collect();
    for (path, text) in files {
        if !fs::read_to_string(workspace::root().join(path)).is_ok_and(|present| present == *text) {
            drifted.push(path.clone());
        }
    }
    if drifted.is_empty() {
        println!("{} generated files are what they should be", files.len());
        return Ok(());
    }
    let list: String = drifted.iter().map(|path| format!("\n  {}", path.display())).collect();
    Err(format!("generated files have drifted (`cargo xtask codegen` repairs that):{list}"))
}

/// Files of messages that are no more.
fn stale(files: &Files) -> Result<BTreeSet<PathBuf>> {
    let messages = Path::new(SOURCES).join("messages");
    let folder = workspace::root().join(&messages);
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(BTreeSet::new()) };
    let mut stale = BTreeSet::new();
    for entry in entries {
        let path = messages.join(entry.map_err(io("read", &folder))?.file_name());
        if !files.contains_key(&path) {
            stale.insert(path);
        }
    }
    Ok(stale)
}

fn write_file(path: &Path, text: &str) -> Result {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io("make", folder))?;
    }
    fs::write(path, text).map_err(io("write", path))
}

/// Says what failed on which file.
fn io(what: &str, path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{what} {}: {error}", path.display())
}
