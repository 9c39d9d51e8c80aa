//! Brokers that die and freeze at random, coordinators of transactions above all.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::kafka::{Cluster, Error};

/// What was done to a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storm {
    /// Nodes that were killed (SIGKILL) and started again.
    pub kills: u32,
    /// Nodes that were stopped for a while (SIGSTOP, SIGCONT).
    pub pauses: u32,
    /// Of both, how many were coordinators of transactions then.
    pub coordinators: u32,
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, pauses, coordinators } = self;
        write!(f, "{kills} kills and {pauses} pauses, {coordinators} of them of coordinators")
    }
}

/// Kills and pauses nodes, one at a time, until that much time is over; at its end all nodes run. A pause is short, or longer than the controller waits for a broker.
/// `tell` hears of each.
///
/// # Errors
///
/// A node that did not start again, or could not be signalled.
pub fn storm(
    cluster: &Cluster,
    time: Duration,
    mut chance: Chance,
    mut tell: impl FnMut(&str),
) -> Result<Storm, String> {
    let text = |e: Error| e.to_string();
    let (mut storm, end) = (Storm::default(), Instant::now() + time);
    while Instant::now() < end {
        let coordinators = cluster.transaction_coordinators();
        let any = 1 + chance.below(u64::from(cluster.node_count())) as u32;
        let node = match coordinators.len() as u64 {
            count if count > 0 && chance.percent(60) => coordinators[chance.below(count) as usize],
            _ => any,
        };
        storm.coordinators += u32::from(coordinators.contains(&node));
        // However short it is, it has one of each first.
        let kills = match (storm.kills, storm.pauses) {
            (0, _) => true,
            (_, 0) => false,
            _ => chance.percent(50),
        };
        if kills {
            storm.kills += 1;
            tell(&format!("node {node} is killed"));
            cluster.kill(node).map_err(text)?;
            wait(chance.below(3_000));
            cluster.start_node(node).map_err(text)?;
            tell(&format!("node {node} is back"));
        } else {
            storm.pauses += 1;
            let pause = if chance.percent(50) { chance.below(2_000) } else { chance.below(12_000) };
            tell(&format!("node {node} is paused for {pause} ms"));
            cluster.pause(node).map_err(text)?;
            wait(pause);
            cluster.resume(node).map_err(text)?;
        }
        wait(1_000 + chance.below(4_000));
    }
    Ok(storm)
}

fn wait(milliseconds: u64) {
    // tidy: may sleep: how long a fault lasts is what is tested.
    thread::sleep(Duration::from_millis(milliseconds));
}
