//! Sessions that end are renewed on the connection that they are on (KIP-368).

use std::time::Duration;

use rohrpost_cluster::{
    ClusterEvent, ConnectionId, CredentialsError, NetworkInput, NodeId, SendError, TroubleKind,
};
use rohrpost_codec::{ApiKey, ErrorCode};

use crate::ms;
use crate::world::{World, broker_address};

/// Broker 1, connected, with sessions of that length.
fn connected(lifetime_ms: i64) -> (World, ConnectionId) {
    connected_with(lifetime_ms, 42)
}

fn connected_with(lifetime_ms: i64, seed: u64) -> (World, ConnectionId) {
    let mut world = World::guarded_with(1, |config| config.seed = seed);
    world.listener().lifetime_ms = lifetime_ms;
    world.settle();
    let connection = world.connect(1);
    // The bootstrap server's connection is of no use any more.
    world.cluster.request_update(world.now);
    world.pass(ms(1));
    assert_eq!(world.open.len(), 1);
    world.seen.clear();
    world.events.clear();
    world.credentials.asked.clear();
    (world, connection)
}

fn can_send(world: &World) -> bool {
    world.cluster.can_send(NodeId(1), world.now)
}

fn answer_all(world: &mut World, connection: ConnectionId) {
    world.held.clear();
    for seen in world.requests(ApiKey::Produce).into_iter().cloned().collect::<Vec<_>>() {
        let frame = world.answer(&seen, 5).unwrap();
        world.input(NetworkInput::Received { connection, frame });
    }
}

#[test]
fn a_session_is_renewed_on_its_connection_before_it_ends() {
    let (mut world, connection) = connected(60_000);
    world.pass(Duration::from_secs(600));
    let renewed = world.cluster.sessions_renewed();
    assert!((10..=12).contains(&renewed), "{renewed} times");
    use ApiKey::{SaslAuthenticate, SaslHandshake};
    let sasl: Vec<_> =
        world.keys_seen().into_iter().filter(|key| *key != ApiKey::Metadata).collect();
    assert_eq!(sasl, [SaslHandshake, SaslAuthenticate].repeat(renewed as usize));
    let told = world.events.iter().filter(|e| **e == ClusterEvent::SessionRenewed(NodeId(1)));
    assert_eq!(told.count() as u64, renewed);
    assert!(world.open.contains_key(&connection), "the connection is kept");
    assert_eq!(world.cluster.connections_failed(), 0);
    assert!(can_send(&world));
}

#[test]
fn clients_renew_at_85_to_95_per_cent_each_at_another_time() {
    let mut at = Vec::new();
    for seed in 0..200 {
        let (mut world, _) = connected_with(100_000, seed);
        let begin = world.now;
        while world.credentials.asked.is_empty() {
            let next = world.cluster.next_deadline().unwrap();
            world.pass(next.since(world.now));
        }
        at.push(world.now.since(begin).as_secs());
    }
    let (least, most) = (*at.iter().min().unwrap(), *at.iter().max().unwrap());
    assert!((84..=86).contains(&least) && (94..=95).contains(&most), "{least} to {most}");
}

#[test]
fn what_is_in_flight_is_answered_first_and_nothing_new_goes_before_the_renewal() {
    let (mut world, connection) = connected(10_000);
    world.held.insert(ApiKey::Produce.into());
    world.pass(ms(8_000));
    world.produce(1, -1).unwrap();
    world.produce(1, -1).unwrap();
    world.pass(ms(1_500));
    assert_eq!(world.credentials.asked.len(), 1);
    assert!(!can_send(&world));
    assert_eq!(world.produce(1, -1), Err(SendError::NotReady));
    assert!(world.requests(ApiKey::SaslHandshake).is_empty(), "not while requests are open");
    let first = world.requests(ApiKey::Produce)[0].clone();
    let frame = world.answer(&first, 5).unwrap();
    world.input(NetworkInput::Received { connection, frame });
    assert!(world.requests(ApiKey::SaslHandshake).is_empty(), "one is still open");
    world.listener().silent_on = Some(ApiKey::SaslAuthenticate);
    let second = world.requests(ApiKey::Produce)[1].clone();
    let frame = world.answer(&second, 5).unwrap();
    world.input(NetworkInput::Received { connection, frame });
    assert_eq!(world.requests(ApiKey::SaslAuthenticate).len(), 1);
    assert!(!can_send(&world));
    assert_eq!(world.produce(1, -1), Err(SendError::NotReady));
    assert!(world.troubles()[0].contains("authentication is not complete"));
    // The answer comes, and the connection goes on.
    world.listener().silent_on = None;
    let seen = world.requests(ApiKey::SaslAuthenticate)[0].clone();
    let crate::sasl_listener::Reply::Answer(frame) = world.listener().receive(connection, &seen)
    else {
        panic!()
    };
    world.input(NetworkInput::Received { connection, frame });
    assert!(can_send(&world));
    assert_eq!(world.troubles(), [""; 0]);
    world.produce(1, -1).unwrap();
    world.settle();
    let answered = world.events.iter().filter(|e| matches!(e, ClusterEvent::Answered(_)));
    assert_eq!(answered.count(), 2);
    assert!(!world.events.iter().any(|e| matches!(e, ClusterEvent::Failed { .. })));
}

#[test]
fn what_expects_no_answer_is_written_first() {
    let (mut world, connection) = connected(10_000);
    world.pass(ms(8_000));
    world.is_stuck = true;
    world.produce(1, 0).unwrap();
    world.pass(ms(1_500));
    assert!(!can_send(&world) && world.requests(ApiKey::SaslHandshake).is_empty());
    world.is_stuck = false;
    let frames = u64::MAX;
    world.input(NetworkInput::Written { connection, frames });
    assert_eq!(world.requests(ApiKey::SaslHandshake).len(), 1);
    assert!(can_send(&world));
}

#[test]
fn requests_go_on_while_credentials_are_fetched() {
    let (mut world, connection) = connected(10_000);
    world.credentials.are_slow = true;
    world.pass(ms(9_550));
    assert_eq!(world.credentials.asked.len(), 1);
    for _ in 0..3 {
        world.produce(1, -1).unwrap();
        world.settle();
    }
    world.credentials_come(connection);
    assert_eq!(world.cluster.sessions_renewed(), 1);
    assert!(can_send(&world));
}

#[test]
fn a_lifetime_of_nothing_is_none() {
    for lifetime in [0, -1, i64::MIN, i64::MAX] {
        let (mut world, _) = connected(lifetime);
        world.pass(Duration::from_secs(24 * 3_600));
        assert!(world.credentials.asked.len() <= 1, "only what was closed for being idle");
        assert_eq!(world.cluster.sessions_renewed(), 0);
    }
}

#[test]
fn a_tiny_lifetime_makes_neither_a_loop_nor_a_storm_nor_a_lost_connection() {
    for lifetime in [1, 7, 100, 999, 1_000, 1_010, 2_000] {
        let (mut world, connection) = connected(lifetime);
        let mut sent = 0;
        for _ in 0..300 {
            world.pass(ms(100));
            let can = can_send(&world);
            if can {
                world.produce(1, -1).unwrap();
                world.settle();
                sent += 1;
            }
        }
        assert!(world.open.contains_key(&connection), "{lifetime} ms: the connection is kept");
        let renewed = world.cluster.sessions_renewed();
        let expected = (30_000 / u64::try_from(lifetime).unwrap().max(1_000)) as i64;
        assert!((renewed as i64 - expected).abs() <= 4, "{lifetime} ms: {renewed} times");
        assert!(world.wakes < 300, "{lifetime} ms: {} wakes", world.wakes);
        if lifetime >= 100 {
            assert!(sent > 20, "{lifetime} ms: {sent} sent");
        }
    }
}

#[test]
fn a_renewal_that_is_refused_costs_the_connection_alone() {
    let (mut world, connection) = connected(10_000);
    world.listener().error = ErrorCode::SASL_AUTHENTICATION_FAILED;
    world.listener().message = Some("Cannot change principals".into());
    world.listener().refuses_renewals = true;
    world.pass(ms(9_500));
    assert!(!world.open.contains_key(&connection));
    let failed = |e: &ClusterEvent| matches!(e, ClusterEvent::AuthenticationFailed { .. });
    assert!(!world.events.iter().any(failed), "a new connection is to say");
    assert!(world.events.contains(&ClusterEvent::NodeLost(NodeId(1))));
    let texts: Vec<_> = world.troubles();
    assert!(texts.is_empty() || texts[0].contains("made anew"), "{texts:?}");
    world.connect_again();
    assert!(can_send(&world), "{:?}", world.troubles());
}

#[test]
fn credentials_that_do_not_come_are_asked_for_again_while_the_session_lasts() {
    let (mut world, connection) = connected(100_000);
    let error = CredentialsError { detail: "the endpoint is down".to_owned(), is_retriable: true };
    world.credentials.error = Some(error);
    world.pass(ms(97_400));
    let asked = world.credentials.asked.len();
    assert!(asked >= 4, "{asked} times");
    assert!(can_send(&world), "the session has not ended");
    world.produce(1, -1).unwrap();
    world.settle();
    // It comes back in time.
    let mut mended = connected(100_000).0;
    mended.credentials.error = world.credentials.error.clone();
    mended.pass(ms(97_000));
    mended.credentials.error = None;
    mended.pass(ms(1_500));
    assert_eq!(mended.cluster.sessions_renewed(), 1);
    assert!(can_send(&mended));
    // Or not.
    world.held.insert(ApiKey::Produce.into());
    world.produce(1, -1).unwrap();
    world.pass(ms(500));
    assert!(!can_send(&world));
    assert!(world.open.contains_key(&connection), "what is in flight is awaited");
    answer_all_open(&mut world, connection);
    assert!(!world.open.contains_key(&connection));
    assert!(!world.events.iter().any(|e| matches!(e, ClusterEvent::Failed { .. })));
    let trouble = world.cluster.troubles().into_iter().find(|trouble| trouble.node == NodeId(1));
    let kind = trouble.map(|trouble| trouble.kind);
    let Some(TroubleKind::SessionEnded { credentials: Some(_) } | TroubleKind::Credentials(_)) =
        kind
    else {
        panic!("{kind:?}");
    };
}

fn answer_all_open(world: &mut World, connection: ConnectionId) {
    world.held.clear();
    let last = world.requests(ApiKey::Produce).last().copied().cloned().unwrap();
    let frame = world.answer(&last, 5).unwrap();
    world.input(NetworkInput::Received { connection, frame });
}

#[test]
fn credentials_that_never_come_end_with_the_session() {
    let (mut world, connection) = connected(100_000);
    world.credentials.are_slow = true;
    world.pass(ms(97_498));
    assert!(world.open.contains_key(&connection) && world.credentials.asked.len() == 1);
    world.pass(ms(2));
    assert!(!world.open.contains_key(&connection));
}

#[test]
fn a_broker_that_leaves_or_sleeps_in_a_renewal_is_connected_to_anew() {
    for hangs_up in [true, false] {
        let (mut world, connection) = connected(10_000);
        let key = Some(ApiKey::SaslAuthenticate);
        match hangs_up {
            true => world.listener().hangs_up_on = key,
            false => world.listener().silent_on = key,
        }
        let begin = world.now;
        while world.open.contains_key(&connection) {
            world.pass(ms(10));
        }
        let patience = ms(if hangs_up { 0 } else { 30_000 });
        assert!((ms(8_500)..=ms(9_510)).contains(&(world.now.since(begin) - patience)));
        (world.listener().hangs_up_on, world.listener().silent_on) = (None, None);
        world.connect_again();
        assert!(can_send(&world), "{:?}", world.troubles());
    }
}

#[test]
fn being_renewed_is_not_being_used() {
    let mut idle = World::guarded_with(1, |config| {
        config.connections_max_idle = Some(Duration::from_secs(200));
        config.metadata_max_age = Duration::from_secs(3_600);
    });
    idle.listener().lifetime_ms = 60_000;
    idle.settle();
    let connection = idle.connect(1);
    idle.pass(Duration::from_secs(190));
    assert!(idle.open.contains_key(&connection) && idle.cluster.sessions_renewed() >= 3);
    idle.pass(Duration::from_secs(20));
    assert!(!idle.open.contains_key(&connection), "closed for being idle");
}

#[test]
fn a_throttled_connection_is_renewed_when_the_broker_reads_again() {
    let (mut world, connection) = connected(10_000);
    world.pass(ms(8_000));
    world.cluster.throttle(world.now, NodeId(1), ApiKey::Produce, 9, 4_000);
    world.pass(ms(3_999));
    assert!(world.requests(ApiKey::SaslHandshake).is_empty());
    world.pass(ms(1));
    assert_eq!(world.requests(ApiKey::SaslHandshake).len(), 1);
    assert!(can_send(&world) && world.open.contains_key(&connection));
}

#[test]
fn metadata_waits_for_the_renewal_rather_than_opening_other_connections() {
    let mut world = World::guarded(2);
    world.listener().lifetime_ms = 10_000;
    world.settle();
    let connection = world.connect(1);
    world.cluster.request_update(world.now);
    world.pass(ms(1));
    world.listener().silent_on = Some(ApiKey::SaslAuthenticate);
    world.pass(ms(9_500));
    let attempts = world.attempts.len();
    world.want("new");
    assert_eq!(world.attempts.len(), attempts);
    let seen = world.requests(ApiKey::SaslAuthenticate).last().copied().cloned().unwrap();
    world.listener().silent_on = None;
    let crate::sasl_listener::Reply::Answer(frame) = world.listener().receive(connection, &seen)
    else {
        panic!()
    };
    world.input(NetworkInput::Received { connection, frame });
    assert!(world.topics_asked().last().unwrap().contains(&"new".to_owned()));
    assert_eq!(world.attempts.len(), attempts);
}

#[test]
fn a_node_that_goes_while_it_drains_is_answered_first() {
    let (mut world, connection) = connected(10_000);
    world.held.insert(ApiKey::Produce.into());
    world.pass(ms(8_000));
    world.produce(1, -1).unwrap();
    world.pass(ms(1_500));
    assert!(!can_send(&world));
    world.metadata.brokers = vec![crate::world::broker(2, broker_address(2))];
    world.peers.insert(broker_address(2), crate::world::Peer::Broker { api_versions: 5 });
    let endpoint = None::<&rohrpost_cluster::Broker>;
    world.cluster.apply_hint(world.now, "t", 0, NodeId(1), 0, endpoint);
    answer_all(&mut world, connection);
    let answered = world.events.iter().filter(|e| matches!(e, ClusterEvent::Answered(_)));
    assert_eq!(answered.count(), 1);
    world.pass(ms(1_000));
    assert_eq!(world.cluster.in_flight(NodeId(1)), 0);
    assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
}
