//! Whatever comes in, in whatever order: no panic, no loop, nothing lost, and a way out once the faults stop (invariant I8).

use std::collections::BTreeSet;

use proptest::prelude::*;
use rohrpost_cluster::{
    ClusterEvent, ConnectError, ConnectErrorKind, ConnectionId, LookupError, LookupId, LostError,
    NetworkInput, NodeId, RequestId,
};
use rohrpost_codec::{ApiKey, Bytes, ErrorCode};

use crate::ms;
use crate::world::{Peer, World, broker, broker_address, topic};

/// Something that happens.
#[derive(Clone, Debug)]
enum Fault {
    Pass(u64),
    Peer(i32, Peer),
    Hold(bool),
    Stick(bool),
    Metadata(i16),
    Move(i32, i32),
    Leaders(i32, i32),
    Lose(u64),
    Garbage(u64, Vec<u8>),
    Late(u64, u64),
    Failed(u64),
    Resolved(u64, bool),
    Connected(u64),
    Connect(i32),
    Produce(i32, bool),
    Throttle(i32, i32),
    Want(u8),
    Update,
    Hint(i32, i32),
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        (0_i16..6).prop_map(|api_versions| Peer::Broker { api_versions }),
        Just(Peer::Refuses),
        Just(Peer::BlackHole),
        Just(Peer::Silent),
        Just(Peer::HangsUp),
        Just(Peer::HasBadCertificate),
        Just(Peer::RefusesCertificate),
        Just(Peer::Babbles(b"HTTP/1.1 400")),
        Just(Peer::Babbles(&[0, 0, 0, 6, 0, 0, 0, 0, 0, 35])),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let id = 0_u64..40;
    let node = -2_i32..5;
    prop_oneof![
        6 => (0_u64..40_000).prop_map(Fault::Pass),
        4 => (1_i32..5, peer()).prop_map(|(id, peer)| Fault::Peer(id, peer)),
        1 => any::<bool>().prop_map(Fault::Hold),
        1 => any::<bool>().prop_map(Fault::Stick),
        1 => prop_oneof![Just(0_i16), Just(-1), Just(129), any::<i16>()].prop_map(Fault::Metadata),
        1 => (1_i32..4, 1_i32..5).prop_map(|(id, to)| Fault::Move(id, to)),
        1 => (-1_i32..5, -1_i32..9).prop_map(|(leader, epoch)| Fault::Leaders(leader, epoch)),
        2 => id.clone().prop_map(Fault::Lose),
        1 => (id.clone(), prop::collection::vec(any::<u8>(), 0..12)).prop_map(|(id, bytes)| Fault::Garbage(id, bytes)),
        1 => (id.clone(), any::<u64>()).prop_map(|(id, frames)| Fault::Late(id, frames)),
        1 => id.clone().prop_map(Fault::Failed),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, found)| Fault::Resolved(id, found)),
        1 => id.prop_map(Fault::Connected),
        3 => node.clone().prop_map(Fault::Connect),
        4 => (node.clone(), any::<bool>()).prop_map(|(node, answer)| Fault::Produce(node, answer)),
        1 => (node.clone(), -5_i32..50_000).prop_map(|(node, millis)| Fault::Throttle(node, millis)),
        1 => (0_u8..4).prop_map(Fault::Want),
        1 => Just(Fault::Update),
        1 => (node, -1_i32..12).prop_map(|(node, epoch)| Fault::Hint(node, epoch)),
    ]
}

/// Lets a fault happen; a request that was accepted because of it.
fn apply(world: &mut World, fault: Fault) -> Option<RequestId> {
    let now = world.now;
    let input = match fault {
        Fault::Pass(millis) => {
            let before = world.wakes;
            world.pass(ms(millis));
            // Four brokers and a bootstrap server, each with its back-off, and the refresh.
            let allowed = 60 + millis as usize / 15;
            assert!(
                world.wakes - before <= allowed,
                "{} wakes in {millis} ms",
                world.wakes - before
            );
            return None;
        }
        Fault::Peer(id, peer) => {
            world.peers.insert(broker_address(id), peer);
            return None;
        }
        Fault::Hold(holds) => {
            world.held = if holds { [3, 0].into() } else { BTreeSet::new() };
            return None;
        }
        Fault::Stick(sticks) => {
            world.is_stuck = sticks;
            return None;
        }
        Fault::Metadata(code) => {
            world.metadata.error_code = ErrorCode(code);
            return None;
        }
        Fault::Move(id, to) => {
            world.metadata.brokers.retain(|broker| broker.node_id != id);
            if to != 4 || world.metadata.brokers.is_empty() {
                world.metadata.brokers.push(broker(id, broker_address(to)));
            }
            return None;
        }
        Fault::Leaders(leader, epoch) => {
            world.metadata.topics = vec![topic("t0", 9, &[(leader, epoch)])];
            return None;
        }
        Fault::Lose(id) => {
            let connection = ConnectionId(id);
            world.open.remove(&connection);
            NetworkInput::Lost { connection, error: LostError::Closed }
        }
        Fault::Garbage(id, bytes) => {
            NetworkInput::Received { connection: ConnectionId(id), frame: Bytes::from(bytes) }
        }
        Fault::Late(id, frames) => NetworkInput::Written { connection: ConnectionId(id), frames },
        Fault::Failed(id) => {
            let connection = ConnectionId(id);
            world.open.remove(&connection);
            let error = ConnectError { kind: ConnectErrorKind::Other, detail: String::new() };
            NetworkInput::ConnectFailed { connection, error }
        }
        Fault::Resolved(id, found) => {
            let error = LookupError { detail: String::new() };
            let result = if found { Ok(vec![broker_address(1).ip()]) } else { Err(error) };
            NetworkInput::Resolved { lookup: LookupId(id), result }
        }
        Fault::Connected(id) => NetworkInput::Connected { connection: ConnectionId(id) },
        Fault::Connect(node) => {
            world.cluster.ensure_connected(now, NodeId(node));
            return None;
        }
        Fault::Produce(node, answer) => return world.produce(node, answer.into()).ok(),
        Fault::Throttle(node, millis) => {
            world.cluster.throttle(now, NodeId(node), ApiKey::Produce, 9, millis);
            return None;
        }
        Fault::Want(topic) => {
            world.cluster.want_topic(now, &format!("t{topic}").into());
            return None;
        }
        Fault::Update => {
            world.cluster.request_update(now);
            return None;
        }
        Fault::Hint(node, epoch) => {
            world.cluster.apply_hint(now, "t0", 0, NodeId(node), epoch, None);
            return None;
        }
    };
    // A driver tells of a connection only while it has it, but late inputs may be anything.
    world.cluster.handle(now, input);
    None
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 300 } else { 20_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_storm_of_faults_stops_the_client(
        seed in any::<u64>(),
        faults in prop::collection::vec((fault(), any::<bool>()), 1..80),
    ) {
        let mut world = World::brokers_with(3, |config| {
            config.seed = seed;
            config.bootstrap_servers.push("10.0.0.2:9092".parse().unwrap());
        });
        world.is_lied_to = true;
        let mut accepted = BTreeSet::new();
        for (fault, settles) in faults {
            accepted.extend(apply(&mut world, fault));
            if settles {
                world.settle();
            }
        }
        // The faults stop.
        world.held.clear();
        world.is_stuck = false;
        world.metadata.error_code = ErrorCode::NONE;
        world.metadata.brokers = (1..=3).map(|id| broker(id, broker_address(id))).collect();
        world.metadata.topics = vec![topic("fresh", 77, &[(1, 100)])];
        for id in 1..=4 {
            world.peers.insert(broker_address(id), Peer::Broker { api_versions: 5 });
        }
        world.pass(ms(100_000));
        world.want("fresh");
        world.pass(ms(2_000));
        prop_assert_eq!(world.leader("fresh", 0), Some((1, Some(100))), "{:?}", world.troubles());
        world.cluster.ensure_connected(world.now, NodeId(1));
        world.pass(ms(2_000));
        let state = world.cluster.ensure_connected(world.now, NodeId(1));
        prop_assert_eq!(state, rohrpost_cluster::NodeState::Ready);

        // Every request ended, once.
        let mut ended = Vec::new();
        for event in &world.events {
            match event {
                ClusterEvent::Answered(answer) => ended.push(answer.request),
                ClusterEvent::Written { request, .. } | ClusterEvent::Failed { request, .. } => {
                    ended.push(*request);
                }
                _ => {}
            }
        }
        prop_assert_eq!(ended.len(), accepted.len());
        prop_assert_eq!(ended.into_iter().collect::<BTreeSet<_>>(), accepted);
    }
}
