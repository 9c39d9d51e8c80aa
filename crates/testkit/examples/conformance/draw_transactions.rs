//! What a sequence about transactions asks: mostly what transactional producers do, and all that they may do wrong.

use rohrpost_records::{Codec, ProducerId};

use crate::asks::{Ask, Member, MemberId, Offsets, Who};
use crate::batches::{Batch, Damage, Producer, When};
use crate::dice::Dice;
use crate::sides::Modelled;
use crate::steps::{Denial, Entry, Init, Produce, Step, Topic, TopicRef};

/// The names that static members keep.
const INSTANCES: [Option<&str>; 5] = [None, None, None, Some("one"), Some("two")];

/// A producer id that no broker gives.
const STRANGER: i64 = 1 << 40;

/// Draws the steps of a sequence about transactions, with an eye on what the model's coordinator knows.
pub(crate) struct Transactions {
    ids: Vec<String>,
    groups: Vec<String>,
    /// The groups that nobody has joined yet.
    unjoined: Vec<String>,
    /// Whether its clients are of transaction version 2, most of the time.
    is_version_2: bool,
    /// Whether the cluster can do what they ask. One of version 0 cannot, and Kafka then trips over itself: it says CONCURRENT_TRANSACTIONS of
    /// that transactional id for ever.
    can_version_2: bool,
    has_begun: bool,
}

impl Transactions {
    pub(crate) fn new(dice: &mut Dice, number: u64, run: u128) -> Self {
        let ids = (0..dice.between(1, 2)).map(|index| format!("t-{run}-{number}-{index}"));
        let groups = (0..2).map(|index| format!("g-{run}-{number}-{index}"));
        let groups: Vec<_> = groups.collect();
        Self {
            ids: ids.collect(),
            unjoined: groups.clone(),
            groups,
            is_version_2: dice.percent(60),
            can_version_2: true,
            has_begun: false,
        }
    }

    pub(crate) fn draw(&mut self, dice: &mut Dice, topics: &[Topic], model: &Modelled) -> Step {
        if !self.has_begun {
            self.has_begun = true;
            let transaction_version = dice.weighted(&[(8, 2), (4, 1), (1, 0)]);
            self.can_version_2 = transaction_version > 0;
            self.is_version_2 &= self.can_version_2;
            return Step::Ask(Ask::Agree { transaction_version });
        }
        let id = dice.one_of(&self.ids);
        if model.model.transaction(&id).is_none() && dice.percent(85) {
            return Step::Init(self.init(dice, &id, model));
        }
        let group = dice.one_of(&self.groups);
        match dice.below(1000) {
            0..=89 => Step::Init(self.init(dice, &id, model)),
            90..=249 => self.add_partitions(dice, &id, topics, model),
            250..=289 => {
                let version = dice.between(0, 4) as i16;
                Step::Ask(Ask::AddOffsets { version, who: self.who(dice, &id, model), group })
            }
            290..=379 => {
                let (low, high) = if self.is_version_2 { (3, 5) } else { (0, 4) };
                let version = dice.between(low, high) as i16;
                let offsets = self.offsets(dice, group, topics, model);
                Step::Ask(Ask::SendOffsets { version, who: self.who(dice, &id, model), offsets })
            }
            380..=559 => {
                let (low, high) = if self.is_version_2 { (5, 5) } else { (0, 4) };
                let low = if dice.percent(8) { 0 } else { low };
                let high = if dice.percent(8) && self.can_version_2 { 5 } else { high };
                let version = dice.between(low, high) as i16;
                let committed = dice.percent(60);
                Step::Ask(Ask::End { version, who: self.who(dice, &id, model), committed })
            }
            560..=589 => {
                let version = dice.between(2, 10) as i16;
                let offsets = self.offsets(dice, group, topics, model);
                Step::Ask(Ask::Commit { version, offsets })
            }
            590..=629 => {
                let version = dice.between(1, 10) as i16;
                let partitions = (version < 2 || dice.percent(60))
                    .then(|| vec![self.place(dice, topics), self.place(dice, topics)]);
                let stable = dice.percent(60);
                Step::Ask(Ask::Fetch { version, group, partitions, stable })
            }
            630..=669 => Step::Ask(Ask::Describe { id }),
            670..=679 => {
                let states: &[&[_]] =
                    &[&[], &["Ongoing"], &["Empty", "CompleteCommit"], &["Dead", "Lively"]];
                Step::Ask(Ask::List { states: dice.one_of(states).to_vec() })
            }
            680..=709 => Step::Ask(Ask::Producers),
            710..=719 => Step::ReadBack,
            720..=729 if !self.unjoined.is_empty() => {
                let group = self.unjoined.swap_remove(dice.below(self.unjoined.len()));
                Step::Ask(Ask::Join { group, instance: dice.one_of(&INSTANCES) })
            }
            730..=733 if model.model.config().brokers == 1 => Step::Deny(match dice.below(3) {
                0 => Denial::Write(dice.below(topics.len())),
                1 => Denial::TransactionalId(id),
                _ => {
                    // Nobody could join it.
                    self.unjoined.retain(|other| *other != group);
                    Denial::Group(group)
                }
            }),
            734..=744 => {
                let topic = dice.below(topics.len());
                let partition = dice.between(0, topics[topic].partitions - 1);
                let log = model.model.partition(&topics[topic].name, partition);
                let end = log.map_or(0, |partition| partition.log.end_offset());
                Step::DeleteRecords { topic, partition, offset: dice.between(0, end as i32).into() }
            }
            745..=759 => {
                let topic = dice.below(topics.len());
                let brokers = model.model.config().brokers;
                let partition = dice.between(0, topics[topic].partitions - 1);
                let replicas = topics[topic].replicas_of(partition, brokers);
                let leader = topics[topic].leader(partition);
                match replicas.into_iter().find(|&replica| replica != leader) {
                    Some(to) => Step::MoveLeader { topic, partition, to },
                    None => Step::Ask(Ask::Producers),
                }
            }
            _ => Step::Produce(self.produce(dice, &id, topics, model)),
        }
    }

    fn init(&self, dice: &mut Dice, id: &str, model: &Modelled) -> Init {
        let says = dice.percent(50);
        let who = self.who(dice, id, model);
        let (producer, epoch) = match says && model.model.transaction(id).is_some() {
            true => (Some(who.producer), who.epoch),
            false => (None, -1),
        };
        let version = if producer.is_some() { dice.between(3, 5) } else { dice.between(0, 5) };
        let timeout_ms = dice.one_of(&[300_000, 600_000]);
        let transactional_id = Some(id.to_owned());
        Init { version: version as i16, transactional_id, producer, epoch, timeout_ms }
    }

    /// Mostly who the coordinator thinks that it is.
    fn who(&self, dice: &mut Dice, id: &str, model: &Modelled) -> Who {
        let known = model.model.transaction(id);
        let given = |id: ProducerId| model.names.given.iter().position(|&other| other == id.0);
        let current = known.and_then(|known| {
            Some((Producer::Given(given(known.producer_id())?), known.producer_epoch().0))
        });
        let (mut producer, mut epoch) = current.unwrap_or((Producer::Fixed(STRANGER), 0));
        match dice.below(100) {
            0..=8 => epoch = epoch.wrapping_sub(1),
            9..=10 => epoch = epoch.wrapping_add(1),
            11 => epoch = epoch.wrapping_sub(2),
            12 => producer = Producer::Fixed(STRANGER),
            13 if !model.names.given.is_empty() => {
                producer = Producer::Given(dice.below(model.names.given.len()));
            }
            _ => {}
        }
        let transactional_id = match dice.below(100) {
            0 => String::new(),
            1 => "t-nobody".to_owned(),
            _ => id.to_owned(),
        };
        Who { transactional_id, producer, epoch }
    }

    fn place(&self, dice: &mut Dice, topics: &[Topic]) -> (usize, i32) {
        let topic = dice.below(topics.len());
        let last = topics[topic].partitions - i32::from(dice.percent(97));
        (topic, dice.between(0, last))
    }

    fn add_partitions(
        &self,
        dice: &mut Dice,
        id: &str,
        topics: &[Topic],
        model: &Modelled,
    ) -> Step {
        let place = |dice: &mut Dice| {
            let (topic, partition) = self.place(dice, topics);
            let topic = if dice.percent(2) { TopicRef::Nowhere } else { TopicRef::Known(topic) };
            (topic, partition)
        };
        let partitions = (0..dice.between(1, 3)).map(|_| place(dice)).collect();
        let version = dice.weighted(&[(1, 0), (1, 1), (2, 2), (10, 3), (2, 4), (2, 5)]);
        let who = self.who(dice, id, model);
        let verify_only = version >= 4 && (dice.percent(70) || !self.can_version_2);
        Step::Ask(Ask::AddPartitions { version, who, partitions, verify_only })
    }

    fn offsets(
        &self,
        dice: &mut Dice,
        group: String,
        topics: &[Topic],
        model: &Modelled,
    ) -> Offsets {
        let joined = model.names.members.len();
        let id = match dice.below(10) {
            0..=4 if joined > 0 => MemberId::Joined(dice.below(joined)),
            5 => MemberId::Stranger,
            _ => MemberId::None,
        };
        let generation = match id {
            MemberId::Joined(_) => dice.weighted(&[(8, 1), (1, 0), (1, 2), (1, -1)]),
            _ => dice.weighted(&[(8, -1), (1, 1)]),
        };
        let instance = if dice.percent(20) { dice.one_of(&INSTANCES) } else { None };
        // A topic is named once, as in every client.
        let mut partitions = vec![self.place(dice, topics)];
        let second = self.place(dice, topics);
        if second.0 != partitions[0].0 {
            partitions.push(second);
        }
        Offsets {
            group,
            member: Member { generation, id, instance },
            partitions,
            offset: dice.between(0, 99).into(),
            metadata: dice.weighted(&[(30, 0), (10, 3), (1, 4096), (1, 4097)]),
        }
    }

    fn produce(&self, dice: &mut Dice, id: &str, topics: &[Topic], model: &Modelled) -> Produce {
        let version = match self.is_version_2 {
            true => dice.weighted(&[(5, 12), (5, 13), (1, 11)]),
            false => dice.weighted(&[(6, 11), (2, 10), (2, 9), (1, 7), (1, 12)]),
        };
        let version = match self.can_version_2 {
            true => version,
            false => version.min(11),
        };
        let count = dice.weighted(&[(80, 1), (20, 2)]);
        let entries: Vec<_> = (0..count).map(|_| self.entry(dice, id, topics, model)).collect();
        let first = &entries[0];
        let broker = match first.topic {
            TopicRef::Known(topic) => topics[topic].leader(first.partition),
            _ => 1,
        };
        let transactional_id = match dice.below(100) {
            0 => None,
            1 => Some(dice.one_of(&self.ids)),
            _ => Some(id.to_owned()),
        };
        Produce { broker, version, acks: -1, transactional_id, entries }
    }

    fn entry(&self, dice: &mut Dice, id: &str, topics: &[Topic], model: &Modelled) -> Entry {
        let (topic, partition) = self.place(dice, topics);
        let mut who = self.who(dice, id, model);
        let is_transactional = dice.percent(95);
        if let Some(known) = model.model.transaction(id).filter(|_| !is_transactional) {
            // A later epoch would be the partition's, and the coordinator's marker refused for ever.
            who.epoch = who.epoch.min(known.producer_epoch().0);
        }
        let given = match who.producer {
            Producer::Given(index) => model.names.given[index],
            Producer::Fixed(id) => id,
        };
        let log = model.model.partition(&topics[topic].name, partition);
        let state = log.and_then(|found| found.log.producers().get(&ProducerId(given)));
        let next = state.filter(|state| state.epoch().0 == who.epoch);
        let next = next.map_or(0, |state| state.next_sequence().0);
        let sequence = match dice.below(100) {
            0..=2 => next + 1,
            3..=5 => (next - 1).max(0),
            _ => next,
        };
        let batch = Batch {
            producer: Some((who.producer, who.epoch, sequence)),
            times: (0..dice.between(1, 3)).map(|at| When::Now(i64::from(at))).collect(),
            keys: vec![true],
            value_size: 10,
            codec: Codec::None,
            is_transactional,
            damage: Damage::None,
        };
        Entry { topic: TopicRef::Known(topic), partition, batch }
    }
}
