//! A partitioner of one's own: [`Partitioner`], set by [`ProducerBuilder::partitioner`](crate::ProducerBuilder::partitioner).
//!
//! It is asked for each record that names no partition, and sees the record's topic, key and value, and the topic's partitions with their leaders.
//! [`Hashed`] has what Java, librdkafka and Sarama do with keys, to fall back on or to be used as it is.
//!
//! ```
//! use rohrpost::Producer;
//! use rohrpost::partitioner::{Choice, Hashed, Partitioner, Query};
//!
//! /// Orders of the big customer have partition 0 for themselves.
//! struct BigCustomer;
//!
//! impl Partitioner for BigCustomer {
//!     fn choose(&self, query: &Query<'_>) -> Choice {
//!         match (query.key, query.table.count().get()) {
//!             (Some(b"big"), _) | (_, 1) => Choice::Partition(0),
//!             (None, _) => Choice::Sticky, // batch after batch, as without this partitioner
//!             (Some(key), count) => Choice::Partition(1 + u32::from(key.len() as u8) % (count - 1)),
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
