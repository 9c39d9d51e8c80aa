//! Brokers that answer nonsense: nothing panics, nothing is believed, nothing is lost.

use rohrpost_codec::messages::ProduceResponse;
use rohrpost_codec::messages::produce_response::{BatchIndexAndErrorMessage, NodeEndpoint};
use rohrpost_codec::{ErrorCode, Uuid};

use super::broker::{Brokers, Fate};
use super::world::{TOPIC, World, config};

#[test]
fn a_twisted_answer_is_doubt_and_the_batch_is_sent_again_as_it_is() {
    let twists: [fn(&mut ProduceResponse); 8] = [
        |answer| answer.responses.clear(),
        |answer| answer.responses[0].partition_responses.clear(),
        |answer| {
            let again = answer.responses[0].clone();
            answer.responses.push(again);
        },
        |answer| {
            let mut again = answer.responses[0].partition_responses[0].clone();
            again.error_code = ErrorCode::MESSAGE_TOO_LARGE;
            answer.responses[0].partition_responses.push(again);
        },
        |answer| answer.responses[0].partition_responses[0].index = -7,
        |answer| answer.responses[0].partition_responses[0].index = i32::MAX,
        |answer| answer.responses[0].topic_id = Uuid::from_u128(4711),
        |answer| {
            answer.responses[0].topic_id = Uuid::NIL;
            answer.responses[0].name = "another".into();
        },
    ];
    for (number, twist) in twists.into_iter().enumerate() {
        let mut world = World::new(config(), 1);
        world.plan(0, [Fate::Twist(twist)]);
        world.send_alone(0);
        world.run(1);
        world.send_alone(0);
        world.run(5000);
        world.assert_delivered(0..2);
        assert!(world.engine.stats().misanswers > 0, "{number}");
        assert_eq!(world.log(0).len(), 2);
        world.end();
    }
}

#[test]
fn absurd_offsets_times_hints_and_strangers_do_no_harm() {
    let mut world = World::new(config(), 1);
    world.plan(
        0,
        [
            Fate::Twist(|answer| {
                let reply = &mut answer.responses[0].partition_responses[0];
                reply.base_offset = i64::MAX;
                reply.log_append_time_ms = i64::MIN;
                reply.log_start_offset = -9;
                reply.current_leader.leader_id = i32::MAX;
                reply.current_leader.leader_epoch = i32::MAX;
                answer.node_endpoints.push(NodeEndpoint {
                    node_id: 1,
                    host: "".into(),
                    port: -1,
                    ..Default::default()
                });
            }),
            Fate::Twist(|answer| {
                let mut stranger = answer.responses[0].clone();
                stranger.topic_id = Uuid::from_u128(1);
                answer.responses.insert(0, stranger);
                answer.throttle_time_ms = i32::MIN;
            }),
        ],
    );
    let absurd = world.send_alone(0);
    world.run(100);
    let stranger = world.send_alone(0);
    world.run(5000);
    let appended = world.ending(absurd).as_ref().unwrap();
    assert_eq!((appended.base_offset, appended.log_append_time), (None, None));
    world.assert_delivered([stranger]);
    world.end();
}

#[test]
fn record_errors_without_sense_do_not_lose_a_record() {
    let mut world = World::new(config(), 1);
    world.plan(
        0,
        [Fate::Twist(|answer| {
            let reply = &mut answer.responses[0].partition_responses[0];
            reply.error_code = ErrorCode::INVALID_RECORD;
            for batch_index in [i32::MIN, -1, 2, 2, 1000, i32::MAX] {
                let error = BatchIndexAndErrorMessage { batch_index, ..Default::default() };
                reply.record_errors.push(error);
            }
        })],
    );
    for _ in 0..4 {
        world.send(0);
    }
    world.run(100);
    assert!(world.sends.iter().all(|sent| matches!(sent.ending, Some(Err(_)))));
}

#[test]
fn unknown_error_codes_end_a_batch_in_doubt() {
    for code in [-1, 60, 999, i16::MAX, i16::MIN] {
        let mut world = World::new(config(), 1);
        world.plan(0, [Fate::JudgeAnswer(ErrorCode(code))]);
        let doubtful = world.send_alone(0);
        let next = world.send_alone(0);
        world.run(5000);
        assert_eq!(world.outcome(doubtful), crate::Outcome::MaybeWritten);
        world.assert_delivered([next]);
        world.end();
    }
}

#[test]
fn a_negative_producer_id_is_not_taken() {
    let mut brokers = Brokers::new(1);
    brokers.create(TOPIC, 77, 1);
    brokers.next_producer_id = -50;
    brokers.identities.push_back(Ok(3));
    brokers.identities.push_back(Ok(-3));
    let mut world = World::bare(config(), brokers);
    world.wait_for_topic();
    world.brokers.next_producer_id = 10;
    let sent = world.send_alone(0);
    world.run(5000);
    world.assert_delivered([sent]);
    assert!(world.engine.stats().misanswers >= 1);
    world.end();
}
