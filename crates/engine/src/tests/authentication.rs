//! Brokers that want to know who comes: what ends when they do not believe it (KIP-152), and what goes on when sessions are renewed (KIP-368).

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::{CredentialsError, NodeId, SaslClient, SaslError, Step};
use rohrpost_codec::ErrorCode;

use super::broker::{Brokers, Fate};
use super::world::{TOPIC, World, config};
use crate::{AdmissionError, DeliveryError, DeliveryErrorKind, EngineConfig, Outcome, Waiting};

/// The mechanism of these tests: one message.
#[derive(Debug, Default)]
pub(crate) struct Hello {
    said: bool,
}

impl SaslClient for Hello {
    fn mechanism(&self) -> &'static str {
        "HELLO"
    }

    fn step(&mut self, _: Option<&[u8]>) -> Result<Step, SaslError> {
        let was_said = core::mem::replace(&mut self.said, true);
        Ok(if was_said { Step::Complete } else { Step::Send("hello".into()) })
    }
}

fn guarded() -> EngineConfig {
    let mut config = config();
    config.cluster.sasl_mechanism = Some("HELLO".into());
    config
}

fn endpoint_is_down() -> CredentialsError {
    CredentialsError { detail: "the token endpoint is down".to_string(), is_retriable: true }
}

fn failure(world: &World, sent: usize) -> &DeliveryError {
    match &world.sends[sent].ending {
        Some(Err(error)) => error,
        ending => panic!("{ending:?}"),
    }
}

fn assert_refused(world: &World, sent: usize, node: i32, outcome: Outcome) {
    let error = failure(world, sent);
    assert!(error.is_authentication() && !error.is_retriable(), "{error}");
    assert_eq!(error.outcome(), outcome, "{error}");
    assert_eq!(error.code(), Some(ErrorCode::SASL_AUTHENTICATION_FAILED));
    assert_eq!(error.broker().map(|broker| broker.node), Some(NodeId(node)));
    let text = error.to_string();
    let address = alloc::format!("10.0.0.{}:9092", node + 1);
    assert!(text.contains(&address) && text.contains("who are you?"), "{text}");
}

#[test]
fn with_credentials_records_are_delivered_as_ever() {
    let mut world = World::new(guarded(), 3);
    let sent: Vec<usize> = (0..3).map(|partition| world.send_alone(partition)).collect();
    world.run(100);
    world.assert_delivered(sent);
    world.end();
}

#[test]
fn whoever_waits_for_metadata_learns_of_a_failed_authentication_at_once() {
    let mut brokers = Brokers::new(1);
    brokers.create(TOPIC, 77, 1);
    brokers.refusing = [0].into();
    let mut world = World::bare(guarded(), brokers);
    world.await_topic(TOPIC, None, 60_000);
    world.run(1);
    world.await_topic(TOPIC, Some(3), 60_000);
    world.run(30);
    assert_eq!(world.awaited.len(), 2);
    for (_, result) in &world.awaited {
        let Err(error @ AdmissionError::Authentication { broker: Some(broker), .. }) = result
        else {
            panic!("{result:?}");
        };
        assert!(broker.node.is_bootstrap());
        assert!(error.to_string().contains("10.0.0.1:9092: the broker refuses the credentials"));
    }
    // Nobody wants anything: nothing is tried, and nobody wakes up.
    let (attempts, polls) = (world.attempts(), world.polls);
    world.run(3_600_000);
    assert_eq!(world.attempts(), attempts);
    assert!(world.polls < polls + 50, "{} polls", world.polls - polls);
    // The next one has it tried once more, and is told in turn, or served.
    world.await_topic(TOPIC, None, 60_000);
    world.run(100);
    assert_eq!((world.attempts(), world.awaited.len()), (attempts + 1, 3));
    world.brokers.refusing.clear();
    world.await_topic(TOPIC, None, 60_000);
    world.run(5_000);
    assert_eq!(world.awaited.last().map(|(_, result)| result.clone()), Some(Ok(())));
    world.end();
}

#[test]
fn records_of_a_leader_that_refuses_end_at_once_and_others_go_on() {
    let mut world = World::new(guarded(), 3);
    (0..3).for_each(|partition| {
        world.establish(partition);
    });
    world.brokers.refusing = [1].into();
    world.cut(1);
    let others = [world.send_alone(0), world.send_alone(2)];
    let refused: Vec<usize> = (0..3).map(|_| world.send_alone(1)).collect();
    world.run(200);
    world.assert_delivered(others);
    for sent in refused {
        assert_refused(&world, sent, 1, Outcome::NotWritten);
    }
    // Later ones try again, each after a pause, and end as well; nothing is tried for nobody.
    let attempts = world.attempts();
    world.run(600_000);
    assert_eq!(world.attempts(), attempts);
    let later = world.send_alone(1);
    world.run(5_000);
    assert_refused(&world, later, 1, Outcome::NotWritten);
    assert_eq!(world.attempts(), attempts + 1);
    // It is mended.
    world.brokers.refusing.clear();
    let last = world.send_alone(1);
    world.run(10_000);
    world.assert_delivered([last]);
    world.end();
}

#[test]
fn what_is_open_or_being_sealed_ends_when_it_comes_in() {
    let mut world = World::new(guarded(), 1);
    world.establish(0);
    world.brokers.refusing = [0].into();
    world.cut(0);
    world.hold_seals = true;
    let sealing = world.send_alone(0);
    world.run(200);
    assert_eq!(world.sends[sealing].ending, None, "it is not there yet");
    world.release_seals();
    world.run(1);
    assert_refused(&world, sealing, 0, Outcome::NotWritten);
    world.brokers.refusing.clear();
    let later = world.send_alone(0);
    world.run(10_000);
    world.assert_delivered([later]);
    world.end();
}

#[test]
fn what_may_have_been_written_is_said_to_be_so() {
    let mut world = World::new(guarded(), 1);
    world.establish(0);
    world.plan(0, [Fate::JudgeCut]);
    world.brokers.refusing = [0].into();
    let sent = world.send_alone(0);
    world.run(500);
    assert_refused(&world, sent, 0, Outcome::MaybeWritten);
    assert_eq!(world.brokers.log(TOPIC, 0).batches.len(), 2, "so it was");
    world.brokers.refusing.clear();
    let later = world.send_alone(0);
    world.run(10_000);
    world.assert_delivered([later]);
    world.end();
}

#[test]
fn who_waits_for_a_producer_id_that_nobody_can_give_learns_it() {
    let mut world = World::new(guarded(), 3);
    let mut brokers = Brokers::new(3);
    brokers.create(TOPIC, 77, 3);
    brokers.identities =
        core::iter::repeat_n(Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS), 100).collect();
    world.brokers = brokers;
    let mut world = {
        let brokers = core::mem::replace(&mut world.brokers, Brokers::new(1));
        World::with(guarded(), brokers, &[])
    };
    let waiting: Vec<usize> = (0..3).map(|partition| world.send_alone(partition)).collect();
    world.run(100);
    let partition = world.table[TOPIC].partitions[0].index;
    assert_eq!(world.engine.why(world.now, partition), Waiting::ProducerId);
    world.brokers.refusing = [0, 1, 2].into();
    let attempts = world.attempts();
    (0..3).for_each(|node| world.cut(node));
    world.run(5_000);
    for sent in waiting {
        assert!(failure(&world, sent).is_authentication());
    }
    assert_eq!(world.attempts(), attempts + 1, "one refusal is enough for all of them");
    world.brokers.refusing.clear();
    world.brokers.identities.clear();
    let later = world.send_alone(0);
    world.run(60_000);
    world.assert_delivered([later]);
    world.end();
}

#[test]
fn without_credentials_for_now_records_wait_and_say_so_at_their_end() {
    let mut world = World::new(guarded(), 1);
    world.establish(0);
    world.credentials = Err(endpoint_is_down());
    world.cut(0);
    let (lost, kept) = (world.send_alone(0), world.now);
    world.run(119_000);
    assert_eq!(world.sends[lost].ending, None, "it is waited for");
    world.run(1_500);
    let late = world.send_alone(0);
    let error = failure(&world, lost);
    let DeliveryErrorKind::Expired { trouble: Some(trouble), .. } = error.kind() else {
        panic!("{error}");
    };
    assert!(trouble.contains("10.0.0.1:9092") && trouble.contains("the token endpoint is down"));
    assert!(error.is_retriable() && error.is_timeout());
    assert!(world.now.since(kept) < Duration::from_secs(121));
    world.await_topic("other", None, 3_000);
    world.run(3_000);
    let Some((_, Err(AdmissionError::TimedOut { trouble: Some(trouble), .. }))) =
        world.awaited.last()
    else {
        panic!("{:?}", world.awaited);
    };
    assert!(trouble.contains("the token endpoint is down"), "{trouble}");
    world.credentials = Ok(());
    world.run(5_000);
    world.assert_delivered([late]);
    world.end();
}

#[test]
fn credentials_that_cannot_be_had_at_all_end_what_waits() {
    let mut world = World::new(guarded(), 1);
    world.establish(0);
    world.credentials = Err(CredentialsError { is_retriable: false, ..endpoint_is_down() });
    world.cut(0);
    let sent = world.send_alone(0);
    world.run(200);
    let error = failure(&world, sent);
    assert!(error.is_authentication() && error.is_not_written(), "{error}");
    assert_eq!(error.code(), None);
    assert!(error.to_string().contains("no credentials: the token endpoint is down"), "{error}");
    world.end();
}

#[test]
fn sessions_are_renewed_under_load_without_loss_or_disorder_or_a_lost_connection() {
    for lifetime_ms in [1_500, 2_000, 7_000] {
        let mut world = World::with(
            guarded(),
            {
                let mut brokers = Brokers::new(3);
                brokers.create(TOPIC, 77, 6);
                brokers.lifetime_ms = lifetime_ms;
                brokers
            },
            &[],
        );
        let attempts = world.attempts();
        let mut sent = Vec::new();
        for round in 0..2_000 {
            sent.push(world.send(round % 6));
            if round % 5 == 0 {
                world.flush(round as u64);
            }
            world.run(10);
        }
        world.run(2_000);
        world.assert_delivered(sent);
        let renewed = world.engine.cluster().sessions_renewed();
        let expected = 3 * 20_000 / lifetime_ms as u64;
        assert!(renewed >= expected * 9 / 10, "{renewed} times, {expected} expected");
        assert_eq!(world.attempts(), attempts, "connections are kept");
        assert_eq!(world.engine.cluster().connections_failed(), 0);
        world.end();
    }
}
