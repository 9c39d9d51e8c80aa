//! An address that is no Kafka broker is recognised, and said so in words that help.

use rohrpost_cluster::{Cluster, ClusterConfig, NetworkOutput, Time};

use crate::ms;
use crate::world::{Peer, World, broker_address, config};

/// What is said of a bootstrap server of this kind after so long.
fn trouble(peer: Peer, after: u64) -> String {
    let mut world = World::new(config(&["10.0.0.1:9092"]));
    world.peers.insert(broker_address(1), peer);
    world.pass(ms(after));
    assert!(
        world
            .events
            .iter()
            .all(|event| matches!(event, rohrpost_cluster::ClusterEvent::NodeLost(_)))
    );
    assert!(world.attempts.len() <= 2 + after as usize / 40, "a busy loop");
    let troubles = world.troubles();
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].starts_with("10.0.0.1:9092: "), "{}", troubles[0]);
    troubles[0]["10.0.0.1:9092: ".len()..].to_owned()
}

#[test]
fn a_web_server_is_named() {
    let text = trouble(Peer::Babbles(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 10);
    assert_eq!(text, "not a Kafka broker: it answered HTTP; check the port");
}

#[test]
fn a_tls_listener_is_named() {
    let text = trouble(Peer::Babbles(&[0x15, 3, 3, 0, 2, 2, 70]), 10);
    assert!(text.contains("it answered TLS") && text.contains("plaintext listener"), "{text}");
}

#[test]
fn one_that_hangs_up_gets_the_likely_reasons() {
    let text = trouble(Peer::HangsUp, 10);
    assert!(text.starts_with("the other side closed the connection before it answered"), "{text}");
    assert!(text.contains("with TLS and SASL, or without"), "{text}");
}

#[test]
fn garbage_is_named() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        &[0xff; 16],
        &[0, 0, 0, 4, 9, 9, 9, 9],
        &[0, 0, 0, 0],
        &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 9],
    ] {
        let text = trouble(Peer::Babbles(garbage), 10);
        assert!(text.contains("Kafka broker"), "{garbage:?}: {text}");
    }
}

#[test]
fn a_silent_one_is_suspected_at_once_and_given_up_after_the_request_time_out() {
    let text = trouble(Peer::Silent, 1_000);
    assert!(text.contains("the first request is not answered yet"), "{text}");
    let text = trouble(Peer::Silent, 30_001);
    assert!(text.contains("got no answer within 30s"), "{text}");
}

#[test]
fn nobody_is_named() {
    let text = trouble(Peer::Refuses, 10);
    assert_eq!(
        text,
        "the connection was refused (os error 111): check that a broker listens there"
    );
    assert!(trouble(Peer::BlackHole, 1_000).contains("not connected to 10.0.0.1:9092 yet"));
}

#[test]
fn without_bootstrap_servers_nothing_ever_happens() {
    let mut cluster = Cluster::new(ClusterConfig::new(vec![]), Time::ZERO);
    cluster.want_topic(Time::ZERO, &"t".into());
    assert!(cluster.poll_transmit(Time::ZERO).is_none());
    assert_eq!((cluster.next_deadline(), cluster.least_loaded(Time::ZERO)), (None, None));
    assert_eq!(cluster.troubles(), []);
}

#[test]
fn an_absurd_client_id_is_trouble_and_no_hang() {
    let mut config = config(&["10.0.0.1:9092"]);
    config.client_id = "x".repeat(40_000).into();
    let mut world = World::new(config);
    world.peers.insert(broker_address(1), Peer::Broker { api_versions: 5 });
    world.pass(ms(10));
    assert!(world.troubles()[0].contains("client.id"), "{:?}", world.troubles());
}

#[test]
fn the_same_seed_makes_the_same_life_and_another_one_another() {
    let first_address = |seed| {
        let mut config = config(&["a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1"]);
        config.seed = seed;
        match Cluster::new(config, Time::ZERO).poll_transmit(Time::ZERO) {
            Some(NetworkOutput::Resolve { host, .. }) => host,
            other => panic!("{other:?}"),
        }
    };
    let first: Vec<String> = (0..30).map(first_address).collect();
    assert_eq!(first, (0..30).map(first_address).collect::<Vec<_>>());
    assert!((b'a'..=b'g').all(|name| first.contains(&char::from(name).to_string())));
}
