//! What goes wrong, and what is to be put right again.

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, FaultId, Permission};

use super::{MAY_FAIL, PARTITIONS, TOPICS};

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Refused,
    AppendedAndRefused,
    MetadataRefused,
    ProducerIdRefused,
    HungUpBefore,
    HungUpAfter,
    Delayed,
    Throttled,
    Swallowed,
    Garbled,
    CutShort,
    Stalled,
    LeaderMoved,
    FollowersLag,
    BrokerDown,
    BrokerMoved,
    BrokerFrozen,
    BrokerIsolated,
    WriteDenied,
    DescribeDenied,
}

impl Kind {
    pub(crate) const ALL: [Self; 20] = [
        Self::Refused,
        Self::AppendedAndRefused,
        Self::MetadataRefused,
        Self::ProducerIdRefused,
        Self::HungUpBefore,
        Self::HungUpAfter,
        Self::Delayed,
        Self::Throttled,
        Self::Swallowed,
        Self::Garbled,
        Self::CutShort,
        Self::Stalled,
        Self::LeaderMoved,
        Self::FollowersLag,
        Self::BrokerDown,
        Self::BrokerMoved,
        Self::BrokerFrozen,
        Self::BrokerIsolated,
        Self::WriteDenied,
        Self::DescribeDenied,
    ];

    /// Whether records may fail of it, though there is time.
    fn may_fail(self) -> bool {
        matches!(self, Self::WriteDenied | Self::DescribeDenied)
    }
}

/// Makes trouble, every kind before any comes again.
#[derive(Default)]
pub(crate) struct Trouble {
    deck: Vec<Kind>,
    remedies: Vec<Remedy>,
    injected: Vec<(Kind, FaultId)>,
    happened: BTreeMap<Kind, u32>,
}

enum Remedy {
    Start(i32),
    StartElsewhere(i32),
    Resume(i32),
    Heal(i32),
    Allow(Permission),
    Replicate(&'static str, i32),
}

impl Remedy {
    async fn apply(self, cluster: &Cluster) {
        match self {
            Self::Start(broker) => cluster.start_broker(broker).await.unwrap(),
            Self::StartElsewhere(broker) => cluster.start_broker_elsewhere(broker).await.unwrap(),
            Self::Resume(broker) => cluster.resume_broker(broker),
            Self::Heal(broker) => cluster.heal_broker(broker),
            Self::Allow(permission) => cluster.allow(&permission),
            Self::Replicate(topic, partition) => {
                cluster.with_model(|model| model.release_replication(topic, partition)).unwrap();
            }
        }
    }
}

impl Trouble {
    /// Makes the next trouble, or puts something right again.
    pub(crate) async fn make(&mut self, dice: &mut Dice, cluster: &Cluster) {
        // Two things at most are broken for long.
        if self.remedies.len() > 1 || !self.remedies.is_empty() && dice.one_in(2) {
            return self.mend(cluster).await;
        }
        if self.deck.is_empty() {
            let all = Kind::ALL.into_iter();
            self.deck.extend(all.filter(|kind| MAY_FAIL || !kind.may_fail()));
        }
        let kind = self.deck.swap_remove(dice.below(self.deck.len() as u64) as usize);
        match fault(kind, dice) {
            Some(fault) => {
                let fault = fault.skip(dice.below(3) as u32).times(dice.below(3) as u32 + 1);
                self.inject(kind, fault, cluster);
            }
            None => self.act(kind, dice, cluster).await,
        }
    }

    /// Puts right what has been broken for longest.
    pub(crate) async fn mend(&mut self, cluster: &Cluster) {
        if !self.remedies.is_empty() {
            self.remedies.remove(0).apply(cluster).await;
        }
    }

    /// Refuses what a producer begins with, which it asks for seldom later on.
    pub(crate) fn meet(&mut self, cluster: &Cluster) {
        for (kind, code, api) in [
            (Kind::MetadataRefused, ErrorCode::LEADER_NOT_AVAILABLE, ApiKey::Metadata),
            (
                Kind::ProducerIdRefused,
                ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
                ApiKey::InitProducerId,
            ),
        ] {
            self.inject(kind, Fault::error(code).on(api).times(2), cluster);
        }
    }

    fn inject(&mut self, kind: Kind, fault: Fault, cluster: &Cluster) {
        self.injected.push((kind, cluster.inject(fault)));
    }

    async fn act(&mut self, kind: Kind, dice: &mut Dice, cluster: &Cluster) {
        let broker = dice.below(3) as i32 + 1;
        let topic = TOPICS[dice.below(TOPICS.len() as u64) as usize];
        let partition = dice.below(PARTITIONS as u64) as i32;
        let remedy = match kind {
            Kind::LeaderMoved => {
                // Not in sync, perhaps, or the leader already.
                let before = cluster.leader(topic, partition);
                let moved = cluster.move_leader(topic, partition, broker).is_ok();
                if moved && cluster.leader(topic, partition) != before {
                    self.note(kind);
                }
                return;
            }
            Kind::FollowersLag => {
                cluster.with_model(|model| model.hold_replication(topic, partition)).unwrap();
                Remedy::Replicate(topic, partition)
            }
            Kind::BrokerDown => {
                cluster.stop_broker(broker).await;
                Remedy::Start(broker)
            }
            Kind::BrokerMoved => {
                // If all of them moved before they are asked for metadata, nobody would find them.
                let broker = if MAY_FAIL { broker } else { 1 };
                cluster.stop_broker(broker).await;
                Remedy::StartElsewhere(broker)
            }
            Kind::BrokerFrozen => {
                cluster.pause_broker(broker);
                Remedy::Resume(broker)
            }
            Kind::BrokerIsolated => {
                cluster.isolate_broker(broker);
                cluster.fence_broker(broker);
                Remedy::Heal(broker)
            }
            kind => {
                let permission = match kind {
                    Kind::WriteDenied => Permission::WriteTopic(topic.to_owned()),
                    _ => Permission::DescribeTopic(topic.to_owned()),
                };
                cluster.deny(permission.clone());
                Remedy::Allow(permission)
            }
        };
        self.note(kind);
        self.remedies.push(remedy);
    }

    fn note(&mut self, kind: Kind) {
        *self.happened.entry(kind).or_default() += 1;
    }

    /// Puts everything right, and tells how often each kind happened: how many faults found all the requests that they were for, and what was done to brokers.
    pub(crate) async fn end(&mut self, cluster: &Cluster) -> BTreeMap<Kind, u32> {
        for (kind, fault) in std::mem::take(&mut self.injected) {
            if !cluster.remove_fault(fault) {
                self.note(kind);
            }
        }
        for remedy in self.remedies.drain(..) {
            remedy.apply(cluster).await;
        }
        self.happened.clone()
    }
}

/// A fault of the kind, if it is one.
fn fault(kind: Kind, dice: &mut Dice) -> Option<Fault> {
    let fault = match kind {
        Kind::Refused => {
            let codes = if MAY_FAIL { &REFUSALS[..] } else { &REFUSALS[..PASSING] };
            Fault::error(dice.one_of(codes)).on(ApiKey::Produce)
        }
        Kind::AppendedAndRefused => {
            let codes = if MAY_FAIL { &LATE_ERRORS[..] } else { &LATE_ERRORS[..PASSING_LATE] };
            Fault::error_after(dice.one_of(codes)).on(ApiKey::Produce)
        }
        Kind::MetadataRefused => Fault::error(dice.one_of(&METADATA_ERRORS)).on(ApiKey::Metadata),
        Kind::ProducerIdRefused => {
            Fault::error(ErrorCode::COORDINATOR_NOT_AVAILABLE).on(ApiKey::InitProducerId)
        }
        Kind::HungUpBefore => Fault::disconnect_before(),
        Kind::HungUpAfter => Fault::disconnect_after(),
        Kind::Delayed => Fault::delay(Duration::from_millis(dice.below(400))),
        Kind::Throttled => {
            Fault::throttle(Duration::from_millis(dice.below(300))).on(ApiKey::Produce)
        }
        Kind::Swallowed => Fault::swallow(),
        Kind::Garbled => Fault::garbage(),
        Kind::CutShort => Fault::cut(dice.below(40) as usize),
        Kind::Stalled => Fault::stall(),
        _ => return None,
    };
    Some(fault)
}

/// So many of the refusals say that it may be different soon.
const PASSING: usize = 4;

const REFUSALS: [ErrorCode; 9] = [
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::UNKNOWN_PRODUCER_ID,
    ErrorCode::MESSAGE_TOO_LARGE,
];

const PASSING_LATE: usize = 3;

const LATE_ERRORS: [ErrorCode; 4] = [
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::NETWORK_EXCEPTION,
    ErrorCode::UNKNOWN_SERVER_ERROR,
];

const METADATA_ERRORS: [ErrorCode; 2] =
    [ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION];

pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// SplitMix64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
