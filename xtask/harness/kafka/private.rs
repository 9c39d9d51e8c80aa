//! A cluster for one test alone.

use std::fs;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::state::{cluster_dir, home};
use super::{Cluster, Result, Spec};

/// A [`Cluster`] of the test that made it: it goes when this is dropped, data and all.
///
/// If that test is failing, the nodes' logs are kept under `target/kafka/failed/`.
#[derive(Debug)]
pub struct PrivateCluster {
    cluster: Cluster,
}

impl PrivateCluster {
    /// Starts a cluster as `spec` says; `label` becomes part of its name.
    ///
    /// # Errors
    ///
    /// As [`Cluster::up`].
    pub fn start(label: &str, spec: &Spec) -> Result<Self> {
        Cluster::remove_orphans()?;
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let owner = std::process::id();
        let name = format!("test-{label}-{owner}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let cluster = Cluster::up_owned(&name, spec, Some(owner as i32))?;
        Ok(Self { cluster })
    }
}

impl Deref for PrivateCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if thread::panicking() {
            keep_logs(&self.cluster);
        }
        if let Err(e) = Cluster::remove(self.cluster.name()) {
            eprintln!("{e}");
        }
    }
}

fn keep_logs(cluster: &Cluster) {
    let folder = home().join("failed").join(cluster.name());
    if fs::create_dir_all(&folder).is_err() {
        return;
    }
    for node in 1..=cluster.node_count() {
        let _ = fs::copy(cluster.log_file(node), folder.join(format!("node-{node}.log")));
    }
    let state = cluster_dir(cluster.name()).join("state.json");
    let _ = fs::copy(state, folder.join("state.json"));
    eprintln!("the logs of the cluster are kept in {}", folder.display());
}
