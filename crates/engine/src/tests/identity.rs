//! Producer ids, epochs, sequences: what clones get wrong.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::{NodeId, Time};
use rohrpost_codec::ErrorCode;
use rohrpost_records::{ProducerEpoch, ProducerId, Sequence};

use super::broker::{Brokers, Fate};
use super::world::{TOPIC, World, config};
use crate::engine::Engine;
use crate::identity::{Current, Epoch};
use crate::ids::{PartitionIndex, Slot, TopicIndex};
use crate::partition::{Partition, Step};
use crate::plants::Planted;
use crate::window::{Key, Sent, State};
use crate::{AttemptFailure, DeliveryErrorKind, Outcome, Waiting};

fn epochs(world: &mut World, partition: i32) -> Vec<i16> {
    let batches = &world.brokers.log(TOPIC, partition).batches;
    batches.iter().map(|batch| batch.header.producer_epoch.0).collect()
}

#[test]
fn scenario_3_a_doubtful_batch_keeps_its_identity_while_another_partition_bumps_the_epoch() {
    let mut world = World::new(config(), 4);
    world.plan(0, [Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT)]);
    world.plan(3, [Fate::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    world.send_alone(0);
    world.send_alone(3);
    world.run(10_000);
    world.assert_delivered(0..2);
    assert_eq!((epochs(&mut world, 0), epochs(&mut world, 3)), ([0].to_vec(), [1].to_vec()));
    assert_eq!(world.engine.stats().epoch_bumps, 1);
    // An idle partition takes up the new epoch with its next batch.
    world.send_alone(0);
    world.run(1000);
    assert_eq!(epochs(&mut world, 0), [0, 1]);
    world.end();
}

#[test]
fn scenario_4_a_fatal_refusal_of_a_later_batch_does_not_restamp_a_doubtful_earlier_one() {
    let mut world = World::new(config(), 1);
    world.establish(0);
    world.plan(
        0,
        [Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT), Fate::Refuse(ErrorCode::INVALID_RECORD)],
    );
    let sends = [world.send_alone(0), world.send_alone(0), world.send_alone(0)];
    world.run(10_000);
    world.assert_delivered([sends[0], sends[2]]);
    assert_eq!(world.outcome(sends[1]), Outcome::NotWritten);
    assert_eq!(epochs(&mut world, 0), [0, 0, 1]);
    world.end();
}

#[test]
fn scenario_5_nor_does_a_leader_that_moves_in_between() {
    let mut world = World::new(config(), 4);
    world.plan(0, [Fate::JudgeCut, Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    world.plan(1, [Fate::Judge, Fate::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    world.send_alone(0);
    world.send_alone(1);
    world.run(3);
    world.brokers.lead(TOPIC, 0, Some(2));
    world.send_alone(0);
    world.send_alone(1);
    world.run(10_000);
    world.assert_delivered(0..4);
    // The second one was not stamped yet, and may begin the new epoch.
    let epochs = epochs(&mut world, 0);
    assert_eq!((epochs[0], epochs.len()), (0, 2));
    world.end();
}

#[test]
fn scenario_6_one_bump_does_not_lead_to_another() {
    let mut world = World::new(config(), 12);
    world.plan(5, [Fate::Judge, Fate::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    for _ in 0..10 {
        for partition in 0..12 {
            world.send_alone(partition);
        }
        world.run(200);
    }
    world.run(5000);
    world.assert_delivered(0..120);
    assert_eq!(world.engine.stats().epoch_bumps, 1);
    world.end();
}

#[test]
fn rule_4_out_of_order_behind_an_unresolved_batch_is_retried_as_it_is() {
    let mut world = World::new(config(), 1);
    world.establish(0);
    world.plan(0, [Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    for _ in 0..5 {
        world.send_alone(0);
    }
    world.run(10_000);
    world.assert_delivered(0..6);
    assert_eq!(world.engine.stats().epoch_bumps, 0);
    assert_eq!(epochs(&mut world, 0), [0; 6]);
    world.end();
}

#[test]
fn a_leader_that_comes_up_between_the_first_batches_takes_all_of_them_in_order() {
    // The broker would take the second batch for the producer's first.
    for code in [ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION] {
        let mut world = World::new(config(), 1);
        world.plan(0, [Fate::Refuse(code)]);
        for _ in 0..5 {
            world.send_alone(0);
        }
        world.run(10_000);
        world.assert_delivered(0..5);
        assert_eq!(world.engine.stats().epoch_bumps, 0);
        assert_eq!(epochs(&mut world, 0), [0; 2]);
        world.end();
    }
}

#[test]
fn rule_4_a_doubtful_batch_that_is_out_of_order_fails_and_its_successors_go_on() {
    let mut world = World::new(config(), 1);
    world.send_alone(0);
    world.run(100);
    world.plan(
        0,
        [
            Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT),
            Fate::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
        ],
    );
    let doubtful = world.send_alone(0);
    world.run(500);
    let next = [world.send_alone(0), world.send_alone(0)];
    world.run(10_000);
    assert_eq!(world.outcome(doubtful), Outcome::MaybeWritten);
    let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
    let kind = DeliveryErrorKind::Refused { code, message: None };
    assert_eq!(world.ending(doubtful).as_ref().unwrap_err().kind(), &kind);
    world.assert_delivered(next);
    assert_eq!(epochs(&mut world, 0), [0, 0, 1, 1]);
    world.end();
}

#[test]
fn scenario_8_a_batch_that_never_arrived_is_not_taken_for_written() {
    // The batch expires in flight; the broker never got it. Its successors must not be sent behind a gap for ever.
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(5);
    config.cluster.request_timeout = Duration::from_secs(8);
    let mut world = World::new(config, 1);
    world.send_alone(0);
    world.run(100);
    world.plan(0, [Fate::Silence]);
    let lost = world.send_alone(0);
    world.run(5500);
    assert_eq!(world.outcome(lost), Outcome::MaybeWritten);
    let next = world.send_alone(0);
    world.run(2000);
    let partition = world.sends[next].batch.partition;
    assert_eq!(world.engine.why(world.now, partition), Waiting::UnresolvedSequence);
    world.run(2000);
    world.assert_delivered([next]);
    assert_eq!(epochs(&mut world, 0), [0, 1]);
    world.end();
}

#[test]
fn scenario_8_a_lost_batch_whose_successor_was_appended_was_appended_too() {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(5);
    config.cluster.request_timeout = Duration::from_secs(8);
    let mut world = World::new(config, 1);
    world.establish(0);
    world.plan(0, [Fate::JudgeSilence]);
    let lost = world.send_alone(0);
    world.run(4000);
    let next = world.send_alone(0);
    world.run(2000);
    assert_eq!(world.outcome(lost), Outcome::MaybeWritten);
    assert!(world.sends[next].ending.is_none());
    world.run(4000);
    let last = world.send_alone(0);
    world.run(1000);
    world.assert_delivered([next, last]);
    // Nothing was lost: no new epoch was needed.
    assert_eq!(epochs(&mut world, 0), [0; 4]);
    world.end();
}

#[test]
fn scenario_9_a_batch_that_fails_before_it_is_sent_leaves_no_gap() {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(2);
    let mut world = World::new(config, 1);
    world.send_alone(0);
    world.run(100);
    world.brokers.lead(TOPIC, 0, None);
    world.engine.cluster.request_update(world.now);
    world.run(1000);
    let expired = world.send_alone(0);
    world.run(2500);
    assert_eq!(world.outcome(expired), Outcome::NotWritten);
    world.brokers.lead(TOPIC, 0, Some(1));
    let next = world.send_alone(0);
    world.run(1900);
    world.assert_delivered([next]);
    assert_eq!(epochs(&mut world, 0), [0, 0]);
    world.end();
}

/// Moves a partition's next sequence, as if so many records had been sent.
fn skip_to(engine: &mut Engine, sequence: i32) {
    engine.partitions[0].next_sequence = Sequence(sequence);
}

#[test]
fn scenario_10_sequences_wrap_to_0() {
    let mut world = World::new(config(), 1);
    world.send_alone(0);
    world.run(100);
    // The broker's memory of the producer is as old: it starts anew with whatever comes.
    world.brokers.forget_producers(TOPIC, 0);
    skip_to(&mut world.engine, i32::MAX - 2);
    for _ in 0..3 {
        world.send(0);
        world.send_alone(0);
        world.run(50);
    }
    world.assert_delivered(0..7);
    let sequences: Vec<i32> =
        world.brokers.seen.iter().map(|(_, header, ..)| header.base_sequence.0).collect();
    assert_eq!(sequences, [0, i32::MAX - 2, i32::MAX, 1]);
}

#[test]
fn scenario_10_after_epoch_32767_comes_a_new_producer_id() {
    let mut brokers = Brokers::new(3);
    brokers.create(TOPIC, 77, 1);
    brokers.identities.push_back(Ok(i16::MAX));
    let mut world = World::bare(config(), brokers);
    world.wait_for_topic();
    world.send_alone(0);
    world.run(100);
    world.plan(0, [Fate::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    world.send_alone(0);
    world.run(5000);
    world.assert_delivered(0..2);
    let batches = &world.brokers.log(TOPIC, 0).batches;
    let identities: Vec<(i64, i16, i32)> = batches
        .iter()
        .map(|b| (b.header.producer_id.0, b.header.producer_epoch.0, b.header.base_sequence.0))
        .collect();
    assert_eq!(identities, [(1001, i16::MAX, 0), (1002, 0, 0)]);
    assert_eq!(world.engine.producer_id(), Some((ProducerId(1002), ProducerEpoch(0))));
    world.end();
}

#[test]
fn scenario_16_what_was_stamped_before_a_new_identity_keeps_its_own() {
    let mut world = World::new(config(), 2);
    world.plan(0, [Fate::Silence]);
    world.send_alone(0);
    world.run(100);
    world.engine.identity.assigned(Epoch { producer_id: ProducerId(5), epoch: ProducerEpoch(3) });
    world.send_alone(1);
    world.run(60_000);
    world.assert_delivered(0..2);
    assert_eq!(world.brokers.log(TOPIC, 0).batches[0].header.producer_id.0, 1001);
    assert_eq!(world.brokers.log(TOPIC, 1).batches[0].header.producer_id.0, 5);
    world.end();
}

#[test]
fn a_producer_that_was_idle_may_be_forgotten_so_its_next_batch_travels_alone() {
    let mut world = World::new(config(), 1);
    world.establish(0);
    world.run(60_000);
    world.brokers.forget_producers(TOPIC, 0);
    // The leader is coming up: it refuses what comes first, and takes what follows as the producer's first.
    world.plan(0, [Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    for _ in 0..3 {
        world.send_alone(0);
    }
    world.run(5000);
    world.assert_delivered(0..4);
    assert_eq!(world.engine.stats().epoch_bumps, 0);
    world.end();
}

#[test]
fn scenario_22_a_broker_that_forgot_the_producer_costs_one_epoch() {
    for code in [ErrorCode::UNKNOWN_PRODUCER_ID, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER] {
        let mut world = World::new(config(), 1);
        for _ in 0..3 {
            world.send_alone(0);
            world.run(100);
        }
        world.brokers.forget_producers(TOPIC, 0);
        world.plan(0, [Fate::Refuse(code), Fate::Refuse(code), Fate::Refuse(code)]);
        for _ in 0..3 {
            world.send_alone(0);
        }
        world.run(5000);
        world.assert_delivered(0..6);
        assert_eq!(epochs(&mut world, 0), [0, 0, 0, 1, 1, 1]);
        assert_eq!(world.engine.stats().epoch_bumps, 1);
        world.end();
    }
}

#[test]
fn rule_10_a_recognised_duplicate_is_delivered_without_an_offset() {
    let mut world = World::new(config(), 1);
    world.plan(
        0,
        [
            Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT),
            Fate::Refuse(ErrorCode::DUPLICATE_SEQUENCE_NUMBER),
        ],
    );
    let sent = world.send_alone(0);
    world.run(1000);
    assert_eq!(world.ending(sent).as_ref().unwrap().base_offset, None);
    world.end();
}

#[test]
fn a_producer_id_is_asked_for_until_it_comes() {
    let mut brokers = Brokers::new(1);
    brokers.create(TOPIC, 77, 1);
    brokers.identities.extend([
        Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
        Err(ErrorCode::CONCURRENT_TRANSACTIONS),
    ]);
    let mut world = World::bare(config(), brokers);
    world.wait_for_topic();
    world.send_alone(0);
    world.run(3000);
    world.assert_delivered([0]);
    world.end();
}

#[test]
fn a_cluster_that_denies_a_producer_id_fails_what_would_be_sent_and_is_asked_again() {
    let mut brokers = Brokers::new(1);
    brokers.create(TOPIC, 77, 1);
    brokers.identities.extend([Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED); 2]);
    let mut config = config();
    config.cluster.retry_backoff = Duration::from_secs(10);
    config.cluster.retry_backoff_max = Duration::from_secs(10);
    let mut world = World::bare(config, brokers);
    world.wait_for_topic();
    let denied = world.send_alone(0);
    world.run(100);
    let error = world.ending(denied).as_ref().unwrap_err();
    let last = AttemptFailure::Refused(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert_eq!(*error.kind(), DeliveryErrorKind::NoProducerId { last });
    assert!(error.is_authorization() && error.is_not_written());
    world.run(30_000);
    let sent = world.send_alone(0);
    world.run(100);
    world.assert_delivered([sent]);
    world.end();
}

#[test]
fn rule_7_after_a_refusal_for_good_the_next_record_begins_a_new_epoch_at_once() {
    let mut world = World::new(config(), 1);
    world.establish(0);
    world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
    let refused = world.send_alone(0);
    world.run(100);
    assert_eq!(world.outcome(refused), Outcome::NotWritten);
    let next = world.send_alone(0);
    world.run(100);
    world.assert_delivered([next]);
    // No attempt was spent on a sequence behind the gap.
    assert_eq!((world.engine.stats().retries, world.engine.stats().epoch_bumps), (0, 1));
    assert_eq!(epochs(&mut world, 0), [0, 1]);
    world.end();
}

#[test]
fn scenario_16_while_a_producer_id_is_replaced_partitions_go_on_under_their_own() {
    let epoch = Epoch { producer_id: ProducerId(9), epoch: ProducerEpoch(i16::MAX) };
    for identity in [Current::None, Current::Denied(AttemptFailure::TimedOut)] {
        let mut partition =
            Partition::new(PartitionIndex(0), TopicIndex(0), 0, config().settings_of(TOPIC).into());
        assert_eq!(partition.take_sequences(identity, 1, Planted::NONE), None);
        partition.take_sequences(Current::Ready(epoch), 3, Planted::NONE).unwrap();
        let next = partition.take_sequences(identity, 2, Planted::NONE).unwrap();
        assert_eq!((next.producer_id, next.base_sequence), (epoch.producer_id, Sequence(3)));
    }
}

/// A batch that was sent before and waits to be sent again.
fn waiting(first: u32, ambiguous: bool) -> Sent {
    let slot = Slot(0);
    Sent {
        key: Key { slot, first },
        count: 1,
        born: 0,
        created: Time::ZERO,
        stamp: None,
        attempts: 1,
        failures: 0,
        ambiguous,
        by_name: false,
        last: None,
        node: None,
        state: State::Waiting { not_before: Time::ZERO },
        records: None,
        charge: 0,
    }
}

/// A topic that is created anew takes any first sequence: if the doubtful one behind were asked about, it would get before the other.
#[test]
fn what_is_in_doubt_behind_a_batch_that_was_never_appended_moves_into_the_new_epoch_with_it() {
    let world = World::new(config(), 1);
    let around = world.engine.circumstances(world.now);
    for (doubts, expected) in [
        ([false, true], None),
        ([true, false], Some(0)),
        ([true, true], Some(0)),
        ([false, false], None),
    ] {
        let mut partition =
            Partition::new(PartitionIndex(0), TopicIndex(0), 0, config().settings_of(TOPIC).into());
        partition.leader = Some(NodeId(0));
        partition.must_renew = true;
        doubts.iter().zip(0..).for_each(|(&doubt, at)| partition.window.push(waiting(at, doubt)));
        let step = partition.next_step(around);
        let asked = if let Step::Resend { at, .. } = step { Some(at) } else { None };
        assert_eq!(asked, expected, "{doubts:?}: {step:?}");
    }
}

#[test]
fn what_went_by_name_behind_a_refused_batch_or_into_a_log_that_forgot_is_given_up_in_doubt() {
    let mut partition =
        Partition::new(PartitionIndex(0), TopicIndex(0), 0, config().settings_of(TOPIC).into());
    partition.window.push(waiting(0, false));
    partition.window.push(waiting(1, true));
    // By its id it can only have gone into the log that lacks its predecessor.
    assert_eq!(partition.first_hopeless(), None);
    partition.window.get_mut(1).unwrap().by_name = true;
    assert_eq!(partition.first_hopeless(), Some(1));
    // Before every refused one it is asked about, as long as the log remembers.
    partition.window.get_mut(0).unwrap().ambiguous = true;
    assert_eq!(partition.first_hopeless(), None);
    partition.is_forgotten = true;
    assert_eq!(partition.first_hopeless(), Some(0));
}

#[test]
fn what_an_answer_can_settle_is_settled_before_a_new_epoch_begins() {
    let mut partition =
        Partition::new(PartitionIndex(0), TopicIndex(0), 0, config().settings_of(TOPIC).into());
    partition.leader = Some(NodeId(0));
    partition.must_renew = true;
    for (first, ambiguous) in [(0, true), (1, false), (2, true)] {
        partition.window.push(Sent { by_name: true, ..waiting(first, ambiguous) });
    }
    assert_eq!(partition.first_hopeless(), Some(2));
    let world = World::new(config(), 1);
    let step = partition.next_step(world.engine.circumstances(world.now));
    assert!(matches!(step, Step::Resend { at: 0, .. }), "{step:?}");
}
