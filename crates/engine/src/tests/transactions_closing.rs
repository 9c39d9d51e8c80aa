//! Transactional producers at their beginning and at their end.

use core::time::Duration;

use rohrpost_cluster::Time;
use rohrpost_codec::{ApiKey, ErrorCode};

use super::broker::Fate;
use super::coordinator::Phase;
use super::transactions::{V1, V2, brokers, config, start, start_with};
use super::world::World;
use crate::{Input, Remedy, TransactionAnswer, TransactionCall, TransactionErrorKind};

const COMMIT: TransactionCall = TransactionCall::Commit;
const ABORT: TransactionCall = TransactionCall::Abort;
const BEGIN: TransactionCall = TransactionCall::Begin;

#[test]
fn an_initialisation_that_is_not_allowed_may_be_tried_again() {
    let mut world = World::with(config(), brokers(V2), &[]);
    let denied = Fate::Refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    world.brokers.coordinator.plan(ApiKey::InitProducerId, [denied]);
    let init = world.call(TransactionCall::Init);
    world.run(500);
    let error = world.error(init);
    assert!(matches!(error.kind(), TransactionErrorKind::Unauthorized { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::Retry);
    world.done(TransactionCall::Init);
    // A time-out that the broker does not allow is another matter.
    let mut world = World::with(config(), brokers(V2), &[]);
    let refused = Fate::Refuse(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
    world.brokers.coordinator.plan(ApiKey::InitProducerId, [refused]);
    let init = world.call(TransactionCall::Init);
    world.run(500);
    assert_eq!(world.error(init).remedy(), Remedy::NewProducer);
    world.end();
}

#[test]
fn an_initialisation_waits_for_what_its_predecessor_left_open() {
    let mut world = World::with(config(), brokers(V1), &[]);
    let of = &mut world.brokers.coordinator;
    (of.producer_id, of.epoch, of.phase) = (4000, 7, Phase::Ongoing);
    world.done(TransactionCall::Init);
    assert_eq!((world.epoch(), world.brokers.coordinator.ended.len()), (9, 1));
    world.end();
}

#[test]
fn without_any_broker_a_call_ends_in_time_and_says_what_it_waits_for() {
    let mut world = World::bare(config(), brokers(V1));
    world.down = [0, 1, 2].to_vec();
    let init = world.call_within(3000, TransactionCall::Init);
    world.run(3000);
    let error = world.error(init);
    assert!(error.is_timeout() && !error.is_outcome_unknown());
    let text = alloc::format!("{error}");
    assert!(text.contains("coordinator") && text.contains("10.0.0.1:9092"), "{text}");
    assert!(world.polls < 200, "{} polls", world.polls);
}

#[test]
fn a_close_delivers_what_is_open_and_aborts_it() {
    for feature in [V1, V2] {
        for spoils in [false, true] {
            let mut config = config();
            config.linger = Duration::from_secs(60);
            let mut world = start_with(config, brokers(feature));
            world.done(BEGIN);
            let first = world.send_alone(0);
            world.run(100);
            let lingers = world.send(0);
            if spoils {
                world.done(TransactionCall::Spoil { cause: "x".into() });
            }
            world.input(Input::Close { deadline: None });
            world.run(1000);
            assert!(world.is_closed);
            let values = if spoils { &[first][..] } else { &[first, lingers] };
            world.assert_ended(&[(false, values)]);
            for what in [BEGIN, COMMIT, ABORT] {
                let call = world.call(what);
                assert_eq!(*world.error(call).kind(), TransactionErrorKind::Closed);
            }
            world.check();
        }
    }
}

#[test]
fn a_close_lets_a_commit_come_to_its_end() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.done(BEGIN);
        let sent = world.send(0);
        let (commit, begin) = (world.call(COMMIT), world.call(BEGIN));
        world.input(Input::Close { deadline: None });
        world.run(1000);
        assert!(world.is_closed);
        assert_eq!(world.answer(commit), Some(&Ok(TransactionAnswer::Committed)));
        assert_eq!(*world.error(begin).kind(), TransactionErrorKind::Closed);
        world.assert_ended(&[(true, &[sent])]);
        world.check();
    }
}

fn closes_within(world: &World, from: Time, limit: Duration) -> bool {
    world.is_closed && world.now <= from + limit
}

#[test]
fn a_close_in_any_state_ends_in_time_though_nobody_answers() {
    for feature in [V1, V2] {
        for (state, deadline) in (0..7).flat_map(|state| [(state, Some(5)), (state, None)]) {
            let mut world = World::with(config(), brokers(feature), &[]);
            let is_dead = |world: &mut World| world.paused = [0, 1, 2].to_vec();
            if state == 0 {
                is_dead(&mut world);
                world.call(TransactionCall::Init);
            } else {
                world.done(TransactionCall::Init);
            }
            if state >= 2 {
                world.begin_with([0]);
            }
            if state >= 3 {
                is_dead(&mut world);
            }
            let call = match state {
                4 => Some(world.call_within(400_000, COMMIT)),
                5 => Some(world.call_within(400_000, ABORT)),
                6 => {
                    world.send(0);
                    Some(world.call_within(400_000, COMMIT))
                }
                _ => None,
            };
            world.run(10);
            is_dead(&mut world);
            let from = world.now;
            let at = deadline.map(|seconds| world.now + Duration::from_secs(seconds));
            world.input(Input::Close { deadline: at });
            world.run(5000);
            assert!(world.is_closed || deadline.is_none(), "{state}");
            world.run(295_000);
            let limit = Duration::from_secs(300);
            assert!(closes_within(&world, from, limit), "{state}: {:?}", world.engine.transactions);
            if let Some(call) = call {
                let error = world.error(call);
                let is_commit = state == 4;
                if deadline.is_some() {
                    assert_eq!(*error.kind(), TransactionErrorKind::Closed);
                    assert_eq!(error.is_outcome_unknown(), is_commit, "{error}");
                }
            }
            world.check();
        }
    }
}
