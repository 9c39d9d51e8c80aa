//! What a life is made of, drawn from its seed.

use std::time::Duration;

use rohrpost_codec::{ApiKey, ByteStr, VersionRange};
use rohrpost_engine::{
    Acks, AppenderConfig, ClusterConfig, EngineConfig, HostPort, TopicOverrides, TopicSettings,
};
use rohrpost_records::{Codec, Compression};
use rohrpost_testkit::model::ModelConfig;
use rohrpost_testkit::{Sasl, SaslMechanism, TopicSpec};

use crate::dice::Dice;
use crate::trouble::Trouble;

/// Who the producer is, where brokers want to know.
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "alice-secret";

/// A life's circumstances.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) engine: EngineConfig,
    pub(crate) model: ModelConfig,
    pub(crate) topics: Vec<TopicPlan>,
    /// How long there is trouble, at least.
    pub(crate) trouble: Duration,
    /// Mean pause between bursts of records.
    pub(crate) send_pause: Duration,
    /// Mean pause between faults.
    pub(crate) fault_pause: Duration,
    pub(crate) max_block: Duration,
    /// One way through the network, at most.
    pub(crate) latency: Duration,
    /// The longest that sealing a batch takes.
    pub(crate) seal_delay: Duration,
    /// Close in the middle of the trouble, with a deadline.
    pub(crate) close_early: bool,
    /// Close as soon as the trouble ends, with whatever is still open; else prove first that everything works again.
    pub(crate) close_at_peace: bool,
    pub(crate) largest_value: u64,
    /// Values of so many bytes are referred to by their batches, not copied.
    pub(crate) reference_from: usize,
    /// Records to send, about.
    pub(crate) records: usize,
    /// Sessions with brokers end, and are to be renewed.
    pub(crate) has_lifetimes: bool,
    /// Brokers are found by names.
    pub(crate) by_name: bool,
    /// The epoch that producer ids are given out with.
    pub(crate) first_epoch: i16,
    pub(crate) first_sequence: i32,
    /// What happens when, instead of chance.
    pub(crate) script: Option<Vec<(u64, Deed)>>,
}

#[derive(Clone, Debug)]
pub(crate) struct TopicPlan {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) spec: TopicSpec,
}

/// What a script has happen.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// So many records to a partition, each in a batch of its own if there is time between them.
    Send {
        topic: usize,
        partition: i32,
        count: usize,
    },
    Trouble(Trouble),
    Close {
        within_ms: u64,
    },
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let brokers = dice.one_of(&[1, 2, 3, 3, 3, 3]);
        let by_name = dice.percent(60);
        let mut plan = Self::calm(seed, brokers, by_name);
        let cluster = &mut plan.engine.cluster;
        cluster.max_in_flight = dice.one_of(&[1, 2, 5, 5, 5, 5]);
        cluster.request_timeout = dice.millis(300, 4000);
        cluster.socket_connection_setup_timeout = dice.millis(200, 2000);
        cluster.socket_connection_setup_timeout_max = cluster.socket_connection_setup_timeout * 2;
        cluster.retry_backoff = dice.millis(1, 200);
        cluster.retry_backoff_max = cluster.retry_backoff * 8;
        cluster.reconnect_backoff = dice.millis(1, 100);
        cluster.metadata_max_age = dice.millis(1000, 60_000);
        cluster.connections_max_idle =
            dice.one_of(&[Some(Duration::from_secs(540)), Some(Duration::from_millis(700)), None]);
        cluster.metadata_recovery_rebootstrap_trigger = dice.millis(2000, 60_000);
        let engine = &mut plan.engine;
        let all = Acks::All;
        engine.acks =
            dice.one_of(&[all, all, all, all, all, all, all, all, Acks::Leader, Acks::None]);
        engine.enable_idempotence = dice.percent(92);
        engine.batch_size = dice.one_of(&[0, 200, 1000, 4096, 16_384]);
        engine.linger =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50)]);
        engine.max_request_size = dice.one_of(&[2000, 10_000, 1 << 20]);
        engine.buffer_memory = dice.one_of(&[3000, 20_000, 200_000, 1 << 22]);
        engine.delivery_timeout = dice.millis(1000, 20_000);
        engine.retries = dice.one_of(&[
            i32::MAX as u32,
            i32::MAX as u32,
            i32::MAX as u32,
            i32::MAX as u32,
            3,
            0,
        ]);
        if dice.percent(20) {
            engine.compression = Compression::new(Codec::Snappy).unwrap_or(Compression::NONE);
        }
        plan.model.replication_lag =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(3), Duration::from_millis(60)]);
        plan.model.replica_lag_time_max = dice.millis(500, 30_000);
        plan.model.broker_session_timeout = dice.one_of(&[None, Some(Duration::from_secs(2))]);
        if dice.percent(10) {
            plan.model.producer_byte_rate = Some(dice.between(20_000, 200_000));
        }
        if dice.percent(15) {
            let newest = dice.between(3, 12) as i16;
            // Below version 10 metadata has no topic ids: a topic that is created anew cannot be told from stale metadata.
            let limits =
                [(ApiKey::Produce, newest), (ApiKey::Metadata, dice.between(10, 12) as i16)];
            plan.model.versions =
                limits.map(|(api, newest)| (api, VersionRange::new(0, newest))).into();
        }
        let count = dice.between(1, 3);
        plan.topics = (0..count).map(|number| topic(&mut dice, number, brokers)).collect();
        plan.trouble = dice.millis(2000, 12_000);
        plan.records = dice.between(220, 700) as usize;
        plan.send_pause = plan.trouble * 5 / plan.records as u32;
        plan.fault_pause = dice.millis(50, 600);
        plan.max_block = dice.millis(100, 5000);
        plan.latency = dice.millis(1, 20);
        plan.seal_delay =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(1), Duration::from_millis(30)]);
        plan.close_early = dice.percent(10);
        plan.close_at_peace = dice.percent(40);
        plan.largest_value = dice.one_of(&[20, 200, 1200]);
        if dice.percent(12) {
            plan.first_epoch = dice.one_of(&[i16::MAX, i16::MAX - 1, i16::MAX - 2]);
        }
        if dice.percent(12) {
            plan.first_sequence = i32::MAX - dice.below(60) as i32;
        }
        if dice.percent(10) {
            // More than the brokers can tell from duplicates.
            plan.engine.cluster.max_in_flight = 20;
        }
        if dice.percent(50) {
            plan.reference_from = dice.one_of(&[0, 100]);
        }
        plan.draw_overrides(seed);
        plan.draw_guard(seed);
        plan
    }

    /// In some lives brokers want to know who comes, and often for some seconds only. What else is drawn does not depend on that.
    fn draw_guard(&mut self, seed: u64) {
        let mut dice = Dice::of(seed, 6, 0);
        if dice.percent(25) {
            let lifetimes = [None, Some(1500), Some(2000), Some(2000), Some(5000)];
            let lifetime = dice.one_of(&lifetimes).map(Duration::from_millis);
            self.guard(lifetime);
            self.engine.cluster.reconnect_backoff_max = dice.millis(20, 200);
        }
    }

    /// Brokers want to know who comes, again after each such lifetime of a session.
    pub(crate) fn guard(&mut self, lifetime: Option<Duration>) {
        self.has_lifetimes = lifetime.is_some();
        let sasl = Sasl::new([SaslMechanism::Plain]).user(USER, PASSWORD);
        self.model.sasl = Some(match lifetime {
            Some(lifetime) => sasl.max_reauth(lifetime),
            None => sasl,
        });
        self.engine.cluster.sasl_mechanism = Some(ByteStr::from_static("PLAIN"));
    }

    /// In some lives topics have settings of their own. What else is drawn does not depend on that.
    fn draw_overrides(&mut self, seed: u64) {
        let mut dice = Dice::of(seed, 5, 0);
        if !dice.percent(30) {
            return;
        }
        for topic in 0..self.topics.len() {
            let mut of = TopicOverrides::default();
            of.acks = dice.one_of(&[
                None,
                Some(Acks::All),
                Some(Acks::Leader),
                Some(Acks::Leader),
                Some(Acks::None),
            ]);
            let lingers = [Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50)];
            of.linger = dice.percent(40).then(|| dice.one_of(&lingers));
            of.delivery_timeout = dice.percent(40).then(|| dice.millis(1000, 20_000));
            let codecs = [Compression::new(Codec::Snappy).ok(), Some(Compression::NONE), None];
            of.compression = dice.one_of(&codecs);
            self.override_topic(topic, of);
        }
    }

    pub(crate) fn override_topic(&mut self, topic: usize, overrides: TopicOverrides) {
        let name = ByteStr::copy_from(&self.topics[topic].name);
        self.engine.topics.insert(name, overrides);
    }

    /// What holds for each topic.
    pub(crate) fn settings(&self) -> impl Iterator<Item = TopicSettings> + '_ {
        self.topics.iter().map(|topic| self.engine.settings_of(&topic.name))
    }

    /// Whether a topic has these acks.
    pub(crate) fn has_acks(&self, acks: Acks) -> bool {
        self.settings().any(|settings| settings.acks == acks)
    }

    /// The longest of the topics' delivery time-outs.
    pub(crate) fn delivery_timeout(&self) -> Duration {
        let longest = self.settings().map(|settings| settings.delivery_timeout).max();
        longest.unwrap_or(self.engine.delivery_timeout)
    }

    pub(crate) fn appenders(&self) -> AppenderConfig {
        AppenderConfig { reference_from: self.reference_from, ..AppenderConfig::from(&self.engine) }
    }

    /// A life without trouble.
    pub(crate) fn calm(seed: u64, brokers: i32, by_name: bool) -> Self {
        let servers = (1..=brokers).map(|id| match by_name {
            true => HostPort::new(format!("broker-{id}"), 9092),
            false => HostPort::new(format!("10.0.0.{id}"), 9092),
        });
        let mut cluster = ClusterConfig::new(servers.collect());
        cluster.seed = seed;
        cluster.request_timeout = Duration::from_secs(2);
        cluster.retry_backoff = Duration::from_millis(20);
        cluster.retry_backoff_max = Duration::from_millis(160);
        let mut engine = EngineConfig::new(cluster);
        engine.delivery_timeout = Duration::from_secs(10);
        engine.linger = Duration::ZERO;
        let spec =
            TopicSpec::new("topic-0").partitions(3).replication_factor(brokers.min(3) as i16);
        Self {
            seed,
            engine,
            model: ModelConfig { brokers, seed, ..ModelConfig::default() },
            topics: vec![TopicPlan { name: "topic-0".into(), partitions: 3, spec }],
            trouble: Duration::from_secs(5),
            send_pause: Duration::from_millis(50),
            fault_pause: Duration::from_millis(500),
            max_block: Duration::from_secs(5),
            latency: Duration::from_millis(1),
            seal_delay: Duration::ZERO,
            close_early: false,
            close_at_peace: false,
            largest_value: 50,
            reference_from: usize::MAX,
            records: 0,
            has_lifetimes: false,
            by_name,
            first_epoch: 0,
            first_sequence: 0,
            script: None,
        }
    }
}

fn topic(dice: &mut Dice, number: u64, brokers: i32) -> TopicPlan {
    let partitions = dice.between(1, 5) as i32;
    let name = format!("topic-{number}");
    let limit = dice.one_of(&[600, 3000, 1 << 20, 1 << 20]);
    let replicas = brokers.min(dice.between(1, 3) as i32);
    let spec = TopicSpec::new(name.clone())
        .partitions(partitions)
        .replication_factor(replicas as i16)
        .min_insync_replicas(dice.between(1, replicas as u64) as i32)
        .max_message_bytes(limit);
    TopicPlan { name, partitions, spec }
}
