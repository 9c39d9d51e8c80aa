//! Batches on their way: filling, sending, answers, time-outs.

use core::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::produce_response::BatchIndexAndErrorMessage;

use super::broker::Fate;
use super::world::{World, config};
use crate::{Acks, AttemptFailure, DeliveryErrorKind, Outcome, Waiting};

#[test]
fn records_arrive_in_order_at_the_offsets_that_are_reported() {
    let mut world = World::new(config(), 3);
    for round in 0..20 {
        for partition in 0..3 {
            for _ in 0..=round {
                world.send(partition);
            }
        }
        world.run(7);
    }
    world.run(1000);
    world.assert_delivered(0..world.sends.len());
    let stats = world.engine.stats();
    assert_eq!(stats.records_delivered, world.sends.len() as u64);
    assert_eq!((stats.records_failed, stats.retries, stats.epoch_bumps), (0, 0, 0));
    assert_eq!((stats.requests_in_flight, stats.batches_pending), (0, 0));
    assert!(stats.nodes.iter().all(|node| node.latency_mean() == Duration::from_millis(2)));
    world.end();
}

#[test]
fn a_batch_lingers_and_fills_then_goes() {
    let mut world = World::new(config(), 1);
    world.send(0);
    world.run(4);
    world.send(0);
    assert!(world.brokers.seen.is_empty());
    let partition = world.sends[0].batch.partition;
    assert!(matches!(world.engine.why(world.now, partition), Waiting::Linger { .. }));
    world.run(2);
    assert_eq!(world.brokers.seen.len(), 1);
    assert_eq!(world.brokers.seen[0].2.len(), 2);
    world.run(10);
    world.assert_delivered(0..2);
    assert_eq!(world.engine.why(world.now, partition), Waiting::Nothing);
    world.end();
}

#[test]
fn one_request_carries_the_batches_of_all_of_a_nodes_partitions() {
    let mut config = config();
    config.linger = Duration::ZERO;
    let mut world = World::new(config, 9);
    for partition in 0..9 {
        world.send(partition);
    }
    world.run(100);
    assert_eq!(world.brokers.requests, [3, 3, 3]);
    world.assert_delivered(0..9);
    world.end();
}

#[test]
fn a_batch_that_cannot_go_yet_keeps_filling() {
    let mut config = config();
    config.linger = Duration::ZERO;
    let mut world = World::new(config, 1);
    world.brokers.lead(super::world::TOPIC, 0, None);
    world.plan(0, [Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    world.send(0);
    world.run(50);
    for _ in 0..20 {
        world.send(0);
        world.run(10);
    }
    world.brokers.lead(super::world::TOPIC, 0, Some(2));
    world.run(2000);
    world.assert_delivered(0..21);
    let sizes: alloc::vec::Vec<usize> =
        world.brokers.seen.iter().map(|seen| seen.2.len()).collect();
    assert_eq!(sizes.last(), Some(&20), "{sizes:?}");
    world.end();
}

#[test]
fn a_request_is_no_larger_than_max_request_size_and_partitions_take_turns() {
    let mut config = config();
    config.max_request_size = 10_000;
    config.batch_size = 4000;
    config.cluster.max_in_flight = 1;
    let mut world = World::new(config, 12);
    for _ in 0..12 {
        for partition in [0, 3, 6, 9] {
            world
                .send_value(partition, alloc::vec![partition as u8; 3000 + world.sends.len()])
                .unwrap();
        }
    }
    world.run(1000);
    world.assert_delivered(0..48);
    assert!(
        world.brokers.requests.iter().all(|&batches| batches <= 3),
        "{:?}",
        world.brokers.requests
    );
    // Whoever was served gets in line again at the back.
    let order: alloc::vec::Vec<i32> = world.brokers.seen.iter().map(|seen| seen.0).collect();
    for round in order.chunks(12).take(3) {
        let mut round = round.to_vec();
        round.sort_unstable();
        assert_eq!(round, [0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9], "{order:?}");
    }
    world.end();
}

#[test]
fn acks_0_completes_when_it_is_written_without_an_offset() {
    let mut config = config();
    config.acks = Acks::None;
    let mut world = World::new(config, 1);
    let sent = world.send_alone(0);
    world.run(0);
    let appended = world.ending(sent).as_ref().unwrap();
    assert_eq!((appended.base_offset, appended.log_append_time), (None, None));
    world.run(100);
    assert_eq!(world.brokers.seen.len(), 1);
    assert!(!world.brokers.seen[0].1.producer_id.is_some());
    world.end();
}

#[test]
fn acks_1_carries_no_producer_id_and_knows_its_offset() {
    let mut config = config();
    config.acks = Acks::Leader;
    let mut world = World::new(config, 1);
    let sent = world.send_alone(0);
    world.run(100);
    assert_eq!(world.ending(sent).as_ref().unwrap().base_offset, Some(0));
    assert!(!world.brokers.seen[0].1.producer_id.is_some());
    world.end();
}

#[test]
fn log_append_time_counts_for_the_whole_batch() {
    let mut world = World::new(config(), 1);
    world.plan(
        0,
        [Fate::Twist(|answer| {
            answer.responses[0].partition_responses[0].log_append_time_ms = 1234;
        })],
    );
    let (first, second) = (world.send(0), world.send(0));
    world.run(100);
    for sent in [first, second] {
        assert_eq!(world.ending(sent).as_ref().unwrap().log_append_time, Some(1234));
    }
    world.end();
}

#[test]
fn scenario_23_success_with_base_offset_minus_1_means_offset_unknown() {
    let mut world = World::new(config(), 1);
    world.plan(
        0,
        [Fate::Twist(|answer| {
            answer.responses[0].partition_responses[0].base_offset = -1;
        })],
    );
    let sent = world.send_alone(0);
    world.run(100);
    assert_eq!(world.ending(sent).as_ref().unwrap().base_offset, None);
    world.end();
}

#[test]
fn record_errors_name_the_guilty_and_spare_the_others_nothing_but_the_blame() {
    let mut world = World::new(config(), 1);
    world.plan(
        0,
        [Fate::Twist(|answer| {
            let reply = &mut answer.responses[0].partition_responses[0];
            reply.error_code = ErrorCode::INVALID_RECORD;
            reply.record_errors = alloc::vec![BatchIndexAndErrorMessage {
                batch_index: 1,
                batch_index_error_message: Some("no key".into()),
                ..Default::default()
            }];
        })],
    );
    // The twist comes after the append: the log is not what this test is about.
    let sends = [world.send(0), world.send(0), world.send(0)];
    world.run(100);
    let kinds = sends.map(|sent| world.ending(sent).as_ref().unwrap_err().kind().clone());
    let code = ErrorCode::INVALID_RECORD;
    let others = DeliveryErrorKind::RefusedWithOthers { code };
    let guilty = DeliveryErrorKind::Refused { code, message: Some("no key".into()) };
    assert_eq!(kinds, [others.clone(), guilty, others]);
    assert!(sends.iter().all(|&sent| world.outcome(sent) == Outcome::NotWritten));
}

#[test]
fn a_batch_that_never_left_expires_as_not_written_and_the_error_says_what_it_waited_for() {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(3);
    let mut world = World::new(config, 1);
    world.brokers.lead(super::world::TOPIC, 0, None);
    world.engine.cluster.request_update(world.now);
    world.run(500);
    let sent = world.send(0);
    world.run(2999);
    assert!(world.sends[sent].ending.is_none());
    world.run(1);
    let error = world.ending(sent).as_ref().unwrap_err().clone();
    assert!(error.is_timeout() && error.is_not_written(), "{error}");
    let waits = DeliveryErrorKind::Expired {
        timeout: Duration::from_secs(3),
        waiting: Waiting::Leader,
        trouble: None,
        last: None,
    };
    assert_eq!(*error.kind(), waits);
    // The sequence was not used: the next record gets it.
    world.brokers.lead(super::world::TOPIC, 0, Some(1));
    let next = world.send_alone(0);
    world.run(3000);
    world.assert_delivered([next]);
    assert_eq!(world.brokers.seen[0].1.base_sequence.0, 0);
    assert_eq!(world.engine.stats().epoch_bumps, 0);
    world.end();
}

#[test]
fn retries_0_gives_up_after_the_first_attempt_and_says_how_it_failed() {
    let mut config = config();
    config.retries = 0;
    let mut world = World::new(config, 1);
    world.plan(
        0,
        [
            Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS),
            Fate::JudgeAnswer(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
        ],
    );
    let refused = world.send_alone(0);
    world.run(100);
    let last = AttemptFailure::Refused(ErrorCode::NOT_ENOUGH_REPLICAS);
    let kind = DeliveryErrorKind::RetriesExhausted { attempts: 1, last };
    assert_eq!(world.ending(refused).as_ref().unwrap_err().kind(), &kind);
    assert_eq!(world.outcome(refused), Outcome::NotWritten);
    let written = world.send_alone(0);
    world.run(100);
    assert_eq!(world.outcome(written), Outcome::Written);
    assert_eq!(world.log(0).len(), 1);
    let next = world.send_alone(0);
    world.run(1000);
    world.assert_delivered([next]);
    world.end();
}

#[test]
fn a_flush_hurries_what_was_before_it_and_waits_for_nothing_else() {
    let mut config = config();
    config.linger = Duration::from_secs(30);
    let mut world = World::new(config, 6);
    world.send(0);
    world.send(4);
    world.flush(1);
    world.run(0);
    world.send(0);
    world.send(5);
    world.run(100);
    assert_eq!(world.flushed, [crate::FlushId(1)]);
    world.assert_delivered(0..2);
    assert!(world.sends[2].ending.is_none() && world.sends[3].ending.is_none());
    world.flush(2);
    world.run(100);
    assert_eq!(world.flushed.len(), 2);
    world.assert_delivered(0..4);
    world.flush(3);
    world.run(0);
    assert_eq!(world.flushed.len(), 3);
    world.end();
}

#[test]
fn sealed_batches_that_come_out_of_order_are_sent_in_order() {
    let mut config = config();
    config.linger = Duration::ZERO;
    let mut world = World::new(config, 1);
    world.hold_seals = true;
    world.send(0);
    world.run(20);
    // Slot 0 is held back by its sealer; a later one is full and sealed.
    for _ in 0..3 {
        world.send_value(0, alloc::vec![world.sends.len() as u8; 9000]).unwrap();
    }
    world.run(100);
    assert!(world.brokers.seen.is_empty() || world.brokers.seen[0].2.len() == 2);
    world.release_seals();
    world.run(1000);
    world.assert_delivered(0..4);
    world.end();
}

#[test]
fn a_batch_that_is_being_sealed_when_its_time_passes_wakes_nobody_and_expires_when_it_comes() {
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(1);
    let mut world = World::new(config, 1);
    world.hold_seals = true;
    let late = world.send_alone(0);
    let before = world.polls;
    world.run(3000);
    assert!(world.sends[late].ending.is_none());
    assert!(world.polls - before < 50, "{} polls", world.polls - before);
    world.release_seals();
    world.run(0);
    assert!(world.ending(late).as_ref().unwrap_err().is_timeout());
    assert_eq!(world.outcome(late), Outcome::NotWritten);
    let next = world.send_alone(0);
    world.run(100);
    world.assert_delivered([next]);
    world.end();
}
