//! What the built `rohrpost` command promises.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "promises/cluster.rs"]
mod cluster;
#[path = "promises/config.rs"]
mod config;
#[path = "promises/doctor.rs"]
mod doctor;
#[path = "promises/embedded.rs"]
mod embedded;
#[path = "promises/peers.rs"]
mod peers;
#[path = "promises/support.rs"]
mod support;
#[cfg(unix)]
#[path = "promises/terminal.rs"]
mod terminal;
#[path = "promises/usage.rs"]
mod usage;
