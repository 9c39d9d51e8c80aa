//! Every request that is accepted ends exactly once, and says whether the broker may have got it.

use rohrpost_cluster::{
    Cluster, ClusterEvent, LostError, NetworkInput, NetworkOutput, NodeId, NodeState, RequestError,
    RequestId, SendError,
};
use rohrpost_codec::messages::ProduceResponse;
use rohrpost_codec::{ApiKey, Bytes};

use crate::ms;
use crate::world::{World, broker_address};

const NODE: NodeId = NodeId(1);

/// A world with a connection to broker 1, which holds back its answers to Produce.
fn holding() -> World {
    let mut world = World::brokers(1);
    world.settle();
    world.connect(1);
    world.held.insert(ApiKey::Produce.into());
    world.events.clear();
    world
}

fn failed(request: RequestId, error: RequestError, maybe_processed: bool) -> ClusterEvent {
    ClusterEvent::Failed { request, node: NODE, error, maybe_processed }
}

#[test]
fn an_answer_comes_with_its_request() {
    let mut world = World::brokers(1);
    world.settle();
    let connection = world.connect(1);
    world.events.clear();
    let requests = [world.produce(1, -1).unwrap(), world.produce(1, 1).unwrap()];
    assert_eq!(world.cluster.in_flight(NODE), 2);
    let sent = world.now;
    world.settle();
    for (event, request) in world.events.iter().zip(requests) {
        let ClusterEvent::Answered(answer) = event else { panic!("{event:?}") };
        assert_eq!((answer.request, answer.node, answer.version), (request, NODE, 9));
        assert_eq!((answer.connection, answer.sent), (connection, sent));
        assert_eq!(answer.decode::<ProduceResponse>(), Ok(ProduceResponse::default()));
    }
    assert_eq!((world.events.len(), world.cluster.in_flight(NODE)), (2, 0));
}

#[test]
fn a_request_without_an_answer_ends_when_it_is_written() {
    let mut world = holding();
    world.is_stuck = true;
    let request = world.produce(1, 0).unwrap();
    world.settle();
    assert_eq!(world.events, []);
    let connection = world.connection_to(broker_address(1));
    // ApiVersions was the first frame.
    world.input(NetworkInput::Written { connection, frames: 2 });
    assert_eq!(world.events, [ClusterEvent::Written { request, node: NODE }]);
    assert_eq!(world.cluster.in_flight(NODE), 0);
}

#[test]
fn no_more_than_the_allowed_requests_are_in_flight() {
    let mut world = holding();
    for sent in 0..5 {
        assert!(world.cluster.can_send(NODE, world.now), "{sent}");
        world.produce(1, -1).unwrap();
    }
    assert!(!world.cluster.can_send(NODE, world.now));
    assert_eq!(world.produce(1, -1), Err(SendError::Full));
    assert_eq!(world.produce(7, -1), Err(SendError::NotReady));
    // Metadata does not wait behind them.
    let before = world.requests(ApiKey::Metadata).len();
    world.pass(ms(200));
    world.cluster.request_update(world.now);
    world.settle();
    assert_eq!(world.requests(ApiKey::Metadata).len(), before + 1);
}

#[test]
fn a_request_time_out_closes_the_connection_and_fails_all_that_is_in_flight() {
    let mut world = holding();
    let connection = world.connection_to(broker_address(1));
    let first = world.produce(1, -1).unwrap();
    world.pass(ms(10_000));
    let second = world.produce(1, 1).unwrap();
    world.pass(ms(19_999));
    assert_eq!(world.events, []);
    world.pass(ms(1));
    assert_eq!(
        world.events[..3],
        [
            failed(first, RequestError::TimedOut, true),
            failed(second, RequestError::Disconnected, true),
            ClusterEvent::NodeLost(NODE),
        ]
    );
    assert_eq!(world.disconnects.last(), Some(&(world.now, connection)));
    let state = world.cluster.ensure_connected(world.now, NODE);
    assert!(matches!(state, NodeState::BackingOff { .. }), "{state:?}");
    let text = &world.troubles()[0];
    assert!(text.contains("Produce was not answered within 30s"), "{text}");
    // A late answer finds nobody.
    world.events.clear();
    let frame = Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 0]);
    world.input(NetworkInput::Received { connection, frame });
    assert_eq!(world.events, []);
}

#[test]
fn a_time_out_leads_to_a_fresh_look_up_and_fresh_metadata() {
    let mut world = World::brokers(1);
    world.metadata.brokers[0].host = "one.example".into();
    world.names.insert("one.example".into(), vec![broker_address(1).ip()]);
    world.settle();
    world.connect(1);
    let (looked_up, asked) = (world.lookups.len(), world.requests(ApiKey::Metadata).len());
    world.held.insert(ApiKey::Produce.into());
    world.produce(1, -1).unwrap();
    world.pass(ms(31_000));
    assert!(world.lookups.len() > looked_up);
    assert!(world.requests(ApiKey::Metadata).len() > asked);
}

#[test]
fn what_was_not_wholly_written_when_the_connection_was_lost_was_not_processed() {
    let mut world = holding();
    let connection = world.connection_to(broker_address(1));
    let written = world.produce(1, -1).unwrap();
    world.settle();
    world.is_stuck = true;
    let unwritten = [world.produce(1, -1).unwrap(), world.produce(1, 0).unwrap()];
    world.settle();
    let not_taken = world.produce(1, -1).unwrap();
    world.open.remove(&connection);
    world.cluster.handle(world.now, NetworkInput::Lost { connection, error: LostError::Closed });
    assert!(
        !matches!(
            world.cluster.poll_transmit(world.now),
            Some(NetworkOutput::Transmit { .. } | NetworkOutput::Disconnect { .. })
        ),
        "nothing is asked of a connection that is over"
    );
    world.settle();
    let error = RequestError::Disconnected;
    assert_eq!(
        world.events[..5],
        [
            failed(written, error, true),
            failed(unwritten[0], error, false),
            failed(unwritten[1], error, false),
            failed(not_taken, error, false),
            ClusterEvent::NodeLost(NODE),
        ]
    );
}

#[test]
fn what_the_driver_took_before_we_hang_up_may_have_been_processed() {
    let mut world = holding();
    world.is_stuck = true;
    let taken = world.produce(1, -1).unwrap();
    world.settle();
    let not_taken = world.produce(1, -1).unwrap();
    world.cluster.close();
    let (mut disconnected, mut events) = (0, Vec::new());
    while let Some(output) = world.cluster.poll_transmit(world.now) {
        assert!(matches!(output, NetworkOutput::Disconnect { .. }), "{output:?}");
        disconnected += 1;
    }
    while let Some(event) = world.cluster.poll_event() {
        events.push(event);
    }
    assert_eq!(disconnected, 1);
    let error = RequestError::Closed;
    assert_eq!(events, [failed(taken, error, true), failed(not_taken, error, false)]);
}

#[test]
fn after_closing_there_is_silence() {
    let mut world = holding();
    world.want("t");
    world.cluster.close();
    world.settle();
    world.events.clear();
    let seen = world.seen.len();
    assert_eq!(world.cluster.next_deadline(), None);
    assert_eq!(world.cluster.ensure_connected(world.now, NODE), NodeState::Unknown);
    assert_eq!(world.produce(1, -1), Err(SendError::NotReady));
    world.cluster.want_topic(world.now, &"u".into());
    world.cluster.request_update(world.now);
    world.cluster.close();
    world.pass(ms(1_000_000));
    assert_eq!((world.events.len(), world.seen.len(), world.wakes), (0, seen, 0));
}

#[test]
fn a_throttled_node_gets_nothing_and_more_time() {
    let mut world = holding();
    let request = world.produce(1, -1).unwrap();
    world.settle();
    world.cluster.throttle(world.now, NODE, ApiKey::Produce, 9, 40_000);
    assert!(!world.cluster.can_send(NODE, world.now));
    let until = world.now + ms(40_000);
    assert_eq!(world.produce(1, -1), Err(SendError::Throttled { until }));
    // A shorter pause does not shorten a longer one.
    world.cluster.throttle(world.now, NODE, ApiKey::Produce, 9, 10);
    world.pass(ms(39_999));
    assert!(!world.cluster.can_send(NODE, world.now));
    assert_eq!(world.cluster.next_deadline(), Some(until), "woken when the pause ends");
    world.pass(ms(1));
    assert!(world.cluster.can_send(NODE, world.now));
    world.pass(ms(30_000));
    assert_eq!(world.events, [], "30 s and the pauses");
    world.pass(ms(20));
    assert_eq!(world.events[0], failed(request, RequestError::TimedOut, true));
}

#[test]
fn a_pause_of_weeks_counts_as_one_of_ten_minutes() {
    let mut world = holding();
    world.cluster.throttle(world.now, NODE, ApiKey::Produce, 9, i32::MAX);
    let until = world.now + Cluster::MAX_THROTTLE;
    assert_eq!(world.produce(1, -1), Err(SendError::Throttled { until }));
}

#[test]
fn an_old_broker_that_throttles_has_waited_itself() {
    let mut world = holding();
    world.cluster.throttle(world.now, NODE, ApiKey::Produce, 5, 40_000);
    world.cluster.throttle(world.now, NODE, ApiKey::Produce, 9, 0);
    world.cluster.throttle(world.now, NODE, ApiKey::Produce, 9, -5);
    assert!(world.cluster.can_send(NODE, world.now));
}

#[test]
fn metadata_asks_another_node_than_a_throttled_one() {
    let mut world = World::brokers(2);
    world.settle();
    world.connect(1);
    world.connect(2);
    for node in [1, 2] {
        world.cluster.throttle(world.now, NodeId(node), ApiKey::Produce, 9, 5_000);
        world.pass(ms(200));
        world.cluster.request_update(world.now);
        world.settle();
        let last = world.requests(ApiKey::Metadata).last().unwrap().address;
        if node == 1 {
            assert_eq!(last, broker_address(2));
        }
    }
    let asked = world.requests(ApiKey::Metadata).len();
    world.pass(ms(4_000));
    assert_eq!(world.requests(ApiKey::Metadata).len(), asked, "both are throttled");
    world.pass(ms(2_000));
    assert_eq!(world.requests(ApiKey::Metadata).len(), asked + 1);
}

#[test]
fn an_answer_out_of_turn_closes_the_connection() {
    for (correlation_id, is_open) in [(0_i32, false), (2, false), (i32::MIN, false), (1, true)] {
        let mut world = holding();
        let request = world.produce(1, -1).unwrap();
        world.settle();
        let connection = world.connection_to(broker_address(1));
        let frame = Bytes::copy_from_slice(&correlation_id.to_be_bytes());
        world.input(NetworkInput::Received { connection, frame });
        assert_eq!(world.open.contains_key(&connection), is_open);
        if is_open {
            // A body that cannot be read is for the layer above to find.
            let ClusterEvent::Answered(answer) = world.events.remove(0) else { panic!() };
            let error = answer.decode::<ProduceResponse>().unwrap_err();
            world.cluster.reject(world.now, answer.connection, error);
            world.settle();
            assert!(!world.open.contains_key(&connection));
            assert!(world.troubles()[0].contains("could not be read"), "{:?}", world.troubles());
        } else {
            assert_eq!(world.events[0], failed(request, RequestError::Disconnected, true));
            assert!(world.troubles()[0].contains("where request 1 was next"));
        }
    }
}

#[test]
fn an_answer_that_nobody_asked_for_closes_the_connection() {
    let connection = holding().connection_to(broker_address(1));
    for bytes in [&[0_u8, 0, 0, 9][..], &[1, 2]] {
        let mut world = holding();
        world.input(NetworkInput::Received { connection, frame: Bytes::from_static(bytes) });
        assert!(!world.open.contains_key(&connection));
        assert!(world.troubles()[0].contains("check that this is a Kafka broker"));
    }
}
