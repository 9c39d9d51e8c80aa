//! Connections say who the client is before anything else (KIP-43, KIP-152).

use std::time::Duration;

use rohrpost_cluster::{
    AuthenticationError, ClusterEvent, CredentialsError, NetworkInput, NodeId, SaslError,
    TroubleKind,
};
use rohrpost_codec::messages::SaslAuthenticateResponse;
use rohrpost_codec::{ApiKey, Bytes, ErrorCode};

use crate::world::{World, broker_address, encode};
use crate::{is_about, ms};

/// What was told of failed authentications.
pub(crate) fn failures(world: &World) -> Vec<(NodeId, AuthenticationError, bool)> {
    let failure = |event: &ClusterEvent| match event {
        ClusterEvent::AuthenticationFailed { node, error, is_cut_off } => {
            Some((*node, error.clone(), *is_cut_off))
        }
        _ => None,
    };
    world.events.iter().filter_map(failure).collect()
}

fn unavailable(is_retriable: bool) -> CredentialsError {
    CredentialsError { detail: "the token endpoint is down".to_owned(), is_retriable }
}

#[test]
fn who_the_client_is_comes_between_versions_and_everything_else() {
    let mut world = World::guarded(1);
    (world.credentials.rounds, world.listener().rounds) = (2, 2);
    world.settle();
    use ApiKey::{ApiVersions, Metadata, SaslAuthenticate, SaslHandshake};
    assert_eq!(
        world.keys_seen(),
        [ApiVersions, SaslHandshake, SaslAuthenticate, SaslAuthenticate, Metadata]
    );
    let versions: Vec<i16> = world.seen.iter().skip(1).take(3).map(|seen| seen.version).collect();
    assert_eq!(versions, [1, 2, 2]);
    assert_eq!(world.events, [ClusterEvent::NodeReady(NodeId(-1)), ClusterEvent::MetadataUpdated]);
    let (_, connection, host) = &world.credentials.asked[0];
    assert_eq!((connection, host.as_str()), (&world.connection_to(broker_address(1)), "10.0.0.1"));
    world.connect(1);
    world.produce(1, -1).unwrap();
    world.settle();
    assert!(world.events.iter().any(|event| matches!(event, ClusterEvent::Answered(_))));
}

#[test]
fn a_connection_of_nobody_in_particular_asks_for_no_credentials() {
    let mut world = World::brokers(1);
    world.speak_sasl(1, 2);
    world.settle();
    assert_eq!(world.keys_seen(), [ApiKey::ApiVersions, ApiKey::Metadata]);
    assert!(world.credentials.asked.is_empty());
}

#[test]
fn older_versions_serve_and_bare_tokens_are_refused_in_clear_words() {
    for (handshake, authenticate, lacking) in [
        (1, 0, None),
        (1, 1, None),
        (0, -1, Some(ApiKey::SaslHandshake)),
        (-1, -1, Some(ApiKey::SaslHandshake)),
        (1, -1, Some(ApiKey::SaslAuthenticate)),
    ] {
        let mut world = World::guarded(1);
        world.speak_sasl(handshake, authenticate);
        world.settle();
        let Some(lacking) = lacking else {
            assert_eq!(world.requests(ApiKey::SaslAuthenticate)[0].version, authenticate);
            assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
            continue;
        };
        let [(_, AuthenticationError::TooOld { api_key, .. }, true)] = failures(&world)[..] else {
            panic!("{:?}", world.events);
        };
        assert_eq!(api_key, lacking);
        assert_eq!(world.keys_seen(), [ApiKey::ApiVersions], "no secret goes out");
        assert!(world.credentials.asked.is_empty());
        assert!(world.troubles()[0].contains("before 1.0"), "{:?}", world.troubles());
    }
}

#[test]
fn whoever_gives_up_waiting_for_credentials_is_told_why_they_are_late() {
    let mut world = World::guarded(1);
    world.credentials.are_slow = true;
    world.want("t");
    assert!(
        world.troubles()[0].contains("credentials are not there yet"),
        "{:?}",
        world.troubles()
    );
    let connection = world.credentials.asked[0].1;
    world.cluster.credentials_delayed(connection, unavailable(true));
    let late = "no credentials yet: the token endpoint is down";
    assert!(world.troubles()[0].ends_with(late), "{:?}", world.troubles());
    // So too when time is up for them all.
    let timeout = Duration::from_secs(30);
    world.pass(timeout);
    assert!(world.troubles()[0].ends_with(late), "{:?}", world.troubles());
}

#[test]
fn a_mechanism_that_is_not_offered_is_told_with_those_that_are() {
    let mut world = World::guarded(1);
    world.listener().enabled = vec!["PLAIN".into(), "SCRAM-SHA-512".into()];
    world.settle();
    let text = failures(&world)[0].1.to_string();
    assert!(text.contains("ROUNDS but PLAIN, SCRAM-SHA-512"), "{text}");
    assert_eq!(failures(&world)[0].1.code(), Some(ErrorCode::UNSUPPORTED_SASL_MECHANISM));
    assert!(world.requests(ApiKey::SaslAuthenticate).is_empty(), "no secret goes out");
}

#[test]
fn refused_credentials_are_told_at_once_and_tried_again_only_for_somebody() {
    let mut world = World::guarded(1);
    world.listener().error = ErrorCode::SASL_AUTHENTICATION_FAILED;
    world.listener().message = Some("Invalid username or password".into());
    world.want("t");
    let [(NodeId(-1), error @ AuthenticationError::Refused { .. }, true)] = &failures(&world)[..]
    else {
        panic!("{:?}", world.events);
    };
    assert!(error.to_string().contains("(ROUNDS): Invalid username or password"), "{error}");
    assert_eq!(world.events.last(), Some(&ClusterEvent::NodeLost(NodeId(-1))));
    assert!(world.troubles()[0].starts_with("10.0.0.1:9092: the broker refuses"));
    assert!(world.open.is_empty());
    // Nobody wants anything: nothing is tried, for as long as it takes.
    world.pass(Duration::from_secs(3_600));
    assert_eq!((world.attempts.len(), world.wakes), (1, 1));
    // Somebody does: one attempt for each, after a pause that grows.
    let mut pauses = Vec::new();
    for attempts in 2..7 {
        let before = world.now;
        world.want("t");
        while world.attempts.len() < attempts {
            let next = world.cluster.next_deadline().expect("an attempt is to come");
            world.pass(next.since(world.now));
        }
        pauses.push(world.now.since(before));
        assert_eq!(failures(&world).len(), attempts);
    }
    assert_eq!(pauses[0], Duration::ZERO, "the first pause was over long ago");
    let grows = |(pause, secs): (&Duration, u64)| is_about(*pause, Duration::from_secs(secs));
    assert!(pauses[1..].iter().zip([2, 4, 8, 16]).all(grows), "{pauses:?}");
    // It is mended.
    world.listener().error = ErrorCode::NONE;
    world.want("t");
    world.pass(Duration::from_secs(20));
    assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
    assert_eq!(world.troubles(), [""; 0]);
}

#[test]
fn one_broker_that_refuses_does_not_stop_the_others() {
    let mut world = World::guarded(2);
    world.settle();
    world.connect(1);
    world.listener().error = ErrorCode::SASL_AUTHENTICATION_FAILED;
    world.cluster.ensure_connected(world.now, NodeId(2));
    world.settle();
    assert!(matches!(failures(&world)[..], [(NodeId(2), _, false)]), "{:?}", world.events);
    let asked = world.requests(ApiKey::Metadata).len();
    world.pass(Duration::from_secs(400));
    assert!(world.requests(ApiKey::Metadata).len() > asked, "metadata stays fresh");
}

#[test]
fn other_addresses_of_a_broker_that_refuses_are_not_bothered() {
    for (error, attempts) in
        [(ErrorCode::SASL_AUTHENTICATION_FAILED, 1), (ErrorCode::COORDINATOR_NOT_AVAILABLE, 2)]
    {
        let mut config = crate::world::config(&["kafka:9092"]);
        config.sasl_mechanism = Some("ROUNDS".into());
        let mut world = World::new(config);
        world.speak_sasl(1, 2);
        let mut listener = crate::sasl_listener::SaslListener::default();
        listener.error = error;
        world.sasl = Some(listener);
        world.names.insert("kafka".into(), [1, 2].map(|id| broker_address(id).ip()).into());
        for id in [1, 2] {
            let peer = crate::world::Peer::Broker { api_versions: 5 };
            world.peers.insert(broker_address(id), peer);
        }
        world.settle();
        assert_eq!(world.attempts.len(), attempts, "{error:?}");
    }
}

#[test]
fn a_listener_without_sasl_is_told_by_its_refusal_to_shake_hands() {
    let mut world = World::guarded(1);
    world.listener().handshake_error = ErrorCode::ILLEGAL_SASL_STATE;
    world.settle();
    let text = failures(&world)[0].1.to_string();
    assert!(text.contains("does not authenticate by SASL") && text.contains("security.protocol"));
}

#[test]
fn a_listener_with_sasl_is_told_by_its_hanging_up() {
    let mut world = World::guarded_with(1, |config| config.sasl_mechanism = None);
    world.pass(ms(10));
    let text = &world.troubles()[0];
    assert!(text.contains("wants SASL (security.protocol)"), "{text}");
    // Of a connection that has served, the end says nothing of the kind.
    let mut world = World::brokers(1);
    world.settle();
    let connection = world.connect(1);
    world.held.insert(ApiKey::Produce.into());
    world.cluster.request_update(world.now);
    world.pass(ms(200));
    world.produce(1, -1).unwrap();
    world.settle();
    world.open.remove(&connection);
    world.input(NetworkInput::Lost { connection, error: rohrpost_cluster::LostError::Closed });
    let served = world.cluster.troubles().into_iter().find(|trouble| trouble.node == NodeId(1));
    assert!(served.is_none_or(|trouble| matches!(trouble.kind, TroubleKind::Lost(_))));
}

#[test]
fn a_refusal_that_passes_is_no_failed_authentication() {
    for key in [ApiKey::SaslHandshake, ApiKey::SaslAuthenticate] {
        let mut world = World::guarded(1);
        let code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
        match key {
            ApiKey::SaslHandshake => world.listener().handshake_error = code,
            _ => world.listener().error = code,
        }
        world.pass(ms(500));
        assert_eq!(failures(&world), []);
        assert!(world.attempts.len() > 2, "at the usual pace");
        assert!(world.troubles()[0].contains("COORDINATOR_NOT_AVAILABLE"));
    }
}

#[test]
fn any_other_error_of_the_broker_ends_it() {
    let mut world = World::guarded(1);
    world.listener().error = ErrorCode::ILLEGAL_SASL_STATE;
    world.listener().message = Some(format!("a\nb\u{1b}[31m{}", "x".repeat(1_000)).into());
    world.settle();
    let (_, error, _) = &failures(&world)[0];
    assert_eq!(error.code(), Some(ErrorCode::ILLEGAL_SASL_STATE));
    let text = error.to_string();
    assert!(text.contains("SaslAuthenticate: ILLEGAL_SASL_STATE"), "{text}");
    assert!(text.contains("a b [31mxx") && text.ends_with("x…") && text.len() < 500, "{text}");
}

#[test]
fn credentials_that_cannot_be_had_now_are_asked_for_again_after_a_pause() {
    let mut world = World::guarded(1);
    world.credentials.error = Some(unavailable(true));
    world.pass(Duration::from_secs(10));
    assert_eq!(failures(&world), []);
    let asked = world.credentials.asked.len();
    assert!((8..25).contains(&asked), "{asked} times");
    assert!(world.troubles()[0].contains("no credentials yet: the token endpoint is down"));
    assert_eq!(world.requests(ApiKey::SaslHandshake).len(), 0);
    world.credentials.error = None;
    world.pass(Duration::from_secs(2));
    assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
}

#[test]
fn credentials_that_cannot_be_had_at_all_are_told_at_once() {
    let mut world = World::guarded(1);
    world.credentials.error = Some(unavailable(false));
    world.pass(Duration::from_secs(600));
    let error = AuthenticationError::Credentials(unavailable(false));
    assert_eq!(failures(&world), [(NodeId(-1), error, true)]);
    assert_eq!(world.attempts.len(), 1);
}

#[test]
fn credentials_for_another_mechanism_are_not_sent() {
    let mut world = World::guarded_with(1, |config| config.sasl_mechanism = Some("PLAIN".into()));
    world.settle();
    let text = failures(&world)[0].1.to_string();
    assert!(text.contains("mechanism ROUNDS, and sasl.mechanism is PLAIN"), "{text}");
    assert!(world.requests(ApiKey::SaslHandshake).is_empty());
}

#[test]
fn what_the_mechanism_finds_wrong_ends_it() {
    let mut world = World::guarded(1);
    let error = SaslError::ServerNotVerified { mechanism: "ROUNDS" };
    world.credentials.verdict = Some(error.clone());
    world.settle();
    assert_eq!(failures(&world), [(NodeId(-1), AuthenticationError::Mechanism(error), true)]);
    assert!(world.requests(ApiKey::Metadata).is_empty());
    assert!(world.open.is_empty());
    // Unless it says that this may pass.
    let mut world = World::guarded(1);
    let detail = "no KDC can be reached".to_owned();
    let mechanism = "ROUNDS";
    world.credentials.verdict = Some(SaslError::Provider { mechanism, detail, is_retriable: true });
    world.pass(ms(10));
    assert_eq!(failures(&world), []);
    assert!(world.troubles()[0].contains("no credentials yet: no KDC can be reached"));
}

#[test]
fn whoever_goes_on_asking_is_left() {
    for (challenge, rounds) in [(0, 16), (40_000, 13)] {
        let mut world = World::guarded(1);
        world.credentials.rounds = u32::MAX;
        world.listener().rounds = u32::MAX;
        world.listener().challenge = Bytes::from(vec![0; challenge]);
        world.settle();
        let error = failures(&world)[0].1.clone();
        let AuthenticationError::Endless { challenges, bytes } = error else { panic!("{error}") };
        assert_eq!((challenges, bytes), (rounds + 1, challenge * (rounds as usize + 1)));
        assert_eq!(world.requests(ApiKey::SaslAuthenticate).len(), rounds as usize + 1);
    }
}

#[test]
fn the_whole_of_it_has_the_time_of_one_request() {
    // Nobody answers, or credentials do not come.
    for silent_on in [Some(ApiKey::SaslHandshake), Some(ApiKey::SaslAuthenticate), None] {
        let mut world = World::guarded(1);
        world.listener().silent_on = silent_on;
        world.credentials.are_slow = silent_on.is_none();
        world.pass(ms(29_999));
        let text = world.troubles();
        let pending = if silent_on.is_none() { "credentials are not" } else { "is not complete" };
        assert!(world.disconnects.is_empty() && text[0].contains(pending), "{text:?}");
        world.pass(ms(1));
        assert_eq!(world.disconnects.len(), 1);
        assert!(world.troubles()[0].contains("within 30s"), "{:?}", world.troubles());
        assert_eq!(failures(&world), [], "that may pass");
    }
    // Each answer comes in time, but there are too many.
    let mut world = World::guarded(1);
    world.credentials.rounds = 10;
    world.listener().rounds = 10;
    world.settle();
    assert!(world.events.contains(&ClusterEvent::MetadataUpdated), "ten rounds are no matter");
    let mut world = World::guarded(1);
    world.credentials.rounds = 10;
    world.listener().silent_on = Some(ApiKey::SaslAuthenticate);
    for _ in 0..5 {
        world.pass(ms(7_000));
        let Some(&connection) = world.open.keys().next() else { break };
        let seen = world.requests(ApiKey::SaslAuthenticate).last().copied().cloned().unwrap();
        let frame = encode(&seen, &SaslAuthenticateResponse::default(), seen.version);
        world.input(NetworkInput::Received { connection, frame });
    }
    assert_eq!(world.disconnects[0].0.since(world.attempts[0].0), Duration::from_secs(30));
}

#[test]
fn an_end_in_the_middle_is_a_matter_of_the_network() {
    for key in [ApiKey::SaslHandshake, ApiKey::SaslAuthenticate] {
        let mut world = World::guarded(1);
        world.listener().hangs_up_on = Some(key);
        world.pass(ms(500));
        assert_eq!(failures(&world), []);
        assert!(world.attempts.len() > 2, "tried again");
        let text = &world.troubles()[0];
        assert!(text.contains("in the middle of the authentication: check security.protocol"));
        world.listener().hangs_up_on = None;
        world.pass(ms(2_000));
        assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
    }
}

#[test]
fn nonsense_in_the_middle_is_told() {
    for key in [ApiKey::SaslHandshake, ApiKey::SaslAuthenticate] {
        let mut world = World::guarded(1);
        world.listener().silent_on = Some(key);
        world.settle();
        let connection = world.connection_to(broker_address(1));
        let id = world.seen.last().unwrap().correlation_id.to_be_bytes();
        let frame = Bytes::from([&id[..], &[0xff; 20]].concat());
        world.input(NetworkInput::Received { connection, frame });
        assert!(world.troubles()[0].contains("could not be read"), "{:?}", world.troubles());
        assert!(world.open.is_empty());
    }
}

#[test]
fn credentials_that_nobody_waits_for_are_dropped() {
    let mut world = World::guarded(1);
    world.credentials.are_slow = true;
    world.settle();
    let old = world.connection_to(broker_address(1));
    world.open.remove(&old);
    world.input(NetworkInput::Lost { connection: old, error: rohrpost_cluster::LostError::Closed });
    world.credentials_come(old);
    assert!(world.requests(ApiKey::SaslHandshake).is_empty());
    world.pass(ms(100));
    let connection = world.connection_to(broker_address(1));
    world.credentials_come(connection);
    world.credentials_come(connection);
    assert_eq!(world.requests(ApiKey::SaslHandshake).len(), 1);
    assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
    world.credentials_come(connection);
    assert!(world.open.contains_key(&connection));
}

#[test]
fn what_is_sent_cannot_be_read_from_a_log() {
    let mut config = crate::world::config(&["10.0.0.1:9092"]);
    config.sasl_mechanism = Some("PLAIN".into());
    let now = rohrpost_cluster::Time::ZERO;
    let request = rohrpost_codec::messages::SaslAuthenticateRequest {
        auth_bytes: Bytes::from_static(b"\0alice\0hush-hush"),
        ..Default::default()
    };
    let frame = rohrpost_codec::encode_request(1, Some("me"), &request, 2).unwrap();
    let output = rohrpost_cluster::NetworkOutput::Transmit {
        connection: rohrpost_cluster::ConnectionId(1),
        frame,
    };
    let shown = format!("{output:?} {:?}", rohrpost_cluster::Cluster::new(config, now));
    assert!(!shown.contains("hush"), "{shown}");
}
