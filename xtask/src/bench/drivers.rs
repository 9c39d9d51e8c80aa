//! The programs that drive the clients, all with the same command line.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::outcome::Role;
use crate::codegen::KAFKA_VERSION;
use crate::codegen::kafka_clients::KafkaClients;
use crate::{Result, workspace};

/// A client that can be measured.
pub(super) struct Client {
    pub(super) name: &'static str,
    /// For `--help`.
    pub(super) about: &'static str,
    pub(super) role: Role,
    source: Source,
    /// What the program is told beside the load.
    arguments: &'static [&'static str],
    /// Whether the driver takes `--tls`.
    pub(super) has_tls: bool,
    /// A peer sends this part of the records, 1/N, so that its runs do not last much longer than ours.
    pub(super) part: f64,
}

/// Where its program comes from.
#[derive(Clone, Copy)]
enum Source {
    /// A program of `bench/Cargo.toml`, in the project's own workspace.
    Ours(&'static str),
    /// A folder with a workspace of its own: nobody but the benchmark compiles what it needs.
    Cargo(&'static str),
    Go(&'static str),
    /// Java programs, for the `kafka-clients` that Maven brings.
    Java(&'static str),
}

/// Every client, the floors and ours first.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "raw",
        about: "floor: requests encoded before, on a raw socket",
        role: Role::Floor,
        source: FLOOR,
        arguments: &["--client", "raw"],
        has_tls: false,
        part: 1.0,
    },
    Client {
        name: "encode",
        about: "floor: a plain loop that encodes and sends",
        role: Role::Floor,
        source: FLOOR,
        arguments: &["--client", "encode"],
        has_tls: false,
        part: 1.0,
    },
    Client {
        name: "rohrpost",
        about: "this project, the results taken batch by batch (`send_into`)",
        role: Role::Ours,
        source: OURS,
        arguments: &[],
        has_tls: true,
        part: 1.0,
    },
    Client {
        name: "rohrpost-single",
        about: "this project, every record's delivery awaited",
        role: Role::Ours,
        source: OURS,
        arguments: &["--results", "single"],
        has_tls: true,
        part: 1.0,
    },
    Client {
        name: "franz-go",
        about: "needs Go",
        role: Role::Peer,
        source: Source::Go("bench/franz-go"),
        arguments: &[],
        has_tls: true,
        part: 3.0,
    },
    Client {
        name: "rdkafka-base",
        about: "librdkafka by BaseProducer; needs a C compiler",
        role: Role::Peer,
        source: RDKAFKA,
        arguments: &["--client", "base"],
        has_tls: true,
        part: 4.0,
    },
    Client {
        name: "rdkafka-threaded",
        about: "librdkafka by ThreadedProducer",
        role: Role::Peer,
        source: RDKAFKA,
        arguments: &["--client", "threaded"],
        has_tls: true,
        part: 5.0,
    },
    Client {
        name: "rdkafka",
        about: "librdkafka by FutureProducer",
        role: Role::Peer,
        source: RDKAFKA,
        arguments: &["--client", "future"],
        has_tls: true,
        part: 10.0,
    },
    Client {
        name: "java",
        about: "Kafka's own client; needs a JDK and Maven",
        role: Role::Peer,
        source: Source::Java("bench/java"),
        arguments: &[],
        has_tls: true,
        part: 5.0,
    },
    Client {
        name: "kacrab",
        about: "pure Rust",
        role: Role::Peer,
        source: Source::Cargo("bench/kacrab"),
        arguments: &[],
        has_tls: false,
        part: 5.0,
    },
    Client {
        name: "confluent-kafka",
        about: "Rust, needs what librdkafka needs",
        role: Role::Peer,
        source: Source::Cargo("bench/confluent-kafka"),
        arguments: &[],
        has_tls: false,
        part: 7.0,
    },
    Client {
        name: "krafka",
        about: "pure Rust",
        role: Role::Peer,
        source: Source::Cargo("bench/krafka"),
        arguments: &[],
        has_tls: false,
        part: 10.0,
    },
    Client {
        name: "rskafka",
        about: "pure Rust",
        role: Role::Peer,
        source: Source::Cargo("bench/rskafka"),
        arguments: &[],
        has_tls: false,
        part: 15.0,
    },
];

const FLOOR: Source = Source::Ours("rohrpost-bench-floor");
const OURS: Source = Source::Ours("rohrpost-bench");
const RDKAFKA: Source = Source::Cargo("bench/rdkafka");

/// What `--quick` measures.
pub(super) const QUICK: &[&str] = &["raw", "encode", "rohrpost", "rdkafka-base", "franz-go"];

/// What `--transactions` measures.
pub(super) const TRANSACTIONAL: &[&str] = &["rohrpost", "franz-go", "rdkafka-base", "java"];

/// What is measured with `--tls`.
pub(super) const SECURED: &[&str] = &["rohrpost", "rdkafka-base", "java", "franz-go"];

/// A client's driver, built.
pub(super) struct Driver {
    pub(super) client: &'static Client,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Driver {
    /// Builds the driver of the client `name`, on demand with TLS.
    pub(super) fn build(name: &str, with_tls: bool) -> Result<Self> {
        let Some(client) = CLIENTS.iter().find(|client| client.name == name) else {
            return Err(format!("--clients: there is no driver for `{name}`").into());
        };
        if with_tls && !client.has_tls {
            return Err("its driver has no TLS".into());
        }
        // Whoever measures without TLS shall not measure code that can do with it.
        let features: &[&str] = if with_tls { &["--features", "tls"] } else { &[] };
        eprintln!("building the driver for {name}");
        let root = workspace::root();
        let (program, mut arguments) = match client.source {
            Source::Ours(program) => {
                let arguments = [&["-p", "rohrpost-bench", "--bin", program], features].concat();
                (cargo_build(&root, &arguments)?, Vec::new())
            }
            Source::Cargo(folder) => {
                // A target folder of its own, or its build would be thrown away with ours.
                let target = root.join("target").join(folder);
                let mut arguments = vec![OsStr::new("--target-dir"), target.as_os_str()];
                arguments.extend(features.iter().map(OsStr::new));
                let built = cargo_build(&root.join(folder), &arguments);
                let built = built.map_err(|error| match with_tls {
                    true => format!("{error}; its TLS wants OpenSSL with its headers").into(),
                    false => error,
                });
                (built?, Vec::new())
            }
            Source::Go(folder) => (go_build(&root, folder)?, Vec::new()),
            Source::Java(folder) => (PathBuf::from("java"), java_build(&root, folder)?),
        };
        arguments.extend(client.arguments.iter().map(|&argument| argument.to_owned()));
        Ok(Self { client, program, arguments })
    }

    /// The program with what it is told in any case.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

/// Builds an optimised program and gives its path.
pub(super) fn cargo_build(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    if !folder.is_dir() {
        return Err(format!("there is no {}", folder.display()).into());
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

fn go_build(root: &Path, folder: &str) -> Result<PathBuf> {
    let program = root.join("target").join(folder);
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(root.join(folder))
        .status()
        .map_err(|e| format!("run go: {e}"))?;
    if status.success() { Ok(program) } else { Err(format!("{folder} does not compile").into()) }
}

/// Compiles a folder's Java programs, and gives the arguments to run the one that has a `main` with.
fn java_build(root: &Path, folder: &str) -> Result<Vec<String>> {
    let (mut programs, mut main) = (Vec::new(), None);
    for entry in fs::read_dir(root.join(folder)).map_err(|e| format!("{folder}: {e}"))? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if path.extension().is_some_and(|extension| extension == "java") {
            programs.push(format!("{folder}/{stem}.java"));
            if fs::read_to_string(&path)?.contains("static void main(") {
                main = Some(stem.to_owned());
            }
        }
    }
    let main = main.ok_or_else(|| format!("no program with a main in {folder}"))?;
    let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
    let class_path = KafkaClients::obtain(KAFKA_VERSION)?.compile(&programs)?;
    Ok(vec!["-cp".to_owned(), class_path, main])
}
