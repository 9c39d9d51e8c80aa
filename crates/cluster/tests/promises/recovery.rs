//! A client whose brokers have all gone finds the cluster again (KIP-899, KIP-1102).

use rohrpost_cluster::{
    ClusterEvent, LostError, MetadataRecovery, NetworkInput, NodeId, NodeState, RequestError,
};
use rohrpost_codec::{ApiKey, ErrorCode};

use crate::ms;
use crate::world::{Peer, World, address, broker, broker_address, config, topic};

const REBOOTSTRAPPED: ClusterEvent = ClusterEvent::Rebootstrapped;

/// Three brokers behind one name, with connections to brokers 1 and 2.
fn named(recovery: MetadataRecovery) -> World {
    let mut config = config(&["kafka.example:9092"]);
    config.metadata_recovery = recovery;
    let mut world = World::new(config);
    world.names.insert("kafka.example".into(), vec![broker_address(1).ip()]);
    world.metadata.brokers = (1..=3).map(|id| broker(id, broker_address(id))).collect();
    world.metadata.topics = vec![topic("t", 1, &[(1, 4)])];
    for id in 1..=3 {
        world.peers.insert(broker_address(id), Peer::Broker { api_versions: 5 });
    }
    world.want("t");
    world.connect(1);
    world.connect(2);
    world.events.clear();
    world
}

/// All brokers get other addresses, and the name points to one of them.
fn move_all(world: &mut World) {
    for id in 1..=3 {
        world.peers.insert(broker_address(id), Peer::Refuses);
    }
    for connection in world.open.keys().copied().collect::<Vec<_>>() {
        world.open.remove(&connection);
        let error = LostError::Closed;
        world.cluster.handle(world.now, NetworkInput::Lost { connection, error });
    }
    world.metadata.brokers = (1..=3).map(|id| broker(id, broker_address(id + 100))).collect();
    world.metadata.topics = vec![topic("t", 1, &[(2, 5)])];
    for id in 101..=103 {
        world.peers.insert(broker_address(id), Peer::Broker { api_versions: 5 });
    }
    world.names.insert("kafka.example".into(), vec![broker_address(102).ip()]);
}

#[test]
fn when_no_broker_can_be_reached_the_bootstrap_servers_are_asked_again() {
    let mut world = named(MetadataRecovery::Rebootstrap);
    move_all(&mut world);
    world.settle();
    world.pass(ms(2_000));
    assert!(world.events.contains(&REBOOTSTRAPPED));
    assert_eq!(world.leader("t", 0), Some((2, Some(5))));
    let two = world.cluster.metadata().broker(NodeId(2)).unwrap().address.to_string();
    assert_eq!(two, "10.0.0.102:9092");
    world.connect_moved(2);
}

impl World {
    /// Connects to a broker at its new address, once its back-off allows that.
    fn connect_moved(&mut self, node: i32) {
        self.cluster.ensure_connected(self.now, NodeId(node));
        self.pass(ms(1_500));
        assert!(self.cluster.can_send(NodeId(node), self.now));
        assert!(self.open.values().any(|(at, _)| *at == broker_address(node + 100)));
    }
}

#[test]
fn the_strategy_none_keeps_to_the_known_brokers() {
    let mut world = named(MetadataRecovery::None);
    move_all(&mut world);
    let lookups = world.lookups.len();
    world.pass(ms(600_000));
    assert!(!world.events.contains(&REBOOTSTRAPPED));
    assert_eq!(world.lookups.len(), lookups);
    let tries = world.attempts.len();
    assert!(tries < 2_400, "{tries} attempts in 600 s");
    world.peers.insert(broker_address(3), Peer::Broker { api_versions: 5 });
    world.want("t");
    world.pass(ms(5_000));
    assert_eq!(world.leader("t", 0), Some((2, Some(5))));
}

#[test]
fn among_many_brokers_that_have_all_moved_a_few_are_tried() {
    for (recovery, at_most) in [(MetadataRecovery::Rebootstrap, 10), (MetadataRecovery::None, 25)] {
        let mut config = config(&["10.0.0.200:9092"]);
        config.metadata_recovery = recovery;
        let mut world = World::new(config);
        world.peers.insert(broker_address(200), Peer::Broker { api_versions: 5 });
        world.metadata.brokers = (1..=100).map(|id| broker(id, broker_address(id))).collect();
        world.settle();
        let connection = world.connection_to(broker_address(200));
        world.metadata.brokers = vec![broker(200, broker_address(200))];
        world.open.clear();
        let error = LostError::Closed;
        world.input(NetworkInput::Lost { connection, error });
        let before = world.attempts.len();
        world.pass(ms(10_000));
        let attempts = world.attempts.len() - before;
        assert!(attempts <= at_most, "{attempts} attempts with {recovery:?}");
        let is_found = world.cluster.metadata().broker(NodeId(200)).is_some();
        assert_eq!(is_found, recovery == MetadataRecovery::Rebootstrap);
    }
}

#[test]
fn a_hint_that_comes_late_does_not_bring_the_old_brokers_back() {
    let mut world = named(MetadataRecovery::Rebootstrap);
    move_all(&mut world);
    // The bootstrap server accepts the connection, but answers later.
    world.held.insert(ApiKey::ApiVersions.into());
    world.pass(ms(3_000));
    assert!(world.events.contains(&REBOOTSTRAPPED));
    assert!(!world.cluster.apply_hint(world.now, "t", 0, NodeId(2), 90, None));
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(2)), NodeState::Unknown);
}

#[test]
fn metadata_that_does_not_come_for_the_trigger_time_leads_to_rebootstrap() {
    let mut config = config(&["10.0.0.9:9092"]);
    config.metadata_recovery_rebootstrap_trigger = ms(60_000);
    let mut world = World::new(config);
    world.metadata.brokers = vec![broker(1, broker_address(1))];
    world.peers.insert(broker_address(1), Peer::Broker { api_versions: 5 });
    world.peers.insert(broker_address(9), Peer::Broker { api_versions: 5 });
    world.settle();
    world.connect(1);
    world.events.clear();
    // The broker is there, but its metadata never comes.
    world.held.insert(ApiKey::Metadata.into());
    world.pass(ms(1_000));
    world.cluster.request_update(world.now);
    world.pass(ms(59_000));
    assert!(!world.events.contains(&REBOOTSTRAPPED));
    world.pass(ms(33_000));
    assert_eq!(world.events.iter().filter(|&event| *event == REBOOTSTRAPPED).count(), 1);
    world.held.clear();
    world.pass(ms(33_000));
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(1)), NodeState::Connecting);
}

#[test]
fn a_broker_can_demand_it_and_every_connection_is_closed() {
    let mut world = named(MetadataRecovery::Rebootstrap);
    world.held.insert(ApiKey::Produce.into());
    let request = world.produce(2, -1).unwrap();
    world.pass(ms(1_000));
    let open: Vec<_> = world.open.keys().copied().collect();
    world.metadata.error_code = ErrorCode::REBOOTSTRAP_REQUIRED;
    world.cluster.request_update(world.now);
    world.settle();
    assert!(open.iter().all(|connection| !world.open.contains_key(connection)));
    let (node, error) = (NodeId(2), RequestError::Disconnected);
    let failed = ClusterEvent::Failed { request, node, error, maybe_processed: true };
    assert!(world.events.contains(&failed), "{:?}", world.events);
    assert!(world.events.contains(&REBOOTSTRAPPED));
    assert_eq!(world.cluster.ensure_connected(world.now, node), NodeState::Unknown);
    // It is not demanded in a loop.
    world.events.clear();
    world.pass(ms(10_000));
    let times = world.events.iter().filter(|&event| *event == REBOOTSTRAPPED).count();
    assert!((1..30).contains(&times), "{times}");
    world.metadata.error_code = ErrorCode::NONE;
    world.pass(ms(2_000));
    assert_eq!(world.leader("t", 0), Some((1, Some(4))));
    world.connect(2);
}

#[test]
fn a_misrouted_connection_leads_to_it_too() {
    let mut world = named(MetadataRecovery::Rebootstrap);
    world.api_versions_error = ErrorCode::REBOOTSTRAP_REQUIRED;
    world.cluster.ensure_connected(world.now, NodeId(3));
    world.settle();
    assert!(world.events.contains(&REBOOTSTRAPPED));
    world.api_versions_error = ErrorCode::NONE;
    world.pass(ms(2_000));
    world.connect(3);
}

#[test]
fn brokers_that_cannot_be_reached_behind_a_bootstrap_server_that_can_make_no_storm() {
    let mut world = World::new(config(&["10.0.0.9:9092"]));
    world.metadata.brokers = (1..=3).map(|id| broker(id, broker_address(id))).collect();
    world.metadata.topics = vec![topic("t", 1, &[(1, 0), (2, 0), (3, 0)])];
    world.peers.insert(broker_address(9), Peer::Broker { api_versions: 5 });
    world.want("t");
    // What an engine does that has something to send.
    for _ in 0..600 {
        for node in 1..=3 {
            world.cluster.ensure_connected(world.now, NodeId(node));
        }
        world.pass(ms(100));
    }
    let (attempts, asked) = (world.attempts.len(), world.requests(ApiKey::Metadata).len());
    assert!(attempts < 300, "{attempts} attempts in 60 s");
    assert!(asked < 150, "{asked} metadata requests in 60 s");
    assert!(world.wakes < 800, "{} wakes in 60 s", world.wakes);
    assert!(world.troubles()[0].contains("refused"));
    world.peers.insert(broker_address(1), Peer::Broker { api_versions: 5 });
    world.cluster.ensure_connected(world.now, NodeId(1));
    world.pass(ms(1_300));
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(1)), NodeState::Ready);
}

#[test]
fn a_broker_that_moved_is_connected_to_at_its_new_address() {
    let mut world = World::brokers(2);
    world.settle();
    world.connect(1);
    world.peers.insert(broker_address(2), Peer::BlackHole);
    world.cluster.ensure_connected(world.now, NodeId(2));
    world.pass(ms(1_000));
    world.metadata.brokers[1] = broker(2, address("10.0.0.22:9092"));
    world.peers.insert(address("10.0.0.22:9092"), Peer::Broker { api_versions: 5 });
    world.cluster.request_update(world.now);
    world.settle();
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(2)), NodeState::Ready);
}

#[test]
fn a_broker_that_left_the_cluster_is_let_go_when_its_answers_have_come() {
    let mut world = World::brokers(2);
    world.settle();
    world.connect(1);
    let leaving = world.connect(2);
    world.held.insert(ApiKey::Produce.into());
    world.produce(2, -1).unwrap();
    world.metadata.brokers.truncate(1);
    world.pass(ms(1_000));
    world.cluster.request_update(world.now);
    world.settle();
    assert!(world.open.contains_key(&leaving), "its answer is awaited");
    let seen = (*world.requests(ApiKey::Produce).last().unwrap()).clone();
    let frame = world.answer(&seen, 5).unwrap();
    world.input(NetworkInput::Received { connection: leaving, frame });
    assert!(!world.open.contains_key(&leaving));
    assert!(matches!(world.events[world.events.len() - 2], ClusterEvent::Answered(_)));
    assert_eq!(world.events.last(), Some(&ClusterEvent::NodeLost(NodeId(2))));
    assert_eq!(world.cluster.ensure_connected(world.now, NodeId(2)), NodeState::Unknown);
}

#[test]
fn bootstrap_servers_that_name_a_broker_nobody_reaches_are_asked_after_every_attempt() {
    for peer in [Peer::BlackHole, Peer::Refuses] {
        for keeps_connection in [true, false] {
            let mut world = World::new(config(&["10.0.0.9:9092"]));
            world.metadata.brokers = vec![broker(1, broker_address(1))];
            world.metadata.topics = vec![topic("t", 1, &[(1, 4)])];
            world.peers.insert(broker_address(1), peer.clone());
            world.peers.insert(broker_address(9), Peer::Broker { api_versions: 5 });
            world.want("t");
            // As one does that has something to send.
            for _ in 0..900 {
                world.cluster.ensure_connected(world.now, NodeId(1));
                world.pass(ms(100));
                if !keeps_connection {
                    world.hang_up(9);
                }
            }
            let to = |id| world.attempts.iter().filter(|(_, at)| *at == broker_address(id)).count();
            let (asked, tried) = (world.requests(ApiKey::Metadata).len(), to(1));
            // An attempt lasts up to 30 s, or until it is refused, and the pause after it up to 1 s.
            let enough = if matches!(peer, Peer::BlackHole) { 4 } else { 60 };
            assert!(
                asked >= tried.min(enough),
                "{peer:?}: asked {asked} times for {tried} attempts"
            );
            assert!(tried >= enough, "{peer:?}: {tried} attempts");
            assert_eq!(to(9) == 1, keeps_connection);
        }
    }
}

impl World {
    /// A broker closes its connections.
    fn hang_up(&mut self, id: i32) {
        let at = broker_address(id);
        let ended: Vec<_> =
            self.open.iter().filter(|(_, (to, _))| *to == at).map(|(id, _)| *id).collect();
        for connection in ended {
            self.open.remove(&connection);
            self.input(NetworkInput::Lost { connection, error: LostError::Closed });
        }
    }
}
