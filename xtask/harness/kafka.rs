//! Real Apache Kafka on loopback: install by Maven, start, break, read back.
//!
//! A [`Cluster`] is a folder under `target/kafka/clusters/` and the Java processes that name it
//! on their command lines. The processes outlive whoever started them, so any number of programs
//! may open the same cluster by its name; [`PrivateCluster`] removes its cluster when dropped.
//!
//! ```no_run
//! use harness::kafka::{PrivateCluster, Spec, Topic};
//!
//! # fn main() -> Result<(), harness::kafka::Error> {
//! let cluster = PrivateCluster::start("kill-one", &Spec::default().brokers(3))?;
//! cluster.create_topic(&Topic::new("orders").partitions(12).replication_factor(3))?;
//! cluster.kill(2)?;
//! cluster.start_node(2)?;
//! println!("{}", cluster.bootstrap_servers());
//! # Ok(())
//! # }
//! ```

mod cluster;
mod config;
mod error;
mod helpers;
mod install;
mod java;
mod ports;
mod private;
mod probe;
mod process;
mod secured;
mod security;
mod state;
mod tools;
mod zookeeper;

pub use self::cluster::Cluster;
pub use self::config::{DEFAULT_VERSION, Spec};
pub use self::error::{Error, Result};
pub use self::install::Distribution;
pub use self::java::{missing_for_kafka, missing_programs};
pub use self::private::PrivateCluster;
pub use self::process::NodeStatus;
pub use self::secured::Kerberos;
pub use self::security::{
    KEY_PASSWORD, Keys, Mode, OTHER_PASSWORD, OTHER_USER, PASSWORD, Protocol, STORE_PASSWORD, USER,
    properties_text,
};
pub use self::tools::{Consume, ConsumedRecord, Topic};

/// The name of the cluster that tests share.
pub const SHARED: &str = "tests";

/// The name of the cluster with every way in, which tests share too.
pub const SECURED: &str = "tests-secured";

/// The cluster that tests share: one node, started by the first who asks for it. Tests make topics
/// of their own in it and break nothing; `cargo xtask test` takes it down at the end.
///
/// # Errors
///
/// As [`Cluster::up`].
pub fn shared() -> Result<Cluster> {
    Cluster::up(SHARED, &Spec::default())
}

/// Where that cluster ends sessions after two seconds (`connections.max.reauth.ms`).
pub const SHORT_SESSIONS: [Mode; 3] = [Mode::SaslScram, Mode::SaslSslScram, Mode::Kerberos];

/// The cluster that tests of security share, with all of [`Mode`]; otherwise as [`shared`].
///
/// # Errors
///
/// As [`Cluster::up`].
pub fn secured() -> Result<Cluster> {
    let mut spec = Spec::default().security(Mode::all());
    for mode in SHORT_SESSIONS {
        for mechanism in mode.mechanisms() {
            let mechanism = mechanism.to_ascii_lowercase();
            let name = format!("listener.name.{mode}.{mechanism}.connections.max.reauth.ms");
            spec = spec.config(&name, "2000");
        }
    }
    Cluster::up(SECURED, &spec)
}
