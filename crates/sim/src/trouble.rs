//! What goes wrong in a life.

use std::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};
use rohrpost_engine::Acks;
use rohrpost_testkit::Fault;

use crate::dice::Dice;
use crate::plan::Plan;

/// Something that goes wrong. Where it has an end of its own, that comes after `lasts`.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// A broker dies, and comes back.
    Kill {
        broker: i32,
        lasts: Duration,
    },
    /// A broker freezes.
    Pause {
        broker: i32,
        lasts: Duration,
    },
    /// A broker is cut off from the other brokers; `fenced`: they take it for dead at once.
    Isolate {
        broker: i32,
        fenced: bool,
        lasts: Duration,
    },
    /// A broker comes back at another address. Names follow after `resolver`.
    Rehouse {
        broker: i32,
        silent: bool,
        resolver: Duration,
    },
    /// All of them at once.
    RehouseAll {
        silent: bool,
        resolver: Duration,
    },
    /// Its connections break; what is on its way arrives or does not.
    Cut {
        broker: i32,
        delivers: bool,
    },
    /// Its connections go dead without anybody being told.
    GoDead {
        broker: i32,
    },
    /// Nothing reaches it or comes from it.
    Unreachable {
        broker: i32,
        lasts: Duration,
    },
    /// It takes no new connections.
    Refuse {
        broker: i32,
        lasts: Duration,
    },
    /// Everything takes this much longer.
    Slow {
        by: Duration,
        lasts: Duration,
    },
    /// No name is resolved.
    NoNames {
        lasts: Duration,
    },
    Move {
        topic: usize,
        partition: i32,
        to: i32,
    },
    /// A partition without a leader.
    Election {
        topic: usize,
        partition: i32,
        lasts: Duration,
    },
    Unclean {
        topic: usize,
        partition: i32,
        to: i32,
    },
    /// Followers do not copy.
    Behind {
        topic: usize,
        partition: i32,
        lasts: Duration,
    },
    /// A topic is deleted, and created anew.
    Recreate {
        topic: usize,
        lasts: Duration,
    },
    AddPartitions {
        topic: usize,
        more: i32,
    },
    /// A partition forgets its producers: outside of what Kafka promises while records are under way, and never drawn.
    Forget {
        topic: usize,
        partition: i32,
    },
    /// The start of a log moves.
    Trim {
        topic: usize,
        partition: i32,
    },
    /// A broker's metadata stay as they are.
    Stale {
        broker: i32,
        lasts: Duration,
    },
    /// A broker knows no topics, as one that starts.
    Blank {
        broker: i32,
        lasts: Duration,
    },
    /// Nobody may write to a topic.
    Deny {
        topic: usize,
        lasts: Duration,
    },
    /// No producer id is given out.
    DenyId {
        lasts: Duration,
    },
    /// The brokers keep another password.
    ForgetPassword {
        lasts: Duration,
    },
    /// There are no credentials to be had, or none soon.
    NoCredentials {
        lasts: Duration,
    },
    SlowCredentials {
        by: Duration,
        lasts: Duration,
    },
    /// The producer's machine sleeps.
    Suspend {
        lasts: Duration,
    },
    /// The senders' clock is set.
    SetClock {
        ms: i64,
    },
    /// Faults of the model, at requests to come.
    Inject {
        what: &'static str,
        faults: Vec<Fault>,
    },
    /// Users.
    Flood {
        records: usize,
    },
    Flush,
    GiveUp {
        all: bool,
    },
    Close {
        within: Duration,
    },
}

impl Trouble {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "broker dies",
            Self::Pause { .. } => "broker freezes",
            Self::Isolate { .. } => "broker isolated",
            Self::Rehouse { .. } => "broker moves",
            Self::RehouseAll { .. } => "all brokers move",
            Self::Cut { delivers: true, .. } => "connections break",
            Self::Cut { delivers: false, .. } => "connections break, frames lost",
            Self::GoDead { .. } => "connections go dead",
            Self::Unreachable { .. } => "broker unreachable",
            Self::Refuse { .. } => "connections refused",
            Self::Slow { .. } => "network slow",
            Self::NoNames { .. } => "names unresolved",
            Self::Move { .. } => "leader moves",
            Self::Election { .. } => "long election",
            Self::Unclean { .. } => "unclean election",
            Self::Behind { .. } => "followers behind",
            Self::Recreate { .. } => "topic recreated",
            Self::AddPartitions { .. } => "partitions added",
            Self::Forget { .. } => "producers forgotten",
            Self::Trim { .. } => "log trimmed",
            Self::Stale { .. } => "metadata stale",
            Self::Blank { .. } => "metadata blank",
            Self::Deny { .. } => "topic denied",
            Self::DenyId { .. } => "producer id denied",
            Self::ForgetPassword { .. } => "password forgotten",
            Self::NoCredentials { .. } => "no credentials",
            Self::SlowCredentials { .. } => "credentials slow",
            Self::Suspend { .. } => "machine sleeps",
            Self::SetClock { .. } => "clock set",
            Self::Inject { what, .. } => what,
            Self::Flood { .. } => "flood",
            Self::Flush => "flush",
            Self::GiveUp { .. } => "senders give up",
            Self::Close { .. } => "closed early",
        }
    }

    pub(crate) fn draw(plan: &Plan, dice: &mut Dice) -> Self {
        let broker = dice.between(1, plan.model.brokers as u64) as i32;
        let to = dice.between(1, plan.model.brokers as u64) as i32;
        let topic = dice.below(plan.topics.len() as u64) as usize;
        let partition = dice.below(plan.topics[topic].partitions as u64) as i32;
        let lasts = match dice.below(10) {
            0 => dice.millis(5000, 30_000),
            1..=3 => dice.millis(1000, 6000),
            _ => dice.millis(10, 1500),
        };
        let short = lasts / 4;
        if plan.model.sasl.is_some() && dice.percent(10) {
            return match dice.below(6) {
                0 => Self::ForgetPassword { lasts: short },
                1..=3 => Self::NoCredentials { lasts },
                _ => Self::SlowCredentials { by: dice.millis(10, 3000), lasts },
            };
        }
        match dice.below(100) {
            0..=3 => Self::Kill { broker, lasts },
            4..=6 => Self::Pause { broker, lasts },
            7..=8 => Self::Isolate { broker, fenced: dice.percent(50), lasts },
            9..=10 if plan.by_name => {
                Self::Rehouse { broker, silent: dice.percent(50), resolver: short }
            }
            11 if plan.by_name => Self::RehouseAll { silent: dice.percent(50), resolver: short },
            9..=17 => Self::Cut { broker, delivers: dice.percent(50) },
            18..=20 => Self::GoDead { broker },
            21..=22 => Self::Unreachable { broker, lasts },
            23..=24 => Self::Refuse { broker, lasts },
            25 => Self::Slow { by: dice.millis(20, 800), lasts },
            26 if plan.by_name => Self::NoNames { lasts },
            26..=34 => Self::Move { topic, partition, to },
            35..=37 => Self::Election { topic, partition, lasts },
            38 => Self::Unclean { topic, partition, to },
            39..=41 => Self::Behind { topic, partition, lasts },
            42..=44 => Self::Recreate { topic, lasts: short },
            45 => Self::AddPartitions { topic, more: dice.between(1, 2) as i32 },
            46..=48 => Self::Trim { topic, partition },
            49..=50 => Self::Stale { broker, lasts },
            51..=52 => Self::Blank { broker, lasts: short },
            53 => Self::Deny { topic, lasts: short },
            54 => Self::DenyId { lasts: short },
            55 => Self::Suspend { lasts: dice.one_of(&[short, lasts, Duration::from_secs(200)]) },
            56 => Self::SetClock { ms: dice.one_of(&[-3_600_000, 60_000, 7_200_000, -8_000_000]) },
            57..=65 => draw_doubt(plan, dice, topic, partition),
            66..=68 => Self::Flood { records: dice.between(20, 120) as usize },
            69..=70 => Self::Flush,
            71..=73 => Self::GiveUp { all: dice.percent(30) },
            74 if plan.close_early => Self::Close { within: lasts },
            _ => draw_fault(plan, dice),
        }
    }
}

/// An error that a broker answers, a lost answer, a pause: whatever the model can be made to do to a request.
fn draw_fault(plan: &Plan, dice: &mut Dice) -> Trouble {
    let before = [
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::LEADER_NOT_AVAILABLE,
        ErrorCode::NOT_ENOUGH_REPLICAS,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::UNKNOWN_TOPIC_ID,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::CORRUPT_MESSAGE,
        ErrorCode::INVALID_RECORD,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::MESSAGE_TOO_LARGE,
        ErrorCode::RECORD_LIST_TOO_LARGE,
        ErrorCode::UNKNOWN_SERVER_ERROR,
        ErrorCode::INVALID_TIMESTAMP,
        ErrorCode::THROTTLING_QUOTA_EXCEEDED,
        ErrorCode::FENCED_LEADER_EPOCH,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ];
    let after = [
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::UNKNOWN_SERVER_ERROR,
        ErrorCode::NETWORK_EXCEPTION,
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
        // A success that names no offset.
        ErrorCode::NONE,
    ];
    let (what, fault) = match dice.below(16) {
        0..=3 => ("refused", Fault::error(dice.one_of(&before)).on(ApiKey::Produce)),
        // A leader that does not wait for followers cannot lose its office while it waits.
        4..=6 if plan.settings().any(|of| of.acks != Acks::All) => (
            "answered wrongly",
            Fault::error_after(ErrorCode::UNKNOWN_SERVER_ERROR).on(ApiKey::Produce),
        ),
        4..=6 => ("answered wrongly", Fault::error_after(dice.one_of(&after)).on(ApiKey::Produce)),
        7 => ("closed before", Fault::disconnect_before()),
        8 => ("closed after", Fault::disconnect_after()),
        9 => ("answer cut", Fault::cut(dice.below(60) as usize)),
        10 => ("delayed", Fault::delay(dice.millis(1, 3000))),
        11 => ("throttled", Fault::throttle(dice.millis(1, 2000)).on(ApiKey::Produce)),
        12 => ("swallowed", Fault::swallow()),
        13 => ("stalled", Fault::stall()),
        14 => ("garbage", Fault::garbage()),
        _ => {
            let api = dice.one_of(&[ApiKey::Metadata, ApiKey::InitProducerId, ApiKey::ApiVersions]);
            let code = dice.one_of(&[
                ErrorCode::UNKNOWN_SERVER_ERROR,
                ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
                ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
                ErrorCode::REBOOTSTRAP_REQUIRED,
                ErrorCode::LEADER_NOT_AVAILABLE,
            ]);
            ("other request refused", Fault::error(code).on(api))
        }
    };
    let fault = fault.skip(dice.below(4) as u32).times(dice.between(1, 3) as u32);
    Trouble::Inject { what, faults: vec![fault] }
}

/// An append whose answer is lost, once or more, and a refusal soon after, here or in another partition, or a move: what must never lead to a second
/// identity.
fn draw_doubt(plan: &Plan, dice: &mut Dice, topic: usize, partition: i32) -> Trouble {
    let name = &plan.topics[topic].name;
    let code = dice.one_of(&[
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_RECORD,
    ]);
    let here = |fault: Fault, partition| {
        fault.on(ApiKey::Produce).topic(name.clone()).partition(partition)
    };
    let lost = match dice.below(4) {
        0 => Fault::disconnect_after(),
        1 if plan.engine.settings_of(name).acks == Acks::All => {
            Fault::error_after(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        }
        _ => Fault::error_after(ErrorCode::REQUEST_TIMED_OUT),
    };
    let lost = here(lost, partition).times(dice.between(1, 3) as u32);
    let other = dice.below(plan.topics[topic].partitions as u64) as i32;
    let refused = here(Fault::error(code), if dice.percent(60) { partition } else { other });
    Trouble::Inject {
        what: "doubt cast",
        faults: vec![lost, refused.skip(dice.between(0, 5) as u32)],
    }
}
