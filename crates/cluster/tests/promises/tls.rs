//! Whom TLS refuses is told at once (KIP-152), and a certificate that is replaced needs no new client.

use std::time::Duration;

use rohrpost_cluster::{
    AuthenticationError, ClusterEvent, ConnectError, ConnectErrorKind, LostError, NetworkInput,
    NodeId, TroubleKind,
};
use rohrpost_codec::ApiKey;

use crate::authentication::failures;
use crate::ms;
use crate::world::{Peer, World, broker, broker_address, config};

const GOOD: Peer = Peer::Broker { api_versions: 5 };

/// Bootstrap servers of these kinds, from 10.0.0.1 on, where those that are good are all brokers.
fn among(peers: &[Peer]) -> World {
    let servers: Vec<String> = (1..=peers.len()).map(|id| format!("10.0.0.{id}:9092")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let mut world = World::new(config(&servers));
    for (id, peer) in (1..).zip(peers) {
        world.peers.insert(broker_address(id), peer.clone());
        world.metadata.brokers.push(broker(id, broker_address(id)));
    }
    world
}

#[test]
fn a_certificate_that_is_not_accepted_by_either_is_told_at_once() {
    for (peer, detail) in [
        (Peer::HasBadCertificate, "the certificate has expired"),
        (Peer::RefusesCertificate, "unknown_ca"),
    ] {
        let mut world = among(&[peer]);
        world.want("t");
        let error = AuthenticationError::Tls { detail: detail.to_owned() };
        assert_eq!(failures(&world), [(NodeId(-1), error, true)]);
        assert_eq!(world.events.last(), Some(&ClusterEvent::NodeLost(NodeId(-1))));
        assert_eq!(world.troubles(), [format!("10.0.0.1:9092: {detail}")]);
        // Nobody wants anything: nothing is tried.
        world.pass(Duration::from_secs(3_600));
        assert_eq!((world.attempts.len(), world.open.len()), (1, 0));
    }
}

#[test]
fn each_wish_has_it_tried_again_after_a_pause_and_a_new_certificate_mends_it() {
    let mut world = among(&[Peer::HasBadCertificate]);
    world.want("t");
    for attempts in 2..6 {
        world.want("t");
        world.pass(Duration::from_secs(20));
        assert_eq!((world.attempts.len(), failures(&world).len()), (attempts, attempts));
    }
    world.peers.insert(broker_address(1), GOOD);
    world.want("t");
    world.pass(Duration::from_secs(20));
    assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
    assert_eq!(world.troubles(), [""; 0]);
}

/// Certificates are each broker's own: that of one says nothing of the others'.
#[test]
fn one_bad_certificate_among_good_ones_is_in_nobodys_way() {
    for bad in [Peer::HasBadCertificate, Peer::RefusesCertificate] {
        for at in 0..3 {
            let mut peers = [GOOD, GOOD, GOOD];
            peers[at] = bad.clone();
            let mut world = among(&peers);
            world.want("t");
            assert!(world.events.contains(&ClusterEvent::MetadataUpdated), "{at}");
            assert!(failures(&world).iter().all(|(.., is_cut_off)| !is_cut_off), "{at}");
            // Whose leader that broker is hears of it.
            let id = at as i32 + 1;
            world.cluster.ensure_connected(world.now, NodeId(id));
            world.pass(Duration::from_secs(20));
            let of_it = |failure: &&(NodeId, AuthenticationError, bool)| failure.0 == NodeId(id);
            assert!(failures(&world).iter().rfind(of_it).is_some_and(|failure| !failure.2));
        }
    }
}

#[test]
fn when_all_are_refused_the_last_refusal_cuts_off() {
    let mut world = among(&[const { Peer::HasBadCertificate }; 3]);
    world.want("t");
    let cut_off: Vec<bool> = failures(&world).iter().map(|failure| failure.2).collect();
    assert_eq!(cut_off, [false, false, true]);
    // The next wish tries one, and knows.
    world.want("t");
    world.pass(Duration::from_secs(20));
    assert_eq!(failures(&world).len(), 4);
    assert!(failures(&world)[3].2);
    // The others are down, or never answer.
    for other in [Peer::Refuses, Peer::BlackHole, Peer::Silent] {
        let mut world = among(&[other.clone(), Peer::HasBadCertificate]);
        world.want("t");
        world.pass(Duration::from_secs(35));
        assert!(failures(&world).iter().any(|failure| failure.2), "{other:?}");
    }
}

/// Addresses may get into others' hands while the bootstrap servers' names lead to the cluster.
#[test]
fn brokers_that_all_refuse_lead_back_to_the_bootstrap_servers() {
    let mut world = World::new(config(&["kafka:9092"]));
    world.names.insert("kafka".to_owned(), vec![broker_address(1).ip()]);
    world.metadata.brokers = vec![broker(2, broker_address(2))];
    world.peers.insert(broker_address(1), GOOD);
    world.peers.insert(broker_address(2), GOOD);
    world.settle();
    world.connect(2);
    // The cluster moves.
    world.peers.insert(broker_address(2), Peer::HasBadCertificate);
    world.metadata.brokers = vec![broker(3, broker_address(3))];
    world.peers.insert(broker_address(3), GOOD);
    let connections: Vec<_> = world.open.keys().copied().collect();
    world.open.clear();
    for connection in connections {
        world.input(NetworkInput::Lost { connection, error: LostError::Closed });
    }
    for _ in 0..3 {
        world.want("t");
        world.pass(Duration::from_secs(30));
    }
    assert!(world.events.contains(&ClusterEvent::Rebootstrapped));
    world.connect(3);
}

#[test]
fn a_reason_that_comes_later_is_the_networks() {
    let mut world = World::brokers(1);
    world.settle();
    let connection = world.connect(1);
    world.open.remove(&connection);
    let error = LostError::TlsRefused { detail: "internal_error".to_owned() };
    world.input(NetworkInput::Lost { connection, error: error.clone() });
    assert_eq!(failures(&world), []);
    let kind = TroubleKind::Lost(error);
    assert!(world.cluster.troubles().iter().any(|trouble| trouble.kind == kind));
    world.pass(ms(200));
    world.connect(1);
}

#[test]
fn tls_that_fails_for_another_reason_is_tried_again_at_the_usual_pace() {
    let mut world = among(&[Peer::BlackHole]);
    world.want("t");
    for _ in 0..5 {
        let connection = *world.connecting.last().unwrap();
        let detail = "the connection was closed within the handshake".to_owned();
        let error = ConnectError { kind: ConnectErrorKind::Tls, detail };
        world.input(NetworkInput::ConnectFailed { connection, error });
        world.pass(ms(1_300));
    }
    assert_eq!((failures(&world), world.attempts.len()), (vec![], 6));
    assert!(world.troubles()[0].contains("within the handshake"), "{:?}", world.troubles());
}

#[test]
fn large_frames_are_welcome_when_it_is_known_who_is_there_and_not_before() {
    for (mut world, before) in [
        (World::brokers(1), vec![ApiKey::ApiVersions]),
        (
            World::guarded(1),
            vec![ApiKey::ApiVersions, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate],
        ),
    ] {
        world.settle();
        let connection = world.connection_to(broker_address(1));
        assert_eq!(world.ready, [(connection, before.len())]);
        assert_eq!(world.keys_seen()[..before.len()], before);
        assert_eq!(world.keys_seen()[before.len()], ApiKey::Metadata);
    }
}
