//! Ports that stay a cluster's own while its nodes are down.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use super::state::{State, cluster_names};
use super::{Error, Result};

/// Below the range from which operating systems take the ports of outgoing connections: a client
/// that tries a dead broker's port again and again must not find its own connection there.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Chooses so many ports.
///
/// The cluster named `default` gets 9092 and the ports after it if they are free. Call it under
/// `LockFile::of_ports`, and save the state before giving that up.
pub(super) fn choose(cluster: &str, count: usize) -> Result<Vec<u16>> {
    let mut taken = ports_of_other_clusters(cluster);
    let usual = if cluster == "default" { 9092..9112 } else { 0..0 };
    // Elsewhere each time: a client that outlived its cluster must not find the next one there.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let start = RANGE.start + (now.subsec_micros() % 10_000) as u16;
    let mut candidates = usual.chain(start..RANGE.end).chain(RANGE.start..start);
    let mut next = || {
        let port = candidates.by_ref().find(|&port| !taken.contains(&port) && is_free(port));
        taken.extend(port);
        port.ok_or(Error::NoFreePort)
    };
    (0..count).map(|_| next()).collect()
}

fn ports_of_other_clusters(cluster: &str) -> BTreeSet<u16> {
    cluster_names()
        .iter()
        .filter(|name| *name != cluster)
        .filter_map(|name| State::load(name).ok().flatten())
        .flat_map(|state| {
            let helpers = state.helpers.into_iter().map(|helper| helper.port);
            let nodes = state.nodes.into_iter();
            let ports = nodes.flat_map(|node| {
                [&[node.port, node.controller_port], &node.secure_ports[..]].concat()
            });
            helpers.chain(ports).collect::<Vec<u16>>()
        })
        .collect()
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_a_port_twice_or_one_that_is_in_use() {
        let first = choose("ports-test", 1).unwrap()[0];
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, first));
        let ports = choose("ports-test", 6).unwrap();
        assert!(held.is_err() || !ports.contains(&first));
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 6);
        assert!(ports.iter().all(|port| RANGE.contains(port)));
    }
}
