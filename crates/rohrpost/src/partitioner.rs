//! A partitioner of one's own: [`Partitioner`], set by [`ProducerBuilder::partitioner`](crate::ProducerBuilder::partitioner).
//!
//! It is asked for each record that names no partition, and sees the record's topic, key and value, and the topic's partitions with their leaders.
//! [`Hashed`] has what Java, librdkafka and Sarama do with keys, to fall back on or to be used as it is.
//!
//! ```
//! use rohrpost::Producer;
//! use rohrpost::partitioner::{Choice, Hashed, Partitioner, Query};
//!
//! /// The big customer's orders go to partition 0, all others where Java puts them.
//! struct BigCustomer;
//!
//! impl Partitioner for BigCustomer {
//!     fn choose(&self, query: &Query<'_>) -> Choice {
//!         match query.key {
//!             Some(b"big") => Choice::Partition(0),
//!             _ => Hashed::JAVA.choose(query),
//!         }
//!     }
//! }
//!
//! let big_customer = Producer::builder().partitioner(BigCustomer);
//! let as_librdkafka = Producer::builder().partitioner(Hashed::CONSISTENT_RANDOM);
//! ```
//!
//! A partition that the topic does not have, or a panic, fails that record's send with
//! [`ErrorKind::Partitioner`](crate::ErrorKind::Partitioner), and nothing else.

pub use rohrpost_partitioner::{Choice, Hashed, KeyHash, Partitioner, Query, Spread, Table};
