//! What goes wrong in a life of transactions.

use std::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};
use rohrpost_testkit::Fault;
use rohrpost_testkit::model::BrokerId;

use super::plan::TransactionalPlan;
use super::{Event, GROUP, ID, Life};
use crate::dice::Dice;
use crate::network::model_time;

/// Something that goes wrong. Where it has an end of its own, that comes after `lasts`.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// A broker dies, and comes back.
    Kill { broker: i32, lasts: Duration },
    /// A broker freezes.
    Pause { broker: i32, lasts: Duration },
    /// A broker is cut off from the other brokers.
    Isolate { broker: i32, lasts: Duration },
    /// Connections to a broker break; what is on its way arrives or does not.
    Cut { broker: i32, delivers: bool },
    /// Connections to a broker go dead without anybody being told.
    GoDead { broker: i32 },
    /// Nothing reaches a broker or comes from it.
    Unreachable { broker: i32, lasts: Duration },
    /// Everything takes this much longer.
    Slow { by: Duration, lasts: Duration },
    /// A partition gets another leader.
    Move { topic: usize, partition: i32, to: i32 },
    /// A partition has no leader.
    Election { topic: usize, partition: i32, lasts: Duration },
    /// Followers do not copy.
    Behind { topic: usize, partition: i32, lasts: Duration },
    /// Another broker coordinates the transactional id, or the group.
    MoveCoordinator { of_group: bool, to: i32 },
    /// A coordinator does not know its transactions and groups yet.
    Load { broker: i32, lasts: Duration },
    /// Transactions that are decided stay without their markers.
    HoldMarkers { lasts: Duration },
    /// The coordinator gives the transaction up: it took too long.
    TimeOut,
    /// An operator fences the producer.
    Fence,
    /// The cluster agrees on another version of transactions.
    Agree { version: i16 },
    /// The next request to end a transaction is on its way for so long.
    LateEnd { by: Duration },
    /// Faults of the model, at requests to come.
    Inject { what: &'static str, faults: Vec<Fault> },
    /// The application's process ends, without a word.
    Crash,
    /// The application begins anew, while the producer before goes on.
    Zombie,
    /// The application closes its producer, in mid-transaction or not, and begins anew.
    Restart { within: Duration },
    /// The application does not wait for the answer to its call any more.
    Impatience,
}

impl Trouble {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "broker dies",
            Self::Pause { .. } => "broker freezes",
            Self::Isolate { .. } => "broker isolated",
            Self::Cut { delivers: true, .. } => "connections break",
            Self::Cut { delivers: false, .. } => "connections break, frames lost",
            Self::GoDead { .. } => "connections go dead",
            Self::Unreachable { .. } => "broker unreachable",
            Self::Slow { .. } => "network slow",
            Self::Move { .. } => "leader moves",
            Self::Election { .. } => "long election",
            Self::Behind { .. } => "followers behind",
            Self::MoveCoordinator { of_group: false, .. } => "coordinator moves",
            Self::MoveCoordinator { of_group: true, .. } => "group's coordinator moves",
            Self::Load { .. } => "coordinator loads",
            Self::HoldMarkers { .. } => "markers held",
            Self::TimeOut => "transaction timed out",
            Self::Fence => "producer fenced",
            Self::Agree { .. } => "transaction version",
            Self::LateEnd { .. } => "end late",
            Self::Inject { what, .. } => what,
            Self::Crash => "application dies",
            Self::Zombie => "zombie",
            Self::Restart { .. } => "application closes",
            Self::Impatience => "call cancelled",
        }
    }

    pub(super) fn draw(plan: &TransactionalPlan, dice: &mut Dice) -> Self {
        let brokers = plan.base.model.brokers as u64;
        let (broker, to) = (dice.between(1, brokers) as i32, dice.between(1, brokers) as i32);
        let topic = dice.below(plan.base.topics.len() as u64) as usize;
        let partition = dice.below(plan.base.topics[topic].partitions as u64) as i32;
        let lasts = match dice.below(10) {
            0 => dice.millis(3000, 12_000),
            1..=3 => dice.millis(500, 3000),
            _ => dice.millis(10, 1000),
        };
        match dice.below(100) {
            0..=3 => Self::Kill { broker, lasts },
            4..=6 => Self::Pause { broker, lasts },
            7..=8 => Self::Isolate { broker, lasts },
            9..=15 => Self::Cut { broker, delivers: dice.percent(50) },
            16..=17 => Self::GoDead { broker },
            18..=19 => Self::Unreachable { broker, lasts },
            20 => Self::Slow { by: dice.millis(20, 500), lasts },
            21..=25 => Self::Move { topic, partition, to },
            26..=27 => Self::Election { topic, partition, lasts },
            28..=29 => Self::Behind { topic, partition, lasts },
            30..=36 => Self::MoveCoordinator { of_group: dice.percent(40), to },
            37..=39 => Self::Load { broker, lasts },
            40..=43 => Self::HoldMarkers { lasts },
            44..=46 => Self::TimeOut,
            47 => Self::Fence,
            48..=51 => Self::Agree { version: dice.one_of(&[0, 1, 2, 2]) },
            // So late that it is given up.
            52..=56 => {
                let by = plan.base.engine.cluster.request_timeout + dice.millis(0, 1500);
                Self::LateEnd { by }
            }
            57..=60 => Self::Crash,
            61..=64 => Self::Zombie,
            65..=66 => Self::Restart { within: lasts },
            67..=69 => Self::Impatience,
            70..=80 => draw_fault_of_transactions(dice),
            _ => draw_fault(dice),
        }
    }
}

/// A transactional request that is refused, or whose answer is lost.
fn draw_fault_of_transactions(dice: &mut Dice) -> Trouble {
    use ApiKey::{
        AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, FindCoordinator, InitProducerId,
        TxnOffsetCommit,
    };
    let api = dice.one_of(&[
        AddOffsetsToTxn,
        AddPartitionsToTxn,
        EndTxn,
        EndTxn,
        EndTxn,
        FindCoordinator,
        InitProducerId,
        TxnOffsetCommit,
    ]);
    let moved = [
        ErrorCode::NOT_COORDINATOR,
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ];
    let (what, fault) = match dice.below(8) {
        0..=1 if api != FindCoordinator => {
            ("transaction refused", Fault::error(dice.one_of(&moved)))
        }
        2 if !matches!(api, FindCoordinator | TxnOffsetCommit) => {
            ("markers in the way", Fault::error(ErrorCode::CONCURRENT_TRANSACTIONS))
        }
        // The coordinator may have written it down, and not know.
        3 if matches!(api, EndTxn | TxnOffsetCommit | AddOffsetsToTxn) => {
            let code =
                dice.one_of(&[ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_NOT_AVAILABLE]);
            ("transaction done and refused", Fault::error_after(code))
        }
        4 => ("transaction delayed", Fault::delay(dice.millis(50, 4000))),
        5 => ("transaction not answered", Fault::swallow()),
        6 => ("transaction closed before", Fault::disconnect_before()),
        _ => ("transaction closed after", Fault::disconnect_after()),
    };
    let fault = fault.on(api).skip(dice.below(3) as u32).times(dice.between(1, 3) as u32);
    Trouble::Inject { what, faults: vec![fault] }
}

/// A Produce request that is refused, or whose answer is lost; or any request.
fn draw_fault(dice: &mut Dice) -> Trouble {
    let before = [
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::NOT_ENOUGH_REPLICAS,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::CORRUPT_MESSAGE,
        ErrorCode::INVALID_RECORD,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::MESSAGE_TOO_LARGE,
        ErrorCode::CONCURRENT_TRANSACTIONS,
        ErrorCode::TRANSACTION_ABORTABLE,
        ErrorCode::INVALID_TXN_STATE,
        ErrorCode::UNKNOWN_SERVER_ERROR,
    ];
    let after = [
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::NETWORK_EXCEPTION,
    ];
    let produce = ApiKey::Produce;
    let (what, fault) = match dice.below(10) {
        0..=3 => ("refused", Fault::error(dice.one_of(&before)).on(produce)),
        4..=5 => ("answered wrongly", Fault::error_after(dice.one_of(&after)).on(produce)),
        6 => ("closed before", Fault::disconnect_before()),
        7 => ("closed after", Fault::disconnect_after()),
        8 => ("delayed", Fault::delay(dice.millis(1, 3000))),
        _ => ("swallowed", Fault::swallow()),
    };
    let fault = fault.skip(dice.below(4) as u32).times(dice.between(1, 3) as u32);
    Trouble::Inject { what, faults: vec![fault] }
}

impl Life {
    /// Lets something go wrong.
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        let current = self.current();
        self.note(current, "trouble", || format!("{trouble:?}"), trouble.kind().as_bytes());
        self.model.advance(model_time(self.now));
        let of = &self.clients[current];
        let is_amid = of.engine.requests_in_flight() > 0 || of.app.pending.is_some();
        let Some(lasts) = self.begin(&trouble) else { return };
        let is_later = matches!(trouble, Trouble::Inject { .. } | Trouble::LateEnd { .. });
        self.report.count_fault(trouble.kind(), is_amid && !is_later);
        if let Some(lasts) = lasts {
            self.after(lasts, Event::Relief(trouble));
        }
    }

    /// Begins a trouble: `None` where there is nothing to begin, else how long until it has to be ended, if it has to be.
    fn begin(&mut self, trouble: &Trouble) -> Option<Option<Duration>> {
        let name = |topic: usize| self.plan.base.topics[topic].name.clone();
        match *trouble {
            Trouble::Kill { broker, lasts } => {
                self.model.stop_broker(broker).then_some(Some(lasts))
            }
            Trouble::Pause { broker, lasts } => {
                self.model.pause_broker(broker).then_some(Some(lasts))
            }
            Trouble::Isolate { broker, lasts } => {
                self.model.isolate_broker(broker).then_some(Some(lasts))
            }
            Trouble::Cut { broker, delivers } => self.cut(broker, delivers).then_some(None),
            Trouble::GoDead { broker } => self.go_dead(broker).then_some(None),
            Trouble::Unreachable { broker, lasts } => {
                for client in &mut self.clients {
                    client.network.unreachable.insert(broker);
                }
                Some(Some(lasts))
            }
            Trouble::Slow { by, lasts } => {
                self.slow = by;
                Some(Some(lasts))
            }
            Trouble::Move { topic, partition, to } => {
                let is_done = self.model.move_leader(&name(topic), partition, to).is_ok();
                is_done.then_some(None)
            }
            Trouble::Election { topic, partition, lasts } => {
                let is_done = self.model.hold_election(&name(topic), partition).is_ok();
                is_done.then_some(Some(lasts))
            }
            Trouble::Behind { topic, partition, lasts } => {
                let is_done = self.model.hold_replication(&name(topic), partition).is_ok();
                is_done.then_some(Some(lasts))
            }
            Trouble::MoveCoordinator { of_group, to } => {
                self.model.move_coordinator(if of_group { GROUP } else { ID }, to);
                Some(None)
            }
            Trouble::Load { broker, lasts } => {
                self.model.hold_coordinator(broker);
                Some(Some(lasts))
            }
            Trouble::HoldMarkers { lasts } => {
                self.model.hold_markers();
                Some(Some(lasts))
            }
            Trouble::TimeOut => self.model.time_out_transaction(ID).then_some(None),
            Trouble::Fence => self.model.fence_producer(ID).then_some(None),
            Trouble::Agree { version } if !self.plan.downgrades && !self.plan.is_scripted => {
                let version = version.max(self.model.transaction_version());
                self.model.set_transaction_version(version);
                Some(None)
            }
            Trouble::Agree { version } => {
                self.model.set_transaction_version(version);
                Some(None)
            }
            Trouble::LateEnd { by } => {
                let current = self.current();
                self.clients[current].late_end = Some(by);
                Some(None)
            }
            Trouble::Inject { ref faults, .. } => {
                for fault in faults {
                    self.model.inject(fault.clone());
                }
                Some(None)
            }
            _ => self.begin_in_application(trouble).then_some(None),
        }
    }

    fn begin_in_application(&mut self, trouble: &Trouble) -> bool {
        let current = self.current();
        let of = &self.clients[current];
        if of.is_dead || of.is_closing || self.is_hiring {
            return false;
        }
        match *trouble {
            Trouble::Crash => self.crash(current),
            Trouble::Zombie => {
                self.is_hiring = true;
                self.after(Duration::ZERO, Event::Hire);
            }
            Trouble::Restart { within } => self.close(current, Some(within)),
            Trouble::Impatience => return self.lose_patience(current),
            _ => return false,
        }
        true
    }

    /// Ends what a trouble began.
    pub(super) fn relieve(&mut self, trouble: &Trouble) {
        self.note(0, "over", || format!("{trouble:?}"), trouble.kind().as_bytes());
        self.model.advance(model_time(self.now));
        let name = |topic: usize| self.plan.base.topics[topic].name.clone();
        match *trouble {
            Trouble::Kill { broker, .. } => drop(self.model.start_broker(broker)),
            Trouble::Pause { broker, .. } => drop(self.model.resume_broker(broker)),
            Trouble::Isolate { broker, .. } => drop(self.model.heal_broker(broker)),
            Trouble::Unreachable { broker, .. } => {
                for client in &mut self.clients {
                    client.network.unreachable.remove(&broker);
                }
            }
            Trouble::Slow { .. } => self.slow = Duration::ZERO,
            Trouble::Election { topic, partition, .. } => {
                drop(self.model.release_election(&name(topic), partition));
            }
            Trouble::Behind { topic, partition, .. } => {
                drop(self.model.release_replication(&name(topic), partition));
            }
            Trouble::Load { broker, .. } => self.model.release_coordinator(broker),
            Trouble::HoldMarkers { .. } => self.model.release_markers(),
            _ => {}
        }
    }

    /// Ends all trouble.
    pub(super) fn heal(&mut self) {
        self.model.advance(model_time(self.now));
        self.model.clear_faults();
        self.slow = Duration::ZERO;
        for client in &mut self.clients {
            client.network.unreachable.clear();
            client.late_end = None;
        }
        for id in 1..=self.plan.base.model.brokers {
            let broker = BrokerId(id);
            self.model.start_broker(broker);
            self.model.resume_broker(broker);
            self.model.heal_broker(broker);
            self.model.release_coordinator(broker);
        }
        self.model.release_markers();
        for topic in &self.plan.base.topics {
            for partition in 0..topic.partitions {
                drop(self.model.release_replication(&topic.name, partition));
                drop(self.model.release_election(&topic.name, partition));
            }
        }
    }
}
