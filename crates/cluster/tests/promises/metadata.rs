//! Metadata is fresh, and never older than what was known before.

use rohrpost_cluster::{Broker, ClusterEvent, HostPort, NodeId};
use rohrpost_codec::{ApiKey, Bytes, ErrorCode, Uuid};

use crate::world::{World, broker, broker_address, topic};
use crate::{is_about, ms};

const NONE: [String; 0] = [];

/// Asks for fresh metadata until it has come.
fn update(world: &mut World) {
    world.cluster.request_update(world.now);
    world.pass(ms(1_500));
}

#[test]
fn only_wanted_topics_are_asked_for_and_new_ones_at_once() {
    let mut world = World::brokers(2);
    world.metadata.topics =
        ["a", "b", "c"].map(|name| topic(name, name.as_bytes()[0].into(), &[(1, 0)])).into();
    world.settle();
    world.want("b");
    world.want("a");
    world.want("a");
    let expected = [vec![], vec!["b".to_owned()], vec!["a".to_owned()]];
    assert_eq!(world.topics_asked(), expected, "at one time");
    world.pass(ms(1_000));
    update(&mut world);
    assert_eq!(world.topics_asked().last().unwrap(), &["a", "b"]);
    assert_eq!(world.leader("a", 0), Some((1, Some(0))));
    assert!(world.cluster.metadata().topic("c").is_none());
}

/// A topic's name would keep all the memory that an answer came in.
#[test]
fn what_is_kept_of_an_answer_does_not_keep_the_answer() {
    let mut world = World::brokers(2);
    world.metadata.brokers[1].rack = Some("r2".into());
    world.metadata.topics =
        ["a", "b"].map(|name| topic(name, name.as_bytes()[0].into(), &[(1, 0)])).into();
    world.want("a");
    world.want("b");
    world.settle();
    assert_eq!(world.cluster.metadata().topics().len(), 2);
    assert!(world.answers.len() >= 3);
    assert!(world.answers.iter().all(Bytes::is_unique));
}

#[test]
fn what_brokers_say_is_there_to_be_read() {
    let mut world = World::brokers(2);
    world.metadata.brokers[1].rack = Some("r2".into());
    world.metadata.topics = vec![topic("t", 7, &[(2, 3), (-1, 4)])];
    world.metadata.topics[0].is_internal = true;
    world.want("t");
    let metadata = world.cluster.metadata();
    assert_eq!(metadata.cluster_id().map(|id| &**id), Some("first"));
    assert_eq!(metadata.controller(), Some(NodeId(1)));
    assert_eq!(metadata.brokers().len(), 2);
    let two = metadata.broker(NodeId(2)).unwrap();
    assert_eq!(
        (two.address.to_string(), two.rack.as_deref()),
        ("10.0.0.2:9092".into(), Some("r2"))
    );
    let found = metadata.topic_by_id(Uuid::from_u128(7)).unwrap();
    assert_eq!(found, metadata.topic("t").unwrap());
    assert!(found.is_internal && found.partitions.len() == 2);
    assert_eq!(metadata.topics().len(), 1);
    let first = metadata.partition("t", 0).unwrap();
    assert_eq!((first.leader, first.leader_epoch), (Some(NodeId(2)), Some(3)));
    assert_eq!(
        (&first.replicas[..], &first.in_sync[..]),
        (&[NodeId(1), NodeId(2)][..], &[NodeId(1)][..])
    );
    assert_eq!(first.offline, [NodeId(2)]);
    assert_eq!(metadata.partition("t", 1).unwrap().leader, None);
    assert_eq!(metadata.partition("t", 2), None);
    assert_eq!(metadata.partition("t", -1), None);
}

#[test]
fn metadata_is_refreshed_when_it_is_old_and_left_alone_before() {
    let mut world = World::brokers(1);
    world.metadata.topics = vec![topic("t", 1, &[(1, 0)])];
    world.want("t");
    let asked = world.requests(ApiKey::Metadata).len();
    world.pass(ms(299_000));
    assert_eq!(world.requests(ApiKey::Metadata).len(), asked);
    world.pass(ms(2_000));
    assert_eq!(world.requests(ApiKey::Metadata).len(), asked + 1);
}

#[test]
fn a_topic_that_nobody_wants_any_more_is_forgotten() {
    let mut world = World::brokers_with(1, |config| config.metadata_max_age = ms(60_000));
    world.metadata.topics = vec![topic("kept", 1, &[(1, 0)]), topic("left", 2, &[(1, 0)])];
    world.want("kept");
    world.want("left");
    for _ in 0..7 {
        world.pass(ms(60_000));
        world.want("kept");
    }
    assert_eq!(world.topics_asked().last().unwrap(), &["kept"]);
    assert!(world.cluster.metadata().topic("left").is_none());
    assert!(world.cluster.metadata().topic_by_id(Uuid::from_u128(2)).is_none());
    world.want("left");
    assert_eq!(world.leader("left", 0), Some((1, Some(0))), "at once");
}

#[test]
fn an_older_leader_epoch_is_not_believed() {
    let mut world = World::brokers(3);
    world.metadata.topics = vec![topic("t", 1, &[(1, 5), (2, 8)])];
    world.want("t");
    world.metadata.topics = vec![topic("t", 1, &[(3, 4), (1, 9)])];
    update(&mut world);
    assert_eq!(world.leader("t", 0), Some((1, Some(5))));
    assert_eq!(world.leader("t", 1), Some((1, Some(9))));
    world.metadata.topics = vec![topic("t", 1, &[(3, 5), (1, 9)])];
    update(&mut world);
    assert_eq!(world.leader("t", 0), Some((3, Some(5))), "the same epoch is believed");
}

#[test]
fn a_recreated_topic_begins_anew() {
    let mut world = World::brokers(2);
    world.metadata.topics = vec![topic("t", 1, &[(1, 50), (1, 50)])];
    world.want("t");
    world.metadata.topics = vec![topic("t", 2, &[(2, 0)])];
    update(&mut world);
    assert_eq!(world.leader("t", 0), Some((2, Some(0))));
    let metadata = world.cluster.metadata();
    assert_eq!(metadata.topic("t").unwrap().partitions.len(), 1);
    assert!(metadata.topic_by_id(Uuid::from_u128(1)).is_none());
    assert_eq!(metadata.topic_by_id(Uuid::from_u128(2)).unwrap().name, "t");
}

#[test]
fn a_broker_that_starts_and_does_not_know_the_topic_makes_nobody_forget_it() {
    let mut world = World::brokers(2);
    world.metadata.topics = vec![topic("t", 1, &[(1, 5), (2, 5)])];
    world.want("t");
    let mut unknown = topic("t", 0, &[]);
    unknown.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    world.metadata.topics = vec![unknown];
    update(&mut world);
    let known = world.cluster.metadata().topic("t").unwrap();
    assert_eq!(known.error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(world.leader("t", 0), Some((1, Some(5))));
    // Nor does one that lags behind make partitions vanish.
    world.metadata.topics = vec![topic("t", 1, &[(1, 5)])];
    update(&mut world);
    assert_eq!(world.leader("t", 1), Some((2, Some(5))));
    assert_eq!(world.cluster.metadata().topic("t").unwrap().error, ErrorCode::NONE);
}

#[test]
fn epochs_from_brokers_before_2_4_are_not_relied_on() {
    let mut world = World::brokers(2);
    world.speak(&[crate::world::api(ApiKey::Metadata, 0, 8)]);
    world.metadata.topics = vec![topic("t", 0, &[(1, 5)])];
    world.want("t");
    assert_eq!(world.leader("t", 0), Some((1, None)));
    world.metadata.topics = vec![topic("t", 0, &[(2, 4)])];
    update(&mut world);
    assert_eq!(world.leader("t", 0), Some((2, None)));
}

#[test]
fn a_leader_hint_needs_a_newer_epoch_and_a_known_address() {
    let mut world = World::brokers(2);
    world.metadata.topics = vec![topic("t", 1, &[(1, 5)])];
    world.want("t");
    world.pass(ms(1_000));
    let now = world.now;
    let new = Broker { id: NodeId(3), address: HostPort::new("10.0.0.3", 9092), rack: None };
    let cluster = &mut world.cluster;
    world.metadata.brokers.push(broker(3, broker_address(3)));
    assert!(!cluster.apply_hint(now, "t", 0, NodeId(2), 5, None), "the same epoch");
    assert!(!cluster.apply_hint(now, "t", 0, NodeId(2), 4, None), "an older one");
    assert!(!cluster.apply_hint(now, "t", 0, NodeId(3), 6, None), "no address");
    assert!(!cluster.apply_hint(now, "t", 0, NodeId(4), 6, Some(&new)), "another's address");
    assert!(!cluster.apply_hint(now, "t", 1, NodeId(2), 6, None), "no such partition");
    assert!(!cluster.apply_hint(now, "u", 0, NodeId(2), 6, None), "no such topic");
    assert!(cluster.apply_hint(now, "t", 0, NodeId(2), 6, None));
    assert_eq!(world.leader("t", 0), Some((2, Some(6))));
    assert!(world.cluster.apply_hint(now, "t", 0, NodeId(3), 7, Some(&new)));
    assert_eq!(world.leader("t", 0), Some((3, Some(7))));
    assert_eq!(world.cluster.metadata().broker(NodeId(3)), Some(&new));
    let asked = world.requests(ApiKey::Metadata).len();
    world.pass(ms(1_500));
    assert!(world.requests(ApiKey::Metadata).len() > asked, "and fresh metadata is asked for");
    // An answer from a broker that lags behind does not undo it.
    update(&mut world);
    assert_eq!(world.leader("t", 0), Some((3, Some(7))));
}

#[test]
fn answers_that_bring_nothing_new_are_asked_for_more_and_more_seldom() {
    let mut world = World::brokers(1);
    let mut missing = topic("missing", 0, &[]);
    missing.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    world.metadata.topics = vec![missing, topic("there", 3, &[(1, 0)])];
    world.want("missing");
    let start = world.seen.len();
    world.pass(ms(30_000));
    let asked = world.seen[start..].len();
    assert!((28..45).contains(&asked), "{asked} requests in 30 s");
    assert!(world.wakes < asked + 10);
    // Somebody else's new topic does not wait for that.
    world.want("there");
    assert_eq!(world.leader("there", 0), Some((1, Some(0))));
    let error = world.cluster.metadata().topic("missing").unwrap().error;
    assert_eq!(error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_topic_that_may_not_be_read_is_not_asked_for_again_and_again() {
    let mut world = World::brokers(1);
    let mut denied = topic("denied", 0, &[]);
    denied.error_code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    world.metadata.topics = vec![denied];
    world.want("denied");
    let asked = world.seen.len();
    world.pass(ms(60_000));
    assert_eq!(world.seen.len(), asked);
    let error = world.cluster.metadata().topic("denied").unwrap().error;
    assert_eq!(error, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
}

#[test]
fn a_name_that_no_topic_can_have_is_refused_without_a_broker() {
    let mut world = World::brokers(1);
    world.settle();
    let asked = world.seen.len();
    for name in [String::new(), "x".repeat(250), "y".repeat(40_000)] {
        world.events.clear();
        world.cluster.want_topic(world.now, &name.clone().into());
        world.settle();
        let topic = world.cluster.metadata().topic(&name).unwrap();
        assert_eq!(topic.error, ErrorCode::INVALID_TOPIC_EXCEPTION);
        assert_eq!(world.events, [ClusterEvent::MetadataUpdated]);
    }
    assert_eq!(world.seen.len(), asked);
}

#[test]
fn failures_to_get_metadata_pause_longer_and_longer() {
    let mut world = World::brokers(1);
    world.settle();
    world.pass(ms(2_000));
    world.metadata.error_code = ErrorCode::UNKNOWN_SERVER_ERROR;
    world.cluster.request_update(world.now);
    let start = world.seen.len();
    world.pass(ms(20_000));
    let times: Vec<_> = world.seen[start..].iter().map(|seen| seen.at).collect();
    assert!(times.len() > 10);
    for (n, pair) in times.windows(2).enumerate() {
        let plain = ms((100 << n.min(8)).min(1_000));
        assert!(is_about(pair[1].since(pair[0]), plain), "{n}");
    }
    assert!(world.troubles()[0].contains("it refused Metadata: UNKNOWN_SERVER_ERROR"));
    world.metadata.error_code = ErrorCode::NONE;
    world.pass(ms(1_300));
    assert_eq!(world.troubles(), NONE);
}

#[test]
fn a_broker_that_knows_no_brokers_or_only_impossible_ones_is_not_believed() {
    let mut world = World::brokers(1);
    world.settle();
    world.pass(ms(1_000));
    let mut impossible = broker(7, broker_address(1));
    impossible.port = 70_000;
    for brokers in [vec![], vec![impossible]] {
        world.metadata.brokers = brokers;
        update(&mut world);
        assert_eq!(world.cluster.metadata().brokers().len(), 1);
        assert!(world.troubles()[0].contains("starting"), "{:?}", world.troubles());
    }
}

#[test]
fn hostile_partitions_cost_no_memory_and_do_no_harm() {
    let mut world = World::brokers(1);
    let mut hostile = topic("t", 1, &[(1, 0), (1, 1), (99, 2)]);
    hostile.partitions[0].partition_index = i32::MAX;
    hostile.partitions[1].partition_index = -4;
    let twice = hostile.partitions[2].clone();
    hostile.partitions.push(twice);
    world.metadata.topics = vec![hostile];
    world.want("t");
    let topic = world.cluster.metadata().topic("t").unwrap();
    let indices: Vec<i32> = topic.partitions.iter().map(|partition| partition.index).collect();
    assert_eq!(indices, [2, i32::MAX]);
    assert_eq!(world.leader("t", 2), None, "no broker 99 is known");
    assert_eq!(world.leader("t", i32::MAX), Some((1, Some(0))));
}

#[test]
fn partitions_of_a_broker_that_is_gone_have_no_leader() {
    let mut world = World::brokers(2);
    world.metadata.topics = vec![topic("a", 1, &[(2, 0)]), topic("b", 2, &[(1, 0)])];
    world.want("a");
    world.metadata.brokers.truncate(1);
    // A request for the new topic alone tells that broker 2 is gone.
    world.want("b");
    assert_eq!(world.leader("a", 0), None);
    world.metadata.topics[0] = topic("a", 1, &[(1, 1)]);
    world.pass(ms(200));
    assert_eq!(world.leader("a", 0), Some((1, Some(1))), "and another is asked for");
}
