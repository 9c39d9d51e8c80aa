//! What a cluster is made from, and the files that tell Kafka so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::install::{self, Logging};
use super::security::{self, Keys, Mode, properties_text};
use super::state::{Node, State};
use super::{Error, Result, zookeeper};

/// The version of Apache Kafka that is run when none is named.
pub const DEFAULT_VERSION: &str = "4.3.1";

/// What a cluster is to be: by default one node of [`DEFAULT_VERSION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub(super) version: String,
    pub(super) brokers: u32,
    pub(super) config: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) security: BTreeSet<Mode>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            version: DEFAULT_VERSION.to_owned(),
            brokers: 1,
            config: BTreeMap::new(),
            security: BTreeSet::new(),
        }
    }
}

impl Spec {
    /// Another version of Kafka: 3.3 and newer, or 2.8, which gets a ZooKeeper beside it.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// How many nodes, each broker and controller in one: 1 or 3.
    #[must_use]
    pub fn brokers(mut self, brokers: u32) -> Self {
        self.brokers = brokers;
        self
    }

    /// A broker property by Kafka's name, in the place of this module's own choice or Kafka's.
    #[must_use]
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.config.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Ways in beside the plain one, each by a listener of its own. All of them have an authorizer
    /// that lets everybody do everything until there is an ACL.
    #[must_use]
    pub fn security(mut self, modes: impl IntoIterator<Item = Mode>) -> Self {
        self.security.extend(modes);
        self
    }

    /// Those ways.
    pub fn modes(&self) -> impl Iterator<Item = Mode> {
        self.security.iter().copied()
    }

    pub(super) fn check(&self) -> Result {
        let brokers = self.brokers;
        if !matches!(brokers, 1 | 3) {
            return Err(Error::InvalidSpec(format!("a cluster has 1 or 3 brokers, not {brokers}")));
        }
        if install::needs_zookeeper(&self.version) && !self.security.is_empty() {
            let version = &self.version;
            let reason = format!("Kafka {version} is run without security; 3.3 and newer with it");
            return Err(Error::InvalidSpec(reason));
        }
        Ok(())
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.brokers == 1 { "" } else { "s" };
        write!(f, "Apache Kafka {}, {} broker{plural}", self.version, self.brokers)?;
        self.security.iter().try_for_each(|mode| write!(f, ", {mode}"))?;
        self.config.iter().try_for_each(|(name, value)| write!(f, ", {name}={value}"))
    }
}

/// A node's `server.properties`.
pub(super) fn server_properties(
    state: &State,
    node: &Node,
    data: &Path,
    keys: Option<&Keys>,
) -> String {
    let replicas = state.nodes.len().to_string();
    let in_sync = if state.nodes.len() > 1 { "2" } else { "1" };
    let mut properties: BTreeMap<&str, String> = [
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("min.insync.replicas", in_sync),
        ("default.replication.factor", &replicas),
        ("offsets.topic.replication.factor", &replicas),
        ("offsets.topic.num.partitions", "3"),
        ("transaction.state.log.replication.factor", &replicas),
        ("transaction.state.log.min.isr", in_sync),
        ("transaction.state.log.num.partitions", "3"),
        ("group.initial.rebalance.delay.ms", "0"),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect();
    let plain = format!("PLAINTEXT://127.0.0.1:{}", node.port);
    let secure = |host: &str| security::listeners(state, node, host);
    let mut listeners = [vec![plain.clone()], secure("127.0.0.1")].concat();
    if install::needs_zookeeper(&state.spec.version) {
        properties.extend(of_zookeeper(state, node));
    } else {
        listeners.insert(1, format!("CONTROLLER://127.0.0.1:{}", node.controller_port));
        properties.extend(of_quorum(state, node, &replicas, in_sync));
    }
    properties.insert("listeners", listeners.join(","));
    // By name: certificates and tickets are for names.
    properties
        .insert("advertised.listeners", [vec![plain], secure("localhost")].concat().join(","));
    properties.insert("log.dirs", data.display().to_string());
    let secure = keys.map(|keys| security::properties(state, keys)).unwrap_or_default();
    let secure = secure.iter().map(|(name, value)| (name.as_str(), value.clone()));
    properties.extend(secure);
    let config = state.spec.config.iter().map(|(name, value)| (name.as_str(), value.clone()));
    properties.extend(config);
    let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value));
    properties_text(&properties.collect())
}

/// Of a node that is a broker and a controller in one.
fn of_quorum(
    state: &State,
    node: &Node,
    replicas: &str,
    in_sync: &str,
) -> Vec<(&'static str, String)> {
    let voters: Vec<String> = state
        .nodes
        .iter()
        .map(|node| format!("{}@127.0.0.1:{}", node.id, node.controller_port))
        .collect();
    [
        ("process.roles", "broker,controller"),
        ("node.id", &node.id.to_string()),
        ("controller.listener.names", "CONTROLLER"),
        ("controller.quorum.voters", &voters.join(",")),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("share.coordinator.state.topic.replication.factor", replicas),
        ("share.coordinator.state.topic.min.isr", in_sync),
        // A dead node is noticed in seconds.
        ("broker.session.timeout.ms", "3000"),
        ("broker.heartbeat.interval.ms", "500"),
        ("controller.quorum.election.timeout.ms", "500"),
        ("controller.quorum.fetch.timeout.ms", "1500"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Of a broker whose controller is found by ZooKeeper.
fn of_zookeeper(state: &State, node: &Node) -> [(&'static str, String); 3] {
    let zookeeper = format!("127.0.0.1:{}", state.helper_port(zookeeper::NAME));
    [
        ("broker.id", node.id.to_string()),
        ("zookeeper.connect", zookeeper),
        ("zookeeper.session.timeout.ms", "3000".to_owned()),
    ]
}

/// A cluster id as Kafka wants it, 16 bytes in url-safe base64, made from the cluster's name. It
/// begins with a letter: Kafka's tools would take one with `-` in front for an option.
pub(super) fn cluster_id(name: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // FNV-1a, 128 bits.
    let hash = name.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    let hash = hash & (u128::MAX >> 1);
    // 22 digits of 6 bits: the first 21 take the upper 126 bits, the last one the other two.
    (0..22)
        .map(|digit| {
            let six = if digit < 21 { hash >> (122 - 6 * digit) } else { hash << 4 };
            char::from(ALPHABET[(six & 0x3f) as usize])
        })
        .collect()
}

/// The file name and the text of a logging configuration that writes to standard error, and the
/// Java option that names it.
pub(super) fn logging(kind: Logging, level: &str) -> (&'static str, String, &'static str) {
    const PATTERN: &str = "%d{HH:mm:ss.SSS} %p %m (%c{1})%n";
    match kind {
        Logging::Log4j2 => (
            "log4j2.xml",
            format!(
                "<Configuration><Appenders><Console name=\"err\" target=\"SYSTEM_ERR\">\
                 <PatternLayout pattern=\"{PATTERN}\"/></Console></Appenders><Loggers>\
                 <Root level=\"{level}\"><AppenderRef ref=\"err\"/></Root>\
                 </Loggers></Configuration>\n"
            ),
            "-Dlog4j2.configurationFile=",
        ),
        Logging::Log4j1 => (
            "log4j.properties",
            format!(
                "log4j.rootLogger={level}, err\nlog4j.appender.err=org.apache.log4j.ConsoleAppender\n\
                 log4j.appender.err.target=System.err\n\
                 log4j.appender.err.layout=org.apache.log4j.PatternLayout\n\
                 log4j.appender.err.layout.ConversionPattern={PATTERN}\n"
            ),
            "-Dlog4j.configuration=file:",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_is_sixteen_bytes_in_base64_and_follows_from_the_name() {
        let id = cluster_id("default");
        assert_eq!(id.len(), 22);
        assert!(matches!(id.as_bytes()[21], b'A' | b'Q' | b'g' | b'w'), "{id}");
        assert_eq!(id, cluster_id("default"));
        assert_ne!(id, cluster_id("other"));
    }

    #[test]
    fn no_cluster_id_looks_like_an_option() {
        for owner in 0..10_000 {
            let id = cluster_id(&format!("test-model-{owner}-1"));
            assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()), "{id}");
        }
    }
}
