//! Batches that the broker finds too large.

use alloc::vec;
use alloc::vec::Vec;

use rohrpost_codec::ErrorCode;
use rohrpost_records::{Codec, Compression};

use super::broker::Fate;
use super::world::{TOPIC, World, config};
use crate::{EngineConfig, Outcome};

/// Values that no codec makes much smaller.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    core::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(len)
    .collect()
}

fn large_batches() -> EngineConfig {
    let mut config = config();
    config.batch_size = 64 * 1024;
    config
}

#[test]
fn scenario_30_a_batch_that_is_too_large_is_divided_until_it_fits_and_no_record_is_lost() {
    for compression in [Compression::NONE, Compression::new(Codec::Lz4).unwrap()] {
        let mut config = large_batches();
        config.compression = compression;
        config.retries = 0;
        let mut world = World::new(config, 1);
        world.brokers.max_message_bytes = 3000;
        for at in 0..60 {
            world.send_value(0, noise(at + 1, 700)).unwrap();
        }
        world.run(20_000);
        // Dividing costs no attempt: with retries=0 all of them arrive.
        world.assert_delivered(0..60);
        assert!(world.engine.stats().splits >= 3);
        assert_eq!(world.engine.stats().epoch_bumps, 0);
        world.end();
    }
}

#[test]
fn scenario_30_a_record_that_is_too_large_alone_fails_and_spares_its_neighbours() {
    let mut world = World::new(large_batches(), 1);
    world.brokers.max_message_bytes = 3000;
    for at in 0..10 {
        let size = if at == 4 { 5000 } else { 500 };
        world.send_value(0, noise(at + 1, size)).unwrap();
    }
    world.run(20_000);
    let error = world.ending(4).as_ref().unwrap_err();
    assert!(error.is_too_large() && error.is_not_written(), "{error}");
    world.assert_delivered((0..10).filter(|&at| at != 4));
    world.end();
}

#[test]
fn scenario_7_parts_are_retried_as_they_are_and_later_batches_wait_behind_them() {
    let mut config = large_batches();
    config.linger = core::time::Duration::ZERO;
    let mut world = World::new(config, 1);
    world.establish(0);
    world.plan(
        0,
        [
            Fate::Refuse(ErrorCode::MESSAGE_TOO_LARGE),
            Fate::Judge,
            Fate::Judge,
            // The first part's first attempts.
            Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT),
            Fate::JudgeCut,
        ],
    );
    world.hold_seals = true;
    for at in 0..20 {
        world.send_value(0, vec![at; 1500]).unwrap();
    }
    world.run(1);
    world.release_seals();
    world.send_alone(0);
    world.run(1);
    world.send_alone(0);
    world.run(30_000);
    world.assert_delivered(0..23);
    let sequences: Vec<i32> =
        world.brokers.log(TOPIC, 0).batches.iter().map(|b| b.header.base_sequence.0).collect();
    assert!(sequences.len() >= 4 && sequences.is_sorted(), "{sequences:?}");
    assert_eq!(world.engine.stats().epoch_bumps, 0);
    world.end();
}

#[test]
fn a_flush_waits_for_every_part_and_the_budget_gets_every_byte_back() {
    let mut world = World::new(large_batches(), 1);
    world.brokers.max_message_bytes = 2000;
    for at in 0..30 {
        world.send_value(0, noise(at + 1, 600)).unwrap();
    }
    world.flush(1);
    while world.flushed.is_empty() {
        world.run(1);
    }
    world.assert_delivered(0..30);
    world.end();
}

#[test]
fn parts_of_a_doubtful_batch_are_doubtful() {
    // Appended with its answer lost; then the topic's limit is lowered, and the retry is too large.
    let mut world = World::new(large_batches(), 1);
    world.plan(0, [Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT)]);
    for at in 0..6 {
        world.send_value(0, noise(at + 1, 600)).unwrap();
    }
    world.run(10);
    world.brokers.max_message_bytes = 2000;
    world.run(5000);
    for sent in 0..6 {
        assert_eq!(world.outcome(sent), Outcome::MaybeWritten);
    }
    let next = world.send_alone(0);
    world.run(1000);
    world.assert_delivered([next]);
    world.end();
}
