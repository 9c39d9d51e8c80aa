//! Brokers that die, one after the other, while somebody produces.

use std::thread;
use std::time::{Duration, Instant};

use crate::kafka::{Cluster, Error};

/// How many records must be acknowledged between two deaths, at the least.
const PROGRESS: u64 = 500;

/// How long that may take. A dead broker is replaced within seconds; two busy cores need more.
const PATIENCE: Duration = Duration::from_secs(90);

/// How far a producer is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Records that were handed to the producer.
    pub sent: u64,
    /// Records that were acknowledged.
    pub acknowledged: u64,
}

/// Kills (SIGKILL) and restarts nodes in turn, `kills` times in all. Before each kill, and after
/// the last restart, the count of acknowledged records must have risen by some hundreds.
///
/// Every second kill comes while the producer still works off what has gathered during the outage
/// before; the others come when that is done. Were they all of the first kind, more would gather
/// than the cluster lives to take, and the oldest would rightly time out.
///
/// `progress` gives the producer's progress; an error of it ends the run.
///
/// # Errors
///
/// The producer failed, or made no progress in time, or a node did not start.
pub fn kill_and_restart(
    cluster: &Cluster,
    kills: u32,
    mut progress: impl FnMut() -> Result<Progress, String>,
) -> Result<(), String> {
    let text = |e: Error| e.to_string();
    let mut wanted = 0;
    for kill in 0..kills {
        // Not always at the same moment of a batch's life.
        wanted += PROGRESS + u64::from(kill) * 173 % PROGRESS;
        wait_for(wanted, &mut progress)?;
        let node = kill % cluster.node_count() + 1;
        cluster.kill(node).map_err(text)?;
        cluster.start_node(node).map_err(text)?;
        let Progress { sent, acknowledged } = progress()?;
        wanted = if kill % 2 == 0 { acknowledged } else { sent };
    }
    wait_for(wanted + PROGRESS, &mut progress)
}

fn wait_for(
    wanted: u64,
    progress: &mut impl FnMut() -> Result<Progress, String>,
) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = progress()?.acknowledged;
        if now >= wanted {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(format!("{now} records are acknowledged after {PATIENCE:?}, not {wanted}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}
