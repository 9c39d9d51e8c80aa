//! The cluster inside this process.

use std::collections::BTreeMap;
use std::io;

use crate::ledger::Found;

/// Brokers in this process, on loopback ports. What they hold is gone with it.
#[derive(Debug)]
pub(crate) enum Embedded {}

impl Embedded {
    /// Starts it, with one topic.
    pub(crate) async fn start(_topic: &str, _partitions: u16) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this build has none yet"))
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        match *self {}
    }

    /// All records of the topic, by partition.
    pub(crate) async fn into_log(self, _topic: &str) -> io::Result<BTreeMap<i32, Vec<Found>>> {
        match self {}
    }
}
