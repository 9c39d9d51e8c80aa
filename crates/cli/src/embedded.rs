//! The cluster inside this process.

use std::collections::BTreeMap;
use std::io;

use rohrpost_testkit::{Cluster, LoggedRecord, TopicSpec};

use crate::ledger::{Found, digest};

/// Brokers in this process, on loopback ports. What they hold is gone with it.
#[derive(Debug)]
pub(crate) struct Embedded {
    cluster: Cluster,
    topic: String,
    partitions: i32,
}

impl Embedded {
    /// Starts it, with one topic, on the present runtime.
    pub(crate) async fn start(topic: &str, partitions: u16) -> io::Result<Self> {
        let cluster = Cluster::builder().start().await?;
        let partitions = i32::from(partitions);
        // What is too large is for the producer to say, by max.request.size.
        let spec = TopicSpec::new(topic).partitions(partitions).max_message_bytes(i32::MAX);
        cluster.create_topic_with(&spec).map_err(io::Error::other)?;
        Ok(Self { cluster, topic: topic.to_owned(), partitions })
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Waits until so many records have come. With acks=0 they count as acknowledged when they are written to the socket, and
    /// the brokers may still have to read them.
    pub(crate) async fn settle(&self, records: u64) {
        // What is still missing after that is for the comparison to say.
        let _ = self.cluster.wait_until(|stats| stats.records >= records).await;
    }

    /// What all records of the topic contain, by partition, in the order of the log. It is read from the batches as they are stored.
    pub(crate) fn log(&self) -> BTreeMap<i32, Vec<Found>> {
        let partition = |partition| {
            let batches = self.cluster.batches(&self.topic, partition);
            let found = batches.iter().flat_map(|batch| batch.records()).map(found).collect();
            (partition, found)
        };
        (0..self.partitions).map(partition).collect()
    }
}

fn found(record: LoggedRecord) -> Found {
    let LoggedRecord { offset, key, value, headers, .. } = record;
    let headers = headers.iter().map(|header| (&*header.key, header.value.as_deref()));
    Found { offset, digest: digest(key.as_deref(), value.as_deref(), headers) }
}
