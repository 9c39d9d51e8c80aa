//! What a life of transactions is made of, drawn from its seed.

use std::time::Duration;

use rohrpost_codec::ByteStr;
use rohrpost_engine::{TransactionCall, TransactionalConfig};
use rohrpost_testkit::TopicSpec;

use super::ID;
use super::trouble::Trouble;
use crate::dice::Dice;
use crate::plan::{Plan, TopicPlan};

/// A life's circumstances.
#[derive(Debug)]
pub(super) struct TransactionalPlan {
    /// What holds for lives without transactions too.
    pub(super) base: Plan,
    /// `transaction.timeout.ms`.
    pub(super) timeout: Duration,
    /// The version of transactions that the cluster has agreed on at first.
    pub(super) version: i16,
    /// Whether the cluster may agree on an older version of transactions. Then no producer is left behind beside its successor. To EndTxn v5 with the epoch before the
    /// present one the model answers as Kafka 4.3.1, that it was done, whatever the present epoch came from: a zombie of version 2 whose successor is of version 1
    /// would be answered for that one's transaction, and be given its epoch. (What Kafka refuses of EndTxn v5 after a downgrade is what it would have to write down, and an answer that is
    /// given again is not.)
    pub(super) downgrades: bool,
    /// The pauses of the application, ms, at most.
    pub(super) think: u64,
    /// What happens when, instead of chance, until the trouble is over.
    pub(super) script: Option<Vec<(u64, Scripted)>>,
    pub(super) is_scripted: bool,
}

/// What a script has happen.
#[derive(Clone, Debug)]
pub(super) enum Scripted {
    Call { client: usize, what: TransactionCall, within: Duration },
    Send { client: usize, partition: i32 },
    Trouble(Trouble),
}

impl TransactionalPlan {
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::of(seed, 10, 0);
        let brokers = dice.one_of(&[1, 2, 3, 3, 3, 3]);
        let version = dice.one_of(&[0, 1, 1, 2, 2, 2]);
        let mut plan = Self::calm(seed, brokers, version);
        plan.timeout =
            if dice.percent(50) { dice.millis(1000, 4000) } else { dice.millis(9000, 11_000) };
        plan.think = dice.one_of(&[2, 30, 150]);
        let base = &mut plan.base;
        let cluster = &mut base.engine.cluster;
        cluster.max_in_flight = dice.one_of(&[1, 2, 5, 5]);
        cluster.request_timeout = dice.millis(300, 3000);
        cluster.socket_connection_setup_timeout = dice.millis(200, 1000);
        cluster.socket_connection_setup_timeout_max = cluster.socket_connection_setup_timeout * 2;
        cluster.retry_backoff = dice.millis(1, 100);
        cluster.retry_backoff_max = cluster.retry_backoff * 8;
        cluster.reconnect_backoff = dice.millis(1, 100);
        cluster.metadata_max_age = dice.millis(500, 30_000);
        let engine = &mut base.engine;
        engine.batch_size = dice.one_of(&[0, 200, 1000, 16_384]);
        engine.linger =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50)]);
        engine.buffer_memory = dice.one_of(&[3000, 20_000, 1 << 22]);
        engine.delivery_timeout = dice.millis(600, 10_000);
        base.model.replication_lag =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(3), Duration::from_millis(60)]);
        base.model.replica_lag_time_max = dice.millis(500, 10_000);
        base.model.broker_session_timeout = dice.one_of(&[None, Some(Duration::from_secs(2))]);
        base.model.marker_delay =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(5), Duration::from_millis(100)]);
        base.trouble = dice.millis(2000, 10_000);
        base.fault_pause = dice.millis(50, 600);
        base.max_block = dice.millis(100, 3000);
        base.latency = dice.millis(1, 20);
        base.seal_delay = dice.one_of(&[Duration::ZERO, Duration::from_millis(5)]);
        base.largest_value = dice.one_of(&[20, 300]);
        plan.downgrades = dice.percent(40);
        plan.configure();
        plan
    }

    /// A life without trouble, over two topics.
    pub(super) fn calm(seed: u64, brokers: i32, version: i16) -> Self {
        let mut base = Plan::calm(seed, brokers, false);
        let replicas = brokers.min(3) as i16;
        let spec = TopicSpec::new("topic-1").partitions(2).replication_factor(replicas);
        base.topics.push(TopicPlan { name: "topic-1".into(), partitions: 2, spec });
        base.model.transaction_timeout_check = Duration::from_secs(1);
        let mut plan = Self {
            base,
            timeout: Duration::from_secs(20),
            version,
            downgrades: false,
            think: 20,
            script: None,
            is_scripted: false,
        };
        plan.configure();
        plan
    }

    fn configure(&mut self) {
        let mut transactional = TransactionalConfig::new(ByteStr::from_static(ID));
        transactional.timeout = self.timeout;
        self.base.engine.transactional = Some(transactional);
    }
}
