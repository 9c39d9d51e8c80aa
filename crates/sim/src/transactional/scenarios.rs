//! Scenarios 17 to 21: what naive clients get wrong in transactions, each with its trigger.

use std::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};
use rohrpost_engine::{Plant, TransactionCall};
use rohrpost_testkit::Fault;

use super::Life;
use super::application::offsets;
use super::plan::{Scripted, TransactionalPlan};
use super::trouble::Trouble;
use crate::life::Options;
use crate::report::Report;

/// A trigger, and the naive behaviours that do not survive it.
#[derive(Clone, Copy, Debug)]
pub struct TransactionalScenario {
    /// Its number among the scenarios.
    pub number: u8,
    /// What it promises.
    pub name: &'static str,
    /// What it must show.
    pub plants: &'static [Plant],
    /// The versions of transactions in which the plants show; without them it is survived in both.
    pub versions: &'static [i16],
    script: fn(&mut Script),
}

/// Three brokers, a topic of three partitions, led by brokers 1, 2 and 3. Of producer 0 a first transaction, with a record to each, is
/// committed before 500 ms; at 500 ms a second is open, with a record to partitions 0 and 1 each.
struct Script {
    plan: TransactionalPlan,
    deeds: Vec<(u64, Scripted)>,
}

impl TransactionalScenario {
    /// Lives it under a version of transactions, with a plant or without.
    #[must_use]
    pub fn live(&self, version: i16, plant: Option<Plant>) -> Report {
        let plan = TransactionalPlan::calm(u64::from(self.number), 3, version);
        let mut script = Script { plan, deeds: Vec::new() };
        script.call(0, TransactionCall::Init);
        script.call(200, TransactionCall::Begin);
        (0..3).for_each(|partition| script.send(210, partition));
        script.call(300, TransactionCall::Commit);
        script.call(450, TransactionCall::Begin);
        (0..2).for_each(|partition| script.send(460, partition));
        (self.script)(&mut script);
        let Script { mut plan, deeds } = script;
        plan.script = Some(deeds);
        plan.base.trouble = Duration::from_secs(8);
        Life::new(plan, &Options { plant, keep: 60, ..Options::default() }).live_on()
    }
}

impl Script {
    fn call(&mut self, at: u64, what: TransactionCall) {
        self.call_of(at, 0, what);
    }

    fn call_of(&mut self, at: u64, client: usize, what: TransactionCall) {
        let within = Duration::from_secs(60);
        self.deeds.push((at, Scripted::Call { client, what, within }));
    }

    fn send(&mut self, at: u64, partition: i32) {
        self.deeds.push((at, Scripted::Send { client: 0, partition }));
    }

    fn at(&mut self, at: u64, trouble: Trouble) {
        self.deeds.push((at, Scripted::Trouble(trouble)));
    }

    fn inject(&mut self, at: u64, fault: Fault) {
        self.at(at, Trouble::Inject { what: "scripted", faults: vec![fault] });
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const BOTH: &[i16] = &[1, 2];

/// All of them.
pub const TRANSACTIONAL_SCENARIOS: &[TransactionalScenario] = &[
    TransactionalScenario {
        number: 17,
        name: "a record expires within a transaction, and nothing of it is committed",
        plants: &[Plant::CommitDespiteFailures],
        versions: BOTH,
        script: |script| {
            script.plan.base.engine.delivery_timeout = ms(1000);
            script.plan.base.engine.cluster.metadata_max_age = ms(100);
            script.at(550, Trouble::Election { topic: 0, partition: 2, lasts: ms(4000) });
            script.send(800, 2);
            script.call(2500, TransactionCall::Commit);
        },
    },
    TransactionalScenario {
        number: 18,
        name: "a sequence is refused within a transaction, and what came before it is not lost alone",
        plants: &[Plant::RenewInTransaction],
        versions: BOTH,
        script: |script| {
            let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
            script
                .inject(550, Fault::error(code).on(ApiKey::Produce).topic("topic-0").partition(0));
            script.send(600, 0);
            script.call(2500, TransactionCall::Commit);
        },
    },
    TransactionalScenario {
        number: 19,
        name: "a commit is refused, and nobody is told that it went well",
        plants: &[Plant::SwallowEndFailure],
        versions: BOTH,
        script: |script| {
            script.at(800, Trouble::Fence);
            script.call(1000, TransactionCall::Commit);
        },
    },
    TransactionalScenario {
        number: 20,
        name: "the end of a transaction never arrives, and does not count as done",
        plants: &[Plant::BeginBeforeTheEnd],
        versions: BOTH,
        script: |script| {
            script.inject(800, Fault::disconnect_before().on(ApiKey::EndTxn));
            script.call(1000, TransactionCall::Commit);
            script.call(2000, TransactionCall::Begin);
            script.send(2100, 0);
            script.call(2500, TransactionCall::Abort);
        },
    },
    TransactionalScenario {
        number: 20,
        name: "the end of a transaction comes late, and does not end the next one",
        plants: &[Plant::KeepEpochInDoubt],
        versions: &[1],
        script: |script| {
            script.plan.base.engine.cluster.request_timeout = ms(500);
            script.at(900, Trouble::LateEnd { by: ms(3000) });
            script.call(1000, TransactionCall::Commit);
            script.call(3000, TransactionCall::Begin);
            script.send(3100, 0);
            script.send(3100, 1);
            // The late commit comes at 4 s.
            script.call(5000, TransactionCall::Abort);
        },
    },
    TransactionalScenario {
        number: 21,
        name: "a transaction ends when its last record has arrived, and not before",
        plants: &[Plant::ProduceWhileEnding],
        versions: BOTH,
        script: |script| {
            let code = ErrorCode::NOT_ENOUGH_REPLICAS;
            script.plan.base.engine.cluster.retry_backoff = ms(300);
            script
                .inject(550, Fault::error(code).on(ApiKey::Produce).topic("topic-0").partition(0));
            script.send(600, 0);
            script.call(610, TransactionCall::Commit);
        },
    },
    TransactionalScenario {
        number: 0,
        name: "a zombie goes on beside its successor, and commits nothing",
        plants: &[],
        versions: &[],
        script: |script| {
            script.call(600, offsets(7));
            script.at(900, Trouble::Zombie);
            script.call_of(1000, 1, TransactionCall::Init);
            script.send(1500, 0);
            script.call(1600, TransactionCall::Commit);
            script.call_of(1700, 1, TransactionCall::Begin);
            script.deeds.push((1800, Scripted::Send { client: 1, partition: 0 }));
            script.call_of(1900, 1, TransactionCall::Commit);
        },
    },
    TransactionalScenario {
        number: 0,
        name: "the coordinator moves while a transaction ends, and its outcome is told",
        plants: &[],
        versions: &[],
        script: |script| {
            script.at(900, Trouble::HoldMarkers { lasts: ms(600) });
            script.inject(900, Fault::disconnect_after().on(ApiKey::EndTxn));
            script.call(1000, TransactionCall::Commit);
            script.at(1001, Trouble::MoveCoordinator { of_group: false, to: 2 });
            script.call(2500, TransactionCall::Begin);
            script.at(2600, Trouble::Agree { version: 2 });
            script.send(2700, 1);
            script.call(3000, TransactionCall::Commit);
            script.call(3500, TransactionCall::Begin);
            script.send(3600, 1);
            script.call(3700, TransactionCall::Commit);
        },
    },
    TransactionalScenario {
        number: 0,
        name: "a coordinator writes a commit down and says that it is none, a successor comes, and nobody is told that nothing was committed",
        plants: &[],
        versions: &[],
        script: |script| {
            script.plan.base.engine.cluster.retry_backoff = ms(600);
            script.plan.base.engine.cluster.retry_backoff_max = ms(600);
            script.inject(900, Fault::error_after(ErrorCode::NOT_COORDINATOR).on(ApiKey::EndTxn));
            script.call(1000, TransactionCall::Commit);
            script.at(1050, Trouble::Zombie);
            script.call_of(1100, 1, TransactionCall::Init);
        },
    },
];
