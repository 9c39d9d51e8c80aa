//! Topics that have acks, a codec, a linger or a delivery time-out of their own.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};
use rohrpost_records::{BatchHeader, Codec, Compression};

use super::broker::{Brokers, Fate};
use super::world::{TOPIC, World, config};
use crate::{
    Acks, AttemptFailure, DeliveryErrorKind, EngineConfig, Outcome, TopicOverrides, Waiting,
};

/// A topic of acks=1, one of acks=0, and one that only differs otherwise.
const LOGS: &str = "logs";
const METRICS: &str = "metrics";
const AUDIT: &str = "audit";

fn with_topic(
    config: &mut EngineConfig,
    topic: &'static str,
    change: impl Fn(&mut TopicOverrides),
) {
    change(config.topics.entry(ByteStr::from_static(topic)).or_default());
}

/// `payments` as the producer, `logs` with acks=1, `metrics` with acks=0, `audit` as a test has it; nothing lingers.
fn mixed() -> EngineConfig {
    let mut config = config();
    config.linger = Duration::ZERO;
    with_topic(&mut config, LOGS, |of| of.acks = Some(Acks::Leader));
    with_topic(&mut config, METRICS, |of| of.acks = Some(Acks::None));
    config
}

fn world(config: EngineConfig) -> World {
    let mut brokers = Brokers::new(3);
    brokers.create(TOPIC, 77, 3);
    brokers.create(LOGS, 78, 3);
    brokers.create(METRICS, 79, 3);
    brokers.create(AUDIT, 80, 3);
    World::with(config, brokers, &[LOGS, METRICS, AUDIT])
}

fn headers(world: &World, topic: &str) -> Vec<BatchHeader> {
    world.brokers.seen.iter().filter(|seen| seen.3 == topic).map(|seen| seen.1).collect()
}

fn wire_acks(topic: &ByteStr) -> i16 {
    match &**topic {
        LOGS => 1,
        METRICS => 0,
        _ => -1,
    }
}

#[test]
fn topics_share_a_request_only_if_they_have_the_same_acks() {
    let mut world = world(mixed());
    for topic in [TOPIC, LOGS, METRICS, AUDIT] {
        for partition in 0..3 {
            world.send_to(topic, partition);
        }
    }
    world.run(100);
    world.assert_delivered(0..12);
    // To each of three nodes one request of each acks; payments and audit go together.
    assert_eq!(world.brokers.acks.len(), 9, "{:?}", world.brokers.acks);
    for (acks, topics) in &world.brokers.acks {
        assert!(topics.iter().all(|topic| wire_acks(topic) == *acks), "{:?}", world.brokers.acks);
        assert_eq!(topics.len(), if *acks == -1 { 2 } else { 1 });
    }
    world.end();
}

#[test]
fn batches_below_acks_all_carry_no_producer_id_and_the_others_do() {
    let mut world = world(mixed());
    for _ in 0..3 {
        for topic in [TOPIC, LOGS, METRICS, AUDIT] {
            world.send_to(topic, 0);
        }
        world.run(50);
    }
    world.assert_delivered(0..12);
    for topic in [LOGS, METRICS] {
        for header in headers(&world, topic) {
            let stamp = (header.producer_id.0, header.producer_epoch.0, header.base_sequence.0);
            assert_eq!(stamp, (-1, -1, -1), "{topic}");
        }
    }
    for topic in [TOPIC, AUDIT] {
        let stamps: Vec<_> = headers(&world, topic)
            .iter()
            .map(|header| (header.producer_id.0, header.base_sequence.0))
            .collect();
        assert_eq!(stamps, [(1001, 0), (1001, 1), (1001, 2)], "{topic}");
    }
    world.end();
}

#[test]
fn a_topic_of_acks_0_is_done_when_it_is_written_and_the_others_when_they_are_answered() {
    let mut world = world(mixed());
    world.establish(0);
    let [written, answered, leader] = [METRICS, TOPIC, LOGS].map(|topic| world.send_to(topic, 0));
    world.run(0);
    assert_eq!(world.ending(written).as_ref().unwrap().base_offset, None);
    assert!(world.sends[answered].ending.is_none() && world.sends[leader].ending.is_none());
    world.run(10);
    assert_eq!(world.ending(answered).as_ref().unwrap().base_offset, Some(1));
    assert_eq!(world.ending(leader).as_ref().unwrap().base_offset, Some(0));
    world.end();
}

#[test]
fn losses_of_other_topics_cost_an_idempotent_topic_no_epoch() {
    let mut config = mixed();
    config.cluster.request_timeout = Duration::from_secs(8);
    with_topic(&mut config, LOGS, |of| of.delivery_timeout = Some(Duration::from_secs(2)));
    let mut world = world(config);
    world.establish(0);
    // Refused for good, and given up in flight: with sequences, either would end an epoch.
    world.brokers.log(LOGS, 0).fates.push_back(Fate::Refuse(ErrorCode::INVALID_RECORD));
    let refused = world.send_to(LOGS, 0);
    let beside = world.send_to(TOPIC, 0);
    world.run(100);
    assert_eq!(world.outcome(refused), Outcome::NotWritten);
    world.brokers.log(LOGS, 0).fates.push_back(Fate::Silence);
    let lost = world.send_to(LOGS, 0);
    world.run(3000);
    assert_eq!(world.outcome(lost), Outcome::MaybeWritten);
    // It does not wait for what became of the one before it.
    let next = world.send_to(LOGS, 0);
    let partition = world.sends[next].batch.partition;
    world.drain();
    assert_ne!(world.engine.why(world.now, partition), Waiting::UnresolvedSequence);
    world.run(20_000);
    let after = world.send_alone(0);
    world.run(100);
    world.assert_delivered([beside, after]);
    let epochs: Vec<i16> = headers(&world, TOPIC).iter().map(|of| of.producer_epoch.0).collect();
    assert!(epochs.iter().all(|&epoch| epoch == 0), "{epochs:?}");
    assert_eq!(world.engine.stats().epoch_bumps, 0);
    world.end();
}

#[test]
fn a_connection_that_a_broker_closes_over_acks_0_doubles_nothing_of_the_others() {
    let mut world = world(mixed());
    world.establish(0);
    // What a broker does about a batch that it cannot take and must not answer.
    world.brokers.log(METRICS, 0).fates.push_back(Fate::Cut);
    let sent: Vec<usize> =
        [METRICS, TOPIC, TOPIC].into_iter().map(|topic| world.send_to(topic, 0)).collect();
    world.run(5000);
    world.assert_delivered(sent);
    assert!(world.engine.stats().retries > 0);
    assert_eq!(world.log(0).len(), 3);
    world.end();
}

#[test]
fn without_a_producer_id_only_topics_that_need_one_fail() {
    let mut config = mixed();
    config.acks = Acks::Leader;
    with_topic(&mut config, AUDIT, |of| of.acks = Some(Acks::All));
    let mut brokers = Brokers::new(3);
    brokers.identities.extend((0..50).map(|_| Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)));
    brokers.create(TOPIC, 77, 1);
    brokers.create(AUDIT, 80, 1);
    let mut world = World::with(config, brokers, &[AUDIT]);
    let [one, all] = [TOPIC, AUDIT].map(|topic| world.send_to(topic, 0));
    world.run(50);
    world.assert_delivered([one]);
    let error = world.ending(all).as_ref().unwrap_err();
    let last = AttemptFailure::Refused(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert_eq!(error.kind(), &DeliveryErrorKind::NoProducerId { last });
    assert!(error.is_not_written());
    world.end();
}

#[test]
fn a_topic_of_acks_all_is_idempotent_where_its_producer_has_acks_1() {
    let mut config = mixed();
    config.acks = Acks::Leader;
    with_topic(&mut config, AUDIT, |of| of.acks = Some(Acks::All));
    let mut world = world(config.clone());
    let [one, all] = [TOPIC, AUDIT].map(|topic| world.send_to(topic, 0));
    world.run(50);
    world.assert_delivered([one, all]);
    assert!(!headers(&world, TOPIC)[0].producer_id.is_some());
    assert!(headers(&world, AUDIT)[0].producer_id.is_some());
    world.end();
    // But not where the producer is not to be.
    config.enable_idempotence = false;
    assert!(!config.settings_of(AUDIT).is_idempotent && !config.needs_producer_id());
}

#[test]
fn only_idempotent_partitions_wait_for_the_first_answer_and_for_the_window() {
    let mut config = mixed();
    config.cluster.max_in_flight = 20;
    let mut world = world(config);
    for _ in 0..8 {
        for topic in [TOPIC, LOGS] {
            world.send_to(topic, 0);
        }
        world.drain();
    }
    // One latency: what was sent has arrived, and nothing is answered.
    world.run(1);
    assert_eq!(headers(&world, TOPIC).len(), 1);
    assert_eq!(headers(&world, LOGS).len(), 8);
    world.run(100);
    world.assert_delivered(0..16);
    world.end();
}

#[test]
fn a_batch_without_a_producer_id_keeps_its_order_as_in_any_such_producer() {
    let mut config = mixed();
    config.cluster.max_in_flight = 1;
    let mut world = world(config);
    world.brokers.log(LOGS, 0).fates.push_back(Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    for _ in 0..5 {
        world.send_to(LOGS, 0);
        world.run(1);
    }
    let partition = world.sends[0].batch.partition;
    assert!(matches!(world.engine.why(world.now, partition), Waiting::BackOff { .. }));
    world.run(1000);
    world.assert_delivered(0..5);
    // The one that failed came first.
    assert_eq!(world.ending(0).as_ref().unwrap().base_offset, Some(0));
    world.end();
}

#[test]
fn whoever_is_passed_over_is_first_in_the_next_request() {
    let mut config = mixed();
    config.cluster.max_in_flight = 1;
    // A record is a batch, and a request holds one.
    (config.batch_size, config.max_request_size) = (1, 120);
    let mut world = world(config);
    world.establish(0);
    let before = world.brokers.acks.len();
    for _ in 0..5 {
        for topic in [TOPIC, LOGS, AUDIT] {
            world.send_to(topic, 0);
        }
        world.drain();
    }
    world.run(200);
    world.assert_delivered(0..world.sends.len());
    let acks: Vec<i16> = world.brokers.acks[before..].iter().map(|(acks, _)| *acks).collect();
    // Two topics of acks=all have no more than two turns of three.
    let turns = acks.windows(4).take(9);
    assert!(turns.into_iter().all(|four| four.contains(&1) && four.contains(&-1)), "{acks:?}");
    world.end();
}

#[test]
fn a_topic_lingers_as_long_as_it_is_told() {
    let mut config = mixed();
    config.linger = Duration::from_millis(20);
    with_topic(&mut config, LOGS, |of| of.linger = Some(Duration::ZERO));
    with_topic(&mut config, AUDIT, |of| of.linger = Some(Duration::from_millis(50)));
    let mut world = world(config);
    for topic in [TOPIC, LOGS, AUDIT] {
        world.send_to(topic, 0);
    }
    let counts = |world: &World| [TOPIC, LOGS, AUDIT].map(|topic| headers(world, topic).len());
    world.run(2);
    assert_eq!(counts(&world), [0, 1, 0]);
    world.run(20);
    assert_eq!(counts(&world), [1, 1, 0]);
    let partition = world.sends[2].batch.partition;
    assert!(matches!(world.engine.why(world.now, partition), Waiting::Linger { .. }));
    world.run(30);
    assert_eq!(counts(&world), [1, 1, 1]);
    world.run(10);
    world.assert_delivered(0..3);
    world.end();
}

#[test]
fn a_topic_gives_up_when_its_own_time_is_over() {
    let mut config = mixed();
    config.delivery_timeout = Duration::from_secs(10);
    let (short, long) = (Duration::from_secs(3), Duration::from_secs(30));
    with_topic(&mut config, LOGS, |of| of.delivery_timeout = Some(short));
    with_topic(&mut config, AUDIT, |of| of.delivery_timeout = Some(long));
    let mut world = world(config);
    world.down = alloc::vec![0, 1, 2];
    (0..3).for_each(|node| world.cut(node));
    for topic in [TOPIC, LOGS, AUDIT] {
        world.send_to(topic, 0);
    }
    let open = |world: &World| world.sends.iter().filter(|sent| sent.ending.is_none()).count();
    let mut passed = 0;
    for (until, left) in [(2_999, 3), (3_001, 2), (9_999, 2), (10_001, 1), (29_999, 1), (30_001, 0)]
    {
        world.run(until - passed);
        passed = until;
        assert_eq!(open(&world), left, "after {until} ms");
    }
    let error = world.ending(1).as_ref().unwrap_err();
    assert!(
        matches!(error.kind(), DeliveryErrorKind::Expired { timeout, .. } if *timeout == short),
        "{error}"
    );
    world.end();
}

#[test]
fn each_topic_is_compressed_by_its_own_codec_also_where_a_batch_is_divided() {
    let mut config = mixed();
    config.compression = Compression::new(Codec::Lz4).unwrap();
    config.batch_size = 10_000;
    with_topic(&mut config, AUDIT, |of| of.compression = Compression::new(Codec::Zstd).ok());
    with_topic(&mut config, METRICS, |of| of.compression = Some(Compression::NONE));
    let mut world = world(config);
    world.brokers.log(AUDIT, 0).fates.push_back(Fate::Refuse(ErrorCode::MESSAGE_TOO_LARGE));
    for _ in 0..50 {
        for topic in [TOPIC, AUDIT, METRICS] {
            world.send_to(topic, 0);
        }
    }
    world.run(1000);
    world.assert_delivered(0..150);
    let codecs = |topic| -> Vec<Codec> {
        headers(&world, topic).iter().filter_map(|header| header.attributes.codec()).collect()
    };
    // The whole one, and its parts.
    assert!(world.engine.stats().splits > 0 && codecs(AUDIT).len() > 2);
    assert!(codecs(AUDIT).iter().all(|&codec| codec == Codec::Zstd));
    assert_eq!(
        (codecs(TOPIC), codecs(METRICS)),
        (alloc::vec![Codec::Lz4], alloc::vec![Codec::None])
    );
    world.end();
}

#[test]
fn a_broker_that_is_too_old_for_a_topics_codec_still_gets_the_other_topics() {
    let mut config = mixed();
    with_topic(&mut config, AUDIT, |of| of.compression = Compression::new(Codec::Zstd).ok());
    let mut brokers = Brokers::new(1);
    // The versions before zstd (KIP-110).
    brokers.versions.insert(ApiKey::Produce.into(), (0, 6));
    brokers.create(TOPIC, 77, 1);
    brokers.create(AUDIT, 80, 1);
    let mut world = World::with(config, brokers, &[AUDIT]);
    for _ in 0..3 {
        let [plain, zstd] = [TOPIC, AUDIT].map(|topic| world.send_to(topic, 0));
        world.run(50);
        world.assert_delivered([plain]);
        let error = world.ending(zstd).as_ref().unwrap_err();
        assert_eq!(error.kind(), &DeliveryErrorKind::Unsupported);
        assert!(error.is_not_written());
    }
    world.end();
}

#[test]
fn an_answer_is_judged_by_the_acks_that_it_answers() {
    let mut config = mixed();
    config.enable_idempotence = false;
    config.retries = 0;
    let mut world = world(config);
    // Only a leader that waits for its followers may have appended what it refuses so.
    for topic in [TOPIC, LOGS] {
        let refused = Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        world.brokers.log(topic, 0).fates.push_back(refused);
    }
    let [all, one] = [TOPIC, LOGS].map(|topic| world.send_to(topic, 0));
    world.run(50);
    assert_eq!(world.outcome(all), Outcome::MaybeWritten);
    assert_eq!(world.outcome(one), Outcome::NotWritten);
    world.end();
}
