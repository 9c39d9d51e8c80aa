//! The rules of the model, in virtual time.

mod admission;
mod failover;
mod identity;
mod robustness;
mod support;
mod time;
