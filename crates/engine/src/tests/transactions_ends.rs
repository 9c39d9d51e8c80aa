//! Transactions that fail, whose end is in doubt, or whose producer is fenced.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};

use super::broker::Fate;
use super::transactions::{V1, V2, brokers, config, start, start_with};
use super::world::{TOPIC, World};
use crate::{
    DeliveryErrorKind, Input, Outcome, Remedy, TransactionAnswer, TransactionCall,
    TransactionErrorKind,
};

const COMMIT: TransactionCall = TransactionCall::Commit;
const ABORT: TransactionCall = TransactionCall::Abort;
const SETTLE: TransactionCall = TransactionCall::Settle;
const BEGIN: TransactionCall = TransactionCall::Begin;

fn spoil(cause: &str) -> TransactionCall {
    TransactionCall::Spoil { cause: cause.into() }
}

#[test]
fn scenario_17_a_record_that_expires_keeps_its_transaction_from_being_committed() {
    for feature in [V1, V2] {
        let mut config = config();
        config.delivery_timeout = Duration::from_secs(5);
        let mut world = start_with(config, brokers(feature));
        world.begin_with([0]);
        world.brokers.lead(TOPIC, 1, None);
        world.engine.cluster.request_update(world.now);
        world.run(1000);
        let expired = world.send(1);
        world.run(6000);
        assert_eq!(world.outcome(expired), Outcome::NotWritten);
        // What is sent now could never be committed.
        let late = world.send_alone(0);
        world.run(100);
        let kind = world.ending(late).as_ref().unwrap_err().kind();
        assert!(matches!(kind, DeliveryErrorKind::Aborted { cause: Some(_) }), "{kind:?}");
        let commit = world.call(COMMIT);
        let error = world.error(commit);
        let TransactionErrorKind::RecordFailed { topic, partition, error: cause } = error.kind()
        else {
            panic!("{error}")
        };
        assert_eq!((&**topic, *partition, cause.is_timeout()), (TOPIC, 1, true));
        assert_eq!(error.remedy(), Remedy::Abort);
        // It is being aborted already.
        world.abort();
        world.assert_ended(&[(false, &[0])]);
        world.begin_with([2]);
        world.commit();
        world.assert_ended(&[(false, &[0]), (true, &[3])]);
        world.end();
    }
}

#[test]
fn a_record_that_fails_while_it_is_awaited_makes_the_commit_fail_and_aborts() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
        let refused = world.send(0);
        let commit = world.call(COMMIT);
        let begin = world.call(BEGIN);
        world.run(500);
        let error = world.error(commit);
        assert_eq!(
            (error.remedy(), error.code()),
            (Remedy::Abort, Some(ErrorCode::INVALID_RECORD))
        );
        assert_eq!(world.outcome(refused), Outcome::NotWritten);
        assert_eq!(world.answer(begin), Some(&Ok(TransactionAnswer::Done)));
        world.assert_ended(&[(false, &[0])]);
        // Its sequences are spent: a new epoch.
        assert_eq!(world.epoch(), 1);
        let next = world.send(0);
        world.commit();
        world.assert_ended(&[(false, &[0]), (true, &[next])]);
        world.end();
    }
}

#[test]
fn the_first_cause_is_told() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.done(spoil("the record is too large"));
        world.done(spoil("another reason"));
        world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
        let commit = world.call(COMMIT);
        let cause = "the record is too large".into();
        assert_eq!(*world.error(commit).kind(), TransactionErrorKind::Spoiled { cause });
        world.abort();
        world.assert_ended(&[(false, &[0])]);
        // Without anything sent there is nothing to abort.
        world.done(BEGIN);
        world.done(spoil("x"));
        let asked = world.brokers.coordinator.asked.len();
        let commit = world.call(COMMIT);
        world.error(commit);
        world.abort();
        assert_eq!(world.brokers.coordinator.asked.len(), asked);
        world.end();
    }
}

#[test]
fn scenario_18_a_sequence_that_is_refused_ends_the_transaction_and_nothing_less() {
    for feature in [V1, V2] {
        for code in [
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::UNKNOWN_PRODUCER_ID,
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::TRANSACTION_ABORTABLE,
            ErrorCode::INVALID_TXN_STATE,
        ] {
            let mut world = start(feature);
            world.begin_with([0, 1]);
            world.plan(0, [Fate::Refuse(code)]);
            let refused = world.send(0);
            world.run(100);
            assert_eq!(world.outcome(refused), Outcome::NotWritten);
            let commit = world.call(COMMIT);
            assert_eq!(world.error(commit).remedy(), Remedy::Abort);
            world.abort();
            world.begin_with([0, 1]);
            world.commit();
            world.assert_ended(&[(false, &[0, 1]), (true, &[3, 4])]);
            assert_eq!(world.epoch(), if feature == V1 { 1 } else { 2 });
            world.end();
        }
    }
}

#[test]
fn behind_a_batch_that_waits_a_refused_sequence_is_no_failure() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.plan(0, [Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        let sends: Vec<usize> = (0..4).map(|_| world.send_alone(0)).collect();
        world.run(2000);
        world.assert_delivered(sends);
        world.commit();
        world.assert_ended(&[(true, &[0, 1, 2, 3, 4])]);
        world.end();
    }
}

#[test]
fn what_only_a_new_producer_can_mend_ends_everything() {
    for feature in [V1, V2] {
        for code in [
            ErrorCode::PRODUCER_FENCED,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
            ErrorCode::INVALID_PRODUCER_ID_MAPPING,
        ] {
            let mut world = start(feature);
            world.begin_with([0]);
            world.plan(0, [Fate::Refuse(code)]);
            world.send(0);
            let waiting = world.send(1);
            world.plan(1, [Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS)]);
            let commit = world.call(COMMIT);
            world.run(1000);
            let error = world.error(commit);
            assert_eq!((error.remedy(), error.code()), (Remedy::NewProducer, Some(code)));
            assert!(!error.is_outcome_unknown());
            assert_eq!(world.outcome(waiting), Outcome::NotWritten);
            for what in [BEGIN, COMMIT, ABORT, SETTLE, TransactionCall::Init] {
                let call = world.call(what);
                assert_eq!(world.error(call), error);
            }
            assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), 0);
            let late = world.send_alone(2);
            world.run(10);
            assert_eq!(world.outcome(late), Outcome::NotWritten);
            world.end();
        }
    }
}

#[test]
fn a_fenced_producer_learns_it_at_every_request() {
    for feature in [V1, V2] {
        // While it commits.
        let mut world = start(feature);
        world.begin_with([0]);
        world.brokers.coordinator.fence();
        let commit = world.call(COMMIT);
        world.run(500);
        let error = world.error(commit);
        assert!(error.is_fenced() && error.remedy() == Remedy::NewProducer, "{error}");
        world.assert_ended(&[(false, &[0])]);
        world.end();
        // While it aborts.
        let mut world = start(feature);
        world.begin_with([0]);
        world.brokers.coordinator.fence();
        let abort = world.call(ABORT);
        world.run(500);
        assert!(world.error(abort).is_fenced());
        world.end();
        // While it sends: an abort might mend that, and finds out that it does not.
        let mut world = start(feature);
        world.begin_with([0]);
        world.brokers.coordinator.fence();
        world.send(0);
        let commit = world.call(COMMIT);
        world.run(500);
        assert_eq!(world.error(commit).code(), Some(ErrorCode::INVALID_PRODUCER_EPOCH));
        let begin = world.call(BEGIN);
        assert!(world.error(begin).is_fenced());
        world.end();
        // While a partition joins.
        if feature == V1 {
            let mut world = start(feature);
            world.brokers.coordinator.fence();
            world.done(BEGIN);
            let sent = world.send(0);
            world.run(500);
            assert_eq!(world.outcome(sent), Outcome::NotWritten);
            let commit = world.call(COMMIT);
            assert!(world.error(commit).is_fenced());
            world.end();
        }
    }
}

#[test]
fn every_request_finds_its_coordinator_again() {
    let requests = [ApiKey::InitProducerId, ApiKey::AddPartitionsToTxn, ApiKey::EndTxn];
    for feature in [V1, V2] {
        for api in requests {
            for fate in [
                Fate::Refuse(ErrorCode::NOT_COORDINATOR),
                Fate::Refuse(ErrorCode::COORDINATOR_NOT_AVAILABLE),
                Fate::Refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
                Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS),
                Fate::Cut,
                Fate::JudgeCut,
                Fate::JudgeGarbage,
                Fate::Silence,
            ] {
                let mut world = World::with(config(), brokers(feature), &[]);
                world.brokers.coordinator.plan(api, [fate]);
                let init = world.call(TransactionCall::Init);
                world.run(40_000);
                world.brokers.coordinator.node = 0;
                assert_eq!(world.answer(init), Some(&Ok(TransactionAnswer::Done)), "{fate:?}");
                world.done(BEGIN);
                let first = world.send(0);
                world.run(40_000);
                let commit = world.call(COMMIT);
                world.run(40_000);
                assert_eq!(world.answer(commit), Some(&Ok(TransactionAnswer::Committed)));
                world.begin_with([0]);
                world.commit();
                world.assert_ended(&[(true, &[first]), (true, &[1])]);
                world.end();
            }
        }
    }
}

#[test]
fn a_coordinator_whose_node_is_gone_is_looked_up_again() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.down.push(1);
        world.cut(1);
        world.run(100);
        world.brokers.coordinator.node = 2;
        world.commit();
        world.assert_ended(&[(true, &[0])]);
        world.end();
    }
}

#[test]
fn scenario_19_and_20_an_end_without_an_answer_is_asked_for_until_it_is_known() {
    for feature in [V1, V2] {
        for fate in [Fate::Cut, Fate::JudgeCut, Fate::Silence, Fate::JudgeSilence] {
            for is_commit in [true, false] {
                let mut world = start(feature);
                world.begin_with([0]);
                world.brokers.coordinator.plan(ApiKey::EndTxn, [fate, fate]);
                let end = world.call_within(200_000, if is_commit { COMMIT } else { ABORT });
                let begin = world.call_within(200_000, BEGIN);
                world.run(100_000);
                let expected = match is_commit {
                    true => TransactionAnswer::Committed,
                    false => TransactionAnswer::Aborted,
                };
                assert_eq!(world.answer(end), Some(&Ok(expected)), "{fate:?}");
                assert_eq!(world.answer(begin), Some(&Ok(TransactionAnswer::Done)));
                world.assert_ended(&[(is_commit, &[0])]);
                // What arrives late is of an epoch that is over.
                assert_eq!(world.epoch(), 1);
                world.end();
            }
        }
    }
}

#[test]
fn version_1_ends_with_a_new_epoch_where_a_partition_may_join_late() {
    for fate in [Fate::Cut, Fate::JudgeCut] {
        let mut world = start(V1);
        world.brokers.coordinator.plan(ApiKey::AddPartitionsToTxn, [fate]);
        world.begin_with([0]);
        world.commit();
        world.begin_with([0]);
        assert_eq!(world.epoch(), 1);
        world.commit();
        world.assert_ended(&[(true, &[0]), (true, &[1])]);
        assert_eq!(world.epoch(), 1);
        world.end();
    }
}

#[test]
fn an_abort_of_what_the_coordinator_may_not_know_goes_well() {
    for fate in [Fate::Silence, Fate::JudgeSilence] {
        let mut world = start(V1);
        world.brokers.coordinator.plan(ApiKey::AddPartitionsToTxn, [fate]);
        world.done(BEGIN);
        world.send(0);
        world.run(100);
        let abort = world.call(ABORT);
        world.run(40_000);
        assert_eq!(world.answer(abort), Some(&Ok(TransactionAnswer::Aborted)));
        assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), 1);
        world.begin_with([0]);
        world.commit();
        assert_eq!(world.epoch(), 1);
        world.end();
    }
}

#[test]
fn rule_31_after_a_deadline_only_the_same_call_goes_on() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::JudgeSilence]);
        let commit = world.call_within(1000, COMMIT);
        world.run(999);
        assert_eq!(world.answer(commit), None);
        world.run(1);
        let error = world.error(commit);
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{error}");
        assert_eq!(error.remedy(), Remedy::Retry);
        // Whether it is known yet or not.
        for wait in [0, 40_000] {
            world.run(wait);
            let begin = world.call(BEGIN);
            assert_eq!(world.error(begin).remedy(), Remedy::Retry);
        }
        let settle = world.call(if feature == V1 { SETTLE } else { COMMIT });
        assert_eq!(world.answer(settle), Some(&Ok(TransactionAnswer::Committed)));
        world.begin_with([0]);
        world.commit();
        assert_eq!(world.done(SETTLE), TransactionAnswer::Done);
        world.assert_ended(&[(true, &[0]), (true, &[1])]);
        world.end();
    }
}

#[test]
fn a_call_that_is_cancelled_is_not_answered_and_its_work_goes_on() {
    for feature in [V1, V2] {
        let mut world = World::with(config(), brokers(feature), &[]);
        let init = world.call(TransactionCall::Init);
        world.input(Input::CancelCall { call: init });
        world.run(500);
        world.begin_with([0]);
        let commit = world.call(COMMIT);
        world.input(Input::CancelCall { call: commit });
        let begin = world.call(BEGIN);
        assert_eq!(world.error(begin).remedy(), Remedy::Retry);
        assert_eq!(world.done(SETTLE), TransactionAnswer::Committed);
        // Nobody need be told of an abort.
        world.begin_with([0]);
        let abort = world.call(ABORT);
        world.input(Input::CancelCall { call: abort });
        let cancelled = world.call(BEGIN);
        world.input(Input::CancelCall { call: cancelled });
        world.begin_with([0]);
        for call in [init, commit, abort, cancelled] {
            assert_eq!(world.answer(call), None);
        }
        world.commit();
        world.assert_ended(&[(true, &[0]), (false, &[1]), (true, &[2])]);
        world.end();
    }
}

#[test]
fn the_cause_of_a_failed_commit_is_kept_for_whoever_asks() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.plan(0, [Fate::Refuse(ErrorCode::INVALID_RECORD)]);
        world.send(0);
        let commit = world.call(COMMIT);
        world.input(Input::CancelCall { call: commit });
        world.run(500);
        let settle = world.call(SETTLE);
        assert_eq!(world.error(settle).code(), Some(ErrorCode::INVALID_RECORD));
        world.assert_ended(&[(false, &[0])]);
        world.end();
    }
}

#[test]
fn a_commit_that_the_coordinator_wants_aborted_is_aborted() {
    for feature in [V1, V2] {
        for code in [ErrorCode::TRANSACTION_ABORTABLE, ErrorCode::UNKNOWN_PRODUCER_ID] {
            let mut world = start(feature);
            world.begin_with([0]);
            world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::Refuse(code)]);
            let commit = world.call(COMMIT);
            world.run(500);
            let error = world.error(commit);
            assert_eq!((error.remedy(), error.code()), (Remedy::Abort, Some(code)));
            world.begin_with([0]);
            world.commit();
            world.assert_ended(&[(false, &[0]), (true, &[1])]);
            world.end();
        }
    }
}

#[test]
fn an_end_that_is_refused_for_good_is_no_end() {
    for feature in [V1, V2] {
        for code in [ErrorCode::INVALID_TXN_STATE, ErrorCode::INVALID_PRODUCER_ID_MAPPING] {
            let mut world = start(feature);
            world.begin_with([0]);
            world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::JudgeCut, Fate::Refuse(code)]);
            let commit = world.call(COMMIT);
            world.run(1000);
            let error = world.error(commit);
            assert_eq!((error.remedy(), error.code()), (Remedy::NewProducer, Some(code)));
            // The first attempt may have done it.
            assert!(error.is_outcome_unknown(), "{error}");
            world.end();
        }
    }
}

#[test]
fn a_topic_that_is_created_again_within_a_transaction_ends_it_and_before_it_does_not() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0, 1]);
        world.commit();
        let create_again = |world: &mut World, id| {
            world.brokers.topics.remove(TOPIC);
            world.brokers.create(TOPIC, id, 3);
            for partition in 0..3 {
                *world.brokers.log(TOPIC, partition) = super::broker::Log::default();
            }
            world.engine.cluster.request_update(world.now);
            world.run(1000);
        };
        create_again(&mut world, 78);
        let sends = world.begin_with([0, 1]);
        world.assert_delivered(sends);
        create_again(&mut world, 79);
        world.send(0);
        let commit = world.call(COMMIT);
        world.run(1000);
        if feature == V1 {
            let kind = TransactionErrorKind::Recreated { topic: TOPIC.into() };
            assert_eq!(*world.error(commit).kind(), kind);
        } else {
            assert_eq!(world.error(commit).remedy(), Remedy::Abort);
        }
        world.begin_with([0]);
        world.commit();
        let ends = world.brokers.coordinator.ended.iter().map(|of| of.committed);
        assert_eq!(ends.collect::<Vec<_>>(), [true, false, true]);
    }
}

#[test]
fn an_end_that_may_have_been_written_down_is_not_told_as_none() {
    let fenced = Fate::Refuse(ErrorCode::PRODUCER_FENCED);
    for feature in [V1, V2] {
        for (fate, is_unknown) in [
            // It wrote the decision down, and lost its office before it could tell.
            (Fate::JudgeAnswer(ErrorCode::NOT_COORDINATOR), true),
            (Fate::JudgeAnswer(ErrorCode::COORDINATOR_NOT_AVAILABLE), true),
            (Fate::Refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS), false),
            (Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS), false),
        ] {
            let mut world = start(feature);
            world.begin_with([0]);
            world.brokers.coordinator.plan(ApiKey::EndTxn, [fate, fenced]);
            let commit = world.call(COMMIT);
            world.run(1000);
            let error = world.error(commit);
            assert!(error.is_fenced(), "{error}");
            assert_eq!(error.is_outcome_unknown(), is_unknown, "{fate:?}: {error}");
            world.assert_ended(if is_unknown { &[(true, &[0])] } else { &[] });
            world.end();
        }
    }
}

#[test]
fn an_end_whose_coordinator_failed_in_the_midst_of_it_is_not_told_as_none() {
    for feature in [V1, V2] {
        for (fate, is_done) in [
            (Fate::JudgeAnswer(ErrorCode::UNKNOWN_SERVER_ERROR), true),
            (Fate::JudgeAnswer(ErrorCode(9999)), true),
            (Fate::Refuse(ErrorCode::INVALID_TXN_STATE), false),
            (Fate::Refuse(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED), false),
        ] {
            let mut world = start(feature);
            world.begin_with([0]);
            world.brokers.coordinator.plan(ApiKey::EndTxn, [fate]);
            let commit = world.call(COMMIT);
            world.run(1000);
            let error = world.error(commit);
            assert_eq!(error.remedy(), Remedy::NewProducer);
            assert_eq!(error.is_outcome_unknown(), is_done, "{fate:?}: {error}");
            world.assert_ended(if is_done { &[(true, &[0])] } else { &[] });
            world.end();
        }
    }
}

#[test]
fn a_commit_that_nobody_may_ask_about_for_now_is_not_told_as_none() {
    for feature in [V1, V2] {
        let mut config = config();
        config.cluster.sasl_mechanism = Some("HELLO".into());
        let mut world = start_with(config, brokers(feature));
        let sends = world.begin_with([0]);
        world.run(500);
        world.assert_delivered(sends);
        world.brokers.coordinator.plan(ApiKey::EndTxn, [Fate::Refuse(ErrorCode::NOT_COORDINATOR)]);
        world.brokers.refusing = (0..3).collect();
        (0..3).for_each(|node| world.cut(node));
        let commit = world.call(COMMIT);
        world.run(2_000);
        let error = world.error(commit);
        assert!(matches!(error.kind(), TransactionErrorKind::Authentication(_)), "{error}");
        assert_eq!(error.remedy(), Remedy::Retry);
        // It goes on as soon as the credentials are right.
        assert!(error.is_outcome_unknown(), "{error}");
        world.brokers.refusing.clear();
        let settle = world.call(SETTLE);
        world.run(60_000);
        assert_eq!(world.answer(settle), Some(&Ok(TransactionAnswer::Committed)));
        world.assert_ended(&[(true, &[0])]);
        world.end();
    }
}
