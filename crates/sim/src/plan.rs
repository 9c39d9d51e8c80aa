//! What a life is made of, drawn from its seed.

use std::time::Duration;

use rohrpost_cluster::Random;
use rohrpost_codec::{ApiKey, ErrorCode};
use rohrpost_engine::{Acks, ClusterConfig, EngineConfig, HostPort};
use rohrpost_records::{Codec, Compression};
use rohrpost_testkit::model::ModelConfig;
use rohrpost_testkit::{Fault, TopicSpec};

/// A die.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Random);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound.max(1))
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    pub(crate) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1000, most * 1000))
    }
}

/// A life's circumstances.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) engine: EngineConfig,
    pub(crate) model: ModelConfig,
    pub(crate) topics: Vec<(String, i32, TopicSpec)>,
    /// How long there is trouble.
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
    pub(crate) largest_value: u64,
}

impl Plan {
    pub(crate) fn draw(seed: u64, dice: &mut Dice) -> Self {
        let brokers = dice.one_of(&[1, 2, 3, 3, 3]);
        let servers = (1..=brokers).map(|id| HostPort::new(format!("10.0.0.{id}"), 9092)).collect();
        let mut cluster = ClusterConfig::new(servers);
        cluster.seed = seed;
        cluster.max_in_flight = dice.one_of(&[1, 2, 5, 5, 5, 5]);
        cluster.request_timeout = dice.millis(300, 4000);
        cluster.socket_connection_setup_timeout = dice.millis(200, 2000);
        cluster.retry_backoff = dice.millis(1, 200);
        cluster.retry_backoff_max = cluster.retry_backoff * 8;
        cluster.reconnect_backoff = dice.millis(1, 100);
        cluster.metadata_max_age = dice.millis(1000, 60_000);
        let mut engine = EngineConfig::new(cluster);
        engine.acks = dice.one_of(&[
            Acks::All,
            Acks::All,
            Acks::All,
            Acks::All,
            Acks::All,
            Acks::Leader,
            Acks::None,
        ]);
        engine.enable_idempotence = dice.percent(90);
        engine.batch_size = dice.one_of(&[0, 200, 1000, 4096, 16_384]);
        engine.linger =
            dice.one_of(&[Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50)]);
        engine.max_request_size = dice.one_of(&[2000, 10_000, 1 << 20]);
        engine.buffer_memory = dice.one_of(&[3000, 20_000, 200_000, 1 << 22]);
        engine.delivery_timeout = dice.millis(1000, 20_000);
        engine.retries = dice.one_of(&[i32::MAX as u32, i32::MAX as u32, i32::MAX as u32, 3, 0]);
        if dice.percent(30) {
            // The codec that an unoptimised build runs fastest.
            engine.compression = Compression::new(Codec::Snappy).unwrap_or(Compression::NONE);
        }
        let model = ModelConfig {
            brokers,
            seed,
            replication_lag: dice.one_of(&[
                Duration::ZERO,
                Duration::from_millis(3),
                Duration::from_millis(60),
            ]),
            ..ModelConfig::default()
        };
        let topics = (0..dice.between(1, 3)).map(|number| {
            let partitions = dice.between(1, 6) as i32;
            let name = format!("topic-{number}");
            let limit = dice.one_of(&[600, 3000, 1 << 20, 1 << 20]);
            let spec = TopicSpec::new(name.clone())
                .partitions(partitions)
                .replication_factor(brokers.min(dice.between(1, 3) as i32) as i16)
                .max_message_bytes(limit);
            (name, partitions, spec)
        });
        let topics = topics.collect();
        Self {
            engine,
            model,
            topics,
            trouble: dice.millis(1000, 12_000),
            send_pause: dice.millis(2, 80),
            fault_pause: dice.millis(50, 1500),
            max_block: dice.millis(100, 5000),
            latency: dice.millis(1, 20),
            seal_delay: dice.one_of(&[
                Duration::ZERO,
                Duration::from_millis(1),
                Duration::from_millis(30),
            ]),
            close_early: dice.percent(10),
            largest_value: dice.one_of(&[20, 200, 1200]),
        }
    }
}

/// An error that a broker answers, a lost answer, a pause: whatever the model can be made to do to a request.
pub(crate) fn draw_fault(dice: &mut Dice, acks: Acks) -> Fault {
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
        ErrorCode::MESSAGE_TOO_LARGE,
        ErrorCode::UNKNOWN_SERVER_ERROR,
    ];
    let after = [
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::UNKNOWN_SERVER_ERROR,
        ErrorCode::NETWORK_EXCEPTION,
    ];
    let fault = match dice.below(10) {
        0..=2 => Fault::error(dice.one_of(&before)).on(ApiKey::Produce),
        // A leader that does not wait for followers cannot lose its office while it waits.
        3..=4 if acks != Acks::All => {
            Fault::error_after(ErrorCode::UNKNOWN_SERVER_ERROR).on(ApiKey::Produce)
        }
        3..=4 => Fault::error_after(dice.one_of(&after)).on(ApiKey::Produce),
        5 => Fault::disconnect_before(),
        6 => Fault::disconnect_after(),
        7 => Fault::delay(dice.millis(1, 3000)),
        8 => Fault::throttle(dice.millis(1, 2000)).on(ApiKey::Produce),
        _ => {
            let kinds = [Fault::swallow(), Fault::stall(), Fault::garbage()];
            dice.one_of(&kinds)
        }
    };
    fault.skip(dice.below(4) as u32).times(dice.between(1, 4) as u32)
}
