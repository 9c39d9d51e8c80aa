//! Brokers that die, one after the other, while somebody produces.

use std::thread;
use std::time::{Duration, Instant};

use crate::kafka::{Cluster, Error};

/// How many records must be acknowledged between two deaths, at the least.
const PROGRESS: u64 = 500;

/// How long that may take. A dead broker is replaced within seconds; two busy cores need more.
const PATIENCE: Duration = Duration::from_secs(90);

/// Kills (SIGKILL) and restarts nodes in turn, `kills` times in all. Before each kill, and after
/// the last restart, the count of acknowledged records must have risen by some hundreds.
///
/// `acknowledged` gives that count; an error of it ends the run.
///
/// # Errors
///
/// The producer failed, or made no progress in time, or a node did not start.
pub fn kill_and_restart(
    cluster: &Cluster,
    kills: u32,
    mut acknowledged: impl FnMut() -> Result<u64, String>,
) -> Result<(), String> {
    let text = |e: Error| e.to_string();
    let mut seen = acknowledged()?;
    for kill in 0..kills {
        // Not always at the same moment of a batch's life.
        let progress = PROGRESS + u64::from(kill) * 173 % PROGRESS;
        seen = wait_for(seen + progress, &mut acknowledged)?;
        let node = kill % cluster.node_count() + 1;
        cluster.kill(node).map_err(text)?;
        cluster.start_node(node).map_err(text)?;
    }
    wait_for(seen + PROGRESS, &mut acknowledged).map(|_| ())
}

fn wait_for(
    wanted: u64,
    acknowledged: &mut impl FnMut() -> Result<u64, String>,
) -> Result<u64, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = acknowledged()?;
        if now >= wanted {
            return Ok(now);
        }
        if Instant::now() > end {
            return Err(format!("{now} records are acknowledged after {PATIENCE:?}, not {wanted}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}
