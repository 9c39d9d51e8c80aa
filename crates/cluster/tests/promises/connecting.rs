//! Connections are made, given up and made again, with pauses.

use std::time::Duration;

use rohrpost_cluster::{
    ClusterEvent, LostError, MetadataRecovery, NetworkInput, NodeId, NodeState, Time,
};

use crate::world::{Peer, World, address, broker_address, config};
use crate::{is_about, ms};

fn gaps(times: impl IntoIterator<Item = Time>) -> Vec<Duration> {
    let times: Vec<Time> = times.into_iter().collect();
    times.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

#[test]
fn attempts_pause_twice_as_long_each_time_up_to_the_maximum() {
    let mut world = World::new(config(&["10.9.9.9:9092"]));
    world.pass(ms(20_000));
    let gaps = gaps(world.attempts.iter().map(|(at, _)| *at));
    assert!(gaps.len() > 15);
    for (n, gap) in gaps.iter().enumerate() {
        let plain = ms((50 << n.min(10)).min(1_000));
        assert!(is_about(*gap, plain), "attempt {n}: {gap:?}, not about {plain:?}");
    }
    let capped = &gaps[5..];
    assert!(capped.iter().any(|gap| gap != &capped[0]), "jitter");
    assert!(world.wakes <= 2 * world.attempts.len(), "{} wakes", world.wakes);
}

#[test]
fn a_connection_that_was_ready_resets_the_pauses() {
    let mut world =
        World::brokers_with(1, |config| config.metadata_recovery = MetadataRecovery::None);
    world.settle();
    world.connect(1);
    for _ in 0..2 {
        let lost = world.now;
        let connection = world.connection_to(broker_address(1));
        world.open.clear();
        world.input(NetworkInput::Lost { connection, error: LostError::Closed });
        let state = world.cluster.ensure_connected(world.now, NodeId(1));
        let NodeState::BackingOff { until } = state else { panic!("{state:?}") };
        assert!(is_about(until.since(lost), ms(50)), "{until} after {lost}");
        world.peers.insert(broker_address(1), Peer::Refuses);
        world.pass(ms(10_000));
        world.peers.insert(broker_address(1), Peer::Broker { api_versions: 5 });
        world.pass(ms(1_300));
    }
}

#[test]
fn the_time_to_connect_doubles_with_each_time_out() {
    let mut world = World::new(config(&["10.9.9.9:9092"]));
    world.peers.insert(address("10.9.9.9:9092"), Peer::BlackHole);
    world.pass(ms(150_000));
    let starts: Vec<Time> = world.attempts.iter().map(|(at, _)| *at).collect();
    let ends: Vec<Time> = world.disconnects.iter().map(|(at, _)| *at).collect();
    assert!(ends.len() >= 4);
    for (n, (start, end)) in starts.iter().zip(&ends).enumerate() {
        let plain = ms([10_000, 20_000, 30_000][n.min(2)]);
        assert!(is_about(end.since(*start), plain), "{n}: {:?}", end.since(*start));
    }
    assert_eq!(world.cluster.connections_failed(), ends.len() as u64);
    assert!(
        world.troubles()[0].starts_with("10.9.9.9:9092: no connection to 10.9.9.9:9092 within")
    );
}

#[test]
fn a_connection_that_was_made_resets_the_time_to_connect() {
    let mut world = World::new(config(&["10.9.9.9:9092"]));
    let at = address("10.9.9.9:9092");
    world.peers.insert(at, Peer::BlackHole);
    world.pass(ms(70_000));
    world.peers.insert(at, Peer::HangsUp);
    world.pass(ms(40_000));
    world.peers.insert(at, Peer::BlackHole);
    let known = world.disconnects.len();
    world.pass(ms(30_000));
    let (end, _) = world.disconnects[known];
    let (start, _) = *world.attempts.iter().rev().find(|(at, _)| *at < end).unwrap();
    assert!(is_about(end.since(start), ms(10_000)), "{:?}", end.since(start));
}

#[test]
fn all_addresses_of_a_host_are_tried_in_turn_and_it_is_resolved_anew_each_round() {
    let mut world = World::new(config(&["kafka.example:9092"]));
    let ips = ["::1", "10.0.0.7", "10.0.0.8"].map(|ip| ip.parse().unwrap());
    world.names.insert("kafka.example".into(), ips.to_vec());
    world.peers.insert(address("10.0.0.7:9092"), Peer::HangsUp);
    world.settle();
    let tried: Vec<_> = world.attempts.iter().map(|(at, to)| (*at, to.ip())).collect();
    assert_eq!(tried, ips.map(|ip| (world.now, ip)), "without a pause");
    assert_eq!(world.lookups.len(), 1);
    assert_eq!(world.events, [ClusterEvent::NodeLost(NodeId(-1))], "one failure");
    world.pass(ms(61));
    assert_eq!((world.lookups.len(), world.attempts.len()), (2, 6));
    // The host moves.
    world.names.insert("kafka.example".into(), vec!["10.0.0.1".parse().unwrap()]);
    world.peers.insert(broker_address(1), Peer::Broker { api_versions: 5 });
    world.pass(ms(200));
    assert!(world.events.contains(&ClusterEvent::NodeReady(NodeId(-1))));
}

#[test]
fn a_resolver_that_fails_or_never_answers_is_asked_again() {
    let mut world = World::new(config(&["nowhere.example:9092"]));
    world.pass(ms(5_000));
    let gaps = gaps(world.lookups.iter().map(|(at, _)| *at));
    assert!(gaps.len() > 5 && is_about(gaps[1], ms(100)), "{gaps:?}");
    assert!(world.troubles()[0].contains("nowhere.example:9092: the host name has no address"));

    let mut cluster = rohrpost_cluster::Cluster::new(config(&["slow.example:9092"]), Time::ZERO);
    let now = Time::ZERO;
    let first = cluster.poll_transmit(now);
    assert!(matches!(first, Some(rohrpost_cluster::NetworkOutput::Resolve { .. })));
    assert!(cluster.troubles()[0].to_string().contains("not resolved yet"));
    let deadline = cluster.next_deadline().unwrap();
    assert!(is_about(deadline.since(now), ms(10_000)));
    assert!(cluster.poll_transmit(deadline).is_none());
    assert!(cluster.troubles()[0].to_string().contains("was not resolved within"));
    let again = cluster.next_deadline().unwrap();
    assert!(is_about(again.since(deadline), ms(50)));
}

#[test]
fn a_bootstrap_server_behind_a_firewall_holds_the_others_up_for_a_second_at_most() {
    for seed in 0..8 {
        let mut config = config(&["10.9.9.1:9092", "10.9.9.2:9092", "10.0.0.1:9092"]);
        config.seed = seed;
        let mut world = World::new(config);
        world.metadata.brokers = vec![crate::world::broker(1, broker_address(1))];
        world.peers.insert(address("10.9.9.1:9092"), Peer::BlackHole);
        world.peers.insert(address("10.9.9.2:9092"), Peer::BlackHole);
        world.peers.insert(broker_address(1), Peer::Broker { api_versions: 5 });
        world.pass(ms(2_000));
        assert!(world.events.contains(&ClusterEvent::MetadataUpdated), "seed {seed}");
        assert!(world.open.len() == 1, "the attempts that nobody needs are given up");
        assert!(world.cluster.next_deadline().unwrap() > world.now + ms(10_000));
    }
}

#[test]
fn a_bootstrap_server_serves_until_a_broker_is_ready() {
    let mut world = World::brokers(2);
    world.settle();
    let bootstrap = world.connection_to(broker_address(1));
    world.want("t");
    assert_eq!(world.open.len(), 1, "metadata of the topic came over the same connection");
    assert_eq!(world.cluster.least_loaded(world.now), Some(NodeId(-1)));
    world.connect(2);
    assert!(!world.open.contains_key(&bootstrap));
    assert_eq!(world.cluster.least_loaded(world.now), Some(NodeId(2)));
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(-1)), NodeState::Unknown);
    assert!(world.events.contains(&ClusterEvent::NodeLost(NodeId(-1))));
}

#[test]
fn an_idle_connection_is_closed_and_made_again_when_wanted() {
    let mut world = World::brokers_with(2, |config| {
        config.connections_max_idle = Some(ms(60_000));
        config.metadata_max_age = ms(1_000_000);
    });
    world.settle();
    let idle = world.connect(2);
    world.pass(ms(50_000));
    world.produce(2, -1).unwrap();
    world.pass(ms(59_000));
    assert!(world.open.contains_key(&idle), "used 59 s ago");
    world.events.clear();
    world.pass(ms(1_000));
    assert!(!world.open.contains_key(&idle));
    assert_eq!(world.events, [ClusterEvent::NodeLost(NodeId(2))]);
    assert_eq!(world.troubles(), [""; 0], "that is no trouble");
    assert_ne!(world.connect(2), idle, "at once");
}

#[test]
fn a_connection_with_a_request_in_flight_is_not_idle() {
    let mut world = World::brokers_with(1, |config| {
        config.connections_max_idle = Some(ms(5_000));
        config.request_timeout = ms(30_000);
    });
    world.settle();
    let connection = world.connect(1);
    world.held.insert(rohrpost_codec::ApiKey::Produce.into());
    world.produce(1, -1).unwrap();
    world.pass(ms(29_000));
    assert!(world.open.contains_key(&connection));
}

#[test]
fn a_node_is_tried_again_by_itself_while_somebody_wants_it() {
    let mut world = World::brokers(2);
    world.settle();
    world.peers.insert(broker_address(2), Peer::Refuses);
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(2)), NodeState::Connecting);
    world.settle();
    let NodeState::BackingOff { until } = world.cluster.ensure_connected(world.now, NodeId(2))
    else {
        panic!("backing off");
    };
    world.peers.insert(broker_address(2), Peer::Broker { api_versions: 5 });
    world.pass(until.since(world.now));
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(2)), NodeState::Ready);
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(77)), NodeState::Unknown);
}

#[test]
fn what_comes_late_for_a_connection_that_is_over_is_ignored() {
    let mut world = World::brokers(1);
    world.settle();
    let connection = world.connect(1);
    let error = LostError::Closed;
    world.open.remove(&connection);
    world.input(NetworkInput::Lost { connection, error: error.clone() });
    world.pass(ms(100));
    world.events.clear();
    let deadline = world.cluster.next_deadline();
    let frame = rohrpost_codec::Bytes::from_static(&[0; 64]);
    for late in [
        NetworkInput::Received { connection, frame },
        NetworkInput::Written { connection, frames: 9 },
        NetworkInput::Connected { connection },
        NetworkInput::Lost { connection, error },
    ] {
        world.cluster.handle(world.now, late);
    }
    assert!(world.cluster.poll_event().is_none());
    assert!(world.cluster.poll_transmit(world.now).is_none());
    assert_eq!(world.cluster.next_deadline(), deadline);
}
