//! What a sequence asks, drawn from its dice: mostly what producers do, and all that they may do wrong.

use rohrpost_records::Codec;

use crate::batches::*;
use crate::dice::Dice;
use crate::sides::Modelled;
use crate::steps::{Denial, Entry, Init, Produce, Step, Topic, TopicRef};

/// The kinds of topics besides the plain one.
const KINDS: [&[(&str, &str)]; 7] = [
    &[],
    &[("max.message.bytes", "150")],
    // One record with a key and a value of 10 bytes fits, and one byte less it does not.
    &[("max.message.bytes", "81")],
    &[("max.message.bytes", "80")],
    &[("cleanup.policy", "compact")],
    &[("message.timestamp.type", "LogAppendTime")],
    &[("min.insync.replicas", "2")],
];

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The topics of a sequence.
pub(crate) fn topics(dice: &mut Dice, prefix: &str, brokers: i32) -> Vec<Topic> {
    let count = 1 + dice.below(3);
    let topic = |index| {
        let mut topic = Topic {
            name: format!("{prefix}-{index}"),
            partitions: dice.between(1, 2),
            replicas: dice.between(1, brokers),
            leaders: Vec::new(),
            configs: if index == 0 { &[] } else { dice.one_of(&KINDS) },
            is_hidden: false,
        };
        let leaders = (0..topic.partitions).map(|p| topic.replicas_of(p, brokers)[0]);
        topic.leaders = leaders.collect();
        topic
    };
    (0..count).map(topic).collect()
}

/// Draws the steps of a sequence, with an eye on what the model's logs have.
pub(crate) struct Drawer {
    /// How many steps there are.
    pub(crate) length: u64,
    fixed: Vec<i64>,
    transactional_ids: Vec<String>,
    sent: Vec<(usize, i32, Batch)>,
    /// Whether the sequence is about what is sent again, and how long ago it was sent.
    is_about_duplicates: bool,
}

impl Drawer {
    pub(crate) fn new(dice: &mut Dice, number: u64, run: u128) -> Self {
        let base = 1_000_000_000 + number as i64 * 10;
        let is_about_duplicates = dice.percent(25);
        let most = if is_about_duplicates { 1 } else { 3 };
        Self {
            is_about_duplicates,
            length: dice.between(10, 40) as u64,
            fixed: (0..dice.between(1, most)).map(|index| base + i64::from(index)).collect(),
            transactional_ids: vec![format!("x-{run}-{number}-0"), format!("x-{run}-{number}-1")],
            sent: Vec::new(),
        }
    }

    pub(crate) fn draw(&mut self, dice: &mut Dice, topics: &[Topic], model: &Modelled) -> Step {
        let topic = dice.below(topics.len());
        match dice.below(1000) {
            0..=99 => Step::Init(self.init(dice, model)),
            100..=114 => Step::Versions { version: dice.between(0, 4) as i16 },
            115..=144 => {
                let partition = dice.between(0, topics[topic].partitions - 1);
                let end = model.model.partition(&topics[topic].name, partition);
                let end = end.map_or(0, |partition| partition.log.end_offset());
                let offset = dice.between(-1, end as i32 + 1).into();
                Step::DeleteRecords { topic, partition, offset }
            }
            145..=149 => Step::Grow { topic, count: dice.between(1, 3) },
            150..=154 => Step::Recreate { topic },
            155..=184 => Step::Metadata {
                version: dice.between(0, 13) as i16,
                topic: dice.one_of(&[
                    TopicRef::Known(topic),
                    TopicRef::Former(topic),
                    TopicRef::Nowhere,
                ]),
            },
            // Brokers with an authorizer do not come up by threes without principals of their own.
            185..=190 if model.model.config().brokers == 1 => Step::Deny(match dice.below(5) {
                0..=1 => Denial::Write(topic),
                // Not the only topic: what would be left to see?
                2..=3 if topic > 0 => Denial::Describe(topic),
                _ => Denial::TransactionalId(dice.one_of(&self.transactional_ids)),
            }),
            191..=210 if topics[topic].replicas > 1 => {
                let brokers = model.model.config().brokers;
                let partition = dice.between(0, topics[topic].partitions - 1);
                let replicas = topics[topic].replicas_of(partition, brokers);
                let leader = topics[topic].leader(partition);
                let others: Vec<_> = replicas.into_iter().filter(|&id| id != leader).collect();
                Step::MoveLeader { topic, partition, to: dice.one_of(&others) }
            }
            _ => Step::Produce(self.produce(dice, topics, model)),
        }
    }

    fn init(&mut self, dice: &mut Dice, model: &Modelled) -> Init {
        let version = dice.between(0, 5) as i16;
        let transactional_id = match dice.below(10) {
            0..=4 => None,
            5 => Some(String::new()),
            _ => Some(dice.one_of(&self.transactional_ids)),
        };
        let says = version >= 3 && dice.percent(50);
        let producer = if says { self.producer(dice, model) } else { None };
        let epoch = match producer {
            None if version >= 3 && dice.percent(5) => 0,
            None => -1,
            Some(_) => dice.one_of(&[0, 0, 1, 2, -1, i16::MAX - 1, i16::MAX]),
        };
        let timeout_ms = dice.weighted(&[
            (20, 60_000),
            (1, 0),
            (1, -1),
            (1, 900_000),
            (1, 900_001),
            (1, i32::MAX),
        ]);
        Init { version, transactional_id, producer, epoch, timeout_ms }
    }

    fn producer(&self, dice: &mut Dice, model: &Modelled) -> Option<Producer> {
        let given = model.names.given.len();
        match dice.below(self.fixed.len() + given) {
            index if index < given => Some(Producer::Given(index)),
            index => self.fixed.get(index - given).copied().map(Producer::Fixed),
        }
    }

    fn produce(&mut self, dice: &mut Dice, topics: &[Topic], model: &Modelled) -> Produce {
        let version = match dice.below(10) {
            0..=3 => 13,
            4..=6 => 12,
            _ => dice.between(3, 13) as i16,
        };
        let acks =
            dice.weighted(&[(70, -1), (20, 1), (6, 0), (1, 2), (1, -2), (1, i16::MAX), (1, 100)]);
        let transactional_id = match dice.below(100) {
            0..=4 => Some(dice.one_of(&self.transactional_ids)),
            5 => Some(String::new()),
            _ => None,
        };
        let count = dice.weighted(&[(70, 1), (20, 2), (6, 3), (4, 4)]);
        let count = if self.is_about_duplicates { 1 } else { count };
        let entries: Vec<_> = (0..count).map(|_| self.entry(dice, topics, model)).collect();
        let brokers = model.model.config().brokers;
        let first = entries.first().map(|entry| (entry.topic, entry.partition));
        let broker = match first {
            Some((TopicRef::Known(topic), partition)) if dice.percent(80) => {
                topics[topic].leader(partition)
            }
            _ => dice.between(1, brokers),
        };
        Produce { broker, version, acks, transactional_id, entries }
    }

    fn entry(&mut self, dice: &mut Dice, topics: &[Topic], model: &Modelled) -> Entry {
        if self.is_about_duplicates {
            let (topic, partition) = (TopicRef::Known(0), 0);
            let batch = self.batch(dice, (&topics[0].name, 0, 0), model);
            // What is sent again keeps its place among the others.
            if self.sent.iter().all(|(_, _, sent)| sent.producer != batch.producer) {
                self.sent.push((0, 0, batch.clone()));
            }
            return Entry { topic, partition, batch };
        }
        let index = dice.below(topics.len());
        let topic = match dice.below(100) {
            0..=2 => TopicRef::Nowhere,
            3..=5 => TopicRef::Former(index),
            _ => TopicRef::Known(index),
        };
        let partition = match dice.below(100) {
            0..=2 => topics[index].partitions,
            3 => dice.one_of(&[-1, i32::MAX, i32::MIN]),
            _ => dice.between(0, topics[index].partitions - 1),
        };
        let batch = self.batch(dice, (&topics[index].name, index, partition), model);
        self.sent.push((index, partition, batch.clone()));
        Entry { topic, partition, batch }
    }

    fn batch(
        &mut self,
        dice: &mut Dice,
        (topic, index, partition): (&str, usize, i32),
        model: &Modelled,
    ) -> Batch {
        let here = self.sent.iter().rev().filter(|sent| (sent.0, sent.1) == (index, partition));
        let before: Vec<_> = here.take(8).map(|sent| sent.2.clone()).collect();
        if self.is_about_duplicates && before.len() > 3 && dice.percent(30) {
            let oldest = &before[3..before.len().min(7)];
            return dice.one_of(oldest);
        }
        if !before.is_empty() && dice.percent(18) {
            let chosen = dice.one_of(&before);
            return again(dice, chosen);
        }
        let is_idempotent = self.is_about_duplicates || dice.percent(80);
        let producer = if is_idempotent { self.producer(dice, model) } else { None };
        let producer = producer.map(|producer| {
            let id = match producer {
                Producer::Fixed(id) => id,
                Producer::Given(index) => model.names.given[index],
            };
            let (epoch, sequence) = stamp(dice, model, topic, partition, id);
            (producer, epoch, sequence)
        });
        let size = dice.weighted(&[(60, 1), (20, 2), (10, 3), (5, 5), (5, 9)]);
        let mut codec = codec(dice);
        let chance = if self.is_about_duplicates { 2 } else { 12 };
        let damage = if dice.percent(chance) { damage(dice) } else { Damage::None };
        if damage.is_to_records() {
            // What comes of broken bytes that are compressed is up to the codec, not to the broker.
            codec = Codec::None;
        }
        let is_given = matches!(producer, Some((Producer::Given(_), ..)));
        Batch {
            producer,
            times: (0..size).map(|_| when(dice)).collect(),
            keys: vec![dice.percent(90), dice.percent(95)],
            value_size: dice.weighted(&[(50, 1), (30, 10), (10, 60), (10, 300)]),
            codec,
            // The model has no transactions: one that could begin is not asked for.
            is_transactional: dice.percent(3) && !is_given,
            damage,
        }
    }
}

/// A batch that was sent before, as it was or not quite.
fn again(dice: &mut Dice, mut batch: Batch) -> Batch {
    match dice.below(20) {
        0 => batch.times.push(When::Now(3)),
        1 if batch.times.len() > 1 => drop(batch.times.pop()),
        2 => batch.value_size += 1,
        3 => batch.damage = Damage::None,
        4 if !batch.damage.is_to_records() => batch.codec = codec(dice),
        5 => {
            if let Some((_, epoch, _)) = &mut batch.producer {
                *epoch = epoch.wrapping_add(dice.one_of(&[1, -1]));
            }
        }
        _ => {}
    }
    batch
}

/// Epoch and sequence: mostly those that the log waits for.
fn stamp(dice: &mut Dice, model: &Modelled, topic: &str, partition: i32, id: i64) -> (i16, i32) {
    let log = model.model.partition(topic, partition).map(|partition| &partition.log);
    let Some(state) = log.and_then(|log| log.producers().get(&rohrpost_records::ProducerId(id)))
    else {
        let epoch = dice.one_of(&[0, 0, 0, 1, 5, i16::MAX]);
        let near_end = i32::MAX - dice.between(0, 4);
        let any = dice.between(1, 1000);
        return (epoch, dice.weighted(&[(12, 0), (4, near_end), (3, any), (1, i32::MAX)]));
    };
    let (epoch, next) = (state.epoch().0, state.next_sequence().0);
    let any = dice.between(0, 20);
    match dice.below(100) {
        0..=2 => (epoch, next.wrapping_add(dice.between(1, 3)) & i32::MAX),
        3..=5 => (epoch, next.wrapping_sub(dice.between(1, 6)) & i32::MAX),
        6..=7 => (epoch, any),
        8..=10 => (epoch.wrapping_add(1), 0),
        11..=12 => (epoch.wrapping_add(dice.one_of(&[1, 2])), any),
        13..=15 => (epoch.wrapping_sub(1), dice.one_of(&[0, next, any])),
        16 => (i16::MAX, 0),
        _ => (epoch, next),
    }
}

fn when(dice: &mut Dice) -> When {
    match dice.below(100) {
        0 => When::Now(2 * DAY),
        1..=2 => When::Now(-2 * DAY),
        3 => When::Never,
        4 => When::Now(-40 * 365 * DAY),
        _ => When::Now(i64::from(dice.between(-2000, 0)) * 7),
    }
}

fn codec(dice: &mut Dice) -> Codec {
    dice.weighted(&[
        (80, Codec::None),
        (5, Codec::Gzip),
        (5, Codec::Snappy),
        (5, Codec::Lz4),
        (5, Codec::Zstd),
    ])
}

fn damage(dice: &mut Dice) -> Damage {
    let any = dice.next() as u8;
    let set = |at: usize, bytes: &[u8]| Damage::Set(at, bytes.to_vec());
    match dice.below(24) {
        0 => Damage::Flip(CRC + dice.below(4), any | 1),
        1 => Damage::Flip(FIRST_RECORD + dice.below(9), any | 1),
        2 => Damage::Put(MAGIC, dice.one_of(&[0, 1, 3, 0xff])),
        3 => Damage::Put(LENGTH + dice.below(4), any),
        4 => Damage::Put(dice.below(8), any),
        5 => set(LEADER_EPOCH, &dice.between(-1, 9).to_be_bytes()),
        6 => {
            set(ATTRIBUTES, &dice.one_of(&[0x20_i16, 0x30, 0x08, 0x40, 0x80, 0x100]).to_be_bytes())
        }
        7 => set(ATTRIBUTES, &dice.one_of(&[5_i16, 6, 7]).to_be_bytes()),
        8 => set(LAST_OFFSET_DELTA, &dice.one_of(&[-1, 0, 1, 2, 8, i32::MAX]).to_be_bytes()),
        9 => set(COUNT, &dice.one_of(&[-1, 0, 1, 2, 9, i32::MAX]).to_be_bytes()),
        10 => set(PRODUCER_ID, &dice.one_of(&[-2_i64, -1, 0, i64::MAX]).to_be_bytes()),
        11 => set(PRODUCER_EPOCH, &dice.one_of(&[-2_i16, -1]).to_be_bytes()),
        12 => set(BASE_SEQUENCE, &dice.one_of(&[-2_i32, -1]).to_be_bytes()),
        13 => set(BASE_TIMESTAMP, &dice.one_of(&[-1_i64, 0, i64::MAX]).to_be_bytes()),
        14 => set(MAX_TIMESTAMP, &dice.one_of(&[-1_i64, 0, i64::MAX]).to_be_bytes()),
        15..=16 => Damage::Cut(dice.between(1, 75) as usize),
        17 => Damage::Behind(vec![any; dice.between(1, 40) as usize]),
        18 => Damage::Twice,
        19 => Damage::Empty,
        // The record's length, attributes, deltas, key length and so on.
        20..=21 => set(FIRST_RECORD + dice.below(8), &[dice.one_of(&[0, 1, 2, 3, 0x7e, any])]),
        _ => set(FIRST_RECORD + dice.below(30), &[any]),
    }
}
