//! The rules of the model, in virtual time.

mod admission;
mod failover;
mod groups;
mod identity;
mod producer;
mod replicas;
mod robustness;
mod rules;
mod support;
mod time;
mod transactions;
mod transactions_in_logs;
mod two_phase;
