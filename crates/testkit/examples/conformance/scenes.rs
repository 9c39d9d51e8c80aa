//! Sequences that are written down, about what takes time.

use std::error::Error;
use std::time::Duration;

use rohrpost_records::Codec;
use rohrpost_testkit::model::ModelConfig;

use crate::batches::{Batch, Damage, Producer, When};
use crate::case::{Told, play};
use crate::sides::{Kafka, Modelled};
use crate::steps::{Entry, Produce, Step, Topic, TopicRef};

/// The broker's properties that the scenes are written for: `producer.id.expiration.ms` and its check's interval.
const EXPIRATION: Duration = Duration::from_millis(3000);
const EXPIRATION_CHECK: Duration = Duration::from_millis(500);

/// Bytes a second.
const RATE: u64 = 20_000;

const ALICE: i64 = 2_000_000_001;
const BOB: i64 = 2_000_000_002;

const YESTERDAY: When = When::Now(-24 * 60 * 60 * 1000);

/// The scenes by their names.
pub(crate) fn all() -> Vec<(&'static str, Vec<Step>)> {
    vec![("expiry", expiry()), ("quota", quota())]
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
    let batch = Batch {
        producer: Some((Producer::Fixed(id), 0, sequence)),
        times: vec![when],
        keys: vec![true],
        value_size,
        codec: Codec::None,
        is_transactional: false,
        damage: Damage::None,
    };
    Step::Produce(Produce {
        broker: 1,
        version: 12,
        acks: -1,
        transactional_id: None,
        entries: vec![Entry { topic: TopicRef::Known(0), partition: 0, batch }],
    })
}
