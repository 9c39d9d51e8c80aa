//! Sequences that are written down, about what takes time.

use std::error::Error;
use std::time::Duration;

use rohrpost_records::Codec;
use rohrpost_testkit::model::ModelConfig;

use crate::asks::{Ask, Who};
use crate::batches::{Batch, Damage, Producer, When};
use crate::case::{OFFSETS_PARTITIONS, Told, play};
use crate::sides::{Kafka, Modelled};
use crate::steps::{Entry, Init, Produce, Step, Topic, TopicRef};

/// The broker's properties that the scenes are written for: `producer.id.expiration.ms` and its check's interval.
const EXPIRATION: Duration = Duration::from_millis(3000);
const EXPIRATION_CHECK: Duration = Duration::from_millis(500);

/// Bytes a second.
const RATE: u64 = 20_000;

const ALICE: i64 = 2_000_000_001;
const BOB: i64 = 2_000_000_002;

const YESTERDAY: When = When::Now(-24 * 60 * 60 * 1000);

/// The transactional producers' own timeout.
const TIMEOUT: Duration = Duration::from_millis(1000);
/// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
const TIMEOUT_CHECK: Duration = Duration::from_millis(300);

/// The scenes by their names; `run` is in the names that Kafka remembers.
pub(crate) fn all(run: u128) -> Vec<(&'static str, Vec<Step>)> {
    vec![
        ("expiry", expiry()),
        ("timeout-1", time_out(&format!("timeout-{run}-1"), 1)),
        ("timeout-2", time_out(&format!("timeout-{run}-2"), 2)),
        // Nothing is as fast afterwards.
        ("quota", quota()),
    ]
}

pub(crate) fn compare(
    kafka: &mut Kafka,
    steps: Vec<Step>,
    name: &str,
    trace: bool,
) -> Result<Told, Box<dyn Error>> {
    let model = Modelled::new(ModelConfig {
        brokers: 1,
        producer_id_expiration: Some(EXPIRATION),
        producer_id_expiration_check: EXPIRATION_CHECK,
        transaction_timeout_check: TIMEOUT_CHECK,
        offsets_partitions: OFFSETS_PARTITIONS,
        ..ModelConfig::default()
    });
    let topic = Topic {
        name: name.into(),
        partitions: 1,
        replicas: 1,
        leaders: vec![1],
        configs: &[],
        is_hidden: false,
    };
    let mut steps = steps.into_iter();
    play(kafka, model, vec![topic], trace, |_, _, _| steps.next())
}

/// A producer is forgotten so long after the timestamp of its last batch, which may be old already when it is appended. Then it may
/// begin anywhere, and nothing is known to be a duplicate.
fn expiry() -> Vec<Step> {
    vec![
        send(ALICE, 0, When::Live, 1),
        send(BOB, 0, YESTERDAY, 1),
        Step::Wait(EXPIRATION_CHECK * 3),
        send(ALICE, 5, When::Live, 1),
        send(ALICE, 0, When::Live, 1),
        send(BOB, 5, When::Live, 1),
        send(BOB, 5, When::Live, 1),
        send(BOB, 7, When::Live, 1),
        Step::Wait(EXPIRATION + EXPIRATION_CHECK * 2),
        send(ALICE, 7, When::Live, 1),
        send(BOB, 5, When::Live, 1),
    ]
}

/// A transaction that takes too long is aborted, and its producer fenced; whether that can go on depends on the version.
fn time_out(id: &str, transaction_version: i16) -> Vec<Step> {
    let (produces, ends) = if transaction_version < 2 { (11, 4) } else { (12, 5) };
    let who = |epoch| Who { transactional_id: id.to_owned(), producer: Producer::Given(0), epoch };
    let init = |producer: Option<Producer>, epoch| {
        Step::Init(Init {
            version: 5,
            transactional_id: Some(id.to_owned()),
            producer,
            epoch,
            timeout_ms: TIMEOUT.as_millis() as i32,
        })
    };
    let add = |epoch| {
        let partitions = vec![(TopicRef::Known(0), 0)];
        Step::Ask(Ask::AddPartitions {
            version: 3,
            who: who(epoch),
            partitions,
            verify_only: false,
        })
    };
    let end = |epoch| Step::Ask(Ask::End { version: ends, who: who(epoch), committed: true });
    let describe = || Step::Ask(Ask::Describe { id: id.to_owned() });
    let send = |epoch, sequence| {
        let batch = Batch {
            is_transactional: true,
            ..batch((Producer::Given(0), epoch, sequence), When::Now(0), 1)
        };
        Step::Produce(Produce {
            transactional_id: Some(id.to_owned()),
            version: produces,
            ..produce(batch)
        })
    };
    vec![
        Step::Ask(Ask::Agree { transaction_version }),
        init(None, -1),
        add(0),
        send(0, 0),
        describe(),
        Step::Wait(TIMEOUT + TIMEOUT_CHECK * 4),
        describe(),
        Step::Ask(Ask::Producers),
        end(0),
        send(0, 1),
        // The producer wants to go on with what it has.
        init(Some(Producer::Given(0)), 0),
        describe(),
        add(1),
        send(1, 0),
        end(1),
        describe(),
        init(None, -1),
        Step::Ask(Ask::Producers),
        Step::ReadBack,
    ]
}

/// A client that sends more than it may is told to pause, and is served nothing for so long.
fn quota() -> Vec<Step> {
    vec![
        Step::Limit(RATE),
        send(ALICE, 0, When::Live, 11 * RATE as usize),
        send(ALICE, 1, When::Live, RATE as usize),
        send(ALICE, 2, When::Live, 1),
    ]
}

fn send(id: i64, sequence: i32, when: When, value_size: usize) -> Step {
    Step::Produce(produce(batch((Producer::Fixed(id), 0, sequence), when, value_size)))
}

fn batch(producer: (Producer, i16, i32), when: When, value_size: usize) -> Batch {
    Batch {
        producer: Some(producer),
        times: vec![when],
        keys: vec![true],
        value_size,
        codec: Codec::None,
        is_transactional: false,
        damage: Damage::None,
    }
}

fn produce(batch: Batch) -> Produce {
    Produce {
        broker: 1,
        version: 12,
        acks: -1,
        transactional_id: None,
        entries: vec![Entry { topic: TopicRef::Known(0), partition: 0, batch }],
    }
}
