#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! | to | look at |
//! |---|---|
//! | set up a producer | [`Producer::builder`] and [`ProducerBuilder`]; by property names [`ProducerConfig`], all of which [`properties`] lists |
//! | send a record and know where it went | [`ProducerRecord`], [`Producer::send`], [`Delivery`], [`RecordMetadata`] |
//! | send many | [`Producer::send_into`] with [`Deliveries`] and a [`TopicHandle`] |
//! | send a `futures::Stream`, or be a `futures::Sink` | `Producer::send_stream`, `Producer::sink` with `ProducerSink` (feature `futures`) |
//! | send to several partitions all or nothing, with a consumer's offsets | [`ProducerBuilder::build_transactional`], [`TransactionalProducer`] and its [`Transaction`] |
//! | never wait | [`Producer::try_send`] and its [`TrySendError`] |
//! | be called back | [`Producer::send_with`] |
//! | send keys and values of one's own types | [`TypedProducer`] and [`serializer`] |
//! | have topics that differ in acks, codec, linger or time-out | [`ProducerBuilder::topic`] with a [`TopicConfig`] |
//! | decide what to do about a failure | [`Error`] with its [`ErrorKind`] and [`Outcome`] |
//! | see and change every record | [`Interceptor`] |
//! | say who chooses partitions | [`Partitioning`], or a [`partitioner`] of one's own |
//! | talk to brokers by TLS | [`ProducerBuilder::security_protocol`], `ProducerBuilder::tls` with the module `tls` (feature `tls`) |
//! | say who one is | `ProducerBuilder::sasl` with the module `sasl` (feature `sasl`), or a certificate |
//! | see what it does, and what it waits for | [`Producer::stats`], [`Producer::why`] |
//! | find out why there is no connection | the module `doctor` (feature `doctor`) |
//! | end | [`Producer::flush`], [`Producer::close`] |
//! | do all that without async | [`blocking`] |

pub mod blocking;
mod bootstrap;
mod builder;
mod config;
mod deliveries;
mod delivery;
#[cfg(feature = "doctor")]
pub mod doctor;
mod error;
mod failures;
mod headers;
mod histogram;
mod inner;
mod interceptor;
pub mod partitioner;
mod payload;
mod producer;
mod record;
#[cfg(feature = "sasl")]
pub mod sasl;
pub mod serializer;
#[cfg(feature = "futures")]
mod sink;
mod stats;
#[cfg(feature = "futures")]
mod stream;
#[cfg(feature = "_tls")]
pub mod tls;
mod topic;
mod transaction;
mod typed;

pub use builder::ProducerBuilder;
pub use bytes::Bytes;
pub use config::{
    Acks, AddressFamily, Compression, ConfigError, ConfigErrors, ConfigMistake, ConfigPlace,
    Dialect, DnsLookup, MetadataRecovery, Partitioning, ProducerConfig, PropertyInfo, PropertyType,
    SecurityProtocol, SerializerClass, TopicConfig, librdkafka_properties, properties,
};
pub use deliveries::{Deliveries, Settled, Tally};
pub use delivery::{Delivery, RecordMetadata};
pub use error::{Broker, Error, ErrorKind, Outcome, Remedy, TrySendError, Undelivered};
pub use headers::Header;
pub use histogram::{Histogram, Stages};
pub use interceptor::{Acknowledgement, Interceptor};
pub use payload::{IntoPayload, Payload};
pub use producer::{Producer, SendFuture, SendIntoFuture};
pub use record::{IntoPartition, IntoTimestamp, ProducerRecord};
#[cfg(feature = "futures")]
pub use sink::ProducerSink;
pub use stats::{PartitionInfo, Stats};
pub use topic::{IntoTopic, TopicHandle, TopicName};
pub use transaction::{
    ConsumerGroupMetadata, TopicOffset, Transaction, TransactionDelivery, TransactionEnd,
    TransactionSendFuture, TransactionSendIntoFuture, TransactionalProducer,
};
#[cfg(feature = "unstable-two-phase-commit")]
pub use transaction::{
    ParsePreparedTransactionStateError, PreparedTransaction, PreparedTransactionState,
};
pub use typed::transactional::TypedTransactions;
pub use typed::{TypedProducer, TypedRecord};

/// The pages for users: their code is compiled, and run where it needs no broker of its own.
#[cfg(doctest)]
mod pages {
    macro_rules! pages {
        ($($name:ident: $file:literal)*) => {
            $(#[doc = include_str!(concat!("../../../", $file))]
            mod $name {})*
        };
    }

    pages! {
        delivery_guarantees: "docs/delivery-guarantees.md"
        migrating_from_java: "docs/migrating-from-java.md"
        migrating_from_rdkafka: "docs/migrating-from-rdkafka.md"
        transactions: "docs/transactions.md"
        readme: "README.md"
    }

    #[cfg(all(feature = "_tls", feature = "oauth", feature = "msk-iam"))]
    pages! {
        security: "docs/security.md"
    }
}
