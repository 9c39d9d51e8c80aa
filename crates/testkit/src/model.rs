//! The broker model: what a Kafka cluster answers, without sockets and without a clock.
//!
//! A [`Model`] is a whole cluster. Connections are [`Model::connect`]ed, requests [`Model::handle`]d; time comes in as [`Now`],
//! randomness from a seed. The same calls with the same arguments give the same answers. [`Cluster`](crate::Cluster) puts a
//! model behind TCP; a simulator drives it in virtual time.
//!
//! As a broker does, a connection serves one request at a time: while an [`Answer`] to it is not out, the next request on the
//! connection is not to be handed over.
//!
//! ```
//! use rohrpost_codec::{decode_response, encode_request, messages::MetadataRequest};
//! use rohrpost_codec::messages::MetadataResponse;
//! use rohrpost_testkit::TopicSpec;
//! use rohrpost_testkit::model::{Answer, Model, ModelConfig, Now};
//!
//! let mut model = Model::new(ModelConfig::default());
//! model.create_topic(&TopicSpec::new("orders").partitions(2))?;
//! let session = model.connect(1).ok_or("broker 1 is down")?;
//!
//! let frame = encode_request(7, None, &MetadataRequest::default(), 12)?.to_bytes().slice(4..);
//! let Answer::Send(bytes) = model.handle(Now::default(), session, &frame) else { unreachable!() };
//! let (correlation_id, metadata) = decode_response::<MetadataResponse>(&bytes.slice(4..), 12)?;
//! assert_eq!((correlation_id, metadata.brokers.len()), (7, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod answer;
mod api;
mod broker;
mod config;
mod coordinator;
mod fault;
mod features;
mod groups;
mod log;
mod operate;
mod partition;
mod producers;
mod quota;
mod read;
mod request;
#[cfg(feature = "sasl")]
mod sasl;
mod stats;
mod time;
mod topic;
mod transactions;
mod validate;
mod view;

#[cfg(test)]
mod tests;

pub use access::Permission;
pub use answer::{Answer, Now, SessionId, Waiting};
pub use broker::{Broker, BrokerId};
pub use config::{Feature, ModelConfig};
#[cfg(feature = "sasl")]
pub use fault::SaslFault;
pub use fault::{ConnectionFault, Fault, FaultId};
pub use groups::{CommittedOffset, GroupMember};
pub use log::{AbortedTransaction, AppendContext, Appended, Log, LoggedBatch, LoggedRecord};
pub use operate::TopicError;
pub use partition::Partition;
pub use producers::{Admission, AppendedBatch, ProducerState, Verification, WINDOW, admit};
#[cfg(feature = "sasl")]
pub use sasl::{BearerToken, Sasl, SaslMechanism, TokenOwner, TokenRefusal, Tokens};
pub use stats::Stats;
pub use topic::{TimestampType, Topic, TopicSpec};
pub use transactions::{TransactionMetadata, TransactionState, TwoPhaseCommit};
pub use validate::{Limits, MAX_DECOMPRESSED, Refusal, check_batch, only_batch, validate};
pub use view::MetadataView;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coordinator::Coordinators;
use fault::Faults;
use groups::Groups;
use quota::Usage;
use rohrpost_codec::Uuid;
use time::Clock;
use transactions::Transactions;

/// A cluster of brokers.
#[derive(Clone, Debug)]
pub struct Model {
    config: ModelConfig,
    brokers: BTreeMap<BrokerId, Broker>,
    topics: BTreeMap<String, Topic>,
    sessions: BTreeMap<SessionId, Session>,
    last_session: u64,
    faults: Faults,
    stats: Stats,
    /// State of the generator of topic ids.
    random: u64,
    next_producer_id: i64,
    transactions: Transactions,
    groups: Groups,
    coordinators: Coordinators,
    /// Rises with every change of a feature.
    features_epoch: i64,
    /// What brokers tell that do not know how things are.
    views: BTreeMap<BrokerId, MetadataView>,
    denied: BTreeSet<Permission>,
    /// What is denied to some clients only.
    denied_to: BTreeMap<String, BTreeSet<Permission>>,
    #[cfg(feature = "sasl")]
    credentials: sasl::Credentials,
    usage: Usage,
    clock: Clock,
    /// The time since the start, as it was told last.
    elapsed: Duration,
    /// The wall clock, ms since the epoch, as it was told last.
    wall_ms: i64,
    /// Rises whenever an answer that waits may be due.
    changes: u64,
}

/// A connection to a broker.
#[derive(Clone, Debug)]
struct Session {
    broker: BrokerId,
    /// Until when it is served nothing, because of a throttle.
    muted_until: Option<Duration>,
    /// The pause before each byte that is sent, because of a fault.
    pace: Option<Duration>,
    /// Who the client is; `None` for one that nobody knows.
    principal: Option<String>,
    #[cfg(feature = "sasl")]
    login: sasl::Login,
}

impl Model {
    /// A cluster whose brokers are all up, with the ids 1, 2, 3 and so on, without topics.
    #[must_use]
    pub fn new(config: ModelConfig) -> Self {
        let brokers = (1..=config.brokers).map(|id| (BrokerId(id), Broker::new(id))).collect();
        Self {
            brokers,
            topics: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
            faults: Faults::default(),
            stats: Stats::default(),
            random: config.seed,
            next_producer_id: config.first_producer_id,
            transactions: Transactions::default(),
            groups: Groups::new(config.offsets_partitions),
            coordinators: Coordinators::default(),
            features_epoch: 1,
            views: BTreeMap::new(),
            denied: BTreeSet::new(),
            denied_to: BTreeMap::new(),
            #[cfg(feature = "sasl")]
            credentials: sasl::Credentials::default(),
            usage: Usage::default(),
            clock: Clock::default(),
            elapsed: Duration::ZERO,
            wall_ms: 0,
            changes: 0,
            config,
        }
    }

    /// What the cluster was made of.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// A number that rises whenever a [`Waiting`] answer may be due before its deadline.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The topic of this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// All topics, by their names.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &Topic)> {
        self.topics.iter().map(|(name, topic)| (name.as_str(), topic))
    }

    /// A partition of a topic.
    #[must_use]
    pub fn partition(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.topics.get(topic)?.partitions.get(usize::try_from(index).ok()?)
    }

    /// A broker.
    #[must_use]
    pub fn broker(&self, id: impl Into<BrokerId>) -> Option<&Broker> {
        self.brokers.get(&id.into())
    }

    /// All brokers, those that are down too.
    pub fn brokers(&self) -> impl Iterator<Item = &Broker> {
        self.brokers.values()
    }

    fn partition_mut(&mut self, topic: &str, index: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.partitions.get_mut(usize::try_from(index).ok()?)
    }

    fn name_of(&self, id: Uuid) -> Option<&str> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name.as_str())
    }

    fn is_here(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(Broker::is_here)
    }

    fn is_up(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.is_up)
    }

    /// The next number of a SplitMix64 generator.
    fn random(&mut self) -> u64 {
        next_random(&mut self.random)
    }
}

fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
