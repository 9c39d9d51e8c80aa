//! What the clients send to.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rohrpost_tests::kafka::{PrivateCluster, Spec, Topic};

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
    /// The testkit's, with so many partitions of any topic.
    Discard { partitions: u32, broker: Discard },
    /// Somebody's, that has the topics.
    Given { address: String },
    /// Apache Kafka, started here.
    Real { cluster: Box<PrivateCluster>, topics: BTreeSet<String> },
}

impl Target {
    pub(super) fn discard() -> Result<Self> {
        let partitions = Cell::default().partitions;
        Ok(Self::Discard { partitions, broker: Discard::start(partitions)? })
    }

    pub(super) fn real() -> Result<Self> {
        eprintln!("starting Apache Kafka");
        let spec = Spec::default().config("log.retention.check.interval.ms", "1000");
        let cluster = Box::new(PrivateCluster::start("bench", &spec)?);
        Ok(Self::Real { cluster, topics: BTreeSet::new() })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Discard { .. } => "discard broker",
            Self::Given { .. } => "given broker",
            Self::Real { .. } => "Apache Kafka",
        }
    }

    /// Gets ready for a cell: the address, and the name of the topic.
    pub(super) fn prepare(&mut self, cell: &Cell) -> Result<(String, String)> {
        match self {
            Self::Discard { partitions, broker } => {
                if *partitions != cell.partitions {
                    *broker = Discard::start(cell.partitions)?;
                    *partitions = cell.partitions;
                }
                Ok((broker.address.clone(), TOPIC.to_owned()))
            }
            Self::Given { address } => Ok((address.clone(), TOPIC.to_owned())),
            Self::Real { cluster, topics } => {
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
                Ok((cluster.bootstrap_servers(), base))
            }
        }
    }

    /// What came since the last call, if the broker tells.
    pub(super) fn take(&mut self) -> Result<Option<Taken>> {
        match self {
            Self::Discard { broker, .. } => broker.report().map(Some),
            Self::Given { .. } | Self::Real { .. } => Ok(None),
        }
    }
}

/// The testkit's discard broker. It ends when its standard input does, which is at the latest when this process ends.
pub(super) struct Discard {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Discard {
    fn start(partitions: u32) -> Result<Self> {
        let program = cargo_build(
            &workspace::root(),
            &["-p", "rohrpost-testkit", "--bin", "discard-broker"],
        )?;
        let mut process = Command::new(program)
            .args(["--partitions", &partitions.to_string()])
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
