//! Transactions: begun, committed, aborted; who may call what.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};

use super::broker::{Brokers, Fate};
use super::coordinator::Ended;
use super::world::{TOPIC, World};
use crate::{
    CallId, DeliveryErrorKind, EngineConfig, Input, Outcome, Remedy, TransactionAnswer,
    TransactionCall, TransactionError, TransactionErrorKind, TransactionalConfig, Waiting,
};

pub(crate) type Answered = Result<TransactionAnswer, TransactionError>;

pub(crate) const V1: Option<i16> = None;
pub(crate) const V2: Option<i16> = Some(2);

pub(crate) fn config() -> EngineConfig {
    let mut config = super::world::config();
    config.transactional = Some(TransactionalConfig::new(ByteStr::from_static("transfers-1")));
    config
}

pub(crate) fn brokers(feature: Option<i16>) -> Brokers {
    let mut brokers = Brokers::new(3);
    brokers.create(TOPIC, 77, 3);
    brokers.is_transactional = true;
    brokers.coordinator.feature = feature;
    brokers
}

/// A producer that is initialised, over three partitions.
pub(crate) fn start(feature: Option<i16>) -> World {
    start_with(config(), brokers(feature))
}

pub(crate) fn start_with(config: EngineConfig, brokers: Brokers) -> World {
    let mut world = World::with(config, brokers, &[]);
    world.done(TransactionCall::Init);
    world
}

impl World {
    pub(crate) fn call(&mut self, what: TransactionCall) -> CallId {
        self.call_within(60_000, what)
    }

    pub(crate) fn call_within(&mut self, ms: u64, what: TransactionCall) -> CallId {
        self.last_call += 1;
        let (call, deadline) = (CallId(self.last_call), self.now + Duration::from_millis(ms));
        self.input(Input::Transaction { call, deadline, what });
        self.drain();
        call
    }

    pub(crate) fn answer(&self, call: CallId) -> Option<&Answered> {
        let mut answers = self.calls.iter().filter(|(of, _)| *of == call);
        let answer = answers.next().map(|(_, answer)| answer);
        assert!(answers.next().is_none(), "answered twice");
        answer
    }

    #[track_caller]
    pub(crate) fn error(&self, call: CallId) -> TransactionError {
        match self.answer(call) {
            Some(Err(error)) => error.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Makes a call that goes well, and gives it its time.
    #[track_caller]
    pub(crate) fn done(&mut self, what: TransactionCall) -> TransactionAnswer {
        let name = what.name();
        let call = self.call(what);
        for _ in 0..100 {
            if let Some(answer) = self.answer(call) {
                return *answer.as_ref().unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            self.run(50);
        }
        panic!("{name} has no answer: {:?}", self.engine.transactions)
    }

    /// Begins, sends one record to each of these, and has them delivered.
    pub(crate) fn begin_with<const N: usize>(&mut self, partitions: [i32; N]) -> Vec<usize> {
        self.done(TransactionCall::Begin);
        let sends = partitions.map(|partition| self.send(partition)).to_vec();
        self.run(500);
        sends
    }

    #[track_caller]
    pub(crate) fn commit(&mut self) {
        assert_eq!(self.done(TransactionCall::Commit), TransactionAnswer::Committed);
    }

    #[track_caller]
    pub(crate) fn abort(&mut self) {
        assert_eq!(self.done(TransactionCall::Abort), TransactionAnswer::Aborted);
    }

    /// I7: each transaction's records, by its end; and nothing that a broker should have refused.
    #[track_caller]
    pub(crate) fn assert_ended(&self, expected: &[(bool, &[usize])]) {
        let of = &self.brokers.coordinator;
        let values = |sends: &[usize]| -> BTreeSet<Vec<u8>> {
            sends.iter().map(|&sent| self.sends[sent].value.clone()).collect()
        };
        let found: Vec<(bool, BTreeSet<Vec<u8>>)> = of
            .ended
            .iter()
            .map(|Ended { committed, values, .. }| (*committed, values.iter().cloned().collect()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(end, sends)| (*end, values(sends))).collect();
        assert_eq!(found, expected);
        assert!(of.violations.is_empty(), "{:?}", of.violations);
    }

    pub(crate) fn epoch(&self) -> i16 {
        self.engine.producer_id().unwrap().1.0
    }

    pub(crate) fn arrive_late(&mut self, node: i32, frame: &rohrpost_codec::Bytes) {
        self.brokers.is_late = true;
        let _ = self.brokers.receive(node, frame);
        self.brokers.is_late = false;
    }

    fn apis(&self) -> Vec<ApiKey> {
        self.brokers.coordinator.asked.iter().map(|(api, _)| *api).collect()
    }
}

#[test]
fn a_committed_transaction_is_visible_whole_and_is_made_by_the_rules_of_its_version() {
    let mut world = start(V1);
    let sends = world.begin_with([0, 1, 2]);
    world.assert_delivered(0..3);
    world.assert_ended(&[]);
    world.commit();
    world.assert_ended(&[(true, &sends)]);
    use ApiKey::{AddPartitionsToTxn as Add, EndTxn, FindCoordinator, InitProducerId};
    assert_eq!(world.apis(), [FindCoordinator, InitProducerId, Add, EndTxn]);
    let asked = world.brokers.coordinator.asked.clone();
    assert!(asked.contains(&(EndTxn, 4)) && asked.contains(&(Add, 3)), "{asked:?}");
    assert!(world.brokers.produce_versions.iter().all(|version| *version == 11));
    assert_eq!(world.epoch(), 0);
    world.end();

    let mut world = start(V2);
    let sends = world.begin_with([0, 1, 2]);
    world.assert_delivered(0..3);
    world.commit();
    world.assert_ended(&[(true, &sends)]);
    assert_eq!(world.apis(), [FindCoordinator, InitProducerId, EndTxn]);
    assert!(world.brokers.coordinator.asked.contains(&(EndTxn, 5)));
    assert!(world.brokers.produce_versions.iter().all(|version| *version == 13));
    assert_eq!(world.epoch(), 1);
    assert_eq!(world.engine.stats().transactions_committed, 1);
    world.end();
}

#[test]
fn sequences_go_on_from_transaction_to_transaction_in_version_1_and_begin_at_0_in_version_2() {
    for (feature, expected) in [(V1, [(0, 0), (0, 1), (0, 2)]), (V2, [(0, 0), (1, 0), (2, 0)])] {
        let mut world = start(feature);
        for _ in 0..3 {
            world.begin_with([0]);
            world.commit();
        }
        let seen = world.brokers.seen.iter();
        let found: Vec<(i16, i32)> =
            seen.map(|(_, of, ..)| (of.producer_epoch.0, of.base_sequence.0)).collect();
        assert_eq!(found, expected);
        world.assert_ended(&[(true, &[0]), (true, &[1]), (true, &[2])]);
        world.end();
    }
}

#[test]
fn a_commit_delivers_what_was_opened_before_it() {
    for feature in [V1, V2] {
        let mut config = config();
        config.linger = Duration::from_secs(60);
        let mut world = start_with(config, brokers(feature));
        world.done(TransactionCall::Begin);
        let sends = [world.send(0), world.send(1), world.send(0)];
        world.commit();
        world.assert_delivered(sends);
        world.assert_ended(&[(true, &sends)]);
        world.end();
    }
}

#[test]
fn of_an_aborted_transaction_nothing_is_visible_and_what_was_not_sent_never_is() {
    for feature in [V1, V2] {
        let mut config = config();
        config.linger = Duration::from_secs(60);
        let mut world = start_with(config, brokers(feature));
        world.done(TransactionCall::Begin);
        let sent = world.send_alone(0);
        world.run(100);
        let unsent = world.send(0);
        world.abort();
        world.assert_delivered([sent]);
        assert_eq!(world.outcome(unsent), Outcome::NotWritten);
        let error = world.ending(unsent).as_ref().unwrap_err();
        assert_eq!(*error.kind(), DeliveryErrorKind::Aborted { cause: None });
        world.assert_ended(&[(false, &[sent])]);
        // What had not been sent took no sequence along.
        let next = world.begin_with([0]);
        world.commit();
        world.assert_ended(&[(false, &[sent]), (true, &next)]);
        assert_eq!(world.epoch(), if feature == V1 { 0 } else { 2 });
        world.end();
    }
}

#[test]
fn an_abort_waits_for_what_is_in_flight() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        world.begin_with([0]);
        world.plan(0, [Fate::JudgeSilence]);
        let silent = world.send_alone(0);
        world.run(100);
        let abort = world.call(TransactionCall::Abort);
        world.run(20_000);
        assert_eq!(world.brokers.coordinator.count(ApiKey::EndTxn), 0);
        // The request times out; version 1 asks again what became of the batch.
        world.run(15_000);
        assert_eq!(world.answer(abort), Some(&Ok(TransactionAnswer::Aborted)));
        if feature == V1 {
            world.assert_delivered([silent]);
        } else {
            assert_eq!(world.outcome(silent), Outcome::MaybeWritten);
        }
        world.assert_ended(&[(false, &[0, silent])]);
        let next = world.begin_with([0]);
        world.commit();
        world.assert_ended(&[(false, &[0, silent]), (true, &next)]);
        world.end();
    }
}

#[test]
fn a_batch_that_stays_in_doubt_costs_version_1_an_epoch() {
    let mut world = start(V1);
    world.begin_with([0]);
    world.plan(0, [Fate::Silence]);
    let doubtful = world.send_alone(0);
    world.run(100);
    let abort = world.call(TransactionCall::Abort);
    world.brokers.lead(TOPIC, 0, None);
    world.run(40_000);
    assert_eq!(world.answer(abort), None);
    world.run(10_000);
    assert_eq!(world.answer(abort), Some(&Ok(TransactionAnswer::Aborted)));
    assert_eq!(world.outcome(doubtful), Outcome::MaybeWritten);
    world.brokers.lead(TOPIC, 0, Some(1));
    let next = world.begin_with([0]);
    world.commit();
    assert_eq!(world.epoch(), 1);
    world.assert_ended(&[(false, &[0]), (true, &next)]);
    world.end();
}

#[test]
fn an_empty_transaction_sends_nothing() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        let asked = world.apis().len();
        for _ in 0..3 {
            world.done(TransactionCall::Begin);
            world.commit();
            world.done(TransactionCall::Begin);
            world.abort();
        }
        // Opened, and given up before anything was asked.
        world.done(TransactionCall::Begin);
        let unsent = world.send(0);
        world.abort();
        assert_eq!(world.outcome(unsent), Outcome::NotWritten);
        assert_eq!((world.brokers.produce_versions.len(), world.apis().len()), (0, asked));
        world.end();
    }
}

#[test]
fn calls_out_of_turn_are_refused_and_change_nothing() {
    let mut world = World::with(config(), brokers(V1), &[]);
    let refused = |world: &mut World, what: TransactionCall, remedy: Remedy| {
        let call = world.call(what);
        let error = world.error(call);
        assert!(matches!(error.kind(), TransactionErrorKind::OutOfTurn { .. }), "{error:?}");
        assert_eq!(error.remedy(), remedy, "{error}");
    };
    refused(&mut world, TransactionCall::Begin, Remedy::Retry);
    refused(&mut world, TransactionCall::Commit, Remedy::Abort);
    assert_eq!(world.done(TransactionCall::Settle), TransactionAnswer::Done);
    world.done(TransactionCall::Init);
    world.done(TransactionCall::Init);
    assert_eq!(world.brokers.coordinator.count(ApiKey::InitProducerId), 1);
    refused(&mut world, TransactionCall::Commit, Remedy::Abort);
    world.abort();
    let sends = world.begin_with([0]);
    refused(&mut world, TransactionCall::Begin, Remedy::Abort);
    let commit = world.call(TransactionCall::Commit);
    refused(&mut world, TransactionCall::Abort, Remedy::Retry);
    let (again, begin) = (world.call(TransactionCall::Commit), world.call(TransactionCall::Begin));
    let second = world.call(TransactionCall::Begin);
    world.run(100);
    for call in [commit, again] {
        assert_eq!(world.answer(call), Some(&Ok(TransactionAnswer::Committed)));
    }
    assert_eq!(world.answer(begin), Some(&Ok(TransactionAnswer::Done)));
    assert!(matches!(world.error(second).kind(), TransactionErrorKind::OutOfTurn { .. }));
    world.assert_ended(&[(true, &sends)]);
    world.end();
}

#[test]
fn a_producer_without_a_transactional_id_has_no_transactions() {
    let mut world = World::new(super::world::config(), 1);
    let call = world.call(TransactionCall::Init);
    assert_eq!(*world.error(call).kind(), TransactionErrorKind::NotTransactional);
    world.end();
}

#[test]
fn outside_of_a_transaction_nothing_is_sent() {
    for feature in [V1, V2] {
        let mut world = start(feature);
        let outside = world.send_alone(0);
        world.run(100);
        let error = world.ending(outside).as_ref().unwrap_err();
        assert_eq!(*error.kind(), DeliveryErrorKind::OutsideTransaction);
        assert!(error.is_not_written());
        // Nor does it get into the next one.
        let inside = world.begin_with([0]);
        let commit = world.call(TransactionCall::Commit);
        let late = world.send(0);
        world.run(500);
        assert_eq!(world.answer(commit), Some(&Ok(TransactionAnswer::Committed)));
        assert_eq!(world.outcome(late), Outcome::NotWritten);
        world.assert_ended(&[(true, &inside)]);
        world.end();
    }
}

#[test]
fn a_partition_of_version_1_waits_until_it_has_joined_and_no_longer_than_it_must() {
    let mut world = start(V1);
    // The markers of the transaction before are being written.
    world
        .brokers
        .coordinator
        .plan(ApiKey::AddPartitionsToTxn, [Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS); 3]);
    world.done(TransactionCall::Begin);
    let sent = world.send(0);
    world.run(20);
    let partition = world.sends[sent].batch.partition;
    assert_eq!(world.engine.why(world.now, partition), Waiting::Transaction);
    world.run(60);
    world.assert_delivered([sent]);
    world.commit();
    world.assert_ended(&[(true, &[sent])]);
    world.end();
}

#[test]
fn a_batch_that_the_markers_hold_up_is_sent_again_soon() {
    let mut world = start(V2);
    world.done(TransactionCall::Begin);
    world.plan(0, [Fate::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS); 2]);
    let sent = world.send(0);
    world.run(80);
    world.assert_delivered([sent]);
    world.end();
}

#[test]
fn in_version_2_the_first_batches_of_a_transaction_travel_together() {
    let mut config = config();
    config.batch_size = 200;
    let mut world = start_with(config, brokers(V2));
    world.done(TransactionCall::Begin);
    for _ in 0..30 {
        world.send(0);
    }
    world.run(2);
    assert!(world.brokers.requests.len() > 2, "{:?}", world.brokers.requests);
    world.commit();
    world.assert_ended(&[(true, &(0..30).collect::<Vec<_>>())]);
    world.end();
}

#[test]
fn a_transactional_producer_has_the_replicas_word_whatever_else_is_said() {
    let mut config = config();
    config.acks = crate::Acks::None;
    config.enable_idempotence = false;
    let overrides = crate::TopicOverrides { acks: Some(crate::Acks::Leader), ..Default::default() };
    config.topics.insert(TOPIC.into(), overrides);
    let mut world = start_with(config, brokers(V1));
    let sends = world.begin_with([0]);
    world.commit();
    world.assert_ended(&[(true, &sends)]);
    assert_eq!(world.brokers.acks, vec![(-1, vec![ByteStr::from_static(TOPIC)])]);
    world.end();
}
