//! Transactions of so many records, one after the other.

use std::time::Duration;

use rohrpost::{Producer, ProducerRecord, TopicHandle, TransactionalProducer};
use rohrpost_bench_load::{Load, Meter, Records, Traffic};
use tokio::runtime::Runtime;

use crate::Result;

/// Commits all records, `each` in a transaction; that a commit succeeds says that all of them are acknowledged.
pub(crate) fn run(
    runtime: &Runtime,
    load: &Load,
    records: &Records,
    each: usize,
) -> Result<String> {
    let mut producer = runtime.block_on(connect(load))?;
    let topics: Vec<TopicHandle> = load.topics.iter().map(|topic| producer.topic(topic)).collect();
    let record = |number: usize| {
        ProducerRecord::new(&topics[number % topics.len()])
            .key(records.key(number))
            .value(records.value(number))
    };
    runtime.block_on(async {
        let transaction = producer.begin().await?;
        transaction.send(record(0)).await?;
        transaction.commit().await
    })?;
    let before = producer.stats();
    let meter = Meter::start()?;
    runtime.block_on(async {
        for first in (0..load.records).step_by(each) {
            let transaction = producer.begin().await?;
            for number in first..(first + each).min(load.records) {
                transaction.send(record(number)).await?;
            }
            transaction.commit().await?;
        }
        Ok::<_, rohrpost::Error>(())
    })?;
    let stats = producer.stats();
    let traffic = Traffic {
        requests: stats.requests - before.requests,
        batches: stats.batches - before.batches,
        bytes: stats.batch_bytes - before.batch_bytes,
    };
    let line = meter.report(load.records as u64, 0, None, Some(traffic))?;
    runtime.block_on(producer.close(Duration::from_secs(10)))?;
    Ok(line)
}

async fn connect(load: &Load) -> Result<TransactionalProducer> {
    let builder = Producer::builder()
        .bootstrap_servers(load.bootstrap.as_str())
        .property("linger.ms", load.linger_ms.to_string())
        .property("batch.size", load.batch_bytes.to_string())
        .property("compression.type", load.codec.as_str())
        .transactional_id("bench-rohrpost");
    let mut producer = crate::secured(builder, load).build_transactional().await?;
    producer.init().await?;
    for topic in &load.topics {
        producer.partitions_for(topic).await?;
    }
    Ok(producer)
}
