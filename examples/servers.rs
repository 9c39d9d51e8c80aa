//! Where an example finds its brokers, so that each runs as it is. No example itself.

#![allow(dead_code, reason = "no example needs everything")]

use std::sync::OnceLock;

use rohrpost_testkit::Cluster;

/// The brokers that the first argument names (`127.0.0.1:9092`), or else the [`embedded`] ones.
pub(crate) fn given_or_embedded() -> String {
    given().unwrap_or_else(|| embedded().bootstrap_servers())
}

/// The brokers that the first argument names.
pub(crate) fn given() -> Option<String> {
    // What a test is given is for its harness.
    if cfg!(test) { None } else { std::env::args().nth(1) }
}

/// Three brokers inside this process, which create each topic that is sent to, with four partitions.
pub(crate) fn embedded() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::builder().default_partitions(4).auto_create_topics(true);
        cluster.start_blocking().expect("ports on the loopback interface")
    })
}
