//! A producer for every partition, and which of them takes a record.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use rohrpost_bench_load::{Load, Records};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::client::producer::{BatchProducer, BatchProducerBuilder};
use rskafka::record::Record;

use crate::Result;

pub(crate) type Producer = Arc<BatchProducer<RecordAggregator>>;

/// The producers of each topic.
pub(crate) struct Topics(Vec<Vec<Producer>>);

/// The partition of records without a key, until it has had a batch.
pub(crate) struct Sticky {
    partition: usize,
    bytes: usize,
}

impl Topics {
    /// Producers that have sent a record to every partition.
    pub(crate) async fn connect(load: &Load, records: &Records) -> Result<Self> {
        let client = ClientBuilder::new(vec![load.bootstrap.clone()]).build().await?;
        let known = client.list_topics().await?;
        let mut topics = Vec::new();
        for topic in &load.topics {
            let known = known.iter().find(|known| known.name == *topic);
            let partitions: Vec<i32> = match known {
                Some(topic) => topic.partitions.iter().copied().collect(),
                None => (0..i32::try_from(load.partitions)?).collect(),
            };
            if partitions.is_empty() {
                return Err(format!("the broker lists no topic {topic}, and --partitions does not say how many it has").into());
            }
            let mut producers = Vec::new();
            for partition in partitions {
                let client =
                    client.partition_client(topic, partition, UnknownTopicHandling::Retry).await?;
                let producer = BatchProducerBuilder::new(Arc::new(client))
                    .with_linger(Duration::from_millis(load.linger_ms.into()))
                    .with_compression(compression(&load.codec)?)
                    // A record that is larger than a batch is refused, not sent in a batch of its own.
                    .build(RecordAggregator::new(load.batch_bytes.max(record_bytes(load))));
                producer.produce(record(records, 0)).await?;
                producers.push(Arc::new(producer));
            }
            topics.push(producers);
        }
        Ok(Self(topics))
    }

    /// As Java's partitioner does: by the key's hash, and without one a batch here, a batch there.
    pub(crate) fn choose(
        &self,
        load: &Load,
        records: &Records,
        number: usize,
        sticky: &mut Sticky,
    ) -> &Producer {
        let producers = &self.0[number % self.0.len()];
        if let Some(key) = records.key(number) {
            return &producers[(murmur2(key) & 0x7fff_ffff) as usize % producers.len()];
        }
        sticky.bytes += record_bytes(load);
        if sticky.bytes > load.batch_bytes * self.0.len() {
            *sticky = Sticky { partition: sticky.partition + 1, bytes: record_bytes(load) };
        }
        &producers[sticky.partition % producers.len()]
    }
}

impl Sticky {
    pub(crate) fn new(first: usize) -> Self {
        Self { partition: first, bytes: 0 }
    }
}

/// About what a record takes.
pub(crate) fn record_bytes(load: &Load) -> usize {
    load.size + if load.has_keys { 16 } else { 0 } + load.headers * 32 + 16
}

/// It owns whatever it holds.
pub(crate) fn record(records: &Records, number: usize) -> Record {
    Record {
        key: records.key(number).map(<[u8]>::to_vec),
        value: Some(records.value(number).to_vec()),
        headers: records
            .headers()
            .iter()
            .map(|(name, value)| (name.clone(), value.to_vec()))
            .collect(),
        timestamp: Utc::now(),
    }
}

fn compression(codec: &str) -> Result<Compression> {
    Ok(match codec {
        "none" => Compression::NoCompression,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => return Err(format!("--codec {codec}: none, gzip, snappy, lz4 or zstd").into()),
    })
}

/// Java's, of keys whose length is a multiple of four.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    for word in key.chunks_exact(4) {
        let mut word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        word = (word ^ (word >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}
