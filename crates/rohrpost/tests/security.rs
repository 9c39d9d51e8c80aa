//! Ways into a secured cluster, right ones and wrong ones: what gets in is acknowledged, and what does not says why.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "security/hostile.rs"]
mod hostile;
#[cfg(feature = "gssapi")]
#[path = "security/kerberos.rs"]
mod kerberos;
#[path = "security/refusals.rs"]
mod refusals;
#[path = "security/renewal.rs"]
mod renewal;
#[path = "security/sasl.rs"]
mod sasl;
#[path = "security/secrets.rs"]
mod secrets;
#[path = "security/tls.rs"]
mod tls;
#[cfg(feature = "oauth")]
#[path = "security/tokens.rs"]
mod tokens;

use std::time::Duration;

use rohrpost::{Error, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{Cluster, ClusterBuilder};

/// One broker, and topic `t`.
fn cluster(secured: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Cluster {
    let cluster = secured(Cluster::builder().brokers(1)).start_blocking().unwrap();
    cluster.create_topic("t", 1).unwrap();
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    // Who is not let in finds out within this time, and who is needs far less.
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .max_block(Duration::from_secs(4))
}

/// Sends one record.
#[tokio::main(flavor = "current_thread")]
async fn send(builder: ProducerBuilder) -> Result<(), Error> {
    let producer = builder.build().await?;
    let sent = producer.send(ProducerRecord::new("t").value(b"x")).await;
    let delivered = match sent {
        Ok(delivery) => delivery.await.map(drop),
        Err(error) => Err(error),
    };
    let closed = producer.close(Duration::from_secs(20)).await;
    delivered.and(closed)
}

/// Sends one record in vain, and tells why.
fn refused(builder: ProducerBuilder) -> String {
    send(builder).unwrap_err().to_string()
}

/// A file for as long as it is held.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("rohrpost-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
