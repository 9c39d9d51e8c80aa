//! The rules of the model, in virtual time.

mod admission;
mod failover;
mod identity;
mod replicas;
mod robustness;
mod rules;
mod support;
mod time;
