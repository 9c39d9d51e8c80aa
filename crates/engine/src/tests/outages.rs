//! Connections that break, leaders that move, brokers that pause, topics that come again.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::{ErrorCode, Uuid};

use super::broker::Fate;
use super::world::{TOPIC, World, config};
use crate::{Outcome, Waiting};

#[test]
fn scenario_1_an_appended_batch_whose_answer_is_lost_does_not_cost_the_next_record() {
    for fate in [
        Fate::JudgeCut,
        Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT),
        Fate::JudgeSilence,
        Fate::JudgeOmit,
        Fate::JudgeGarbage,
    ] {
        let mut world = World::new(config(), 1);
        world.plan(0, [fate]);
        world.send_alone(0);
        world.run(3);
        world.send_alone(0);
        world.run(60_000);
        world.assert_delivered(0..2);
        assert_eq!(world.log(0).len(), 2);
        assert_eq!(world.engine.stats().epoch_bumps, 0);
        world.end();
    }
}

#[test]
fn scenario_1_the_sequence_of_an_expired_batch_that_was_appended_is_not_given_away() {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(40);
    let mut world = World::new(config, 1);
    world.plan(0, [Fate::JudgeSilence, Fate::JudgeSilence]);
    let lost = world.send_alone(0);
    world.run(39_000);
    let next = world.send_alone(0);
    world.run(120_000);
    assert_eq!(world.outcome(lost), Outcome::MaybeWritten);
    world.assert_delivered([next]);
    assert_eq!(world.log(0).len(), 2);
    world.end();
}

#[test]
fn scenario_2_a_topic_that_seems_to_be_missing_does_not_reset_the_sequences() {
    let mut world = World::new(config(), 1);
    world.send_alone(0);
    world.run(100);
    let topic = world.brokers.topics.remove(TOPIC).unwrap();
    world.send_alone(0);
    world.run(3000);
    world.brokers.topics.insert(TOPIC.into(), topic);
    world.run(5000);
    world.send_alone(0);
    world.run(1000);
    world.assert_delivered(0..3);
    let epochs: Vec<i16> =
        world.brokers.log(TOPIC, 0).batches.iter().map(|b| b.header.producer_epoch.0).collect();
    assert_eq!(epochs, [0, 0, 0]);
    world.end();
}

#[test]
fn scenario_13_after_a_lost_connection_no_later_batch_overtakes() {
    for in_flight in [1, 5] {
        let mut config = config();
        config.cluster.max_in_flight = in_flight;
        let mut world = World::new(config, 1);
        world.plan(0, [Fate::Judge, Fate::Cut]);
        for _ in 0..8 {
            world.send_alone(0);
        }
        world.run(2);
        for _ in 0..8 {
            world.send_alone(0);
        }
        world.run(10_000);
        world.assert_delivered(0..16);
        world.end();
    }
}

#[test]
fn scenario_13_without_idempotence_one_request_in_flight_keeps_the_order() {
    let mut config = config();
    config.enable_idempotence = false;
    config.cluster.max_in_flight = 1;
    let mut world = World::new(config, 1);
    world.plan(
        0,
        [
            Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS),
            Fate::Judge,
            Fate::Cut,
        ],
    );
    for _ in 0..8 {
        world.send_alone(0);
        world.run(1);
    }
    world.run(10_000);
    world.assert_delivered(0..8);
    world.end();
}

#[test]
fn a_leader_that_moves_is_followed_and_its_hint_ends_the_back_off() {
    let mut config = config();
    config.cluster.retry_backoff = Duration::from_secs(5);
    config.cluster.retry_backoff_max = Duration::from_secs(5);
    let mut world = World::new(config, 3);
    // Connections to every node are there already.
    for partition in 0..3 {
        world.send_alone(partition);
    }
    world.run(100);
    world.brokers.lead(TOPIC, 0, Some(1));
    world.send_alone(0);
    world.run(20);
    world.assert_delivered(0..4);
    world.end();
}

#[test]
fn senders_are_told_the_leaders_racks_and_of_a_leader_that_moves_to_another() {
    let mut world = World::new(config(), 3);
    let racks = |world: &World| -> Vec<Option<String>> {
        let topic = &world.table[TOPIC];
        topic.partitions.iter().map(|entry| entry.leader_rack.as_deref().map(Into::into)).collect()
    };
    assert_eq!(racks(&world), [None, None, None]);
    for rack in ["a", "b"] {
        // The same leaders as before.
        world.brokers.racks.insert(1, rack);
        world.engine.cluster.request_update(world.now);
        world.run(2_000);
        assert_eq!(racks(&world), [None, Some(rack.into()), None]);
    }
}

#[test]
fn a_partition_whose_leader_went_away_and_came_back_is_in_a_request_once() {
    let mut world = World::new(config(), 3);
    world.plan(0, [Fate::Cut]);
    world.send_alone(0);
    world.run(3);
    world.cut(1);
    world.down.extend([0, 1]);
    for leader in [1, 0, 1, 0] {
        world.brokers.lead(TOPIC, 0, Some(leader));
        world.engine.cluster.request_update(world.now);
        world.run(300);
    }
    let before = world.engine.stats().bytes_sent;
    world.down.clear();
    world.run(15_000);
    world.assert_delivered([0]);
    let stats = world.engine.stats();
    assert_eq!((stats.bytes_sent - before, stats.retries), (stats.bytes_sealed, 1));
    world.end();
}

/// Pauses so long that no test waits for one by accident.
fn long_pauses() -> crate::EngineConfig {
    let mut config = config();
    config.cluster.retry_backoff = Duration::from_secs(5);
    config.cluster.retry_backoff_max = Duration::from_secs(5);
    config
}

#[test]
fn a_broker_that_comes_back_ends_the_pauses_that_its_death_began() {
    let mut world = World::new(long_pauses(), 4);
    world.plan(0, [Fate::Judge, Fate::Cut]);
    world.send_alone(0);
    world.run(10);
    world.send_alone(0);
    world.run(1);
    world.cut(0);
    world.down.push(0);
    world.run(100);
    // Another partition of the same broker, so that somebody wants the connection.
    world.send_alone(3);
    world.run(1900);
    assert!(world.sends[1].ending.is_none() && world.sends[2].ending.is_none());
    world.down.clear();
    world.run(1300);
    world.assert_delivered(0..3);
    world.end();
}

#[test]
fn a_broker_that_comes_back_is_tried_as_eagerly_as_a_new_one() {
    let mut config = config();
    config.cluster.reconnect_backoff_max = Duration::from_millis(50);
    let mut world = World::new(config, 4);
    world.plan(0, [const { Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS) }; 8]);
    world.send_alone(0);
    // By now its pauses are the longest; two refusals are left.
    world.run(3000);
    world.cut(0);
    world.down.push(0);
    world.send_alone(3);
    world.run(2000);
    assert!(world.sends[0].ending.is_none());
    world.down.clear();
    world.run(500);
    world.assert_delivered(0..2);
    world.end();
}

#[test]
fn a_broker_that_breaks_each_connection_over_a_batch_is_not_flooded_with_it() {
    let mut config = config();
    config.cluster.retry_backoff = Duration::from_secs(1);
    config.cluster.retry_backoff_max = Duration::from_secs(1);
    // Node 0 leads every third of them; each of these wants the connection once.
    let mut world = World::new(config, 303);
    world.plan(0, [const { Fate::Cut }; 100]);
    world.send_alone(0);
    for other in 1..=100 {
        world.send_alone(3 * other);
        world.run(100);
    }
    let cuts = 100 - world.brokers.log(TOPIC, 0).fates.len();
    assert!((8..=13).contains(&cuts), "sent {cuts} times within 10 s");
}

#[test]
fn what_follows_a_refused_batch_does_not_pause() {
    let mut world = World::new(long_pauses(), 1);
    world.establish(0);
    world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
    for _ in 0..5 {
        world.send_alone(0);
    }
    world.run(50);
    assert_eq!(world.outcome(1), Outcome::NotWritten);
    world.assert_delivered([0, 2, 3, 4, 5]);
    world.end();
}

#[test]
fn scenario_14_a_topic_that_is_created_again_is_written_to() {
    let mut world = World::new(config(), 2);
    for _ in 0..5 {
        world.brokers.lead(TOPIC, 0, Some(1));
        world.send_alone(0);
        world.run(2000);
    }
    world.assert_delivered(0..5);
    world.brokers.logs.clear();
    let old = world.brokers.topics.remove(TOPIC).unwrap();
    assert!(old.partitions[0].epoch > 0);
    world.send_alone(0);
    world.run(1000);
    world.brokers.create(TOPIC, 78, 2);
    world.run(5000);
    let sent = world.send_alone(0);
    world.run(5000);
    world.assert_delivered([5, sent]);
    assert_eq!(world.log(0).len(), 2);
}

#[test]
fn scenario_15_an_answer_is_matched_by_the_id_that_the_request_had() {
    let mut world = World::new(config(), 1);
    world.send_alone(0);
    world.run(1);
    // The request is on its way under the old id; the answer comes back under it, after metadata with the new one.
    world.engine.cluster.request_update(world.now);
    world.run(0);
    world.brokers.topics.get_mut(TOPIC).unwrap().id = Uuid::from_u128(99);
    world.run(5000);
    world.assert_delivered([0]);
    world.send_alone(0);
    world.run(5000);
    world.assert_delivered([1]);
    world.end();
}

#[test]
fn an_unknown_topic_id_is_retried_after_a_refresh() {
    let mut world = World::new(config(), 1);
    world.send_alone(0);
    world.run(100);
    world.brokers.topics.get_mut(TOPIC).unwrap().id = Uuid::from_u128(99);
    world.send_alone(0);
    world.run(3000);
    world.assert_delivered(0..2);
    world.end();
}

#[test]
fn scenario_27_a_half_open_connection_is_closed_by_the_request_time_out() {
    let mut config = config();
    config.cluster.request_timeout = Duration::from_secs(2);
    let mut world = World::new(config, 1);
    world.send_alone(0);
    world.run(100);
    world.plan(0, [Fate::Silence]);
    world.send_alone(0);
    world.run(1900);
    assert!(world.sends[1].ending.is_none());
    world.run(2000);
    world.assert_delivered(0..2);
    world.end();
}

#[test]
fn scenario_28_a_paused_broker_does_not_hold_the_delivery_time_out_up() {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(5);
    let mut world = World::new(config, 3);
    for partition in 0..3 {
        world.send_alone(partition);
    }
    world.run(100);
    world.paused.push(0);
    let stuck = world.send_alone(0);
    world.run(1000);
    let queued = world.send_alone(0);
    let other = world.send_alone(1);
    world.run(3999);
    world.assert_delivered([other]);
    assert!(world.sends[stuck].ending.is_none());
    world.run(1);
    assert_eq!(world.outcome(stuck), Outcome::MaybeWritten);
    world.run(1000);
    assert_eq!(world.outcome(queued), Outcome::MaybeWritten);
    // The bytes are held until the connection is closed.
    assert!(world.budget.used() > 0);
    world.paused.clear();
    world.run(60_000);
    assert_eq!(world.budget.used(), 0);
    let next = world.send_alone(0);
    world.run(5000);
    world.assert_delivered([next]);
    world.end();
}

#[test]
fn scenario_29_a_leaderless_partition_stops_nobody_and_wakes_nobody_needlessly() {
    let mut world = World::new(config(), 6);
    world.send_alone(0);
    world.run(100);
    world.brokers.lead(TOPIC, 0, None);
    let stuck = world.send_alone(0);
    let before = world.polls;
    for _ in 0..30 {
        let sent = world.send_alone(3);
        world.run(1000);
        world.assert_delivered([sent]);
    }
    assert!(world.sends[stuck].ending.is_none());
    let partition = world.sends[stuck].batch.partition;
    let why = world.engine.why(world.now, partition);
    assert!(matches!(why, Waiting::Leader | Waiting::BackOff { .. }), "{why:?}");
    assert!(world.polls - before < 1500, "{} polls in 30 s", world.polls - before);
    assert!(world.brokers.metadata_requests < 60, "{}", world.brokers.metadata_requests);
    world.brokers.lead(TOPIC, 0, Some(2));
    world.run(3000);
    world.assert_delivered([stuck]);
    world.end();
}

#[test]
fn scenario_29_a_throttled_node_is_left_alone_for_as_long_as_it_asks() {
    let mut world = World::new(config(), 3);
    world.send_alone(0);
    world.run(100);
    world.brokers.throttle_ms = 3000;
    world.send_alone(0);
    world.run(100);
    world.brokers.throttle_ms = 0;
    let (throttled, free) = (world.send_alone(0), world.send_alone(1));
    let before = world.polls;
    world.run(2000);
    world.assert_delivered([free]);
    assert!(world.sends[throttled].ending.is_none());
    let partition = world.sends[throttled].batch.partition;
    assert!(matches!(world.engine.why(world.now, partition), Waiting::Node { .. }));
    world.run(1500);
    world.assert_delivered([throttled]);
    assert!(world.polls - before < 100, "{}", world.polls - before);
    world.end();
}

#[test]
fn scenario_31_no_newer_batch_pushes_an_unresolved_one_out_of_the_brokers_window() {
    // More than five in flight is no sound configuration with idempotence; the window holds all the same.
    for in_flight in [5, 12] {
        let mut config = config();
        config.cluster.max_in_flight = in_flight;
        let mut world = World::new(config, 1);
        world.establish(0);
        let lost = || Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT);
        let fates = [lost(), Fate::Judge, Fate::Judge, Fate::Judge, Fate::Judge, lost()];
        world.plan(0, fates);
        for at in 0..40 {
            world.send_alone(0);
            // As many at once as may be.
            if at > 12 {
                world.run(1);
            }
        }
        world.run(10_000);
        world.assert_delivered(0..41);
        assert_eq!(world.engine.stats().epoch_bumps, 0);
        world.end();
    }
}

#[test]
fn an_outage_of_everything_ends_well_and_wakes_little() {
    let mut world = World::new(config(), 3);
    for partition in 0..3 {
        world.send_alone(partition);
    }
    world.run(100);
    world.down = alloc::vec![0, 1, 2];
    for node in 0..3 {
        world.cut(node);
    }
    for partition in 0..3 {
        world.send(partition);
    }
    let before = world.polls;
    world.run(60_000);
    assert!(world.polls - before < 3000, "{} polls in a minute", world.polls - before);
    world.down.clear();
    world.run(10_000);
    world.assert_delivered(0..6);
    world.end();
}
