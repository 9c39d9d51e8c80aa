//! Closing, memory, and sends that wait for metadata.

use alloc::string::ToString;
use core::time::Duration;

use rohrpost_codec::ErrorCode;

use super::broker::{Brokers, Fate};
use super::world::{TOPIC, World, config};
use crate::{AdmissionError, Input, Outcome, Refused, WaiterId};

#[test]
fn scenario_24_close_delivers_everything_that_was_accepted() {
    let mut config = config();
    config.linger = Duration::from_secs(60);
    let mut world = World::new(config, 3);
    for at in 0..30 {
        world.send(at % 3);
    }
    world.input(Input::Close { deadline: None });
    world.run(100);
    assert!(world.is_closed);
    world.assert_delivered(0..30);
    world.check();
}

#[test]
fn scenario_24_at_the_deadline_of_a_close_everything_ends_with_what_is_known_of_it() {
    let mut world = World::new(config(), 3);
    world.plan(0, [Fate::JudgeSilence]);
    let in_flight = world.send_alone(0);
    world.run(10);
    world.brokers.lead(TOPIC, 1, None);
    world.engine.cluster.request_update(world.now);
    world.run(500);
    let (queued, open) = (world.send_alone(1), world.send(1));
    let deadline = Some(world.now + Duration::from_secs(2));
    world.input(Input::Close { deadline });
    world.run(1999);
    assert!(!world.is_closed);
    world.run(1);
    assert!(world.is_closed);
    assert_eq!(world.outcome(in_flight), Outcome::MaybeWritten);
    assert_eq!(world.outcome(queued), Outcome::NotWritten);
    assert_eq!(world.outcome(open), Outcome::NotWritten);
    world.check();
}

#[test]
fn a_close_with_nothing_left_to_do_needs_no_further_input() {
    let mut world = World::new(config(), 1);
    let sent = world.send_alone(0);
    world.run(1000);
    world.input(Input::Close { deadline: None });
    world.drain();
    assert!(world.is_closed);
    world.assert_delivered(sent..sent + 1);
}

#[test]
fn scenario_26_a_close_at_once_ends_although_answers_and_seals_are_on_their_way() {
    let mut world = World::new(config(), 2);
    world.hold_seals = true;
    let held = world.send_alone(1);
    world.hold_seals = false;
    let in_flight = world.send_alone(0);
    let deadline = Some(world.now);
    world.input(Input::Close { deadline });
    world.run(0);
    assert!(!world.is_closed, "a batch is still being sealed");
    world.release_seals();
    world.run(1000);
    assert!(world.is_closed);
    assert_eq!(world.outcome(held), Outcome::NotWritten);
    assert_eq!(world.outcome(in_flight), Outcome::MaybeWritten);
    world.check();
    // What comes later still ends.
    let late = world.send_alone(0);
    world.run(10);
    assert_eq!(world.outcome(late), Outcome::NotWritten);
    world.check();
}

#[test]
fn scenario_25_under_memory_pressure_open_batches_go_at_once() {
    let mut config = config();
    config.linger = Duration::from_secs(60);
    config.buffer_memory = 4096;
    config.batch_size = 2048;
    let mut world = World::new(config, 3);
    let mut partition = 0;
    while world.send_value(partition, alloc::vec![1; 300 + world.sends.len()]).is_ok() {
        partition = (partition + 1) % 3;
    }
    let ticket = world.budget.wait(500, 500, None).unwrap();
    world.input(Input::MemoryPressure);
    world.run(10);
    assert_eq!(world.budget.next_woken(), Some(ticket));
    world.budget.cancel(ticket);
    world.input(Input::MemoryRelieved);
    // Relieved: what opens now lingers again.
    let seen = world.brokers.seen.len();
    world.send_value(0, alloc::vec![2; 100]).unwrap();
    world.run(100);
    assert_eq!(world.brokers.seen.len(), seen);
    let refusal = world.send_value(0, alloc::vec![2; 5000]).unwrap_err();
    assert!(matches!(refusal, Refused::TooLarge { is_memory: true, .. }), "{refusal:?}");
    world.end();
}

fn admission(world: &World) -> &AdmissionError {
    world.awaited.last().unwrap().1.as_ref().unwrap_err()
}

#[test]
fn a_topic_that_does_not_exist_is_waited_for_until_the_deadline_and_the_error_says_why() {
    let mut world = World::new(config(), 1);
    world.await_topic("missing", None, 3000);
    world.run(2999);
    assert_eq!(world.awaited.len(), 1);
    world.run(1);
    let AdmissionError::TimedOut { topic, topic_error, partitions, .. } = admission(&world) else {
        panic!("{:?}", world.awaited)
    };
    assert_eq!(&**topic, "missing");
    assert_eq!(*topic_error, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(*partitions, None);
    world.await_topic("missing", None, 3000);
    world.run(1000);
    world.brokers.create("missing", 5, 1);
    world.run(1500);
    assert!(world.awaited[2].1.is_ok(), "{:?}", world.awaited);
    world.end();
}

#[test]
fn a_partition_beyond_the_last_is_waited_for() {
    let mut world = World::new(config(), 2);
    world.await_topic(TOPIC, Some(2), 2000);
    world.run(2000);
    let AdmissionError::TimedOut { partition, partitions, .. } = admission(&world) else {
        panic!("{:?}", world.awaited)
    };
    assert_eq!((*partition, *partitions), (Some(2), Some(2)));
    world.await_topic(TOPIC, Some(2), 5000);
    world.run(500);
    world.brokers.topics.remove(TOPIC);
    world.brokers.create(TOPIC, 77, 3);
    world.run(3000);
    assert!(world.awaited[2].1.is_ok(), "{:?}", world.awaited);
    let sent = world.send_alone(2);
    world.run(100);
    world.assert_delivered([sent]);
    world.end();
}

#[test]
fn a_topic_that_is_refused_is_not_waited_for() {
    for code in [ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::INVALID_TOPIC_EXCEPTION] {
        let mut world = World::new(config(), 1);
        world.brokers.create("forbidden", 5, 0);
        world.brokers.topics.get_mut("forbidden").unwrap().error = code;
        world.await_topic("forbidden", None, 60_000);
        world.run(500);
        let refused = AdmissionError::Refused { topic: "forbidden".into(), code };
        assert_eq!(*admission(&world), refused);
        world.end();
    }
}

#[test]
fn without_any_broker_the_wait_ends_in_time_and_names_the_trouble() {
    let mut world = World::bare(config(), Brokers::new(1));
    world.down = alloc::vec![0];
    world.await_topic(TOPIC, None, 3000);
    world.run(3000);
    let AdmissionError::TimedOut { trouble: Some(trouble), unreached, .. } = admission(&world)
    else {
        panic!("{:?}", world.awaited)
    };
    assert!(trouble.contains("10.0.0.1:9092"), "{trouble}");
    assert!(matches!(&unreached[..], [only] if **only == **trouble), "{unreached:?}");
    let told = admission(&world).to_string();
    assert!(told.contains("no broker has answered: 10.0.0.1:9092"), "{told}");
    assert!(world.engine.cluster().is_cut_off());
    assert!(world.polls < 200, "{} polls", world.polls);
    // With a broker that answers it is the topic that is not known.
    world.down.clear();
    world.await_topic("missing", None, 3000);
    world.run(3000);
    let told = admission(&world).to_string();
    assert!(!told.contains("no broker has answered"), "{told}");
    assert!(!world.engine.cluster().is_cut_off());
    world.end();
}

#[test]
fn a_cancelled_wait_is_never_answered_and_a_closing_engine_admits_nobody() {
    let mut world = World::new(config(), 1);
    world.await_topic("missing", None, 3000);
    let waiter = WaiterId(world.now.as_duration().as_nanos() as u64);
    world.input(Input::CancelAwait { waiter });
    world.run(5000);
    assert_eq!(world.awaited.len(), 1);
    world.await_topic("missing", None, 60_000);
    world.run(10);
    world.input(Input::Close { deadline: None });
    world.run(10);
    assert_eq!(*admission(&world), AdmissionError::Closed);
    world.await_topic(TOPIC, None, 60_000);
    world.run(10);
    assert_eq!(world.awaited.len(), 3);
    assert_eq!(*admission(&world), AdmissionError::Closed);
    world.check();
}
