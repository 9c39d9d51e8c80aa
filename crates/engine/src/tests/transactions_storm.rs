//! Lives of chance under faults: what is told to be committed is what was committed, whole, and nothing else (I7).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::Random;
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};

use super::broker::Fate;
use super::transactions::{V1, V2, brokers, config, start_with};
use super::world::World;
use crate::{FlushId, GroupMetadata, Input, OffsetOf, Remedy, TransactionAnswer, TransactionCall};

const LIVES: u64 = 100;

const APIS: [ApiKey; 6] = [
    ApiKey::FindCoordinator,
    ApiKey::InitProducerId,
    ApiKey::AddPartitionsToTxn,
    ApiKey::AddOffsetsToTxn,
    ApiKey::TxnOffsetCommit,
    ApiKey::EndTxn,
];

fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize]
}

/// What may happen to a request to a coordinator, and be got over.
fn fate(random: &mut Random) -> Fate {
    pick(
        random,
        &[
            Fate::Cut,
            Fate::JudgeCut,
            Fate::Late,
            Fate::Late,
            Fate::Silence,
            Fate::JudgeSilence,
            Fate::JudgeGarbage,
            Fate::Refuse(ErrorCode::NOT_COORDINATOR),
            Fate::Refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS),
        ],
    )
}

/// What may happen to a batch; some of it fails its record.
fn batch_fate(random: &mut Random) -> Fate {
    pick(
        random,
        &[
            Fate::Cut,
            Fate::JudgeCut,
            Fate::Late,
            Fate::Late,
            Fate::Silence,
            Fate::JudgeSilence,
            Fate::JudgeOmit,
            Fate::JudgeAnswer(ErrorCode::REQUEST_TIMED_OUT),
            Fate::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS),
            Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS),
            Fate::Refuse(ErrorCode::INVALID_RECORD),
            Fate::Refuse(ErrorCode::TRANSACTION_ABORTABLE),
        ],
    )
}

fn offsets(partition: i32) -> TransactionCall {
    let offset = OffsetOf {
        topic: ByteStr::from_static("orders"),
        partition,
        offset: 1,
        leader_epoch: None,
        metadata: None,
    };
    let group = GroupMetadata::new(ByteStr::from_static("clerks"));
    TransactionCall::SendOffsets { group, offsets: [offset].to_vec() }
}

/// One transaction: its records, and whether it was told to be committed. `None`: the producer is fenced.
///
/// It can be, by itself, under version 1: an AddPartitionsToTxn that comes late, after the end and before the new epoch, opens a transaction, and the new epoch
/// fences whoever has one open. Nothing is lost, and nothing is told that is not so.
fn transact(world: &mut World, random: &mut Random) -> Option<(Vec<usize>, bool)> {
    let begin = world.call_within(600_000, TransactionCall::Begin);
    for _ in 0..600 {
        if world.answer(begin).is_some() {
            break;
        }
        world.run(1000);
    }
    match world.answer(begin) {
        Some(Err(error)) if error.is_fenced() => return None,
        answer => assert_eq!(answer, Some(&Ok(TransactionAnswer::Done)), "begin"),
    }
    for _ in 0..random.below(3) {
        let (api, fate) = (pick(random, &APIS), fate(random));
        world.brokers.coordinator.plan(api, [fate]);
    }
    if random.below(6) == 0 {
        let node = random.below(3) as i32;
        (world.brokers.coordinator.node, world.brokers.coordinator.group_node) = (node, 2 - node);
    }
    let mut sends = Vec::new();
    for _ in 0..random.below(8) {
        let partition = random.below(3) as i32;
        if random.below(6) == 0 {
            world.plan(partition, [batch_fate(random)]);
        }
        sends.push(world.send(partition));
        if random.below(3) == 0 {
            world.input(Input::Flush { flush: FlushId(random.next_u64()) });
        }
        world.run(random.below(20));
    }
    if random.below(4) == 0 {
        world.call(offsets(random.below(4) as i32));
        world.run(random.below(10));
    }
    if random.below(12) == 0 {
        world.done(TransactionCall::Spoil { cause: "chance".into() });
    }
    if random.below(3) == 0 {
        world.run(random.below(4000));
    }
    let is_commit = random.below(4) > 0;
    let what = if is_commit { TransactionCall::Commit } else { TransactionCall::Abort };
    let end = world.call_within(1 + random.below(20_000), what);
    world.run(random.below(2000));
    let is_cancelled = world.answer(end).is_none() && random.below(6) == 0;
    if is_cancelled {
        world.input(Input::CancelCall { call: end });
    }
    world.run(if is_cancelled { 0 } else { 20_001 });
    let told = world.answer(end).cloned();
    let told = match told {
        Some(Err(error)) if error.is_timeout() => {
            assert_eq!(error.remedy(), Remedy::Retry);
            None
        }
        told => told,
    };
    let told = told.unwrap_or_else(|| {
        let settle = world.call_within(600_000, TransactionCall::Settle);
        world.run(600_000);
        world.answer(settle).cloned().unwrap()
    });
    match told {
        Ok(answer) => assert!(!is_commit || answer == TransactionAnswer::Committed, "{answer:?}"),
        Err(ref error) => assert_eq!(error.remedy(), Remedy::Abort, "{error}"),
    }
    Some((sends, told == Ok(TransactionAnswer::Committed)))
}

/// Whether it went on to the end.
fn live(seed: u64, feature: Option<i16>) -> bool {
    let mut random = Random::new(seed);
    let mut config = config();
    config.delivery_timeout = Duration::from_secs(8);
    config.cluster.request_timeout = Duration::from_secs(2);
    config.cluster.seed = seed;
    let mut world = start_with(config, brokers(feature));
    let lives: Vec<_> = (0..8).map_while(|_| transact(&mut world, &mut random)).collect();
    world.run(20_000);
    let values = |sends: &[usize]| -> BTreeSet<Vec<u8>> {
        sends.iter().map(|&sent| world.sends[sent].value.clone()).collect()
    };
    let told: Vec<_> = lives
        .iter()
        .filter(|(sends, is_committed)| *is_committed && !sends.is_empty())
        .map(|(sends, _)| values(sends))
        .collect();
    let ended = world.brokers.coordinator.ended.iter();
    let committed: Vec<BTreeSet<Vec<u8>>> = ended
        .filter(|of| of.committed && !of.values.is_empty())
        .map(|of| of.values.iter().cloned().collect())
        .collect();
    assert_eq!(committed, told, "I7");
    assert!(world.brokers.coordinator.violations.is_empty());
    world.end();
    lives.len() == 8
}

#[test]
fn what_is_told_to_be_committed_is_committed_whole_and_nothing_else_is() {
    for feature in [V1, V2] {
        let mut whole = 0;
        for seed in 0..LIVES {
            let caught = std::panic::catch_unwind(|| live(seed, feature));
            let Ok(is_whole) = caught else { panic!("seed {seed}, {feature:?}") };
            whole += u64::from(is_whole);
        }
        let fenced = LIVES - whole;
        assert!(if feature == V1 { fenced * 20 < LIVES } else { fenced == 0 }, "{fenced} fenced");
    }
}
