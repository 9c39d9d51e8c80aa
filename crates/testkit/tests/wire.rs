//! The cluster over TCP, by requests that are written with the codec alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod wire {
    mod appends;
    mod brokers;
    pub(crate) mod client;
    mod faults;
    mod reads;
}
