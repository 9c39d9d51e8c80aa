//! What can go wrong around a real cluster, each with what to do about it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

/// The result of an operation on a real cluster.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Why a real cluster could not be installed, started, reached or asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A program that real Kafka needs is not on this machine.
    MissingProgram {
        /// The program's name, such as `java`.
        program: &'static str,
        /// How to get it.
        remedy: &'static str,
    },
    /// A program of this name is there, but too old.
    OldProgram {
        /// The program's name and version, as it told them.
        found: String,
        /// The least version that works.
        needed: &'static str,
    },
    /// Maven could not bring a version of Kafka.
    Maven {
        /// The version asked for.
        version: String,
        /// What Maven printed, shortened to its end.
        output: String,
    },
    /// This version of Kafka cannot be run by this module.
    UnsupportedVersion {
        /// The version asked for.
        version: String,
        /// Why not.
        reason: &'static str,
    },
    /// A setting of a cluster that makes no sense.
    InvalidSpec(String),
    /// No cluster of this name is there.
    UnknownCluster {
        /// The name asked for.
        name: String,
    },
    /// The cluster has no node of this id.
    UnknownNode {
        /// The cluster.
        cluster: String,
        /// The node id asked for.
        node: u32,
        /// The highest id that it has; they start at 1.
        highest: u32,
    },
    /// A cluster of this name is there already, made from another description.
    DifferentCluster {
        /// The cluster.
        name: String,
        /// What it is.
        existing: String,
        /// What was asked for.
        wanted: String,
    },
    /// The cluster has no such topic.
    UnknownTopic {
        /// The topic.
        topic: String,
        /// The cluster.
        cluster: String,
    },
    /// The topic has fewer partitions.
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: u32,
        /// How many there are; they are numbered from 0.
        partitions: usize,
    },
    /// `JAVA_HOME` is set, but no Java is there.
    WrongJavaHome {
        /// What it says.
        home: PathBuf,
    },
    /// The node is not running (any more).
    NodeDown {
        /// The cluster.
        cluster: String,
        /// The node.
        node: u32,
    },
    /// A node's process ended while it was starting.
    NodeExited {
        /// The node.
        node: u32,
        /// Its log file.
        log: PathBuf,
        /// The last lines of that log.
        tail: String,
    },
    /// The cluster did not become ready in time.
    NotReady {
        /// How long was waited.
        waited: Duration,
        /// What was still missing when time was up.
        missing: String,
        /// The log file of the node that was waited for.
        log: PathBuf,
    },
    /// One of Kafka's own tools failed.
    Tool {
        /// The tool's Java class and arguments.
        command: String,
        /// What it printed.
        output: String,
    },
    /// A tool's output that cannot be understood.
    ToolOutput {
        /// The tool's Java class.
        tool: &'static str,
        /// The line in question.
        line: String,
    },
    /// A process did not go away after SIGKILL.
    Unkillable {
        /// Its process id.
        pid: i32,
    },
    /// No free port was found.
    NoFreePort,
    /// The operating system said no.
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing: format!("{doing} {}", path.display()), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingProgram { program, remedy } => {
                write!(f, "a real Kafka needs `{program}`, which is not on the PATH; {remedy}")
            }
            Self::OldProgram { found, needed } => {
                write!(f, "a real Kafka needs {needed} or newer; found {found}")
            }
            Self::Maven { version, output } => {
                write!(f, "Maven could not bring Apache Kafka {version}:\n{output}")
            }
            Self::UnsupportedVersion { version, reason } => {
                write!(f, "cannot run Apache Kafka {version}: {reason}")
            }
            Self::InvalidSpec(what) => f.write_str(what),
            Self::UnknownCluster { name } => write!(
                f,
                "there is no cluster `{name}`; `cargo xtask kafka up --name {name}` starts one, \
                 `cargo xtask kafka status` lists those that exist"
            ),
            Self::UnknownNode { cluster, node, highest } => {
                write!(f, "cluster `{cluster}` has no node {node}; its nodes are 1 to {highest}")
            }
            Self::DifferentCluster { name, existing, wanted } => write!(
                f,
                "cluster `{name}` exists as {existing}, not as {wanted}; take it down first \
                 (`cargo xtask kafka down --name {name}`) or choose another --name"
            ),
            Self::UnknownTopic { topic, cluster } => write!(
                f,
                "cluster `{cluster}` has no topic `{topic}`; `cargo xtask kafka topic list --name \
                 {cluster}` lists those that exist"
            ),
            Self::UnknownPartition { topic, partition, partitions } => write!(
                f,
                "topic `{topic}` has no partition {partition}: it has {partitions}, numbered from 0"
            ),
            Self::WrongJavaHome { home } => write!(
                f,
                "JAVA_HOME is {}, but there is no bin/java; correct it, or unset it to use the \
                 java on the PATH",
                home.display()
            ),
            Self::NodeDown { cluster, node } => write!(
                f,
                "node {node} of cluster `{cluster}` is not running; \
                 `cargo xtask kafka start --name {cluster} --node {node}` starts it"
            ),
            Self::NodeExited { node, log, tail } => write!(
                f,
                "node {node} ended while it was starting; the end of {}:\n{tail}",
                log.display()
            ),
            Self::NotReady { waited, missing, log } => write!(
                f,
                "the cluster was not ready within {} s: {missing}; its log is {}",
                waited.as_secs(),
                log.display()
            ),
            Self::Tool { command, output } => write!(f, "`{command}` failed:\n{output}"),
            Self::ToolOutput { tool, line } => {
                write!(f, "{tool} printed a line that is not understood: {line:?}")
            }
            Self::Unkillable { pid } => write!(f, "process {pid} is still there after SIGKILL"),
            Self::NoFreePort => f.write_str("found no free port on 127.0.0.1"),
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
