//! What the clients send to.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use harness::kafka::{Keys, Mode, PrivateCluster, Spec, Topic};

use super::cells::Cell;
use super::drivers::cargo_build;
use super::outcome::Taken;
use crate::{Result, workspace};

/// A topic's name, or what its number stands behind.
const TOPIC: &str = "bench";
/// The most topics of a cell that a real cluster of one node is asked to have.
const MOST_REAL_TOPICS: u32 = 20;

/// A broker to send to; what was started for it ends with this.
pub(super) enum Target {
    /// The testkit's, with so many partitions of any topic; a second one with TLS.
    Discard { partitions: u32, broker: Discard, secured: Option<Discard> },
    /// Somebody's, that has the topics.
    Given { address: String },
    /// Apache Kafka, started here.
    Real { cluster: Box<PrivateCluster>, topics: BTreeSet<String>, with_tls: bool },
}

/// Where a cell's records go.
pub(super) struct Ready {
    pub(super) topic: String,
    pub(super) address: String,
    /// The address that speaks TLS, and the file with the certificate to trust.
    pub(super) secured: Option<(String, PathBuf)>,
}

impl Target {
    pub(super) fn discard(with_tls: bool) -> Result<Self> {
        let partitions = Cell::default().partitions;
        let secured = with_tls.then(|| Discard::start(partitions, true)).transpose()?;
        Ok(Self::Discard { partitions, broker: Discard::start(partitions, false)?, secured })
    }

    pub(super) fn real(with_tls: bool) -> Result<Self> {
        eprintln!("starting Apache Kafka");
        let spec = Spec::default()
            .config("log.retention.check.interval.ms", "1000")
            .security(with_tls.then_some(Mode::Ssl));
        let cluster = Box::new(PrivateCluster::start("bench", &spec)?);
        Ok(Self::Real { cluster, topics: BTreeSet::new(), with_tls })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Discard { .. } => "discard broker",
            Self::Given { .. } => "given broker",
            Self::Real { .. } => "Apache Kafka",
        }
    }

    /// Gets ready for a cell.
    pub(super) fn prepare(&mut self, cell: &Cell) -> Result<Ready> {
        match self {
            Self::Discard { partitions, broker, secured } => {
                if *partitions != cell.partitions {
                    *broker = Discard::start(cell.partitions, false)?;
                    if let Some(secured) = secured {
                        *secured = Discard::start(cell.partitions, true)?;
                    }
                    *partitions = cell.partitions;
                }
                Ok(Ready {
                    topic: TOPIC.to_owned(),
                    address: broker.address.clone(),
                    secured: secured.as_ref().map(|broker| (broker.address.clone(), ca_file())),
                })
            }
            Self::Given { address } => {
                Ok(Ready { topic: TOPIC.to_owned(), address: address.clone(), secured: None })
            }
            Self::Real { cluster, topics, with_tls } => {
                if cell.topics > MOST_REAL_TOPICS {
                    return Err("too many topics for one node".into());
                }
                let base = format!("{TOPIC}-{}p", cell.partitions);
                let names = match cell.topics {
                    0 => vec![base.clone()],
                    count => (0..count).map(|number| format!("{base}-{number}")).collect(),
                };
                for name in names {
                    if topics.insert(name.clone()) {
                        let topic = Topic::new(&name)
                            .partitions(cell.partitions)
                            .config("segment.bytes", "33554432")
                            .config("retention.bytes", "67108864");
                        cluster.create_topic(&topic)?;
                        // It answers when every partition has a leader that knows of it.
                        cluster.end_offsets(&name)?;
                    }
                }
                let secured = if *with_tls {
                    let mut properties = cluster.client_properties(Mode::Ssl)?;
                    let servers = properties.remove("bootstrap.servers").unwrap_or_default();
                    Some((servers, Keys::obtain()?.folder().join("truststore.pem")))
                } else {
                    None
                };
                Ok(Ready { topic: base, address: cluster.bootstrap_servers(), secured })
            }
        }
    }

    /// What came since the last call, with TLS or without, if the broker tells.
    pub(super) fn take(&mut self, is_tls: bool) -> Result<Option<Taken>> {
        match self {
            Self::Discard { secured: Some(secured), .. } if is_tls => secured.report().map(Some),
            Self::Discard { broker, .. } => broker.report().map(Some),
            Self::Given { .. } | Self::Real { .. } => Ok(None),
        }
    }
}

/// Where the discard broker writes the certificate by which clients know it.
fn ca_file() -> PathBuf {
    workspace::root().join("target/bench/discard-broker.pem")
}

/// The testkit's discard broker. It ends when its standard input does, which is at the latest when this process ends.
pub(super) struct Discard {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Discard {
    fn start(partitions: u32, with_tls: bool) -> Result<Self> {
        let mut arguments = vec!["-p", "rohrpost-testkit", "--bin", "discard-broker"];
        let mut options = vec!["--partitions".into(), partitions.to_string().into()];
        if with_tls {
            arguments.extend(["--features", "tls"]);
            let file = ca_file();
            file.parent().map_or(Ok(()), fs::create_dir_all)?;
            options.extend([OsString::from("--tls"), file.into()]);
        }
        let program = cargo_build(&workspace::root(), &arguments)?;
        let mut process = Command::new(program)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("the discard broker has no pipes".into());
        };
        let stdout = BufReader::new(stdout);
        let mut discard = Self { process, stdin, stdout, address: String::new() };
        let line = discard.line()?;
        match line.trim().strip_prefix("listening on ") {
            Some(address) => address.clone_into(&mut discard.address),
            None => return Err(format!("the discard broker says {line:?}").into()),
        }
        Ok(discard)
    }

    fn report(&mut self) -> Result<Taken> {
        writeln!(self.stdin, "report")?;
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|e| format!("the broker says {line:?}: {e}").into())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Discard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
