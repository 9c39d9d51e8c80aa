//! What the tests against real parts need.
//!
//! - [`kafka`] runs real Apache Kafka clusters on loopback, breaks them and reads them back.
//! - [`corpus`] makes a file of real text out of what is on the machine.
//! - [`keyed_lines`] compares what was sent with what was read back, key by key and in order.
//! - [`ledger`] does so for numbered records that were acknowledged while brokers died.
//! - [`kills`] has brokers die meanwhile.
//! - [`bank`] keeps the books of transfers that are transactions, [`committed_reader`] reads them as consumers
//!   of committed records do, and [`storm`] has brokers die and freeze meanwhile, by [`chance`].
//! - [`matrix`] lists the ways into a secured cluster, and what must become of each.
//! - [`broker_model`] holds the testkit's brokers to Kafka's.
//! - [`command_line`] builds and runs the `rohrpost` command.
//! - [`oidc`] issues tokens, and fails to on demand.
//!
//! The tests themselves are in `tests/tests/`, behind the feature `real-kafka`. `cargo xtask kafka`
//! is a thin command line over [`kafka`].

pub mod bank;
pub mod broker_model;
pub mod chance;
pub mod command_line;
pub mod committed_reader;
pub mod corpus;
pub mod kafka;
pub mod keyed_lines;
pub mod kills;
pub mod ledger;
pub mod matrix;
pub mod oidc;
pub mod storm;
